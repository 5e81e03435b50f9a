package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// directory is an archive in a directory. os.Root holds that nothing leads out
// of it; links are refused even when they stay inside, because a link lets the
// content under a name change.
//
// It is opened anew each time, and made by the first Put: one that is not
// there is empty.
type directory struct{ path string }

var _ Archive = directory{}

func (d directory) open() (*os.Root, error) { return os.OpenRoot(d.path) }

// List implements Archive.
func (d directory) List(ctx context.Context, prefix string) ([]string, error) {
	if err := errors.Join(ctx.Err(), checkPrefix(prefix)); err != nil {
		return nil, err
	}
	root, err := d.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close() // read only
	names := listing{prefix: prefix}
	base := path.Dir(prefix + "x") // only that directory can hold any
	err = fs.WalkDir(root.FS(), base, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case name == ".":
			return nil
		case CheckName(name) != nil: // somebody else's
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		case !e.Type().IsRegular():
			return fmt.Errorf("%s is not a file: evidence behind links is not read", name)
		}
		return names.add(name)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return names.sorted(), nil
}

// Get implements Archive.
func (d directory) Get(ctx context.Context, name string) ([]byte, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return nil, err
	}
	root, err := d.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", name, ErrAbsent)
	}
	if err != nil {
		return nil, err
	}
	defer root.Close() // read only
	return read(root, name)
}

func read(root *os.Root, name string) ([]byte, error) {
	if err := noLinks(root, name); err != nil {
		return nil, err
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	content, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err == nil && len(content) > MaxSize {
		err = fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	return content, err
}

// noLinks says whether name is a file and everything before it a directory.
// ErrAbsent where there is nothing.
func noLinks(root *os.Root, name string) error {
	for i, c := range name + "/" {
		if c != '/' {
			continue
		}
		part := name[:i]
		info, err := root.Lstat(part)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s: %w", name, ErrAbsent)
		case err != nil:
			return err
		case part != name && info.Mode().IsRegular():
			return fmt.Errorf("%s: %w", name, ErrAbsent)
		case part != name && !info.IsDir(), part == name && !info.Mode().IsRegular():
			return fmt.Errorf("%s: %s is not what it should be (a link, or not a file): refused", name, part)
		}
	}
	return nil
}

// Put implements Archive.
func (d directory) Put(ctx context.Context, name string, content []byte) (err error) {
	if err := errors.Join(ctx.Err(), checkFile(name, content)); err != nil {
		return err
	}
	if err := os.MkdirAll(d.path, 0o755); err != nil {
		return err
	}
	root, err := d.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	dir := path.Dir(name)
	if err := root.MkdirAll(dir, 0o755); err != nil {
		if p := fileAbove(root, dir); p != "" {
			return fmt.Errorf("%s: %s is a file: %w", name, p, ErrExists)
		}
		return err
	}
	switch there, err := read(root, name); {
	case err == nil:
		return same(name, there, content)
	case !errors.Is(err, ErrAbsent):
		if info, e := root.Lstat(name); e == nil && info.IsDir() {
			return fmt.Errorf("%s: it is a directory: %w", name, ErrExists)
		}
		return err
	}
	return d.add(root, name, content)
}

// fileAbove is the file that stands where a directory should be.
func fileAbove(root *os.Root, dir string) string {
	for ; dir != "."; dir = path.Dir(dir) {
		if info, err := root.Lstat(dir); err == nil && !info.IsDir() {
			return dir
		}
	}
	return ""
}

// add writes a file that is there whole or not at all, and never in the place
// of another. (That is why it is not internal/wholefile, whose rename
// replaces: a hard link fails when the name is taken, in one step.)
func (d directory) add(root *os.Root, name string, content []byte) (err error) {
	temp := path.Join(path.Dir(name), ".vitalsign-"+rand.Text()+".tmp")
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Remove(temp)) }()
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync() // the name must not reach the disk before the content
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	err = root.Link(temp, name)
	switch {
	case errors.Is(err, fs.ErrExist):
		there, err := read(root, name) // somebody was faster
		if err != nil {
			return err
		}
		return same(name, there, content)
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, fs.ErrPermission): // EPERM, link(2)
		return fmt.Errorf("the file system of %s has no hard links, by which a file is added without replacing one: %w", d.path, err)
	}
	return err
}
