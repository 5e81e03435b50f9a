package goscan

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/securego/gosec/v2"
	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
)

// job analyses one unit. It runs in a goroutine of its own, which may be left
// behind, so it shares nothing with scan that scan will use again after that.
type job struct {
	unit   *unit
	opt    Options
	loader *loader
	fset   *token.FileSet
	stop   *atomic.Bool
	done   chan struct{}

	guard    *guard
	sources  []source
	byName   map[string]source // by name in the file set
	checked  checked
	analyzer *gosec.Analyzer
	out      output

	mu       sync.Mutex
	snapshot *output
}

// output is what a job gives.
type output struct {
	pkg     Package
	issues  []Issue
	skipped []Skip
}

func (s *scan) newJob(u *unit) *job {
	stop := &atomic.Bool{}
	return &job{
		unit: u, opt: s.opt, loader: s.loaderFor(u.config, stop), fset: s.fset, stop: stop,
		done:  make(chan struct{}),
		guard: &guard{stop: stop, report: map[*ast.File]bool{}, bidi: map[*ast.File]bool{}},
	}
}

// run does all the work and closes done. Rules on syntax come first, and their
// output is kept even if the rest has to be stopped.
func (j *job) run() {
	defer close(j.done)
	defer j.release()
	j.sources = j.parse()
	if declarationChain(j.files()) > maxChain {
		j.refuse(tooLong("declarations"))
	}
	j.describe()
	if len(j.out.pkg.Files) > 0 && !j.stop.Load() {
		j.contain("type checker", j.check)
		j.prepare()
		j.contain("rules", j.syntaxRules)
		if !j.stop.Load() {
			j.publish()
		}
		j.contain("data flow", j.flowRules)
	}
	if !j.stop.Load() {
		j.publish()
	}
}

// contain runs one step; a panic ends the step, not the job.
func (j *job) contain(step string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			j.guard.note(step, p)
		}
	}()
	if !j.stop.Load() {
		f()
	}
}

// describe fills in what is known before types are.
func (j *job) describe() {
	u := j.unit
	j.out.pkg = Package{Dir: u.dir, Path: u.path, Name: u.name, Build: u.config.String()}
	j.byName = make(map[string]source, len(j.sources))
	for _, src := range j.sources {
		j.byName[src.tok.Name()] = src
		if u.report[src.path] {
			j.out.pkg.Files = append(j.out.pkg.Files, src.path)
			j.guard.report[src.file] = true
			j.guard.bidi[src.file] = hasBidi(src.text)
		}
	}
}

// prepare builds what gosec looks at, and makes it safe to look at.
func (j *job) prepare() {
	for _, src := range j.sources {
		breakCycles(src.file)
	}
	j.analyzer = j.guard.newAnalyzer()
}

// asPackage presents the unit as gosec's loader would have.
func (j *job) asPackage() *packages.Package {
	p := &packages.Package{
		ID: j.unit.path, Name: j.unit.name, PkgPath: j.unit.path, Fset: j.fset,
		Types: j.checked.pkg, TypesInfo: j.checked.info, TypesSizes: j.loader.sizes,
		IllTyped: len(j.checked.hard) > 0,
	}
	for _, src := range j.sources {
		p.Syntax = append(p.Syntax, src.file)
		p.GoFiles = append(p.GoFiles, src.tok.Name())
	}
	p.CompiledGoFiles = p.GoFiles
	return p
}

func (j *job) syntaxRules() {
	j.analyzer.CheckRules(j.asPackage())
}

// flowRules erases what has no type, in place: the rules on syntax have run.
func (j *job) flowRules() {
	if callChain(j.files(), j.checked.info) > maxChain {
		j.skipAll(tooLong("calls: data-flow rules have not run"))
		return
	}
	e := newEraser(j.checked, j.files())
	e.erase(j.checked.hard)
	j.out.pkg.Untyped = e.count
	result, err := j.buildSSA(e)
	if err != nil {
		return // noted
	}
	if (sliceWork{map[ssa.Value]*[sliceDepth + 1]float64{}}).most(result.SrcFuncs) > maxSliceWork {
		j.guard.without = "G602"
		j.skipAll(&skipError{SkipTooComplex, "slices of slices: G602 has not run"})
	}
	j.analyzer.CheckAnalyzersWithSSA(j.asPackage(), result)
}

func (j *job) files() []*ast.File {
	files := make([]*ast.File, len(j.sources))
	for i, src := range j.sources {
		files[i] = src.file
	}
	return files
}

