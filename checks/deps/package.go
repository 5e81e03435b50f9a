package deps

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/requirements"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/setup"
	"github.com/google/osv-scalibr/semantic"

	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
)

const (
	ecoGo    = "Go"
	ecoNPM   = "npm"
	ecoMaven = "Maven"
	// goStdlib is the name under which the Go database has the standard
	// library (https://go.dev/doc/security/vuln/database, affected packages).
	goStdlib = "stdlib"
	// maxVersionLength bounds what is handed to version parsers, in bytes.
	maxVersionLength = 256
	maxNameLength    = 1024
)

// dependency is a package at a version, in a file.
type dependency struct {
	ecosystem string // as OSV writes it, without a suffix
	name      string // as the file writes it
	version   string // as versions are compared
	written   string // as the file writes it
	purl      string
	path      string
	line      int // 0 when unknown
	dev       bool
	// declared says that the version is a lower bound of what is used: the go
	// line of a go.mod.
	declared bool
	canary   bool
}

// dependency turns what a reader said into what is matched. What cannot be
// matched is noted, or is nobody's dependency.
func (r *reading) dependency(reader, p string, pkg *extractor.Package) (d dependency, ok bool) {
	if ownPackage(reader, p, pkg) {
		return d, false
	}
	d = dependency{
		ecosystem: string(pkg.Ecosystem().Ecosystem), name: pkg.Name, version: strings.TrimSpace(pkg.Version), written: strings.TrimSpace(pkg.Version),
		canary: r.tree.Canary(p), dev: development(pkg),
	}
	d.path, d.line = r.pathOf(p, pkg)
	if d.ecosystem == ecoGo {
		d.goVersion()
	}
	r.component(d, pkg)
	example := d.path + ": " + d.name
	switch {
	case !slices.Contains(osvdb.Usual(), d.ecosystem):
		r.notes.add(kindOf(pkg)+" packages", "no advisory database that is read here", "", example)
	case d.ecosystem == ecoMaven && d.name == "unknown":
		r.notes.add("Java archives that do not say what they are", "neither a pom nor a manifest names a package", "", d.path)
	case len(d.name) > maxNameLength || len(d.version) > maxVersionLength:
		r.notes.add("packages with a name or version of absurd length", "not matched", "", d.path)
	case d.version == "":
		r.notes.add(d.ecosystem+" packages without a version", "nothing says which version is used", "", example)
	case !pinned(pkg):
		r.notes.add(d.ecosystem+" requirements without an exact version", "the version is decided at install time", pinCommand(d.ecosystem), example+" "+pkg.Version)
	case !canCompare(d.ecosystem, d.version):
		r.notes.add(d.ecosystem+" packages whose version cannot be compared", "not a version of this ecosystem", "", example+" "+d.version)
	default:
		if u := pkg.PURL(); u != nil {
			d.purl = u.String()
		}
		return d, true
	}
	return d, false
}

// ownPackage: what names the project itself or a part of it, not a dependency.
func ownPackage(reader, p string, pkg *extractor.Package) bool {
	switch {
	case reader == "javascript/packagejson":
		return !slices.Contains(strings.Split(path.Dir(p), "/"), "node_modules")
	case pkg.Version == "" && pkg.Ecosystem().Ecosystem == ecoGo:
		// A replace directive with a folder.
		return strings.HasPrefix(pkg.Name, ".") || strings.HasPrefix(pkg.Name, "/")
	case pkg.Version == "" && pkg.Ecosystem().Ecosystem == ecoNPM:
		// A workspace's own package or link; one fetched from git has a commit.
		return pkg.SourceCode == nil || pkg.SourceCode.Commit == ""
	}
	return strings.HasSuffix(pkg.Version, "-use.local") // a yarn workspace
}

// goRelease is a version of Go itself: 1.21, 1.21rc2, 1.21.3.
var goRelease = regexp.MustCompile(`^([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(?:(rc|beta)([0-9]+))?$`)

// goVersion writes a version of Go itself the way the Go database does: as a
// semantic version (https://go.dev/doc/toolchain#version against
// https://go.dev/doc/security/vuln/database).
func (d *dependency) goVersion() {
	if d.name == "go" || d.name == "toolchain" {
		d.name = goStdlib
	}
	if d.name != goStdlib {
		return
	}
	d.declared = true
	m := goRelease.FindStringSubmatch(d.version)
	if m == nil {
		return
	}
	patch := m[3]
	if patch == "" {
		patch = "0"
	}
	d.version = m[1] + "." + m[2] + "." + patch
	if m[4] != "" {
		d.version += "-" + m[4] + "." + m[5]
	}
}

// development says whether every group that a package is in is for
// development only, as scalibr names them.
func development(pkg *extractor.Package) bool {
	g, ok := pkg.Metadata.(interface{ DepGroups() []string })
	if !ok || len(g.DepGroups()) == 0 {
		return false
	}
	for _, name := range g.DepGroups() {
		if !slices.Contains([]string{"dev", "development", "test", "build-requires", "build"}, name) {
			return false
		}
	}
	return true
}

// constraint finds what no exact version has: operators, wildcards, intervals.
var constraint = regexp.MustCompile(`[\^~<>=*|,()\[\]\s]|\+$|^latest`)

// pinned says whether the version is the one that will be used.
func pinned(pkg *extractor.Package) bool {
	comparator := "=="
	switch m := pkg.Metadata.(type) {
	case *requirements.Metadata:
		comparator = m.VersionComparator
	case *setup.Metadata:
		comparator = m.VersionComparator
	}
	return strings.HasPrefix(comparator, "==") && !constraint.MatchString(strings.TrimSpace(pkg.Version)) && !strings.HasPrefix(pkg.Version, "${")
}

func pinCommand(ecosystem string) string {
	if ecosystem == "PyPI" {
		return "pip freeze"
	}
	return ""
}

// canCompare says whether scalibr can order this version.
func canCompare(ecosystem, v string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false // a parser's bug is no order
		}
	}()
	_, err := semantic.Parse(v, ecosystem)
	return err == nil
}

func kindOf(pkg *extractor.Package) string {
	if pkg.PURLType == "" {
		return "unnamed"
	}
	return pkg.PURLType
}
