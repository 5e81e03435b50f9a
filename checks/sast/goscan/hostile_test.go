package goscan

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/issue"
	"golang.org/x/tools/go/analysis"
)

const good = "package a\n\nimport \"os\"\n\nfunc good() { os.Remove(\"x\") }\n"

// TestBadFiles: each is skipped for its reason, and its neighbour is not.
func TestBadFiles(t *testing.T) {
	tests := map[string]struct {
		text   string
		reason string
	}{
		"empty":           {"", SkipUnparsable},
		"not Go":          {"#!/bin/sh\n", SkipUnparsable},
		"binary":          {"\x7fELF\x00\x00", SkipUnparsable},
		"syntax error":    {"package a\n\nfunc {\n", SkipUnparsable},
		"invalid UTF-8":   {"package a\n\nvar s = \"\xff\xfe\"\n", SkipUnparsable},
		"unterminated":    {"package a\n\nvar s = `", SkipUnparsable},
		"huge":            {"package a\n//" + strings.Repeat("x", 1<<20), SkipTooLarge},
		"deep blocks":     {"package a\n\nfunc f() " + nest("{", "", "}", 50_000), SkipTooDeep},
		"deep parens":     {"package a\n\nvar x = " + nest("(", "1", ")", 50_000), SkipTooDeep},
		"long sum":        {"package a\n\nvar y = 1\nvar x = y" + strings.Repeat("+y", 50_000), SkipTooDeep},
		"long call chain": {"package a\n\nvar x = y" + strings.Repeat(".m()", 20_000), SkipTooDeep},
		"deeper than all": {"package a\n\nvar x = " + nest("(", "1", ")", 200_000), SkipTooDeep},
		"long types":      {"package a\n\n" + sequence("type T%d T%d\n", 2*maxChain), SkipTooDeep},
		"long constants":  {"package a\n\n" + sequence("const c%d = c%d\n", 2*maxChain), SkipTooDeep},
	}
	o := DefaultOptions()
	o.MaxFileBytes = 1 << 20
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fsys := mapTree(map[string]string{"bad/a.go": tt.text, "good/a.go": good})
			r := scanFiles(t, fsys, goFilesOf(t, fsys), o)
			if len(r.Skipped) != 1 || r.Skipped[0].File != "bad/a.go" || r.Skipped[0].Reason != tt.reason {
				t.Errorf("skipped %v, want %s", r.Skipped, tt.reason)
			}
			equal(t, "issues", found(r.Issues), []string{"good/a.go:5 G104"})
		})
	}
}

func nest(open, middle, end string, n int) string {
	return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
}

// sequence repeats a declaration of i by i+1.
func sequence(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i, i+1)
	}
	return b.String()
}

// TestWithinTheLimits: what the limits let through does not overflow anything.
func TestWithinTheLimits(t *testing.T) {
	const n = 9_000
	for name, text := range map[string]string{
		"parens":    "var x = " + nest("(", "1", ")", n),
		"sum":       "import \"os/exec\"\n\nfunc f(s string) { exec.Command(s" + strings.Repeat("+s", n) + ") }",
		"unary":     "func f(x int) int { return " + strings.Repeat("- ", n) + "x }",
		"pointers":  "type t " + strings.Repeat("*", n) + "int",
		"literals":  "type t []t\n\nvar x = t" + nest("{", "", "}", n),
		"calls":     "func g(...any) int { return 0 }\n\nfunc f() { g(" + nest("g(", "", ")", n) + ") }",
		"untyped":   "import \"x.org/y\"\n\nfunc g(...any) int { return 0 }\n\nfunc f() { g(" + nest("g(", "y.Z", ")", n) + ") }",
		"variables": sequence("var v%d = v%d\n", n),
		"functions": sequence("func f%d() { f%d() }\n", n),
	} {
		t.Run(name, func(t *testing.T) {
			r := scanAll(t, mapTree(map[string]string{"a.go": "package a\n\n" + text + "\n"}))
			if len(r.Skipped) != 0 || r.Packages[0].Panicked != "" {
				t.Errorf("skipped %v, panicked %q", r.Skipped, r.Packages[0].Panicked)
			}
		})
	}
}

