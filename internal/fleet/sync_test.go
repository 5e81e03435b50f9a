package fleet

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// remote is a bare repository with one commit, and a way to add another.
type remote struct {
	t          *testing.T
	work, bare string
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := &remote{t, t.TempDir(), filepath.Join(t.TempDir(), "up.git")}
	r.git(r.work, "init", "-q", "-b", "main")
	r.commit("one.txt")
	r.git(r.work, "clone", "-q", "--bare", r.work, r.bare)
	return r
}

func (r *remote) git(dir string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@clinic.example", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@clinic.example")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *remote) commit(name string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.work, name), []byte(name), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.git(r.work, "add", "-A")
	r.git(r.work, "commit", "-q", "-m", name)
}

func (r *remote) push() { r.git(r.work, "push", "-q", "--force", r.bare, "main") }

func (r *remote) repository(s Syncer) store.FleetRepository {
	r.t.Helper()
	k := store.FleetRepository{Name: r.bare, CloneURL: "file://" + r.bare}
	p, err := PlaceOf(s.Root, k)
	if err != nil {
		r.t.Fatal(err)
	}
	k.Target = p.Tree
	return k
}

func syncer(t *testing.T) (Syncer, *[]string) {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	said := &[]string{}
	return Syncer{Git: program, Root: root, Time: time.Minute, LockWait: 300 * time.Millisecond,
		Credentials: func(context.Context, string) (git.Credentials, error) { return git.Credentials{}, nil },
		Progress:    func(s string) { *said = append(*said, s) }}, said
}

func TestSync(t *testing.T) {
	up := newRemote(t)
	s, said := syncer(t)
	k := up.repository(s)
	for _, name := range []string{"one.txt", "two.txt", "three.txt"} {
		if name != "one.txt" {
			up.commit(name)
			up.push()
		}
		c, err := s.Sync(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := pipelines.OpenTree(t.Context(), c.Dir, s.Git)
		want := up.git(up.work, "rev-parse", "HEAD")
		if err != nil || tree.Target.Path != k.Target || tree.Target.Commit != want || tree.Target.Tree != up.git(up.work, "rev-parse", "HEAD^{tree}") ||
			tree.Target.Dirty || !tree.Target.Shallow || tree.Target.Remote != k.CloneURL || tree.Repo.Branch(t.Context()) != "main" {
			t.Errorf("%+v, %v", tree, err)
		}
		if _, err := os.Stat(filepath.Join(c.Dir, name)); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Lstat(c.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the work tree is left: %v", err)
		}
	}
	if len(*said) != 0 {
		t.Errorf("the copy was not reused: %q", *said)
	}
	if err := s.Remove(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if p, _ := PlaceOf(s.Root, k); exists(p.Clone) {
		t.Error("the copy is left")
	}
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

// A copy that an interruption left damaged, a work tree that it left behind,
// and a remote that was made anew: each is put right, and says so.
func TestSyncAfterDamage(t *testing.T) {
	for name, damage := range map[string]func(up *remote, p Place){
		"a lock of git's": func(up *remote, p Place) {
			_ = os.WriteFile(filepath.Join(p.Clone, "shallow.lock"), nil, 0o600)
			up.commit("x.txt")
			up.push()
		},
		"no HEAD":       func(_ *remote, p Place) { _ = os.Remove(filepath.Join(p.Clone, "HEAD")) },
		"a work tree":   func(_ *remote, p Place) { _ = os.MkdirAll(filepath.Join(p.Tree, "old"), 0o700) },
		"a file for it": func(_ *remote, p Place) { _ = os.WriteFile(p.Tree, []byte("x"), 0o600) },
		"another history": func(up *remote, _ Place) {
			up.git(up.work, "checkout", "-q", "--orphan", "fresh")
			up.commit("y.txt")
			up.git(up.work, "branch", "-q", "-M", "main")
			up.push()
		},
		"a branch below one": func(up *remote, _ Place) {
			up.git(up.bare, "branch", "-q", "-m", "main", "main2")
			up.git(up.bare, "branch", "-q", "-m", "main2", "main/new")
			up.git(up.bare, "symbolic-ref", "HEAD", "refs/heads/main/new")
		},
		"many packs": func(_ *remote, p Place) {
			for i := range maxPacks + 1 {
				_ = os.WriteFile(filepath.Join(p.Clone, "objects", "pack", strings.Repeat("a", i+1)+".pack"), nil, 0o600)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			up := newRemote(t)
			s, _ := syncer(t)
			k := up.repository(s)
			p, _ := PlaceOf(s.Root, k)
			c, err := s.Sync(t.Context(), k)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			damage(up, p)
			c, err = s.Sync(t.Context(), k)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := pipelines.OpenTree(t.Context(), c.Dir, s.Git)
			if err != nil || tree.Target.Commit != up.git(up.bare, "rev-parse", "HEAD") || tree.Target.Dirty {
				t.Errorf("%+v, %v", tree, err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if packs, _ := filepath.Glob(filepath.Join(p.Clone, "objects", "pack", "*")); len(packs) > maxPacks {
				t.Errorf("%d packs are left", len(packs))
			}
		})
	}
}

func TestSyncFails(t *testing.T) {
	up := newRemote(t)
	s, said := syncer(t)
	k := up.repository(s)
	fails := func(name, want string, k store.FleetRepository) {
		t.Helper()
		c, err := s.Sync(t.Context(), k)
		if err == nil || c != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", name, err, want)
		}
	}
	fails("no such remote", "could not be fetched", store.FleetRepository{CloneURL: "file:///nowhere/at/all"})
	fails("a command", "neither https nor a path", store.FleetRepository{CloneURL: "ext::touch owned"})
	fails("plain http", "refused", store.FleetRepository{CloneURL: "http://forge.example/a/b.git"})
	fails("gone from the disk", "fleet remove", store.FleetRepository{Target: "/nowhere/at/all", Name: "x"})
	empty := filepath.Join(t.TempDir(), "e.git")
	up.git(up.work, "init", "-q", "--bare", empty)
	fails("empty", "no commit yet", store.FleetRepository{CloneURL: "file://" + empty})
	// Another process has it.
	c, err := s.Sync(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	*said = nil
	fails("held", "another vitalsign", k)
	if len(*said) != 1 {
		t.Errorf("nobody was told: %q", *said)
	}
	if err := s.Remove(t.Context(), k); err == nil || !exists(c.Dir) {
		t.Errorf("what somebody scans was removed: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.Git = ""
	fails("no git", "install git", k)
}

// Interrupted, nothing is left, and the next one finds the place free.
func TestSyncIsCancelled(t *testing.T) {
	up := newRemote(t)
	s, _ := syncer(t)
	k := up.repository(s)
	ctx, cancel := context.WithCancel(t.Context())
	s.Credentials = func(context.Context, string) (git.Credentials, error) {
		cancel()
		return git.Credentials{}, nil
	}
	if _, err := s.Sync(ctx, k); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	s.Credentials = func(context.Context, string) (git.Credentials, error) { return git.Credentials{}, nil }
	p, _ := PlaceOf(s.Root, k)
	if exists(p.Tree) {
		t.Error("a work tree is left")
	}
	c, err := s.Sync(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
