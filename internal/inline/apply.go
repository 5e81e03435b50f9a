package inline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Bounds are what a trusted policy lets inline ignores do. The zero value
// honours none.
type Bounds struct {
	// MaxSeverity is the worst severity that may be set aside.
	MaxSeverity checks.Severity
	// MaxDays is how many days from today a date may lie ahead.
	MaxDays int
	// UnratedAs is what a finding without severity counts as; the zero value
	// counts as High.
	UnratedAs checks.Severity
}

// Problem is what keeps a directive from counting.
type Problem string

// The problems.
const (
	Malformed    Problem = "malformed"
	Expired      Problem = "expired"
	TooLong      Problem = "too-long"
	OverSeverity Problem = "over-severity"
	Unused       Problem = "unused"
)

// Note is a directive that did not count, and why in words.
type Note struct {
	Problem Problem
	Path    string
	Line    int
	Rule    string
	Message string
}

// Apply gives a copy of the findings in which Ignored is set where a directive
// covers one, and a note for each directive that did not count, by path and
// line. A directive covers the findings of its rule that start on its line or
// on the next one. Directives are by path as in Finding.Location. Findings of
// history, and those that are ignored already, stay as they are. The time is
// that of the run.
//
// That nothing needed a directive is said of the findings given: where its
// check was not asked or did not finish, the caller leaves out Unused.
func Apply(findings []checks.Finding, directives map[string][]Directive, b Bounds, now time.Time) ([]checks.Finding, []Note) {
	out := slices.Clone(findings)
	at := byPlace(out)
	var notes []Note
	for _, path := range slices.Sorted(maps.Keys(directives)) {
		for _, d := range directives[path] {
			problem, message := b.refuse(d, now)
			if problem == "" {
				problem, message = b.cover(out, at, path, d)
			}
			if problem != "" {
				notes = append(notes, Note{problem, path, d.Line, d.Rule, message})
			}
		}
	}
	slices.SortStableFunc(notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return out, notes
}

type place struct {
	path, rule string
	line       int
}

// byPlace gives the indexes of the findings that a directive can cover.
func byPlace(findings []checks.Finding) map[place][]int {
	at := map[place][]int{}
	for i, f := range findings {
		if f.Location.Commit == "" && f.Location.StartLine > 0 {
			p := place{f.Location.Path, f.Rule.ID, f.Location.StartLine}
			at[p] = append(at[p], i)
		}
	}
	return at
}

// refuse says why a directive cannot count whatever it covers.
func (b Bounds) refuse(d Directive, now time.Time) (Problem, string) {
	today := now.UTC().Truncate(day)
	last := today.Add(time.Duration(b.MaxDays) * day)
	switch {
	case d.Malformed != "":
		return Malformed, d.Malformed
	case !now.Before(d.ends()):
		return Expired, "it ended on " + d.Date
	case b.MaxDays <= 0:
		return TooLong, "inline ignores are switched off (inline.max_days)"
	case d.ends().After(last.Add(day)):
		return TooLong, fmt.Sprintf("until=%s is more than %d days ahead (inline.max_days); allowed until %s", d.Date, b.MaxDays, last.Format(time.DateOnly))
	}
	return "", ""
}

// cover sets aside what a directive covers, and says when that is nothing.
func (b Bounds) cover(out []checks.Finding, at map[place][]int, path string, d Directive) (Problem, string) {
	covered, refused := 0, checks.Unrated
	for _, line := range []int{d.Line, d.Line + 1} {
		for _, i := range at[place{path, d.Rule, line}] {
			if s := b.effective(out[i].Rule.Severity); s > b.MaxSeverity {
				refused = max(refused, s)
				continue
			}
			covered++
			if out[i].Ignored == nil {
				by := fmt.Sprintf("inline %s:%d", path, d.Line)
				out[i].Ignored = &checks.Ignored{By: by, Until: d.Date, Reason: d.Reason}
			}
		}
	}
	switch {
	case refused != checks.Unrated:
		return OverSeverity, fmt.Sprintf("the finding counts as %s; an inline ignore may set aside %s at most (inline.max_severity)", refused, b.MaxSeverity)
	case covered == 0:
		return Unused, "no finding of that rule starts on this line or the next"
	}
	return "", ""
}

func (b Bounds) effective(s checks.Severity) checks.Severity {
	if s != checks.Unrated {
		return s
	}
	if b.UnratedAs == checks.Unrated {
		return checks.High
	}
	return b.UnratedAs
}

// Trusted parts the directives that a file has now into those that were in it
// before (same rule, date and reason; line numbers move), which a base that is
// trusted vouches for, and those that were added. Malformed ones are kept with
// the trusted: they are told and never count.
func Trusted(now, before []Directive) (kept, added []Directive) {
	type words struct{ rule, date, reason string }
	left := map[words]int{}
	for _, d := range before {
		if d.Malformed == "" {
			left[words{d.Rule, d.Date, d.Reason}]++
		}
	}
	for _, d := range now {
		w := words{d.Rule, d.Date, d.Reason}
		switch {
		case d.Malformed != "":
			kept = append(kept, d)
		case left[w] > 0:
			left[w]--
			kept = append(kept, d)
		default:
			added = append(added, d)
		}
	}
	return kept, added
}