// TestLongCallChain: the rules on syntax run, the others do not.
func TestLongCallChain(t *testing.T) {
	text := good + sequence("func f%d() { f%d() }\n", 2*maxChain)
	r := scanAll(t, mapTree(map[string]string{"a.go": text}))
	equal(t, "issues", found(r.Issues), []string{"a.go:5 G104"})
	if len(r.Skipped) != 1 || r.Skipped[0].Reason != SkipTooDeep {
		t.Errorf("skipped %v", r.Skipped)
	}
}

// TestCircles: nothing follows one for ever, or down the stack.
func TestCircles(t *testing.T) {
	fsys := mapTree(map[string]string{
		"go.mod":       "module m\n\ngo 1.26\n",
		"self/a.go":    "package self\n\nimport _ \"m/self\"\n\nimport \"os\"\n\nfunc f() { os.Remove(\"x\") }\n",
		"one/a.go":     "package one\n\nimport (\n\t\"m/two\"\n\t\"os\"\n)\n\nvar X = two.X\n\nfunc f() { os.Remove(\"x\") }\n",
		"two/a.go":     "package two\n\nimport (\n\t\"m/one\"\n\t\"os\"\n)\n\nvar X = one.X\n\nfunc f() { os.Remove(\"x\") }\n",
		"vars/a.go":    "package vars\n\nimport (\n\t\"os\"\n\t\"os/exec\"\n)\n\nvar a = b\nvar b, c = c, d\nvar d = \"x\" + a\nvar e = e\n\nfunc f() {\n\t_ = exec.Command(a, b, c, d, e).Run()\n\tos.Remove(\"x\")\n}\n",
		"types/a.go":   "package types\n\nimport \"os\"\n\ntype A struct{ B }\ntype B struct{ A }\ntype C [len(D{})]int\ntype D [len(C{})]int\ntype E interface{ E }\ntype F[T any] struct{ f *F[F[T]] }\n\nfunc f() { os.Remove(\"x\") }\n",
		"labels/a.go":  "package labels\n\nimport \"os\"\n\nfunc f() {\nL:\n\tgoto L\n\tgoto M\n\tbreak\n\tos.Remove(\"x\")\n}\n",
		"dup/a.go":     "package dup\n\nimport \"os\"\n\nfunc f() { os.Remove(\"x\") }\nfunc f() int { os.Remove(\"x\") }\nfunc (T) f() {}\nfunc (T) f() {}\nfunc (U) g() {}\nfunc init() int {}\nvar f = 1\n",
		"returns/a.go": "package returns\n\nimport \"os\"\n\nfunc two() (int, error) { return 1 }\nfunc f() (n int, err error) { a, b, c := two(); os.Remove(\"x\"); return two(), a }\nfunc h() { return 1 }\n",
	})
	r := scanAll(t, fsys)
	for _, d := range []string{"self", "one", "two", "vars", "types", "labels", "dup", "returns"} {
		if !slices.ContainsFunc(r.Issues, func(i Issue) bool { return i.RuleID == "G104" && i.Path == d+"/a.go" }) {
			t.Errorf("nothing found in %s", d)
		}
	}
	for _, p := range r.Packages {
		if p.Panicked != "" {
			t.Errorf("%s panicked: %s", p.Dir, p.Panicked)
		}
	}
}

func TestOddNames(t *testing.T) {
	names := []string{"a b.go", "new\nline.go", "ünï.go", "-.go", "%s.go", "..go", ".go", "_.go", "a.go.go", "c:\\d.go"}
	fsys := fstest.MapFS{}
	for i, n := range names {
		fsys[fmt.Sprintf("d%d/%s", i, n)] = &fstest.MapFile{Data: []byte(good)}
	}
	r := scanAll(t, fsys)
	if len(found(r.Issues)) != len(names) {
		t.Errorf("issues %q", found(r.Issues))
	}
}

func TestBadPaths(t *testing.T) {
	fsys := mapTree(map[string]string{"a.go": good, "dir.go/b.go": good, "c.txt": good})
	fsys["link.go"] = &fstest.MapFile{Data: []byte("a.go"), Mode: fs.ModeSymlink}
	files := []string{"/etc/a.go", "../a.go", "missing.go", "missing/a.go", "dir.go", "a\x00.go", "", "./a.go", "c.txt", "a.go"}
	r := scanFiles(t, fsys, files, DefaultOptions())
	if len(r.Skipped) != len(files)-1 {
		t.Errorf("skipped %q", r.Skipped)
	}
	equal(t, "issues", found(r.Issues), []string{"a.go:5 G104"})
}

