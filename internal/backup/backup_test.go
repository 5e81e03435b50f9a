package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type file struct{ name, content string }

func some() []file {
	return []file{{"runs.db", strings.Repeat("SQLite", 1000)}, {"evidence/a/b.json", "{}"}, {"evidence/a/c d.json", ""}}
}

func written(t testing.TB, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, f := range files {
		if err := w.Add(f.name, int64(len(f.content)), time.Unix(1e9, 0), strings.NewReader(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func extracted(t testing.TB, b []byte) (string, []string, error) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	names, err := Extract(bytes.NewReader(b), root)
	return dir, names, err
}

func TestRoundTrip(t *testing.T) {
	b := written(t, some())
	dir, names, err := extracted(t, b)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range some() {
		want = append(want, f.name)
		got, err := os.ReadFile(filepath.Join(dir, f.name))
		if err != nil || string(got) != f.content {
			t.Errorf("%s: %d bytes, %v", f.name, len(got), err)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
}

// Every program that people have reads it.
func TestTarReadsIt(t *testing.T) {
	for _, p := range []string{"tar", "sha256sum"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip(p + " is not installed")
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b.tar.gz"), written(t, some()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-ec", `cd "$1"; tar -xzf b.tar.gz; sha256sum -c SHA256SUMS`, "sh", dir).CombinedOutput()
	if err != nil || strings.Count(string(out), ": OK") != len(some()) {
		t.Errorf("%v\n%s", err, out)
	}
}

// No byte can be changed so that something else comes out, and no end cut off.
// (gzip has bits that mean nothing: a header's time, what fills up a byte.)
func TestDamage(t *testing.T) {
	files := []file{{"runs.db", "some runs"}, {"evidence/x", "y"}}
	whole, taken := written(t, files), 0
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		if dir, _, err := extracted(t, bad); err == nil {
			taken++
			for _, f := range files {
				if b, err := os.ReadFile(filepath.Join(dir, f.name)); err != nil || string(b) != f.content {
					t.Errorf("byte %d was changed, and %s is %q, %v", i, f.name, b, err)
				}
			}
		}
		if _, _, err := extracted(t, whole[:i]); err == nil {
			t.Errorf("%d bytes of it are taken", i)
		}
	}
	if taken > len(whole)/4 {
		t.Errorf("%d of %d changes are taken", taken, len(whole))
	}
}

// What is well formed and still no backup: named after other places, not a
// file, listed in another way, or more of it.
func TestHostile(t *testing.T) {
	sum := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for name, entries := range map[string][]tar.Header{
		"above":         {{Name: "../x", Typeflag: tar.TypeReg}, {Name: Sums, Typeflag: tar.TypeReg}},
		"absolute":      {{Name: "/tmp/x", Typeflag: tar.TypeReg}, {Name: Sums, Typeflag: tar.TypeReg}},
		"link":          {{Name: "x", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, {Name: Sums, Typeflag: tar.TypeReg}},
		"twice":         {{Name: "x", Typeflag: tar.TypeReg}, {Name: "x", Typeflag: tar.TypeReg}, {Name: Sums, Typeflag: tar.TypeReg}},
		"not listed":    {{Name: "x", Typeflag: tar.TypeReg}, {Name: Sums, Typeflag: tar.TypeReg}},
		"listed only":   {{Name: Sums, Typeflag: tar.TypeReg, Linkname: sum + "  x\n"}},
		"after the end": {{Name: Sums, Typeflag: tar.TypeReg}, {Name: "x", Typeflag: tar.TypeReg}},
		"no sums":       {{Name: "x", Typeflag: tar.TypeReg}},
		"nothing":       {},
	} {
		var b bytes.Buffer
		gz := gzip.NewWriter(&b)
		w := tar.NewWriter(gz)
		for _, h := range entries {
			content := ""
			if h.Name == Sums {
				content, h.Linkname = h.Linkname, ""
			}
			h.Size, h.Mode = int64(len(content)), 0o600
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, content); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := gz.Close(); err != nil {
			t.Fatal(err)
		}
		if _, names, err := extracted(t, b.Bytes()); err == nil {
			t.Errorf("%s: taken, with %v", name, names)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	w := NewWriter(io.Discard)
	for _, name := range []string{"../x", "/x", ".", "", Sums, "a/" + Sums, "a\nb", `a\b`} {
		if w.Add(name, 0, time.Time{}, strings.NewReader("")) == nil {
			t.Errorf("%q is taken", name)
		}
	}
	for content, size := range map[string]int64{"ab": 1, "a": 2} {
		if NewWriter(io.Discard).Add("x", size, time.Time{}, strings.NewReader(content)) == nil {
			t.Errorf("%q is taken for %d bytes", content, size)
		}
	}
	if _, err := Extract(strings.NewReader("text"), nil); err == nil {
		t.Error("text is a backup")
	}
}
