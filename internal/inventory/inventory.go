// Package inventory walks a target once, before any check reads it: which
// files there are, how large, with which digest and role, and what was passed
// over and why. What a check later says it read is held against this list.
//
// The tree is hostile. Nothing is opened outside the root (os.Root), no link
// is followed, no device or pipe is opened, depth and count are bounded, and
// no content is parsed: the first bytes of a file are compared with fixed
// markers, that is all.
package inventory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Bounds of one walk. A tree beyond them is not read in part and called whole:
// the walk fails.
const (
	maxFiles = 2_000_000
	maxDepth = 200
	headSize = 4096
)

// File is one regular file of the target.
type File struct {
	// Path is relative to the root, with forward slashes. Bytes that are not
	// UTF-8 are written as \xNN; Raw then holds the real name.
	Path   string `json:"path"`
	Raw    []byte `json:"raw,omitempty"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Role is source, test, generated or vendored.
	Role string `json:"role,omitempty"`
	// Marked says that the file holds Options.Mark. It is not told to checks.
	Marked bool `json:"-"`
}

// Name is the path to open the file by, relative to the root.
func (f File) Name() string {
	if len(f.Raw) > 0 {
		return string(f.Raw)
	}
	return f.Path
}

// DigestPath is where a directory that holds files by their SHA-256 (64 hex
// digits) has the one with that digest: relative, with forward slashes, in one
// of 256 directories so that none grows too large to list.
func DigestPath(sha256 string) string {
	if len(sha256) < 3 {
		return sha256
	}
	return sha256[:2] + "/" + sha256[2:]
}

// Reasons why something in the tree is not in the list of files.
const (
	Ignored    = "ignored"    // .gitignore or .vitalsignignore
	Symlink    = "symlink"    // not followed; its target is read where it lies
	Special    = "special"    // device, socket or pipe
	Submodule  = "submodule"  // a repository of its own
	Pointer    = "pointer"    // Git LFS, DVC or git-annex: the content is elsewhere
	GitDir     = "git-dir"    // version control's own files
	Sparse     = "sparse"     // tracked, but not checked out on purpose
	Unreadable = "unreadable" // could not be opened or read
	Changed    = "changed"    // vanished or changed while it was read
)

// Skip is one path that was passed over. A directory ends in a slash.
type Skip struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

// Inventory is the answer of a walk, in order of path.
type Inventory struct {
	Files   []File
	Skipped []Skip
	// Languages counts source files by linguist name, by file extension.
	Languages map[string]int
	Bytes     int64
}

// Options say what is passed over.
type Options struct {
	// Only limits the walk to these paths (files or directories); empty means all.
	Only []string
	// Except leaves these directories out, and says nothing of them.
	Except []string
	// Tracked lists what git tracks: never ignored by .gitignore. Nil without git.
	Tracked map[string]Tracked
	// GitIgnore says whether .gitignore files count for what is not tracked.
	GitIgnore bool
	// Ignore holds lines in .gitignore syntax from trusted .vitalsignignore files.
	Ignore []string
	// Roles gives the role of a path before its content is asked; nil means none.
	Roles func(path string) string
	// Mark is a word of at most 100 bytes to look for in every file while it
	// is read anyway; empty for none.
	Mark string
	// Progress is told how many files were hashed, now and then; may be nil.
	Progress func(done, total int)
}

// Tracked is what git knows of a path.
type Tracked struct{ Submodule, Link, Sparse bool }

// Take walks the directory behind root. It fails only when the root itself
// cannot be read, a bound is passed, or ctx ends; everything else is a Skip.
func Take(ctx context.Context, root *os.Root, o Options) (*Inventory, error) {
	w := &walker{ctx: ctx, root: root, fsys: root.FS(), o: o}
	w.addIgnore(nil, o.Ignore, true)
	if err := w.dir(".", 0); err != nil {
		return nil, err
	}
	w.missing()
	inv := &Inventory{Skipped: w.skipped, Languages: map[string]int{}}
	hashed, err := hashAll(ctx, root, w.files, o)
	if err != nil {
		return nil, err
	}
	for i, f := range w.files {
		h := hashed[i]
		if h.skip != nil {
			inv.Skipped = append(inv.Skipped, *h.skip)
			continue
		}
		f.SHA256, f.Size, f.Marked = h.sum, h.size, h.marked
		f.Role = w.role(f.Path, h.head)
		inv.Files = append(inv.Files, f)
		inv.Bytes += f.Size
		if lang := Language(f.Path); lang != "" {
			inv.Languages[lang]++
		}
	}
	slices.SortFunc(inv.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(inv.Skipped, func(a, b Skip) int { return cmp.Compare(a.Path, b.Path) })
	return inv, nil
}

type walker struct {
	ctx     context.Context
	root    *os.Root
	fsys    fs.FS
	o       Options
	ignore  ignoreStack
	files   []File
	skipped []Skip
	seen    map[string]bool
}

func (w *walker) skip(path, reason, detail string) {
	w.skipped = append(w.skipped, Skip{Path: path, Reason: reason, Detail: detail})
}

// dir walks one directory; name is its real name from the root.
func (w *walker) dir(name string, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: directories nested deeper than %d", Display(name), maxDepth)
	}
	entries, err := fs.ReadDir(w.fsys, name)
	if err != nil {
		if name == "." {
			return err
		}
		w.skip(Display(name)+"/", Unreadable, errno(err))
		return nil
	}
	defer w.ignore.pop(w.ignore.push(w.gitignoreOf(name, entries)))
	for _, e := range entries {
		if err := w.entry(join(name, e.Name()), e, depth); err != nil {
			return err
		}
	}
	return nil
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// entry looks at one directory entry.
func (w *walker) entry(name string, e fs.DirEntry, depth int) error {
	tracked, isTracked := w.o.Tracked[name]
	switch {
	case e.Name() == ".git":
		w.skip(Display(name), GitDir, "")
		return nil
	case !w.wanted(name, e.IsDir()):
		return nil
	case tracked.Submodule && e.IsDir():
		return w.submodule(name, depth)
	case w.ignored(name, e.IsDir(), isTracked):
		return w.ignoredEntry(name, e, depth)
	case e.IsDir():
		return w.dir(name, depth+1)
	case e.Type()&fs.ModeSymlink != 0:
		w.link(name)
		return nil
	case !e.Type().IsRegular():
		w.skip(Display(name), Special, e.Type().String())
		return nil
	}
	return w.file(name)
}

func (w *walker) file(name string) error {
	if len(w.files) >= maxFiles {
		return fmt.Errorf("more than %d files", maxFiles)
	}
	f := File{Path: Display(name)}
	if f.Path != name {
		f.Raw = []byte(name)
	}
	w.files = append(w.files, f)
	return nil
}

// link records a symbolic link and where it points; git-annex keeps its
// content behind one.
func (w *walker) link(name string) {
	target, err := w.root.Readlink(name)
	switch {
	case err != nil:
		w.skip(Display(name), Symlink, errno(err))
	case strings.Contains(target, ".git/annex/objects/"):
		w.skip(Display(name), Pointer, "git-annex")
	default:
		w.skip(Display(name), Symlink, "to "+Display(target))
	}
}

// submodule names a submodule; its content belongs to another repository, and
// is read as a part of this tree only where it is checked out.
func (w *walker) submodule(name string, depth int) error {
	entries, err := fs.ReadDir(w.fsys, name)
	if err == nil && len(entries) > 0 {
		return w.dir(name, depth+1)
	}
	w.skip(Display(name)+"/", Submodule, "not checked out")
	return nil
}

// ignoredEntry records an ignored path, but goes down an ignored directory
// that holds tracked files: those are always read.
func (w *walker) ignoredEntry(name string, e fs.DirEntry, depth int) error {
	if e.IsDir() && w.holdsTracked(name) {
		return w.dir(name, depth+1)
	}
	path := Display(name)
	if e.IsDir() {
		path += "/"
	}
	w.skip(path, Ignored, "")
	return nil
}

func (w *walker) holdsTracked(dir string) bool {
	if w.seen == nil {
		w.seen = map[string]bool{}
		for p := range w.o.Tracked {
			for i := strings.LastIndexByte(p, '/'); i > 0; i = strings.LastIndexByte(p[:i], '/') {
				if w.seen[p[:i]] {
					break
				}
				w.seen[p[:i]] = true
			}
		}
	}
	return w.seen[dir]
}

// wanted says whether a path is inside the asked part of the tree, or on the way to it.
func (w *walker) wanted(name string, dir bool) bool {
	for _, e := range w.o.Except {
		if name == e || strings.HasPrefix(name, e+"/") {
			return false
		}
	}
	if len(w.o.Only) == 0 {
		return true
	}
	for _, o := range w.o.Only {
		if o == "." || name == o || strings.HasPrefix(name, o+"/") || dir && strings.HasPrefix(o, name+"/") {
			return true
		}
	}
	return false
}

// missing names what git tracks and the work tree lacks on purpose.
func (w *walker) missing() {
	for p, t := range w.o.Tracked {
		if t.Sparse && w.wanted(p, false) {
			if _, err := w.root.Lstat(p); errors.Is(err, fs.ErrNotExist) {
				w.skip(Display(p), Sparse, "")
			}
		}
	}
}

type hashResult struct {
	sum  string
	size int64
	head []byte
	// marked: see File.Marked.
	marked bool
	skip   *Skip
}

// hashAll reads every file once, in parallel.
func hashAll(ctx context.Context, root *os.Root, files []File, o Options) ([]hashResult, error) {
	out := make([]hashResult, len(files))
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := 0
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		if next >= len(files) || ctx.Err() != nil {
			return -1
		}
		if o.Progress != nil && next%500 == 0 {
			o.Progress(next, len(files))
		}
		next++
		return next - 1
	}
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			buf := make([]byte, maxMark+256<<10)
			for i := take(); i >= 0; i = take() {
				out[i] = hashOne(ctx, root, files[i], buf, []byte(o.Mark))
			}
		})
	}
	wg.Wait()
	return out, ctx.Err()
}

// maxMark is how much of one read is kept in front of the next, so that a mark
// that lies across the edge is seen.
const maxMark = 100

func hashOne(ctx context.Context, root *os.Root, f File, buf, mark []byte) hashResult {
	// Non-blocking: a file that became a pipe since it was listed must not
	// hold the walk up for ever.
	h, err := root.OpenFile(f.Name(), os.O_RDONLY|nonBlock, 0)
	if err != nil {
		reason := Unreadable
		if errors.Is(err, fs.ErrNotExist) {
			reason = Changed
		}
		return hashResult{skip: &Skip{f.Path, reason, errno(err)}}
	}
	defer h.Close() // read only: nothing to lose
	if info, err := h.Stat(); err != nil || !info.Mode().IsRegular() {
		return hashResult{skip: &Skip{f.Path, Changed, "no longer a regular file"}}
	}
	sum := sha256.New()
	var r hashResult
	kept := 0 // bytes of the last read that stand in front of this one
	for {
		n, err := h.Read(buf[kept:])
		read := buf[kept : kept+n]
		if room := headSize - len(r.head); room > 0 && n > 0 {
			r.head = append(r.head, read[:min(n, room)]...)
		}
		sum.Write(read)
		r.size += int64(n)
		if len(mark) > 0 && !r.marked {
			seen := buf[:kept+n]
			r.marked = bytes.Contains(seen, mark)
			kept = copy(buf, seen[max(0, len(seen)-len(mark)+1):])
		}
		if err == io.EOF {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return hashResult{skip: &Skip{f.Path, Unreadable, errno(err)}}
		}
	}
	if tool := pointerTo(f.Path, r.head, r.size); tool != "" {
		return hashResult{skip: &Skip{f.Path, Pointer, tool}}
	}
	r.sum = hex.EncodeToString(sum.Sum(nil))
	return r
}

// errno gives the operating system's words without the path, which may be hostile.
func errno(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
