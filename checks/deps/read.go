package deps

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/inventory"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// maxLine is the longest line that a reader built on bufio.Scanner takes
// (bufio.MaxScanTokenSize). Some of scalibr's stop there and report no error.
const maxLine = 64 << 10

// reading is one pass over the claimed files.
type reading struct {
	check *Check
	tree  *child.Tree
	found []dependency
	// components are all packages that were read, those that cannot be matched
	// included.
	components []checks.Component
	notes      *notes
}

// file accounts for one claimed file: read by scalibr, read for the
// manifest's sake, or skipped with a reason. An error ends the check.
func (r *reading) file(ctx context.Context, p string) error {
	readers := r.readers(p)
	if len(readers) > 0 {
		for _, e := range readers {
			if err := r.extract(ctx, e, p); err != nil {
				return err
			}
		}
		return r.manifest(p)
	}
	base := strings.ToLower(path.Base(p))
	if command, known := unreadableLocks()[base]; known {
		r.notes.add("lock files in a format that cannot be read", "no reader for "+base, command, p)
		r.tree.Skip(p, checks.SkipBinary, "no reader for this format")
		return nil
	}
	if _, ok := manifestOf(p); ok {
		return r.manifest(p)
	}
	switch {
	case slices.Contains(strings.Split(path.Dir(p), "/"), "node_modules"):
		// scalibr's rule: what is installed stands in the packages' own
		// package.json, what is wanted in the project's lock file.
		r.tree.Skip(p, checks.SkipAllowlisted, "a lock file of an installed package does not count for its user")
	default:
		r.tree.Skip(p, checks.SkipBinary, "its tool reads no file of this name and place")
	}
	return nil
}

// api is a path as scalibr's readers want to see it.
type api struct {
	tree *child.Tree
	path string
}

func (a api) Path() string               { return a.path }
func (a api) Stat() (fs.FileInfo, error) { return a.tree.Stat(a.path) }

func (r *reading) readers(p string) []filesystem.Extractor {
	var out []filesystem.Extractor
	for _, e := range r.check.extractors {
		if e.FileRequired(api{r.tree, p}) {
			out = append(out, e)
		}
	}
	return out
}

// extract runs one reader on one file.
func (r *reading) extract(ctx context.Context, e filesystem.Extractor, p string) error {
	content, err := r.tree.ReadFile(p)
	if err != nil {
		r.tree.SkipError(p, err)
		return nil
	}
	info, err := r.tree.Stat(p)
	if err != nil {
		return err
	}
	parts, cut := pieces(e.Name(), content)
	var trouble error
	for _, part := range parts {
		inv, err := guarded(ctx, e, &filesystem.ScanInput{FS: r.tree, Path: p, Info: info, Reader: bytes.NewReader(part)})
		trouble = cmp.Or(trouble, err)
		for _, pkg := range inv.Packages {
			if d, ok := r.dependency(e.Name(), p, pkg); ok {
				if cut {
					d.line = 0
				}
				r.found = append(r.found, d)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if trouble == nil && readsLines(e.Name()) && longLine(content) {
		trouble = fmt.Errorf("a line longer than %d bytes", maxLine)
	}
	if trouble != nil {
		r.unparsable(p, trouble)
	}
	return nil
}

// guarded turns a reader's panic into an error of its file: a hostile lock
// file must not take the others with it.
func guarded(ctx context.Context, e filesystem.Extractor, in *filesystem.ScanInput) (inv inventory.Inventory, err error) {
	defer func() {
		if v := recover(); v != nil {
			// The value may quote the file, so only its type is said.
			err = fmt.Errorf("panic (%T) in the reader %s", v, e.Name())
		}
	}()
	return e.Extract(ctx, in)
}

// readsLines names the readers whose content comes through a bufio.Scanner.
func readsLines(name string) bool {
	return slices.Contains([]string{
		"javascript/yarnlock", "python/requirements", "python/setup", "java/gradlelockfile", "ruby/gemfilelock",
		"erlang/mixlock", "go/vendormodules", "haskell/cabal", "haskell/stacklock", "dotnet/paketlock",
	}, name)
}

func longLine(b []byte) bool {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			i = len(b) - 1
		}
		if i >= maxLine-1 {
			return true
		}
		b = b[i+1:]
	}
	return false
}

// unparsable makes the step partial for a file that is of its kind by name,
// and is named as unread otherwise.
func (r *reading) unparsable(p string, err error) {
	// The depth has no error value of its own.
	if errors.Is(err, filesystem.ErrExtractorMemoryLimitExceeded) || strings.Contains(err.Error(), "reached max zip depth") {
		r.tree.Skip(p, checks.SkipTooLarge, "it unpacks to more than can be held")
		return
	}
	claims, _ := checks.NewClaimSet(claims()) // our own patterns, which a test compiles
	if _, exact := claims.Match(p); exact {
		r.tree.Skip(p, checks.SkipUnparsable, err.Error())
		return
	}
	r.notes.add("files that could not be parsed", "not what their name says, or damaged", "", p)
}

// manifest names a manifest that no lock file covers.
func (r *reading) manifest(p string) error {
	m, ok := manifestOf(p)
	if !ok || r.tree.Canary(p) {
		return nil
	}
	content, err := r.tree.ReadFile(p)
	if err != nil {
		r.tree.SkipError(p, err)
		return nil
	}
	installed := slices.Contains(strings.Split(path.Dir(p), "/"), "node_modules")
	if !installed && m.declares(content) && !m.locked(r.tree, p) {
		r.notes.add(m.kind, m.why, m.command, p)
	}
	return nil
}

// pathOf is where scalibr says a package stands, if that is a file of the tree.
func (r *reading) pathOf(p string, pkg *extractor.Package) (string, int) {
	d := pkg.Location.Descriptor
	if d == nil || d.File == nil || d.File.Path != p && r.tree.Size(d.File.Path) < 0 {
		return p, 0
	}
	return d.File.Path, max(0, d.File.LineNumber)
}
