package goscan

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
)

// eraser removes from a package's syntax, in place, what go/ssa cannot build
// because its type is unknown or wrong: the innermost statement around it. Of
// such a statement it keeps the variables it declares, calls that are well
// typed, and function literals, so that what does not depend on the unknown
// stays connected. Conditions become constants that nothing folds, so that both
// branches stay reachable.
//
// Code without type errors comes out as it went in.
type eraser struct {
	info  *types.Info
	pkg   *types.Package
	files []*ast.File
	// hard holds the positions of type errors by the innermost function body
	// around them (nil: outside of functions), each sorted.
	hard map[*ast.BlockStmt][]token.Pos
	// count is how many statements were erased.
	count int
	// touched are the functions that lost a statement, in source order.
	touched []function

	// Of the function being processed:
	current []token.Pos
	results *types.Tuple
	verdict map[ast.Expr]bool // memo of badExpr
}

// function is a declared or literal function with a body.
type function struct {
	decl *ast.FuncDecl // or nil
	lit  *ast.FuncLit  // or nil
	body *ast.BlockStmt
}

func newEraser(c checked, files []*ast.File) *eraser {
	return &eraser{info: c.info, pkg: c.pkg, files: files, hard: map[*ast.BlockStmt][]token.Pos{}}
}

// erase processes all files. It may panic on syntax that nobody thought of.
func (e *eraser) erase(hard []token.Pos) {
	var funcs []function
	for _, f := range e.files {
		in := functions(f)
		e.attribute(hard, f, in)
		f.Decls = slices.DeleteFunc(f.Decls, e.undefined)
		funcs = append(funcs, in...)
	}
	e.variables()
	for _, fn := range funcs {
		e.function(fn)
	}
}

// functions returns all functions of a file in order of position, so that one
// comes before those inside it.
func functions(f *ast.File) []function {
	var list []function
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				list = append(list, function{decl: n, body: n.Body})
			}
		case *ast.FuncLit:
			list = append(list, function{lit: n, body: n.Body})
		}
		return true
	})
	return list
}

// attribute sorts the error positions within a file by innermost function.
func (e *eraser) attribute(hard []token.Pos, f *ast.File, funcs []function) {
	first, _ := slices.BinarySearch(hard, f.FileStart)
	last, _ := slices.BinarySearch(hard, f.FileEnd)
	var open []*ast.BlockStmt // bodies around the position, innermost last
	next := 0
	for _, pos := range hard[first:last] {
		for ; next < len(funcs) && funcs[next].body.Pos() <= pos; next++ {
			open = append(open, funcs[next].body)
		}
		for len(open) > 0 && open[len(open)-1].End() <= pos {
			open = open[:len(open)-1]
		}
		var in *ast.BlockStmt
		if len(open) > 0 {
			in = open[len(open)-1]
		}
		e.hard[in] = append(e.hard[in], pos)
	}
}

// undefined reports whether a declaration has names that the type checker gave
// no object, which go/ssa relies on: a name declared twice, or any after a panic
// of the checker.
func (e *eraser) undefined(d ast.Decl) bool {
	switch d := d.(type) {
	case *ast.FuncDecl:
		_, ok := e.info.Defs[d.Name].(*types.Func)
		return !ok
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				if slices.ContainsFunc(spec.Names, func(id *ast.Ident) bool { return e.info.Defs[id] == nil }) {
					return true
				}
			case *ast.TypeSpec:
				if e.info.Defs[spec.Name] == nil {
					return true
				}
			}
		}
		return false
	}
	return true // a BadDecl
}

// variables erases the initial values of package-level variables. go/ssa takes
// those from InitOrder, and their language versions from the declarations.
func (e *eraser) variables() {
	specs := map[ast.Expr]*ast.ValueSpec{}
	for _, f := range e.files {
		for _, d := range f.Decls {
			if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.VAR {
				for _, spec := range gen.Specs {
					for _, v := range spec.(*ast.ValueSpec).Values {
						specs[v] = spec.(*ast.ValueSpec)
					}
				}
			}
		}
	}
	e.current, e.verdict = e.hard[nil], map[ast.Expr]bool{}
	slices.Sort(e.current) // files may come in another order than their positions
	var order []*types.Initializer
	for _, init := range e.info.InitOrder {
		spec := specs[init.Rhs]
		switch {
		case spec == nil: // undefined
			e.count++
		case !e.badInit(init):
			order = append(order, init)
		default:
			e.count++
			blank := types.NewVar(spec.Pos(), e.pkg, "_", types.Typ[types.Int])
			for _, kept := range e.keep(nil, init.Rhs) {
				order = append(order, &types.Initializer{Lhs: []*types.Var{blank}, Rhs: kept})
				spec.Values = append(spec.Values, kept)
			}
		}
	}
	e.info.InitOrder = order
}

func (e *eraser) badInit(init *types.Initializer) bool {
	for _, v := range init.Lhs {
		if invalid(v.Type()) {
			return true
		}
	}
	return e.badExpr(init.Rhs)
}

