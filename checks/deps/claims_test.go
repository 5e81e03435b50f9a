package deps

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// present is a path of a small file, as scalibr's readers ask about it.
type present string

func (p present) Path() string { return string(p) }
func (p present) Stat() (fs.FileInfo, error) {
	return fstest.MapFS{"f": {Data: []byte("x")}}.Stat("f")
}

// names are what scalibr's readers wait for, by their own documentation, in
// folders that matter to some of them, and near misses.
func names() []string {
	base := []string{
		"conan.lock", "pubspec.lock", "App.csproj", "App.vbproj", "App.fsproj", "App.deps.json", "Directory.Packages.props", "Directory.Build.props",
		"packages.config", "packages.lock.json", "paket.lock", "paket.dependencies", "project.assets.json", "mix.lock", "gleam.toml",
		"go.mod", "go.sum", "go.work", "modules.txt", "cabal.project.freeze", "stack.yaml.lock", "app.jar", "app.war", "app.ear", "App.JAR", "x.jmod",
		"x.par", "x.sar", "x.jpi", "x.hpi", "x.lpkg", "x.nar", "gradle.lockfile", "buildscript-gradle.lockfile", "verification-metadata.xml",
		"libs.versions.toml", "tools.versions.toml", "pom.xml", "lib-1.0.pom", "bun.lock", "bun.lockb", "deno.json", "deno.jsonc", "deno.lock",
		"package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "Manifest.toml", "Project.toml", "composer.lock",
		"composer.json", "pdm.lock", "Pipfile.lock", "Pipfile", "poetry.lock", "pylock.toml", "pylock.dev.toml", "pyproject.toml", "requirements.txt",
		"dev-requirements.txt", "requirements-dev.txt", "requirements.in", "setup.py", "uv.lock", "x.whl", "x.egg", "x.egg-info", "METADATA", "PKG-INFO",
		"renv.lock", "Gemfile.lock", "gems.locked", "x.gemspec", "Cargo.lock", "Cargo.toml", "Package.resolved", "Podfile.lock", "x.txt", "main.go",
	}
	var out []string
	for _, dir := range []string{"", "a/", "node_modules/x/", "vendor/", "a/vendor/", "gradle/", "x.dist-info/", "x.egg-info/", "x.egg/EGG-INFO/", "EGG-INFO/", "fooEGG-INFO/", "envs/x/conda-meta/"} {
		for _, b := range base {
			out = append(out, dir+b)
		}
	}
	return out
}

func claimSet(t *testing.T) *checks.ClaimSet {
	t.Helper()
	set, err := checks.NewClaimSet(claims())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// What any reader wants is claimed, so that it is accounted for.
func TestNothingIsReadUnclaimed(t *testing.T) {
	set, c, wanted := claimSet(t), newCheck(t), map[string]bool{}
	for _, n := range names() {
		for _, e := range c.extractors {
			if e.FileRequired(present(n)) {
				wanted[e.Name()] = true
				if ok, _ := set.Match(n); !ok {
					t.Errorf("%s reads %s, which is not claimed", e.Name(), n)
				}
			}
		}
	}
	for _, e := range c.extractors {
		if !wanted[e.Name()] {
			t.Errorf("no name in this test is read by %s", e.Name())
		}
	}
}

// The same over scalibr's own test files, which are in the module cache.
func TestNothingOfScalibrsOwnIsReadUnclaimed(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/osv-scalibr").Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		t.Skipf("the go command does not say where scalibr's source is: %v", err)
	}
	set, c, n := claimSet(t), newCheck(t), 0
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		for _, e := range c.extractors {
			if e.FileRequired(present(rel)) {
				n++
				if ok, _ := set.Match(rel); !ok {
					t.Errorf("%s reads %s, which is not claimed", e.Name(), rel)
				}
			}
		}
		return nil
	})
	if err != nil || n < 100 {
		t.Errorf("%d files, %v", n, err)
	}
}

// Every lock file that a manifest waits for is one that is claimed.
func TestManifestsNameLocksThatAreClaimed(t *testing.T) {
	set := claimSet(t)
	for _, m := range manifests() {
		for _, lock := range m.locks {
			if ok, _ := set.Match("a/" + lock); !ok {
				t.Errorf("%s waits for %s, which is not claimed", m.pattern, lock)
			}
		}
		if m.kind == "" || m.why == "" || m.pattern != strings.ToLower(m.pattern) {
			t.Errorf("%+v lacks something", m)
		}
	}
	for _, l := range lockFiles() {
		if slices.Contains(mixedFiles(), l) {
			t.Errorf("%s is claimed in two ways", l)
		}
	}
}
