package osvdb

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

func testNow() time.Time { return time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC) }

// record writes a minimal OSV record for packages given as ECOSYSTEM/NAME.
func record(id string, packages ...string) string {
	var affected []map[string]any
	for _, p := range packages {
		eco, name, _ := strings.Cut(p, "/")
		affected = append(affected, map[string]any{
			"package": map[string]string{"ecosystem": eco, "name": name},
			"ranges":  []any{map[string]any{"type": "SEMVER", "events": []any{map[string]string{"introduced": "0"}}}},
		})
	}
	b, err := json.Marshal(map[string]any{"schema_version": "1.7.0", "id": id, "modified": "2026-08-01T00:00:00Z", "affected": affected})
	if err != nil {
		panic(err) // a map of strings
	}
	return string(b)
}

// zipOf makes a zip archive.
func zipOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, content := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tree writes files below a new directory.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func imported(t testing.TB, src string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "db")
	if _, err := Import(t.Context(), dir, src, testNow(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// lookup gives "name id" of everything that is found.
func lookupAll(t testing.TB, dir, eco string, names ...string) ([]string, error) {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		return nil, err
	}
	var got []string
	err = r.Lookup(eco, names, func(name string, a Advisory) error {
		got = append(got, name+" "+a.ID)
		return nil
	})
	return got, err
}

func TestImportReadsEveryLayout(t *testing.T) {
	goZip := string(zipOf(t, map[string]string{"GO-1.json": record("GO-1", "Go/example.com/a"), "readme.txt": "no record"}))
	pyZip := string(zipOf(t, map[string]string{"PYSEC-1.json": record("PYSEC-1", "PyPI/Zope.Interface")}))
	nested := string(zipOf(t, map[string]string{"osv/Go/all.zip": goZip, "osv/PyPI/all.zip": pyZip}))
	both := map[string]string{"Go/all.zip": goZip, "PyPI/all.zip": pyZip}
	for name, c := range map[string]struct {
		files map[string]string
		src   string
		want  string
	}{
		"exports":           {both, ".", "Go PyPI"},
		"one export":        {both, "Go/all.zip", "Go"},
		"zip of exports":    {map[string]string{"x.zip": nested}, "x.zip", "Go PyPI"},
		"deeper":            {map[string]string{"a/osv/Go/all.zip": goZip}, ".", "Go"},
		"directory of JSON": {map[string]string{"GO-1.json": record("GO-1", "Go/example.com/a"), "d/PYSEC-1.json": record("PYSEC-1", "PyPI/b")}, ".", "Go PyPI"},
		"all of osv.dev":    {map[string]string{"all.zip": string(zipOf(t, map[string]string{"1.json": record("GO-1", "Go/a"), "2.json": record("P-1", "PyPI/b"), "3.json": record("G-1", "PyPI/b", "npm/c")}))}, "all.zip", "Go PyPI"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := imported(t, filepath.Join(tree(t, c.files), c.src))
			s, err := Status(dir)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, e := range s.Ecosystems {
				names = append(names, e.Name)
				if e.Records == 0 || e.AsOfIs != AsOfNewest || e.AsOf.Format(time.DateOnly) != "2026-08-01" {
					t.Errorf("entry %+v", e)
				}
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("ecosystems %q, want %q", got, c.want)
			}
		})
	}
}

// An advisory of Go that names an npm package, too, must not make npm look
// covered: the scan would be clean for want of data.
func TestByCatchIsNotCoverage(t *testing.T) {
	dir := imported(t, tree(t, map[string]string{"Go/all.zip": string(zipOf(t, map[string]string{
		"1.json": record("GHSA-1", "Go/a", "npm/b"), "2.json": record("GO-1", "Go/a"),
	}))}))
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Has("Go") || r.Has("npm") {
		t.Errorf("Go %v, npm %v", r.Has("Go"), r.Has("npm"))
	}
	if _, err := lookupAll(t, dir, "npm", "b"); !errors.Is(err, ErrNoData) {
		t.Errorf("npm without data: %v", err)
	}
}

