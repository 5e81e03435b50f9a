package deps

import (
	"net/url"
	"strings"

	"github.com/google/osv-scalibr/extractor"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// component lists a package for the bill of materials, whether or not it can
// be matched: what has no advisories is there all the same. A version that is
// decided at install time is no version.
func (r *reading) component(d dependency, pkg *extractor.Package) {
	if d.ecosystem == ecoMaven && d.name == "unknown" {
		return // an archive that does not say what it is: noted as unread
	}
	c := checks.Component{Ecosystem: d.ecosystem, Name: withoutUser(d.name), Version: d.written, Dev: d.dev, Locations: []string{d.path}}
	if c.Ecosystem == "" {
		c.Ecosystem = kindOf(pkg)
	}
	// An address is where something was fetched, with whatever token that took.
	if !pinned(pkg) || strings.Contains(c.Version, "://") {
		c.Version = ""
	}
	c.PURL = packageURL(pkg, c)
	if !c.Sound() {
		c.PURL = ""
	}
	if !c.Sound() {
		r.notes.add("packages that cannot be listed", "no name, or one of absurd length", "", d.path)
		return
	}
	r.components = append(r.components, c)
}

// packageURL is the package URL (ECMA-427) of a component: scalibr's, with no
// version where the component has none.
func packageURL(pkg *extractor.Package, c checks.Component) string {
	u := pkg.PURL()
	if u == nil || c.Name != pkg.Name && strings.Contains(pkg.Name, "://") {
		return ""
	}
	if c.Version == "" {
		u.Version = ""
	}
	return u.String()
}

// withoutUser drops user and password from a name that is an address, as
// Swift's are.
func withoutUser(name string) string {
	u, err := url.Parse(name)
	if err != nil || u.User == nil {
		return name
	}
	u.User = nil
	return u.String()
}
