package checks

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Component is a package that the target names in its lock files, manifests or
// archives, vulnerable or not (CycloneDX 1.6 calls it component, SPDX 2.3
// package).
type Component struct {
	// Ecosystem is as OSV writes it ("Go", "npm"), or the type of its package
	// URL where OSV has no name for it.
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
	// Version is empty where no file says which one is used.
	Version string `json:"version,omitempty"`
	PURL    string `json:"purl,omitempty"`
	// Dev says that every mention of it is for development only.
	Dev bool `json:"dev,omitempty"`
	// Locations are the files that name it, relative to the target's root.
	Locations []string `json:"locations"`
}

// Bounds of one component, in bytes, and on how many files are named for it.
const (
	maxComponentEcosystem = 64
	maxComponentName      = 1024
	maxComponentVersion   = 256
	maxComponentPURL      = 4096
	// MaxComponentLocations keeps a record within a line that the parent takes.
	MaxComponentLocations = 1000
)

// Sound says whether a component is within bounds, has a name, and is named by
// a file. Package URL: ECMA-427, "pkg:" and no white space or control character.
func (c Component) Sound() bool {
	within := func(s string, n int) bool { return len(s) <= n && utf8.ValidString(s) }
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f }
	return c.Name != "" && c.Ecosystem != "" && len(c.Locations) > 0 && len(c.Locations) <= MaxComponentLocations &&
		within(c.Ecosystem, maxComponentEcosystem) && within(c.Name, maxComponentName) &&
		within(c.Version, maxComponentVersion) && within(c.PURL, maxComponentPURL) &&
		(c.PURL == "" || strings.HasPrefix(c.PURL, "pkg:") && !strings.ContainsFunc(c.PURL, bad))
}

// CompareComponents orders components the same way on every machine. Two that
// are equal by it are one component: the package URL says so, or, where there
// is none, ecosystem, name and version.
func CompareComponents(a, b Component) int {
	if a.PURL != "" && a.PURL == b.PURL {
		return 0
	}
	return cmp.Or(
		// The package URL first, because two spellings of a name (PyPI) share one.
		strings.Compare(a.PURL, b.PURL), strings.Compare(a.Ecosystem, b.Ecosystem),
		strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version),
	)
}

// MergeComponents makes one sorted list: a component that several files or
// checks name is there once, with all its locations up to
// MaxComponentLocations. Merging again changes nothing.
func MergeComponents(in []Component) []Component {
	sorted := slices.Clone(in)
	slices.SortFunc(sorted, func(a, b Component) int {
		return cmp.Or(CompareComponents(a, b), strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version), strings.Compare(a.Ecosystem, b.Ecosystem))
	})
	out := sorted[:0]
	for _, c := range sorted {
		c.Locations = slices.Clone(c.Locations)
		if n := len(out); n > 0 && CompareComponents(out[n-1], c) == 0 {
			out[n-1].Dev = out[n-1].Dev && c.Dev
			out[n-1].Locations = append(out[n-1].Locations, c.Locations...)
			continue
		}
		out = append(out, c)
	}
	for i := range out {
		slices.Sort(out[i].Locations)
		out[i].Locations = slices.Compact(out[i].Locations)
		out[i].Locations = out[i].Locations[:min(len(out[i].Locations), MaxComponentLocations)]
	}
	return out
}
