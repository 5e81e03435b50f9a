package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Limits of GitHub Actions ("Workflow commands", annotations; "Adding a job
// summary", step isolation and limits). Three kinds of ten stay below the fifty
// that a job may have.
const (
	annotationsOfAKind = 10
	annotationsOfAJob  = 50
	// SummaryLimit is how large all summaries of a step may be, in bytes; more,
	// and the upload fails as a whole.
	SummaryLimit = 1 << 20
)

// annotation is one workflow command, worst kind first in ghKinds.
type annotation struct {
	kind, title, message string
	at                   checks.Location
}

func ghKinds() []string { return []string{"error", "warning", "notice"} }

// GitHub writes workflow commands, one a line ("Workflow commands for GitHub
// Actions", setting an error, a warning, a notice message): the verdict, what is
// not complete, and findings worst first, without those that a baseline has too
// (the reasons of the verdict count them). A kind with more than GitHub shows ends
// in one that counts the rest.
func GitHub(w io.Writer, d checks.Document) error {
	of := map[string][]annotation{}
	add := func(a annotation) { of[a.kind] = append(of[a.kind], a) }
	add(verdictAnnotation(d))
	for _, r := range d.Runs {
		for _, s := range incomplete(r) {
			add(annotation{kind: "error", title: "not complete: " + s.Check, message: stepWords(s)})
		}
	}
	var all []checks.Finding
	for _, r := range d.Runs {
		all = append(all, partsOf(r).counting...)
	}
	slices.SortStableFunc(all, byRank)
	for _, f := range all {
		add(annotation{kind: ghKind(f.Rule.Severity), title: f.Rule.Severity.String() + ": " + f.Rule.ID, message: ghMessage(f), at: f.Location})
	}
	b := bufio.NewWriter(w)
	for _, kind := range ghKinds() {
		all := of[kind]
		if rest := len(all) - annotationsOfAKind + 1; rest > 1 {
			all = append(all[:annotationsOfAKind-1:annotationsOfAKind-1], annotation{kind: kind, title: "vitalsign",
				message: fmt.Sprintf("and %d more of this kind; the step summary and the other reports have them", rest)})
		}
		for _, a := range all {
			fmt.Fprintln(b, a.command())
		}
	}
	return b.Flush()
}

// verdictAnnotation says the answer. Only a pass is no error.
func verdictAnnotation(d checks.Document) annotation {
	overall := overallOf(d)
	a := annotation{kind: "error", title: "vitalsign: " + overall, message: meaning(overall)}
	if overall == "PASS" {
		a.kind = "notice"
	}
	n := 0
	for _, r := range d.Runs {
		n += len(incomplete(r))
	}
	switch {
	case len(d.Runs) == 0:
		a.message += "; there is no run in this report"
	case n > 0:
		a.message += fmt.Sprintf("; steps that are not complete: %d", n)
	}
	if len(d.Verdict.Reasons) > 0 {
		a.message += ": " + strings.Join(d.Verdict.Reasons, "; ")
	}
	return a
}

func ghKind(s checks.Severity) string {
	switch level(s) {
	case "note":
		return "notice"
	case "warning":
		return "warning"
	}
	return "error"
}

func ghMessage(f checks.Finding) string {
	m := messageOf(f)
	if f.Location.Live() || f.Location.Commit != "" {
		m = placeOf(f) + ": " + m
	}
	if f.Rule.Advice != "" {
		m += ". " + f.Rule.Advice
	}
	return m
}

// ghText bounds one message, in bytes, so that a log stays one that people read.
const ghText = 1000

// command writes an annotation. A route or a place in history has no file that
// GitHub could show it at.
func (a annotation) command() string {
	props := []string{}
	add := func(name, value string) { props = append(props, name+"="+ghProperty(line(value, ghText))) }
	if l := a.at; l.Path != "" && !l.Live() && l.Commit == "" {
		add("file", l.Path)
		number := func(name string, n int) {
			if n > 0 {
				add(name, fmt.Sprint(n))
			}
		}
		number("line", l.StartLine)
		if l.EndLine >= l.StartLine {
			number("endLine", l.EndLine)
		}
		// Columns count within one line only.
		if l.StartLine > 0 && l.EndLine == l.StartLine {
			number("col", l.StartColumn)
			number("endColumn", l.EndColumn)
		}
	}
	add("title", a.title)
	return "::" + a.kind + " " + strings.Join(props, ",") + "::" + ghData(line(a.message, ghText))
}

// ghData escapes a message, and ghProperty a property, as the runner undoes it
// (actions/toolkit, packages/core/src/command.ts; actions/runner,
// src/Runner.Common/ActionCommand.cs).
func ghData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func ghProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
