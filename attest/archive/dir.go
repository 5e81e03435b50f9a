package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// Dir is an archive in a directory, made when something is put there. Links in
// it are neither followed nor listed.
type Dir string

// List implements Archive.
func (d Dir) List(ctx context.Context, prefix string) ([]string, error) {
	root, err := os.OpenRoot(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close() // read only
	var names []string
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case e.IsDir() && name != "." && !strings.HasPrefix(name+"/", prefix) && !strings.HasPrefix(prefix, name+"/"):
			return fs.SkipDir
		case e.Type().IsRegular() && strings.HasPrefix(name, prefix) && CheckName(name) == nil:
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// Get implements Archive.
func (d Dir) Get(_ context.Context, name string) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", name, ErrAbsent)
	}
	if err != nil {
		return nil, err
	}
	defer root.Close() // read only
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", name, ErrAbsent)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w: no regular file", name, ErrAbsent)
	case info.Size() > MaxSize:
		return nil, fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	return io.ReadAll(io.LimitReader(f, MaxSize))
}

// Put implements Archive.
func (d Dir) Put(ctx context.Context, name string, content []byte) error {
	if err := errors.Join(check(name, content), ctx.Err()); err != nil {
		return err
	}
	have, err := d.Get(ctx, name)
	switch {
	case err == nil && bytes.Equal(have, content):
		return nil
	case err == nil:
		return fmt.Errorf("%s: %w", name, ErrExists)
	case !errors.Is(err, ErrAbsent):
		return err
	}
	if err := d.makeParents(name); err != nil {
		return err
	}
	return wholefile.WriteBytes(filepath.Join(string(d), filepath.FromSlash(name)), content, 0o644)
}

// makeParents makes the directories of a name, none of which may be a link that
// leads out.
func (d Dir) makeParents(name string) error {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return err
	}
	defer root.Close() // nothing was opened in it
	return root.MkdirAll(filepath.Dir(filepath.FromSlash(name)), 0o755)
}
