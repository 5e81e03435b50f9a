// Package wholefile replaces files whole or not at all: who reads meanwhile
// sees the old content or the new, and a crash leaves the old one. (renameio
// does the same and does not build for Windows.) It also says by what digest a
// whole file is known.
package wholefile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// unfinished is the pattern of what is not whole yet.
const unfinished = ".vitalsign-*.tmp"

// Unfinished says whether a file of that name is one that Write has begun.
func Unfinished(path string) bool {
	ok, err := filepath.Match(unfinished, filepath.Base(path))
	return ok && err == nil
}

// Write replaces the file at path with what write writes, with the given mode.
// When anything fails the old file stays and nothing is left beside it.
func Write(path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Sync() // the rename must not reach the disk before the content
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), mode); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// WriteBytes is Write for content at hand.
func WriteBytes(path string, content []byte, mode fs.FileMode) error {
	return Write(path, mode, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// SHA256 is the digest of the file at path, in hex.
func SHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() // read only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
