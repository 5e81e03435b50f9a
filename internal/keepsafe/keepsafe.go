// Package keepsafe keeps bytes by name in a directory, so that only what was
// put there under the same key comes out again: each file carries an
// HMAC-SHA-256 (RFC 2104) over its name and content. Files are replaced whole,
// several processes may use one directory, and a process that is killed leaves
// nothing worse than a file that is swept up later. What is there is worth only
// the time it saves: whatever is damaged, forged or gone is not there.
package keepsafe

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

const (
	// magic begins each file, and names the format.
	magic = "vitalsign/keepsafe/v1\n"
	// maxFile bounds what is read into memory, in bytes.
	maxFile = 1 << 30
	// leftBehind is how old a half-written file is that nobody writes any more.
	leftBehind = time.Hour
	// room is what a sweep leaves free, so that not every file starts one: a fifth.
	room = 5
)

// Dir is one directory. Its zero value is not usable.
type Dir struct {
	path string
	key  []byte
	max  int64
	now  func() time.Time
}

// Open makes the directory at path if it is not there, readable by this user
// only. The key is a secret of any length; max bounds all files together, in
// bytes. now is the wall clock, for the order in which files are given up.
func Open(path string, key []byte, max int64, now func() time.Time) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	return &Dir{path: path, key: slices.Clone(key), max: max, now: now}, nil
}

func (d *Dir) file(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(d.path, hex.EncodeToString(sum[:])+suffix)
}

// suffix tells our files from others that somebody put there.
const suffix = ".kept"

func (d *Dir) mac(name string, content []byte) []byte {
	m := hmac.New(sha256.New, d.key)
	inner := sha256.Sum256([]byte(name)) // of a fixed length, so that no name runs into content
	m.Write([]byte(magic))
	m.Write(inner[:])
	m.Write(content)
	return m.Sum(nil)
}

// Get gives what was put under a name with the same key, or nil.
func (d *Dir) Get(name string) []byte {
	path := d.file(name)
	b, err := read(path)
	if err != nil || len(b) < len(magic)+sha256.Size || string(b[:len(magic)]) != magic {
		return nil
	}
	mac, content := b[len(magic):len(magic)+sha256.Size], b[len(magic)+sha256.Size:]
	if !hmac.Equal(mac, d.mac(name, content)) {
		return nil
	}
	now := d.now()
	_ = os.Chtimes(path, now, now) // it was of use; not to know that only gives it up sooner
	return content
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fs.ErrInvalid
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

// Put keeps content under a name in place of what was there. Where all files
// would be more than the bound, those not used for longest go first.
func (d *Dir) Put(name string, content []byte) error {
	if int64(len(content)) > min(d.max, maxFile-int64(len(magic))-sha256.Size) {
		return errors.New("larger than the whole cache may be")
	}
	err := wholefile.Write(d.file(name), 0o600, func(w io.Writer) error {
		for _, b := range [][]byte{[]byte(magic), d.mac(name, content), content} {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	used, err := Used(d.path)
	if err != nil || used.Bytes <= d.max {
		return err
	}
	_, err = Prune(d.path, d.max-d.max/room, d.now())
	return err
}

// Usage is what a directory holds.
type Usage struct {
	Files int
	Bytes int64
}

// Used counts the files of a directory. One that is not there holds nothing.
func Used(dir string) (u Usage, err error) {
	files, err := list(dir)
	for _, f := range files {
		u.Files++
		u.Bytes += f.size
	}
	return u, err
}

type kept struct {
	path string
	size int64
	used time.Time
}

// list gives the files of a directory, those that were left half written too.
func list(dir string) ([]kept, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []kept
	for _, e := range entries {
		info, infoErr := e.Info()
		if infoErr != nil || !info.Mode().IsRegular() || !strings.HasSuffix(e.Name(), suffix) && !half(e.Name()) {
			continue // somebody else's, or gone since
		}
		out = append(out, kept{filepath.Join(dir, e.Name()), info.Size(), info.ModTime()})
	}
	return out, err
}

// half says whether a file is one that wholefile was writing.
func half(name string) bool {
	return strings.HasPrefix(name, ".vitalsign-") && strings.HasSuffix(name, ".tmp")
}

// Prune removes the files of a directory that were not used for longest until
// the rest is at most max bytes, and what killed processes left. It gives what
// was removed.
func Prune(dir string, max int64, now time.Time) (gone Usage, err error) {
	surplus, err := surplusOf(dir, max, now)
	errs := []error{err}
	for _, f := range surplus {
		// Another process may have removed it, or used it since: then it is made again.
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		gone.Files++
		gone.Bytes += f.size
	}
	return gone, errors.Join(errs...)
}

// Surplus is what Prune would remove.
func Surplus(dir string, max int64, now time.Time) (u Usage, err error) {
	surplus, err := surplusOf(dir, max, now)
	for _, f := range surplus {
		u.Files++
		u.Bytes += f.size
	}
	return u, err
}

// surplusOf gives the files that are too many.
func surplusOf(dir string, max int64, now time.Time) (surplus []kept, err error) {
	files, err := list(dir)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b kept) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path)) })
	var total int64
	for _, f := range files {
		total += f.size
	}
	for _, f := range files {
		abandoned := half(filepath.Base(f.path)) && now.Sub(f.used) > leftBehind
		if total <= max && !abandoned || half(filepath.Base(f.path)) && !abandoned {
			continue
		}
		surplus = append(surplus, f)
		total -= f.size
	}
	return surplus, nil
}
