// Package archive is where evidence is kept: outside its subject, by name, and
// for longer than any CI machine lives. It works on bytes and believes nothing.
//
// An archive only grows: there is no way to delete or to replace. HIPAA
// documentation is kept six years (45 CFR 164.316(b)(2)(i)), and whoever may
// take evidence away decides what an auditor sees.
package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/git"
)

// Archive is one place.
type Archive interface {
	// List gives the names that begin with prefix ("" for all), sorted.
	List(ctx context.Context, prefix string) ([]string, error)
	// Get reads one, at most MaxSize bytes; ErrAbsent when it is not there.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put adds one. The same bytes again are fine, others are ErrExists.
	Put(ctx context.Context, name string, content []byte) error
}

// Batch is an Archive that adds several at once, all or none.
type Batch interface {
	PutAll(ctx context.Context, files map[string][]byte) error
}

// MaxSize bounds one piece of evidence, in bytes.
const MaxSize = 512 << 20

// What an archive says.
var (
	ErrAbsent   = errors.New("not in the archive")
	ErrExists   = errors.New("something else is in the archive under that name, and evidence is never replaced")
	ErrName     = errors.New("not a name for evidence")
	ErrTooLarge = errors.New("larger than evidence may be")
)

// Bounds of a name.
const (
	maxName  = 200
	maxParts = 8
)

var part = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// CheckName refuses a name that would lead elsewhere, or that some place could
// not hold: slash-separated parts of letters, digits, ".", "_" and "-".
func CheckName(name string) error {
	parts := strings.Split(name, "/")
	if len(name) > maxName || len(parts) > maxParts {
		return fmt.Errorf("%w: %.80q is too long", ErrName, name)
	}
	for _, p := range parts {
		if !part.MatchString(p) || strings.Trim(p, ".") == "" {
			return fmt.Errorf("%w: %.80q", ErrName, name)
		}
	}
	return nil
}

// check holds a name and its bytes to what every place takes.
func check(name string, content []byte) error {
	if len(content) > MaxSize {
		return fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	return CheckName(name)
}

// Options are what places need of their surroundings.
type Options struct {
	// Repo is the repository that a git place is in.
	Repo *git.Repo
	// Now dates commits.
	Now func() time.Time
}

// Open finds the place that a location names: a directory (a path, or dir:PATH).
func Open(_ context.Context, location string, _ Options) (Archive, error) {
	scheme, rest, ok := strings.Cut(location, ":")
	switch {
	case location == "":
		return nil, errors.New("no place to keep evidence in: set HOME or XDG_STATE_HOME, or name one")
	case ok && scheme == "dir":
		return Dir(rest), nil
	case ok && (scheme == "git" || strings.HasPrefix(rest, "//")):
		return nil, fmt.Errorf("%q is no place for evidence: it is a directory", location)
	}
	return Dir(location), nil
}

// PutAll adds several. Where a place cannot do that at once, findings documents
// come before bundles: a reader who sees a bundle finds what it names.
func PutAll(ctx context.Context, a Archive, files map[string][]byte) error {
	for name, content := range files {
		if err := check(name, content); err != nil {
			return err
		}
	}
	if b, ok := a.(Batch); ok {
		return b.PutAll(ctx, files)
	}
	names := slices.SortedFunc(maps.Keys(files), func(x, y string) int {
		bx, by := strings.HasSuffix(x, attest.BundleSuffix), strings.HasSuffix(y, attest.BundleSuffix)
		if bx != by {
			if by {
				return -1
			}
			return 1
		}
		return strings.Compare(x, y)
	})
	for _, name := range names {
		if err := a.Put(ctx, name, files[name]); err != nil {
			return err
		}
	}
	return nil
}
