package debt

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func sample() Debt {
	return Debt{Schema: Schema, Owner: "nurse@example.com", Reason: "x", Created: "2026-11-01", Until: "2027-01-31", IdentityKeyID: "k",
		Entries: []Entry{
			{Fingerprint: strings.Repeat("a", 64), Rule: "G402", Severity: "high", Path: "a.go", Count: 2},
			{Fingerprint: strings.Repeat("b", 64), Rule: "phi", Severity: "medium", Path: "b.hl7", Count: 1, ValueBound: true},
		}}
}

func TestRead(t *testing.T) {
	b, err := sample().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	d, err := Read(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.Bytes()
	if err != nil || !bytes.Equal(again, b) {
		t.Fatalf("reading and writing changed it: %v\n%s", err, again)
	}
	if d.Findings() != 3 || !d.Ends().Equal(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%d findings until %v", d.Findings(), d.Ends())
	}
	for what, change := range map[string]func(*Debt){
		"no owner":        func(d *Debt) { d.Owner = " " },
		"no reason":       func(d *Debt) { d.Reason = "" },
		"no end":          func(d *Debt) { d.Until = "" },
		"ends before":     func(d *Debt) { d.Until = "2026-10-01" },
		"runs for ever":   func(d *Debt) { d.Until = "2036-10-01" },
		"another schema":  func(d *Debt) { d.Schema = "v2" },
		"negative count":  func(d *Debt) { d.Entries[0].Count = -1 },
		"no fingerprint":  func(d *Debt) { d.Entries[0].Fingerprint = "" },
		"no severity":     func(d *Debt) { d.Entries[0].Severity = "" },
		"unrated":         func(d *Debt) { d.Entries[0].Severity = "unrated" },
		"twice":           func(d *Debt) { d.Entries = append(d.Entries, d.Entries[0]) },
		"another path":    func(d *Debt) { d.Entries[0].Path = "./a.go" },
		"bound to no key": func(d *Debt) { d.IdentityKeyID = "" },
	} {
		d := sample()
		change(&d)
		if err := d.Check(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, broken := range []string{"", "{}", "null", "[]", string(b) + "x", string(b) + "{}", strings.Replace(string(b), `"owner"`, `"Owners"`, 1)} {
		if _, err := Read([]byte(broken)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.40q: %v", broken, err)
		}
	}
}

func TestOf(t *testing.T) {
	f := func(path string, change func(*checks.Finding)) checks.Finding {
		f := checks.Finding{Fingerprint: strings.Repeat("c", 64), Rule: checks.Rule{ID: "r", Class: "weak-tls", Severity: checks.Medium}, Location: checks.Location{Path: path}}
		if change != nil {
			change(&f)
		}
		return f
	}
	d, refused := Of([]checks.Finding{
		f("a", nil), f("a", nil), f("b", nil),
		f("c", func(f *checks.Finding) { f.Rule.Severity = checks.Unrated }),
		f("d", func(f *checks.Finding) { f.Rule.Class = checks.ClassCredential }),
		f("e", func(f *checks.Finding) { f.Location.Commit = "0123" }),
		f("f", func(f *checks.Finding) { f.Rule.Class = "vitalsign/loosened-waiver" }),
		f("g", func(f *checks.Finding) { f.Waived = &checks.Waived{} }),
		f("h", func(f *checks.Finding) { f.Waived = &checks.Waived{Debt: true} }),
		f("i", func(f *checks.Finding) { f.Ignored = &checks.Ignored{} }),
	}, "key", Debt{})
	var got []string
	for _, e := range d.Entries {
		got = append(got, e.Path+" "+e.Severity)
	}
	if want := []string{"a medium", "b medium", "c high", "h medium"}; !slices.Equal(got, want) || d.Entries[0].Count != 2 {
		t.Errorf("accepted %v, want %v", got, want)
	}
	if len(refused) != 3 {
		t.Errorf("%d refused", len(refused))
	}
	if d.IdentityKeyID != "" {
		t.Error("no finding needs the key")
	}
}

// TestLess holds that whatever a change writes, what is kept is never more than
// the base accepts, and that everything it would add is named.
func TestLess(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	severities := []string{"low", "medium", "high", "critical"}
	random := func() Debt {
		d := Debt{Until: []string{"2027-01-01", "2027-02-01"}[r.IntN(2)], IdentityKeyID: "k"}
		seen := map[Place]bool{}
		for range r.IntN(6) {
			e := Entry{Fingerprint: strings.Repeat(string(rune('a'+r.IntN(3))), 64), Rule: "r", Severity: severities[r.IntN(4)], Path: string(rune('a' + r.IntN(2))), Count: 1 + r.IntN(3), ValueBound: r.IntN(2) == 0}
			if !seen[e.Place()] {
				seen[e.Place()] = true
				d.Entries = append(d.Entries, e)
			}
		}
		return d
	}
	for range 20_000 {
		base, head := random(), random()
		kept, grown := base.Less(head)
		in := func(d Debt, e Entry) Entry {
			for _, o := range d.Entries {
				if o.Place() == e.Place() {
					return o
				}
			}
			return Entry{}
		}
		for _, e := range kept.Entries {
			b, h := in(base, e), in(head, e)
			if e.Count > b.Count || e.Count > h.Count || severity(e) > severity(b) || b.ValueBound && !e.ValueBound || kept.Until > base.Until || kept.Until > head.Until {
				t.Fatalf("base %+v\nhead %+v\nkept %+v", base, head, kept)
			}
		}
		more := head.Until > base.Until
		for _, h := range head.Entries {
			b := in(base, h)
			more = more || h.Count > b.Count || severity(h) > severity(b) || b.ValueBound && !h.ValueBound
		}
		if more != (len(grown) > 0) {
			t.Fatalf("grown %v\nbase %+v\nhead %+v", grown, base, head)
		}
	}
}

func FuzzRead(f *testing.F) {
	b, err := sample().Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Read(b)
		if err != nil {
			if d.Findings() != 0 {
				t.Fatal("what is refused accepts something")
			}
			return
		}
		again, err := d.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(again); err != nil {
			t.Fatal(err)
		}
	})
}
