// Package backup writes files into one that tar and sha256sum can read, too: a
// gzip'd tar archive whose last entry, SHA256SUMS, names all the others. What
// was cut, changed, added or left out afterwards is no backup.
package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

const (
	// Sums is the last entry. Its lines are those of sha256sum(1).
	Sums = "SHA256SUMS"
	// maxSums bounds it in bytes, and so the number of files.
	maxSums = 256 << 20
)

// Writer makes a backup. Its zero value is not usable.
type Writer struct {
	gz   *gzip.Writer
	tar  *tar.Writer
	sums bytes.Buffer
	seen map[string]bool
}

// NewWriter begins a backup.
func NewWriter(w io.Writer) *Writer {
	gz := gzip.NewWriter(w)
	return &Writer{gz: gz, tar: tar.NewWriter(gz), seen: map[string]bool{}}
}

// Add adds a file under a slash-separated name. It has size bytes; when it turns
// out to have fewer or more that is an error.
func (w *Writer) Add(name string, size int64, modified time.Time, r io.Reader) error {
	if !named(name) || w.seen[name] {
		return fmt.Errorf("%q cannot be named in a backup, or is in it", name)
	}
	w.seen[name] = true
	h := sha256.New()
	if err := w.add(name, size, modified, io.TeeReader(r, h)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(&w.sums, "%s  %s\n", hex.EncodeToString(h.Sum(nil)), name)
	return nil
}

func (w *Writer) add(name string, size int64, modified time.Time, r io.Reader) error {
	if err := w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: modified}); err != nil {
		return err
	}
	_, err := io.CopyN(w.tar, r, size)
	if err != nil {
		return err
	}
	if n, _ := io.ReadFull(r, make([]byte, 1)); n != 0 {
		return errors.New("it grew while it was read")
	}
	return nil
}

// Close ends the backup; one that was not closed is none.
func (w *Writer) Close() error {
	if err := w.add(Sums, int64(w.sums.Len()), time.Time{}, bytes.NewReader(w.sums.Bytes())); err != nil {
		return err
	}
	return errors.Join(w.tar.Close(), w.gz.Close())
}

// named says whether a file may have a name: one that stays below where it is
// unpacked, and that a line of SHA256SUMS can hold.
func named(name string) bool {
	return fs.ValidPath(name) && name != "." && path.Base(name) != Sums && !strings.ContainsAny(name, "\n\r\\")
}

// Extract unpacks a backup into an empty directory, and gives the names of its
// files in their order. On an error what is there must not be used.
func Extract(r io.Reader, into *os.Root) (names []string, err error) {
	gz, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("it is no backup: %w", err)
	}
	archive, found := tar.NewReader(gz), &bytes.Buffer{}
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return nil, errors.New("it is no backup, or a part of one: it does not end with " + Sums)
		}
		if err != nil {
			return nil, fmt.Errorf("it is no backup, or a part of one: %w", err)
		}
		if h.Name == Sums {
			break
		}
		if h.Typeflag != tar.TypeReg || !named(h.Name) {
			return nil, fmt.Errorf("%q has no place in a backup", h.Name)
		}
		sum, err := extract(archive, h.Name, into)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(found, "%s  %s\n", sum, h.Name)
		names = append(names, h.Name)
	}
	sums, err := io.ReadAll(io.LimitReader(archive, maxSums))
	if err != nil {
		return nil, err
	}
	if _, err := archive.Next(); err != io.EOF {
		return nil, errors.New("something was added to it after " + Sums)
	}
	if _, err := io.Copy(io.Discard, gz); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err) // gzip's own sum is at the end
	}
	return names, compare(found.Bytes(), sums)
}

// extract writes one file and gives its digest.
func extract(r io.Reader, name string, into *os.Root) (sum string, err error) {
	if err := into.MkdirAll(path.Dir(name), 0o700); err != nil {
		return "", err
	}
	f, err := into.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), r)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// compare says which line of the sums is another than what was found.
func compare(found, sums []byte) error {
	if bytes.Equal(found, sums) {
		return nil
	}
	have := bufio.NewScanner(bytes.NewReader(found))
	for line := range strings.Lines(string(sums)) {
		if !have.Scan() || have.Text()+"\n" != line {
			break
		}
	}
	_, name, _ := strings.Cut(have.Text(), "  ")
	return fmt.Errorf("it is damaged: %s is not what it was (%s)", name, Sums)
}