// TestLineDirectives: they do not move issues.
func TestLineDirectives(t *testing.T) {
	text := strings.ReplaceAll(good, "\nfunc", "\n//line /etc/passwd:1000\n//line :1\n/*line x.go:7:7*/ func")
	r := scanAll(t, mapTree(map[string]string{"a.go": text}))
	equal(t, "issues", found(r.Issues), []string{"a.go:7 G104"})
}

// TestNothingIsReadFromDisk: gosec would open files by the name it sees, which
// could be any file of the machine.
func TestNothingIsReadFromDisk(t *testing.T) {
	t.Chdir(writeTree(t, mapTree(map[string]string{"a.go": "// \u202e\npackage a\n"})))
	r := scanAll(t, mapTree(map[string]string{"a.go": "package a\n"}))
	if len(r.Issues) != 0 {
		t.Errorf("issues from the disk: %v", r.Issues)
	}
}

func TestMessagesQuoteNothing(t *testing.T) {
	const secret = "hunter2hunter2"
	fsys := mapTree(map[string]string{
		"a/a.go": "package a\n\nvar x int = \"" + secret + "\"\n",
		"b/b.go": "package b\n\nvar x = ) \"" + secret + "\"\n",
		"c/c.go": "package c\n\nimport \"" + secret + "/\\x00\"\n\nvar _ = `" + secret + "` * 2\n",
	})
	if text := fmt.Sprintf("%+v", scanAll(t, fsys)); strings.Contains(text, secret) {
		t.Errorf("quoted: %s", text)
	}
	for in, want := range map[string]string{
		`cannot use "a\"b" (x) as y`: `cannot use "…" (x) as y`,
		"a `b` c":                    "a `…` c",
		"don't \"x":                  `don't "`,
		"one\ntwo":                   "one",
	} {
		if got := wordless(in); got != want {
			t.Errorf("wordless(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMaxFindings(t *testing.T) {
	text := "package a\n\nimport \"os\"\n\nfunc f() {\n" + strings.Repeat("\tos.Remove(\"x\")\n", 100) + "}\n"
	fsys := mapTree(map[string]string{"a/a.go": text, "b/b.go": text, "c/c.go": text})
	o := DefaultOptions()
	o.MaxFindings = 150
	r := scanFiles(t, fsys, goFilesOf(t, fsys), o)
	if len(r.Issues) != 150 || !r.Truncated {
		t.Errorf("%d issues, truncated %v", len(r.Issues), r.Truncated)
	}
	want := []Skip{
		{"b/b.go", SkipMaxFindings, "only some findings of this package are kept"},
		{"c/c.go", SkipMaxFindings, "limit reached in an earlier package"},
	}
	if !slices.Equal(r.Skipped, want) {
		t.Errorf("skipped %v, want %v", r.Skipped, want)
	}
}

func TestMaxPackageBytes(t *testing.T) {
	fsys := mapTree(map[string]string{"a.go": good, "b.go": "package a\n//" + strings.Repeat("x", 10_000)})
	o := DefaultOptions()
	o.MaxPackageBytes = 5_000
	r := scanFiles(t, fsys, goFilesOf(t, fsys), o)
	if len(r.Skipped) != 1 || r.Skipped[0].File != "b.go" || r.Skipped[0].Reason != SkipTooLarge {
		t.Errorf("skipped %v", r.Skipped)
	}
	equal(t, "issues", found(r.Issues), []string{"a.go:5 G104"})
}

// TestTimeout: types that double in size thirty times over keep the type checker
// busy for long; it is left behind, and the next package is analysed.
func TestTimeout(t *testing.T) {
	slow := "package a\n\ntype A0 struct{ a, b int8 }\n"
	for i := range 33 {
		slow += fmt.Sprintf("type A%d struct{ a, b A%d }\n", i+1, i)
	}
	slow += "\nvar x A33\nvar y = x == x\n"
	fsys := mapTree(map[string]string{"a/a.go": slow, "b/b.go": good})
	o := DefaultOptions()
	o.PackageTimeout = 200 * time.Millisecond
	r := scanFiles(t, fsys, goFilesOf(t, fsys), o)
	if len(r.Skipped) != 1 || r.Skipped[0].File != "a/a.go" || r.Skipped[0].Reason != SkipTimeout {
		t.Errorf("skipped %v", r.Skipped)
	}
	equal(t, "issues", found(r.Issues), []string{"b/b.go:5 G104"})
}

func TestCancellation(t *testing.T) {
	t.Setenv(GoVersionEnv, GoVersion)
	fsys := ruleTree(t)
	files := goFilesOf(t, fsys)
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	_, err := Scan(ctx, fsys, files, DefaultOptions(), func(done, total int) {
		if calls++; done == 1 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled", err)
	}
	if calls != 2 {
		t.Errorf("%d calls of progress after cancelling at the second", calls)
	}
}

func TestProgress(t *testing.T) {
	t.Setenv(GoVersionEnv, GoVersion)
	fsys := ruleTree(t)
	next, last := 0, -1
	_, err := Scan(context.Background(), fsys, goFilesOf(t, fsys), DefaultOptions(), func(done, total int) {
		if done != next || last >= 0 && total != last {
			t.Errorf("progress %d of %d, want %d of %d", done, total, next, last)
		}
		next, last = done+1, total
	})
	if err != nil || next != last+1 {
		t.Errorf("error %v, %d of %d done", err, next-1, last)
	}
}

// panicky is a rule that always does.
type panicky struct{}

func (panicky) ID() string { return "G000" }

func (panicky) Match(ast.Node, *gosec.Context) (*issue.Issue, error) { panic("of \"this\"") }

func TestPanicsAreContained(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "", good, 0)
	if err != nil {
		t.Fatal(err)
	}
	g := &guard{stop: &atomic.Bool{}, report: map[*ast.File]bool{f: true}}
	rule, _ := g.wrapRule(func(string, gosec.Config) (gosec.Rule, []ast.Node) { return panicky{}, nil })("G000", nil)
	c := &gosec.Context{Root: f, Info: &types.Info{}, Imports: gosec.NewImportTracker()}
	if iss, err := rule.Match(f, c); iss != nil || err != nil || g.first() != `rule G000: of "…"` {
		t.Errorf("issue %v, error %v, noted %q", iss, err, g.first())
	}

	g = &guard{stop: &atomic.Bool{}}
	a := g.wrapAnalyzer(func(string, string) *analysis.Analyzer {
		return &analysis.Analyzer{Run: func(*analysis.Pass) (any, error) {
			var none *types.Package
			return none.Imports()[0], nil // a nil pointer: the runtime's own kind of panic
		}}
	})("G999", "")
	if out, err := a.Run(&analysis.Pass{}); out != nil || err != nil || g.first() == "" {
		t.Errorf("result %v, error %v, noted %q", out, err, g.first())
	}
}

// TestSlicesOfSlices: G602 would need gigabytes for the first, and not for the
// second.
func TestSlicesOfSlices(t *testing.T) {
	chain := "package a\n\nimport \"os\"\n\nfunc f0(p []int) int { os.Remove(\"x\"); return p[7] }\n"
	for i := range 19 {
		call := fmt.Sprintf("\tx += f%d(p[1:])\n", i)
		chain += fmt.Sprintf("func f%d(p []int) int {\n\tx := 0\n%s\treturn x\n}\n", i+1, strings.Repeat(call, 20))
	}
	chain += "func g() int {\n\tp := make([]int, 5)\n\treturn f19(p[:])\n}\n"
	sort := "package b\n\nfunc f(p []int) {\n\ti := len(p) / 2\n\tf(p[:i])\n\tf(p[i:])\n}\n\nfunc g() int {\n\tp := make([]int, 5)\n\tf(p)\n\treturn p[5]\n}\n"
	r := scanAll(t, mapTree(map[string]string{"a/a.go": chain, "b/b.go": sort}))
	equal(t, "issues", found(r.Issues), []string{"a/a.go:5 G104", "b/b.go:12 G602"})
	if len(r.Skipped) != 1 || r.Skipped[0].File != "a/a.go" || r.Skipped[0].Reason != SkipTooComplex {
		t.Errorf("skipped %v", r.Skipped)
	}
}