// publish makes a copy of the output so far available to latest.
func (j *job) publish() {
	out := j.out
	out.pkg.Panicked = j.guard.first()
	out.skipped = slices.Clone(j.out.skipped)
	if j.analyzer != nil {
		found, _, _ := j.analyzer.Report()
		out.issues = j.convert(found)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.snapshot = &out
}

// latest returns the last published output, and false if there is none.
func (j *job) latest() (output, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.snapshot == nil {
		return output{}, false
	}
	return *j.snapshot, true
}

// release lets the file set forget the unit's files.
func (j *job) release() {
	for _, src := range j.sources {
		j.fset.RemoveFile(src.tok)
	}
}

// skip records a file of the unit that cannot be used, if it is reported on.
func (j *job) skip(file string, err error) {
	var se *skipError
	if j.unit.report[file] && errors.As(err, &se) {
		j.out.skipped = append(j.out.skipped, Skip{file, se.reason, se.detail})
	}
}

// skipAll records that not all was looked at in the files that are reported on.
func (j *job) skipAll(why *skipError) {
	for _, f := range j.out.pkg.Files {
		j.skip(f, why)
	}
}

// refuse skips all files of the unit.
func (j *job) refuse(why *skipError) {
	for _, src := range j.sources {
		j.skip(src.path, why)
		j.fset.RemoveFile(src.tok)
	}
	j.sources = nil
}

// checked is a type-checked unit.
type checked struct {
	pkg  *types.Package
	info *types.Info
	hard []token.Pos // positions of errors, sorted
}

// check type-checks the unit. Whatever happens, j.checked can be used after.
func (j *job) check() {
	info := &types.Info{
		Types:        map[ast.Expr]types.TypeAndValue{},
		Instances:    map[*ast.Ident]types.Instance{},
		Defs:         map[*ast.Ident]types.Object{},
		Uses:         map[*ast.Ident]types.Object{},
		Implicits:    map[ast.Node]types.Object{},
		Selections:   map[*ast.SelectorExpr]*types.Selection{},
		Scopes:       map[ast.Node]*types.Scope{},
		FileVersions: map[*ast.File]string{},
	}
	im := &importer{loader: j.loader, dir: j.unit.dir}
	j.checked = checked{pkg: types.NewPackage(j.unit.path, j.unit.name), info: info}
	if j.unit.xtest {
		im.augmented = j.underTest(im)
	}
	conf := types.Config{
		GoVersion:   j.loader.tree.modules.goVersionOf(j.unit.dir),
		FakeImportC: true,
		Error:       j.typeError,
		Importer:    im,
		Sizes:       j.loader.sizes,
	}
	checker := types.NewChecker(&conf, j.fset, j.checked.pkg, info)
	_ = checker.Files(j.files()) // repeats what typeError got
	slices.Sort(j.checked.hard)
}

// typeError notes one error. Soft ones (unused variables and imports) leave
// everything typed.
func (j *job) typeError(err error) {
	var te types.Error
	if !errors.As(err, &te) {
		return
	}
	if !te.Soft {
		j.checked.hard = append(j.checked.hard, te.Pos)
	}
	// Continuation lines of the error before start with a tab.
	if len(j.out.pkg.TypeErrors) >= maxTypeErrors || strings.HasPrefix(te.Msg, "\t") {
		return
	}
	pos := j.fset.Position(te.Pos)
	name := strings.TrimPrefix(pos.Filename, noSuchFile)
	j.out.pkg.TypeErrors = append(j.out.pkg.TypeErrors, fmt.Sprintf("%s:%d: %s", name, pos.Line, wordless(te.Msg)))
}

// underTest returns the package that an external test tests, with the test
// files that are part of it, if those declare something the test could use;
// else nil, and the test imports the package like anyone. (Types of the two do
// not mix: a statement that passes one where a third package wants the other
// is erased.)
func (j *job) underTest(im *importer) *types.Package {
	name := strings.TrimSuffix(j.unit.name, "_test")
	var files []*ast.File
	exports := false
	for _, m := range j.loader.tree.dirMetas(j.unit.dir) {
		if m.pkg != name || !j.unit.config.matches(m) || j.stop.Load() {
			continue
		}
		src, err := j.parseOne(m)
		if err != nil {
			continue
		}
		exports = exports || m.isTest() && declaresExported(src.file)
		files = append(files, src.file)
	}
	if !exports {
		return nil
	}
	conf := types.Config{
		GoVersion:        j.loader.tree.modules.goVersionOf(j.unit.dir),
		IgnoreFuncBodies: true,
		FakeImportC:      true,
		Error:            func(error) {},
		Importer:         im,
		Sizes:            j.loader.sizes,
	}
	if declarationChain(files) > maxChain {
		return nil
	}
	p, _ := conf.Check(strings.TrimSuffix(j.unit.path, "_test"), j.fset, files, nil)
	return p
}

// declaresExported reports whether the file has exported declarations other
// than tests, benchmarks, fuzz targets and examples.
func declaresExported(f *ast.File) bool {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv != nil || !isTestFunc(d.Name.Name)) {
				return true
			}
		case *ast.GenDecl:
			if slices.ContainsFunc(d.Specs, exportedSpec) {
				return true
			}
		}
	}
	return false
}

func isTestFunc(name string) bool {
	return slices.ContainsFunc([]string{"Test", "Benchmark", "Fuzz", "Example"}, func(p string) bool {
		return strings.HasPrefix(name, p)
	})
}

func exportedSpec(spec ast.Spec) bool {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return spec.Name.IsExported()
	case *ast.ValueSpec:
		return slices.ContainsFunc(spec.Names, (*ast.Ident).IsExported)
	}
	return false
}
