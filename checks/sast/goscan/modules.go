package goscan

import (
	"cmp"
	"go/version"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

const (
	// maxModBytes bounds a go.mod file; kubernetes' has 20 KB.
	maxModBytes = 1 << 20
	// maxModuleDirs bounds how many directories are asked for a go.mod.
	maxModuleDirs = 50_000
)

// module is a folder with a go.mod file.
type module struct {
	dir, path string
	goVersion string // "go1.21": the language version, empty for the newest known
}

// modules finds the module of a directory, and the directory of an import. It
// learns of modules as their directories are first looked at.
type modules struct {
	fsys   fs.FS
	newest string             // the language version of the types that are linked in
	byDir  map[string]*module // nil for a directory without go.mod
	known  []*module
}

func newModules(fsys fs.FS, goVersion string) *modules {
	return &modules{fsys: fsys, newest: version.Lang(goVersion), byDir: map[string]*module{}}
}

// of returns the module that dir belongs to, or nil.
func (ms *modules) of(dir string) *module {
	for {
		if m := ms.at(dir); m != nil {
			return m
		}
		if dir == "." {
			return nil
		}
		dir = path.Dir(dir)
	}
}

// at returns the module whose root is dir, or nil.
func (ms *modules) at(dir string) *module {
	m, known := ms.byDir[dir]
	if known || len(ms.byDir) >= maxModuleDirs {
		return m
	}
	m = ms.read(dir)
	ms.byDir[dir] = m
	if m != nil {
		ms.known = append(ms.known, m)
	}
	return m
}

func (ms *modules) read(dir string) *module {
	text, err := readFile(ms.fsys, path.Join(dir, "go.mod"), maxModBytes)
	if err != nil {
		return nil
	}
	// A broken go.mod is the root of a module all the same.
	m := &module{dir: dir, path: modfile.ModulePath(text)}
	f, err := modfile.ParseLax("go.mod", text, nil)
	if err != nil {
		return m
	}
	// https://go.dev/ref/mod#go-mod-file-go: without a go directive, go 1.16.
	m.goVersion = "go1.16"
	if f.Go != nil {
		m.goVersion = ms.clamp("go" + f.Go.Version)
	}
	return m
}

// clamp returns the version, or the newest known if it is newer or malformed:
// the type checker refuses packages from the future as a whole.
func (ms *modules) clamp(v string) string {
	if !version.IsValid(v) || version.Compare(v, ms.newest) > 0 {
		return ms.newest
	}
	return v
}

// goVersionOf returns the language version for the files of dir.
func (ms *modules) goVersionOf(dir string) string {
	if m := ms.of(dir); m != nil && m.goVersion != "" && !inVendor(dir) {
		return m.goVersion
	}
	// Loose files are built by the installed Go's version; vendored packages
	// have versions of their own, which the newest understands.
	return ms.newest
}

func inVendor(dir string) bool {
	return slices.Contains(strings.Split(dir, "/"), "vendor")
}

// importPath returns the path by which the package in dir is imported, or dir
// itself if no go.mod says.
func (ms *modules) importPath(dir string) string {
	if i := strings.LastIndex("/"+dir, "/vendor/"); i >= 0 {
		return dir[i+len("vendor/"):]
	}
	m := ms.of(dir)
	if m == nil || m.path == "" {
		return dir
	}
	return path.Join(m.path, below(m.dir, dir))
}

// below returns dir relative to root, which is dir or above it.
func below(root, dir string) string {
	if root == "." {
		return dir
	}
	return strings.TrimPrefix(strings.TrimPrefix(dir, root), "/")
}

// learn makes the modules at and above the given directories known, so that
// they can import each other.
func (ms *modules) learn(dirs []string) {
	for _, d := range dirs {
		for _, known := ms.byDir[d]; !known && len(ms.byDir) < maxModuleDirs; _, known = ms.byDir[d] {
			ms.at(d)
			d = path.Dir(d)
		}
	}
}

// candidates returns the directories that an import by code in dir may mean, the
// likeliest first: vendor folders from dir upwards, then modules of the tree
// whose path is a prefix, the importer's own before the others.
func (ms *modules) candidates(dir, imp string) []string {
	if strings.HasPrefix(imp, "./") || strings.HasPrefix(imp, "../") {
		return []string{path.Join(dir, imp)}
	}
	if !fs.ValidPath(imp) {
		return nil
	}
	var dirs []string
	own := ms.of(dir)
	if own != nil && within(own.path, imp) {
		dirs = append(dirs, path.Join(own.dir, below(own.path, imp)))
	}
	for d := dir; ; d = path.Dir(d) {
		dirs = append(dirs, path.Join(d, "vendor", imp))
		if d == "." {
			break
		}
	}
	return append(dirs, ms.others(own, dir, imp)...)
}

// others returns where modules other than own would have the import: longer
// module paths first, then nearer modules.
func (ms *modules) others(own *module, dir, imp string) []string {
	var found []*module
	for _, m := range ms.known {
		if m != own && within(m.path, imp) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b *module) int {
		return cmp.Or(
			cmp.Compare(len(b.path), len(a.path)),
			cmp.Compare(common(b.dir, dir), common(a.dir, dir)),
			cmp.Compare(a.dir, b.dir))
	})
	var dirs []string
	for _, m := range found {
		dirs = append(dirs, path.Join(m.dir, below(m.path, imp)))
	}
	return dirs
}

// within reports whether imp is the module path or below it.
func within(modPath, imp string) bool {
	return modPath != "" && (imp == modPath || strings.HasPrefix(imp, modPath+"/"))
}

// common counts the leading path elements that two directories share.
func common(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(as) && n < len(bs) && as[n] == bs[n] {
		n++
	}
	return n
}
