// Package floors holds the architecture as a test: which package may import
// which, and what no package below cmd may touch.
package floors

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/vitalsign-dev/vitalsign/"

// floor gives the height of a package; imports must point to a lower floor, or
// to the same one within one room (see room). The list is the one of
// ARCHITECTURE.md, top to bottom.
func floor(pkg string) int {
	switch {
	case under(pkg, "cmd"), under(pkg, "docs"):
		return 70
	case under(pkg, "tui"):
		return 60
	case under(pkg, "internal/report"):
		return 50
	case under(pkg, "internal/fleet"):
		return 48 // the repositories that are watched: knows forge, git and store
	case under(pkg, "internal/chain"), under(pkg, "internal/forge"):
		return 45 // what a verifier says, from the artifact to the gate; what a forge says
	case under(pkg, "internal/evidence"):
		return 42 // what a run becomes when it is signed
	case under(pkg, "internal/judge"):
		return 40
	case under(pkg, "checks/checktest"):
		return 35 // for tests only, see TestTestPackagesAreForTests
	case under(pkg, "pipelines"), under(pkg, "internal/store"), under(pkg, "internal/config"), under(pkg, "internal/inline"), under(pkg, "internal/debt"), under(pkg, "internal/sbom"):
		return 30
	case under(pkg, "internal/search"):
		return 25 // what a store hands over, and how it is found
	case under(pkg, "checks/all"):
		return 24
	case under(pkg, "checks/child"):
		return 22
	case under(pkg, "checks/supervise"):
		return 21 // how a child is started: both programs know that
	case strings.HasPrefix(pkg, "checks/"):
		return 23
	case pkg == "checks", under(pkg, "attest"):
		return 20
	case under(pkg, "internal"):
		return 10
	}
	return -1
}

func under(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

// room is the part of a path within which packages may import each other:
// checks/sast, internal/report, pipelines.
func room(pkg string) string {
	parts := strings.Split(pkg, "/")
	switch parts[0] {
	case "checks", "internal", "cmd":
		return strings.Join(parts[:min(2, len(parts))], "/")
	}
	return parts[0]
}

// allowed says whether an edge may be.
func allowed(from, to string) bool {
	switch {
	case under(from, "cmd/vitalsign-check"):
		// The program that parses targets links nothing that judges them.
		return to == "checks" || under(to, "checks/all") || under(to, "checks/supervise") || under(to, "internal/version")
	case from == "checks/checktest":
		return to == "checks/child" || floor(to) < floor(from) && !strings.HasPrefix(to, "checks/")
	case strings.HasPrefix(to, "checks/") && !under(to, "checks/checktest") && !under(to, "checks/supervise") && floor(from) > floor("checks/all"):
		return false // only vitalsign-check knows the rooms of the checks
	case under(from, "internal") && floor(from) == 10 && floor(to) == 10:
		return true // the ground floor may lean on itself; Go forbids circles
	case room(from) == room(to):
		return true
	}
	return floor(from) > floor(to)
}

type file struct {
	pkg, path string
	test      bool
	ast       *ast.File
}

// sources parses every Go file of the module.
func sources(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var out []file
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		slash := filepath.ToSlash(rel)
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && slash != "." || d.Name() == "testdata" || slash == "examples" || slash == "tools" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, file{path.Dir(slash), slash, strings.HasSuffix(slash, "_test.go"), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 30 {
		t.Fatalf("only %d files found: this test looks in the wrong place", len(out))
	}
	return out
}

func TestArrowsPointDown(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		if floor(f.pkg) < 0 {
			t.Errorf("%s: no floor for package %s", f.path, f.pkg)
		}
		for _, imp := range f.ast.Imports {
			to, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if to, ours := strings.CutPrefix(to, module); ours && !allowed(f.pkg, to) {
				t.Errorf("%s: %s must not import %s", f.path, f.pkg, to)
			}
		}
	}
}

// The rule itself: edges that must not be are refused.
func TestTheFloorsHold(t *testing.T) {
	for _, bad := range [][2]string{
		{"checks", "pipelines"}, {"internal/git", "checks"}, {"pipelines", "internal/judge"}, {"cmd/vitalsign", "checks/secrets"},
		{"tui", "cmd/vitalsign"}, {"checks", "attest"}, {"attest", "checks"}, {"internal/judge", "internal/report"},
		{"checks/secrets", "checks/sast"}, {"cmd/vitalsign-check", "internal/store"}, {"attest/policy", "internal/judge"}, {"internal/evidence", "internal/chain"}, {"pipelines/local", "checks/child"}, {"internal/forge", "internal/fleet"}, {"internal/store", "internal/fleet"},
	} {
		if allowed(bad[0], bad[1]) {
			t.Errorf("%s may import %s", bad[0], bad[1])
		}
	}
	for _, good := range [][2]string{
		{"cmd/vitalsign", "internal/report"}, {"checks/secrets", "checks/child"}, {"checks/child", "internal/sandbox"},
		{"pipelines/local", "pipelines"}, {"internal/judge", "checks"}, {"attest/policy", "attest"}, {"internal/chain", "internal/judge"}, {"checks/all", "checks/secrets"},
	} {
		if !allowed(good[0], good[1]) {
			t.Errorf("%s may not import %s", good[0], good[1])
		}
	}
}

// Scanners are linked by one program only.
func TestOnlyChecksLinkScanners(t *testing.T) {
	scanners := []string{
		"github.com/zricethezav/gitleaks", "github.com/securego/gosec", "github.com/aquasecurity/trivy", "github.com/google/osv-scalibr",
	}
	for _, f := range sources(t) {
		for _, imp := range f.ast.Imports {
			for _, s := range scanners {
				if strings.Contains(imp.Path.Value, s) && !strings.HasPrefix(f.pkg, "checks/") {
					t.Errorf("%s imports %s", f.path, imp.Path.Value)
				}
			}
		}
	}
}

// Dagger is known in one room.
func TestOnlyOneRoomKnowsDagger(t *testing.T) {
	for _, f := range sources(t) {
		for _, imp := range f.ast.Imports {
			if strings.Contains(imp.Path.Value, "dagger.io/dagger") && !under(f.pkg, "pipelines/dagger") {
				t.Errorf("%s imports %s", f.path, imp.Path.Value)
			}
		}
	}
}

// Below cmd nobody reads the clock, the environment, or ends the program: the
// same input gives the same answer.
func TestNoClockEnvironmentOrExitBelowCmd(t *testing.T) {
	forbidden := map[string][]string{
		"time": {"Now", "Since", "Until"},
		"os":   {"Getenv", "LookupEnv", "Environ", "Setenv", "Unsetenv", "Exit", "UserHomeDir", "UserConfigDir", "UserCacheDir", "Getwd"},
		"log":  {"Fatal", "Fatalf", "Fatalln"},
	}
	for _, f := range sources(t) {
		if f.test || under(f.pkg, "cmd") || f.ast.Name.Name == "main" || slices.Contains(testPackages(), f.pkg) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			if ok && id.Obj == nil && slices.Contains(forbidden[id.Name], sel.Sel.Name) {
				t.Errorf("%s uses %s.%s", f.path, id.Name, sel.Sel.Name)
			}
			return true
		})
	}
}

