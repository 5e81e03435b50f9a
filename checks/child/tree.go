package child

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// Tree is the target as a check sees it: exactly the files of the inventory,
// and the canary. What is read through it is accounted for, with the digest of
// the bytes that were handed out. It implements fs.FS, fs.ReadFileFS,
// fs.ReadDirFS and fs.StatFS, and is safe for concurrent use.
type Tree struct {
	root      *os.Root
	files     map[string]*node
	dirs      map[string][]fs.DirEntry
	claimed   []string
	settled   []string // claimed too, and covered by an earlier answer
	isSettled map[string]bool
	canaryDir string
	limit     int64
	byDigest  bool

	mu      sync.Mutex
	read    []checks.ReadFile
	done    map[string]bool
	skipped []checks.Skip
	asked   map[string]bool
	onRead  func(done, total int)
}

type node struct {
	file    inventory.File
	content []byte // of a canary file
	claimed bool   // the check accounts for it anyway
}

// ErrTooLarge says that a file is over the limit of what may be held in memory.
var ErrTooLarge = errors.New("larger than the limit")

// ErrChanged says that a file is not what the inventory saw.
var ErrChanged = errors.New("changed since the inventory was taken")

// NewTree opens the job's root and lays the canary over it.
func NewTree(job checks.Job, d checks.Description) (*Tree, error) {
	claims, err := checks.NewClaimSet(d.Claims)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(job.Root)
	if err != nil {
		return nil, err
	}
	t := &Tree{
		root: root, files: map[string]*node{}, dirs: map[string][]fs.DirEntry{".": nil},
		canaryDir: job.CanaryDir, limit: job.Limits.FileBytes, byDigest: job.ByDigest, done: map[string]bool{}, asked: map[string]bool{}, isSettled: map[string]bool{},
	}
	for _, p := range job.Settled {
		t.isSettled[p] = true
	}
	for _, f := range job.Inventory {
		ok, _ := claims.Match(f.Path)
		t.add(&node{file: f, claimed: ok})
		switch {
		case ok && t.isSettled[f.Path]:
			t.settled = append(t.settled, f.Path)
		case ok:
			t.claimed = append(t.claimed, f.Path)
		}
	}
	for _, c := range d.Canary.Files {
		b := []byte(strings.Join(c.Parts, ""))
		p := path.Join(job.CanaryDir, c.Path)
		t.add(&node{file: inventory.File{Path: p, Size: int64(len(b)), SHA256: digest(b)}, content: b})
		t.claimed = append(t.claimed, p)
	}
	for _, entries := range t.dirs {
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return t, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (t *Tree) add(n *node) {
	if _, twice := t.files[n.file.Path]; twice {
		return
	}
	t.files[n.file.Path] = n
	var child fs.DirEntry = fs.FileInfoToDirEntry(info{path.Base(n.file.Path), n.file.Size, 0o444})
	for dir := path.Dir(n.file.Path); ; dir = path.Dir(dir) {
		_, known := t.dirs[dir]
		t.dirs[dir] = append(t.dirs[dir], child)
		if known || dir == "." {
			return
		}
		child = fs.FileInfoToDirEntry(info{path.Base(dir), 0, fs.ModeDir | 0o555})
	}
}

// Claimed lists the files the check must account for, canary included.
func (t *Tree) Claimed() []string { return slices.Clone(t.claimed) }

// Hold says that an earlier answer about some claimed files holds: no account
// of them is due.
func (t *Tree) Hold(files []string) {
	for _, f := range files {
		t.isSettled[f] = true
	}
	t.claimed = slices.DeleteFunc(t.claimed, func(f string) bool { return t.isSettled[f] })
	t.settled = append(t.settled, files...)
}

// Known lists all files of the check's kind: those claimed, and those that an
// earlier answer covers.
func (t *Tree) Known() []string { return slices.Concat(t.claimed, t.settled) }

// Paths lists the files of the target, without the canary, sorted.
func (t *Tree) Paths() []string {
	var out []string
	for p := range t.files {
		if !t.Canary(p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// Canary says whether a path belongs to the canary.
func (t *Tree) Canary(p string) bool { return strings.HasPrefix(p, t.canaryDir+"/") }

// CanaryDir is the directory of the canary.
func (t *Tree) CanaryDir() string { return t.canaryDir }

// Size gives the size of a file in bytes, -1 when it is not in the tree.
func (t *Tree) Size(p string) int64 {
	if n, ok := t.files[p]; ok {
		return n.file.Size
	}
	return -1
}

// Digest gives the SHA-256 of a file in hex, "" when it is not in the tree.
func (t *Tree) Digest(p string) string {
	if t == nil || t.files[p] == nil {
		return ""
	}
	return t.files[p].file.SHA256
}

// Skip records that a claimed file was not, or not usefully, read.
func (t *Tree) Skip(p string, reason checks.SkipReason, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.skipped = append(t.skipped, checks.Skip{Path: p, Reason: reason, Detail: detail})
}

// SkipError records a file that could not be read, with the reason that err means.
func (t *Tree) SkipError(p string, err error) {
	reason := checks.SkipUnreadable
	switch {
	case errors.Is(err, ErrTooLarge):
		reason = checks.SkipTooLarge
	case errors.Is(err, ErrChanged), errors.Is(err, fs.ErrNotExist):
		reason = checks.SkipChanged
	}
	t.Skip(p, reason, words(err))
}

// words drops the path from a file error: it is said beside it.
func words(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// Asked gives, in the form of checks.Part's Uses, what the check looked for by
// name through the tree so far, found or not, sorted: files, and everything
// once a directory was listed.
func (t *Tree) Asked() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.asked))
}

func (t *Tree) ask(name string) {
	if n := t.files[name]; t.Canary(name) || n != nil && n.claimed {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked[name] = true
}

// ReadFile hands out a whole file, at most the job's file limit, and only if
// its digest is the inventory's.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	t.ask(name)
	b, err := t.peek(name)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errOf(err)}
	}
	t.account(name, t.files[name].file.SHA256)
	return b, nil
}

func errOf(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// peek reads a file without accounting for it.
func (t *Tree) peek(name string) ([]byte, error) {
	n, ok := t.files[name]
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case n.content != nil:
		return slices.Clone(n.content), nil
	case n.file.Size > t.limit:
		return nil, fmt.Errorf("%w (%d bytes, limit %d)", ErrTooLarge, n.file.Size, t.limit)
	}
	f, err := t.open(n)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	b := make([]byte, 0, n.file.Size+bytes.MinRead)
	buf := bytes.NewBuffer(b)
	if _, err := buf.ReadFrom(io.LimitReader(f, n.file.Size+1)); err != nil {
		return nil, err
	}
	if digest(buf.Bytes()) != n.file.SHA256 {
		return nil, ErrChanged
	}
	return buf.Bytes(), nil
}

// open opens a file where the root has it.
func (t *Tree) open(n *node) (*os.File, error) {
	if t.byDigest {
		return t.root.Open(inventory.DigestPath(n.file.SHA256))
	}
	return t.root.Open(n.file.Name())
}

// Stream opens a file of any size. It is accounted for when its end has been
// reached; a changed file gives ErrChanged there.
func (t *Tree) Stream(name string) (io.ReadCloser, error) {
	t.ask(name)
	n, ok := t.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if n.content != nil {
		return &stream{t: t, n: n, r: io.NopCloser(bytes.NewReader(n.content)), h: sha256.New()}, nil
	}
	f, err := t.open(n)
	if err != nil {
		return nil, err
	}
	return &stream{t: t, n: n, r: f, h: sha256.New()}, nil
}

type stream struct {
	t *Tree
	n *node
	r io.ReadCloser
	h hash.Hash
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.h.Write(p[:n])
	if err == io.EOF {
		if sum := hex.EncodeToString(s.h.Sum(nil)); sum != s.n.file.SHA256 {
			return n, ErrChanged
		}
		s.t.account(s.n.file.Path, s.n.file.SHA256)
	}
	return n, err
}

func (s *stream) Close() error { return s.r.Close() }

func (t *Tree) account(name, sum string) {
	t.mu.Lock()
	if t.done[name] {
		t.mu.Unlock()
		return
	}
	t.done[name] = true
	t.read = append(t.read, checks.ReadFile{Path: name, SHA256: sum})
	n, report := len(t.done), t.onRead
	t.mu.Unlock()
	if report != nil {
		report(n, len(t.claimed))
	}
}

// Probed records an operation of a running application that was tested to the
// end. Its name begins with a slash, as no file's does.
func (t *Tree) Probed(operation string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.done[operation] {
		t.done[operation] = true
		t.read = append(t.read, checks.ReadFile{Path: operation})
	}
}

// WasProbed says whether Probed was called for it.
func (t *Tree) WasProbed(operation string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done[operation]
}

// coverage takes what was read and skipped since the last call.
func (t *Tree) coverage() checks.CoverageRecord {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := checks.CoverageRecord{Read: t.read, Skipped: t.skipped}
	t.read, t.skipped = nil, nil
	return c
}

// Open implements fs.FS. A file is read whole at once, so that what a scanner
// gets is what the inventory saw.
func (t *Tree) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if entries, ok := t.dirs[name]; ok {
		t.ask("**")
		return &openDir{info: info{path.Base(name), 0, fs.ModeDir | 0o555}, entries: entries}, nil
	}
	b, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{Reader: bytes.NewReader(b), info: info{path.Base(name), int64(len(b)), 0o444}}, nil
}

// Stat implements fs.StatFS without reading.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	t.ask(name)
	if n, ok := t.files[name]; ok {
		return info{path.Base(name), n.file.Size, 0o444}, nil
	}
	if _, ok := t.dirs[name]; ok {
		return info{path.Base(name), 0, fs.ModeDir | 0o555}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// ReadDir implements fs.ReadDirFS.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	t.ask("**")
	entries, ok := t.dirs[name]
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	return slices.Clone(entries), nil
}

// info describes a file or directory; it has no time, since no check may
// depend on one.
type info struct {
	name string
	size int64
	mode fs.FileMode
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

type openFile struct {
	*bytes.Reader
	info info
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info    info
	entries []fs.DirEntry
	at      int
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := d.entries[d.at:]
	if n <= 0 {
		d.at = len(d.entries)
		return slices.Clone(rest), nil
	}
	if len(rest) == 0 {
		return nil, io.EOF
	}
	rest = rest[:min(n, len(rest))]
	d.at += len(rest)
	return slices.Clone(rest), nil
}
