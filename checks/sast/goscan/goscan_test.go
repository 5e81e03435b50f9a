package goscan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
)

// tree makes a file system of paths and contents.
func mapTree(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return fsys
}

// ruleTree is the module in which testdata/rules.txtar shows the rules.
func ruleTree(t *testing.T) fstest.MapFS {
	t.Helper()
	a, err := txtar.ParseFile("testdata/rules.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	return mapTree(files)
}

// goFilesOf returns the .go files of a tree.
func goFilesOf(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".go") {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// scanFiles scans with the default options and fails the test on an error.
func scanFiles(t *testing.T, fsys fs.FS, files []string, o Options) Result {
	t.Helper()
	t.Setenv(GoVersionEnv, GoVersion)
	r, err := Scan(context.Background(), fsys, files, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	accounted(t, files, r)
	return r
}

func scanAll(t *testing.T, fsys fs.FS) Result {
	t.Helper()
	return scanFiles(t, fsys, goFilesOf(t, fsys), DefaultOptions())
}

// accounted fails unless each file was analysed or skipped.
func accounted(t *testing.T, files []string, r Result) {
	t.Helper()
	seen := map[string]bool{}
	for _, p := range r.Packages {
		for _, f := range p.Files {
			if seen[f] {
				t.Errorf("%q was analysed twice", f)
			}
			seen[f] = true
		}
	}
	for _, s := range r.Skipped {
		seen[s.File] = true
	}
	for _, f := range files {
		if !seen[f] {
			t.Errorf("%q was neither analysed nor skipped", f)
		}
	}
}

// found returns the issues as "path:line rule", sorted.
func found(issues []Issue) []string {
	var list []string
	for _, i := range issues {
		list = append(list, fmt.Sprintf("%s:%d %s", i.Path, i.Line, i.RuleID))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s: missing %s", what, w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("%s: unexpected %s", what, g)
		}
	}
}

// wanted returns what the comments of a tree ask for, and the rules named.
func wanted(fsys fstest.MapFS) (want []string, rules map[string]bool) {
	comment, rule := regexp.MustCompile(`\bwant( G\d{3})+`), regexp.MustCompile(`G\d{3}`)
	rules = map[string]bool{}
	for name, f := range fsys {
		for n, line := range strings.Split(string(f.Data), "\n") {
			for _, id := range rule.FindAllString(comment.FindString(line), -1) {
				want = append(want, fmt.Sprintf("%s:%d %s", name, n+1, id))
				rules[id] = true
			}
		}
	}
	return want, rules
}

func TestRules(t *testing.T) {
	fsys := ruleTree(t)
	want, rules := wanted(fsys)
	if len(rules) < 40 {
		t.Fatalf("testdata names only %d rules", len(rules))
	}
	r := scanAll(t, fsys)
	equal(t, "issues", found(r.Issues), want)
	for _, p := range r.Packages {
		if p.Untyped != 0 || len(p.TypeErrors) != 0 || p.Panicked != "" {
			t.Errorf("package %s: untyped %d, errors %q, panicked %q", p.Path, p.Untyped, p.TypeErrors, p.Panicked)
		}
	}
	if len(r.Skipped) != 0 || r.Truncated {
		t.Errorf("skipped %v, truncated %v", r.Skipped, r.Truncated)
	}
}

func TestIssueFields(t *testing.T) {
	r := scanFiles(t, ruleTree(t), []string{"crypto/crypto.go", "files/files.go", "trojan/trojan.go"}, DefaultOptions())
	want := Issue{
		RuleID: "G404", Severity: "HIGH", Confidence: "MEDIUM", CWE: "338", Path: "crypto/crypto.go",
		Message: "Use of weak random number generator (math/rand or math/rand/v2 instead of crypto/rand)",
		Line:    36, EndLine: 36, Column: 9,
	}
	i := slices.IndexFunc(r.Issues, func(i Issue) bool { return i.RuleID == "G404" })
	if i < 0 || !reflect.DeepEqual(r.Issues[i], want) {
		t.Errorf("got %+v, want %+v", r.Issues[max(i, 0)], want)
	}
	for _, i := range r.Issues {
		if i.RuleID == "G304" && i.Autofix != rootAutofix {
			t.Errorf("G304 proposes %q", i.Autofix)
		}
		if i.RuleID == "G116" && i.CWE != "838" {
			t.Errorf("G116 has CWE %q", i.CWE)
		}
	}
}

// TestDeterminism holds for a tree with all kinds of packages: the same result,
// whatever the order of the input.
func TestDeterminism(t *testing.T) {
	fsys := ruleTree(t)
	for name, f := range oddTree() {
		fsys[name] = f
	}
	files := goFilesOf(t, fsys)
	first := scanFiles(t, fsys, files, DefaultOptions())
	if len(first.Issues) < 50 || len(first.Packages) < 10 {
		t.Fatalf("only %d issues in %d packages", len(first.Issues), len(first.Packages))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		random.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		again := scanFiles(t, fsys, append(files, files[0]), DefaultOptions())
		if !reflect.DeepEqual(first, again) {
			t.Fatalf("two runs differ:\n%+v\n%+v", first, again)
		}
	}
}

// TestImportNames is about a package whose path ends like a version: gosec takes
// it to be named "net", and then finds the real net or not, as it happens.
func TestImportNames(t *testing.T) {
	fsys := mapTree(map[string]string{"a.go": `package a

import (
	"net"

	"golang.org/x/net/ipv4"
)

func f() (net.Listener, error) {
	_ = ipv4.Version
	return net.Listen("tcp", ":80")
}
`})
	for range 20 {
		equal(t, "issues", found(scanAll(t, fsys).Issues), []string{"a.go:11 G102"})
	}
}

func TestSuppressionsAreOff(t *testing.T) {
	fsys := mapTree(map[string]string{"a.go": `package a

import "os"

func f() {
	os.Remove("a") // #nosec
	os.Remove("b") // #nosec G104 -- reviewed
	//gosec:disable G104
	os.Remove("c")
	//gosec:disable
	os.Remove("d")
	os.Remove("e") //nolint:gosec
}
`})
	want := []string{"a.go:6 G104", "a.go:7 G104", "a.go:9 G104", "a.go:11 G104", "a.go:12 G104"}
	equal(t, "issues", found(scanAll(t, fsys).Issues), want)
}

func TestLiterals(t *testing.T) {
	fsys := mapTree(map[string]string{"a.go": "package a\n\n" +
		"//line /etc/passwd:1\n" +
		"var password = \"kX9$vQ2!mT7#pL4z\"\n" +
		"var token = `fD5&gS9*\nhK2(jL7)` + \"other\"\n" +
		"var secret = \"\\x6bX9$vQ2!mT7#\\\"pL4z\"\n" +
		"var harmless = \"not on a flagged line\"\n" +
		"var m = map[string]string{\n\"user\": \"someone\",\n\"password\": \"tH4!uV8@wX1#yZ6$\"}\n"})
	got := map[int][]string{}
	for _, i := range scanAll(t, fsys).Issues {
		if i.RuleID != "G101" {
			t.Errorf("unexpected %+v", i)
		}
		got[i.Line] = i.Literals
	}
	want := map[int][]string{
		4: {"kX9$vQ2!mT7#pL4z"},
		7: {`\x6bX9$vQ2!mT7#\"pL4z`, `kX9$vQ2!mT7#"pL4z`},
		9: {"user", "someone", "password", "tH4!uV8@wX1#yZ6$"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("literals %v, want %v", got, want)
	}
}

// TestSharedLoopVariable: G601 follows the language version of each file.
func TestSharedLoopVariable(t *testing.T) {
	const code = "package a\n\nfunc f(l []int) (p []*int) {\n\tfor _, v := range l {\n\t\tp = append(p, &v)\n\t}\n\treturn p\n}\n"
	for version, want := range map[string][]string{
		"go 1.21":   {"a.go:5 G601"},
		"go 1.22":   {},
		"go 1.26":   {},
		"go 9.99":   {},
		"":          {"a.go:5 G601"}, // go 1.16
		"go banana": {},
	} {
		fsys := mapTree(map[string]string{"go.mod": "module m\n\n" + version + "\n", "a.go": code})
		equal(t, version, found(scanAll(t, fsys).Issues), want)
	}
	equal(t, "no go.mod", found(scanAll(t, mapTree(map[string]string{"a.go": code})).Issues), nil)
}

// TestGoVersionMustBeSet runs itself again, since gosec asks once per process.
func TestGoVersionMustBeSet(t *testing.T) {
	const inner = "GOSCAN_TEST_INNER"
	if os.Getenv(inner) != "" {
		_, err := Scan(context.Background(), fstest.MapFS{}, nil, DefaultOptions(), nil)
		if !errors.Is(err, ErrGoVersion) {
			t.Errorf("error %v, want ErrGoVersion", err)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestGoVersionMustBeSet$", "-test.v")
	cmd.Env = append(os.Environ(), inner+"=1", GoVersionEnv+"=go1.26")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRuleTexts(t *testing.T) {
	list := Rules()
	if len(list) != 62 {
		t.Errorf("%d rules; read the changes of gosec, and ruleTexts", len(list))
	}
	for _, r := range list {
		if r.Title == "" || r.Severity == "" || r.CWE == "" || r.CWEName == "" || r.Help == "" {
			t.Errorf("incomplete: %+v", r)
		}
	}
	if !slices.IsSortedFunc(list, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("not sorted")
	}
	known := map[string]Rule{}
	for _, r := range list {
		known[r.ID] = r
	}
	for id := range ruleTexts() {
		if known[id].ID == "" {
			t.Errorf("text for %s, which is no rule", id)
		}
	}
	for _, i := range scanAll(t, ruleTree(t)).Issues {
		if r := known[i.RuleID]; r.CWE != i.CWE {
			t.Errorf("%s: CWE %s in the list, %s in an issue", i.RuleID, r.CWE, i.CWE)
		}
	}
}
