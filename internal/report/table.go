package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// maxPlaces is how many places of one rule are shown in full.
const maxPlaces = 10

// TableOptions shape the table.
type TableOptions struct {
	Style Style
	// Verbose shows every place and the steps' digests.
	Verbose bool
	// Quiet leaves only the verdict lines.
	Quiet bool
	// Brief leaves out how the verdict came about, where every step was complete.
	Brief bool
}

// Table writes findings grouped by severity and rule, then the steps, what
// nobody could read, and the verdict as the last line.
func Table(w io.Writer, d checks.Document, o TableOptions) error {
	b := bufio.NewWriter(w)
	t := table{b, o}
	for i, run := range d.Runs {
		if i > 0 && !o.Quiet {
			t.printf("\n")
		}
		t.run(run, len(d.Runs) > 1)
	}
	if len(d.Runs) > 1 || len(d.NotScanned) > 0 {
		t.total(d)
	}
	return b.Flush()
}

type table struct {
	w *bufio.Writer
	o TableOptions
}

func (t table) printf(format string, args ...any) { fmt.Fprintf(t.w, format, args...) }

func (t table) run(r checks.Run, several bool) {
	if !t.o.Quiet {
		if several || r.Target.Project != "" {
			t.heading(r.Target)
		}
		for _, s := range checks.Severities() {
			t.severity(r, s)
		}
		if !t.o.Brief || len(incomplete(r)) > 0 {
			t.steps(r)
			t.baseline(r)
			t.unread(r)
		}
		t.notes(r)
	}
	t.verdict(target(r), r.Verdict)
}

// heading names a target where there are several.
func (t table) heading(target checks.Target) {
	switch {
	case target.Project != "":
		words := "project " + target.Project
		if target.Owner != "" {
			words += ", of " + target.Owner
		}
		t.printf("%s  %s\n\n", t.o.Style.bold.Render(safetext.Line(words)), t.o.Style.dim.Render(safetext.Line(target.Path)))
	case len(target.Except) > 0:
		t.printf("%s  %s\n\n", t.o.Style.bold.Render(part(target)), t.o.Style.dim.Render(safetext.Line(target.Path)))
	default:
		t.printf("%s\n\n", t.o.Style.bold.Render(safetext.Line(target.Path)))
	}
}

// total is the last line over several targets: each reason once, with those
// that it is of, where it is not of all; then what nobody looked at.
func (t table) total(d checks.Document) {
	v := d.Verdict
	v.Reasons = nil
	of := map[string][]string{}
	runs := slices.Clone(d.Runs)
	slices.SortStableFunc(runs, func(a, b checks.Run) int { return cmp.Compare(b.Verdict.Exit, a.Verdict.Exit) }) // what blocks first
	for _, r := range runs {
		for _, why := range r.Verdict.Reasons {
			if of[why] == nil {
				v.Reasons = append(v.Reasons, why)
			}
			of[why] = append(of[why], part(r.Target))
		}
	}
	for i, why := range v.Reasons {
		if len(of[why]) < len(d.Runs) {
			v.Reasons[i] += " (" + strings.Join(of[why], ", ") + ")"
		}
	}
	v.Reasons = append(v.Reasons, leftOut(d)...)
	what := "all targets"
	if len(d.NotScanned) > 0 {
		what = "what was looked at"
	}
	t.verdict(what, v)
}

// leftOut says of what nobody looked at why, a line a reason.
func leftOut(d checks.Document) (lines []string) {
	left := map[string][]string{}
	for _, n := range d.NotScanned {
		left[n.Why] = append(left[n.Why], part(checks.Target{Project: n.Project, Except: []string{""}}))
	}
	for _, why := range slices.Sorted(maps.Keys(left)) {
		lines = append(lines, why+": "+strings.Join(left[why], ", "))
	}
	return lines
}

// part is what a target is called beside the others.
func part(target checks.Target) string {
	switch {
	case target.Project != "":
		return target.Project
	case len(target.Except) > 0:
		return "the rest of the repository"
	}
	return target.Path
}

func target(r checks.Run) string {
	name := r.Target.Path
	if called := part(r.Target); called != name {
		name = called + ", " + name
	}
	if r.Target.Commit == "" {
		return name
	}
	name += " at " + r.Target.Commit[:min(12, len(r.Target.Commit))]
	if r.Target.Dirty {
		name += " with changes"
	}
	return name
}

// severity writes one group, rules in the order of their first finding.
func (t table) severity(r checks.Run, s checks.Severity) {
	var order []string
	byRule := map[string][]checks.Finding{}
	n := 0
	for _, f := range r.Findings {
		if f.Rule.Severity != s {
			continue
		}
		n++
		key := f.Check + " " + f.Rule.ID
		if byRule[key] == nil {
			order = append(order, key)
		}
		byRule[key] = append(byRule[key], f)
	}
	if n == 0 {
		return
	}
	t.printf("%s\n\n", t.o.Style.severity[s].Render(fmt.Sprintf(" %s  %d ", strings.ToUpper(s.String()), n)))
	for _, key := range order {
		t.rule(byRule[key])
	}
}

