package judge

import (
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func seen(path, fingerprint string) checks.Finding {
	return checks.Finding{Fingerprint: fingerprint, Location: checks.Location{Path: path}, Rule: checks.Rule{Severity: checks.High}}
}

func TestMarkNew(t *testing.T) {
	history := seen("h", "a")
	history.Location.Commit = "c1"
	later := seen("h", "a")
	later.Location.Commit = "c2"
	for name, c := range map[string]struct {
		now    []checks.Finding
		before Before
		want   []bool
	}{
		"nothing was there":          {[]checks.Finding{seen("x", "a")}, Before{}, []bool{true}},
		"the same":                   {[]checks.Finding{seen("x", "a")}, Before{Findings: []checks.Finding{seen("x", "a")}}, []bool{false}},
		"another value":              {[]checks.Finding{seen("x", "b")}, Before{Findings: []checks.Finding{seen("x", "a")}}, []bool{true}},
		"another path":               {[]checks.Finding{seen("y", "a")}, Before{Findings: []checks.Finding{seen("x", "a")}}, []bool{true}},
		"one more":                   {[]checks.Finding{seen("x", "a"), seen("x", "a")}, Before{Findings: []checks.Finding{seen("x", "a")}}, []bool{false, true}},
		"renamed":                    {[]checks.Finding{seen("y", "a")}, Before{Findings: []checks.Finding{seen("x", "a")}, Renamed: map[string]string{"y": "x"}}, []bool{false}},
		"renamed and more":           {[]checks.Finding{seen("y", "a"), seen("y", "a")}, Before{Findings: []checks.Finding{seen("x", "a")}, Renamed: map[string]string{"y": "x"}}, []bool{false, true}},
		"the same path first":        {[]checks.Finding{seen("a", "a"), seen("x", "a")}, Before{Findings: []checks.Finding{seen("x", "a")}, Renamed: map[string]string{"a": "x"}}, []bool{true, false}},
		"running":                    {[]checks.Finding{seen("/patients", "a")}, Before{Findings: []checks.Finding{seen("/patients", "a")}}, []bool{true}},
		"in history":                 {[]checks.Finding{history, later}, Before{Reached: func(c string) bool { return c == "c1" }}, []bool{false, true}},
		"in history, nobody can say": {[]checks.Finding{history}, Before{}, []bool{true}},
		"history is no file":         {[]checks.Finding{seen("h", "a")}, Before{Findings: []checks.Finding{history}}, []bool{true}},
	} {
		for i, f := range MarkNew(c.now, c.before) {
			if f.New == nil || *f.New != c.want[i] {
				t.Errorf("%s: finding %d: new is %v, want %v", name, i, f.New, c.want[i])
			}
		}
	}
}

// Only what is known to have been there passes, and only where that was asked.
func TestNewOnly(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		is   *bool
		only bool
		exit int
	}{{nil, true, ExitFail}, {&yes, true, ExitFail}, {&no, true, ExitPass}, {&no, false, ExitFail}, {nil, false, ExitFail}} {
		f := seen("x", "a")
		f.New = c.is
		run := checks.Run{Findings: []checks.Finding{f}, Steps: []checks.Step{step("secrets", checks.OK)}}
		if v := Judge(run, Gate{FailOn: checks.High, NewOnly: c.only}, false); v.Exit != c.exit || c.only && c.exit == ExitPass && len(v.Reasons) == 0 {
			t.Errorf("new %v, only %v: exit %d, %q", c.is, c.only, v.Exit, v.Reasons)
		}
	}
}
