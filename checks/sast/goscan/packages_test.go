package goscan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// oddTree has the ways in which files can come together to packages.
func oddTree() fstest.MapFS {
	const remove = "import \"os\"\n\nfunc init() {\n\tos.Remove(\"x\")\n}\n"
	return mapTree(map[string]string{
		"odd/go.mod": "module example.com/odd\n\ngo 1.26\n",
		// By platform, tag and name.
		"odd/p/p.go":           "package p\n\n" + remove,
		"odd/p/p_windows.go":   "package p\n\n" + remove,
		"odd/p/p_js.go":        "package p\n\n" + remove,
		"odd/p/tagged.go":      "//go:build special && !other\n\npackage p\n\n" + remove,
		"odd/p/nocgo.go":       "//go:build !cgo\n\npackage p\n\n" + remove,
		"odd/p/never.go":       "//go:build linux && !linux\n\npackage p\n\n" + remove,
		"odd/p/_underscore.go": "package p\n\n" + remove,
		"odd/p/gen.go":         "//go:build ignore\n\npackage main\n\n" + remove + "\nfunc main() {}\n",
		"odd/p/gen2.go":        "// +build ignore\n\npackage main\n\n" + remove + "\nfunc main() {}\n",
		"odd/p/other.go":       "package q\n\n" + remove,
		"odd/p/p_test.go":      "package p\n\n" + remove,
		"odd/p/x_test.go":      "package p_test\n\n" + remove,
		"odd/p/cgo.go":         "package p\n\n// #include <stdlib.h>\nimport \"C\"\nimport \"os\"\n\nfunc c() {\n\tC.free(nil)\n\tos.Remove(\"x\")\n}\n",
		// No module of their own.
		"loose/a.go": "package main\n\n" + remove + "\nfunc main() {}\n",
		"loose/b.go": "package main\n\n" + remove + "\nfunc main() {}\n",
		// Strangers.
		"odd/third/t.go": "package third\n\nimport (\n\t\"os\"\n\t\"github.com/some/go-thing/v2\"\n)\n\nfunc f() {\n\tx := thing.New(func() { os.Remove(\"x\") })\n\tx.Run()\n\tos.Remove(\"y\")\n}\n",
	})
}

func TestEveryFileIsLookedAt(t *testing.T) {
	fsys := oddTree()
	r := scanAll(t, fsys)
	if len(r.Skipped) != 0 {
		t.Errorf("skipped %v", r.Skipped)
	}
	hit := map[string]bool{}
	for _, i := range r.Issues {
		if i.RuleID == "G104" {
			hit[i.Path] = true
		}
	}
	for _, f := range goFilesOf(t, fsys) {
		if !hit[f] {
			t.Errorf("nothing found in %s", f)
		}
	}
	builds := map[string]string{}
	for _, p := range r.Packages {
		for _, f := range p.Files {
			builds[f] = p.Path + " " + p.Name + " " + p.Build
		}
	}
	for f, want := range map[string]string{
		"odd/p/p.go":         "example.com/odd/p p linux/amd64",
		"odd/p/p_windows.go": "example.com/odd/p p windows/amd64",
		"odd/p/p_js.go":      "example.com/odd/p p js/wasm",
		"odd/p/tagged.go":    "example.com/odd/p p linux/amd64 tags special",
		"odd/p/nocgo.go":     "example.com/odd/p p linux/amd64 without cgo",
		"odd/p/gen.go":       "example.com/odd/p main linux/amd64 tags ignore",
		"odd/p/x_test.go":    "example.com/odd/p_test p_test linux/amd64",
		"loose/a.go":         "loose main linux/amd64",
	} {
		if builds[f] != want {
			t.Errorf("%s was analysed as %q, want %q", f, builds[f], want)
		}
	}
}

// TestManyVariants: beyond maxVariants files are still analysed, one by one.
func TestManyVariants(t *testing.T) {
	files := map[string]string{}
	for i := range 3 * maxVariants {
		files[fmt.Sprintf("f%02d.go", i)] = fmt.Sprintf("//go:build tag%02d\n\npackage p\n\nimport \"os\"\n\nfunc f%d() { os.Remove(\"x\") }\n", i, i)
	}
	r := scanAll(t, mapTree(files))
	if len(found(r.Issues)) != len(files) {
		t.Errorf("issues %v", found(r.Issues))
	}
}

