package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// What follows keeps a copy of a remote repository, to be looked at: one
// commit without its history, in a bare repository of our own making, and for a
// while a work tree of it. What is written out is what a plain checkout writes:
// links stay links, and no filter, hook, submodule or large file is asked for,
// because nobody but us has said anything in that repository's configuration.

// ErrEmpty says that a remote has no commit on the branch that it calls its
// first.
var ErrEmpty = errors.New("it has no commit yet")

// InitBare makes an empty bare repository at dir, which may not exist yet.
func InitBare(ctx context.Context, program, dir string) (*Repo, error) {
	if program == "" {
		return nil, ErrNotFound
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	r := &Repo{git: program, env: baseEnv(dir)}
	if _, err := r.output(ctx, dir, "init", "--bare", "--quiet", "--template=", "--initial-branch=main"); err != nil {
		return nil, err
	}
	return Open(ctx, program, dir)
}

// SetOrigin writes down where a copy is from. The address is told, never asked
// for by that name.
func (r *Repo) SetOrigin(ctx context.Context, address string) error {
	if withoutUser(address) != address {
		return errors.New("an address with a user, a password or a query is not written down")
	}
	_, err := r.output(ctx, r.Dir, "config", "--local", "--replace-all", "remote.origin.url", address)
	return err
}

// Head gives the branch that the remote checks out by itself, by its full name.
// ErrEmpty says that there is none.
func (m *Remote) Head(ctx context.Context) (ref string, err error) {
	out, err := m.run(ctx, "ls-remote", "--symref", uploadPack, m.address, "HEAD")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(out)) {
		target, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		branch, symbolic := strings.CutPrefix(target, "ref: ")
		if ok && name == "HEAD" && symbolic && strings.HasPrefix(branch, "refs/heads/") {
			return branch, nil
		}
	}
	if strings.Contains(string(out), "\tHEAD") {
		return "", errors.New("the remote's HEAD is at no branch")
	}
	return "", ErrEmpty
}

// FetchShallow brings the commit that a branch of the remote points to, without
// its history, and lets the branch of that name point to it here.
func (m *Remote) FetchShallow(ctx context.Context, ref string) (commit string, err error) {
	if !strings.HasPrefix(ref, "refs/heads/") {
		return "", fmt.Errorf("%q is not a branch", ref)
	}
	_, err = m.run(ctx, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
		uploadPack, m.address, "+"+ref+":"+ref)
	if err != nil {
		return "", err
	}
	commit, err = m.repo.Ref(ctx, ref)
	if err == nil && commit == "" {
		err = fmt.Errorf("%s is not here after it was fetched", ref)
	}
	return commit, err
}

// Weight is how much there is in a commit.
type Weight struct {
	Files int
	Bytes int64
}

// Weigh counts the files of a commit. A tree may name the same tree many times
// on many levels, and be larger than any disk when it is written out: past the
// limit that is an error.
func (r *Repo) Weigh(ctx context.Context, commit string, most Weight) (Weight, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &scale{most: most, stop: cancel}
	err := r.run(ctx, cancel, r.command(ctx, r.Dir, "ls-tree", "-r", "-l", "-z", "--full-tree", commit), s, maxOutput, "ls-tree")
	if s.over {
		return s.seen, fmt.Errorf("it holds more than %d files or %d MB", most.Files, most.Bytes>>20)
	}
	return s.seen, err
}

// scale reads ls-tree's lines: "100644 blob <object>    <size>\t<path>\0".
type scale struct {
	seen, most Weight
	line       []byte
	stop       func()
	over       bool
}

var errOver = errors.New("over the limit")

func (s *scale) Write(p []byte) (int, error) {
	for _, b := range p {
		if b != 0 {
			s.line = append(s.line, b)
			continue
		}
		meta, _, _ := strings.Cut(string(s.line), "\t")
		s.line = s.line[:0]
		var size int64
		if f := strings.Fields(meta); len(f) == 4 {
			_, _ = fmt.Sscan(f[3], &size) // "-" for a submodule, which has none
		}
		s.seen.Files++
		s.seen.Bytes += size
		if s.seen.Files > s.most.Files || s.seen.Bytes > s.most.Bytes {
			s.over = true
			s.stop() // git would wait for a reader
			return 0, errOver
		}
	}
	return len(p), nil
}

// AddWorktree writes a commit out at dir, which must not exist, with a branch
// that points to it checked out.
func (r *Repo) AddWorktree(ctx context.Context, dir, ref, commit string) error {
	if !filepath.IsAbs(dir) || !strings.HasPrefix(ref, "refs/heads/") {
		return fmt.Errorf("%q and %q are not an absolute path and a branch", dir, ref)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s is there already", dir))
	}
	if _, err := r.output(ctx, r.Dir, "worktree", "add", "--quiet", "--detach", "--force", dir, commit); err != nil {
		return err
	}
	_, err := r.output(ctx, dir, "symbolic-ref", "HEAD", ref)
	return err
}

// RemoveWorktree takes a work tree away, also one that was left half written.
func (r *Repo) RemoveWorktree(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	_, err := r.output(ctx, r.Dir, "worktree", "prune", "--expire=now")
	return err
}
