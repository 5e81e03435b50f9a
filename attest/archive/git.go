package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/git"
)

// gitRef is an archive in the tree of a ref of a repository. Each Put is a
// commit on the last one, so the ref is a journal as well. The index and the
// work tree are not touched, and a branch that is checked out is refused.
//
// With a remote, the ref here and the one there grow together: both are read,
// the union of their names is what the archive holds, and a push that lost
// against somebody else's is done again on top of theirs. Nothing is pushed by
// force. A Put that could not push is an error; what it added is kept here, and
// the next one brings it along. When the two hold different bytes under one
// name, which takes somebody who replaces evidence, everything is refused.
type gitRef struct {
	repo   *git.Repo
	remote *git.Remote // nil for none
	ref    string
	now    func() time.Time
	mu     sync.Mutex // writers of one process need not race each other
}

var (
	_ Archive = (*gitRef)(nil)
	_ Batch   = (*gitRef)(nil)
)

// gitTries is how often a writer goes on top of what others have written
// meanwhile, with a longer pause each time: some seconds in all.
const gitTries = 12

func openGit(ctx context.Context, l Location, o Options) (Archive, error) {
	repo, err := git.Open(ctx, o.Git, o.GitDirectory)
	if err != nil {
		return nil, err
	}
	g := &gitRef{repo: repo, ref: l.Ref, now: o.Now}
	if strings.HasPrefix(l.Ref, "refs/heads/") {
		if out, err := repo.CheckedOut(ctx, l.Ref); err != nil || out {
			return nil, errors.Join(err, fmt.Errorf("%s is checked out here; evidence needs a ref of its own", l.Ref))
		}
	}
	if l.Remote != "" {
		if g.remote, err = remoteOf(ctx, repo, l, o); err != nil {
			return nil, err
		}
		if _, err := g.sync(ctx); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// remoteOf is the remote that was asked for and no other, with the credentials
// as the user has them. Fetch and push are the only commands that leave this
// machine. They may use the one transport of the address (https, ssh, a path)
// and run ssh, the user's askpass and the user's credential helpers; hooks,
// fsmonitor, ext:: and whatever the repository's configuration names stay off.
func remoteOf(ctx context.Context, repo *git.Repo, l Location, o Options) (*git.Remote, error) {
	credentials, err := o.GitCredentials.OfUser(ctx, o.Git)
	if err != nil {
		return nil, err
	}
	remote, err := repo.Remote(ctx, l.Remote, credentials)
	if err != nil {
		return nil, err
	}
	return remote, remote.Straight(ctx, l.Remote)
}

// state is where the ref is, here and at the remote, and what both hold.
type state struct {
	here, there string // commits, "" for none
	files       map[string]git.Blob
}

// sync reads both sides, and remembers here what came from there.
func (g *gitRef) sync(ctx context.Context) (state, error) {
	var s state
	err := g.again(ctx, func() (err error) {
		if s, err = g.read(ctx, true); err != nil || s.there == "" || s.there == s.here {
			return err
		}
		if ahead, err := g.contains(ctx, s.there, s.here); err != nil || !ahead {
			return err // nothing new from there, or both have something: the next Put joins them
		}
		if err := g.repo.Move(ctx, g.ref, s.here, s.there); err != nil {
			return err
		}
		s.here = s.there
		return nil
	})
	return s, err
}

func (g *gitRef) read(ctx context.Context, remote bool) (s state, err error) {
	if s.here, err = g.repo.Ref(ctx, g.ref); err != nil {
		return s, err
	}
	if remote && g.remote != nil {
		if s.there, err = g.remote.Fetch(ctx, g.ref); err != nil {
			return s, err
		}
	}
	s.files = map[string]git.Blob{}
	for _, commit := range s.tips() {
		files, err := g.repo.Files(ctx, commit)
		if err != nil {
			return s, err
		}
		for name, b := range files {
			if old, ok := s.files[name]; ok && old != b {
				return s, fmt.Errorf("%s differs between %s here and at the remote: %w", name, g.ref, ErrExists)
			}
			s.files[name] = b
		}
	}
	return s, nil
}

func (s state) tips() []string {
	tips := slices.DeleteFunc([]string{s.here, s.there}, func(c string) bool { return c == "" })
	return slices.Compact(tips)
}

// contains says whether all of old is in new; an old that is not there is.
func (g *gitRef) contains(ctx context.Context, new, old string) (bool, error) {
	if old == "" || new == "" {
		return old == "", nil
	}
	return g.repo.IsAncestor(ctx, old, new)
}

// List implements Archive.
func (g *gitRef) List(ctx context.Context, prefix string) ([]string, error) {
	if err := errors.Join(ctx.Err(), checkPrefix(prefix)); err != nil {
		return nil, err
	}
	s, err := g.sync(ctx)
	if err != nil {
		return nil, err
	}
	names := listing{prefix: prefix}
	for n, b := range s.files {
		if isFile(b) {
			if err := names.add(n); err != nil {
				return nil, err
			}
		}
	}
	return names.sorted(), nil
}

func isFile(b git.Blob) bool { return b.Mode == "100644" || b.Mode == "100755" }

// Get implements Archive. The remote is asked only for what is not here: what
// is, cannot change.
func (g *gitRef) Get(ctx context.Context, name string) ([]byte, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return nil, err
	}
	s, err := g.read(ctx, false)
	if _, ok := s.files[name]; err == nil && !ok && g.remote != nil {
		s, err = g.sync(ctx)
	}
	if err != nil {
		return nil, err
	}
	b, ok := s.files[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: %w", name, ErrAbsent)
	case !isFile(b):
		return nil, fmt.Errorf("%s is not a file on %s: evidence behind links is not read", name, g.ref)
	case b.Size > MaxSize:
		return nil, fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	return g.repo.Read(ctx, b.Object, MaxSize)
}

// Put implements Archive.
func (g *gitRef) Put(ctx context.Context, name string, content []byte) error {
	return g.PutAll(ctx, map[string][]byte{name: content})
}

// PutAll implements Batch: one commit for all of them.
func (g *gitRef) PutAll(ctx context.Context, files map[string][]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	blobs := map[string]git.Blob{}
	for name, content := range files {
		if err := checkFile(name, content); err != nil {
			return err
		}
		b, err := g.repo.WriteBlob(ctx, content)
		if err != nil {
			return err
		}
		blobs[name] = b
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.again(ctx, func() error { return g.add(ctx, blobs) })
}

// add is one try: both sides and what is new, as one commit that follows them.
func (g *gitRef) add(ctx context.Context, blobs map[string]git.Blob) error {
	s, err := g.read(ctx, true)
	if err != nil {
		return err
	}
	added, err := merge(s.files, blobs)
	if err != nil {
		return err
	}
	commit, err := g.follow(ctx, s, added)
	if err != nil || commit == "" {
		return err
	}
	if commit != s.here {
		if err := g.repo.Move(ctx, g.ref, s.here, commit); err != nil {
			return err
		}
	}
	if g.remote == nil || commit == s.there {
		return nil
	}
	return g.remote.Push(ctx, commit, g.ref)
}

// follow gives the commit that holds s.files and comes after both sides: a tip
// that does already, or a new one.
func (g *gitRef) follow(ctx context.Context, s state, added []string) (string, error) {
	parents := s.tips()
	for _, p := range [][2]string{{s.here, s.there}, {s.there, s.here}} {
		after, err := g.contains(ctx, p[0], p[1])
		if err != nil {
			return "", err
		}
		if !after {
			continue
		}
		if len(added) == 0 {
			return p[0], nil
		}
		parents = slices.DeleteFunc([]string{p[0]}, func(c string) bool { return c == "" })
		break
	}
	if g.now == nil {
		return "", errors.New("it was opened for reading: there is no clock to date a commit by")
	}
	who := git.Who{Name: "vitalsign", Email: "vitalsign@localhost", When: g.now()}
	return g.repo.WriteCommit(ctx, s.files, parents, who, message(added))
}

func message(added []string) string {
	switch len(added) {
	case 0:
		return "Join evidence of two sides"
	case 1:
		return "Keep " + added[0]
	}
	return fmt.Sprintf("Keep %d files of evidence\n\n%s", len(added), strings.Join(added, "\n"))
}

// merge puts blobs into files and says which are new, sorted. Other bytes, or a
// file where a directory is, are ErrExists.
func merge(files, blobs map[string]git.Blob) (added []string, err error) {
	for name, b := range blobs {
		there, ok := files[name]
		if ok && (there.Object != b.Object || !isFile(there)) {
			return nil, fmt.Errorf("%s: %w", name, ErrExists)
		}
		if !ok {
			files[name] = b
			added = append(added, name)
		}
	}
	if len(added) == 0 {
		return nil, nil
	}
	for name := range files {
		for i, c := range name {
			if _, ok := files[name[:i]]; c == '/' && ok {
				return nil, fmt.Errorf("%s: %s is a file: %w", name, name[:i], ErrExists)
			}
		}
	}
	slices.Sort(added)
	return added, nil
}

// again does something until no other writer was faster.
func (g *gitRef) again(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if !errors.Is(err, git.ErrMoved) && !errors.Is(err, git.ErrRejected) || try == gitTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * 40 * time.Millisecond):
		}
	}
}
