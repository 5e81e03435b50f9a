package goscan

import (
	"go/ast"
	"go/token"
	"go/types"
)

func (e *eraser) list(in []ast.Stmt) []ast.Stmt {
	out := make([]ast.Stmt, 0, len(in))
	for _, s := range in {
		out = append(out, e.stmt(s)...)
	}
	return out
}

// stmt returns what takes the place of s: often s itself, changed inside. What
// is left of a statement that was erased comes before it, and the last of the
// list is where a label would belong.
func (e *eraser) stmt(s ast.Stmt) []ast.Stmt {
	switch s := s.(type) {
	case *ast.BlockStmt:
		s.List = e.list(s.List)
		return []ast.Stmt{s}
	case *ast.LabeledStmt:
		return e.labeled(s)
	case *ast.IfStmt:
		return e.ifStmt(s)
	case *ast.ForStmt:
		return e.forStmt(s)
	case *ast.RangeStmt:
		return e.rangeStmt(s)
	case *ast.SwitchStmt:
		return e.switchStmt(s)
	case *ast.TypeSwitchStmt:
		return e.typeSwitch(s)
	case *ast.SelectStmt:
		return e.selectStmt(s)
	case *ast.ReturnStmt:
		return e.returnStmt(s)
	case nil:
		return nil
	}
	return e.simple(s)
}

// simple handles statements without statements inside.
func (e *eraser) simple(s ast.Stmt) []ast.Stmt {
	if !e.badSimple(s) {
		return []ast.Stmt{s}
	}
	e.count++
	return append(e.setBy(s), e.rest(s)...)
}

func (e *eraser) badSimple(s ast.Stmt) bool {
	if s == nil {
		return false
	}
	if decl, ok := s.(*ast.DeclStmt); ok {
		return e.badDecl(decl)
	}
	if e.errorIn(s.Pos(), s.End()) {
		// Errors inside function literals are not among the current ones.
		return true
	}
	if send, ok := s.(*ast.SendStmt); ok && invalid(e.info.TypeOf(send.Chan)) {
		return true
	}
	if _, ok := s.(*ast.BranchStmt); ok {
		return false // a label has no type
	}
	bad := false
	eachChild(s, func(c ast.Node) {
		if x, ok := c.(ast.Expr); ok {
			bad = bad || e.badExpr(x)
		}
	})
	return bad
}

// badDecl looks at variables only: go/ssa ignores local types and constants.
func (e *eraser) badDecl(s *ast.DeclStmt) bool {
	gen, ok := s.Decl.(*ast.GenDecl)
	if !ok {
		return true
	}
	if gen.Tok != token.VAR {
		return false
	}
	if e.errorIn(s.Pos(), s.End()) {
		return true
	}
	for _, spec := range gen.Specs {
		vs, ok := spec.(*ast.ValueSpec)
		if !ok || e.bad(vs.Values...) {
			return true
		}
		for _, id := range vs.Names {
			if e.badIdent(id) {
				return true
			}
		}
	}
	return false
}

// setBy returns what stands for the variables that s declares or assigns to:
// their values are unknown.
func (e *eraser) setBy(s ast.Stmt) []ast.Stmt {
	switch s := s.(type) {
	case *ast.AssignStmt:
		return append(e.declare(e.defined(s.Lhs...)), e.forgotten(s.Lhs...)...)
	case *ast.IncDecStmt:
		return e.forgotten(s.X)
	case *ast.DeclStmt:
		gen, ok := s.Decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			return nil
		}
		var ids []*ast.Ident
		for _, spec := range gen.Specs {
			if vs, ok := spec.(*ast.ValueSpec); ok {
				for _, id := range vs.Names {
					ids = append(ids, e.defined(id)...)
				}
			}
		}
		return e.declare(ids)
	}
	return nil
}

// rest returns what can be kept of the expressions under the nodes.
func (e *eraser) rest(nodes ...ast.Node) []ast.Stmt {
	var out []ast.Stmt
	for _, n := range nodes {
		for _, x := range e.keep(nil, n) {
			out = append(out, &ast.ExprStmt{X: x})
		}
	}
	return out
}

