package store

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// full is a summary in which every field says something, found by reflection:
// a field that is added and not recorded fails here.
func full(t *testing.T) TargetSummary {
	t.Helper()
	var s TargetSummary
	n := 0
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		n++
		switch v.Kind() {
		case reflect.String:
			v.SetString(fmt.Sprintf("text %d \xff\x00", n))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int:
			v.SetInt(int64(n) * (-1 + 2*int64(n%2)) * 1000)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 3, 3))
			for i := range 3 {
				fill(v.Index(i))
			}
		case reflect.Array:
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				v.Set(reflect.ValueOf(time.Date(1000+n*100, 3, 4, 5, 6, 7, 89, time.UTC)))
				return
			}
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		default:
			t.Fatalf("no value for a %s", v.Type())
		}
	}
	fill(reflect.ValueOf(&s).Elem())
	return s
}

func TestRecordKeepsEveryField(t *testing.T) {
	for _, s := range []TargetSummary{full(t), {}} {
		s.Started, s.Ended = s.Started.UTC(), s.Ended.UTC()
		raw := s.record()
		got, err := readRecord(raw)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%+v became %+v, %v", s, got, err)
		}
		for i := range raw {
			if _, err := readRecord(raw[:i]); err == nil {
				t.Errorf("the first %d bytes of %d are a record", i, len(raw))
			}
		}
	}
}

func hostileFindings() []checks.Finding {
	r := rand.New(rand.NewPCG(1, 2))
	var all []checks.Finding
	texts := []string{"", "a", "\xff\x00", strings.Repeat("long", 5000), "\x1b[2J", "é"}
	for range 400 {
		t := func() string { return texts[r.IntN(len(texts))] }
		f := checks.Finding{Fingerprint: fmt.Sprintf("%064x", r.Uint64()), Check: t(), Role: t(), Location: checks.Location{Path: t(), StartLine: r.IntN(1 << 33)},
			Rule: checks.Rule{ID: t(), Title: t(), Severity: checks.Severity(r.IntN(6)), CWE: []string{t(), t()}[:r.IntN(3)]}}
		if r.IntN(3) == 0 {
			f.Fingerprint = t()
		}
		if r.IntN(2) == 0 {
			f.Package = &checks.Package{Name: t(), Version: t()}
		}
		all = append(all, f)
	}
	return all
}

func TestTableComesBack(t *testing.T) {
	for _, findings := range [][]checks.Finding{nil, hostileFindings()} {
		table := tabulate(findings)
		prints, rows, err := table.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeTable(len(findings), prints, rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range findings {
			a, b := table.items[i], got.items[i]
			if a != b || got.identity(i) != table.identity(i) || got.paths[b.Path] != f.Location.Path || got.packages[b.Package] != packageName(f.Package) {
				t.Fatalf("finding %d is %+v, not %+v", i, b, a)
			}
			k := got.kinds[b.Kind]
			want := search.Kind{Check: f.Check, Rule: f.Rule.ID, Title: f.Rule.Title, Severity: f.Rule.Severity, Role: f.Role}
			if len(k.CWE) != len(f.Rule.CWE) {
				t.Fatalf("finding %d: %v", i, k.CWE)
			}
			if k.CWE = nil; !reflect.DeepEqual(k, want) {
				t.Fatalf("finding %d is %+v", i, k)
			}
			n := 0
			for _, g := range findings {
				if g.Fingerprint == f.Fingerprint {
					n++
				}
			}
			if f.Fingerprint != "" && countPrints(len(findings), prints, f.Fingerprint) < n {
				t.Fatalf("%.80q is not counted", f.Fingerprint)
			}
		}
	}
}

func TestPrefixOfAFingerprint(t *testing.T) {
	table := tabulate([]checks.Finding{{Fingerprint: strings.Repeat("ab", 32)}, {Fingerprint: "ab odd"}, {Fingerprint: strings.Repeat("cd", 32)}})
	prints, _, err := table.encode()
	if err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string]int{
		"": 3, "a": 2, "ab": 2, "aba": 1, "ab o": 1, "AB": 0, "c": 1, strings.Repeat("ab", 32): 1, strings.Repeat("ab", 32) + "0": 0, strings.Repeat("ab", 40): 0, "x": 0,
	} {
		if n := countPrints(3, prints, prefix); n != want {
			t.Errorf("%q: %d, not %d", prefix, n, want)
		}
	}
}

// Damage is an error or another table, and never a panic or a lot of memory.
func FuzzDecodeTable(f *testing.F) {
	findings := hostileFindings()[:20]
	for i := range findings { // short, or the fuzzer is busy with the length
		g := &findings[i]
		g.Check, g.Role, g.Location.Path, g.Rule.Title, g.Package = "c", "r", fmt.Sprint(i), "", nil
		g.Rule.ID, g.Rule.CWE = "r", []string{"CWE-1"}
		g.Fingerprint = g.Fingerprint[:min(len(g.Fingerprint), 64)]
	}
	table := tabulate(findings)
	prints, _, err := table.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(20, prints, table.columns())
	f.Add(0, []byte{}, tabulate(nil).columns())
	f.Add(1<<40, prints, table.columns())
	f.Fuzz(func(t *testing.T, n int, prints, plain []byte) {
		got, err := decodeColumns(n, prints, plain)
		if err != nil {
			return
		}
		for i := range got.items {
			it := got.items[i]
			_, _, _ = got.kinds[it.Kind], got.paths[it.Path], got.packages[it.Package]
		}
		countPrints(n, prints, "ab")
	})
}

func FuzzReadRecord(f *testing.F) {
	f.Add(TargetSummary{Target: "/x", Trend: []Total{{Open: 3}}}.record())
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := readRecord(raw)
		if err != nil {
			return
		}
		again, err := readRecord(s.record())
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%+v became %+v, %v", s, again, err)
		}
	})
}
