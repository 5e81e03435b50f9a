package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// tree writes files and gives the directory as a Tree.
func tree(t *testing.T, files map[string]string) (Tree, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return WorkTree(root), dir
}

func TestLoadNearest(t *testing.T) {
	tr, _ := tree(t, map[string]string{
		"vitalsign.yaml":         "fail_on: low\nparallel: 2\nsandbox: required\n",
		"a/.vitalsign.yaml":      "fail_on: medium\nparallel: 3\n",
		"a/b/c/vitalsign.yaml":   "parallel: 4\n",
		"other/vitalsign.yaml":   "parallel: 9\n",
		"a/b/c/d/vitalsign.yaml": "parallel: 8\n",
	})
	l, err := Load(tr, "a/b/c")
	if err != nil {
		t.Fatal(err)
	}
	_, r := Resolve(l)
	for key, want := range map[string]string{"parallel": "a/b/c/vitalsign.yaml:1", "fail_on": "a/.vitalsign.yaml:1", "sandbox": "vitalsign.yaml:3", "skip": "default"} {
		if got := r.Origin(key).String(); got != want {
			t.Errorf("%s from %s, not %s", key, got, want)
		}
	}
	if l, err := Load(tr, "."); err != nil || texts(l)["parallel"] != "2" {
		t.Errorf("%v %v", texts(l), err)
	}
}

func TestLoadNothing(t *testing.T) {
	tr, dir := tree(t, map[string]string{"a/b.txt": ""})
	if l, err := Load(tr, "a"); err != nil || !l.Empty() {
		t.Errorf("%v %v", l, err)
	}
	if l, err := LoadUser(filepath.Join(dir, "no", "such")); err != nil || !l.Empty() {
		t.Errorf("%v %v", l, err)
	}
	if _, err := Load(tr, "../x"); err == nil {
		t.Error("a directory outside is accepted")
	}
}

func TestLoadBoth(t *testing.T) {
	tr, _ := tree(t, map[string]string{"a/vitalsign.yaml": "", "a/.vitalsign.yaml": ""})
	tr.Name = func(p string) string { return "repo/" + p }
	l, err := Load(tr, "a")
	if err == nil || !l.Empty() || err.Error() != "repo/a/vitalsign.yaml and repo/a/.vitalsign.yaml are both there; keep one of them" {
		t.Errorf("%v", err)
	}
}

func TestLoadProblemsOfAllFiles(t *testing.T) {
	tr, _ := tree(t, map[string]string{"vitalsign.yaml": "a: 1", "x/vitalsign.yaml": "b: 1"})
	_, err := Load(tr, "x")
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 2 || ps[0].Origin.Name != "x/vitalsign.yaml" || ps[1].Origin.Name != "vitalsign.yaml" {
		t.Errorf("%v", err)
	}
}

func TestLoadRefusesWhatIsNoFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	for _, target := range []string{"real.yaml", "/dev/zero", "missing", "../outside"} {
		tr, dir := tree(t, map[string]string{"real.yaml": "parallel: 2"})
		if err := os.Symlink(target, filepath.Join(dir, "vitalsign.yaml")); err != nil {
			t.Fatal(err)
		}
		if l, err := Load(tr, "."); err == nil || !l.Empty() || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", target, err)
		}
	}
	tr, dir := tree(t, nil)
	if err := os.Mkdir(filepath.Join(dir, ".vitalsign.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(tr, "."); err == nil {
		t.Error("a directory is read")
	}
}

func TestLoadTooLarge(t *testing.T) {
	big := "# " + strings.Repeat("x", 2<<20)
	tr, dir := tree(t, map[string]string{"vitalsign.yaml": big})
	if _, err := Load(tr, "."); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("%v", err)
	}
	if _, err := LoadUser(filepath.Join(dir, "vitalsign.yaml")); err == nil {
		t.Error("accepted")
	}
}

func TestLoadUser(t *testing.T) {
	_, dir := tree(t, map[string]string{"vitalsign.yaml": "fail_on: low"})
	l, err := LoadUser(filepath.Join(dir, "vitalsign.yaml"))
	if _, o, _ := l.Lookup("fail_on"); err != nil || o.Kind != User || o.Line != 1 {
		t.Errorf("%v %v", o, err)
	}
}

// A Tree over a commit tells absence by fs.ErrNotExist and trouble otherwise.
func TestLoadReader(t *testing.T) {
	tr := Tree{Read: func(name string) ([]byte, error) {
		switch name {
		case "vitalsign.yaml":
			return []byte("parallel: 2"), nil
		case "bad/vitalsign.yaml":
			return nil, errors.New("object is missing")
		}
		return nil, fs.ErrNotExist
	}}
	if l, err := Load(tr, "deep/er"); err != nil || texts(l)["parallel"] != "2" {
		t.Errorf("%v %v", texts(l), err)
	}
	if _, err := Load(tr, "bad"); err == nil || !strings.Contains(err.Error(), "bad/vitalsign.yaml: the configuration cannot be read: object is missing") {
		t.Errorf("%v", err)
	}
}

func TestParseIgnore(t *testing.T) {
	got, err := ParseIgnore(Source{Name: IgnoreFile, Data: []byte("\xef\xbb\xbf# comment\r\n*.log\r\n\n  \n!keep.log\n\\#x\ntrail\\ \nlast")})
	if want := "*.log|!keep.log|\\#x|trail\\ |last"; err != nil || strings.Join(got, "|") != want {
		t.Errorf("%q %v", got, err)
	}
	for name, text := range map[string]string{
		"is larger": strings.Repeat("x", MaxSize+1), "NUL": "a\nb\x00", "10001 patterns": strings.Repeat("a\n", 10_001),
	} {
		got, err := ParseIgnore(Source{Name: "i", Data: []byte(text)})
		if err == nil || got != nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseIgnore(Source{Name: "i", Data: []byte("a\nb\x00")}); err.Error()[:4] != "i:2:" {
		t.Error(err)
	}
	if got, err := ParseIgnore(Source{}); err != nil || got != nil {
		t.Error(got, err)
	}
}
