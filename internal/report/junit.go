package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// The parts of JUnit XML that are written. There is no standard; the names are
// those of Ant's JUnit task and of Jenkins (xunit-plugin, junit-10.xsd), which
// GitLab, Azure and others read too.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr,omitempty"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Time    string       `xml:"time,attr,omitempty"`
	Failure *junitResult `xml:"failure"`
	Error   *junitResult `xml:"error"`
	Skipped *junitResult `xml:"skipped"`
}

type junitResult struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes a test suite for each check of each target: a case for the step
// itself, which is an error where it is not complete, and a case for each
// finding. What is set aside is skipped, with the reason, and so is what the
// baseline of a run that asks for new findings only has too. Characters that XML
// does not allow (XML 1.0 section 2.2) become visible escapes. A finding below
// the gate's threshold is a failure like any other: the gate is the exit code.
func JUnit(w io.Writer, d checks.Document) error {
	all := junitSuites{Name: "vitalsign"}
	for _, r := range d.Runs {
		r.Findings = worstFirst(r.Findings)
		for _, s := range r.Steps {
			all.Suites = append(all.Suites, junitStep(r, s))
		}
		if orphans := junitOrphans(r); len(orphans) > 0 {
			all.Suites = append(all.Suites, suite(r, "findings of no step", orphans))
		}
		if len(r.Steps) == 0 {
			all.Suites = append(all.Suites, suite(r, "plan", []junitCase{junitNothing("no check ran")}))
		}
	}
	if len(d.Runs) == 0 {
		all.Suites = append(all.Suites, suite(checks.Run{}, "plan", []junitCase{junitNothing("there is no run in this report")}))
	}
	for _, s := range all.Suites {
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junitNothing is the case of a report in which nothing was looked at.
func junitNothing(why string) junitCase {
	return junitCase{Class: "vitalsign", Name: "complete", Error: &junitResult{Type: "incomplete", Message: "cannot tell: " + why}}
}

func junitStep(r checks.Run, s checks.Step) junitSuite {
	seconds := fmt.Sprintf("%.3f", float64(s.DurationMS)/1000)
	step := junitCase{Class: junitClass(s.Check), Name: "complete", Time: seconds}
	result := &junitResult{Type: safetext.Line(string(cmp.Or(s.Status, "none"))), Message: safetext.Line(stepWords(s))}
	switch {
	case !s.Status.Complete():
		result.Message = "cannot tell: " + result.Message
		step.Error = result
	case s.Status != checks.OK:
		step.Skipped = result
	}
	cases := []junitCase{step}
	for _, f := range r.Findings {
		if f.Check == s.Check {
			cases = append(cases, junitFinding(r, f))
		}
	}
	out := suite(r, s.Check, cases)
	out.Time = seconds
	return out
}

// junitOrphans are findings whose check has no step, which a sound document
// does not have; they are not lost.
func junitOrphans(r checks.Run) []junitCase {
	has := map[string]bool{}
	for _, s := range r.Steps {
		has[s.Check] = true
	}
	var cases []junitCase
	for _, f := range r.Findings {
		if !has[f.Check] {
			cases = append(cases, junitFinding(r, f))
		}
	}
	return cases
}

// suite names and counts its cases.
func suite(r checks.Run, name string, cases []junitCase) junitSuite {
	s := junitSuite{Name: strings.TrimPrefix(safetext.Line(target(r)+": "+name), ": "), Cases: cases, Tests: len(cases)}
	for _, c := range cases {
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	return s
}

func junitClass(check string) string { return "vitalsign." + safetext.Line(check) }

func junitFinding(r checks.Run, f checks.Finding) junitCase {
	c := junitCase{Class: junitClass(f.Check), Name: safetext.Line(fmt.Sprintf("%s at %s [%s]", f.Rule.ID, placeOf(f), f.Fingerprint[:min(12, len(f.Fingerprint))]))}
	if !open(f) {
		c.Skipped = &junitResult{Message: safetext.Line(asideWords(f))}
		return c
	}
	if wasBefore(r, f) {
		c.Skipped = &junitResult{Message: safetext.Line("was there before, and does not fail this run: " + f.Rule.Severity.String() + ": " + messageOf(f))}
		return c
	}
	text := []string{messageOf(f)}
	if f.Evidence.Excerpt != "" {
		text = append(text, f.Evidence.Excerpt)
	}
	if f.Rule.Advice != "" {
		text = append(text, f.Rule.Advice)
	}
	c.Failure = &junitResult{Type: f.Rule.Severity.String(), Message: safetext.Line(messageOf(f)), Text: safetext.Block(strings.Join(text, "\n"))}
	return c
}
