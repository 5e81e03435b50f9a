package goscan

import (
	"cmp"
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	// maxDirEntries bounds the listing of one directory.
	maxDirEntries = 20_000
	// maxVariants bounds how often the package of one directory is analysed for
	// further build configs; golang.org/x/sys/unix has some forty. Files beyond
	// are analysed one by one.
	maxVariants = 8
)

// fileMeta is what planning knows of a file.
type fileMeta struct {
	path, dir, name string
	pkg             string // name in the package clause
	size            int64
	generated       bool
	constraint      constraints
}

func (m *fileMeta) isTest() bool { return strings.HasSuffix(m.name, "_test.go") }

// isXTest reports whether the file belongs to the external test package.
func (m *fileMeta) isXTest() bool { return m.isTest() && strings.HasSuffix(m.pkg, "_test") }

// unit is a set of files that are type-checked together as one package.
type unit struct {
	dir, name, path string
	config          buildConfig
	xtest           bool
	files           []*fileMeta // in order of name
	report          map[string]bool
}

// plan reads the files' package clauses and constraints and groups them. Files
// that cannot be used are recorded as skipped.
func (s *scan) plan(ctx context.Context, files []string) ([]*unit, error) {
	byDir := map[string][]string{}
	for _, f := range files {
		byDir[path.Dir(f)] = append(byDir[path.Dir(f)], f)
	}
	dirs := make([]string, 0, len(byDir))
	for d := range byDir {
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	s.dirs = s.allDirs(dirs)
	s.tree.modules.learn(s.dirs)
	var units []*unit
	for _, d := range dirs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		slices.Sort(byDir[d])
		units = append(units, s.planDir(d, slices.Compact(byDir[d]))...)
	}
	return units, nil
}

