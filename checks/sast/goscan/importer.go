package goscan

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"strings"
	"sync/atomic"

	"github.com/vitalsign-dev/vitalsign/checks/sast/goscan/internal/stdtypes"
)

// maxImportDepth bounds the chain of source packages that import each other, a
// recursion through the type checker.
const maxImportDepth = 300

var (
	errUnknown   = errors.New("not in the standard library nor in this tree")
	errCycle     = errors.New("import cycle")
	errTooDeep   = errors.New("imports too deep")
	errCancelled = errors.New("cancelled")
)

// loader type-checks packages of the tree for those that import them, without
// function bodies, for one build config. It serves one goroutine at a time.
type loader struct {
	tree    *tree
	fset    *token.FileSet
	std     *stdtypes.Set
	config  buildConfig
	sizes   types.Sizes
	loaded  map[string]*types.Package // by directory; nil if it is no package
	loading map[string]bool
	stop    *atomic.Bool // set when the work is no longer wanted
}

// importer answers the imports of the files of one directory. It is the
// types.Importer of one types.Config.
type importer struct {
	*loader
	dir string
	// augmented is, for an external test, the package under test together with
	// its own test files, and replaces the plain one.
	augmented *types.Package
}

var _ types.Importer = (*importer)(nil)

// Import returns the package, or a stand-in and an error. The type checker then
// marks the stand-in as fake: each name selected from it is silently invalid.
// Without a stand-in it would make one up from the path's last element, which is
// often not the package's name.
func (im *importer) Import(imp string) (*types.Package, error) {
	if im.stop.Load() {
		return stranger(imp), errCancelled
	}
	if im.augmented != nil && imp == im.augmented.Path() {
		return im.augmented, nil
	}
	p, err := im.std.Import(imp)
	if !errors.Is(err, stdtypes.ErrNotStandard) {
		if err != nil {
			return stranger(imp), err
		}
		return p, nil
	}
	for _, dir := range im.tree.modules.candidates(im.dir, imp) {
		im.tree.uses.add(im.dir, dir)
		p, err := im.load(dir, imp)
		if err != nil {
			return stranger(imp), err
		}
		if p != nil {
			return p, nil
		}
	}
	return stranger(imp), errUnknown
}

// load returns the package in dir, or nil if there is none.
func (l *loader) load(dir, imp string) (*types.Package, error) {
	if p, ok := l.loaded[dir]; ok {
		return p, nil
	}
	if l.loading[dir] {
		return nil, errCycle
	}
	if len(l.loading) >= maxImportDepth {
		return nil, errTooDeep
	}
	l.loading[dir] = true
	defer delete(l.loading, dir)
	p := l.check(dir, imp)
	if l.stop.Load() {
		return nil, errCancelled // p may lack what it imports
	}
	l.loaded[dir] = p
	return p, nil
}

// check type-checks the declarations of the package in dir. Errors in it make
// parts of it invalid.
func (l *loader) check(dir, imp string) *types.Package {
	files := l.parseDir(dir)
	if len(files) == 0 || declarationChain(files) > maxChain {
		return nil
	}
	conf := types.Config{
		GoVersion:        l.tree.modules.goVersionOf(dir),
		IgnoreFuncBodies: true,
		FakeImportC:      true,
		Error:            func(error) {}, // go on
		Importer:         &importer{loader: l, dir: dir},
		Sizes:            l.sizes,
	}
	// The error repeats what went to conf.Error; the package is never nil.
	p, _ := conf.Check(imp, l.fset, files, nil)
	return p
}

// parseDir parses the files of the package in dir that others may import: of
// several package names, the one of most files.
func (l *loader) parseDir(dir string) []*ast.File {
	byName := map[string][]*ast.File{}
	best := ""
	budget := l.tree.opt.MaxPackageBytes
	for _, name := range l.tree.goFiles(dir) {
		m, err := l.tree.meta(path.Join(dir, name))
		if err != nil || m.isTest() || !l.config.matches(m) || m.size > budget || l.stop.Load() {
			continue
		}
		budget -= m.size
		text, err := readFile(l.tree.fsys, m.path, l.tree.opt.MaxFileBytes)
		if err != nil {
			continue
		}
		src, err := parseFile(l.fset, m.path, text, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		byName[m.pkg] = append(byName[m.pkg], src.file)
		if n := len(byName[m.pkg]); n > len(byName[best]) || n == len(byName[best]) && m.pkg < best {
			best = m.pkg
		}
	}
	return byName[best]
}

// stranger is the stand-in for a package that nothing is known of. Its name is
// guessed from the path by the customs of package authors: a version suffix is
// no part of it, and neither is "go" before or after a dash or dot.
func stranger(imp string) *types.Package {
	name := path.Base(imp)
	if isMajor(name) {
		name = path.Base(path.Dir(imp))
	}
	if base, ver, ok := strings.Cut(name, ".v"); ok && isMajor("v"+ver) {
		name = base // gopkg.in/yaml.v3
	}
	name = strings.TrimPrefix(name, "go-")
	for _, suffix := range []string{"-go", ".go"} {
		name = strings.TrimSuffix(name, suffix)
	}
	if !token.IsIdentifier(name) {
		name = strings.Map(func(r rune) rune {
			if r == '-' || r == '.' {
				return -1
			}
			return r
		}, name)
	}
	if !token.IsIdentifier(name) {
		name = "unknown"
	}
	return types.NewPackage(imp, name)
}

// isMajor reports whether s is a major version suffix: v2, v15.
func isMajor(s string) bool {
	var n int
	_, err := fmt.Sscanf(s, "v%d", &n)
	return err == nil && s == fmt.Sprintf("v%d", n)
}
