package build

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

type item struct {
	name, text string
	kind       byte
}

func tarOf(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		h := &tar.Header{Name: i.name, Mode: 0o600, Typeflag: i.kind}
		switch i.kind {
		case 0, tar.TypeReg:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(i.text))
		default:
			h.Linkname = i.text
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(i.text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zst(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// oci is an image layout of those layers; spoil changes a blob after its digest
// was written down.
func oci(t testing.TB, spoil bool, layers ...[]byte) []byte {
	t.Helper()
	var items []item
	blob := func(b []byte) string {
		items = append(items, item{name: "blobs/sha256/" + sum(b), text: string(b)})
		return fmt.Sprintf(`{"digest":"sha256:%s"}`, sum(b))
	}
	config := blob([]byte(`{"config":{"Env":["A=b"]}}`))
	var list []string
	for _, l := range layers {
		list = append(list, blob(l))
	}
	manifest := blob([]byte(`{"config":` + config + `,"layers":[` + strings.Join(list, ",") + `]}`))
	items = append(items, item{name: "index.json", text: `{"manifests":[` + manifest + `]}`})
	if spoil {
		items[0].text = strings.Replace(items[0].text, "A=b", "A=c", 1)
	}
	return tarOf(t, items...)
}

// opened gives the paths that Open lays out for one file, and their texts.
func opened(t testing.TB, name string, content []byte) (map[string]string, error) {
	t.Helper()
	in, out := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(in, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
	from, err := os.OpenRoot(in)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	into, err := os.OpenRoot(out)
	if err != nil {
		t.Fatal(err)
	}
	defer into.Close()
	err = Open(context.Background(), from, []gather.File{{Path: name}}, into)
	got := map[string]string{}
	werr := fs.WalkDir(into.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			t.Errorf("%s is a %v", p, d.Type())
		}
		b, err := into.ReadFile(p)
		got[p] = string(b)
		return err
	})
	if werr != nil {
		t.Fatal(werr)
	}
	return got, err
}

func TestOpen(t *testing.T) {
	one := tarOf(t, item{name: "etc/secret", text: "s"}, item{name: "etc/link", text: "/etc/passwd", kind: tar.TypeSymlink})
	two := tarOf(t, item{name: "etc/.wh.secret"}, item{name: "a", text: "1"}, item{name: "a", text: "2"}, item{name: "a/b", text: "3"})
	hostile := tarOf(t, item{name: "../../up", text: "u"}, item{name: "/abs", text: "r"}, item{name: "dev", kind: tar.TypeChar})
	docker := tarOf(t, item{name: "c.json", text: "{}"}, item{name: "l/layer.tar", text: string(one)},
		item{name: "manifest.json", text: `[{"Config":"c.json","Layers":["l/layer.tar"]}]`})
	for name, c := range map[string]struct {
		content []byte
		want    []string
	}{
		"plain":        {[]byte("text"), []string{"f"}},
		"gzip no tar":  {gz(t, []byte("text")), []string{"f"}},
		"gzip in name": {[]byte("\x1f\x8bno"), []string{"f"}},
		"tar":          {one, []string{"f/etc/secret"}},
		"tar.gz":       {gz(t, one), []string{"f/etc/secret"}},
		"hostile":      {hostile, []string{"f/abs", "f/up"}},
		"docker":       {docker, []string{"f/config-1.json", "f/layer-01/etc/secret"}},
		"oci": {oci(t, false, gz(t, one), zst(t, two)), []string{"again-1/f/layer-02/a", "again-2/f/layer-02/a/b", "f/config-2.json",
			"f/layer-01/etc/secret", "f/layer-02/a", "f/layer-02/etc/.wh.secret"}},
		"oci in gzip": {gz(t, oci(t, false, one)), []string{"f/config-2.json", "f/layer-01/etc/secret"}},
		"no layer of files": {tarOf(t, item{name: "blobs/sha256/" + sum([]byte("{}")), text: "{}"}, item{name: "index.json",
			text: `{"config":{"digest":"sha256:` + sum([]byte("{}")) + `"},"layers":[{"mediaType":"application/json","digest":"sha256:` + sum([]byte("{}")) + `"}]}`}),
			[]string{"f/config-1.json"}},
		"empty image": {oci(t, false), []string{"f/config-2.json"}},
	} {
		got, err := opened(t, "f", c.content)
		var paths []string
		for p := range got {
			paths = append(paths, p)
		}
		slices.Sort(paths)
		if err != nil || !slices.Equal(paths, c.want) {
			t.Errorf("%s: %q, %v; want %q", name, paths, err, c.want)
		}
	}
}

// What cannot be looked into whole is an error, never less to look at.
func TestOpenRefusesWhatIsNotWhole(t *testing.T) {
	noise := strings.Builder{} // gzip makes nothing less of it
	for i := range 200 {
		noise.WriteString(sum([]byte{byte(i)}))
	}
	layer := tarOf(t, item{name: "a", text: noise.String()})
	for name, content := range map[string][]byte{
		"another blob":  oci(t, true, layer),
		"cut off":       layer[:1500],
		"cut gzip":      gz(t, layer)[:2000],
		"no layer":      oci(t, false, []byte(strings.Repeat("layer", 500))),
		"cut layer":     oci(t, false, layer[:1500]),
		"missing layer": tarOf(t, item{name: "manifest.json", text: `[{"Config":"","Layers":["gone"]}]`}),
		"missing blob":  tarOf(t, item{name: "index.json", text: `{"manifests":[{"digest":"sha256:00"}]}`}),
		"other digest":  tarOf(t, item{name: "index.json", text: `{"manifests":[{"digest":"md5:00"}]}`}),
		"no document":   tarOf(t, item{name: "index.json", text: `[]`}),
	} {
		if got, err := opened(t, "f", content); err == nil {
			t.Errorf("%s: believed, with %d files", name, len(got))
		}
	}
}

// FuzzOpen: whatever an image holds, nothing but plain files comes out, and
// all of them below the directory (opened looks at that).
func FuzzOpen(f *testing.F) {
	f.Add(oci(f, false, tarOf(f, item{name: "a", text: "b"})))
	f.Add(tarOf(f, item{name: "../a", text: "b"}))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = opened(t, "f", b) })
}

