package bill_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"
	"testing"

	"github.com/vitalsign-dev/vitalsign/attest/bill"
)

func leaves(n int) []bill.Leaf {
	var out []bill.Leaf
	for i := range n {
		sum := sha256.Sum256([]byte(fmt.Sprint(i)))
		out = append(out, bill.Leaf{Fingerprint: hex.EncodeToString(sum[:]), Rule: "r", Class: "c", Severity: "high",
			Count: 1, Locations: []bill.Place{{Path: "a.go", StartLine: i + 1}}})
	}
	return out
}

func set(t testing.TB, l []bill.Leaf) *bill.Set {
	t.Helper()
	s, err := bill.NewSet(l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// naiveRoot is RFC 6962 section 2.1 as it stands there.
func naiveRoot(d [][]byte) []byte {
	switch len(d) {
	case 0:
		sum := sha256.Sum256(nil)
		return sum[:]
	case 1:
		sum := sha256.Sum256(append([]byte{0}, d[0]...))
		return sum[:]
	}
	k := 1
	for k*2 < len(d) {
		k *= 2
	}
	sum := sha256.Sum256(append(append([]byte{1}, naiveRoot(d[:k])...), naiveRoot(d[k:])...))
	return sum[:]
}

func TestRootIsRFC6962(t *testing.T) {
	for n := range 70 {
		l := leaves(n)
		s := set(t, l)
		sort.Slice(l, func(i, j int) bool { return l[i].Fingerprint < l[j].Fingerprint })
		var d [][]byte
		for _, x := range l {
			// RFC 8785: members sorted, no white space.
			d = append(d, fmt.Appendf(nil, `{"class":"c","count":1,"fingerprint":%q,"locations":[{"path":"a.go","start_line":%d}],"rule":"r","severity":"high"}`,
				x.Fingerprint, x.Locations[0].StartLine))
		}
		if want := hex.EncodeToString(naiveRoot(d)); s.Root() != want || s.Size() != n {
			t.Fatalf("%d leaves: root %s, want %s", n, s.Root(), want)
		}
	}
}

func TestProofs(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 7, 8, 33} {
		all := leaves(n + 40)
		s := set(t, all[:n])
		for i, l := range all {
			p, err := s.Prove(l.Fingerprint)
			if err != nil {
				t.Fatal(err)
			}
			present, err := p.Check(s.Size(), s.Root())
			if err != nil || present != (i < n) {
				t.Fatalf("%d leaves, finding %d: present %v, %v", n, i, present, err)
			}
		}
	}
}

// A proof that lies about anything is refused.
func TestLyingProofs(t *testing.T) {
	all := leaves(20)
	s, other := set(t, all[:9]), set(t, all[:10])
	inside, err := s.Prove(all[3].Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	outside, err := s.Prove(all[15].Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	if outside.Before == nil && outside.After == nil {
		t.Fatal("an absence without neighbours")
	}
	for name, lie := range map[string]func(p *bill.Proof){
		"another root":          func(p *bill.Proof) { p.Root = other.Root() },
		"another fingerprint":   func(p *bill.Proof) { p.Fingerprint = all[4].Fingerprint },
		"another severity":      func(p *bill.Proof) { p.Leaf.Leaf.Severity = "low" },
		"another place":         func(p *bill.Proof) { p.Leaf.Leaf.Locations[0].StartLine++ },
		"another index":         func(p *bill.Proof) { p.Leaf.Index++ },
		"a negative index":      func(p *bill.Proof) { p.Leaf.Index = -1 },
		"present called absent": func(p *bill.Proof) { p.Before, p.Leaf = p.Leaf, nil },
		"nothing shown":         func(p *bill.Proof) { p.Leaf = nil },
		"a shorter path":        func(p *bill.Proof) { p.Leaf.Path = p.Leaf.Path[1:] },
	} {
		p := inside
		leaf := *inside.Leaf
		leaf.Leaf.Locations = append([]bill.Place(nil), leaf.Leaf.Locations...)
		p.Leaf = &leaf
		lie(&p)
		if _, err := p.Check(s.Size(), s.Root()); err == nil {
			t.Errorf("%s: believed", name)
		}
	}
	for name, lie := range map[string]func(p *bill.Proof){
		"no neighbour before": func(p *bill.Proof) { p.Before = nil },
		"no neighbour after":  func(p *bill.Proof) { p.After = nil },
		"one that is there":   func(p *bill.Proof) { p.Fingerprint = all[3].Fingerprint },
	} {
		p := outside
		lie(&p)
		if _, err := p.Check(s.Size(), s.Root()); err == nil {
			t.Errorf("%s: believed", name)
		}
	}
}

func TestNotASet(t *testing.T) {
	l := leaves(3)
	for name, bad := range map[string][]bill.Leaf{
		"twice":        {l[0], l[1], l[0]},
		"no identity":  {{Count: 1, Locations: []bill.Place{{}}}},
		"count is off": {{Fingerprint: "a", Count: 2, Locations: []bill.Place{{}}}},
		"in no place":  {{Fingerprint: "a"}},
	} {
		if _, err := bill.NewSet(bad); err == nil {
			t.Errorf("%s: is a set", name)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	l := leaves(5000)
	for b.Loop() {
		set(b, l)
	}
}

func FuzzProof(f *testing.F) {
	all := leaves(12)
	s := set(f, all[:7])
	in := map[string]bool{}
	for _, l := range all[:7] {
		in[l.Fingerprint] = true
	}
	for _, l := range all {
		p, err := s.Prove(l.Fingerprint)
		if err != nil {
			f.Fatal(err)
		}
		raw, err := json.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	// Whatever a proof says that holds is so.
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p bill.Proof
		if json.Unmarshal(raw, &p) != nil {
			return
		}
		present, err := p.Check(s.Size(), s.Root())
		if err == nil && present != in[p.Fingerprint] {
			t.Fatalf("%s is said to be present: %v", p.Fingerprint, present)
		}
	})
}
