package goscan

import (
	"go/scanner"
	"go/token"
	"go/version"
	"strconv"
	"strings"

	"github.com/securego/gosec/v2/issue"
)

// rootAutofix is what gosec proposes for G304, in our words: gosec says it only
// to those who told it a Go version that has os.Root.
const rootAutofix = "Open the file through an os.Root (Go 1.24), which no path can leave."

// convert turns gosec's issues into ours. Those outside the reported files are
// dropped.
func (j *job) convert(found []*issue.Issue) []Issue {
	literals := map[string][]literal{}
	var out []Issue
	for _, f := range found {
		src, ok := j.byName[f.File]
		if !ok || !j.unit.report[src.path] || j.outdated(f, src) {
			continue
		}
		iss := Issue{
			RuleID: f.RuleID, Severity: f.Severity.String(), Confidence: f.Confidence.String(),
			Message: f.What, Path: src.path, Autofix: f.Autofix,
		}
		iss.CWE, _ = weakness(f.RuleID)
		iss.Line, iss.EndLine = lineRange(f.Line)
		iss.Column = max(1, atoi(f.Col))
		switch f.RuleID {
		case "G304":
			iss.Autofix = rootAutofix
		case "G101":
			if _, ok := literals[src.path]; !ok {
				literals[src.path] = scanLiterals(src.text)
			}
			iss.Literals = onLines(literals[src.path], iss.Line, iss.EndLine)
		}
		out = append(out, iss)
	}
	return out
}

// outdated reports whether the issue is about range variables that are shared by
// all iterations, in a file for which they are not: see GoVersion.
// (https://go.dev/doc/go1.22#language)
func (j *job) outdated(f *issue.Issue, src source) bool {
	if f.RuleID != "G601" {
		return false
	}
	v := j.checked.info.FileVersions[src.file]
	return v == "" || version.Compare(v, "go1.22") >= 0
}

// lineRange parses gosec's "12" or "12-14".
func lineRange(s string) (first, last int) {
	a, b, ok := strings.Cut(s, "-")
	first = max(1, atoi(a))
	if !ok {
		return first, first
	}
	return first, max(first, atoi(b))
}

// atoi returns 0 for what is no number.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// literal is a string literal and the lines it is on.
type literal struct {
	value       string
	first, last int
}

// scanLiterals returns the string literals of a file that was parsed before, in
// order.
func scanLiterals(text []byte) []literal {
	var list []literal
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return list
		}
		if tok != token.STRING {
			continue
		}
		// Not Position: //line directives do not count.
		first := file.PositionFor(pos, false).Line
		last := first + strings.Count(lit, "\n")
		spelled := lit[1 : len(lit)-1]
		list = append(list, literal{spelled, first, last})
		if value, err := strconv.Unquote(lit); err == nil && value != spelled {
			list = append(list, literal{value, first, last})
		}
	}
}

// onLines returns the values of the literals that touch the lines.
func onLines(list []literal, first, last int) []string {
	var values []string
	for _, l := range list {
		if l.first <= last && l.last >= first {
			values = append(values, l.value)
		}
	}
	return values
}
