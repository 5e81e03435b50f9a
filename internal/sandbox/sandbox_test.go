package sandbox

import (
	"encoding/json"
	"testing"
)

// TestJudge takes one layer away at a time: nothing less than all is full.
func TestJudge(t *testing.T) {
	all := Report{LandlockABI: 7, Seccomp: true, NoNewPrivs: true, NoCapabilities: true, Rlimits: true}
	for _, c := range []struct {
		name string
		less func(*Report)
		want string
	}{
		{"all", func(*Report) {}, KindFull},
		{"no Landlock", func(r *Report) { r.LandlockABI = 0 }, KindPartial},
		{"no seccomp", func(r *Report) { r.Seccomp = false }, KindPartial},
		{"no no_new_privs", func(r *Report) { r.NoNewPrivs = false }, KindPartial},
		{"capabilities", func(r *Report) { r.NoCapabilities = false }, KindPartial},
		{"no limits", func(r *Report) { r.Rlimits = false }, KindPartial},
		{"something missing", func(r *Report) { r.miss("a thing") }, KindPartial},
		{"limits only", func(r *Report) { *r = Report{Rlimits: true} }, KindNone},
		{"nothing", func(r *Report) { *r = Report{} }, KindNone},
	} {
		r := all
		c.less(&r)
		r.judge()
		if r.Kind != c.want {
			t.Errorf("%s: %q, want %q", c.name, r.Kind, c.want)
		}
	}
}

func TestReportJSON(t *testing.T) {
	got, err := json.Marshal(Report{Kind: KindPartial, LandlockABI: 2, Seccomp: true, Missing: []string{"x"}})
	const want = `{"kind":"partial","landlock_abi":2,"seccomp":true,"no_new_privs":false,` +
		`"no_capabilities":false,"rlimits":false,"missing":["x"]}`
	if err != nil || string(got) != want {
		t.Errorf("%s (error %v), want %s", got, err, want)
	}
}
