package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// Head is what the work tree was checked out from.
type Head struct {
	Commit, Tree string // empty in a repository without a commit
	Dirty        bool   // tracked files differ from the commit
	Remote       string // origin, with any user information cut out
	Shallow      bool
}

// Head reads the commit, its tree, and whether tracked files differ from it.
func (r *Repo) Head(ctx context.Context) (Head, error) {
	var h Head
	out, err := r.output(ctx, r.Dir, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return h, err
	}
	h.Shallow = strings.TrimSpace(string(out)) == "true"
	if out, err := r.output(ctx, r.Dir, "config", "--local", "--get", "remote.origin.url"); err == nil {
		h.Remote = withoutUser(strings.TrimSpace(string(out)))
	}
	out, err = r.output(ctx, r.Dir, "rev-parse", "HEAD^{commit}", "HEAD^{tree}")
	if err != nil {
		return h, ctx.Err() // no commit yet
	}
	if f := strings.Fields(string(out)); len(f) == 2 {
		h.Commit, h.Tree = f[0], f[1]
	}
	if !r.Bare {
		out, err := r.output(ctx, r.Top, "status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all")
		if err != nil {
			return h, err
		}
		h.Dirty = len(out) > 0
	}
	return h, nil
}

// withoutUser cuts user information out of a remote's address: it may be a token.
func withoutUser(remote string) string {
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" {
		if _, after, ok := strings.Cut(remote, "@"); ok && !strings.Contains(remote, "://") {
			return after
		}
		if err != nil {
			return ""
		}
		return remote
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Modes of entries that are no files (git-fast-import(1), Mode).
const (
	ModeLink      = "120000"
	ModeSubmodule = "160000"
)

// Entry is one tracked path.
type Entry struct {
	Path   string // relative to the work tree's root, raw bytes
	Mode   string // "100644", or one of the above
	Sparse bool   // not checked out on purpose (skip-worktree)
}

// Tracked lists the index.
func (r *Repo) Tracked(ctx context.Context) ([]Entry, error) {
	if r.Bare {
		return nil, errors.New("a bare repository has no index")
	}
	out, err := r.output(ctx, r.Top, "ls-files", "-z", "-t", "--stage")
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, line := range strings.Split(string(out), "\x00") {
		if line == "" {
			continue
		}
		// "H 100644 <object> 0\t<path>"
		meta, path, ok := strings.Cut(line, "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 4 {
			return nil, fmt.Errorf("git ls-files answered a line of %d fields, not 4", len(f))
		}
		entries = append(entries, Entry{Path: path, Mode: f[1], Sparse: f[0] == "S"})
	}
	return entries, nil
}

// ErrAbsent says that a path does not exist in a commit.
var ErrAbsent = errors.New("not in that commit")

// Resolve gives the commit that a name stands for.
func (r *Repo) Resolve(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, "-") {
		return "", fmt.Errorf("%q is not a revision", name)
	}
	out, err := r.output(ctx, r.Dir, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("revision %q is not in this repository", name)
	}
	return strings.TrimSpace(string(out)), nil
}

// MergeBase gives the commit where two lines of history part.
func (r *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	out, err := r.output(ctx, r.Dir, "merge-base", "--end-of-options", a, b)
	if err != nil {
		return "", fmt.Errorf("no common commit of %s and %s: in a shallow clone set fetch-depth: 0", a, b)
	}
	return strings.TrimSpace(string(out)), nil
}

// Show reads the file at path (slash-separated, from the root of the work
// tree) as it is in commit, at most limit bytes. A path that is not there is ErrAbsent.
func (r *Repo) Show(ctx context.Context, commit, path string, limit int64) ([]byte, error) {
	out, err := r.output(ctx, r.Dir, "ls-tree", "-z", "--full-tree", "-l", commit, "--", path)
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, ErrAbsent
	}
	meta, _, _ := strings.Cut(string(out), "\t")
	f := strings.Fields(meta)
	if len(f) != 4 || f[1] != "blob" || f[0] == ModeLink {
		return nil, fmt.Errorf("%s in %s is not a regular file", path, commit)
	}
	var b strings.Builder
	if err := r.stream(ctx, r.Dir, &b, limit, "cat-file", "blob", f[2]); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// Patches writes the history of every ref as patches without context, in the
// form that gitleaks reads (its own arguments, with everything that runs a
// program switched off), at most limit bytes.
func (r *Repo) Patches(ctx context.Context, w io.Writer, limit int64) error {
	return r.stream(ctx, r.Dir, w, limit, "log", "-p", "-U0", "--full-history", "--all",
		"--diff-filter=tuxdb", "--no-ext-diff", "--no-textconv", "--no-color")
}
