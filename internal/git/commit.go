package git

import (
	"context"
	"fmt"
	"strings"
)

// Commit is what a commit's object says.
type Commit struct {
	ID, Tree string
	Parents  []string
}

// Commit reads the commit that a name stands for.
func (r *Repo) Commit(ctx context.Context, name string) (Commit, error) {
	id, err := r.Resolve(ctx, name)
	if err != nil {
		return Commit{}, err
	}
	out, err := r.output(ctx, r.Dir, "rev-list", "--no-walk", "--parents", "--pretty=format:%T", "--end-of-options", id)
	if err != nil {
		return Commit{}, err
	}
	lines := strings.Fields(strings.TrimPrefix(string(out), "commit "))
	if len(lines) < 2 || lines[0] != id {
		return Commit{}, fmt.Errorf("git says of %s: %.80q", id, out)
	}
	return Commit{ID: id, Tree: lines[len(lines)-1], Parents: lines[1 : len(lines)-1]}, nil
}

// Branch is the branch that is checked out, "" when there is none.
func (r *Repo) Branch(ctx context.Context) string {
	out, err := r.output(ctx, r.Dir, "symbolic-ref", "--short", "--quiet", "HEAD")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// Author is the name in the commit that a line of a file is from, and that
// commit; both empty for a line that is not committed.
func (r *Repo) Author(ctx context.Context, path string, line int) (author, commit string) {
	out, err := r.output(ctx, r.Top, "blame", "--porcelain", "-L", fmt.Sprintf("%d,%d", line, line), "--", path)
	if err != nil {
		return "", ""
	}
	for l := range strings.SplitSeq(string(out), "\n") {
		if commit == "" {
			commit, _, _ = strings.Cut(l, " ")
		}
		if name, ok := strings.CutPrefix(l, "author "); ok {
			author = name
		}
	}
	if strings.Trim(commit, "0") == "" {
		return "", ""
	}
	return author, commit
}

// List gives the regular files directly in a directory of a commit, as paths
// from the root of the work tree.
func (r *Repo) List(ctx context.Context, commit, dir string) ([]string, error) {
	out, err := r.output(ctx, r.Dir, "ls-tree", "-z", "--full-tree", commit, "--", dir+"/")
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.SplitSeq(string(out), "\x00") {
		meta, name, ok := strings.Cut(line, "\t")
		if ok && strings.HasPrefix(meta, "100") {
			names = append(names, name)
		}
	}
	return names, nil
}
