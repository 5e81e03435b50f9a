package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/attest"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Location{
		"evidence":                               {Kind: Directory, Path: "evidence"},
		"./a b":                                  {Kind: Directory, Path: "./a b"},
		`C:\evidence`:                            {Kind: Directory, Path: `C:\evidence`},
		"dir:s3://x":                             {Kind: Directory, Path: "s3://x"},
		"git:refs/vitalsign/evidence":            {Kind: GitRef, Ref: "refs/vitalsign/evidence"},
		"git:refs/heads/a/b.c@origin":            {Kind: GitRef, Ref: "refs/heads/a/b.c", Remote: "origin"},
		"git:refs/heads/e@git@forge.example:a/b": {Kind: GitRef, Ref: "refs/heads/e", Remote: "git@forge.example:a/b"},
		"oci://registry.example/team/evidence":   {Kind: Registry, Repository: "registry.example/team/evidence"},
		"oci://127.0.0.1:5000/e":                 {Kind: Registry, Repository: "127.0.0.1:5000/e"},
		"s3://clinic":                            {Kind: Bucket, Bucket: "clinic"},
		"s3://clinic/a/b/?region=eu-central-1":   {Kind: Bucket, Bucket: "clinic", Prefix: "a/b", Region: "eu-central-1"},
		"s3://c-1/?endpoint=http://127.0.0.1:9000&path_style=true": {Kind: Bucket, Bucket: "c-1", Endpoint: "http://127.0.0.1:9000", PathStyle: true},
	} {
		got, err := Parse(in)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v", in, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"": "missing", "dir:": "missing", "a\nb": "control", "ftp://x/y": forms, "http://x": forms, "s3:x": forms, "oci:x": forms,
		"git:main": "a ref is", "git:refs/tags/x": "a ref is", "git:refs/replace/x": "a ref is", "git:refs/heads/a..b": "a ref is",
		"git:refs/heads/a.lock": "a ref is", "git:refs/heads/.a": "a ref is", "git:refs/heads/": "a ref is", "git:--all": "a ref is",
		"git:refs/heads/x@": "behind @", "git:refs/heads/x@--upload-pack=x": "behind @",
		"oci://Registry/Upper Case": "oci://", "oci://registry.example/a@sha256:0": "oci://", "oci://": "oci://",
		"s3://x": "bucket's name", "s3://user:pw@clinic/x": "user", "s3://clinic/../x": "prefix", "s3://clinic/a//b": "prefix",
		"s3://clinic/x?endpoint=http://10.0.0.1:9000": "https", "s3://clinic/x?endpoint=file:///etc": "endpoint", "s3://clinic/x?path_style=yes": "path_style",
		"s3://clinic/x?acl=public": "no setting", "s3://clinic/x?region=a&region=b": "more than once", "s3://clinic/x?region=a/b": "no region",
	} {
		if l, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %+v, %v; want an error with %q", in, l, err, want)
		}
	}
}

// What is printed is read again as the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a", "C:/x", "dir:git:x", "git:refs/vitalsign/e@origin", "oci://localhost:5000/a/b", "oci://a/b",
		"s3://clinic/a?region=x&endpoint=https://h:1&path_style=false", "s3://abc/%2e%2e", "dir:oci://a", "git:refs/heads/a@@",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Parse(s)
		if err != nil {
			if l != (Location{}) {
				t.Fatalf("%q: an error and %+v", s, l)
			}
			return
		}
		again, err := Parse(l.String())
		if err != nil || again != l {
			t.Fatalf("%q is %+v; printed %q; read again %+v, %v", s, l, l, again, err)
		}
	})
}

// A name that is good stays inside of any directory, and its tag is one that a
// registry takes and that says the name.
func FuzzName(f *testing.F) {
	for _, s := range append(hostile(), long, "a/b", "a_-b", "a__b/_", "v1.x", "h1.x", strings.Repeat("_", 63)) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if n, ok := nameOf(name); ok && tagOf(n) != name { // any string as a tag
			t.Fatalf("the tag %q says %q, whose tag is %q", name, n, tagOf(n))
		}
		if CheckName(name) != nil {
			return
		}
		if !filepath.IsLocal(name) || filepath.ToSlash(filepath.Clean(name)) != name {
			t.Fatalf("%q leads out, or is not in its plain form", name)
		}
		tag := tagOf(name)
		if len(tag) > maxTag || strings.ContainsFunc(tag, func(r rune) bool { return !nameCharacter(r) || r == '/' }) {
			t.Fatalf("%q has the tag %q", name, tag)
		}
		if n, ok := nameOf(tag); strings.HasPrefix(tag, tagPlain) && (!ok || n != name) {
			t.Fatalf("%q has the tag %q, which says %q", name, tag, n)
		}
	})
}

// Two names never share a tag, and a list asks for no other's manifest without
// need, but for each that it must.
func FuzzTags(f *testing.F) {
	f.Add("a/b", "a_-b")
	f.Add("a__b", "a_b")
	f.Add(long, long[:150]+"x")
	f.Add(strings.Repeat("_", 100)+"/"+strings.Repeat("a", 50), strings.Repeat("_", 100)+"_/"+strings.Repeat("a", 49))
	f.Fuzz(func(t *testing.T, a, b string) {
		if CheckName(a) != nil || CheckName(b) != nil {
			return
		}
		tag := tagOf(a)
		if a != b && tag == tagOf(b) {
			t.Fatalf("%q and %q are both %q", a, b, tag)
		}
		if !strings.HasPrefix(tag, tagHashed) {
			return
		}
		for i := range a {
			if !mayBegin(tag, a[:i]) {
				t.Fatalf("%q is not found by the prefix %q", a, a[:i])
			}
		}
		if first, _, ok := strings.Cut(b, "/"); ok && len(first) <= maxHead/2 && !strings.HasPrefix(a, first+"/") && mayBegin(tag, b) {
			t.Fatalf("%q is looked at for the prefix %q", a, b)
		}
	})
}

