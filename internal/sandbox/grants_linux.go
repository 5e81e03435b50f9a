//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// grants are a policy's paths, absolute and without symbolic links.
type grants struct {
	files, dirs []string // may be read
	scratch     string   // may be written; "" for none
}

// resolve looks the policy's paths up. It returns an error for one that is
// empty or not there, for a scratch that is no directory, and for a scratch
// that would make a read-only path writable.
func resolve(p Policy) (grants, error) {
	var g grants
	for _, name := range p.ReadOnly {
		path, info, err := lookUp(name)
		if err != nil {
			return grants{}, fmt.Errorf("read-only path %q: %w", name, err)
		}
		if info.IsDir() {
			g.dirs = append(g.dirs, path)
		} else {
			g.files = append(g.files, path)
		}
	}
	if p.Scratch == "" {
		return g, nil
	}
	path, info, err := lookUp(p.Scratch)
	if err != nil {
		return grants{}, fmt.Errorf("scratch directory %q: %w", p.Scratch, err)
	}
	if !info.IsDir() {
		return grants{}, fmt.Errorf("scratch %q is not a directory", p.Scratch)
	}
	for _, r := range slices.Concat(g.dirs, g.files) {
		if contains(path, r) {
			return grants{}, fmt.Errorf("scratch directory %q would make the read-only path %q writable", path, r)
		}
	}
	g.scratch = path
	return g, nil
}

// lookUp returns what a name leads to.
func lookUp(name string) (string, os.FileInfo, error) {
	if name == "" {
		return "", nil, errors.New("the name is empty")
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", nil, err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", nil, err
	}
	info, err := os.Stat(path)
	return path, info, err
}

// cover reports whether a directory can be listed under the grants.
func (g grants) cover(dir string) bool {
	path, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return true // unknown: do not rely on it
	}
	for _, d := range g.dirs {
		if contains(d, path) {
			return true
		}
	}
	return g.scratch != "" && contains(g.scratch, path)
}

// contains reports whether path is dir or lies below it. Both are absolute and
// clean.
func contains(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
