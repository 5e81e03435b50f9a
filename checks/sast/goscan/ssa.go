package goscan

import (
	"errors"
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/buildssa"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ssa"
)

var errNoSSA = errors.New("no SSA")

// buildSSA builds the package's SSA form from what the eraser left. If that
// panics, it tries again without the functions that lost a statement; the
// functions that never lost one are as in any well-typed package.
func (j *job) buildSSA(e *eraser) (*buildssa.SSA, error) {
	result, failure := j.tryBuild()
	if failure == nil {
		return result, nil
	}
	if len(e.touched) > 0 && !j.stop.Load() {
		e.drop(e.touched)
		j.out.pkg.Untyped = e.count
		if result, again := j.tryBuild(); again == nil {
			return result, nil
		}
	}
	j.guard.note("building SSA", failure)
	for _, f := range e.files {
		e.drop(functions(f))
	}
	j.out.pkg.Untyped = e.count
	return nil, errNoSSA
}

// tryBuild runs the passes that gosec runs, and returns a panic as a value.
func (j *job) tryBuild() (result *buildssa.SSA, failure any) {
	defer func() {
		if p := recover(); p != nil {
			result, failure = nil, p
		}
	}()
	pass := &analysis.Pass{
		Fset: j.fset, Files: j.files(), Pkg: j.checked.pkg, TypesInfo: j.checked.info, TypesSizes: j.loader.sizes,
		ResultOf:         map[*analysis.Analyzer]any{},
		Report:           func(analysis.Diagnostic) {},
		ImportObjectFact: func(types.Object, analysis.Fact) bool { return false },
		ExportObjectFact: func(types.Object, analysis.Fact) {},
	}
	for _, a := range []*analysis.Analyzer{inspect.Analyzer, ctrlflow.Analyzer, buildssa.Analyzer} {
		pass.Analyzer = a
		out, err := a.Run(pass)
		if err != nil {
			return nil, err
		}
		pass.ResultOf[a] = out
	}
	result, ok := pass.ResultOf[buildssa.Analyzer].(*buildssa.SSA)
	if !ok {
		return nil, errNoSSA
	}
	result.SrcFuncs = append(result.SrcFuncs, initLiterals(result.Pkg)...)
	return result, nil
}

// initLiterals returns the function literals in the values of package-level
// variables, where commands and handlers often live. buildssa leaves them out.
func initLiterals(p *ssa.Package) []*ssa.Function {
	init := p.Func("init")
	if init == nil {
		return nil
	}
	var list []*ssa.Function
	var add func(*ssa.Function)
	add = func(f *ssa.Function) {
		list = append(list, f)
		for _, inner := range f.AnonFuncs {
			add(inner)
		}
	}
	for _, f := range init.AnonFuncs {
		if _, ok := f.Syntax().(*ast.FuncLit); ok {
			add(f)
		}
	}
	return list
}
