package dagger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// stage is a directory with what an engine is given of one plan: the target's
// files, each under its digest. No name, link, mode or device of a hostile
// target reaches the engine, no file that the inventory does not have, and no
// other bytes than the inventory saw.
type stage struct {
	dir string
}

const targetDir = "target"

// lay copies the files of a plan. One that cannot be read any more, or has
// changed, is left out: the check that asks for it will say so.
func lay(ctx context.Context, temp string, plan pipelines.Plan) (s *stage, err error) {
	dir, err := os.MkdirTemp(temp, "vitalsign-stage-")
	if err != nil {
		return nil, fmt.Errorf("the target could not be laid out: %w", err)
	}
	s = &stage{dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("the target could not be laid out: %w", err), s.remove())
		}
	}()
	root, err := os.OpenRoot(plan.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close() // read only
	if err := os.Mkdir(s.target(), 0o700); err != nil {
		return nil, err
	}
	largest := largestRead(plan)
	for _, f := range plan.Inventory.Files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.Size > largest {
			continue // no check reads it
		}
		if err := s.copy(root, f); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *stage) target() string { return filepath.Join(s.dir, targetDir) }

func (s *stage) remove() error { return os.RemoveAll(s.dir) }

// desk makes a directory for one job and its answer.
func (s *stage) desk() (string, error) { return os.MkdirTemp(s.dir, "desk-") }

// largestRead is the size up to which some check reads files, in bytes.
func largestRead(plan pipelines.Plan) int64 {
	var n int64
	for _, p := range plan.Steps {
		n = max(n, p.Limits.StreamBytes())
	}
	return n
}

// copy lays one file. Only what keeps us from writing is an error.
func (s *stage) copy(root *os.Root, f inventory.File) (err error) {
	to := filepath.Join(s.target(), filepath.FromSlash(inventory.DigestPath(f.SHA256)))
	if _, err := os.Lstat(to); err == nil {
		return nil // the same content under another name
	}
	in, err := root.Open(f.Name())
	if err != nil {
		return nil
	}
	defer in.Close() // read only
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := sha256.New()
	src := &source{r: io.LimitReader(in, f.Size+1)}
	_, err = io.Copy(io.MultiWriter(out, h), src)
	if err = errors.Join(err, out.Close()); err != nil && src.err == nil {
		return err
	}
	if src.err != nil || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return os.Remove(to)
	}
	return nil
}

// source remembers whether it was the reading that failed.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// isDir says whether a path is a directory on disk.
func isDir(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	if !info.IsDir() && info.Mode()&fs.ModeType != 0 {
		return false, fmt.Errorf("%s is neither a file nor a directory", path)
	}
	return info.IsDir(), nil
}
