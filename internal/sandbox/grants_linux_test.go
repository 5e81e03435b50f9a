//go:build amd64 || arm64

package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	at := func(name string) string { return filepath.Join(base, name) }
	check(t, os.MkdirAll(at("target/sub"), 0o755))
	check(t, os.MkdirAll(at("scratch/inner"), 0o755))
	check(t, os.WriteFile(at("file"), nil, 0o644))
	check(t, os.Symlink("target", at("alias")))

	for _, c := range []struct {
		name   string
		policy Policy
		want   grants
		err    string // a part of it
	}{
		{"nothing", Policy{}, grants{}, ""},
		{"a directory, a file and scratch", Policy{ReadOnly: []string{at("target"), at("file")}, Scratch: at("scratch")},
			grants{dirs: []string{at("target")}, files: []string{at("file")}, scratch: at("scratch")}, ""},
		{"a link", Policy{ReadOnly: []string{at("alias")}}, grants{dirs: []string{at("target")}}, ""},
		{"scratch inside", Policy{ReadOnly: []string{at("target")}, Scratch: at("target/sub")},
			grants{dirs: []string{at("target")}, scratch: at("target/sub")}, ""},
		{"scratch around", Policy{ReadOnly: []string{at("target")}, Scratch: base}, grants{}, "writable"},
		{"scratch around a file", Policy{ReadOnly: []string{at("file")}, Scratch: base}, grants{}, "writable"},
		{"scratch is the target by a link", Policy{ReadOnly: []string{at("target")}, Scratch: at("alias")}, grants{}, "writable"},
		{"scratch is a file", Policy{Scratch: at("file")}, grants{}, "not a directory"},
		{"scratch missing", Policy{Scratch: at("none")}, grants{}, "no such file"},
		{"path missing", Policy{ReadOnly: []string{at("none")}}, grants{}, "no such file"},
		{"path empty", Policy{ReadOnly: []string{""}}, grants{}, "empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := resolve(c.policy)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			check(t, err)
			if !slices.Equal(got.dirs, c.want.dirs) || !slices.Equal(got.files, c.want.files) || got.scratch != c.want.scratch {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestCover(t *testing.T) {
	for _, c := range []struct {
		grant, dir string
		want       bool
	}{
		{"/", "/", true}, {"/", "/proc", true}, {"/proc", "/", false}, {"/proc", "/proc", true},
		{"/pro", "/proc", false}, {"/none", "/no such directory", true},
	} {
		if got := (grants{dirs: []string{c.grant}}).cover(c.dir); got != c.want {
			t.Errorf("%s covers %s: %v", c.grant, c.dir, got)
		}
	}
	if dir := findCanary(grants{dirs: []string{"/"}}); dir != "" {
		t.Errorf("canary %q although all is granted", dir)
	}
}

// TestApplyRefusesNonsense is about policies that change nothing but the
// answer.
func TestApplyRefusesNonsense(t *testing.T) {
	r, err := Apply(Policy{ReadOnly: []string{"no such path"}})
	if err == nil || r.Kind != KindNone || len(r.Missing) == 0 {
		t.Errorf("got %+v and error %v", r, err)
	}
}
