package pipelines

import (
	"os/exec"
	"testing"
)

// A target says which branch it was, and none where a commit is checked out.
func TestOpenTreeNamesTheBranch(t *testing.T) {
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("there is no git here")
	}
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)
		if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	branch := func() string {
		t.Helper()
		tree, err := OpenTree(t.Context(), dir, program)
		if err != nil || tree.GitTrouble != "" {
			t.Fatal(err, tree.GitTrouble)
		}
		return tree.Target.Branch
	}
	git("init", "--quiet", "--initial-branch", "ward/seven")
	git("commit", "--quiet", "--allow-empty", "--message", "one")
	if b := branch(); b != "ward/seven" {
		t.Errorf("the branch is %q", b)
	}
	git("checkout", "--quiet", "--detach")
	if b := branch(); b != "" {
		t.Errorf("a commit is checked out, and the branch is %q", b)
	}
}

// What a target covers is a part, or all but some parts, of its root.
func TestCovers(t *testing.T) {
	for path, want := range map[string]bool{"a": true, "a/x": true, "ab": false, "b": false, "a/b": false, "a/b/c": false, "a/bc": true} {
		if tree := (&Tree{Only: "a", Except: []string{"a/b"}}); tree.Covers(path) != want || tree.Whole() {
			t.Errorf("%s: %v", path, !want)
		}
	}
	if tree := (&Tree{}); !tree.Covers("x") || !tree.Whole() || (&Tree{Except: []string{"x"}}).Whole() {
		t.Error("all is not all")
	}
}
