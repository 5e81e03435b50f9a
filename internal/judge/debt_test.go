package judge

import (
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/debt"
)

func owed(change func(*debt.Debt)) AcceptedDebt {
	d := debt.Debt{Schema: debt.Schema, Owner: "o", Reason: "x", Created: "2026-11-01", Until: "2026-12-01",
		Entries: []debt.Entry{{Fingerprint: strings.Repeat("a", 64), Rule: "G402", Severity: "high", Path: "a.go", Count: 1}}}
	if change != nil {
		change(&d)
	}
	return AcceptedDebt{ID: "d", Debt: d}
}

func TestAccept(t *testing.T) {
	bound := func(d *debt.Debt) { d.IdentityKeyID, d.Entries[0].ValueBound = "k", true }
	with := func(f checks.Finding, change func(*checks.Finding)) checks.Finding { change(&f); return f }
	there := func(string) bool { return true }
	gone := func(p string) bool { return p != "a.go" }
	for name, c := range map[string]struct {
		a        AcceptedDebt
		findings []checks.Finding
		context  WaiverContext
		covers   int
		paid     int
		state    checks.WaiverState
	}{
		"what it names":             {owed(nil), []checks.Finding{at("a.go", 3)}, WaiverContext{There: there}, 1, 0, checks.WaiverApplied},
		"a copy is new":             {owed(nil), []checks.Finding{at("a.go", 3), at("a.go", 9)}, WaiverContext{There: there}, 1, 0, checks.WaiverApplied},
		"another file":              {owed(nil), []checks.Finding{at("b.go", 3)}, WaiverContext{There: there}, 0, 1, checks.WaiverUnused},
		"a renamed file":            {owed(nil), []checks.Finding{at("b.go", 3), at("c.go", 3)}, WaiverContext{There: gone}, 1, 0, checks.WaiverApplied},
		"nobody knows what is gone": {owed(nil), []checks.Finding{at("b.go", 3)}, WaiverContext{}, 0, 1, checks.WaiverUnused},
		"paid off":                  {owed(nil), nil, WaiverContext{There: there}, 0, 1, checks.WaiverUnused},
		"paid off with its file":    {owed(nil), nil, WaiverContext{There: gone}, 0, 1, checks.WaiverUnused},
		"became worse":              {owed(nil), []checks.Finding{with(at("a.go", 3), func(f *checks.Finding) { f.Rule.Severity = checks.Critical })}, WaiverContext{There: there}, 0, 1, checks.WaiverUnused},
		"unrated counts as worse":   {owed(nil), []checks.Finding{with(at("a.go", 3), func(f *checks.Finding) { f.Rule.Severity = checks.Unrated })}, WaiverContext{There: there, UnratedAs: checks.Critical}, 0, 1, checks.WaiverUnused},
		"another rule":              {owed(nil), []checks.Finding{with(at("a.go", 3), func(f *checks.Finding) { f.Rule.ID = "G403" })}, WaiverContext{There: there}, 0, 1, checks.WaiverUnused},
		"a credential never":        {owed(nil), []checks.Finding{with(at("a.go", 3), func(f *checks.Finding) { f.Rule.Class = checks.ClassCredential })}, WaiverContext{There: there}, 0, 1, checks.WaiverUnused},
		"in history never":          {owed(nil), []checks.Finding{with(at("a.go", 3), func(f *checks.Finding) { f.Location.Commit = "c" })}, WaiverContext{There: there}, 0, 1, checks.WaiverUnused},
		"ended":                     {owed(func(d *debt.Debt) { d.Until = "2026-11-23" }), []checks.Finding{at("a.go", 3)}, WaiverContext{There: there}, 0, 0, checks.WaiverExpired},
		"of the future":             {owed(func(d *debt.Debt) { d.Created = "2026-11-25" }), []checks.Finding{at("a.go", 3)}, WaiverContext{There: there}, 0, 0, checks.WaiverRefused},
		"zero":                      {AcceptedDebt{}, []checks.Finding{at("a.go", 3)}, WaiverContext{There: there}, 0, 0, checks.WaiverRefused},
		"refused":                   {AcceptedDebt{Debt: owed(nil).Debt, Refused: "no"}, []checks.Finding{at("a.go", 3)}, WaiverContext{There: there}, 0, 0, checks.WaiverRefused},
		"its key":                   {owed(bound), []checks.Finding{at("a.go", 3)}, WaiverContext{There: there, IdentityKeyID: "k"}, 1, 0, checks.WaiverApplied},
		"no key":                    {owed(bound), []checks.Finding{at("a.go", 3)}, WaiverContext{There: there, IdentityKeyID: "k", Throwaway: true}, 0, 0, checks.WaiverUnconfirmed},
		"another key":               {owed(bound), []checks.Finding{at("a.go", 3)}, WaiverContext{There: there, IdentityKeyID: "j"}, 0, 0, checks.WaiverUnconfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			c.context.At = day
			out, w, paid := Accept(c.findings, c.a, c.context)
			set := 0
			for _, f := range out {
				if f.Waived != nil {
					set++
				}
			}
			if n := (debt.Debt{Entries: paid}).Findings(); set != c.covers || w.Covers != c.covers || n != c.paid || w.State != c.state {
				t.Errorf("%d set aside, %d paid, %+v", set, n, w)
			}
		})
	}
}
