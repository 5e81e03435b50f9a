package forge

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Filter chooses repositories. Its zero value takes all that are neither
// archived nor forks.
type Filter struct {
	// Topics takes those with any of these, where there are some.
	Topics []string `json:"topics,omitempty"`
	// Archived and Forks take those too.
	Archived bool `json:"archived,omitempty"`
	Forks    bool `json:"forks,omitempty"`
	// Match and Exclude are globs (path.Match) over the name, or over
	// OWNER/NAME where there is a slash in them.
	Match   []string `json:"match,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
}

// Check refuses a glob that matches nothing because it is malformed.
func (f Filter) Check() error {
	for _, p := range slices.Concat(f.Match, f.Exclude) {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return fmt.Errorf("%q is not a glob such as 'portal-*' or 'acme/*-api'", p)
		}
	}
	return nil
}

// Leaves says in words why a repository is left out, "" when it is taken.
func (f Filter) Leaves(r Repository) string {
	switch {
	case r.Archived && !f.Archived:
		return "archived"
	case r.Fork && !f.Forks:
		return "a fork"
	case len(f.Topics) > 0 && !slices.ContainsFunc(f.Topics, func(t string) bool { return slices.Contains(r.Topics, strings.ToLower(t)) }):
		return "none of the topics"
	case len(f.Match) > 0 && !anyGlob(f.Match, r.FullName):
		return "not matched"
	case anyGlob(f.Exclude, r.FullName):
		return "excluded"
	}
	return ""
}

// anyGlob: names of GitHub are one name in any case.
func anyGlob(globs []string, full string) bool {
	full = strings.ToLower(full)
	return slices.ContainsFunc(globs, func(p string) bool {
		name := full
		if !strings.Contains(p, "/") {
			name = path.Base(full)
		}
		ok, err := path.Match(strings.ToLower(p), name)
		return ok && err == nil
	})
}
