package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest/waiver"
	"github.com/vitalsign-dev/vitalsign/checks"
)

var day = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func at(path string, line int) checks.Finding {
	return checks.Finding{Fingerprint: strings.Repeat("a", 64), Rule: checks.Rule{ID: "G402", Severity: checks.High, Class: "weak-tls"},
		Location: checks.Location{Path: path, StartLine: line}}
}

func accept(change func(*waiver.Waiver)) Acceptance {
	w := waiver.Waiver{Kind: waiver.KindWaiver, Fingerprint: strings.Repeat("a", 64), Rule: "G402", Severity: "high",
		Places: []waiver.Place{{Path: "a.go", Count: 1}}, Created: "2026-11-01", Until: "2026-12-01", Reason: "x"}
	change(&w)
	return Acceptance{ID: "w", Waiver: w}
}

func TestWaive(t *testing.T) {
	same := func(*waiver.Waiver) {}
	class := func(w *waiver.Waiver) { w.Fingerprint, w.Places, w.Path = "", nil, "tools/**" }
	only := func(paths ...string) func(string) bool {
		return func(p string) bool {
			for _, o := range paths {
				if o == p {
					return true
				}
			}
			return false
		}
	}
	bound := at("a.go", 1)
	bound.ValueBound = true
	worse := at("a.go", 1)
	worse.Rule.Severity = checks.Critical
	unrated := at("a.go", 1)
	unrated.Rule.Severity = checks.Unrated
	key := func(w *waiver.Waiver) { w.IdentityKeyID = "key" }
	for name, c := range map[string]struct {
		findings []checks.Finding
		change   func(*waiver.Waiver)
		context  WaiverContext
		waived   int
		state    checks.WaiverState
	}{
		"the finding":             {[]checks.Finding{at("a.go", 1)}, same, WaiverContext{}, 1, checks.WaiverApplied},
		"moved in its file":       {[]checks.Finding{at("a.go", 99)}, same, WaiverContext{}, 1, checks.WaiverApplied},
		"one more in the file":    {[]checks.Finding{at("a.go", 1), at("a.go", 2)}, same, WaiverContext{}, 1, checks.WaiverApplied},
		"in another file":         {[]checks.Finding{at("b.go", 1)}, same, WaiverContext{There: only("a.go", "b.go")}, 0, checks.WaiverUnused},
		"the file was renamed":    {[]checks.Finding{at("b.go", 1)}, same, WaiverContext{There: only("b.go")}, 1, checks.WaiverApplied},
		"renamed, and one more":   {[]checks.Finding{at("b.go", 1), at("c.go", 1)}, same, WaiverContext{There: only("b.go", "c.go")}, 1, checks.WaiverApplied},
		"nobody knows the files":  {[]checks.Finding{at("b.go", 1)}, same, WaiverContext{}, 0, checks.WaiverUnused},
		"another rule":            {[]checks.Finding{at("a.go", 1)}, func(w *waiver.Waiver) { w.Rule = "G101" }, WaiverContext{}, 0, checks.WaiverUnused},
		"another fingerprint":     {[]checks.Finding{at("a.go", 1)}, func(w *waiver.Waiver) { w.Fingerprint = strings.Repeat("b", 64) }, WaiverContext{}, 0, checks.WaiverUnused},
		"it became worse":         {[]checks.Finding{worse}, same, WaiverContext{}, 0, checks.WaiverRefused},
		"unrated counts as high":  {[]checks.Finding{unrated}, same, WaiverContext{}, 1, checks.WaiverApplied},
		"unrated over the waiver": {[]checks.Finding{unrated}, func(w *waiver.Waiver) { w.Severity = "medium" }, WaiverContext{}, 0, checks.WaiverRefused},
		"its last day":            {[]checks.Finding{at("a.go", 1)}, func(w *waiver.Waiver) { w.Until = "2026-11-24" }, WaiverContext{}, 1, checks.WaiverApplied},
		"over":                    {[]checks.Finding{at("a.go", 1)}, func(w *waiver.Waiver) { w.Until = "2026-11-23" }, WaiverContext{}, 0, checks.WaiverExpired},
		"made later":              {[]checks.Finding{at("a.go", 1)}, func(w *waiver.Waiver) { w.Created = "2026-11-25" }, WaiverContext{}, 0, checks.WaiverRefused},
		"no reason":               {[]checks.Finding{at("a.go", 1)}, func(w *waiver.Waiver) { w.Reason = " " }, WaiverContext{}, 0, checks.WaiverRefused},
		"a class":                 {[]checks.Finding{at("tools/x/a.go", 1), at("tools/b.go", 7), at("a.go", 1)}, class, WaiverContext{}, 2, checks.WaiverApplied},
		"a class, worse":          {[]checks.Finding{at("tools/a.go", 1)}, func(w *waiver.Waiver) { class(w); w.Severity = "low" }, WaiverContext{}, 0, checks.WaiverRefused},
		"a value, the same key":   {[]checks.Finding{bound}, key, WaiverContext{IdentityKeyID: "key"}, 1, checks.WaiverApplied},
		"a value, another key":    {[]checks.Finding{bound}, key, WaiverContext{IdentityKeyID: "other"}, 0, checks.WaiverUnconfirmed},
		"a value, throwaway":      {[]checks.Finding{bound}, key, WaiverContext{IdentityKeyID: "key", Throwaway: true}, 0, checks.WaiverUnconfirmed},
		"a value, no key named":   {[]checks.Finding{bound}, same, WaiverContext{IdentityKeyID: "key"}, 0, checks.WaiverRefused},
	} {
		c.context.At = day
		got, states := Waive(c.findings, []Acceptance{accept(c.change)}, c.context)
		n := 0
		for _, f := range got {
			if f.Waived != nil {
				n++
				if (Gate{}).Blocks(f) {
					t.Errorf("%s: a waived finding blocks", name)
				}
			}
		}
		if n != c.waived || len(states) != 1 || states[0].State != c.state || states[0].Covers != n {
			t.Errorf("%s: %d waived, states %+v", name, n, states)
		}
		if c.state != checks.WaiverApplied && states[0].Reason == "" {
			t.Errorf("%s: no reason", name)
		}
	}
	refused := accept(same)
	refused.Refused = "nobody"
	if got, states := Waive([]checks.Finding{at("a.go", 1)}, []Acceptance{refused}, WaiverContext{At: day}); got[0].Waived != nil || states[0].State != checks.WaiverRefused {
		t.Errorf("a refused waiver counts: %+v", states)
	}
	before := at("a.go", 1)
	before.Waived = &checks.Waived{ID: "claimed by the document"}
	if got, _ := Waive([]checks.Finding{before}, nil, WaiverContext{At: day}); got[0].Waived != nil {
		t.Error("a finding was waived by what its document says")
	}
}