func TestTypesFromTheTree(t *testing.T) {
	// Whether the argument is a constant is known by its type only.
	fsys := mapTree(map[string]string{
		"go.mod":                       "module example.com/a\n\ngo 1.24\n",
		"main.go":                      "package main\n\nimport (\n\t\"os/exec\"\n\n\t\"example.com/a/inner\"\n\t\"example.com/b/lib\"\n\t\"github.com/v/dep\"\n\t\"unknown.org/u\"\n)\n\nfunc main() {\n\t_ = exec.Command(inner.Name).Run()\n\t_ = exec.Command(lib.Name).Run()\n\t_ = exec.Command(dep.Name).Run()\n\t_ = exec.Command(u.Name).Run()\n\t_ = exec.Command(inner.Var).Run()\n}\n",
		"inner/inner.go":               "package inner\n\nconst Name = \"ls\"\n\nvar Var = Name\n",
		"inner/inner_windows.go":       "package inner\n\nconst Name = 1\n",
		"inner/inner_test.go":          "package inner\n\nconst Broken = \n",
		"sub/go.mod":                   "module example.com/b\n\ngo 1.26\n",
		"sub/lib/lib.go":               "package lib\n\nconst Name = \"ls\"\n",
		"vendor/github.com/v/dep/d.go": "package dep\n\nconst Name = \"ls\"\n",
	})
	r := scanFiles(t, fsys, []string{"main.go", "sub/lib/lib.go"}, DefaultOptions())
	equal(t, "issues", found(r.Issues), []string{"main.go:16 G204", "main.go:17 G204"})
	if len(r.Packages) != 2 || r.Packages[0].Untyped != 1 || len(r.Packages[0].TypeErrors) != 1 {
		t.Errorf("packages %+v", r.Packages)
	}
}

// TestUnknownImports: data flow that does not touch the unknown is followed.
func TestUnknownImports(t *testing.T) {
	fsys := mapTree(map[string]string{"a.go": `package a

import (
	"net/http"
	"os"
	"os/exec"

	"github.com/gin-gonic/gin"
	"github.com/spf13/cobra"
)

type server struct {
	engine *gin.Engine
	name   string
}

func handler(c *gin.Context, r *http.Request) (gin.H, error) {
	if c.Query("debug") != "" {
		defer c.Abort()
	}
	cmd := r.FormValue("cmd")
	c.Set("cmd", cmd)
	for k, v := range c.Params {
		_, _ = k, v
	}
	out, err := exec.Command("sh", "-c", cmd).Output()
	switch x := c.Get("x").(type) {
	case gin.H:
		return x, nil
	case error:
		return gin.H{"out": out}, x
	}
	return gin.H{"out": out}, err
}

var root = &cobra.Command{
	Use: "a",
	Run: func(cmd *cobra.Command, args []string) {
		f, err := os.Open(os.Args[1])
		_, _ = f, err
	},
}

func lengths(e *gin.Engine) []string {
	routes, err := e.Names()
	names := append([]string{}, routes...)
	copied := make([]string, len(names))
	for i, n := range names {
		copied[i] = n
	}
	_ = err
	return copied
}
`})
	r := scanAll(t, fsys)
	equal(t, "issues", found(r.Issues), []string{"a.go:26 G204", "a.go:26 G702", "a.go:39 G703"})
	p := r.Packages[0]
	if p.Untyped == 0 || p.Panicked != "" || len(p.TypeErrors) == 0 {
		t.Errorf("package %+v", p)
	}
}

func TestTestAndGeneratedFiles(t *testing.T) {
	const remove = "import \"os\"\n\nfunc f() { os.Remove(\"x\") }\n"
	fsys := mapTree(map[string]string{
		"a.go":      "package a\n",
		"a_test.go": "package a\n\n" + strings.ReplaceAll(remove, "f()", "g()"),
		"gen.go":    "// Code generated by hand. DO NOT EDIT.\n\npackage a\n\n" + remove,
	})
	r := scanFiles(t, fsys, goFilesOf(t, fsys), Options{})
	if len(r.Issues) != 0 {
		t.Errorf("issues %v", r.Issues)
	}
	reasons := []string{}
	for _, s := range r.Skipped {
		reasons = append(reasons, s.File+" "+s.Reason)
	}
	if want := []string{"a_test.go test", "gen.go generated"}; !slices.Equal(reasons, want) {
		t.Errorf("skipped %v, want %v", reasons, want)
	}
	equal(t, "with them", found(scanAll(t, fsys).Issues), []string{"a_test.go:5 G104", "gen.go:7 G104"})
}

// TestContextOnly: files that were not asked for give types and no issues.
func TestContextOnly(t *testing.T) {
	fsys := mapTree(map[string]string{
		"a.go": "package a\n\nimport \"os/exec\"\n\nfunc f() error { return exec.Command(name).Run() }\n",
		"b.go": "package a\n\nimport \"os\"\n\nconst name = \"ls\"\n\nfunc g() { os.Remove(\"x\") }\n",
	})
	r := scanFiles(t, fsys, []string{"a.go"}, DefaultOptions())
	if len(r.Issues) != 0 || r.Packages[0].Untyped != 0 || !slices.Equal(r.Packages[0].Files, []string{"a.go"}) {
		t.Errorf("%+v", r)
	}
}

func TestStranger(t *testing.T) {
	for path, want := range map[string]string{
		"github.com/spf13/cobra":      "cobra",
		"github.com/some/go-thing":    "thing",
		"github.com/some/thing-go/v2": "thing",
		"gopkg.in/yaml.v3":            "yaml",
		"github.com/nats-io/nats.go":  "nats",
		"k8s.io/api/core/v1":          "core",
		"github.com/some/with-dash":   "withdash",
		"github.com/some/\x00":        "unknown",
	} {
		if got := stranger(path).Name(); got != want {
			t.Errorf("%q is named %q, want %q", path, got, want)
		}
	}
}
