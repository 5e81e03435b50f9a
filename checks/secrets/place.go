package secrets

import (
	"sort"
	"strings"
)

// lines are the places of the line feeds of a text, in bytes.
type lines []int

func linesOf(s string) lines {
	out := make(lines, 0, strings.Count(s, "\n"))
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], '\n')
		if i < 0 {
			return out
		}
		at += i
		out = append(out, at)
	}
}

// place is where a match is: lines from 0 and columns as gitleaks counts them,
// and the text of the lines.
type place struct {
	startLine, endLine, startColumn, endColumn int
	text                                       span
}

// place finds a match. gitleaks measures columns from the line feed before
// (so from 2, but for the first line), gives everything from the begin of the
// text for a match after the last line feed, and a finding must be its equal.
func (l lines) place(s string, m span) place {
	var p place
	if len(l) == 0 {
		l = lines{len(s)}
	}
	before := func(i int) int {
		if i == 0 {
			return 0
		}
		return l[i-1]
	}
	start := sort.SearchInts(l, m.start+1)
	end := sort.SearchInts(l, m.end)
	if end < len(l) && before(end) < m.end {
		p.endLine, p.endColumn, p.text.end = end, m.end-before(end), l[end]
	}
	if start < len(l) {
		p.startLine, p.startColumn, p.text.start = start, m.start-before(start)+1, before(start)
		if !(end >= start && end < len(l) && before(end) < m.end) {
			p.endLine, p.text.end = start, l[start]
		}
		return p
	}
	last := l[len(l)-1]
	p.startLine, p.endLine = len(l), len(l)
	p.startColumn, p.endColumn = m.start-last+1, m.end-last
	p.text.end = len(s)
	if i := strings.IndexAny(s[min(m.end, len(s)):], "\r\n"); i >= 0 {
		p.text.end = m.end + i
	}
	return p
}
