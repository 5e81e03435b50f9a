package goscan

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// errorIn reports whether a type error of the current function lies in the
// range.
func (e *eraser) errorIn(from, to token.Pos) bool {
	i, _ := slices.BinarySearch(e.current, from)
	return i < len(e.current) && e.current[i] < to
}

// bad reports whether any of the expressions is. Nil ones are not.
func (e *eraser) bad(exprs ...ast.Expr) bool {
	return slices.ContainsFunc(exprs, func(x ast.Expr) bool { return x != nil && e.badExpr(x) })
}

// badExpr reports whether go/ssa could not build the expression: it, or one
// inside it but outside function literals, has no type or an invalid one, or
// there is a type error in it.
func (e *eraser) badExpr(x ast.Expr) bool {
	if v, ok := e.verdict[x]; ok {
		return v
	}
	v := e.badSelf(x)
	if !v && !e.constantOrType(x) {
		eachChild(x, func(c ast.Node) {
			v = v || e.badChild(x, c)
		})
	}
	e.verdict[x] = v
	return v
}

// constantOrType reports whether the parts of x do not matter to go/ssa.
func (e *eraser) constantOrType(x ast.Expr) bool {
	tv := e.info.Types[x]
	_, lit := x.(*ast.FuncLit)
	return tv.Value != nil || tv.IsType() || lit
}

func (e *eraser) badChild(parent ast.Expr, c ast.Node) bool {
	x, ok := c.(ast.Expr)
	if !ok {
		return false
	}
	if sel, ok := parent.(*ast.SelectorExpr); ok && c == sel.Sel {
		return e.info.Uses[sel.Sel] == nil
	}
	return e.badExpr(x)
}

// badSelf looks at one expression without its parts.
func (e *eraser) badSelf(x ast.Expr) bool {
	if e.errorIn(x.Pos(), x.End()) {
		return true
	}
	switch x := x.(type) {
	case *ast.Ident:
		return e.badIdent(x)
	case *ast.KeyValueExpr, *ast.Ellipsis:
		return false // have no type
	case *ast.BadExpr:
		return true
	}
	tv, ok := e.info.Types[x]
	switch {
	case !ok:
		return true
	case tv.IsBuiltin():
		return false // its type is not recorded where it does not matter
	case tv.Value == nil && leftUntyped(tv.Type):
		return true
	}
	return invalid(tv.Type) || e.badParts(x)
}

func (e *eraser) badIdent(id *ast.Ident) bool {
	if id.Name == "_" {
		return false
	}
	switch obj := e.info.ObjectOf(id).(type) {
	case nil:
		// What the eraser made itself.
		_, ok := e.info.Types[id]
		return !ok
	case *types.Builtin, *types.PkgName, *types.Nil:
		return false
	default:
		return invalid(obj.Type())
	}
}

// badParts looks at conversions that go/ssa makes without the source naming a
// type: those to the type of a parameter, element or field.
func (e *eraser) badParts(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.CallExpr:
		tv := e.info.Types[x.Fun]
		return !tv.IsBuiltin() && (tv.Type == nil || invalid(tv.Type.Underlying()))
	case *ast.CompositeLit:
		t := e.info.TypeOf(x).Underlying()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem().Underlying() // an elided &T in a literal
		}
		st, ok := t.(*types.Struct)
		if !ok {
			return invalid(t)
		}
		// Keyed fields are seen as identifiers.
		if len(x.Elts) > 0 {
			if _, keyed := x.Elts[0].(*ast.KeyValueExpr); !keyed {
				return invalid(st)
			}
		}
	case *ast.IndexExpr:
		return invalid(e.info.TypeOf(x.X))
	}
	return false
}

// leftUntyped reports whether t is the type of a constant that found no use.
// Untyped booleans are the results of comparisons, and nil needs no type.
func leftUntyped(t types.Type) bool {
	b, ok := t.(*types.Basic)
	return ok && b.Info()&types.IsUntyped != 0 && b.Kind() != types.UntypedBool && b.Kind() != types.UntypedNil
}

// invalid reports whether a value of type t cannot be moved around: t is
// invalid, or built from an invalid type. A pointer to an invalid type can, and
// so can a named type that has one inside; only what is taken out is invalid.
func invalid(t types.Type) bool {
	switch t := t.(type) {
	case nil:
		return true
	case *types.Basic:
		return t.Kind() == types.Invalid
	case *types.Alias:
		return invalid(types.Unalias(t))
	case *types.Pointer:
		return t.Elem() != types.Typ[types.Invalid] && invalid(t.Elem())
	case *types.Slice:
		return invalid(t.Elem())
	case *types.Array:
		return invalid(t.Elem())
	case *types.Chan:
		return invalid(t.Elem())
	case *types.Map:
		return invalid(t.Key()) || invalid(t.Elem())
	case *types.Signature:
		return invalidTuple(t.Params()) || invalidTuple(t.Results())
	case *types.Tuple:
		return invalidTuple(t)
	case *types.Struct:
		for f := range t.Fields() {
			if invalid(f.Type()) {
				return true
			}
		}
	case *types.Named:
		for arg := range t.TypeArgs().Types() {
			if invalid(arg) {
				return true
			}
		}
	}
	return false
}

func invalidTuple(t *types.Tuple) bool {
	for v := range t.Variables() {
		if invalid(v.Type()) {
			return true
		}
	}
	return false
}

// keep appends to list the largest parts of n that can be evaluated on their own
// and are worth it: well-typed calls, addresses that are taken (of variables that
// may then change), and function literals, whatever their type.
func (e *eraser) keep(list []ast.Expr, n ast.Node) []ast.Expr {
	if n == nil {
		return list
	}
	if lit, ok := n.(*ast.FuncLit); ok {
		return append(list, lit)
	}
	if x, ok := n.(ast.Expr); ok && e.worthKeeping(x) {
		return append(list, x)
	}
	eachChild(n, func(c ast.Node) { list = e.keep(list, c) })
	return list
}

func (e *eraser) worthKeeping(x ast.Expr) bool {
	if u, ok := x.(*ast.UnaryExpr); ok && u.Op == token.AND {
		return !e.badExpr(x)
	}
	call, ok := x.(*ast.CallExpr)
	if !ok || e.badExpr(x) {
		return false
	}
	tv := e.info.Types[call]
	// Conversions and constants compute nothing, and builtins such as append may
	// not stand alone, but their operands may.
	return tv.Value == nil && !leftUntyped(tv.Type) && !e.info.Types[call.Fun].IsType() && !e.info.Types[call.Fun].IsBuiltin()
}

// eachChild calls f for the children of n.
func eachChild(n ast.Node, f func(ast.Node)) {
	ast.Inspect(n, func(c ast.Node) bool {
		if c == n {
			return true
		}
		if c != nil {
			f(c)
		}
		return false
	})
}
