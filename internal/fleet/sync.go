package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/store"
)

const (
	// maxPacks is how many fetches a copy takes before it is made anew: each
	// leaves a file, and what is of no use any more is never cleared away.
	maxPacks = 40
	// lockRetry is how often is looked whether another process has ended.
	lockRetry = 200 * time.Millisecond
	// cleanTime bounds the clearing away after an interruption.
	cleanTime = time.Minute
)

// tooLarge is more than a repository of source code holds. A commit of few
// bytes can be one of a thousand million files.
func tooLarge() git.Weight { return git.Weight{Files: 2_000_000, Bytes: 50 << 30} }

// Syncer brings repositories here.
type Syncer struct {
	// Git is the git command, Root where the copies are.
	Git, Root string
	// Credentials prove who asks, for one address.
	Credentials func(ctx context.Context, address string) (git.Credentials, error)
	// Time bounds one repository, LockWait the wait for another process.
	Time, LockWait time.Duration
	Progress       func(string)
}

// Checkout is a repository's files, there to be scanned until it is closed.
type Checkout struct {
	Dir  string
	once sync.Once
	end  func() error
}

// Close takes the files away, and lets others have the repository.
func (c *Checkout) Close() (err error) {
	c.once.Do(func() {
		if c.end != nil {
			err = c.end()
		}
	})
	return err
}

// Sync brings the newest commit of a repository's first branch, and writes it
// out. One on this machine is left as it is.
func (s Syncer) Sync(ctx context.Context, r store.FleetRepository) (*Checkout, error) {
	if r.CloneURL == "" {
		if _, err := os.Stat(r.Target); err != nil {
			return nil, fmt.Errorf("%s is not there any more; if that is right: vitalsign fleet remove %s", r.Target, r.Name)
		}
		return &Checkout{Dir: r.Target}, nil
	}
	p, err := PlaceOf(s.Root, r)
	if err != nil {
		return nil, err
	}
	unlock, err := s.lock(ctx, p, r.Name)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, s.Time)
	defer cancel()
	c, err := s.checkout(bounded, p, r)
	if err == nil {
		c.end = func() error { return errors.Join(s.clear(ctx, p), unlock()) }
		return c, nil
	}
	if ctx.Err() == nil && bounded.Err() != nil {
		err = fmt.Errorf("it did not come within %s", s.Time)
	}
	if e := errors.Join(s.clear(ctx, p), unlock()); e != nil {
		err = fmt.Errorf("%w; and it could not be cleared away: %w", err, e)
	}
	return nil, err
}

// Remove takes away the copy of a repository.
func (s Syncer) Remove(ctx context.Context, r store.FleetRepository) error {
	if r.CloneURL == "" {
		return nil
	}
	p, err := PlaceOf(s.Root, r)
	if err != nil {
		return err
	}
	unlock, err := s.lock(ctx, p, r.Name)
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(p.Tree), os.RemoveAll(p.Clone), unlock())
}

// lock waits until no other process works on a repository. The file stays: one
// that is taken away could be held by two.
func (s Syncer) lock(ctx context.Context, p Place, name string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(p.Lock), 0o700); err != nil {
		return nil, err
	}
	l := flock.New(p.Lock, flock.SetPermissions(0o600))
	if ok, err := l.TryLock(); err != nil || ok {
		return l.Unlock, err
	}
	s.Progress(name + ": another vitalsign works on it; waiting")
	bounded, cancel := context.WithTimeout(ctx, s.LockWait)
	defer cancel()
	switch _, err := l.TryLockContext(bounded, lockRetry); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bounded.Err() != nil:
		return nil, fmt.Errorf("another vitalsign has worked on it for %s; try again when that is done", s.LockWait)
	default:
		return l.Unlock, err
	}
}