func (e *eraser) labeled(s *ast.LabeledStmt) []ast.Stmt {
	inner := e.stmt(s.Stmt)
	if len(inner) == 0 {
		s.Stmt = &ast.EmptyStmt{Semicolon: s.Colon}
		return []ast.Stmt{s}
	}
	last := len(inner) - 1
	s.Stmt = inner[last]
	return append(inner[:last:last], s)
}

// asOne makes one statement of a list.
func asOne(list []ast.Stmt, pos token.Pos) ast.Stmt {
	if len(list) == 1 {
		return list[0]
	}
	return &ast.BlockStmt{Lbrace: pos, List: list, Rbrace: pos}
}

func (e *eraser) ifStmt(s *ast.IfStmt) []ast.Stmt {
	var pre []ast.Stmt
	if e.badSimple(s.Init) || e.bad(s.Cond) {
		pre, s.Init = e.hoist(s.Init), nil
	}
	if e.bad(s.Cond) {
		e.count++
		pre = append(pre, e.rest(s.Cond)...)
		s.Cond = e.truth(s.Cond.Pos())
	}
	s.Body.List = e.list(s.Body.List)
	if s.Else != nil {
		s.Else = asOne(e.stmt(s.Else), s.Else.Pos())
	}
	return append(pre, s)
}

// hoist returns an init statement to be put before the statement it belongs to.
func (e *eraser) hoist(init ast.Stmt) []ast.Stmt {
	if init == nil {
		return nil
	}
	return e.simple(init)
}

func (e *eraser) forStmt(s *ast.ForStmt) []ast.Stmt {
	var pre []ast.Stmt
	if e.badSimple(s.Init) {
		pre, s.Init = e.hoist(s.Init), nil
	}
	s.Body.List = e.list(s.Body.List)
	if e.bad(s.Cond) {
		e.count++
		s.Body.List = append(e.rest(s.Cond), s.Body.List...)
		s.Cond = e.truth(s.Cond.Pos())
	}
	if e.badSimple(s.Post) {
		e.count++
		s.Body.List = append(s.Body.List, e.rest(s.Post)...)
		s.Post = nil
	}
	return append(pre, s)
}

func (e *eraser) rangeStmt(s *ast.RangeStmt) []ast.Stmt {
	bad := e.bad(s.X, s.Key, s.Value) || e.errorIn(s.For, s.Body.Lbrace)
	s.Body.List = e.list(s.Body.List)
	if !bad {
		return []ast.Stmt{s}
	}
	e.count++
	pre := e.rest(s.X)
	pre = append(pre, e.declare(e.defined(s.Key, s.Value))...)
	pre = append(pre, e.forgotten(s.Key, s.Value)...)
	return append(pre, &ast.ForStmt{For: s.For, Cond: e.truth(s.For), Body: s.Body})
}

func (e *eraser) switchStmt(s *ast.SwitchStmt) []ast.Stmt {
	bad := e.badSimple(s.Init) || e.bad(s.Tag) || e.errorIn(s.Switch, s.Body.Lbrace)
	for _, c := range s.Body.List {
		bad = bad || e.bad(c.(*ast.CaseClause).List...)
	}
	if !bad {
		for _, c := range s.Body.List {
			c.(*ast.CaseClause).Body = e.list(c.(*ast.CaseClause).Body)
		}
		return []ast.Stmt{s}
	}
	e.count++
	pre := e.hoist(s.Init)
	if s.Tag != nil {
		pre = append(pre, e.rest(s.Tag)...)
	}
	s.Init, s.Tag = nil, nil
	for _, c := range s.Body.List {
		cc := c.(*ast.CaseClause)
		for _, x := range cc.List {
			pre = append(pre, e.rest(x)...)
		}
		e.clause(cc)
	}
	return append(pre, s)
}

// clause makes the clause of a switch without tag: taken or not, nobody knows.
func (e *eraser) clause(cc *ast.CaseClause) {
	if cc.List != nil {
		cc.List = []ast.Expr{e.truth(cc.Case)}
	}
	cc.Body = e.list(cc.Body)
}

