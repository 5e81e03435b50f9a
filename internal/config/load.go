package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// FileNames are the names of the repository's file; a directory has one.
func FileNames() []string { return []string{"vitalsign.yaml", ".vitalsign.yaml"} }

// Tree is one state of a repository's files: the work tree, or a commit.
type Tree struct {
	// Read gives the content of a regular file by its slash-separated path
	// from the repository's root; more than MaxSize bytes need not be read.
	// What is not there is an error that is fs.ErrNotExist.
	Read func(name string) ([]byte, error)
	// Name writes a path for people; nil leaves it as it is.
	Name func(name string) string
}

// WorkTree is the Tree of the directory behind root. Files are read without
// following links, and nothing outside of root is read.
func WorkTree(root *os.Root) Tree {
	return Tree{Read: func(name string) ([]byte, error) { return readRegular(root, name) }}
}

// Load reads the repository's configuration for a target in dir (slash-
// separated, relative to the root; "." for the root itself): vitalsign.yaml or
// .vitalsign.yaml in dir and each directory above it up to the root, the
// nearest counting for each key. Without git, root and dir are the target
// directory itself. No file at all gives an empty layer. Two files in one
// directory, one that cannot be read, and Problems in any are errors.
func Load(t Tree, dir string) (Layer, error) {
	if !fs.ValidPath(dir) {
		return Layer{}, fmt.Errorf("%q is not a directory of the repository", dir)
	}
	var layers []Layer
	var problems Problems
	for {
		layer, err := t.loadDir(dir)
		var ps Problems
		if err != nil && !errors.As(err, &ps) {
			return Layer{}, err
		}
		problems = append(problems, ps...)
		if dir != "." {
			for _, p := range layer.projects() {
				problems.add(p.origin, "%s belong in the file at the root of the repository: a path there is relative to it", blockProjects)
			}
		}
		layers = append(layers, layer)
		if dir == "." {
			break
		}
		dir = path.Dir(dir)
	}
	if len(problems) > 0 {
		return Layer{}, problems
	}
	merged := Merge(layers...)
	if err := merged.crowded(); err != nil {
		return Layer{}, err
	}
	return merged, nil
}

// crowded holds the files of many directories to the bounds of one.
func (l Layer) crowded() error {
	for _, b := range blocks() {
		n := 0
		for full := range l.parts {
			if strings.HasPrefix(full, b.name+".") {
				n++
			}
		}
		if n > b.bound() {
			return Problems{{Message: fmt.Sprintf("%s: %d entries in all files of the repository; allowed: %d", b.name, n, b.bound())}}
		}
	}
	return nil
}

// loadDir reads the one file of a directory.
func (t Tree) loadDir(dir string) (Layer, error) {
	var found []Source
	for _, name := range FileNames() {
		full := path.Join(dir, name)
		shown := full
		if t.Name != nil {
			shown = t.Name(full)
		}
		data, err := t.Read(full)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Layer{}, fmt.Errorf("%s: the configuration cannot be read: %w", shown, err)
		}
		found = append(found, Source{Name: shown, Data: data})
	}
	switch len(found) {
	case 0:
		return Layer{}, nil
	case 1:
		return Parse(found[0], Repository)
	}
	return Layer{}, Problems{{Message: fmt.Sprintf("%s and %s are both there; keep one of them", found[0].Name, found[1].Name)}}
}

// LoadUser reads the user's file, $XDG_CONFIG_HOME/vitalsign/vitalsign.yaml as
// the caller found it. A file that is not there gives an empty layer.
func LoadUser(file string) (Layer, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Layer{}, nil
	}
	if err != nil {
		return Layer{}, err
	}
	defer f.Close() // read only
	data, err := readBounded(f)
	if err != nil {
		return Layer{}, err
	}
	return Parse(Source{Name: file, Data: data}, User)
}

// readRegular reads a file of a directory that may be hostile: a link could
// lead to a device, and opening a pipe would wait for ever.
func readRegular(root *os.Root, name string) ([]byte, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(before, after) {
		return nil, errors.New("it was replaced while it was opened")
	}
	return readBounded(f)
}

// readBounded reads one byte more than MaxSize at most, so that Parse can tell.
func readBounded(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, MaxSize+1))
}
