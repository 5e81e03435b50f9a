package config

import (
	"github.com/bmatcuk/doublestar/v4"

	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// Roles gives the role that Paths gives a path (slash-separated, from the
// root), or "" where no pattern speaks. A path under several is vendored
// before generated before test, the order in which the inventory asks itself.
func (s Settings) Roles(path string) string {
	for _, role := range []string{inventory.RoleVendored, inventory.RoleGenerated, inventory.RoleTest} {
		for _, pattern := range s.Paths[role] {
			if doublestar.MatchUnvalidated(pattern, path) {
				return role
			}
		}
	}
	return ""
}
