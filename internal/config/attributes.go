package config

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// AttributesFile is where linguist's overrides stand, at the repository's root.
const AttributesFile = ".gitattributes"

// Attributes are the roles that .gitattributes gives (linguist's documentation,
// "Overrides": linguist-generated and linguist-vendored). The zero value gives
// none.
type Attributes struct{ lines []attributeLine }

type attributeLine struct {
	pattern gitignore.Pattern
	// roles holds what the line says of a role: given or taken back.
	roles map[string]bool
}

// ParseAttributes reads a .gitattributes file. Lines without a linguist
// attribute, and macros, are passed over; more than MaxSize bytes are an error
// of whoever read them, not of this.
func ParseAttributes(data []byte) Attributes {
	var a Attributes
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") || strings.HasPrefix(f[0], "[") || strings.HasPrefix(f[0], "!") {
			continue // gitattributes(5) knows no negative patterns
		}
		roles := map[string]bool{}
		for _, attr := range f[1:] {
			name, value, _ := strings.Cut(attr, "=")
			off := strings.HasPrefix(name, "-") || value == "false"
			switch strings.TrimPrefix(name, "-") {
			case "linguist-generated":
				roles[inventory.RoleGenerated] = !off
			case "linguist-vendored":
				roles[inventory.RoleVendored] = !off
			}
		}
		if len(roles) > 0 && len(a.lines) < maxAttributes {
			a.lines = append(a.lines, attributeLine{gitignore.ParsePattern(f[0], nil), roles})
		}
	}
	return a
}

// maxAttributes bounds how many lines are held against every path.
const maxAttributes = 1000

// Role gives the role of a path (slash-separated, from the root), "" where no
// line speaks. The last line that speaks of a role decides; vendored comes
// before generated.
func (a Attributes) Role(path string) string {
	if len(a.lines) == 0 {
		return ""
	}
	parts := strings.Split(path, "/")
	said := map[string]bool{}
	for _, l := range a.lines {
		if l.pattern.Match(parts, false) != gitignore.Exclude {
			continue
		}
		for role, on := range l.roles {
			said[role] = on
		}
	}
	for _, role := range []string{inventory.RoleVendored, inventory.RoleGenerated} {
		if said[role] {
			return role
		}
	}
	return ""
}
