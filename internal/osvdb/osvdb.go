// Package osvdb keeps advisories in the format of https://ossf.github.io/osv-schema/
// on disk, and finds those of a list of packages with little memory.
//
// The parent imports or downloads exports of osv.dev, checks every record, and
// writes one file per ecosystem and a manifest that names each file's digest.
// The child opens the same directory read-only. A file that is missing, cut
// short or changed is an error: no advisory found in broken data must never
// look like no advisory.
//
// # The file of an ecosystem
//
// Lines of "normalised package name, TAB, Advisory as JSON", sorted by name and
// id, cut into blocks of about 128 KiB that are zstd frames (RFC 8878). After
// the blocks comes the index (a zstd frame with JSON: each block's first name,
// offset and sizes), then a footer of 24 bytes: the magic "VSOSVDB1", the
// index's offset and its length as little-endian 64-bit numbers.
package osvdb

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// SchemaNumber is the version of what this package writes. Data of another
// number is not read.
const SchemaNumber = 1

// Errors that callers tell apart.
var (
	// ErrNoData says that there is no data of an ecosystem, or none at all.
	ErrNoData = errors.New("no advisory data")
	// ErrCorrupt says that data is there and is not what was written.
	ErrCorrupt = errors.New("the advisory data is damaged")
	// ErrBusy says that another import holds the store.
	ErrBusy = errors.New("another import or update is writing to the advisory data")
)

// Ecosystem is the manifest's entry of one ecosystem.
type Ecosystem struct {
	// Name as OSV writes it, without a suffix: "npm", "PyPI", "crates.io".
	Name string `json:"name"`
	// File is the base name of the data file; SHA256 its digest in hex, Size
	// its length in bytes.
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// Records and Packages count advisories and the packages they name.
	Records  int `json:"records"`
	Packages int `json:"packages"`
	// AsOf is the time for which the data speaks (see AsOfIs).
	AsOf time.Time `json:"as_of"`
	// AsOfIs says where AsOf comes from: AsOfDownload, AsOfStated or AsOfNewest.
	AsOfIs     string    `json:"as_of_is"`
	ImportedAt time.Time `json:"imported_at"`
	// ETag is the server's word for what was downloaded (RFC 9110 section 8.8.3).
	ETag string `json:"etag,omitempty"`
}

// The origins of Ecosystem.AsOf.
const (
	// AsOfDownload is the time at which osv.dev was asked.
	AsOfDownload = "download"
	// AsOfStated is what the person who imported it said.
	AsOfStated = "stated"
	// AsOfNewest is the newest date (modified or published) in the records:
	// the data cannot be older than what it knows.
	AsOfNewest = "newest-record"
)

// Advisory is one record, reduced to what matching and reporting need, for one
// package.
type Advisory struct {
	ID        string   `json:"id"`
	Aliases   []string `json:"aliases,omitempty"`
	Summary   string   `json:"summary,omitempty"`
	Withdrawn bool     `json:"withdrawn,omitempty"`
	// Severity holds the package's own vectors when it has some, else the record's.
	Severity []Severity `json:"severity,omitempty"`
	// Level is database_specific.severity, a word such as MODERATE.
	Level      string     `json:"level,omitempty"`
	CWE        []string   `json:"cwe,omitempty"`
	References []string   `json:"references,omitempty"`
	Affected   []Affected `json:"affected"`
}

// Severity is a score in the notation that Type names: CVSS_V2, CVSS_V3, CVSS_V4.
type Severity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

// Affected says which versions of the package are meant (schema section affected[]).
type Affected struct {
	Ranges   []Range  `json:"ranges,omitempty"`
	Versions []string `json:"versions,omitempty"`
}

// Range types of the schema (affected[].ranges[].type). Of a GIT range only the
// type is kept: packages are compared by version, not by commit.
const (
	RangeSemver    = "SEMVER"
	RangeEcosystem = "ECOSYSTEM"
	RangeGit       = "GIT"
)

// Range is a timeline of events.
type Range struct {
	Type   string  `json:"type"`
	Events []Event `json:"events,omitempty"`
}

// Event has exactly one field set (schema section affected[].ranges[].events).
type Event struct {
	Introduced   string `json:"introduced,omitempty"`
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"last_affected,omitempty"`
	Limit        string `json:"limit,omitempty"`
}

// Base cuts the suffix off an ecosystem: "Debian:12" is of "Debian" (schema
// section affected[].package).
func Base(ecosystem string) string {
	base, _, _ := strings.Cut(ecosystem, ":")
	return base
}

// FindEcosystem gives the spelling that OSV uses, for a name typed in any case.
func FindEcosystem(name string) (string, bool) {
	for _, known := range Usual() {
		if strings.EqualFold(known, name) {
			return known, true
		}
	}
	return name, ecosystemShape.MatchString(name)
}

// Usual lists the ecosystems whose lock files the deps check reads and for
// which osv.dev has an export.
func Usual() []string {
	return []string{
		"ConanCenter", "CRAN", "crates.io", "Go", "Hackage", "Hex", "Julia", "Maven",
		"npm", "NuGet", "Packagist", "Pub", "PyPI", "RubyGems", "SwiftURL",
	}
}

var (
	ecosystemShape = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 ._-]{0,63}$`)
	pypiSeparators = regexp.MustCompile(`[-_.]+`)
)

// NormalName is the form in which names of an ecosystem are compared:
// PyPI by PEP 503 (Normalized Names); NuGet, Packagist, Hex, Pub, ConanCenter
// and GitHub Actions without regard to case, as their registries do; crates.io
// without regard to case and to "-" or "_" (RFC 940, The Cargo Book); SwiftURL
// as a repository address without scheme and ".git". All others are exact: npm
// has old packages that differ by case only, and Go's and Maven's names are
// case-sensitive.
func NormalName(ecosystem, name string) string {
	switch Base(ecosystem) {
	case "PyPI":
		return strings.ToLower(pypiSeparators.ReplaceAllLiteralString(name, "-"))
	case "NuGet", "Packagist", "Hex", "Pub", "ConanCenter", "GitHub Actions":
		return strings.ToLower(name)
	case "crates.io":
		return strings.ReplaceAll(strings.ToLower(name), "_", "-")
	case "SwiftURL":
		_, rest, found := strings.Cut(name, "://")
		if !found {
			rest = name
		}
		return strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(rest, "/"), ".git"))
	}
	return name
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}