// No init() and no blank import in our code: what is linked is written down.
func TestNoHiddenRegistries(t *testing.T) {
	for _, f := range sources(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init()", f.path)
			}
		}
		for _, imp := range f.ast.Imports {
			// Sigstore's KMS providers register themselves: one file of cmd lists them.
			if f.path == "cmd/vitalsign/kms.go" && strings.HasPrefix(imp.Path.Value, `"github.com/sigstore/sigstore/pkg/signature/kms/`) {
				continue
			}
			if imp.Name != nil && imp.Name.Name == "_" && imp.Path.Value != `"embed"` && imp.Path.Value != `"modernc.org/sqlite"` {
				t.Errorf("%s imports %s for its side effects", f.path, imp.Path.Value)
			}
		}
	}
}

// Every folder of a check is on the one list.
func TestEveryCheckIsListed(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", "..", "checks"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join("..", "..", "checks", "all", "all.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() || slices.Contains([]string{"all", "child", "checktest", "supervise", "testdata"}, e.Name()) {
			continue
		}
		if !strings.Contains(string(list), strconv.Quote(module+"checks/"+e.Name())) {
			t.Errorf("checks/%s is not in checks/all", e.Name())
		}
	}
}

// testPackages are for tests only.
func testPackages() []string {
	return []string{"checks/checktest", "pipelines/dagger/daggertest", "attest/attesttest", "internal/store/storetest", "internal/forge/forgetest"}
}

func TestTestPackagesAreForTests(t *testing.T) {
	for _, f := range sources(t) {
		for _, imp := range f.ast.Imports {
			for _, p := range testPackages() {
				if imp.Path.Value == strconv.Quote(module+p) && !f.test {
					t.Errorf("%s imports %s and is no test", f.path, p)
				}
			}
		}
	}
}

// Each direct dependency says in ARCHITECTURE.md what it is for.
func TestEveryDependencyHasItsLine(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	paper, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.SplitSeq(string(mod), "\n") {
		f := strings.Fields(line)
		if len(f) != 2 || !strings.HasPrefix(line, "\t") || !strings.HasPrefix(f[1], "v") {
			continue // only direct ones have no comment behind them
		}
		direct++
		if !strings.Contains(string(paper), f[0]) {
			t.Errorf("ARCHITECTURE.md has no line for %s", f[0])
		}
	}
	if direct < 15 {
		t.Errorf("only %d direct dependencies found: this test looks in the wrong place", direct)
	}
}

// The dashboard's model reaches the world through its interfaces only: it can
// open neither files nor connections nor the store, so Update does no input or
// output. (os/exec is there for a type: the editor's command is made in cmd.)
func TestDashboardOpensNothing(t *testing.T) {
	looked := 0
	for _, f := range sources(t) {
		if !under(f.pkg, "tui") || f.test {
			continue
		}
		looked++
		for _, imp := range f.ast.Imports {
			to, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			ours, _ := strings.CutPrefix(to, module)
			if slices.Contains([]string{"os", "net", "net/http", "io/fs", "path/filepath", "database/sql", "syscall"}, to) ||
				slices.Contains([]string{"internal/store", "internal/git", "internal/proc", "internal/fleet", "internal/forge", "internal/wholefile"}, ours) {
				t.Errorf("%s imports %s", f.path, to)
			}
		}
	}
	if looked < 10 {
		t.Fatalf("only %d files of tui found", looked)
	}
}
