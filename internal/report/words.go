package report

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// What several formats say in the same words.

// Bounds of what may be hostile, in formats that hold every finding: a text of
// one line and of several, in bytes, and a list.
const (
	textLimit = 1000
	codeLimit = 4000
	listLimit = 200
	maxLinks  = 10 // of a rule
)

// word is the verdict in one word. A verdict that says less than everything
// is unknown, the zero value too.
func word(v checks.Verdict) string {
	switch {
	case v.Exit == 0 && v.Findings == checks.Pass && v.Complete:
		return "PASS"
	case v.Exit == 1:
		return "FAIL"
	}
	return "UNKNOWN"
}

// verdictOf is word over a run, held against its steps: where one is not
// complete, or there is none, nobody can tell, whatever the verdict says.
func verdictOf(r checks.Run) string {
	if w := word(r.Verdict); w == "FAIL" || len(r.Steps) > 0 && len(incomplete(r)) == 0 {
		return w
	}
	return "UNKNOWN"
}

// overallOf is the verdict over all runs of a document.
func overallOf(d checks.Document) string {
	if len(d.Runs) == 0 {
		return "UNKNOWN"
	}
	w := word(d.Verdict)
	for _, r := range d.Runs {
		if v := verdictOf(r); w == "PASS" && v != "PASS" {
			w = v
		}
	}
	return w
}

// meaning explains the one word.
func meaning(w string) string {
	switch w {
	case "PASS":
		return "complete, and the gate passed"
	case "FAIL":
		return "complete, and the gate failed"
	}
	return "cannot tell: something is not complete, and this is not a pass"
}

// incomplete are the steps of a run that leave it open what else there is.
func incomplete(r checks.Run) []checks.Step {
	var out []checks.Step
	for _, s := range r.Steps {
		if !s.Status.Complete() {
			out = append(out, s)
		}
	}
	return out
}

// stepWords says how a step ended, in one line of untrusted text.
func stepWords(s checks.Step) string {
	out := s.Check + " is " + string(cmp.Or(s.Status, "without a status"))
	if s.Reason != "" {
		out += ": " + s.Reason
	}
	if s.Advice != "" && !s.Status.Complete() {
		out += " (" + s.Advice + ")"
	}
	return out
}

// open says whether nothing sets a finding aside.
func open(f checks.Finding) bool { return f.Ignored == nil && f.Waived == nil }

// asideWords says who set a finding aside, until when and why; "" where nobody did.
func asideWords(f checks.Finding) string {
	var parts []string
	if f.Ignored != nil {
		parts = append(parts, fmt.Sprintf("ignored until %s by %s: %s", f.Ignored.Until, f.Ignored.By, f.Ignored.Reason))
	}
	if f.Waived != nil {
		kind := "unsigned"
		if f.Waived.Signed {
			kind = "signed"
		}
		parts = append(parts, fmt.Sprintf("%s (%s, %s) until %s by %s: %s", waivedWord(*f.Waived), f.Waived.ID, kind, f.Waived.Until, f.Waived.By, f.Waived.Reason))
	}
	return strings.Join(parts, "; ")
}

// waivedWord says in which way a risk was accepted.
func waivedWord(w checks.Waived) string {
	if w.Debt {
		return "accepted as debt"
	}
	return "waived"
}

// placeOf names the place of a finding, with the commit where it lies in
// history only.
func placeOf(f checks.Finding) string {
	place := f.Location.String()
	if f.Location.Commit != "" {
		place += " in commit " + f.Location.Commit[:min(12, len(f.Location.Commit))]
	}
	return place
}

// messageOf says what is wrong, in one line of untrusted text.
func messageOf(f checks.Finding) string {
	message := cmp.Or(f.Evidence.Message, f.Rule.Title, f.Rule.ID, "no description")
	if p := f.Package; p != nil {
		message += fmt.Sprintf(" (%s %s", p.Name, p.Version)
		if len(p.Fixed) > 0 {
			message += ", fixed in " + strings.Join(p.Fixed, ", ")
		}
		message += ")"
	}
	return message
}

// age is new, known (it was there before) or unknown.
func age(f checks.Finding) string {
	switch {
	case f.New == nil:
		return "unknown"
	case *f.New:
		return "new"
	}
	return "known"
}

// worstFirst are the findings of a run in Compare's order.
func worstFirst(fs []checks.Finding) []checks.Finding {
	out := slices.Clone(fs)
	slices.SortStableFunc(out, checks.Compare)
	return out
}

// parts are a run's findings by what they do to its verdict, each worst first
// (see rank).
type parts struct {
	// counting are those that may fail it, before those that a baseline has too
	// and that fail no run which asks for new ones only, aside the ignored and waived.
	counting, before, aside []checks.Finding
}

func partsOf(r checks.Run) parts {
	var p parts
	for _, f := range worstFirst(r.Findings) {
		switch {
		case !open(f):
			p.aside = append(p.aside, f)
		case wasBefore(r, f):
			p.before = append(p.before, f)
		default:
			p.counting = append(p.counting, f)
		}
	}
	for _, fs := range [][]checks.Finding{p.counting, p.before, p.aside} {
		slices.SortStableFunc(fs, byRank)
	}
	return p
}

// wasBefore says whether the run's baseline has a finding too. What nobody
// compared is not known to have been there, and counts.
func wasBefore(r checks.Run, f checks.Finding) bool {
	return r.Baseline != nil && f.New != nil && !*f.New
}

// rank orders severities for reading: unrated, which counts as high by default,
// stands behind high and before medium, so that no cut hides it.
func rank(s checks.Severity) int {
	switch s {
	case checks.Critical:
		return 0
	case checks.High:
		return 1
	case checks.Unrated:
		return 2
	case checks.Medium:
		return 3
	case checks.Low:
		return 4
	}
	return 5
}

func byRank(a, b checks.Finding) int {
	return cmp.Compare(rank(a.Rule.Severity), rank(b.Rule.Severity))
}

// ranked are the severities in rank's order.
func ranked() []checks.Severity {
	all := slices.Clone(checks.Severities())
	slices.SortFunc(all, func(a, b checks.Severity) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// count counts findings by severity.
func count(fs []checks.Finding) map[checks.Severity]int {
	n := map[checks.Severity]int{}
	for _, f := range fs {
		n[f.Rule.Severity]++
	}
	return n
}

// line is untrusted text made safe, on one line, cut to n bytes with a sign
// that it was.
func line(s string, n int) string {
	s = safetext.Line(s)
	if len(s) <= n {
		return s
	}
	cut := n
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// block is untrusted text of several lines made safe, cut with a sign that it was.
func block(s string) string {
	if len(s) > codeLimit {
		s = strings.ToValidUTF8(s[:codeLimit], "") + "\n..."
	}
	return safetext.Block(s)
}

// link has an address only where it is one of the web.
type link struct{ Href, Text string }

// linksOf makes links of addresses that begin with http or https and name a
// host, and of nothing else: no javascript:, no data:, nothing relative.
func linksOf(refs []string) []link {
	var out []link
	for _, ref := range refs[:min(len(refs), maxLinks)] {
		l := link{Text: ref}
		u, err := url.Parse(ref)
		if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && safetext.Line(ref) == ref {
			l.Href = u.String()
		}
		out = append(out, l)
	}
	return out
}
