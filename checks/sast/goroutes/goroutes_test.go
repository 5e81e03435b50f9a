package goroutes

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func find(t *testing.T, files map[string]string) (*Table, fstest.MapFS) {
	t.Helper()
	tree := fstest.MapFS{}
	var names []string
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
		names = append(names, name)
	}
	slices.Sort(names)
	return Find(t.Context(), tree, names), tree
}

// lineOf is where a text stands.
func lineOf(t *testing.T, tree fs.FS, file, text string) int {
	t.Helper()
	b, err := fs.ReadFile(tree, file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(b), text)
	if !ok {
		t.Fatalf("%q is not in %s", text, file)
	}
	return strings.Count(before, "\n") + 1
}

func TestRoutes(t *testing.T) {
	table, tree := find(t, map[string]string{
		"api/go.mod": "module clinic.example/api\n",
		"api/main.go": `package main
import ("net/http"; "clinic.example/api/store"; exp "clinic.example/api/internal/export"; "clinic.example/api/auth")
func main() {
	p := store.Patients{}
	mux := http.NewServeMux()
	mux.Handle("GET /patients/{id}", auth.Require(p.Search))
	mux.HandleFunc("/export", exp.Handler("/srv"))
	mux.HandleFunc("/own/", own)
	mux.HandleFunc("/literal", func(w http.ResponseWriter, r *http.Request) { helper() })
	r.GET("/gin/:id/*rest", own)
	m["/no"] = own
}
func own(w http.ResponseWriter, r *http.Request) { ownPlace() }
func helper() { helped() }
func alone() { nobody() }
`,
		"api/store/p.go":           "package store\ntype Patients struct{}\nfunc (Patients) Search() { query() }\nfunc query() { run() }\n",
		"api/internal/export/e.go": "package export\nfunc Handler(dir string) any {\n\treturn func() { open(dir) }\n}\n",
		"api/auth/a.go":            "package auth\nfunc Require(next any) any { return check(next) }\nfunc check(n any) any { return n }\n",
		"api/store/p_test.go":      "package store\nfunc x() { mux.Handle(\"/test\", y) }\nfunc y() { tested() }\n",
		"broken.go":                "package x\nfunc ( { mux.Handle(\"/x\", y)",
	})
	for _, c := range []struct{ file, text, want string }{
		{"api/store/p.go", "query() }", "GET /patients/{id}"},
		{"api/store/p.go", "run()", "GET /patients/{id}"},
		{"api/internal/export/e.go", "open(dir)", "/export"},
		{"api/main.go", "ownPlace()", "/own/{rest...} GET /gin/{id}/{rest...}"},
		{"api/main.go", "helper() })", "/literal"},
		{"api/main.go", "helped()", "/literal"},
		{"api/main.go", "nobody()", ""},
		{"api/auth/a.go", "check(n any)", "GET /patients/{id}"},
		{"api/store/p_test.go", "tested()", ""},
	} {
		if got := strings.Join(table.At(c.file, lineOf(t, tree, c.file, c.text)), " "); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.text, c.file, got, c.want)
		}
	}
}

// Recursion, a hundred thousand routes and calls that branch end.
func TestBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("package main\nfunc main() {\n")
	for i := range 20000 {
		fmt.Fprintf(&b, "\tmux.HandleFunc(\"/r%d\", f%d)\n", i, i%300)
	}
	b.WriteString("}\n")
	for i := range 300 {
		fmt.Fprintf(&b, "func f%d() { f%d(); f%d(); f%d() }\n", i, (i+1)%300, (i*7)%300, i)
	}
	table, _ := find(t, map[string]string{"main.go": b.String()})
	if len(table.spans["main.go"]) != 300 {
		t.Errorf("%d functions are reached", len(table.spans["main.go"]))
	}
}

func FuzzFind(f *testing.F) {
	f.Add("package x\nfunc a() { m.Handle(\"GET /x/{id}\", b) }\nfunc b() { a() }\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, _ := find(t, map[string]string{"a.go": text, "go.mod": "module x"})
		for line := range 20 {
			for _, r := range table.At("a.go", line) {
				if !strings.Contains(r, "/") {
					t.Errorf("%q is no route", r)
				}
			}
		}
	})
}
