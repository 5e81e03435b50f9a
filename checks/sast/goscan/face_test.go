package goscan

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

const faceSource = `//go:build linux

// Package p is one.
package p

import "fmt"

// Size has a value that others may use.
const Size = 4

type T struct{ A [Size]int }

var f = func() int { return 1 }

// Do does.
func (t T) Do(n int) (string, error) {
	if n > 0 {
		return fmt.Sprint(n), nil
	}
	return "", nil
}
`

func faceOfText(text string) string { return faceOf([]byte(text), nil) }

// What importers cannot see leaves the face as it was; what they can does not.
func TestFace(t *testing.T) {
	was := faceOfText(faceSource)
	change := func(old, new string) string {
		t.Helper()
		if !strings.Contains(faceSource, old) {
			t.Fatalf("no %q", old)
		}
		return faceOfText(strings.Replace(faceSource, old, new, 1))
	}
	for what, now := range map[string]string{
		"a body":               change("n > 0", "n > 1"),
		"a body with braces":   change("return fmt.Sprint(n), nil", "x := struct{ a int }{1}\n\t\t_ = x\n\t\treturn \"}\", nil"),
		"a comment":            change("// Do does.", "// Do does something."),
		"a line at the end":    faceOfText(faceSource + "\n\n// more\n"),
		"a semicolon, written": change("const Size = 4", "const Size = 4;"),
	} {
		if now != was {
			t.Errorf("%s changed the face", what)
		}
	}
	for what, now := range map[string]string{
		"a constant's value":    change("Size = 4", "Size = 5"),
		"a field's name":        change("{ A [", "{ B ["),
		"a parameter":           change("n int", "n int64"),
		"a result":              change("(string, error) {", "(any, error) {"),
		"the receiver":          change("(t T) Do", "(t *T) Do"),
		"a build constraint":    change("build linux", "build darwin"),
		"an import":             change(`import "fmt"`, `import fmt "log"`),
		"a variable's function": change("return 1", "return 2"), // it may be a type's length
		"a body that is gone":   change("{\n\tif n > 0 {\n\t\treturn fmt.Sprint(n), nil\n\t}\n\treturn \"\", nil\n}", ""),
		"one that is not Go":    change("n > 0", "n >"),
		"a function":            faceOfText(faceSource + "\nfunc More() {}\n"),
	} {
		if now == was {
			t.Errorf("%s did not change the face", what)
		}
	}
	if a, b := change("n > 0", "n >"), change("n > 0", "n <"); a == b {
		t.Error("two files that cannot be parsed have one face")
	}
}

func TestFacesOfDirectories(t *testing.T) {
	tree := fstest.MapFS{
		"a/a.go":      {Data: []byte(faceSource)},
		"a/a_test.go": {Data: []byte("package p\n\nvar X = 1\n")},
		"a/b.txt":     {Data: []byte("x")},
	}
	of := func(dirs ...string) string { return NewFaces(tree, DefaultOptions()).Of(dirs) }
	was := of("a", "none")
	if was != of("none", "a", "a") {
		t.Error("the order of directories matters")
	}
	tree["a/a_test.go"] = &fstest.MapFile{Data: []byte("package p\n\nvar Y = 1\n")}
	tree["a/b.txt"] = &fstest.MapFile{Data: []byte("y")}
	if was != of("a", "none") {
		t.Error("a test, or a text, is not imported")
	}
	tree["none/n.go"] = &fstest.MapFile{Data: []byte("package none\n")}
	if was == of("a", "none") {
		t.Error("a package that came to be does not matter")
	}
}

// FuzzFace holds that two files of one face have the same declarations once
// bodies are taken away, by changing bytes of real files.
func FuzzFace(f *testing.F) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, len(b)/2, byte(' '))
	}
	f.Fuzz(func(t *testing.T, text []byte, at int, with byte) {
		if len(text) == 0 || at < 0 {
			return
		}
		now := append([]byte(nil), text...)
		now[at%len(now)] = with
		if faceOf(text, nil) == faceOf(now, nil) && bodiless(text) != bodiless(now) {
			t.Errorf("one face of\n%s\nand\n%s", text, now)
		}
	})
}

// bodiless prints the declarations of a file as the Go printer does, without
// comments and bodies; the text itself where it is not Go.
func bodiless(text []byte) string {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return string(text)
	}
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			fn.Body = &ast.BlockStmt{}
		}
	}
	var b strings.Builder
	// Positions must not matter: a tree is printed on its own.
	if err := ast.Fprint(&b, nil, file.Decls, func(name string, v reflect.Value) bool {
		return !strings.HasSuffix(v.Type().String(), "token.Pos") && v.Type().String() != "*ast.CommentGroup"
	}); err != nil {
		return err.Error()
	}
	return b.String()
}