// What is refused changes nothing.
func TestRefusedImports(t *testing.T) {
	dir := imported(t, tree(t, map[string]string{"a.json": record("GO-1", "Go/a")}))
	before, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		t.Fatal(err)
	}
	goZip := string(zipOf(t, map[string]string{"1.json": record("GO-1", "Go/a")}))
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no modified":       {map[string]string{"x.json": `{"id":"GO-2","affected":[{"package":{"ecosystem":"Go","name":"a"}}]}`}, "modified is missing"},
		"not JSON":          {map[string]string{"x.json": record("GO-2", "Go/a"), "y.json": "{"}, "y.json: not an OSV record"},
		"empty":             {map[string]string{"readme": "x"}, "no advisory"},
		"mislabelled":       {map[string]string{"PyPI/all.zip": goZip}, "about Go, not PyPI"},
		"twice":             {map[string]string{"Go/all.zip": goZip, "b/Go/all.zip": goZip}, "two exports of Go"},
		"not a zip":         {map[string]string{"Go/all.zip": goZip[:len(goZip)/2]}, "zip"},
		"damaged in a zip":  {map[string]string{"Go/all.zip": strings.Replace(goZip, "PK\x03\x04", "PK\x03\x05", 1)}, "zip"},
		"schema of another": {map[string]string{"x.json": strings.Replace(record("GO-2", "Go/a"), "1.7.0", "2.0.0", 1)}, "schema_version"},
	} {
		_, err := Import(t.Context(), dir, tree(t, c.files), testNow(), time.Time{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	after, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the manifest changed (%v)", err)
	}
	if got, err := lookupAll(t, dir, "Go", "a"); err != nil || len(got) != 1 {
		t.Errorf("the old data: %q, %v", got, err)
	}
}

func TestImportReplacesOneEcosystemAndSweeps(t *testing.T) {
	dir := imported(t, tree(t, map[string]string{"a.json": record("GO-1", "Go/a"), "b.json": record("P-1", "PyPI/b")}))
	asOf := time.Date(2026, 8, 20, 0, 0, 0, 0, time.UTC)
	if err := os.WriteFile(filepath.Join(dir, "mine.osv"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	done, err := Import(t.Context(), dir, tree(t, map[string]string{"a.json": record("GO-2", "Go/a")}), testNow(), asOf)
	if err != nil || len(done) != 1 || !done[0].AsOf.Equal(asOf) || done[0].AsOfIs != AsOfStated {
		t.Fatalf("%+v, %v", done, err)
	}
	if got, err := lookupAll(t, dir, "Go", "a"); err != nil || !slices.Equal(got, []string{"a GO-2"}) {
		t.Errorf("Go: %q, %v", got, err)
	}
	if got, err := lookupAll(t, dir, "PyPI", "B"); err != nil || !slices.Equal(got, []string{"b P-1"}) {
		t.Errorf("PyPI: %q, %v", got, err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*.osv")); err != nil || len(files) != 3 {
		t.Errorf("files %q, %v", files, err)
	}
	s, err := Status(dir)
	if err != nil {
		t.Fatal(err)
	}
	if at, name := s.Oldest(); name != "PyPI" || at.Format(time.DateOnly) != "2026-08-01" {
		t.Errorf("oldest %s of %s", at, name)
	}
}

func TestTwoImportsAtOnce(t *testing.T) {
	dir := t.TempDir()
	lock := flock.New(filepath.Join(dir, lockFile))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	src := tree(t, map[string]string{"a.json": record("GO-1", "Go/a")})
	if _, err := Import(t.Context(), dir, src, testNow(), time.Time{}); !errors.Is(err, ErrBusy) {
		t.Errorf("under the lock: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(t.Context(), dir, src, testNow(), time.Time{}); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestImportCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := Import(ctx, dir, tree(t, map[string]string{"a.json": record("GO-1", "Go/a")}), testNow(), time.Time{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := Status(dir); !errors.Is(err, ErrNoData) {
		t.Errorf("something was written: %v", err)
	}
}

// A record dated in the future must not keep data fresh for ever.
func TestFutureDatesDoNotCount(t *testing.T) {
	future := strings.Replace(record("GO-2", "Go/b"), "2026-08", "2999-08", 1)
	dir := imported(t, tree(t, map[string]string{"a.json": record("GO-1", "Go/a"), "b.json": future}))
	s, err := Status(dir)
	if err != nil || s.Ecosystems[0].AsOf.Year() != 2026 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := Import(t.Context(), dir, dir, testNow(), testNow().AddDate(0, 0, 1)); err == nil {
		t.Error("an export of tomorrow was taken")
	}
}

// many makes a store with several blocks, and one package that fills more than one.
func many(t testing.TB) string {
	files := map[string]string{}
	for i := range 1500 {
		files[fmt.Sprintf("%d.json", i)] = strings.Replace(record(fmt.Sprintf("GHSA-%d", i), fmt.Sprintf("npm/pkg-%d", i)),
			`"introduced"`, fmt.Sprintf(`"x":"%d%d","introduced"`, i*7919, i*104729), 1)
		files[fmt.Sprintf("big-%d.json", i)] = record(fmt.Sprintf("MAL-%d", i), "npm/pkg-500x")
	}
	return imported(t, tree(t, files))
}

func TestLookupAcrossBlocks(t *testing.T) {
	dir := many(t)
	var names []string
	for i := range 1500 {
		names = append(names, fmt.Sprintf("pkg-%d", i), fmt.Sprintf("other-%d", i))
	}
	got, err := lookupAll(t, dir, "npm", append(names, "pkg-500x", "pkg-500x")...)
	if err != nil || len(got) != 3000 || !slices.IsSorted(got) {
		t.Errorf("%d found, sorted %v, %v", len(got), slices.IsSorted(got), err)
	}
	if got, err := lookupAll(t, dir, "npm", "pkg-500x"); err != nil || len(got) != 1500 {
		t.Errorf("%d of the large package, %v", len(got), err)
	}
	if got, err := lookupAll(t, dir, "npm", "", "zzz", "PKG-1"); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
}

// Whatever happens to the files, the answer is an error, never nothing.
func TestDamageIsAnError(t *testing.T) {
	dir := many(t)
	s, err := Status(dir)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, s.Ecosystems[0].File)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := lookupAll(t, dir, "npm", "pkg-1"); !errors.Is(err, ErrCorrupt) || len(got) != 0 {
			t.Errorf("%s: %q, %v", what, got, err)
		}
		if err := Verify(dir, s); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: verify says %v", what, err)
		}
	}
	for at := 0; at < len(data); at += 97 {
		flipped := slices.Clone(data)
		flipped[at] ^= 0x10
		check(fmt.Sprintf("bit flipped at %d", at), flipped)
	}
	for _, n := range []int{0, 1, footerSize, len(data) / 2, len(data) - 1} {
		check(fmt.Sprintf("cut to %d", n), data[:n])
	}
	check("longer", append(slices.Clone(data), 0))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := lookupAll(t, dir, "npm", "pkg-1"); !errors.Is(err, ErrCorrupt) {
		t.Errorf("missing file: %v", err)
	}
}

// The structure is checked on its own, too: a file that has the digest that a
// hostile manifest names is still not believed.
func TestHostileStructureIsAnError(t *testing.T) {
	dir := many(t)
	s, err := Status(dir)
	if err != nil {
		t.Fatal(err)
	}
	e := s.Ecosystems[0]
	data, err := os.ReadFile(filepath.Join(dir, e.File))
	if err != nil {
		t.Fatal(err)
	}
	for at := range data {
		if at < len(data)-footerSize-400 && at%211 != 0 {
			continue
		}
		flipped := slices.Clone(data)
		flipped[at] ^= 0x10
		got := map[string]bool{}
		l := lookup{ecosystem: e, file: bytes.NewReader(flipped), yield: func(_ string, a Advisory) error { got[a.ID] = true; return nil }}
		var names []string
		for i := range 1500 {
			names = append(names, fmt.Sprintf("pkg-%d", i))
		}
		slices.Sort(names)
		if err := l.run(names); err == nil && len(got) != 1500 {
			t.Errorf("flipped at %d of %d: %d found and no error", at, len(data), len(got))
		}
	}
}

func TestManifestIsNotBelieved(t *testing.T) {
	dir := imported(t, tree(t, map[string]string{"a.json": record("GO-1", "Go/a")}))
	good, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"empty": "", "no ecosystems": `{"schema":1,"ecosystems":[]}`, "cut": string(good[:len(good)/2]),
		"other schema": strings.Replace(string(good), `"schema": 1`, `"schema": 2`, 1),
		"elsewhere":    strings.Replace(string(good), `"file": "`, `"file": "../`, 1),
		"no records":   strings.Replace(string(good), `"records": 1`, `"records": 0`, 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, manifestFile), []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := lookupAll(t, dir, "Go", "a"); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNoData) {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestNormalName(t *testing.T) {
	for _, c := range [][3]string{
		{"PyPI", "Zope._-Interface", "zope-interface"}, {"NuGet", "Newtonsoft.Json", "newtonsoft.json"},
		{"crates.io", "Foo_Bar", "foo-bar"}, {"npm", "JSONStream", "JSONStream"}, {"Go", "github.com/BurntSushi/toml", "github.com/BurntSushi/toml"},
		{"Packagist:https://packages.example/8", "Drupal/Core", "drupal/core"}, {"SwiftURL", "https://github.com/Vapor/vapor.git", "github.com/vapor/vapor"},
	} {
		if got := NormalName(c[0], c[1]); got != c[2] {
			t.Errorf("%s %s is %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

// What nothing names goes with Prune, and all data with Clear; files that are
// not ours stay with both.
func TestPruneAndClear(t *testing.T) {
	dir := t.TempDir()
	if n, err := Prune(dir, false); n != 0 || err != nil {
		t.Errorf("nothing there: %d %v", n, err)
	}
	if err := errors.Join(Clear(filepath.Join(dir, "nowhere")), Clear(dir)); err != nil {
		t.Error(err)
	}
	if _, err := Import(t.Context(), dir, tree(t, map[string]string{"A-1.json": record("A-1", "Go/a")}), testNow(), testNow()); err != nil {
		t.Fatal(err)
	}
	stray := "Go-0123456789abcdef.osv"
	for _, name := range []string{stray, "mine.osv", "readme"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("12345"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, dry := range []bool{true, false} {
		if n, err := Prune(dir, dry); n != 5 || err != nil {
			t.Errorf("dry %v: %d bytes, %v", dry, n, err)
		}
		if _, err := os.Stat(filepath.Join(dir, stray)); (err == nil) != dry {
			t.Errorf("dry %v: %v", dry, err)
		}
	}
	s, err := Status(dir)
	if err != nil || Verify(dir, s) != nil {
		t.Errorf("the data is gone: %v", err)
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := Prune(dir, false); !errors.Is(err, ErrBusy) || !errors.Is(Clear(dir), ErrBusy) {
		t.Errorf("another process writes: %v", err)
	}
	if err := errors.Join(lock.Unlock(), Clear(dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := Status(dir); !errors.Is(err, ErrNoData) {
		t.Errorf("data is left: %v", err)
	}
	entries, err := os.ReadDir(dir)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if err != nil || !slices.Equal(left, []string{lockFile, "mine.osv", "readme"}) {
		t.Errorf("left: %v %v", left, err)
	}
}
