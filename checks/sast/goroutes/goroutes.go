// Package goroutes finds through which routes of an HTTP server a place in Go
// sources is reached: where a handler is registered, and what it calls. It reads
// syntax only. Where a name could be one of several functions all are taken: a
// route too many only lets two reports of one weakness meet, which name the
// weakness themselves.
package goroutes

import (
	"bytes"
	"cmp"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Bounds of the search.
const (
	maxDepth  = 6       // calls from a handler to the place
	maxVisits = 200_000 // functions visited, over all routes
	maxRoutes = 2000
)

// Reader gives a file's content.
type Reader interface {
	ReadFile(name string) ([]byte, error)
}

// Table says which routes reach a place.
type Table struct {
	spans map[string][]Span // by file
}

// Span is a function's lines, and the routes through which it is reached, sorted.
type Span struct {
	First, Last int
	Routes      []string
}

// Spans gives those of each file, by path and line.
func (t *Table) Spans() iter.Seq2[string, Span] {
	return func(yield func(string, Span) bool) {
		for _, file := range slices.Sorted(maps.Keys(t.spans)) {
			spans := slices.Clone(t.spans[file])
			slices.SortFunc(spans, func(a, b Span) int { return cmp.Or(a.First-b.First, a.Last-b.Last, slices.Compare(a.Routes, b.Routes)) })
			for _, s := range spans {
				if !yield(file, s) {
					return
				}
			}
		}
	}
}

// At gives the routes through which a line is reached, sorted; those of the
// innermost functions around it together.
func (t *Table) At(file string, line int) []string {
	var out []string
	for _, s := range t.spans[file] {
		if s.First <= line && line <= s.Last {
			out = append(out, s.Routes...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// registers is what a file must hold to be worth parsing.
var registers = regexp.MustCompile(`\.(?:HandleFunc|Handle|Get|Post|Put|Delete|Patch|Head|Options|Any|GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS|Method|MethodFunc)\(\s*"`)

// Find reads the files of a tree. A file that does not parse has no routes;
// others say that it could not be read.
func Find(ctx context.Context, tree Reader, files []string) *Table {
	f := &finder{tree: tree, dirs: map[string][]string{}, parsed: map[string]*pkg{}, modules: map[string]module{}, routes: map[*ast.BlockStmt]map[string]bool{}, at: map[*ast.BlockStmt]place{}, fset: token.NewFileSet()}
	for _, name := range files {
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			f.dirs[path.Dir(name)] = append(f.dirs[path.Dir(name)], name)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(f.dirs)) {
		if ctx.Err() != nil {
			break
		}
		f.register(dir)
	}
	return f.table()
}

type place struct {
	file        string
	first, last int
}

type finder struct {
	tree    Reader
	fset    *token.FileSet
	dirs    map[string][]string
	parsed  map[string]*pkg
	modules map[string]module // by directory
	visits  int
	count   int
	routes  map[*ast.BlockStmt]map[string]bool
	at      map[*ast.BlockStmt]place
}

// pkg is one directory's functions by name.
type pkg struct {
	files   []*source
	funcs   map[string][]function
	methods map[string][]function
}

type source struct {
	name    string
	dir     string
	ast     *ast.File
	imports map[string]string // local name to directory
}

type function struct {
	in   *source
	body *ast.BlockStmt
}

type module struct {
	dir, path string
}

// register looks at a directory whose files register routes.
func (f *finder) register(dir string) {
	any := slices.ContainsFunc(f.dirs[dir], func(name string) bool {
		b, err := f.tree.ReadFile(name)
		return err == nil && registers.Match(b)
	})
	if !any {
		return
	}
	for _, s := range f.pkg(dir).files {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if route, handlers := registration(call); route != "" && f.count < maxRoutes {
					f.count++
					for _, h := range handlers {
						f.follow(s, h, route, 0)
					}
				}
			}
			return true
		})
	}
}

// verbs are methods of routers that are named like HTTP's (chi, gin, echo,
// fiber); everything else registers for any method.
func verbs() []string {
	return []string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}
}

// registration reads a call like mux.HandleFunc("GET /patients/{id}", handler).
func registration(call *ast.CallExpr) (route string, handlers []ast.Expr) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) < 2 {
		return "", nil
	}
	args, method := call.Args, ""
	switch upper := strings.ToUpper(sel.Sel.Name); {
	case sel.Sel.Name == "Handle" || sel.Sel.Name == "HandleFunc" || sel.Sel.Name == "Any":
		// gin's Handle has the method first.
		if m := text(args[0]); slices.Contains(verbs(), m) && len(args) > 2 {
			method, args = m, args[1:]
		}
	case sel.Sel.Name == "Method" || sel.Sel.Name == "MethodFunc": // chi
		if method = text(args[0]); method == "" || len(args) < 3 {
			return "", nil
		}
		args = args[1:]
	case slices.Contains(verbs(), upper):
		method = upper
	default:
		return "", nil
	}
	pattern := text(args[0])
	if m, p, ok := strings.Cut(pattern, " "); ok && strings.HasPrefix(strings.TrimSpace(p), "/") { // Go 1.22
		method, pattern = m, strings.TrimSpace(p)
	}
	if !strings.HasPrefix(pattern, "/") {
		return "", nil
	}
	return strings.TrimSpace(method + " " + braces(pattern)), args[1:]
}