// What is built is what was scanned.
func TestLay(t *testing.T) {
	ctx, src, dst := context.Background(), t.TempDir(), t.TempDir()
	write := func(name, text string, mode fs.FileMode) {
		if err := os.WriteFile(filepath.Join(src, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("a", "1", 0o600)
	write("run", "2", 0o700)
	write("ignored", "3", 0o600)
	for link, to := range map[string]string{"in": "a", "out": "../x", "abs": "/etc/passwd"} {
		if err := os.Symlink(to, filepath.Join(src, link)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	take := func() *inventory.Inventory {
		root, err := os.OpenRoot(src)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		inv, err := inventory.Take(ctx, root, inventory.Options{Ignore: []string{"ignored"}})
		if err != nil {
			t.Fatal(err)
		}
		return inv
	}
	inv := take()
	if err := Lay(ctx, src, inv, dst); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dst)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if err != nil || !slices.Equal(got, []string{"a", "in", "run"}) {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(filepath.Join(dst, "run")); err != nil || info.Mode().Perm() != 0o755 || !info.ModTime().Equal(epoch()) {
		t.Errorf("%v, %v", info, err)
	}
	for _, text := range []string{"9", "longer"} {
		write("a", text, 0o600)
		if err := Lay(ctx, src, inv, t.TempDir()); err == nil || !strings.Contains(err.Error(), "changed since it was scanned") {
			t.Errorf("a file that has changed: %v", err)
		}
	}
	write("a", "1", 0o600)
	for _, name := range []string{"b\xff", "b\x1b[2J", `b\c`} {
		write(name, "4", 0o600)
		if err := Lay(ctx, src, take(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "cannot be carried") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: %v", name, err)
		}
		if err := os.Remove(filepath.Join(src, name)); err != nil {
			t.Fatal(err)
		}
	}
}
