package manpage

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// rendered is a page as mandoc shows it, with white space made one.
func rendered(t *testing.T, p Page) string {
	t.Helper()
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("mandoc is not installed")
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	lint := exec.Command("mandoc", "-T", "lint", "-W", "warning")
	lint.Stdin = bytes.NewReader(b.Bytes())
	if out, err := lint.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc finds %s (%v) in\n%s", out, err, b.String())
	}
	show := exec.Command("mandoc", "-T", "utf8", "-O", "width=1000")
	show.Stdin = &b
	out, err := show.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(regexp.MustCompile(".\b").ReplaceAllString(string(out), "")), " ")
}

// Whatever text is in a page is what a reader sees.
func TestTextComesOut(t *testing.T) {
	hostile := []string{
		".Sh a request", "'br", `back\slash \fB`, "it's `code` ^ ~ \"quoted\"", "--flag and -f, (--x)", "a-b", "No Op Fl words of macros", "<angle> *star* _under_",
		"e.g. this. And that. End.", "${VAR} $(command)", "#!/bin/sh", "a\tb", "Größe", "x | y ; z", "...", "[TARGET ...]",
	}
	for _, text := range hostile {
		p := Page{Name: "vitalsign-scan", Section: 1, Short: "Short " + text, Synopsis: []string{"vitalsign " + text}, Text: "One " + text + "\n\n  kept " + text + "\n\ntwo",
			Lists:    []List{{Heading: "OPTIONS", Entries: []Entry{{Flags: []string{"f", "long-flag"}, Value: "v|w", Text: text, Lines: []string{"line " + text}}, {Term: "t " + strings.ReplaceAll(text, "\t", " "), Text: "x"}}}, {Heading: "NONE"}},
			Examples: "  ex " + text, SeeAlso: []Ref{{"vitalsign", 1}, {"vitalsign.yaml", 5}}, Date: time.Unix(1e9, 0), System: "vitalsign 1"}
		got := rendered(t, p)
		text = strings.Join(strings.Fields(text), " ")
		for _, want := range []string{"Short " + text, "vitalsign " + text, "One " + text, "kept " + text, "line " + text, "t " + text, "ex " + text, "-f, --long-flag v|w", "VITALSIGN-SCAN(1)", "vitalsign(1), vitalsign.yaml(5)", "September 9, 2001"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q: %q is not in\n%s", text, want, got)
			}
		}
		if strings.Contains(got, "NONE") {
			t.Error("an empty list has a heading")
		}
	}
}
