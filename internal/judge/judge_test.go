package judge

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func step(name string, s checks.Status) checks.Step {
	return checks.Step{Check: name, Status: s, Reason: "because"}
}

func found(s checks.Severity, role string) checks.Finding {
	return checks.Finding{Rule: checks.Rule{Severity: s, Class: "weak-hash"}, Role: role}
}

func TestJudge(t *testing.T) {
	ok := []checks.Step{step("secrets", checks.OK)}
	cred := found(checks.High, "vendored")
	cred.Rule.Class = checks.ClassCredential
	ignored := found(checks.Critical, "")
	ignored.Ignored = &checks.Ignored{By: "inline"}
	for name, c := range map[string]struct {
		steps       []checks.Step
		findings    []checks.Finding
		interrupted bool
		exit        int
		outcome     checks.Outcome
	}{
		"nothing found":              {steps: ok, exit: ExitPass, outcome: checks.Pass},
		"below the threshold":        {steps: ok, findings: []checks.Finding{found(checks.Medium, "")}, exit: ExitPass, outcome: checks.Pass},
		"at the threshold":           {steps: ok, findings: []checks.Finding{found(checks.High, "")}, exit: ExitFail, outcome: checks.Fail},
		"above":                      {steps: ok, findings: []checks.Finding{found(checks.Critical, "test")}, exit: ExitFail, outcome: checks.Fail},
		"unrated counts as high":     {steps: ok, findings: []checks.Finding{found(checks.Unrated, "")}, exit: ExitFail, outcome: checks.Fail},
		"generated does not block":   {steps: ok, findings: []checks.Finding{found(checks.Critical, "generated")}, exit: ExitPass, outcome: checks.Pass},
		"vendored does not block":    {steps: ok, findings: []checks.Finding{found(checks.Critical, "vendored")}, exit: ExitPass, outcome: checks.Pass},
		"a credential always blocks": {steps: ok, findings: []checks.Finding{cred}, exit: ExitFail, outcome: checks.Fail},
		"ignored":                    {steps: ok, findings: []checks.Finding{ignored}, exit: ExitPass, outcome: checks.Pass},
		"no steps":                   {exit: ExitUnknown, outcome: checks.Unknown},
		"zero status":                {steps: []checks.Step{{Check: "secrets"}}, exit: ExitUnknown, outcome: checks.Pass},
		"all excluded":               {steps: []checks.Step{step("secrets", checks.Excluded)}, exit: ExitUnknown, outcome: checks.Pass},
		"one excluded":               {steps: append(slices.Clone(ok), step("deps", checks.Excluded)), exit: ExitPass, outcome: checks.Pass},
		"not applicable":             {steps: append(slices.Clone(ok), step("deps", checks.NotApplicable)), exit: ExitPass, outcome: checks.Pass},
		"failed and found":           {steps: append(slices.Clone(ok), step("deps", checks.Failed)), findings: []checks.Finding{found(checks.High, "")}, exit: ExitUnknown, outcome: checks.Fail},
		"partial":                    {steps: []checks.Step{step("secrets", checks.Partial)}, exit: ExitUnknown, outcome: checks.Pass},
		"missing":                    {steps: []checks.Step{step("secrets", checks.Missing)}, exit: ExitUnknown, outcome: checks.Pass},
		"stale":                      {steps: []checks.Step{step("secrets", checks.Stale)}, exit: ExitUnknown, outcome: checks.Pass},
		"interrupted":                {steps: ok, interrupted: true, exit: ExitInterrupted, outcome: checks.Pass},
	} {
		v := Judge(checks.Run{Steps: c.steps, Findings: c.findings}, Gate{FailOn: checks.High}, c.interrupted)
		if v.Exit != c.exit || v.Findings != c.outcome {
			t.Errorf("%s: exit %d findings %s, want %d %s", name, v.Exit, v.Findings, c.exit, c.outcome)
		}
		if v.Exit != ExitPass && len(v.Reasons) == 0 {
			t.Errorf("%s: exit %d without a reason", name, v.Exit)
		}
		if v.Complete != (v.Exit == ExitPass || v.Exit == ExitFail) {
			t.Errorf("%s: complete is %v with exit %d", name, v.Complete, v.Exit)
		}
	}
}

// A gate that nobody set lets nothing through.
func TestZeroGateFailsOnEverything(t *testing.T) {
	for _, s := range checks.Severities() {
		if !(Gate{}).Blocks(found(s, "")) {
			t.Errorf("the zero gate lets %s through", s)
		}
	}
}

func TestReasonsNameWhatWasNotAsked(t *testing.T) {
	v := Judge(checks.Run{Steps: []checks.Step{step("secrets", checks.OK), step("deps", checks.Excluded)}}, Gate{FailOn: checks.High}, false)
	if !strings.Contains(strings.Join(v.Reasons, "\n"), "not asked: deps") {
		t.Errorf("reasons %q do not say that deps was not asked", v.Reasons)
	}
}

func TestWorst(t *testing.T) {
	for _, c := range []struct {
		codes []int
		want  int
	}{{nil, ExitUnknown}, {[]int{0}, 0}, {[]int{0, 1}, 1}, {[]int{1, 3, 0}, 3}, {[]int{3, 130}, 130}} {
		if got := Worst(c.codes...); got != c.want {
			t.Errorf("Worst(%v) = %d, want %d", c.codes, got, c.want)
		}
	}
}