func (e *eraser) typeSwitch(s *ast.TypeSwitchStmt) []ast.Stmt {
	x := guarded(s.Assign)
	if !e.badSimple(s.Init) && x != nil && !e.bad(x) && !e.errorIn(s.Switch, s.Body.Lbrace) {
		for _, c := range s.Body.List {
			e.typeClause(c.(*ast.CaseClause))
		}
		return []ast.Stmt{s}
	}
	e.count++
	pre := e.hoist(s.Init)
	if x != nil {
		pre = append(pre, e.rest(x)...)
	}
	for _, c := range s.Body.List {
		cc := c.(*ast.CaseClause)
		e.clause(cc)
		cc.Body = append(e.declare(e.implicit(cc)), cc.Body...)
	}
	return append(pre, &ast.SwitchStmt{Switch: s.Switch, Body: s.Body})
}

// guarded returns the X of "X.(type)", or nil.
func guarded(s ast.Stmt) ast.Expr {
	var x ast.Expr
	switch s := s.(type) {
	case *ast.ExprStmt:
		x = s.X
	case *ast.AssignStmt:
		if len(s.Rhs) == 1 {
			x = s.Rhs[0]
		}
	}
	if ta, ok := ast.Unparen(x).(*ast.TypeAssertExpr); ok {
		return ta.X
	}
	return nil
}

// typeClause replaces unknown types in a clause by nil, for which the variable
// of the clause keeps the type it has outside.
func (e *eraser) typeClause(cc *ast.CaseClause) {
	for i, x := range cc.List {
		if e.bad(x) {
			e.count++
			cc.List[i] = e.zero(x.Pos(), types.Typ[types.UntypedNil])
			delete(e.info.Implicits, cc)
		}
	}
	cc.Body = e.list(cc.Body)
	if _, ok := e.info.Implicits[cc]; !ok {
		return
	}
	if v := e.info.Implicits[cc]; invalid(v.Type()) {
		delete(e.info.Implicits, cc)
	}
}

// implicit returns an identifier that declares the clause's own variable, if it
// has one of a known type.
func (e *eraser) implicit(cc *ast.CaseClause) []*ast.Ident {
	v, ok := e.info.Implicits[cc].(*types.Var)
	if !ok || v.Type() == types.Typ[types.Invalid] {
		return nil
	}
	id := &ast.Ident{NamePos: v.Pos(), Name: v.Name()}
	e.info.Defs[id] = v
	return []*ast.Ident{id}
}

func (e *eraser) selectStmt(s *ast.SelectStmt) []ast.Stmt {
	bad := false
	for _, c := range s.Body.List {
		bad = bad || e.badSimple(c.(*ast.CommClause).Comm)
	}
	if !bad {
		for _, c := range s.Body.List {
			c.(*ast.CommClause).Body = e.list(c.(*ast.CommClause).Body)
		}
		return []ast.Stmt{s}
	}
	e.count++
	body := &ast.BlockStmt{Lbrace: s.Body.Lbrace, Rbrace: s.Body.Rbrace}
	for _, c := range s.Body.List {
		cc := c.(*ast.CommClause)
		clause := &ast.CaseClause{Case: cc.Case, Colon: cc.Colon}
		if cc.Comm != nil {
			clause.List = []ast.Expr{e.truth(cc.Case)}
			clause.Body = append(e.setBy(cc.Comm), e.rest(cc.Comm)...)
		}
		clause.Body = append(clause.Body, e.list(cc.Body)...)
		body.List = append(body.List, clause)
	}
	return []ast.Stmt{&ast.SwitchStmt{Switch: s.Select, Body: body}}
}

// returnStmt puts zero values in the place of bad results, so that the others
// still reach the caller.
func (e *eraser) returnStmt(s *ast.ReturnStmt) []ast.Stmt {
	countError := e.errorIn(s.Return, s.Return+1)
	bad := countError || e.bad(s.Results...)
	for i := range e.results.Len() {
		bad = bad || len(s.Results) > 0 && invalid(e.results.At(i).Type())
	}
	if !bad {
		return []ast.Stmt{s}
	}
	e.count++
	if countError || len(s.Results) != e.results.Len() {
		var pre []ast.Stmt
		for _, x := range s.Results {
			pre = append(pre, e.rest(x)...)
		}
		return append(pre, endless(s.Return))
	}
	var pre []ast.Stmt
	for i, x := range s.Results {
		if t := e.results.At(i).Type(); invalid(t) || e.bad(x) {
			pre = append(pre, e.rest(x)...)
			s.Results[i] = e.zero(x.Pos(), t)
		}
	}
	return append(pre, s)
}
