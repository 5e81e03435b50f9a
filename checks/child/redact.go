package child

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"
)

// Bounds of what evidence shows.
const (
	maxMessage      = 600
	maxDetail       = 200
	maxExchange     = 4 << 10
	maxExcerptLines = 6
	maxExcerptLine  = 240
	// contextLines is how far around the flagged lines secrets are looked
	// for: a key block may begin above them.
	contextLines = 40
	// minRedact is the shortest line of a value of several lines that is cut
	// out by itself.
	minRedact = 6
)

// Redacted stands where a value stood.
const Redacted = "[redacted]"

// redactAll cuts every value out of text, longest first, and each longer line
// of a value of several lines wherever it stands alone.
func redactAll(text string, values []string) string {
	if text == "" {
		return text
	}
	var all []string
	for _, v := range values {
		if strings.TrimSpace(v) == "" {
			continue
		}
		all = append(all, v)
		if strings.Contains(v, "\n") {
			for line := range strings.SplitSeq(v, "\n") {
				if line = strings.TrimSpace(line); len(line) >= minRedact {
					all = append(all, line)
				}
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return len(all[i]) > len(all[j]) })
	pairs := make([]string, 0, 2*len(all))
	for _, v := range all {
		pairs = append(pairs, v, Redacted)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// excerpt keeps a few lines, and of a long line the part around the column.
func excerpt(text string, column int) string {
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	more := len(lines) > maxExcerptLines
	lines = lines[:min(len(lines), maxExcerptLines)]
	for i, l := range lines {
		l = strings.ToValidUTF8(strings.TrimRight(l, "\r"), "\uFFFD")
		if len(l) > maxExcerptLine {
			from := 0
			if i == 0 {
				from = max(0, min(column-maxExcerptLine/4, len(l)-maxExcerptLine))
			}
			l = window(l, from)
		}
		lines[i] = l
	}
	if more {
		lines = append(lines, "...")
	}
	return strings.Join(lines, "\n")
}

// window cuts a long line to its shown part, on rune boundaries.
func window(l string, from int) string {
	to := min(from+maxExcerptLine, len(l))
	for from > 0 && !utf8.RuneStart(l[from]) {
		from--
	}
	for to < len(l) && !utf8.RuneStart(l[to]) {
		to--
	}
	out := l[from:to]
	if from > 0 {
		out = "..." + out
	}
	if to < len(l) {
		out += "..."
	}
	return out
}

func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// maxLineText bounds the text of a hit: a minified file is one line.
const maxLineText = 64 << 10

// lineCache keeps the last file whose lines were asked for, with the offsets
// of its lines: hits come file by file.
type lineCache struct {
	path    string
	content []byte
	starts  []int
}

// get returns lines first to last (from 1, inclusive) of a file; "" when it
// cannot be read or has no such lines.
func (c *lineCache) get(t *Tree, path string, first, last int) string {
	if c.path != path || c.starts == nil {
		b, err := t.peek(path)
		if err != nil {
			b = nil // no excerpt, then; the check has recorded why
		}
		c.path, c.content, c.starts = path, b, lineStarts(b)
	}
	last = min(last, len(c.starts))
	if first < 1 || first > last {
		return ""
	}
	end := len(c.content)
	if last < len(c.starts) {
		end = c.starts[last]
	}
	b := c.content[c.starts[first-1]:end]
	return strings.TrimSuffix(string(b[:min(len(b), maxLineText)]), "\n")
}

func lineStarts(b []byte) []int {
	starts := []int{0}
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return starts
		}
		at += i + 1
		starts = append(starts, at)
	}
}
