package external

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// maxFlagged bounds the text of one region.
const maxFlagged = 64 << 10

// span is a region of a file as the target has it. Lines and columns count
// from 1, columns in bytes; 0 is unknown.
type span struct {
	startLine, startColumn, endLine, endColumn int
	// lines is the text of the lines, flagged the region's own part of it, or
	// the lines when the report names no columns.
	lines, flagged string
}

// texts keeps the last file that was asked for: results come file by file.
type texts struct {
	tree  *child.Tree
	path  string
	lines [][]byte
}

// span looks a region up. What lies beyond the file is cut off, so that a
// report cannot name lines that are not there.
func (t *texts) span(path string, r region, columns string) span {
	if r.StartLine < 1 {
		return span{}
	}
	lines := t.of(path)
	if lines == nil { // too large to look at: the report's word stands
		return span{startLine: r.StartLine, endLine: max(r.EndLine, r.StartLine)}
	}
	from := min(r.StartLine, len(lines))
	to := min(max(r.EndLine, from), len(lines))
	s := span{startLine: from, endLine: to}
	s.lines = join(lines[from-1 : to])
	s.flagged = s.lines
	if r.StartColumn < 1 || from != r.StartLine {
		return s
	}
	s.startColumn = offset(lines[from-1], r.StartColumn, columns) + 1
	if r.EndColumn < 1 || r.EndLine > len(lines) || to == from && r.EndColumn <= r.StartColumn {
		return s
	}
	end := offset(lines[to-1], r.EndColumn, columns)
	s.endColumn = end + 1
	if cut := len(lines[to-1]) - end; s.startColumn-1 <= len(s.lines)-cut {
		s.flagged = s.lines[s.startColumn-1 : len(s.lines)-cut]
	}
	return s
}

func join(lines [][]byte) string {
	var b strings.Builder
	for i, l := range lines {
		if b.Len()+len(l) > maxFlagged && i > 0 {
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.Write(l)
	}
	return b.String()
}

func (t *texts) of(path string) [][]byte {
	if t.path != path || t.lines == nil {
		b, err := t.tree.ReadFile(path)
		t.path, t.lines = path, nil
		if err == nil {
			t.lines = bytes.Split(b, []byte("\n"))
		}
	}
	return t.lines
}

// offset turns a column (from 1) into an offset in bytes. Columns count UTF-16
// code units unless the run says otherwise (3.14.17).
func offset(line []byte, column int, kind string) int {
	at := 0
	for units := column - 1; units > 0 && at < len(line); {
		r, n := utf8.DecodeRune(line[at:])
		at += n
		units--
		if r > 0xFFFF && kind != "unicodeCodePoints" {
			units--
		}
	}
	return at
}