func (t table) rule(fs []checks.Finding) {
	first := fs[0]
	t.printf("  %s  %s\n", t.o.Style.bold.Render(safetext.Line(first.Rule.ID)), safetext.Line(first.Rule.Title))
	shown := fs
	if !t.o.Verbose && len(fs) > maxPlaces {
		shown = fs[:maxPlaces]
	}
	for _, f := range shown {
		t.place(f)
	}
	if more := len(fs) - len(shown); more > 0 {
		t.printf("    %s\n", t.o.Style.dim.Render(fmt.Sprintf("and %d more of this rule (--verbose or -f json shows them)", more)))
	}
	if first.Rule.Advice != "" {
		for i, line := range wrap(safetext.Line(first.Rule.Advice), 92) {
			t.printf("    %s %s\n", []string{"->", "  "}[min(i, 1)], line)
		}
	}
	t.printf("\n")
}

func (t table) place(f checks.Finding) {
	t.printf("    %s%s\n", safetext.Line(placeOf(f)), t.o.Style.dim.Render(notes(f)))
	if f.Package != nil {
		t.printf("      %s %s", safetext.Line(f.Package.Name), safetext.Line(f.Package.Version))
		if len(f.Package.Fixed) > 0 {
			t.printf("  fixed in %s", safetext.Line(strings.Join(f.Package.Fixed, ", ")))
		}
		t.printf("\n")
	}
	if f.Evidence.Message != "" && (f.Location.Live() || strings.HasPrefix(f.Rule.Class, checks.ClassJudging)) {
		for _, line := range wrap(safetext.Line(f.Evidence.Message), 88) {
			t.printf("      %s\n", line)
		}
	}
	if t.o.Verbose {
		t.exchanges(f)
	}
	for i, line := range t.excerpt(f) {
		number := ""
		if f.Evidence.ExcerptLine > 0 && line != "..." {
			number = fmt.Sprint(f.Evidence.ExcerptLine + i)
		}
		t.printf("      %s %s\n", t.o.Style.dim.Render(fmt.Sprintf("%5s |", number)), line)
	}
}

// exchanges shows requests, answers and the command that shows it again.
func (t table) exchanges(f checks.Finding) {
	for _, e := range f.Exchanges {
		t.printf("      %s\n", t.o.Style.dim.Render("-- "+safetext.Line(e.Note)))
		for _, text := range []string{e.Request, e.Response} {
			for line := range strings.SplitSeq(safetext.Block(text), "\n") {
				t.printf("      %s %s\n", t.o.Style.dim.Render("|"), line)
			}
		}
	}
	if f.Replay != "" {
		t.printf("      $ %s\n", safetext.Line(f.Replay))
	}
}

// maxExcerpt is how many lines of an excerpt are shown; of what is low or
// less, none: the place says enough.
const maxExcerpt = 3

func (t table) excerpt(f checks.Finding) []string {
	if f.Evidence.Excerpt == "" || !t.o.Verbose && (f.Rule.Severity == checks.Low || f.Rule.Severity == checks.Info) {
		return nil
	}
	lines := strings.Split(safetext.Block(f.Evidence.Excerpt), "\n")
	if !t.o.Verbose && len(lines) > maxExcerpt {
		lines = append(lines[:maxExcerpt:maxExcerpt], "...")
	}
	return lines
}

// notes says what the place alone does not: identity, role, other witnesses.
func notes(f checks.Finding) string {
	parts := []string{f.Fingerprint[:min(12, len(f.Fingerprint))]}
	if f.Role != "" && f.Role != "source" {
		parts = append(parts, f.Role)
	}
	if f.New != nil {
		parts = append(parts, map[bool]string{true: "new", false: "was there before"}[*f.New])
	}
	for _, w := range f.SeenBy {
		if w.Check != f.Check || w.Rule != f.Rule.ID {
			parts = append(parts, "also "+w.Check+" "+w.Rule)
		}
	}
	if len(f.Exchanges) > 0 && !f.Location.Live() {
		parts = append(parts, "confirmed while it ran")
	}
	if f.Ignored != nil {
		parts = append(parts, fmt.Sprintf("ignored until %s by %s: %s", f.Ignored.Until, f.Ignored.By, f.Ignored.Reason))
	}
	if f.Waived != nil {
		parts = append(parts, fmt.Sprintf("%s until %s by %s: %s", waivedWord(*f.Waived), f.Waived.Until, strings.TrimSpace(f.Waived.By), f.Waived.Reason))
	}
	return "  [" + safetext.Line(strings.Join(parts, ", ")) + "]"
}

func (t table) steps(r checks.Run) {
	t.printf("%s\n", t.o.Style.bold.Render("Steps"))
	for _, s := range r.Steps {
		t.printf("  %s\n", StepLine(t.o.Style, s))
		if s.Advice != "" && !s.Status.Complete() {
			t.printf("        -> %s\n", safetext.Line(s.Advice))
		}
		for _, u := range s.Coverage.Unread {
			t.printf("        not read: %s\n", unreadWords(u))
		}
		if t.o.Verbose {
			t.digests(s)
		}
	}
	t.where(r.Steps)
	t.printf("\n")
}

