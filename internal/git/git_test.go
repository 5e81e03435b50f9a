package git

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func repo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "init", "-q", "-b", "main")
	write(t, filepath.Join(dir, "a.txt"), "one\n")
	write(t, filepath.Join(dir, "b\nc.txt"), "two\n")
	run(t, dir, "add", "-A")
	run(t, dir, "commit", "-q", "-m", "first")
	return dir
}

func TestHeadAndTracked(t *testing.T) {
	ctx, dir := context.Background(), repo(t)
	run(t, dir, "remote", "add", "origin", "https://user:token@forge.example/a/b.git")
	r, err := Open(ctx, program(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := r.Head(ctx)
	if err != nil || h.Commit != run(t, dir, "rev-parse", "HEAD") || h.Dirty || h.Shallow {
		t.Fatalf("head %+v, %v", h, err)
	}
	if h.Remote != "https://forge.example/a/b.git" {
		t.Errorf("remote %q: a token may be in it", h.Remote)
	}
	entries, err := r.Tracked(ctx)
	if err != nil || len(entries) != 2 || entries[1].Path != "b\nc.txt" {
		t.Fatalf("tracked %+v, %v", entries, err)
	}
	write(t, filepath.Join(dir, "a.txt"), "changed\n")
	if h, err = r.Head(ctx); err != nil || !h.Dirty {
		t.Errorf("a changed file: %+v, %v", h, err)
	}
}

func TestShowAndMergeBase(t *testing.T) {
	ctx, dir := context.Background(), repo(t)
	first := run(t, dir, "rev-parse", "HEAD")
	run(t, dir, "checkout", "-q", "-b", "topic")
	write(t, filepath.Join(dir, "a.txt"), "topic\n")
	run(t, dir, "commit", "-q", "-am", "second")
	r, err := Open(ctx, program(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := r.Show(ctx, first, "a.txt", 100); err != nil || string(b) != "one\n" {
		t.Errorf("Show: %q, %v", b, err)
	}
	if _, err := r.Show(ctx, first, "nowhere", 100); !errors.Is(err, ErrAbsent) {
		t.Errorf("Show of what is not there: %v", err)
	}
	if _, err := r.Show(ctx, first, "a.txt", 2); err == nil {
		t.Error("Show went over its limit")
	}
	if base, err := r.MergeBase(ctx, "main", "topic"); err != nil || base != first {
		t.Errorf("MergeBase: %q, %v", base, err)
	}
	for _, bad := range []string{"--all", "nowhere"} {
		if _, err := r.Resolve(ctx, bad); err == nil {
			t.Errorf("Resolve(%q) gave a commit", bad)
		}
	}
}

func TestNoRepository(t *testing.T) {
	if _, err := Open(context.Background(), program(t), t.TempDir()); !errors.Is(err, ErrNoRepository) {
		t.Errorf("Open without a repository: %v", err)
	}
	if _, err := Open(context.Background(), "", t.TempDir()); !errors.Is(err, ErrNotFound) {
		t.Errorf("Open without git: %v", err)
	}
}

// The repository's configuration names programs everywhere it can. None of
// them may run, whatever is asked.
func TestHostileConfigurationRunsNothing(t *testing.T) {
	ctx, dir := context.Background(), repo(t)
	mark := filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(t.TempDir(), "evil.sh")
	write(t, script, "#!/bin/sh\necho \"$0 $*\" >> "+mark+"\ncat\n")
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"core.fsmonitor": script, "core.pager": script, "pager.log": script, "core.sshCommand": script, "diff.external": script,
		"filter.evil.clean": script, "filter.evil.smudge": script, "filter.evil.process": script, "filter.evil.required": "true",
		"diff.evil.textconv": script, "diff.evil.command": script, "gpg.program": script, "log.showSignature": "true",
		"core.hooksPath": filepath.Dir(script), "core.editor": script, "core.askPass": script, "credential.helper": script,
		"interactive.diffFilter": script, "alias.log": "!" + script, "uploadpack.packObjectsHook": script,
	} {
		run(t, dir, "config", key, value)
	}
	write(t, filepath.Join(dir, ".gitattributes"), "* filter=evil diff=evil\n")
	write(t, filepath.Join(dir, "a.txt"), "changed\n")
	r, err := Open(ctx, program(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Head(ctx); err != nil {
		t.Errorf("Head: %v", err)
	}
	if _, err := r.Tracked(ctx); err != nil {
		t.Errorf("Tracked: %v", err)
	}
	if _, err := r.Show(ctx, "HEAD", "a.txt", 100); err != nil {
		t.Errorf("Show: %v", err)
	}
	var patches bytes.Buffer
	if err := r.Patches(ctx, &patches, 1<<20); err != nil || !strings.Contains(patches.String(), "+one") {
		t.Errorf("Patches: %v\n%s", err, patches.String())
	}
	if b, err := os.ReadFile(mark); err == nil {
		t.Errorf("the repository had programs run:\n%s", b)
	}
	// The trap works: git by itself does run them.
	cmd := exec.Command(program(t), "status")
	cmd.Dir = dir
	_ = cmd.Run() // what it ran is the question
	if _, err := os.ReadFile(mark); err != nil {
		t.Error("the control did not run anything, so this test shows nothing")
	}
}

func TestOutputIsBounded(t *testing.T) {
	ctx, dir := context.Background(), repo(t)
	r, err := Open(ctx, program(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Patches(ctx, &bytes.Buffer{}, 10); err == nil || !strings.Contains(err.Error(), "more than 10 bytes") {
		t.Errorf("Patches over its limit: %v", err)
	}
}

func TestCommit(t *testing.T) {
	ctx, dir := context.Background(), repo(t)
	first := run(t, dir, "rev-parse", "HEAD")
	write(t, filepath.Join(dir, "a.txt"), "one\nmore\n")
	run(t, dir, "commit", "-qam", "second")
	r, err := Open(ctx, program(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Commit(ctx, "HEAD")
	if err != nil || c.ID != run(t, dir, "rev-parse", "HEAD") || c.Tree != run(t, dir, "rev-parse", "HEAD^{tree}") || len(c.Parents) != 1 || c.Parents[0] != first {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := r.Commit(ctx, first); err != nil || len(c.Parents) != 0 {
		t.Errorf("the first: %+v, %v", c, err)
	}
	if b := r.Branch(ctx); b != "main" {
		t.Errorf("branch %q", b)
	}
	write(t, filepath.Join(dir, "a.txt"), "one\nmore\nnew\n")
	if who, commit := r.Author(ctx, "a.txt", 2); who != "A" || commit != c.ID {
		t.Errorf("line 2 is by %q in %q", who, commit)
	}
	if who, commit := r.Author(ctx, "a.txt", 3); who != "" || commit != "" {
		t.Errorf("a line that is not committed is by %q in %q", who, commit)
	}
}

// What is in the configuration of one work tree is disarmed as well.
func TestWorktreeConfigurationRunsNothing(t *testing.T) {
	dir, mark := repo(t), filepath.Join(t.TempDir(), "ran")
	write(t, filepath.Join(dir, ".gitattributes"), "* filter=evil diff=evil\n")
	run(t, dir, "config", "extensions.worktreeConfig", "true")
	for _, key := range []string{"filter.evil.clean", "diff.evil.textconv"} {
		run(t, dir, "config", "--file", filepath.Join(dir, ".git", "config.worktree"), key, "echo "+key+" >>"+mark+"; cat")
	}
	write(t, filepath.Join(dir, "a.txt"), "ONE\n") // as long as it was: git has to read it
	r, err := Open(t.Context(), program(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Head(t.Context()); err != nil {
		t.Error(err)
	}
	r.Author(t.Context(), "a.txt", 1)
	if b, err := os.ReadFile(mark); err == nil {
		t.Errorf("ran: %s", b)
	}
	run(t, dir, "status") // the trap works
	if _, err := os.ReadFile(mark); err != nil {
		t.Error("the control did not run anything, so this test shows nothing")
	}
}

// What git does not track is given, as a .gitignore of the repository has it and
// not as the user's own exclude file does.
func TestUntracked(t *testing.T) {
	ctx, dir := context.Background(), repo(t)
	for name, content := range map[string]string{"sub/.gitignore": "ignored\n", "sub/ignored": "", "sub/new\nline": "", "sub/own": "", ".git/info/exclude": "own\n"} {
		write(t, filepath.Join(dir, name), content)
	}
	run(t, dir, "init", "-q", "nested")
	write(t, filepath.Join(dir, "nested", "x"), "")
	run(t, filepath.Join(dir, "nested"), "add", "x")
	run(t, filepath.Join(dir, "nested"), "commit", "-q", "-m", "x")
	r, err := Open(ctx, program(t), filepath.Join(dir, "sub"))
	if err != nil {
		t.Fatal(err)
	}
	for ignored, want := range map[bool]string{
		false: "nested/|sub/.gitignore|sub/new\nline|sub/own",
		true:  "nested/|sub/.gitignore|sub/ignored|sub/new\nline|sub/own",
	} {
		got, err := r.Untracked(ctx, ignored)
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%v: %q, %v", ignored, got, err)
		}
	}
}
