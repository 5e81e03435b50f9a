package goscan

import (
	"go/ast"
	"go/token"
)

// breakCycles makes the parser's links from identifiers to declarations free of
// cycles. gosec follows them without a guard when it asks whether a value is
// constant, and "var a = b; var b = a", which parses, would overflow the stack.
// Only package-level variables can refer to each other in a circle.
func breakCycles(f *ast.File) {
	state := map[*ast.Object]int{}
	for _, d := range f.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			if vs, ok := spec.(*ast.ValueSpec); ok {
				cutFrom(vs, state)
			}
		}
	}
}

const (
	open   = 1 // on the path from where the walk began
	closed = 2
)

// cutFrom walks depth first from one declaration and unlinks each identifier
// that leads back to the path. It keeps its own stack: a chain of declarations
// may be as long as the file.
func cutFrom(root *ast.ValueSpec, state map[*ast.Object]int) {
	type frame struct {
		spec *ast.ValueSpec
		todo []*ast.Ident
	}
	enter := func(spec *ast.ValueSpec) frame {
		mark(spec, state, open)
		return frame{spec, linked(spec)}
	}
	if len(root.Names) == 0 || root.Names[0].Obj == nil || state[root.Names[0].Obj] != 0 {
		return
	}
	stack := []frame{enter(root)}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.todo) == 0 {
			mark(top.spec, state, closed)
			stack = stack[:len(stack)-1]
			continue
		}
		id := top.todo[0]
		top.todo = top.todo[1:]
		spec, ok := id.Obj.Decl.(*ast.ValueSpec)
		if !ok {
			continue
		}
		switch state[id.Obj] {
		case open:
			id.Obj = nil
		case 0:
			stack = append(stack, enter(spec))
		}
	}
}

// mark sets the state of all names of one declaration: they stand and fall
// together, since gosec looks at all its values.
func mark(spec *ast.ValueSpec, state map[*ast.Object]int, to int) {
	for _, name := range spec.Names {
		if name.Obj != nil {
			state[name.Obj] = to
		}
	}
}

// linked returns the identifiers in the values of the declaration that the
// parser linked to a variable.
func linked(spec *ast.ValueSpec) []*ast.Ident {
	var ids []*ast.Ident
	for _, v := range spec.Values {
		ast.Inspect(v, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Obj != nil && id.Obj.Kind == ast.Var {
				ids = append(ids, id)
			}
			return true
		})
	}
	return ids
}