// checkout holds the lock.
func (s Syncer) checkout(ctx context.Context, p Place, r store.FleetRepository) (*Checkout, error) {
	credentials, err := s.Credentials(ctx, r.CloneURL)
	if err != nil {
		return nil, err
	}
	repo, isNew, err := s.open(ctx, p)
	if err != nil {
		return nil, err
	}
	ref, commit, err := fetch(ctx, repo, r.CloneURL, credentials)
	if err != nil && !isNew && ctx.Err() == nil && !errors.Is(err, errNoAnswer) {
		// A copy that was left half done, or a branch where a directory of
		// branches was: a new copy knows nothing of that.
		s.Progress(r.Name + ": its copy is made anew (" + firstLine(err.Error()) + ")")
		if err := os.RemoveAll(p.Clone); err != nil {
			return nil, err
		}
		if repo, _, err = s.open(ctx, p); err != nil {
			return nil, err
		}
		ref, commit, err = fetch(ctx, repo, r.CloneURL, credentials)
	}
	if err != nil {
		return nil, withAdvice(err)
	}
	if _, err := repo.Weigh(ctx, commit, tooLarge()); err != nil {
		return nil, err
	}
	return &Checkout{Dir: p.Tree}, repo.AddWorktree(ctx, p.Tree, ref, commit)
}

// open gives the copy, made when it is not there, and without a work tree.
func (s Syncer) open(ctx context.Context, p Place) (repo *git.Repo, isNew bool, err error) {
	packs, _ := filepath.Glob(filepath.Join(p.Clone, "objects", "pack", "*.pack")) // a place has no pattern in it
	repo, err = git.Open(ctx, s.Git, p.Clone)
	if errors.Is(err, git.ErrNotFound) {
		return nil, false, errors.New("git is not installed, and brings it here: install git")
	}
	if err != nil || !repo.Bare || repo.Dir != p.Clone || len(packs) > maxPacks {
		isNew = true
		if err := os.RemoveAll(p.Clone); err != nil {
			return nil, true, err
		}
		if repo, err = git.InitBare(ctx, s.Git, p.Clone); err != nil {
			return nil, true, err
		}
	}
	return repo, isNew, repo.RemoveWorktree(ctx, p.Tree)
}

// errNoAnswer says that the remote itself could not be asked.
var errNoAnswer = errors.New("the remote does not answer")

func fetch(ctx context.Context, repo *git.Repo, address string, c git.Credentials) (ref, commit string, err error) {
	if err := repo.SetOrigin(ctx, address); err != nil {
		return "", "", err
	}
	m, err := repo.Remote(ctx, address, c)
	if err != nil {
		return "", "", err
	}
	if ref, err = m.Head(ctx); err != nil {
		return "", "", fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	commit, err = m.FetchShallow(ctx, ref)
	return ref, commit, err
}

// withAdvice says what to do about how a fetch failed. The words are git's, and
// the remote's.
func withAdvice(err error) error {
	words := strings.ToLower(err.Error())
	switch {
	case errors.Is(err, git.ErrEmpty):
		return errors.New("it has no commit yet; leave it out with --exclude until it has one")
	case errors.Is(err, context.Canceled):
		return err
	case strings.Contains(words, "not found"), strings.Contains(words, "authentication failed"), strings.Contains(words, "could not read"),
		strings.Contains(words, "denied"), strings.Contains(words, "403"), strings.Contains(words, "401"):
		return fmt.Errorf("it could not be fetched: %w; it may be gone, or the token may not read its contents (GH_TOKEN, for another host than GitHub's GH_ENTERPRISE_TOKEN, or 'gh auth login')", err)
	}
	return fmt.Errorf("it could not be fetched: %w", err)
}

// clear takes the work tree away, also after an interruption.
func (s Syncer) clear(ctx context.Context, p Place) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	repo, err := git.Open(ctx, s.Git, p.Clone)
	if err != nil || repo.Dir != p.Clone {
		return os.RemoveAll(p.Tree) // a copy that was never made has no work tree
	}
	return repo.RemoveWorktree(ctx, p.Tree)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
