package goscan

import (
	"fmt"
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// maxChain bounds how long a chain of package-level declarations, or of
// functions that call each other, may be. The type checker and go/ssa's passes
// follow such chains by recursion, at some 5 KB of stack a step; a stack
// overflow ends the process.
const maxChain = 10_000

// graph is a directed graph of numbered nodes.
type graph [][]int

// chain returns how many nodes there are on the longest path without the edges
// that close a circle.
func (g graph) chain() int {
	height := make([]int, len(g)) // 0: not seen
	longest := 0
	for root := range g {
		if height[root] == 0 {
			longest = max(longest, g.walk(root, height))
		}
	}
	return longest
}

// walk goes depth first from root, on a stack of its own, and returns the
// greatest height or depth it met.
func (g graph) walk(root int, height []int) int {
	type frame struct{ node, next int }
	stack := []frame{{root, 0}}
	height[root] = 1
	longest := 1
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next == len(g[top.node]) {
			done := top.node
			stack = stack[:len(stack)-1]
			longest = max(longest, height[done], len(stack))
			if len(stack) > 0 {
				up := stack[len(stack)-1].node
				height[up] = max(height[up], height[done]+1)
			}
			continue
		}
		child := g[top.node][top.next]
		top.next++
		if height[child] == 0 {
			height[child] = 1
			stack = append(stack, frame{child, 0})
		} else {
			// On the path from root this is a circle; the height so far then only
			// makes the result larger.
			height[top.node] = max(height[top.node], height[child]+1)
		}
	}
	return longest
}

// declarationChain returns the length of the longest chain of package-level
// types, constants and variables that refer to each other by name.
func declarationChain(files []*ast.File) int {
	number := map[string]int{}
	var specs []ast.Spec
	for _, f := range files {
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				for _, name := range specNames(spec) {
					number[name.Name] = len(specs)
				}
				specs = append(specs, spec)
			}
		}
	}
	g := make(graph, len(specs))
	for i, spec := range specs {
		ast.Inspect(spec, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if j, ok := number[id.Name]; ok && j != i {
					g[i] = append(g[i], j)
				}
			}
			_, body := n.(*ast.BlockStmt)
			return !body // checked later, not by recursion
		})
	}
	return g.chain()
}

func specNames(spec ast.Spec) []*ast.Ident {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return []*ast.Ident{spec.Name}
	case *ast.ValueSpec:
		return spec.Names
	}
	return nil
}

// callChain returns the length of the longest chain of functions of the package
// that call each other.
func callChain(files []*ast.File, info *types.Info) int {
	number := map[types.Object]int{}
	var decls []*ast.FuncDecl
	for _, f := range files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && info.Defs[fn.Name] != nil {
				number[info.Defs[fn.Name]] = len(decls)
				decls = append(decls, fn)
			}
		}
	}
	g := make(graph, len(decls))
	for i, fn := range decls {
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if callee := typeutil.StaticCallee(info, call); callee != nil {
					if j, ok := number[callee]; ok {
						g[i] = append(g[i], j)
					}
				}
			}
			return true
		})
	}
	return g.chain()
}

func tooLong(what string) *skipError {
	return &skipError{SkipTooDeep, fmt.Sprintf("a chain of more than %d %s", maxChain, what)}
}