// allDirs adds the directories of the files that are not analysed, in the order
// in which they would have been learnt of with them.
func (s *scan) allDirs(dirs []string) []string {
	all := slices.Clone(dirs)
	for _, f := range s.opt.Others {
		all = append(all, path.Dir(f))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (s *scan) planDir(dir string, listed []string) []*unit {
	metas := s.tree.dirMetas(dir)
	all := make(map[string]*fileMeta, len(metas)+len(listed))
	for _, m := range metas {
		all[m.path] = m
	}
	var todo []*fileMeta
	for _, f := range listed {
		m, err := all[f], error(nil)
		if m == nil {
			m, err = s.tree.meta(f)
		}
		if err == nil {
			err = s.excluded(m)
		}
		if err != nil {
			s.skip(f, err)
			continue
		}
		todo = append(todo, m)
		all[f] = m
	}
	usable := make([]*fileMeta, 0, len(all))
	for _, m := range all {
		if !m.isTest() || s.opt.Tests {
			usable = append(usable, m)
		}
	}
	slices.SortFunc(usable, func(a, b *fileMeta) int { return cmp.Compare(a.path, b.path) })
	return s.cover(dir, todo, usable)
}

// excluded returns a *skipError for a file that the options leave out.
func (s *scan) excluded(m *fileMeta) error {
	if m.isTest() && !s.opt.Tests {
		return &skipError{SkipTest, "tests are not asked for"}
	}
	if m.generated && !s.opt.Generated {
		return &skipError{SkipGenerated, "generated files are not asked for"}
	}
	return nil
}

// cover splits the directory's listed files (todo) into units: those that
// linux/amd64 builds, then, for the first file left, those that a config made
// for it builds, and so on. all is what a unit may take in as context. A file
// that no config takes in (a name that starts with "_", constraints that
// contradict each other) is a unit of its own.
func (s *scan) cover(dir string, todo, all []*fileMeta) []*unit {
	units, todo := s.take(dir, baseConfig(), todo, all, nil)
	for variants := 0; len(todo) > 0; {
		config, ok := baseConfig(), false
		if variants < maxVariants {
			config, ok = s.configFor(todo[0])
		}
		if !ok {
			units, todo = append(units, s.single(dir, baseConfig(), todo[0])), todo[1:]
			continue
		}
		variants++
		units, todo = s.take(dir, config, todo, all, units)
	}
	return units
}

// take appends to units those of the files of todo that config builds, and
// returns the other files too.
func (s *scan) take(dir string, config buildConfig, todo, all []*fileMeta, units []*unit) ([]*unit, []*fileMeta) {
	var in, out []*fileMeta
	for _, m := range todo {
		if config.matches(m) {
			in = append(in, m)
		} else {
			out = append(out, m)
		}
	}
	return append(units, s.group(dir, config, in, all)...), out
}

// group makes one unit per package name among the files of in, with the other
// files of that package that config builds as context.
func (s *scan) group(dir string, config buildConfig, in, all []*fileMeta) []*unit {
	var matching []*fileMeta
	for _, m := range all {
		if config.matches(m) {
			matching = append(matching, m)
		}
	}
	var units []*unit
	byName := map[string]*unit{}
	for _, m := range in {
		if standalone(config, m) {
			units = append(units, s.single(dir, config, m))
			continue
		}
		key := m.pkg
		if m.isXTest() {
			key = "test " + m.pkg // apart from an ordinary package of that name
		}
		if byName[key] == nil {
			u := s.newUnit(dir, config, m)
			for _, c := range matching {
				if c.pkg == m.pkg && c.isXTest() == m.isXTest() && !standalone(config, c) {
					u.files = append(u.files, c)
				}
			}
			byName[key] = u
			units = append(units, u)
		}
		byName[key].report[m.path] = true
	}
	return units
}

// standalone recognises programs for "go run file.go": by convention each file
// tagged ignore is one.
func standalone(config buildConfig, m *fileMeta) bool {
	return m.pkg == "main" && slices.Contains(strings.Split(config.tags, ","), "ignore") && slices.Contains(m.constraint.tags, "ignore")
}

func (s *scan) single(dir string, config buildConfig, m *fileMeta) *unit {
	u := s.newUnit(dir, config, m)
	u.files = []*fileMeta{m}
	u.report[m.path] = true
	return u
}

func (s *scan) newUnit(dir string, config buildConfig, m *fileMeta) *unit {
	u := &unit{dir: dir, name: m.pkg, path: s.tree.modules.importPath(dir), config: config, xtest: m.isXTest(), report: map[string]bool{}}
	if u.xtest {
		u.path += "_test"
	}
	return u
}

// tree reads a source tree, one directory or file at a time.
type tree struct {
	fsys    fs.FS
	opt     Options
	modules *modules
	uses    *uses
}

// dirMetas returns the Go files of a directory that can be read and parsed, in
// order of name.
func (t *tree) dirMetas(dir string) []*fileMeta {
	var metas []*fileMeta
	for _, name := range t.goFiles(dir) {
		if m, err := t.meta(path.Join(dir, name)); err == nil {
			metas = append(metas, m)
		}
	}
	return metas
}

// goFiles lists the names of a directory's regular .go files, sorted.
func (t *tree) goFiles(dir string) []string {
	if !fs.ValidPath(dir) {
		return nil
	}
	f, err := t.fsys.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	// An error after some entries still leaves those entries usable.
	entries, _ := d.ReadDir(maxDirEntries)
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".go") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// meta reads the file's package clause and constraints, or returns a *skipError.
func (t *tree) meta(file string) (*fileMeta, error) {
	if !strings.HasSuffix(file, ".go") {
		return nil, &skipError{SkipUnparsable, "not a .go file"}
	}
	text, err := readFile(t.fsys, file, t.opt.MaxFileBytes)
	if err != nil {
		return nil, err
	}
	src, err := parseFile(token.NewFileSet(), file, text, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return nil, err
	}
	return &fileMeta{
		path: file, dir: path.Dir(file), name: path.Base(file), pkg: src.file.Name.Name,
		size: int64(len(text)), generated: ast.IsGenerated(src.file), constraint: readConstraints(src.file),
	}, nil
}

// skip records that the file was not analysed, for the reason of a *skipError.
func (s *scan) skip(file string, err error) {
	var se *skipError
	if !errors.As(err, &se) {
		se = &skipError{SkipUnreadable, err.Error()}
	}
	s.result.Skipped = append(s.result.Skipped, Skip{File: file, Reason: se.reason, Detail: se.detail})
}