// function erases within one body, without the literals inside.
func (e *eraser) function(fn function) {
	e.current, e.verdict, e.results = e.hard[fn.body], map[ast.Expr]bool{}, nil
	if sig := e.signature(fn); sig != nil {
		e.results = sig.Results()
	}
	before := e.count
	fn.body.List = e.list(fn.body.List)
	missingReturn := e.errorIn(fn.body.Rbrace, fn.body.Rbrace+1)
	if e.count > before || missingReturn {
		e.touched = append(e.touched, fn)
		if e.results.Len() > 0 {
			// go/ssa would add a return without results where control falls off
			// the end, which gosec does not expect.
			fn.body.List = append(fn.body.List, endless(fn.body.Rbrace))
		}
	}
}

func (e *eraser) signature(fn function) *types.Signature {
	var t types.Type
	if fn.lit != nil {
		t = e.info.TypeOf(fn.lit)
	} else if obj := e.info.Defs[fn.decl.Name]; obj != nil {
		t = obj.Type()
	}
	sig, _ := t.(*types.Signature)
	return sig
}

// drop removes the bodies of functions, for when the building of SSA fails all
// the same.
func (e *eraser) drop(funcs []function) {
	for _, fn := range funcs {
		ast.Inspect(fn.body, func(n ast.Node) bool {
			if _, ok := n.(ast.Stmt); ok {
				e.count++
			}
			return true
		})
		if fn.decl != nil {
			fn.decl.Body = nil
		} else {
			fn.body.List = []ast.Stmt{endless(fn.body.Rbrace)}
		}
	}
}

// endless returns "for {}": a statement after which nothing is reached, and
// which needs no types.
func endless(pos token.Pos) ast.Stmt {
	return &ast.ForStmt{For: pos, Body: &ast.BlockStmt{Lbrace: pos, Rbrace: pos}}
}

// truth returns a boolean constant for a condition that was erased. go/ssa
// branches on constants without evaluating them.
func (e *eraser) truth(pos token.Pos) ast.Expr {
	id := &ast.Ident{NamePos: pos, Name: "true"}
	e.info.Types[id] = types.TypeAndValue{Type: types.Typ[types.Bool], Value: constant.MakeBool(true)}
	return id
}

// zero returns the zero value of t as an expression.
func (e *eraser) zero(pos token.Pos, t types.Type) ast.Expr {
	id := &ast.Ident{NamePos: pos, Name: "nil"}
	e.info.Types[id] = types.TypeAndValue{Type: t}
	e.info.Uses[id] = types.Universe.Lookup("nil")
	return id
}

// declare returns declarations of variables whose value is unknown, or nothing
// for none.
func (e *eraser) declare(vars []*ast.Ident) []ast.Stmt {
	if len(vars) == 0 {
		return nil
	}
	spec := &ast.ValueSpec{Names: vars}
	list := []ast.Stmt{&ast.DeclStmt{Decl: &ast.GenDecl{TokPos: vars[0].Pos(), Tok: token.VAR, Specs: []ast.Spec{spec}}}}
	for _, id := range vars {
		list = append(list, e.forget(id.Pos(), e.info.Defs[id]))
	}
	return list
}

// forget returns a statement that puts a variable's address into another, so
// that go/ssa keeps the variable in memory and nobody infers its value from what
// is left of the code that sets it: a slice of unknown length must not pass for
// an empty one.
func (e *eraser) forget(pos token.Pos, v types.Object) ast.Stmt {
	id := &ast.Ident{NamePos: pos, Name: v.Name()}
	e.info.Uses[id] = v
	to := &ast.Ident{NamePos: pos, Name: "address"}
	e.info.Defs[to] = types.NewVar(pos, e.pkg, to.Name, types.NewPointer(v.Type()))
	spec := &ast.ValueSpec{Names: []*ast.Ident{to}, Values: []ast.Expr{&ast.UnaryExpr{OpPos: pos, Op: token.AND, X: id}}}
	return &ast.DeclStmt{Decl: &ast.GenDecl{TokPos: pos, Tok: token.VAR, Specs: []ast.Spec{spec}}}
}

// defined returns those of the expressions that are identifiers which declare a
// variable of a known type.
func (e *eraser) defined(lhs ...ast.Expr) []*ast.Ident {
	var ids []*ast.Ident
	for _, x := range lhs {
		if id, ok := x.(*ast.Ident); ok && id.Name != "_" {
			if v, ok := e.info.Defs[id].(*types.Var); ok && v.Type() != types.Typ[types.Invalid] {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// forgotten forgets those of the expressions that are local variables which are
// assigned to.
func (e *eraser) forgotten(lhs ...ast.Expr) []ast.Stmt {
	var list []ast.Stmt
	for _, x := range lhs {
		if id, ok := ast.Unparen(x).(*ast.Ident); ok && id.Name != "_" {
			v, ok := e.info.Uses[id].(*types.Var)
			if ok && v.Type() != types.Typ[types.Invalid] && v.Parent() != e.pkg.Scope() {
				list = append(list, e.forget(id.Pos(), v))
			}
		}
	}
	return list
}
