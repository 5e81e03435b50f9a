// Package gather copies the files that patterns name out of a hostile tree:
// nothing outside of the tree, no device or pipe, no name that could not be
// shown, and no more than was agreed. It is used for files that are there and,
// inside of a container, for what a build has made.
package gather

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// File is one that was copied.
type File struct {
	// Path is relative to the tree and to the copy, with forward slashes.
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// Limits bound what is copied.
type Limits struct {
	Files int
	Bytes int64
}

// DefaultLimits are far above what a release holds.
func DefaultLimits() Limits { return Limits{Files: 100_000, Bytes: 16 << 30} }

// Files copies what matches any of the patterns (doublestar, relative to from)
// into to under the same names, with mode 0755 where somebody may execute it
// and 0644 otherwise. The answer is sorted by path. Links to files inside of
// the tree are copied as their content; one that leads out of it is an error,
// and so is a pattern that matches nothing. Version control's own files
// (.git) match nothing, nor does the directory avoid, "" for none.
func Files(ctx context.Context, from *os.Root, patterns []string, avoid string, to *os.Root, l Limits) ([]File, error) {
	g := &gatherer{ctx: ctx, from: from, to: to, avoid: avoid, left: l, seen: map[string]bool{}}
	for _, p := range patterns {
		before := g.matched
		if err := g.pattern(p); err != nil {
			return nil, err
		}
		if g.matched == before {
			return nil, fmt.Errorf("nothing matches %s", p)
		}
	}
	slices.SortFunc(g.files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return g.files, nil
}

type gatherer struct {
	ctx      context.Context
	from, to *os.Root
	avoid    string
	left     Limits
	seen     map[string]bool
	matched  int
	files    []File
}

// pattern walks the part of the tree in which a pattern can match. Links to
// directories are not followed.
func (g *gatherer) pattern(pattern string) error {
	clean := path.Clean(pattern)
	base, _ := doublestar.SplitPattern(clean)
	err := fs.WalkDir(g.from.FS(), base, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case g.ctx.Err() != nil:
			return g.ctx.Err()
		case d.Name() == ".git", name == g.avoid:
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		if ok, err := doublestar.Match(clean, name); err != nil || !ok {
			return err
		}
		g.matched++
		if g.seen[name] {
			return nil
		}
		g.seen[name] = true
		return g.file(name)
	})
	if errors.Is(err, fs.ErrNotExist) && g.matched == 0 {
		return nil // nothing is there to match
	}
	return err
}

// file copies one file.
func (g *gatherer) file(name string) error {
	if safetext.Line(name) != name {
		return fmt.Errorf("%s: its name has characters that do not print", safetext.Line(name))
	}
	info, err := g.from.Stat(name)
	switch {
	case err != nil:
		return fmt.Errorf("%s cannot be read: %w", name, reason(err))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", name)
	}
	if g.left.Files--; g.left.Files < 0 {
		return errors.New("too many files")
	}
	in, err := g.from.Open(name)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, reason(err))
	}
	defer in.Close() // read only
	f, err := Copy(g.ctx, in, g.to, name, modeOf(info.Mode()), g.left.Bytes)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	g.left.Bytes -= f.Size
	g.files = append(g.files, f)
	return nil
}

// reason is what is wrong, without the words that os.Root puts around it.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func modeOf(m fs.FileMode) fs.FileMode {
	if m&0o111 != 0 {
		return 0o755
	}
	return 0o644
}

// ErrTooLarge says that more bytes came than were agreed.
var ErrTooLarge = errors.New("it is too large")

// ErrPlace says that there is no place for a file of that name, and that
// nothing was read.
var ErrPlace = errors.New("it cannot be made")

// Copy writes at most most bytes from in to a new file below to, whose
// directories are made.
func Copy(ctx context.Context, in io.Reader, to *os.Root, name string, mode fs.FileMode, most int64) (f File, err error) {
	if err := to.MkdirAll(path.Dir(name), 0o755); err != nil {
		return f, fmt.Errorf("%w: %w", ErrPlace, reason(err))
	}
	out, err := to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return f, fmt.Errorf("%w: %w", ErrPlace, reason(err))
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), io.LimitReader(Reader(ctx, in), most+1))
	if err == nil && n > most {
		err = ErrTooLarge
	}
	return File{Path: name, SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}, err
}

// Reader ends with ctx.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Hash lists the files below root with their digests, sorted by path, without
// following a link: one is an error, as is anything that is neither a file nor
// a directory.
func Hash(ctx context.Context, root *os.Root, l Limits) ([]File, error) {
	var files []File
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is not a file", safetext.Line(name))
		case safetext.Line(name) != name:
			return fmt.Errorf("%s: its name has characters that do not print", safetext.Line(name))
		case len(files) >= l.Files:
			return errors.New("too many files")
		}
		f, err := hash(ctx, root, name)
		files = append(files, f)
		return err
	})
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files, err
}

// Sum is the SHA-256 of one file, in hex.
func Sum(ctx context.Context, root *os.Root, name string) (string, error) {
	f, err := hash(ctx, root, name)
	return f.SHA256, err
}

func hash(ctx context.Context, root *os.Root, name string) (File, error) {
	in, err := root.Open(name)
	if err != nil {
		return File{}, err
	}
	defer in.Close() // read only
	h := sha256.New()
	n, err := io.Copy(h, Reader(ctx, in))
	return File{Path: name, SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}, err
}
