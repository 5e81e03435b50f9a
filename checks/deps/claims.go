package deps

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// lockFiles are always of their kind, by name: one that cannot be parsed makes
// the step partial.
func lockFiles() []string {
	return []string{
		"**/conan.lock", "**/pubspec.lock", "**/packages.lock.json", "**/packages.config", "**/paket.lock",
		"**/project.assets.json", "**/mix.lock", "**/go.mod", "**/vendor/modules.txt", "**/cabal.project.freeze",
		"**/stack.yaml.lock", "**/gradle.lockfile", "**/buildscript-gradle.lockfile", "**/gradle/verification-metadata.xml",
		"**/pom.xml", "**/bun.lock", "**/package-lock.json", "**/npm-shrinkwrap.json", "**/pnpm-lock.yaml", "**/yarn.lock",
		"**/composer.lock", "**/pdm.lock", "**/pipfile.lock", "**/poetry.lock", "**/pylock.toml", "**/pylock.*.toml",
		"**/uv.lock", "**/renv.lock", "**/gemfile.lock", "**/gems.locked", "**/cargo.lock", "**/package.resolved", "**/podfile.lock",
	}
}

// mixedFiles may or may not be what their name says; scalibr looks into them.
func mixedFiles() []string {
	return []string{
		"**/*.csproj", "**/*.vbproj", "**/*.fsproj", "**/*.deps.json", "**/directory.packages.props", "**/directory.build.props",
		"**/libs.versions.toml", "**/gradle/*.versions.toml", "**/*.pom", "**/deno.json", "**/package.json",
		"**/manifest.toml", "**/pyproject.toml", "**/*requirements*.txt", "**/setup.py",
		"**/*.whl", "**/*.egg", "**/*.egg-info", "**/*egg-info/pkg-info", "**/*.dist-info/metadata",
		"**/*.jar", "**/*.war", "**/*.ear", "**/*.jmod", "**/*.par", "**/*.sar", "**/*.jpi", "**/*.hpi", "**/*.lpkg", "**/*.nar",
	}
}

// unreadableLocks are lock files that no reader here knows, and what to do.
func unreadableLocks() map[string]string {
	return map[string]string{
		"bun.lockb":      "bun install --save-text-lockfile",
		"deno.lock":      "",
		"pixi.lock":      "",
		"conda-lock.yml": "",
	}
}

// claims are all of these, and the manifests.
func claims() []checks.Claim {
	var out []checks.Claim
	taken := map[string]bool{}
	add := func(pattern string, exact bool) {
		if !taken[pattern] {
			taken[pattern] = true
			out = append(out, checks.Claim{Pattern: pattern, Exact: exact})
		}
	}
	for _, p := range lockFiles() {
		add(p, true)
	}
	for _, p := range mixedFiles() {
		add(p, false)
	}
	for _, m := range manifests() {
		add("**/"+m.pattern, false)
	}
	for _, name := range sortedKeys(unreadableLocks()) {
		add("**/"+name, false)
	}
	return out
}

// manifest is a file that says what is wanted; what is used stands in a lock file.
type manifest struct {
	// pattern of the base name in lower case: a name, or "*" and a suffix.
	pattern string
	kind    string
	// needle is a text without which the file declares no dependency; see
	// declares for package.json.
	needle string
	// locks are lock files that cover it, beside it or in a folder above.
	locks []string
	// direct says that versions in the manifest itself are matched, so that
	// only what they bring with them is unknown.
	direct bool
	why    string
	// command makes a lock file that is read here.
	command string
}

const whyInstall = "no lock file: the versions are decided at install time"

