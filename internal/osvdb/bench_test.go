package osvdb

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func damage(t *testing.T, dir, file string) {
	t.Helper()
	p := filepath.Join(dir, file)
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(p, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkLookup looks 2,000 packages up in data of npm's size: 220,000
// advisories, most of them of malicious packages.
func BenchmarkLookup(b *testing.B) {
	c := newCollection(testNow())
	for i := range 220000 {
		rec := record(fmt.Sprintf("MAL-2025-%d", i), fmt.Sprintf("npm/package-%x-%d", uint32(i)*2654435761, i))
		if err := c.add([]byte(rec)); err != nil {
			b.Fatal(err)
		}
	}
	built, err := c.build("npm")
	if err != nil {
		b.Fatal(err)
	}
	s := &store{dir: b.TempDir(), state: State{Schema: SchemaNumber}}
	if err := s.commit(builtList(built)); err != nil {
		b.Fatal(err)
	}
	r, err := Open(s.dir)
	if err != nil {
		b.Fatal(err)
	}
	var names []string
	for i := range 2000 {
		n := i * 109
		names = append(names, fmt.Sprintf("package-%x-%d", uint32(n)*2654435761, n))
	}
	b.ReportMetric(float64(built.ecosystem.Size), "file-bytes")
	b.ReportAllocs()
	for b.Loop() {
		found := 0
		if err := r.Lookup("npm", names, func(string, Advisory) error { found++; return nil }); err != nil || found != 2000 {
			b.Fatal(found, err)
		}
	}
}

func builtList(b built) []built { return []built{b} }
