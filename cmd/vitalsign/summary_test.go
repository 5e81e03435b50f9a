package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/report"
)

// The summary of a step stays within 1 MiB together with what others wrote, or
// GitHub drops all of it: what does not fit is counted, worst first.
func TestStepSummaryIsBounded(t *testing.T) {
	run := checks.Run{Steps: []checks.Step{{Check: "sast", Status: checks.OK}}, Verdict: checks.Verdict{Findings: checks.Fail, Complete: true, Exit: 1}}
	for i := range 20000 {
		run.Findings = append(run.Findings, checks.Finding{Check: "sast", Fingerprint: fmt.Sprintf("%064x", i), Location: checks.Location{Path: fmt.Sprintf("src/file%05d.go", i), StartLine: 1},
			Rule: checks.Rule{ID: "G401", Title: "Weak hash", Severity: checks.Severities()[i%5], Advice: "Use SHA-256."}})
	}
	doc := checks.Document{Runs: []checks.Run{run}, Verdict: run.Verdict}
	for _, before := range []int{0, 1000, 500_000, report.SummaryLimit - smallSummary} {
		file := filepath.Join(t.TempDir(), "summary.md")
		if err := os.WriteFile(file, []byte(strings.Repeat("x", before)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := appendSummary(file, doc); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out := string(b[before:])
		if len(b) > report.SummaryLimit || !strings.HasPrefix(string(b), strings.Repeat("x", before)) || !strings.Contains(out, "vitalsign: FAIL") {
			t.Errorf("after %d bytes: %d in all, and it begins with %.100q", before, len(b), out)
		}
		shown := strings.Count(out, "`G401`")
		if !strings.Contains(out, fmt.Sprintf("and %d more findings", 20000-shown)) || strings.Contains(out, "**info**") {
			t.Errorf("after %d bytes: %d are shown, and the end is %q", before, shown, out[len(out)-200:])
		}
	}
	// Without room nothing is added, and that is an error that is only said.
	file := filepath.Join(t.TempDir(), "full.md")
	if err := os.WriteFile(file, make([]byte, report.SummaryLimit), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := appendSummary(file, doc); err == nil {
		t.Error("there was room in a file that is full")
	}
	if info, err := os.Stat(file); err != nil || info.Size() != report.SummaryLimit {
		t.Errorf("%v, %v", info, err)
	}
}
