package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// CommentLimit is how long a comment on GitHub may be, in characters; bytes are
// counted here, of which there are never fewer ("body is too long (maximum is
// 65536 characters)", REST API, issue comments). GitLab takes a million.
const CommentLimit = 65536

// Bounds of one text in Markdown, in bytes: a hostile one must not push out the rest.
const (
	mdText    = 300
	mdListed  = 100 // steps and unread things of a run
	mdReserve = 200 // for the lines that say what was cut
	mdCounted = 160 // what must be free for one of them and the last
)

// Markdown writes a document as GitHub Flavored Markdown of at most limit bytes:
// the verdict first, then what is not complete, then findings worst first. What
// does not fit is counted.
//
// Text of the target stands in code spans only (CommonMark 0.31.2 section 6.1):
// within those is no markup, no HTML, no link, no @mention and no #reference. A
// backslash is not enough: forges look for mentions and references in the text
// that comes out, where the backslash is gone.
func Markdown(w io.Writer, d checks.Document, limit int) error {
	m := &markdown{limit: max(limit, mdReserve)}
	overall := overallOf(d)
	m.add("# " + mark(overall) + " vitalsign: " + overall + "\n\n" + capital(meaning(overall)) + ".\n")
	if len(d.Runs) == 0 {
		m.add("\nThere is no run in this report: nothing was looked at.\n")
	}
	for _, line := range leftOut(d) {
		m.add("\n" + code(line) + "\n")
	}
	for _, r := range d.Runs {
		m.head(r)
	}
	for _, r := range d.Runs {
		m.findings(r, len(d.Runs) > 1)
	}
	if m.cut > 0 {
		m.b.WriteString(fmt.Sprintf("\nand %d more lines that do not fit here; the whole report has them.\n", m.cut))
	}
	_, err := io.WriteString(w, m.b.String())
	return err
}

type markdown struct {
	b     strings.Builder
	limit int
	cut   int
}

// add writes a piece if it fits, and counts it if not. After the first that did
// not fit nothing is written: what is less bad must not stand in the place of
// what is worse.
func (m *markdown) add(piece string) bool {
	if m.cut > 0 || m.b.Len()+len(piece) > m.limit-mdReserve {
		m.cut++
		return false
	}
	m.b.WriteString(piece)
	return true
}

