package evidence

import (
	"slices"
	"strings"
	"testing"

	testv0 "github.com/in-toto/attestation/go/predicates/test_result/v0"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// results makes the statements of a run and reads each into in-toto's own
// message; an unknown field or an unsound descriptor is an error.
func results(t *testing.T, run checks.Run, blocks func(checks.Finding) bool, o TestOptions) (map[string]TestResult, map[string]*testv0.TestResult) {
	t.Helper()
	all, err := TestResults(run, blocks, o)
	if err != nil || len(all) != len(run.Steps) {
		t.Fatalf("%d entries for %d steps, %v", len(all), len(run.Steps), err)
	}
	by, read := map[string]TestResult{}, map[string]*testv0.TestResult{}
	for _, r := range all {
		by[r.Check] = r
		if (r.Result == "") != (r.Predicate == nil) || (r.Why == "") == (r.Predicate == nil) {
			t.Errorf("%+v", r)
		}
		if r.Predicate == nil {
			continue
		}
		var m testv0.TestResult
		if err := (protojson.UnmarshalOptions{DiscardUnknown: false}).Unmarshal(r.Predicate, &m); err != nil {
			t.Fatalf("%v in %s", err, r.Predicate)
		}
		if m.GetResult() != r.Result || len(m.GetConfiguration()) == 0 {
			t.Errorf("%s", r.Predicate)
		}
		for _, d := range m.GetConfiguration() {
			if err := d.Validate(); err != nil {
				t.Errorf("%v: %v", d, err)
			}
		}
		read[r.Check] = &m
	}
	return by, read
}

func worst(f checks.Finding) bool { return f.Rule.Severity == checks.Critical }

func TestTestResults(t *testing.T) {
	o := TestOptions{Rules: map[string][]string{"sast": {"G2", "G1", "G3"}}, URL: "https://ci.example/run/7"}
	_, m := results(t, scanned(), worst, o)
	deps, sast := m["deps"], m["sast"]
	if deps.GetResult() != Failed || !slices.Equal(deps.GetFailedTests(), []string{"CVE-1"}) || !slices.Equal(deps.GetWarnedTests(), []string{"CVE-2"}) || deps.GetPassedTests() != nil {
		t.Errorf("%v", deps)
	}
	if sast.GetResult() != Warned || !slices.Equal(sast.GetPassedTests(), []string{"G2", "G3"}) || !slices.Equal(sast.GetWarnedTests(), []string{"G1"}) || sast.GetUrl() != o.URL {
		t.Errorf("%v", sast)
	}
	var names []string
	for _, d := range deps.GetConfiguration() {
		names = append(names, d.GetName())
	}
	if !slices.Equal(names, []string{"vitalsign-check", "rules/deps", "data/osv"}) || deps.GetConfiguration()[2].GetAnnotations().GetFields()["asOf"].GetStringValue() != "2026-03-01T00:00:00Z" {
		t.Errorf("%v", deps.GetConfiguration())
	}
}

// No word on what blocks means that everything does; what is set aside does
// not block, and has not passed either.
func TestResultsFailClosed(t *testing.T) {
	_, m := results(t, scanned(), nil, TestOptions{})
	if m["sast"].GetResult() != Failed || m["deps"].GetResult() != Failed {
		t.Errorf("%v", m)
	}
	run := scanned()
	for i := range run.Findings {
		run.Findings[i].Waived = &checks.Waived{Until: "2026-12-31"}
	}
	_, m = results(t, run, nil, TestOptions{Rules: map[string][]string{"sast": {"G1"}}})
	if m["sast"].GetResult() != Warned || m["deps"].GetResult() != Warned || len(m["sast"].GetPassedTests()) != 0 {
		t.Errorf("%v", m)
	}
	run.Findings = nil
	if _, m = results(t, run, nil, TestOptions{}); m["sast"].GetResult() != Passed {
		t.Errorf("%v", m)
	}
}

// What another check saw first is a result of every check that saw it.
func TestResultsOfWitnesses(t *testing.T) {
	run := scanned()
	run.Findings = []checks.Finding{{Check: "deps", Rule: checks.Rule{ID: "CVE-1"}, SeenBy: []checks.Witness{{Check: "deps", Rule: "CVE-1"}, {Check: "sast", Rule: "G9"}}}}
	_, m := results(t, run, nil, TestOptions{})
	if !slices.Equal(m["sast"].GetFailedTests(), []string{"G9"}) || !slices.Equal(m["deps"].GetFailedTests(), []string{"CVE-1"}) {
		t.Errorf("%v", m)
	}
}

// A step that is not ok, or that nobody could tell from another, is named and
// not spoken for.
func TestResultsThatAreNone(t *testing.T) {
	for _, s := range []checks.Status{"", checks.Partial, checks.Failed, checks.Missing, checks.Stale, checks.Excluded, checks.NotApplicable} {
		run := scanned()
		run.Steps[0].Status, run.Steps[0].Reason = s, "because"
		by, _ := results(t, run, nil, TestOptions{})
		if got := by["sast"]; got.Predicate != nil || !strings.Contains(got.Why, "because") || !strings.Contains(got.Why, string(s)) || got.Status != s {
			t.Errorf("%q: %+v", s, got)
		}
	}
	run := scanned()
	run.Steps[0].RulesDigest, run.Steps[1].ToolDigest = "", strings.Repeat("0F", 32)
	by, _ := results(t, run, nil, TestOptions{})
	if by["sast"].Predicate != nil || by["deps"].Predicate != nil {
		t.Errorf("%+v", by)
	}
}

// An external tool is configuration, too.
func TestResultsNameTheTool(t *testing.T) {
	run := scanned()
	run.Steps[0].Tool = &checks.ToolRun{Version: "semgrep 1", SHA256: strings.Repeat("ab", 32), Image: "sha256:" + strings.Repeat("cd", 32)}
	_, m := results(t, run, nil, TestOptions{})
	c := m["sast"].GetConfiguration()
	if len(c) != 4 || c[2].GetName() != "tool/sast" || c[2].GetDigest()["sha256"] != strings.Repeat("ab", 32) || c[3].GetName() != "image/sast" {
		t.Errorf("%v", c)
	}
}
