package store

import (
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// table is the findings of a run in columns, each text once, in the order of
// the run. It is made from the run's document and can be made again.
type table struct {
	kinds           []search.Kind
	paths, packages []string
	items           []search.Item
	flags           []uint8
	odd             map[int]string // fingerprints that are not 64 hex digits
}

// The flags of a finding as they are stored.
const (
	flagNew      = 1 << iota
	flagNewKnown // New means something
	flagWaived
	flagIgnored
	flagBound   // its identity holds a keyed value
	flagTold    // the run itself said whether it is new,
	flagToldNew // and that it is
)

// tabulate makes the table of a run's findings; nobody has said yet what is new.
func tabulate(findings []checks.Finding) *table {
	t := &table{items: make([]search.Item, len(findings)), flags: make([]uint8, len(findings)), odd: map[int]string{}}
	kinds, paths, packages := map[string]uint32{}, map[string]uint32{}, map[string]uint32{}
	for i := range findings {
		f := &findings[i]
		k := search.Kind{Check: f.Check, Rule: f.Rule.ID, Title: f.Rule.Title, Severity: f.Rule.Severity, CWE: f.Rule.CWE, Role: f.Role,
			Credential: f.Rule.Class == checks.ClassCredential}
		key := string(appendKind(nil, k))
		n, ok := kinds[key]
		if !ok {
			n = uint32(len(t.kinds))
			kinds[key] = n
			t.kinds = append(t.kinds, k)
		}
		it := &t.items[i]
		it.Kind, it.Path, it.Package = n, number(paths, &t.paths, f.Location.Path), number(packages, &t.packages, packageName(f.Package))
		it.Line, it.Ordinal = int32(min(max(f.Location.StartLine, 0), 1<<31-1)), uint32(i)
		it.Waived, it.Ignored = f.Waived != nil, f.Ignored != nil
		t.setIdentity(i, f.Fingerprint)
		if f.ValueBound {
			t.flags[i] |= flagBound
		}
		if f.New != nil {
			t.flags[i] |= flagTold
			if *f.New {
				t.flags[i] |= flagToldNew
			}
		}
	}
	return t
}

func number(seen map[string]uint32, all *[]string, text string) uint32 {
	n, ok := seen[text]
	if !ok {
		n = uint32(len(*all))
		seen[text] = n
		*all = append(*all, text)
	}
	return n
}

// packageName is how lists call a package.
func packageName(p *checks.Package) string {
	switch {
	case p == nil:
		return ""
	case p.Version == "":
		return p.Name
	}
	return p.Name + "@" + p.Version
}

func (t *table) setIdentity(i int, fingerprint string) {
	p, ok := search.ParsePrint(fingerprint)
	if t.items[i].Print = p; !ok {
		t.odd[i] = fingerprint
	}
}

// identity is a finding's fingerprint as a key.
func (t *table) identity(i int) string {
	if text, ok := t.odd[i]; ok {
		return "odd " + text
	}
	return string(t.items[i].Print[:])
}

// batch hands the table over to an index.
func (t *table) batch(repo, target, run string) search.Batch {
	return search.Batch{Repo: repo, Target: target, Run: run, Kinds: t.kinds, Paths: t.paths, Packages: t.packages, Items: t.items, Odd: t.odd}
}
