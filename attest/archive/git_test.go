package archive

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/git"
)

// program skips when there is no git: nothing here can be shown without.
func program(t *testing.T) string {
	t.Helper()
	p, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	return p
}

// run is git as a user runs it.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program(t), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@clinic.example",
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@clinic.example")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

const evidenceRef = "refs/vitalsign/evidence"

// upstream is a bare repository with one commit, and clones of it.
func upstream(t *testing.T) (bare string, clone func(more ...string) string) {
	t.Helper()
	work, bare := t.TempDir(), filepath.Join(t.TempDir(), "up.git")
	run(t, work, "init", "-q", "-b", "main")
	for i := range 2 {
		run(t, work, "commit", "-q", "--allow-empty", "-m", fmt.Sprint(i))
	}
	run(t, work, "clone", "-q", "--bare", work, bare)
	return bare, func(more ...string) string {
		dir := filepath.Join(t.TempDir(), "clone")
		run(t, work, append(append([]string{"clone", "-q"}, more...), "file://"+bare, dir)...)
		return dir
	}
}

func gitOptions(t *testing.T, dir string) Options {
	return Options{Git: program(t), GitDirectory: dir, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
}

func openGitAt(t *testing.T, dir, location string) *gitRef {
	t.Helper()
	a, err := Open(t.Context(), location, gitOptions(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return a.(*gitRef)
}

func TestGitLocal(t *testing.T) {
	_, clone := upstream(t)
	for kind, dir := range map[string]string{"work tree": clone(), "bare": clone("--bare"), "shallow": clone("--depth=1")} {
		t.Run(kind, func(t *testing.T) {
			before := run(t, dir, "rev-parse", "HEAD")
			conform(t, func(t *testing.T) Archive { return openGitAt(t, dir, "git:"+evidenceRef) })
			nested(t, openGitAt(t, dir, "git:"+evidenceRef))
			if run(t, dir, "rev-parse", "HEAD") != before {
				t.Error("HEAD has moved")
			}
			if kind != "bare" && run(t, dir, "status", "--porcelain") != "" {
				t.Error("the work tree or the index was touched")
			}
			run(t, dir, "fsck", "--strict")
			if who := run(t, dir, "log", "-1", "--format=%an %ae %cn %ct", evidenceRef); who != "vitalsign vitalsign@localhost vitalsign 1800000000" {
				t.Errorf("the commit is by %q", who)
			}
		})
	}
}

// Each opening is another clone, so everything goes by way of the remote.
func TestGitRemote(t *testing.T) {
	_, clone := upstream(t)
	for _, more := range [][]string{nil, {"--bare"}, {"--depth=1"}} {
		t.Run(strings.Join(more, ""), func(t *testing.T) {
			location := fmt.Sprintf("git:refs/heads/evidence%d@origin", len(strings.Join(more, "")))
			conform(t, func(t *testing.T) Archive { return openGitAt(t, clone(more...), location) })
		})
	}
}

func TestGitClonesRace(t *testing.T) {
	bare, clone := upstream(t)
	const each = 5
	archives := []*gitRef{openGitAt(t, clone(), "git:"+evidenceRef+"@origin"), openGitAt(t, clone("--depth=1"), "git:"+evidenceRef+"@origin")}
	var wg sync.WaitGroup
	for c, a := range archives {
		wg.Go(func() {
			for i := range each {
				files := map[string][]byte{
					fmt.Sprintf("%d/%d.json", c, i): []byte("document"), fmt.Sprintf("%d/%d%s", c, i, attest.BundleSuffix): fmt.Append(nil, c, i),
				}
				if err := PutAll(t.Context(), a, files); err != nil {
					t.Errorf("clone %d: %v", c, err)
				}
			}
		})
	}
	wg.Wait()
	names := run(t, bare, "ls-tree", "-r", "--name-only", evidenceRef)
	if n := len(strings.Fields(names)); n != 2*2*each {
		t.Errorf("the remote holds %d names:\n%s", n, names)
	}
	// One commit for each PutAll: no reader ever saw half of one.
	for commit := range strings.FieldsSeq(run(t, bare, "rev-list", evidenceRef)) {
		if n := len(strings.Fields(run(t, bare, "ls-tree", "-r", "--name-only", commit))); n%2 != 0 {
			t.Errorf("commit %s holds %d names", commit, n)
		}
	}
	run(t, bare, "fsck", "--strict")
}

// What was kept while the remote was away gets there with the next Put, and a
// remote that went back in its history loses nothing.
func TestGitJoinsTwoSides(t *testing.T) {
	ctx := t.Context()
	bare, clone := upstream(t)
	here := clone()
	if err := openGitAt(t, here, "git:"+evidenceRef).Put(ctx, "offline.json", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := openGitAt(t, clone(), "git:"+evidenceRef+"@origin").Put(ctx, "theirs.json", []byte("2")); err != nil {
		t.Fatal(err)
	}
	a := openGitAt(t, here, "git:"+evidenceRef+"@origin")
	if names, err := a.List(ctx, ""); err != nil || len(names) != 2 {
		t.Errorf("before the sides are joined: %q, %v", names, err)
	}
	if err := a.Put(ctx, "new.json", []byte("3")); err != nil {
		t.Fatal(err)
	}
	run(t, bare, "update-ref", evidenceRef, run(t, bare, "rev-list", "--max-parents=0", evidenceRef, "--", "theirs.json"))
	if err := a.Put(ctx, "theirs.json", []byte("2")); err != nil { // nothing new, and yet to be pushed
		t.Fatal(err)
	}
	if n := run(t, bare, "ls-tree", "--name-only", evidenceRef); n != "new.json\noffline.json\ntheirs.json" {
		t.Errorf("the remote holds %q", n)
	}
}

func TestGitReplacedEvidenceIsRefused(t *testing.T) {
	ctx := t.Context()
	bare, clone := upstream(t)
	a := openGitAt(t, clone(), "git:"+evidenceRef+"@origin")
	if err := a.Put(ctx, "a.json", []byte("true")); err != nil {
		t.Fatal(err)
	}
	run(t, bare, "update-ref", "-d", evidenceRef)
	if err := openGitAt(t, bare, "git:"+evidenceRef).Put(ctx, "a.json", []byte("false")); err != nil {
		t.Fatal(err)
	}
	if names, err := a.List(ctx, ""); !errors.Is(err, ErrExists) {
		t.Errorf("List: %q, %v", names, err)
	}
	if err := a.Put(ctx, "b.json", nil); !errors.Is(err, ErrExists) {
		t.Errorf("Put: %v", err)
	}
}

func TestGitRefuses(t *testing.T) {
	ctx := t.Context()
	_, clone := upstream(t)
	dir := clone()
	run(t, dir, "config", "remote.evil.url", "ext::sh -c touch% ran")
	run(t, dir, "config", "remote.plain.url", "http://forge.example/a")
	for location, want := range map[string]string{
		"git:refs/heads/main": "checked out", "git:" + evidenceRef + "@nowhere": "no remote", "git:" + evidenceRef + "@evil": "refused",
		"git:" + evidenceRef + "@plain": "refused", "git:" + evidenceRef + "@ext::sh -c x": "refused", "git:" + evidenceRef + "@/nowhere/at/all": "ls-remote",
	} {
		if _, err := Open(ctx, location, gitOptions(t, dir)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error with %q", location, err, want)
		}
	}
	if _, err := Open(ctx, "git:"+evidenceRef, Options{GitDirectory: dir}); !errors.Is(err, git.ErrNotFound) {
		t.Errorf("without git: %v", err)
	}
	o := gitOptions(t, dir)
	o.Now = nil
	a, err := Open(ctx, "git:"+evidenceRef, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Put(ctx, "a.json", nil); err == nil {
		t.Error("a commit without a date")
	}
}

// Neither the repository's configuration and hooks nor those of a remote at a
// path run anything.
func TestGitRunsNothingOfTheRepositories(t *testing.T) {
	bare, clone := upstream(t)
	dir, mark := clone(), filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(t.TempDir(), "evil.sh")
	evil := []byte("#!/bin/sh\necho \"$0 $*\" >> " + mark + "\n")
	if err := os.WriteFile(script, evil, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, hooks := range []string{filepath.Join(dir, ".git", "hooks"), filepath.Join(bare, "hooks")} {
		for _, hook := range []string{"pre-push", "reference-transaction", "pre-receive", "update", "post-receive", "post-update", "pre-auto-gc"} {
			if err := os.WriteFile(filepath.Join(hooks, hook), evil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for key, value := range map[string]string{
		"core.sshCommand": script, "credential.helper": "!" + script,
		"core.gitProxy": script, "gpg.program": script, "push.gpgSign": "true", "commit.gpgSign": "true", "core.fsmonitor": script,
		"uploadpack.packObjectsHook": script, "credential.https://forge.example.helper": "!" + script, "core.alternateRefsCommand": script,
	} {
		run(t, dir, "config", key, value)
		run(t, bare, "config", key, value)
	}
	for _, key := range []string{"remote.origin.uploadpack", "remote.file://" + bare + ".receivepack", "remote.promisor.uploadpack"} {
		run(t, dir, "config", key, script)
		if _, err := Open(t.Context(), "git:"+evidenceRef+"@origin", gitOptions(t, dir)); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("with %s: %v", key, err)
		}
		run(t, dir, "config", "--unset", key)
	}
	a := openGitAt(t, dir, "git:"+evidenceRef+"@origin")
	if err := a.Put(t.Context(), "a.json", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if names, err := a.List(t.Context(), ""); err != nil || len(names) != 1 {
		t.Errorf("%q, %v", names, err)
	}
	if b, err := os.ReadFile(mark); err == nil {
		t.Errorf("the repositories had programs run:\n%s", b)
	}
	run(t, dir, "update-ref", "refs/heads/control", "HEAD") // the trap works
	if _, err := os.ReadFile(mark); err != nil {
		t.Error("the control did not run anything, so this test shows nothing")
	}
}