// What is not asked for neither fills the list nor cuts it.
func TestListing(t *testing.T) {
	l := listing{prefix: "a/"}
	for i := range MaxNames + 10 {
		for _, name := range []string{"b/" + strconv.Itoa(i), "a/ " + strconv.Itoa(i)} {
			if err := l.add(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range MaxNames {
		if err := l.add("a/" + strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.add("a/more"); err == nil {
		t.Error("a list that was cut is no error")
	}
	if names := l.sorted(); len(names) != MaxNames || !slices.IsSorted(names) {
		t.Errorf("%d names", len(names))
	}
}

// A manifest that parses is one whose only layer may be read.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"artifactType":"` + evidenceType + `","layers":[{"size":2,"digest":"sha256:` + strings.Repeat("a", 64) + `"}],"annotations":{"` + nameAnnotation + `":"a"}}`))
	f.Add([]byte(`{"layers":[]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseManifest("x", raw)
		if (err == nil) == (m == nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if err == nil && len(m.Layers) != 1 {
			t.Fatalf("%d layers", len(m.Layers))
		}
	})
}

func TestOrderPutsBundlesLast(t *testing.T) {
	got := order(map[string][]byte{"z.json": nil, "a" + attest.BundleSuffix: nil, "b.json": nil, "c" + attest.BundleSuffix: nil})
	if want := []string{"b.json", "z.json", "a" + attest.BundleSuffix, "c" + attest.BundleSuffix}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func openDir(t *testing.T, path string) Archive {
	t.Helper()
	a, err := Open(t.Context(), "dir:"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "not", "yet")
	conform(t, func(t *testing.T) Archive { return openDir(t, path) })
	left := 0
	err := filepath.WalkDir(path, func(p string, _ os.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(p), ".") {
			left++
		}
		return err
	})
	if err != nil || left != 0 {
		t.Errorf("%d temporary files are left, %v", left, err)
	}
}

func TestDirectoryRefusesLinks(t *testing.T) {
	ctx, path, outside := t.Context(), t.TempDir(), t.TempDir()
	write := func(p, s string) {
		if err := os.WriteFile(p, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "x.json"), "outside")
	write(filepath.Join(path, "real.json"), "inside")
	link(outside, "dir")
	link("real.json", "inside.json")
	link(filepath.Join(outside, "new.json"), "dangling.json")
	a := openDir(t, path)
	for _, name := range []string{"dir/x.json", "inside.json", "dangling.json"} {
		if b, err := a.Get(ctx, name); err == nil || errors.Is(err, ErrAbsent) {
			t.Errorf("Get %s: %q, %v", name, b, err)
		}
		if err := a.Put(ctx, name, []byte("new")); err == nil {
			t.Errorf("Put %s went through a link", name)
		}
	}
	if names, err := a.List(ctx, ""); err == nil {
		t.Errorf("List passes over links in silence: %q", names)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("something was written outside: %v, %v", left, err)
	}
}

// nested is for the archives that have directories.
func nested(t *testing.T, a Archive) {
	t.Helper()
	ctx := t.Context()
	if err := a.Put(ctx, "n/file", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := a.Put(ctx, "n/file/below", []byte("x")); !errors.Is(err, ErrExists) {
		t.Errorf("a name below a file: %v", err)
	}
	if err := a.Put(ctx, "n", []byte("x")); !errors.Is(err, ErrExists) {
		t.Errorf("a file where a directory is: %v", err)
	}
	if _, err := a.Get(ctx, "n/file/below"); !errors.Is(err, ErrAbsent) {
		t.Errorf("below a file: %v", err)
	}
}

func TestDirectoryNames(t *testing.T) {
	path := t.TempDir()
	a := openDir(t, path)
	nested(t, a)
	for _, name := range []string{".hidden", "with space"} { // somebody else's
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := a.List(t.Context(), ""); err != nil || !slices.Equal(names, []string{"n/file"}) {
		t.Errorf("%q, %v", names, err)
	}
	big := filepath.Join(path, "big.json")
	if err := errors.Join(os.WriteFile(big, nil, 0o600), os.Truncate(big, MaxSize+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Get(t.Context(), "big.json"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Get of something large: %v", err)
	}
}

// flaky fails at one name.
type flaky struct {
	Archive
	at string
}

func (f flaky) Put(ctx context.Context, name string, content []byte) error {
	if name == f.at {
		return errors.New("the network is gone")
	}
	return f.Archive.Put(ctx, name, content)
}

// A writer that is cut off leaves no bundle whose document is missing, and
// doing it again completes it.
func TestPutAllCutOff(t *testing.T) {
	ctx, a := t.Context(), openDir(t, t.TempDir())
	files := map[string][]byte{"a" + attest.BundleSuffix: []byte("1"), "a.json": []byte("2"), "z.json": []byte("3")}
	for _, at := range []string{"a.json", "z.json"} {
		if err := PutAll(ctx, flaky{a, at}, files); err == nil {
			t.Fatal("no error")
		}
		if _, err := a.Get(ctx, "a"+attest.BundleSuffix); !errors.Is(err, ErrAbsent) {
			t.Errorf("cut off at %s the bundle is there: %v", at, err)
		}
	}
	if err := PutAll(ctx, a, files); err != nil {
		t.Error(err)
	}
}
