package iac

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// Bounds on loading modules (see modules.maxLoads). trivy follows calls as
// long as there are any.
const (
	manyLoads = 2000
	fewLoads  = 50
)

var errLoads = errors.New("it calls too many modules, or one calls itself")

// view is the tree as trivy's Terraform scanner sees it: only the canary, or
// all but the canary. It knows which directories were looked into, which is
// how a module is loaded, and ends a recursion by having no more to show. It
// holds its context because fs.FS passes none, and a scanner that was given up
// must find nothing more to read.
type view struct {
	ctx    context.Context
	tree   *child.Tree
	canary bool

	mu     sync.Mutex
	looked map[string]int
	asked  map[string]bool // files, there or not
	loads  int
	most   int
	refuse map[string]bool // directories of modules that call themselves
}

// String and GoString: trivy keys file systems by how they print, once for
// every value of a module.
func (v *view) String() string   { return "tree" }
func (v *view) GoString() string { return "tree" }

func (v *view) see(op, name string) error {
	switch {
	case v.ctx.Err() != nil:
		return &fs.PathError{Op: op, Path: name, Err: v.ctx.Err()}
	case !fs.ValidPath(name), v.tree.Canary(name+"/") != v.canary && name != ".":
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return nil
}

// Open implements fs.FS.
func (v *view) Open(name string) (fs.File, error) {
	if err := v.see("open", name); err != nil {
		return nil, err
	}
	v.ask(name)
	return v.tree.Open(name)
}

// Stat implements fs.StatFS.
func (v *view) Stat(name string) (fs.FileInfo, error) {
	if err := v.see("stat", name); err != nil {
		return nil, err
	}
	v.ask(name)
	return v.tree.Stat(name)
}

// ReadDir implements fs.ReadDirFS.
func (v *view) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := v.see("readdir", name); err != nil {
		return nil, err
	}
	v.mu.Lock()
	v.looked[name]++
	v.loads++
	refused := v.loads > v.most || v.refuse[name]
	v.mu.Unlock()
	if refused {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errLoads}
	}
	entries, err := v.tree.ReadDir(name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return v.see("readdir", path.Join(name, e.Name())) != nil
	}), err
}

func (v *view) ask(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked[name] = true
}

// uses are the files that were looked for, in the form of checks.Part's Uses.
// Whoever lists a directory that is no module looks for what is below it, too.
func (v *view) uses(m *modules) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.canary {
		return nil
	}
	out := sortedKeys(v.asked)
	for dir := range v.looked {
		if len(m.files[dir]) == 0 {
			return []string{"**"}
		}
		out = append(out, path.Join(dir, "*"))
	}
	return out
}

// begin resets the count of loads for the next root module.
func (v *view) begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.loads = 0
}

// exceeded says whether the present root module asked for too much.
func (v *view) exceeded() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.loads > v.most
}

// seen says whether a directory was looked into.
func (v *view) seen(dir string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.looked[dir] > 0
}
