package checks

import (
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// ClaimSet answers which files a check promises to account for. Parent and
// child ask the same one, so that neither can claim less than the other.
type ClaimSet struct {
	all      bool
	suffixes []suffixClaim
	names    map[string]bool // base name to exact
	globs    []Claim
}

type suffixClaim struct {
	suffix string
	exact  bool
}

// NewClaimSet compiles claims. A malformed pattern is an error.
func NewClaimSet(claims []Claim) (*ClaimSet, error) {
	s := &ClaimSet{names: map[string]bool{}}
	for _, c := range claims {
		rest, anyDir := strings.CutPrefix(c.Pattern, "**/")
		switch {
		case !doublestar.ValidatePattern(c.Pattern) || c.Pattern != strings.ToLower(c.Pattern):
			return nil, fmt.Errorf("claim %q is not a lower-case doublestar pattern", c.Pattern)
		case c.Pattern == "**":
			s.all = true
		case anyDir && !strings.ContainsAny(rest, `*?[{\/`):
			s.names[rest] = c.Exact
		case anyDir && strings.HasPrefix(rest, "*.") && !strings.ContainsAny(rest[1:], `*?[{\/`):
			s.suffixes = append(s.suffixes, suffixClaim{rest[1:], c.Exact})
		default:
			s.globs = append(s.globs, c)
		}
	}
	return s, nil
}

// Match says whether a path is claimed, and whether by exact name.
func (s *ClaimSet) Match(p string) (claimed, exact bool) {
	lower := strings.ToLower(p)
	claimed = s.all
	if e, ok := s.names[path.Base(lower)]; ok {
		claimed, exact = true, e
	}
	for _, c := range s.suffixes {
		if strings.HasSuffix(lower, c.suffix) {
			claimed, exact = true, exact || c.exact
		}
	}
	for _, c := range s.globs {
		if doublestar.MatchUnvalidated(c.Pattern, lower) {
			claimed, exact = true, exact || c.Exact
		}
	}
	return claimed, exact
}
