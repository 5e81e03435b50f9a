package osvdb

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

const (
	manifestFile = "manifest.json"
	lockFile     = ".lock"
	maxManifest  = 1 << 20
)

// State is what a store holds.
type State struct {
	Schema int `json:"schema"`
	// Ecosystems are sorted by name.
	Ecosystems []Ecosystem `json:"ecosystems"`
}

// Status reads what the store in dir holds. ErrNoData means that there is none.
func Status(dir string) (State, error) { return readManifest(dir) }

// Digest names the data: SHA-256 in hex over the schema number and each
// ecosystem's name and file digest. It does not cover dates, so that asking
// osv.dev again and being told "unchanged" keeps what was computed from it.
func (s State) Digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "vitalsign/osvdb/%d\n", s.Schema)
	for _, e := range s.Ecosystems {
		fmt.Fprintf(h, "%d:%s %s\n", len(e.Name), e.Name, e.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Oldest is the earliest AsOf of all ecosystems, and whose it is.
func (s State) Oldest() (time.Time, string) {
	var at time.Time
	name := ""
	for _, e := range s.Ecosystems {
		if name == "" || e.AsOf.Before(at) {
			at, name = e.AsOf, e.Name
		}
	}
	return at, name
}

// Verify holds every data file against its digest.
func Verify(dir string, s State) error {
	var errs []error
	for _, e := range s.Ecosystems {
		f, err := openData(dir, e)
		if err == nil {
			err = f.Close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func readManifest(dir string) (State, error) {
	f, err := os.Open(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, fmt.Errorf("%w in %s", ErrNoData, dir)
	}
	if err != nil {
		return State{}, err
	}
	defer f.Close() // read only
	b, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return State{}, err
	}
	var s State
	if err := json.Unmarshal(b, &s); err != nil {
		return State{}, corrupt("%s is not readable", manifestFile)
	}
	if s.Schema != SchemaNumber {
		return State{}, corrupt("%s is of schema %d, this program reads %d: get the data again", manifestFile, s.Schema, SchemaNumber)
	}
	if len(s.Ecosystems) == 0 {
		return State{}, corrupt("%s names no ecosystem", manifestFile)
	}
	for i, e := range s.Ecosystems {
		if e.Name == "" || e.Records <= 0 || i > 0 && e.Name <= s.Ecosystems[i-1].Name {
			return State{}, corrupt("%s has a malformed entry", manifestFile)
		}
	}
	return s, nil
}

// store is a directory that this process holds the lock of.
type store struct {
	dir  string
	lock *flock.Flock
	// state is the last one written; empty in a new store, or in one that
	// cannot be read and is therefore written anew.
	state State
}

// lockStore makes the directory and takes its lock, or says ErrBusy at once.
func lockStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w in %s", ErrBusy, dir)
	}
	s := &store{dir: dir, lock: lock, state: State{Schema: SchemaNumber}}
	old, err := readManifest(dir)
	switch {
	case err == nil:
		s.state = old
	case !errors.Is(err, ErrNoData) && !errors.Is(err, ErrCorrupt):
		return nil, errors.Join(err, lock.Unlock())
	}
	return s, nil
}

func (s *store) close() error { return s.lock.Unlock() }

// find gives the entry of an ecosystem whose file is whole.
func (s *store) find(name string) (Ecosystem, bool) {
	for _, e := range s.state.Ecosystems {
		if e.Name == name {
			f, err := openData(s.dir, e)
			if err != nil {
				return Ecosystem{}, false
			}
			return e, f.Close() == nil
		}
	}
	return Ecosystem{}, false
}

// commit writes the data files, then the manifest that names them, then
// removes what no manifest names any more. Each write replaces atomically, so a
// reader sees the old state or the new one.
func (s *store) commit(files []built) error {
	next := State{Schema: SchemaNumber}
	replaced := map[string]bool{}
	for _, b := range files {
		if b.data != nil {
			if err := wholefile.WriteBytes(filepath.Join(s.dir, b.ecosystem.File), b.data, 0o644); err != nil {
				return err
			}
		}
		replaced[b.ecosystem.Name] = true
		next.Ecosystems = append(next.Ecosystems, b.ecosystem)
	}
	for _, e := range s.state.Ecosystems {
		if !replaced[e.Name] {
			next.Ecosystems = append(next.Ecosystems, e)
		}
	}
	slices.SortFunc(next.Ecosystems, func(a, b Ecosystem) int { return strings.Compare(a.Name, b.Name) })
	doc, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return err
	}
	if err := wholefile.WriteBytes(filepath.Join(s.dir, manifestFile), append(doc, '\n'), 0o644); err != nil {
		return err
	}
	s.state = next
	return s.sweep()
}

// dataFile is the shape of names that fileName makes: nothing else in the
// directory, which the user may have chosen, is touched.
var dataFile = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*-[0-9a-f]{16}\.osv$`)

func (s *store) sweep() error {
	_, err := s.remove(false)
	return err
}

// remove takes away the data files that the state does not name, and gives
// their bytes. With dry it only counts.
func (s *store) remove(dry bool) (bytes int64, err error) {
	named := map[string]bool{}
	for _, e := range s.state.Ecosystems {
		named[e.File] = true
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "*.osv"))
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, f := range files {
		info, err := os.Lstat(f)
		if base := filepath.Base(f); err != nil || named[base] || !dataFile.MatchString(base) {
			continue // in use, not ours, or gone since
		}
		bytes += info.Size()
		if !dry {
			errs = append(errs, os.Remove(f))
		}
	}
	return bytes, errors.Join(errs...)
}

// Prune removes data files in dir that nothing names any more, as a process
// leaves them that was killed, and gives their bytes; with dry it only counts.
// A directory that is not there holds none; one that another process writes to
// is ErrBusy, and one whose list is damaged is left as it is.
func Prune(dir string, dry bool) (bytes int64, err error) {
	if _, err := readManifest(dir); err != nil {
		if errors.Is(err, ErrNoData) {
			err = nil
		}
		return 0, err
	}
	s, err := lockStore(dir)
	if err != nil {
		return 0, err
	}
	bytes, err = s.remove(dry)
	return bytes, errors.Join(err, s.close())
}

// Clear removes all data in dir, and nothing else that is there.
func Clear(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s, err := lockStore(dir)
	if err != nil {
		return err
	}
	// The list goes first: a scan finds no data then, and not a part of it.
	if err := os.Remove(filepath.Join(dir, manifestFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, s.close())
	}
	s.state = State{}
	_, err = s.remove(false)
	return errors.Join(err, s.close())
}
