package gather

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func tree(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestFiles(t *testing.T) {
	outside := tree(t, map[string]string{"x": "outside"})
	from := tree(t, map[string]string{"bin/app": "a", "bin/deep/b": "b", "a.md": "m", ".git/config": "g", "dist/old": "o"})
	for link, to := range map[string]string{"bin/in": "app", "evil/out": filepath.Join(outside.Name(), "x"), "dirs/d": "../bin"} {
		p := filepath.Join(from.Name(), link)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.Symlink(to, p)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	for _, c := range []struct {
		patterns string
		want     string // "!" and words of the error
	}{
		{"bin/*", "bin/app bin/in"},
		{"bin/** a.md bin/app", "a.md bin/app bin/deep/b bin/in"},
		{"*/app", "bin/app"},
		{"**/b", "bin/deep/b"},
		{"./a.md", "a.md"},
		{"evil/*", "!evil/out cannot be read: path escapes"},
		{"dirs/*", "!dirs/d is not a file"},
		{"*.none", "!nothing matches *.none"},
		{"none/*", "!nothing matches none/*"},
		{"a.md none", "!nothing matches none"},
		{".git/*", "!nothing matches .git/*"},
		{"*/old", "!nothing matches */old"},
		{"../*", "!"},
	} {
		got, err := Files(context.Background(), from, strings.Fields(c.patterns), "dist", tree(t, nil), DefaultLimits())
		if words, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v, %v", c.patterns, got, err)
			}
			continue
		}
		var paths []string
		for _, f := range got {
			paths = append(paths, f.Path)
		}
		if err != nil || !slices.Equal(paths, strings.Fields(c.want)) {
			t.Errorf("%s: %q, %v", c.patterns, paths, err)
		}
	}
}

func TestFilesIsBounded(t *testing.T) {
	from := tree(t, map[string]string{"a": "12345", "b": "12345"})
	for _, l := range []Limits{{Files: 1, Bytes: 100}, {Files: 10, Bytes: 9}} {
		if _, err := Files(context.Background(), from, []string{"*"}, "", tree(t, nil), l); err == nil {
			t.Errorf("%+v is no bound", l)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Files(ctx, from, []string{"*"}, "", tree(t, nil), DefaultLimits()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestHashRefusesLinks(t *testing.T) {
	root := tree(t, map[string]string{"a": "1"})
	if got, err := Hash(context.Background(), root, DefaultLimits()); err != nil || len(got) != 1 || got[0].Size != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if err := os.Symlink("a", filepath.Join(root.Name(), "l")); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	if _, err := Hash(context.Background(), root, DefaultLimits()); err == nil {
		t.Error("a link was taken")
	}
}
