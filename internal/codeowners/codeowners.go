// Package codeowners reads who owns a directory from a CODEOWNERS file, which
// may come from a hostile repository. What it cannot make sense of it passes
// over: an owner is a name in a report and decides nothing.
package codeowners

import (
	"bufio"
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Files are the places of a repository where a file may lie; the first that is
// there counts, as on GitHub.
func Files() []string {
	return []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}
}

// Bounds of a file and of what is taken from a line of it.
const (
	MaxSize    = 1 << 20 // bytes
	maxRules   = 10_000
	maxPattern = 256 // bytes
	maxStars   = 16  // in a pattern: each may cost as much as all before it
	maxOwners  = 10
)

// ownerRE is a user, a team or a mail address.
var ownerRE = regexp.MustCompile(`^(?:@[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}|[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9.-]{1,100})$`)

// Rules are the lines of a file that say something, in its order.
type Rules []rule

type rule struct {
	pattern string
	// shallow says that the pattern is about files of one directory and not
	// about what lies below it (docs/*).
	shallow bool
	owners  []string
}

// Parse reads the rules of a file. More than MaxSize bytes, and lines beyond the
// ten thousandth rule, are not read.
func Parse(data []byte) Rules {
	var rules Rules
	lines := bufio.NewScanner(bytes.NewReader(data[:min(len(data), MaxSize)]))
	lines.Buffer(nil, MaxSize+1)
	for lines.Scan() && len(rules) < maxRules {
		if r, ok := parse(lines.Text()); ok {
			rules = append(rules, r)
		}
	}
	return rules
}

// parse reads a line; false where it says nothing. A pattern without an owner
// says that nobody owns what it names.
func parse(line string) (rule, bool) {
	words := fields(line)
	if len(words) == 0 {
		return rule{}, false
	}
	p := words[0]
	// Negation and ranges are not of the format, and a section of GitLab's
	// begins with a bracket.
	if len(p) > maxPattern || strings.Count(p, "*") > maxStars || strings.ContainsAny(p[:1], "!^") || strings.ContainsAny(p, "[]") {
		return rule{}, false
	}
	r := rule{shallow: strings.HasSuffix(p, "/*")}
	anchored := strings.Contains(strings.TrimSuffix(p, "/"), "/")
	p = strings.Trim(p, "/")
	if p == "" {
		return rule{}, false
	}
	// Braces mean themselves.
	p = strings.NewReplacer("{", `\{`, "}", `\}`).Replace(p)
	if !anchored {
		p = "**/" + p
	}
	if !doublestar.ValidatePattern(p) {
		return rule{}, false
	}
	r.pattern = p
	for _, w := range words[1:] {
		if ownerRE.MatchString(w) && len(r.owners) < maxOwners {
			r.owners = append(r.owners, w)
		}
	}
	return r, true
}

// fields splits a line at white space that no backslash is before, and ends it
// at a comment.
func fields(line string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && i+1 < len(line) && strings.IndexByte(" \t#", line[i+1]) >= 0:
			i++
			word.WriteByte(line[i])
		case c == '#' && word.Len() == 0:
			return words
		case c == ' ' || c == '\t' || c == '\r':
			end()
		default:
			word.WriteByte(c)
		}
	}
	end()
	return words
}

// OfDirectory gives the owners of a directory (relative to the repository's
// root, with / between directories): those of a file in it that no pattern names
// by itself. The last rule that matches counts; "" where there is none, or where
// it names nobody.
func (rs Rules) OfDirectory(dir string) string {
	file := path.Join(dir, "\x00") // no file is called that
	for i := len(rs) - 1; i >= 0; i-- {
		if rs[i].matches(file) {
			return strings.Join(rs[i].owners, " ")
		}
	}
	return ""
}

// matches says whether a rule names a file, or a directory above it.
func (r rule) matches(file string) bool {
	for at := file; at != "."; at = path.Dir(at) {
		if ok, err := doublestar.Match(r.pattern, at); err == nil && ok {
			return true
		}
		if r.shallow {
			return false
		}
	}
	return false
}