// where says which engine ran which steps, where that was not this machine.
func (t table) where(steps []checks.Step) {
	at := map[string][]string{}
	for _, s := range steps {
		if s.Where != "" {
			at[s.Where] = append(at[s.Where], s.Check)
		}
	}
	for _, engine := range slices.Sorted(maps.Keys(at)) {
		t.printf("  ran on %s: %s\n", safetext.Line(engine), safetext.Line(strings.Join(at[engine], ", ")))
	}
}

func (t table) digests(s checks.Step) {
	for _, skip := range s.Coverage.Incomplete {
		t.printf("        %s: %s %s\n", safetext.Line(string(skip.Reason)), safetext.Line(skip.Path), safetext.Line(skip.Detail))
	}
	if s.ToolDigest != "" {
		if s.Tool != nil {
			t.printf("        program %s %s\n", safetext.Line(s.Tool.Version), short(s.Tool.SHA256))
		}
		t.printf("        tool %s rules %s report %s\n", short(s.ToolDigest), short(s.RulesDigest), short(s.ReportDigest))
	}
	for _, d := range s.Data {
		t.printf("        data %s %s as of %s\n", safetext.Line(d.Name), short(d.Digest), d.AsOf.UTC().Format(time.DateOnly))
	}
}

func short(digest string) string {
	if digest == "" {
		return "-"
	}
	return safetext.Line(digest[:min(16, len(digest))])
}

// StepLine is the one line that says how a step ended, also used while a scan
// runs.
func StepLine(style Style, s checks.Step) string {
	mark, st := style.statusMark(s.Status)
	line := fmt.Sprintf("%s %-8s %s", st.Render(mark), safetext.Line(s.Check), st.Render(fmt.Sprintf("%-14s", safetext.Line(string(s.Status)))))
	if s.Status == checks.OK || s.Status == checks.Partial || s.Status == checks.Missing {
		line += fmt.Sprintf(" %d of %d %s", s.Coverage.Read, s.Coverage.Claimed, s.Unit())
	}
	if s.DurationMS > 0 {
		line += fmt.Sprintf("  %.1f s", float64(s.DurationMS)/1000)
	}
	if s.PeakBytes > 0 {
		line += fmt.Sprintf("  %d MB", s.PeakBytes>>20)
	}
	switch {
	case s.Cached:
		line += "  cached"
	case s.Coverage.Cached > 0:
		line += fmt.Sprintf("  %d from the cache", s.Coverage.Cached)
	}
	if s.Reason != "" {
		line += "  " + safetext.Line(s.Reason)
	}
	return strings.TrimRight(line, " ")
}

// baseline says what findings were compared with.
func (t table) baseline(r checks.Run) {
	if r.Baseline == nil || r.Baseline.Commit+r.Baseline.File == "" {
		return
	}
	with := safetext.Line(r.Baseline.File)
	if r.Baseline.Commit != "" {
		with = short(r.Baseline.Commit)
	}
	t.printf("%s\n  %s, by %s\n\n", t.o.Style.bold.Render("Compared with"), with, safetext.Line(r.Baseline.Why))
}

func (t table) unread(r checks.Run) {
	if len(r.Unread) == 0 {
		return
	}
	t.printf("%s\n", t.o.Style.bold.Render("Not read by any check"))
	for _, u := range r.Unread {
		t.printf("  %s\n", unreadWords(u))
	}
	t.printf("\n")
}

func (t table) notes(r checks.Run) {
	if len(r.Notes) == 0 {
		return
	}
	t.printf("%s\n", t.o.Style.bold.Render("Did not count"))
	for _, n := range r.Notes {
		t.printf("  %s\n", safetext.Line(n))
	}
	t.printf("\n")
}

func unreadWords(u checks.Unread) string {
	s := fmt.Sprintf("%d %s", u.Count, u.What)
	if u.Why != "" {
		s += ": " + u.Why
	}
	if u.Command != "" {
		s += " (" + u.Command + ")"
	}
	if len(u.Examples) > 0 {
		s += ", such as " + u.Examples[0]
	}
	return safetext.Line(s)
}

// verdict is the last line: it says both halves of the answer.
func (t table) verdict(what string, v checks.Verdict) {
	said, st := word(v), t.o.Style.warn
	switch said {
	case "PASS":
		st = t.o.Style.good
	case "FAIL":
		st = t.o.Style.bad
	}
	line := fmt.Sprintf("%s  %s (exit %d)", st.Render(said), safetext.Line(what), v.Exit)
	if len(v.Reasons) > 0 {
		line += ": " + safetext.Line(strings.Join(v.Reasons, "; "))
	}
	t.printf("%s\n", line)
}

// wrap breaks text at spaces into lines of at most n bytes where it can.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > n {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
