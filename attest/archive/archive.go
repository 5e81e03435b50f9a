// Package archive keeps signed evidence outside of its subject, because the
// machines of CI forget: Sigstore bundles (*.sigstore.json) and the documents
// they speak of (*.json), by name, in a directory, on a ref of a git
// repository, in an OCI registry or in an S3 bucket.
//
// It works on bytes. It verifies no signature and believes nothing: what comes
// out of an archive is as trustworthy as the archive's weakest writer, until
// attest.Verify has looked at it.
//
// An archive only grows. No method deletes or replaces anything, on purpose:
// the documentation that HIPAA asks for is kept six years from the date of its
// creation or the date when it last was in effect, whichever is later (45 CFR
// 164.316(b)(2)(i)). What has to go after that time goes by the means of the
// place itself (a bucket's lifecycle rule, a registry's retention), and where
// the place can lock what it holds (S3 Object Lock, immutable tags, a protected
// ref), it should.
package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
)

// Archive is a place where evidence is kept: append-only, by name.
// Implementations are safe for concurrent use.
type Archive interface {
	// List gives the names that begin with prefix ("" for all), sorted. It is
	// compared by character: end it with "/" to mean a directory.
	List(ctx context.Context, prefix string) ([]string, error)
	// Get reads one (ErrAbsent when it is not there), at most MaxSize bytes.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put adds one. The same name with the same bytes is fine; other bytes
	// under a name that is there is ErrExists: evidence is never replaced.
	Put(ctx context.Context, name string, content []byte) error
}

// Batch is what an archive also is when it can add several at once, or none of
// them (a git ref: one commit). Use the function PutAll.
type Batch interface {
	PutAll(ctx context.Context, files map[string][]byte) error
}

var (
	// ErrAbsent says that there is nothing under a name.
	ErrAbsent = errors.New("not in the archive")
	// ErrExists says that something else is there under that name.
	ErrExists = errors.New("something else is in the archive under that name, and evidence is never replaced")
	// ErrTooLarge says that something has more than MaxSize bytes.
	ErrTooLarge = fmt.Errorf("larger than %d MB", MaxSize>>20)
	// ErrName says that a name is not one of an archive; see CheckName.
	ErrName = errors.New("not a name for evidence")
)

// Bounds of what an archive holds.
const (
	// MaxSize bounds one file: the most that attest reads of a bundle.
	MaxSize = 64 << 20
	// MaxNames bounds what List answers; more is an error, since a list that
	// was cut would hide evidence.
	MaxNames = 200_000

	maxParts, maxName = 8, 200
)

// CheckName says whether a name is one for every kind of archive: 1 to 8 parts
// of A-Z a-z 0-9 . _ - with slashes between them, 200 bytes at most, no part
// beginning with a dot. That keeps out ".." and what directories and git hold
// for themselves (".git", temporary files). The error is an ErrName.
//
// In a directory archive and on a git ref nothing can be below the name of a
// file ("a" and "a/b"): there Put answers ErrExists.
func CheckName(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrName, len(name), maxName)
	}
	parts := strings.Split(name, "/")
	if len(parts) > maxParts {
		return fmt.Errorf("%w: %q has more than %d parts", ErrName, name, maxParts)
	}
	for _, part := range parts {
		if part == "" || part[0] == '.' {
			return fmt.Errorf("%w: %q has a part that is empty or begins with a dot", ErrName, name)
		}
	}
	return checkCharacters(name)
}

func checkCharacters(s string) error {
	if i := strings.IndexFunc(s, func(r rune) bool { return !nameCharacter(r) }); i >= 0 {
		return fmt.Errorf("%w: %q has characters other than A-Z a-z 0-9 . _ - and /", ErrName, s)
	}
	return nil
}

func nameCharacter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-' || r == '/'
}

// checkPrefix refuses what no name begins with, or what would lead out.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return CheckName(strings.TrimSuffix(prefix, "/"))
}

// checkFile is asked before anything is added.
func checkFile(name string, content []byte) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if len(content) > MaxSize {
		return fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	return nil
}

// PutAll adds several. An archive that is a Batch gets all of them at once.
// In any other the bundles come last, each kind in the order of the names: a
// bundle says the digest of a document, so a reader who sees the bundle finds
// the document, and a writer who is cut off leaves documents that nobody
// speaks of yet, never a signed word about something missing. Doing it again
// completes what was cut off. All names and sizes are checked before anything
// is written.
func PutAll(ctx context.Context, a Archive, files map[string][]byte) error {
	for name, content := range files {
		if err := checkFile(name, content); err != nil {
			return err
		}
	}
	if b, ok := a.(Batch); ok {
		return b.PutAll(ctx, files)
	}
	for _, name := range order(files) {
		if err := a.Put(ctx, name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

// order is that in which files are put one by one.
func order(files map[string][]byte) []string {
	names := slices.Sorted(maps.Keys(files))
	slices.SortStableFunc(names, func(a, b string) int { return isBundle(a) - isBundle(b) })
	return names
}

func isBundle(name string) int {
	if strings.HasSuffix(name, attest.BundleSuffix) {
		return 1
	}
	return 0
}

// same is the answer of Put when a name is taken already.
func same(name string, there, content []byte) error {
	if bytes.Equal(there, content) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, ErrExists)
}

// listing gathers the answer of List. What is not asked for is not counted: it
// must neither fill the list nor cut it.
type listing struct {
	prefix string
	names  []string
}

// add takes a name that a place holds. Names that are none of an archive are
// somebody else's.
func (l *listing) add(name string) error {
	if !strings.HasPrefix(name, l.prefix) || CheckName(name) != nil {
		return nil
	}
	if len(l.names) == MaxNames {
		return fmt.Errorf("more than %d names begin with %q: ask for a longer prefix", MaxNames, l.prefix)
	}
	l.names = append(l.names, name)
	return nil
}

func (l *listing) sorted() []string {
	slices.Sort(l.names)
	return slices.Compact(l.names)
}

// maxPages bounds in how many pieces a server may tell what it holds, since one
// of no names can be told for ever. Registries answer 100 and more at a time,
// S3 answers 1000.
const maxPages = 10_000

// errPages says that a server did not come to an end.
var errPages = fmt.Errorf("the server answered the list in more than %d pages", maxPages)