// text is a string literal's value, "" for anything else.
func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return s
}

// braces writes the parameters of other routers (":id", "*rest") as Go's own.
func braces(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, p := range parts {
		switch {
		case strings.HasPrefix(p, ":") && len(p) > 1:
			parts[i] = "{" + p[1:] + "}"
		case strings.HasPrefix(p, "*"):
			parts[i] = "{rest...}"
		}
	}
	if strings.HasSuffix(pattern, "/") && pattern != "/" { // a subtree (net/http.ServeMux)
		parts[len(parts)-1] = "{rest...}"
	}
	return strings.Join(parts, "/")
}

// follow marks what an expression of a handler leads to: a function, a method,
// a literal, and whatever is called to make it.
func (f *finder) follow(s *source, e ast.Node, route string, depth int) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.visit(function{s, n.Body}, route, depth)
			return false
		case *ast.SelectorExpr:
			for _, fn := range f.selected(s, n) {
				f.visit(fn, route, depth)
			}
			return true
		case *ast.Ident:
			for _, fn := range f.pkg(s.dir).funcs[n.Name] {
				f.visit(fn, route, depth)
			}
		}
		return true
	})
}

// selected are the functions that x.y can be: of the package x, or methods y
// of this package and of those that the file imports.
func (f *finder) selected(s *source, e *ast.SelectorExpr) []function {
	if id, ok := e.X.(*ast.Ident); ok {
		if dir, imported := s.imports[id.Name]; imported {
			return f.pkg(dir).funcs[e.Sel.Name]
		}
	}
	found := slices.Clone(f.pkg(s.dir).methods[e.Sel.Name])
	for _, name := range slices.Sorted(maps.Keys(s.imports)) {
		found = append(found, f.pkg(s.imports[name]).methods[e.Sel.Name]...)
	}
	return found
}

// visit marks a function's body, once a route, and goes on to what it calls.
func (f *finder) visit(fn function, route string, depth int) {
	if fn.body == nil || depth > maxDepth || f.visits >= maxVisits || f.routes[fn.body][route] {
		return
	}
	f.visits++
	if f.routes[fn.body] == nil {
		f.routes[fn.body] = map[string]bool{}
		f.at[fn.body] = place{fn.in.name, f.fset.Position(fn.body.Pos()).Line, f.fset.Position(fn.body.End()).Line}
	}
	f.routes[fn.body][route] = true
	f.follow(fn.in, fn.body, route, depth+1)
}

// pkg parses a directory, once. Names that are not a directory of the tree
// have nothing.
func (f *finder) pkg(dir string) *pkg {
	if p := f.parsed[dir]; p != nil {
		return p
	}
	p := &pkg{funcs: map[string][]function{}, methods: map[string][]function{}}
	f.parsed[dir] = p
	for _, name := range f.dirs[dir] {
		b, err := f.tree.ReadFile(name)
		if err != nil {
			continue // the check itself accounts for the file
		}
		parsed, err := parser.ParseFile(f.fset, name, b, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		p.add(&source{name: name, dir: dir, ast: parsed, imports: f.imports(dir, parsed)})
	}
	return p
}

func (p *pkg) add(s *source) {
	p.files = append(p.files, s)
	for _, d := range s.ast.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		into := p.funcs
		if fn.Recv != nil {
			into = p.methods
		}
		into[fn.Name.Name] = append(into[fn.Name.Name], function{s, fn.Body})
	}
}

// imports are the packages of the tree that a file imports, by local name.
func (f *finder) imports(dir string, file *ast.File) map[string]string {
	m := f.module(dir)
	out := map[string]string{}
	for _, i := range file.Imports {
		to, err := strconv.Unquote(i.Path.Value)
		if err != nil || m.path == "" {
			continue
		}
		rest, ours := strings.CutPrefix(to, m.path)
		if !ours || rest != "" && !strings.HasPrefix(rest, "/") {
			continue
		}
		name := path.Base(to)
		if i.Name != nil {
			name = i.Name.Name
		}
		out[name] = path.Join(m.dir, strings.TrimPrefix(rest, "/"))
	}
	return out
}

var moduleLine = regexp.MustCompile(`(?m)^module[ \t]+"?([^\s"]+)`)

// module is the one that a directory belongs to, by the nearest go.mod.
func (f *finder) module(dir string) module {
	if m, ok := f.modules[dir]; ok {
		return m
	}
	m := module{dir: dir}
	if b, err := f.tree.ReadFile(path.Join(dir, "go.mod")); err == nil {
		if found := moduleLine.FindSubmatch(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))); found != nil {
			m.path = string(found[1])
		}
	} else if dir != "." {
		m = f.module(path.Dir(dir))
	}
	f.modules[dir] = m
	return m
}

func (f *finder) table() *Table {
	t := &Table{spans: map[string][]Span{}}
	for body, routes := range f.routes {
		p := f.at[body]
		t.spans[p.file] = append(t.spans[p.file], Span{p.first, p.last, slices.Sorted(maps.Keys(routes))})
	}
	return t
}
