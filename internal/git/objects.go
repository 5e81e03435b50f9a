package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What follows writes to a ref by itself: objects, trees and commits, without
// a look at the index or the work tree.

// ErrMoved says that a ref is not where it was thought to be.
var ErrMoved = errors.New("the ref has moved meanwhile")

// Blob is one entry of a tree that is no tree.
type Blob struct {
	Mode, Object string
	Size         int64 // -1 for a submodule
}

// Ref gives the commit that the ref with that full name points to, "" when
// there is no such ref.
func (r *Repo) Ref(ctx context.Context, ref string) (string, error) {
	out, err := r.output(ctx, r.Dir, "for-each-ref", "--format=%(objectname) %(objecttype) %(refname)", ref)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(out)) { // the pattern also matches what is below
		if f := strings.Fields(line); len(f) == 3 && f[2] == ref {
			if f[1] != "commit" {
				return "", fmt.Errorf("%s is a %s, not a commit", ref, f[1])
			}
			return f[0], nil
		}
	}
	return "", nil
}

// CheckedOut says whether a branch is checked out in any work tree of the
// repository, and would have to change with it.
func (r *Repo) CheckedOut(ctx context.Context, ref string) (bool, error) {
	out, err := r.output(ctx, r.Dir, "worktree", "list", "--porcelain", "-z")
	if err != nil {
		return false, err
	}
	return slices.Contains(strings.Split(string(out), "\x00"), "branch "+ref), nil
}

// Files lists all that is in a commit, by path.
func (r *Repo) Files(ctx context.Context, commit string) (map[string]Blob, error) {
	out, err := r.output(ctx, r.Dir, "ls-tree", "-r", "-z", "-l", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	files := map[string]Blob{}
	for line := range strings.SplitSeq(string(out), "\x00") {
		if line == "" {
			continue
		}
		meta, path, ok := strings.Cut(line, "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 4 {
			return nil, fmt.Errorf("git ls-tree answered a line of %d fields, not 4", len(f))
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			size = -1
		}
		files[path] = Blob{Mode: f[0], Object: f[2], Size: size}
	}
	return files, nil
}

// Read gives the bytes of a blob, at most limit.
func (r *Repo) Read(ctx context.Context, object string, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if err := r.stream(ctx, r.Dir, &b, limit, "cat-file", "blob", object); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// WriteBlob keeps bytes as they are and names them.
func (r *Repo) WriteBlob(ctx context.Context, content []byte) (Blob, error) {
	out, err := r.feed(ctx, nil, bytes.NewReader(content), "hash-object", "-w", "-t", "blob", "--no-filters", "--stdin")
	if err != nil {
		return Blob{}, err
	}
	return Blob{Mode: "100644", Object: strings.TrimSpace(string(out)), Size: int64(len(content))}, nil
}

// Who is the author of commits that are made here.
type Who struct {
	Name, Email string
	When        time.Time
}

// WriteCommit makes a commit of exactly these files. No ref points to it yet.
func (r *Repo) WriteCommit(ctx context.Context, files map[string]Blob, parents []string, who Who, message string) (string, error) {
	tree, err := r.writeTree(ctx, files)
	if err != nil {
		return "", err
	}
	args := []string{"commit-tree", "--no-gpg-sign", tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	when := fmt.Sprintf("@%d +0000", who.When.Unix())
	env := []string{
		"GIT_AUTHOR_NAME=" + who.Name, "GIT_AUTHOR_EMAIL=" + who.Email, "GIT_AUTHOR_DATE=" + when,
		"GIT_COMMITTER_NAME=" + who.Name, "GIT_COMMITTER_EMAIL=" + who.Email, "GIT_COMMITTER_DATE=" + when,
	}
	out, err := r.feed(ctx, env, strings.NewReader(message+"\n"), args...)
	return strings.TrimSpace(string(out)), err
}

// writeTree makes a tree by way of an index of its own. Blobs that a partial
// clone has not got may be missing.
func (r *Repo) writeTree(ctx context.Context, files map[string]Blob) (tree string, err error) {
	dir, err := os.MkdirTemp("", "vitalsign-index-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}
	var in bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&in, "%s %s\t%s\x00", files[path].Mode, files[path].Object, path)
	}
	if _, err := r.feed(ctx, env, &in, "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	out, err := r.feed(ctx, env, nil, "write-tree", "--missing-ok")
	return strings.TrimSpace(string(out)), err
}

// Move lets a ref point to commit if it points to from now, "" when it must
// not exist; else ErrMoved.
func (r *Repo) Move(ctx context.Context, ref, from, commit string) error {
	if from == "" {
		from = strings.Repeat("0", len(commit))
	}
	_, err := r.output(ctx, r.Dir, "update-ref", "--no-deref", ref, commit, from)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if now, e := r.Ref(ctx, ref); e == nil && now != from || strings.Contains(err.Error(), "cannot lock ref") {
		return fmt.Errorf("%w: %w", ErrMoved, err)
	}
	return err
}

// IsAncestor says whether old is new, or in its history.
func (r *Repo) IsAncestor(ctx context.Context, old, new string) (bool, error) {
	if old == new {
		return true, nil
	}
	// Not merge-base --is-ancestor, whose answer is an exit status.
	out, err := r.output(ctx, r.Dir, "rev-list", "--max-count=1", old, "^"+new)
	return len(out) == 0, err
}

// feed runs git with more environment and something to read.
func (r *Repo) feed(ctx context.Context, env []string, in io.Reader, args ...string) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.command(ctx, r.Dir, args...)
	cmd.Env = append(slices.Clip(cmd.Env), env...)
	cmd.Stdin = in
	var out bytes.Buffer
	err := r.run(ctx, cancel, cmd, &out, maxOutput, args[0])
	return out.Bytes(), err
}