// mark is a sign beside the word, for those who look before they read.
func mark(word string) string {
	switch word {
	case "PASS":
		return "✅"
	case "FAIL":
		return "❌"
	}
	return "⚠️"
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// head says of a run what decides, before any finding.
func (m *markdown) head(r checks.Run) {
	v := verdictOf(r)
	m.add(fmt.Sprintf("\n## %s %s %s\n\n", mark(v), v, code(target(r))))
	for i, why := range r.Verdict.Reasons {
		if i == mdListed {
			m.add(fmt.Sprintf("- and %d more reasons\n", len(r.Verdict.Reasons)-i))
			break
		}
		m.add("- " + code(why) + "\n")
	}
	m.incomplete(r)
	m.add(m.counts(r))
	m.steps(r)
	m.unread(r)
}

// counts is a table with a column for what was there before only where the run
// asked for that.
func (m *markdown) counts(r checks.Run) string {
	p := partsOf(r)
	head, rule, row := "|", "|", "|"
	column := func(name string, n int) {
		head, rule, row = head+" "+name+" |", rule+" --- |", row+fmt.Sprintf(" %d |", n)
	}
	n := count(p.counting)
	for _, s := range ranked() {
		column(s.String(), n[s])
	}
	if r.Baseline != nil {
		column("there before", len(p.before))
	}
	column("set aside", len(p.aside))
	return "\n" + head + "\n" + rule + "\n" + row + "\n"
}

func (m *markdown) incomplete(r checks.Run) {
	steps := incomplete(r)
	switch {
	case len(r.Steps) == 0:
		m.add("\n> ⚠️ **CANNOT TELL: no check ran.**\n")
	case len(steps) > 0:
		m.add(fmt.Sprintf("\n> ⚠️ **CANNOT TELL: %d of %d steps are not complete.** What they did not see is in no list below.\n", len(steps), len(r.Steps)))
	}
}

func (m *markdown) steps(r checks.Run) {
	if len(r.Steps) == 0 {
		return
	}
	m.add("\n### Steps\n\n")
	for i, s := range append(incomplete(r), complete(r)...) {
		if i == mdListed {
			m.add(fmt.Sprintf("- and %d more steps\n", len(r.Steps)-i))
			return
		}
		sign := "✅"
		switch {
		case !s.Status.Complete():
			sign = "⚠️ **not complete**"
		case s.Status != checks.OK:
			sign = "➖"
		}
		m.add("- " + sign + " " + code(stepWords(s)) + fmt.Sprintf(" %d of %d %s\n", s.Coverage.Read, s.Coverage.Claimed, s.Unit()))
	}
}

// complete are the steps that incomplete leaves out.
func complete(r checks.Run) []checks.Step {
	var out []checks.Step
	for _, s := range r.Steps {
		if s.Status.Complete() {
			out = append(out, s)
		}
	}
	return out
}

func (m *markdown) unread(r checks.Run) {
	all := unreadOf(r)
	if len(all) > 0 {
		m.add("\n### Not read by any check\n\n")
	}
	for i, u := range all {
		if i == mdListed {
			m.add(fmt.Sprintf("- and %d more\n", len(all)-i))
			break
		}
		m.add("- " + code(u) + "\n")
	}
}

// unreadOf says what nobody could read: no check of the plan, or no step.
func unreadOf(r checks.Run) []string {
	var all []string
	for _, u := range r.Unread {
		all = append(all, unreadWords(u))
	}
	for _, s := range r.Steps {
		for _, u := range s.Coverage.Unread {
			all = append(all, safetext.Line(s.Check)+": "+unreadWords(u))
		}
	}
	return all
}

func (m *markdown) findings(r checks.Run, several bool) {
	of := ""
	if several {
		of = " in " + code(target(r))
	}
	p := partsOf(r)
	for _, part := range []struct {
		of          []checks.Finding
		title, what string
	}{
		{p.counting, "findings", "findings"},
		{p.before, "that were there before, and do not fail this run", "that were there before"},
		{p.aside, "set aside", "that are set aside"},
	} {
		if len(part.of) > 0 {
			m.add(fmt.Sprintf("\n### %d %s%s\n\n", len(part.of), part.title, of))
		}
		m.list(part.of, part.what)
	}
}

// list writes findings while they fit.
func (m *markdown) list(fs []checks.Finding, what string) {
	for i, f := range fs {
		if m.cut > 0 || !m.add(mdFinding(f)) {
			m.cut += len(fs) - i - 1
			if m.b.Len()+mdCounted <= m.limit {
				fmt.Fprintf(&m.b, "- and %d more %s\n", len(fs)-i, what)
			}
			return
		}
	}
}

func mdFinding(f checks.Finding) string {
	s := fmt.Sprintf("- **%s** %s %s: %s", f.Rule.Severity, code(f.Rule.ID), code(placeOf(f)), code(messageOf(f)))
	if f.New != nil && *f.New {
		s += ", new"
	}
	if !open(f) {
		s += ", " + code(asideWords(f))
	} else if f.Rule.Advice != "" {
		s += "\n  - " + code(f.Rule.Advice)
	}
	return s + "\n"
}

// code makes a code span of untrusted text: one line, within delimiters that are
// longer than any row of backticks in it, and with a space on both sides where
// the text begins or ends with a backtick (CommonMark 0.31.2 section 6.1).
func code(s string) string { return span(s, mdText) }

// span is code for a text of at most n bytes.
func span(s string, n int) string {
	s = strings.TrimSpace(line(s, n))
	if s == "" {
		return "`-`"
	}
	longest, row := 0, 0
	for _, r := range s {
		if r == '`' {
			row++
			longest = max(longest, row)
		} else {
			row = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}