// manifests, each with the lock files that its own documentation names.
func manifests() []manifest {
	python := []string{"poetry.lock", "uv.lock", "pdm.lock", "pylock.toml", "requirements.txt", "Pipfile.lock"}
	gradle := []string{"gradle.lockfile", "gradle/verification-metadata.xml"}
	nuget := []string{"packages.lock.json", "obj/project.assets.json", "paket.lock"}
	noGradle := "no lock file: Gradle decides the versions at build time"
	noNuget := "no lock file: only direct dependencies are known"
	return []manifest{
		{"package.json", "npm manifests", "", []string{"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"}, false, whyInstall, "npm install --package-lock-only"},
		{"cargo.toml", "Cargo manifests", "dependencies", []string{"Cargo.lock"}, false, whyInstall, "cargo generate-lockfile"},
		{"gemfile", "Gemfiles", "gem ", []string{"Gemfile.lock"}, false, whyInstall, "bundle lock"},
		{"gems.rb", "Gemfiles", "gem ", []string{"gems.locked"}, false, whyInstall, "bundle lock"},
		{"composer.json", "Composer manifests", "\"require", []string{"composer.lock"}, false, whyInstall, "composer update --no-install"},
		{"pipfile", "Pipfiles", "packages]", []string{"Pipfile.lock"}, false, whyInstall, "pipenv lock"},
		{"pyproject.toml", "Python manifests", "dependencies", python, false, whyInstall, "uv lock"},
		{"setup.py", "Python manifests", "install_requires", python, false, whyInstall, "uv lock"},
		{"setup.cfg", "Python manifests", "install_requires", python, false, whyInstall, "uv lock"},
		{"environment.yml", "Conda environments", "dependencies:", nil, false, "no reader for Conda", ""},
		{"environment.yaml", "Conda environments", "dependencies:", nil, false, "no reader for Conda", ""},
		{"pubspec.yaml", "Dart manifests", "dependencies:", []string{"pubspec.lock"}, false, whyInstall, "dart pub get"},
		{"mix.exs", "Mix manifests", "deps", []string{"mix.lock"}, false, whyInstall, "mix deps.get"},
		{"gleam.toml", "Gleam manifests", "dependencies", nil, false, "no reader for Gleam's lock file", ""},
		{"package.swift", "Swift manifests", ".package(", []string{"Package.resolved"}, false, whyInstall, "swift package resolve"},
		{"podfile", "Podfiles", "pod ", []string{"Podfile.lock"}, false, whyInstall, "pod install"},
		{"conanfile.txt", "Conan manifests", "requires", []string{"conan.lock"}, false, whyInstall, "conan lock create ."},
		{"conanfile.py", "Conan manifests", "requires", []string{"conan.lock"}, false, whyInstall, "conan lock create ."},
		{"stack.yaml", "Stack manifests", "extra-deps", []string{"stack.yaml.lock"}, false, whyInstall, "stack build --dry-run"},
		{"cabal.project", "Cabal manifests", "packages", []string{"cabal.project.freeze"}, false, whyInstall, "cabal freeze"},
		{"build.gradle", "Gradle builds", "dependencies", gradle, false, noGradle, "gradle dependencies --write-locks"},
		{"build.gradle.kts", "Gradle builds", "dependencies", gradle, false, noGradle, "gradle dependencies --write-locks"},
		{"pom.xml", "Maven projects", "<dependency>", nil, true, "a pom names direct dependencies only, and not always their versions: scan what Maven built (jar, war), too", ""},
		{"paket.dependencies", "Paket manifests", "nuget ", []string{"paket.lock"}, false, whyInstall, "dotnet paket install"},
		{"*.csproj", ".NET projects", "PackageReference", nuget, true, noNuget, "dotnet restore --use-lock-file"},
		{"*.vbproj", ".NET projects", "PackageReference", nuget, true, noNuget, "dotnet restore --use-lock-file"},
		{"*.fsproj", ".NET projects", "PackageReference", nuget, true, noNuget, "dotnet restore --use-lock-file"},
		{"deno.json", "Deno manifests", "imports", nil, true, "no reader for deno.lock: only direct dependencies are known", ""},
	}
}

// manifestOf finds the manifest kind of a path.
func manifestOf(p string) (manifest, bool) {
	base := strings.ToLower(path.Base(p))
	for _, m := range manifests() {
		suffix, any := strings.CutPrefix(m.pattern, "*")
		if base == m.pattern || any && strings.HasSuffix(base, suffix) {
			return m, true
		}
	}
	return manifest{}, false
}

// declares says whether the content names dependencies.
func (m manifest) declares(content []byte) bool {
	if m.pattern != "package.json" {
		return bytes.Contains(content, []byte(m.needle))
	}
	// https://docs.npmjs.com/cli/v11/configuring-npm/package-json
	var p struct {
		Dependencies         map[string]any `json:"dependencies"`
		DevDependencies      map[string]any `json:"devDependencies"`
		OptionalDependencies map[string]any `json:"optionalDependencies"`
		PeerDependencies     map[string]any `json:"peerDependencies"`
	}
	// One that cannot be parsed is named by its reader.
	return json.Unmarshal(content, &p) == nil &&
		len(p.Dependencies)+len(p.DevDependencies)+len(p.OptionalDependencies)+len(p.PeerDependencies) > 0
}

// locked says whether a lock file covers the manifest at p: in its folder or
// above, because workspaces have one lock file at their top.
func (m manifest) locked(t *child.Tree, p string) bool {
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		for _, lock := range m.locks {
			if t.Size(path.Join(dir, lock)) >= 0 {
				return true
			}
		}
		if dir == "." || dir == "/" {
			return false
		}
	}
}
