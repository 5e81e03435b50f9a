package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxProblems is how many problems one message tells.
const maxProblems = 10

// Problem is one thing that is wrong, and where.
type Problem struct {
	Origin  Origin
	Message string
}

// String is "file:line:column: message", without the parts that are not known.
func (p Problem) String() string {
	var b strings.Builder
	if p.Origin.Name != "" {
		b.WriteString(p.Origin.Name)
		if p.Origin.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Origin.Line)
		}
		if p.Origin.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Origin.Column)
		}
		b.WriteString(": ")
	}
	return b.String() + p.Message
}

// Problems is the error of a source that cannot be used. It holds every
// problem up to a bound far above what a message tells.
type Problems []Problem

// Error tells the first ten, one a line, and how many more there are.
func (ps Problems) Error() string {
	var lines []string
	for i, p := range ps {
		if i == maxProblems {
			lines = append(lines, fmt.Sprintf("and %d more", len(ps)-i))
			break
		}
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// full says that no more are kept: a hostile file may have a million.
func (ps *Problems) full() bool { return len(*ps) >= 1000 }

func (ps *Problems) add(o Origin, format string, args ...any) {
	if !ps.full() {
		*ps = append(*ps, Problem{o, fmt.Sprintf(format, args...)})
	}
}

// quote shows text of a source in a message: escaped, and short.
func quote(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		r := []rune(s)
		s = string(r[:most]) + "..."
	}
	return fmt.Sprintf("%q", s)
}
