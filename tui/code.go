package tui

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCode bounds what is coloured, in bytes; more is shown without colours.
const maxCode = 1 << 20

// code colours source text by its file's name. It knows comments, strings,
// numbers and keywords, which is what guides the eye; it parses nothing, so
// that hostile text costs one pass and no more.
func code(text, name string) []line {
	text = strings.ReplaceAll(text, "\t", "    ")
	if len(text) > maxCode {
		name = ""
	}
	c := colourist{syntax: syntaxOf(name)}
	var out []line
	for l := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		out = append(out, c.line(l))
	}
	return out
}

// syntax is what a family of languages has in common.
type syntax struct {
	comment     []string // to the end of the line
	open, close string   // of a comment over several lines
	quotes      string
	words       bool // keywords are coloured
}

func syntaxOf(name string) syntax {
	c := syntax{comment: []string{"//"}, open: "/*", close: "*/", quotes: "\"'`", words: true}
	hash := syntax{comment: []string{"#"}, quotes: "\"'", words: true}
	switch ext := strings.TrimPrefix(strings.ToLower(path.Ext(name)), "."); {
	case name == "":
		return syntax{}
	case slices.Contains(strings.Fields("go java js jsx ts tsx mjs cjs c h cc cpp hpp cs kt swift rs scala dart proto groovy gradle php css scss"), ext):
		return c
	case slices.Contains(strings.Fields("tf hcl tfvars"), ext):
		c.comment = []string{"#", "//"}
		return c
	case slices.Contains(strings.Fields("sql"), ext):
		return syntax{comment: []string{"--"}, open: "/*", close: "*/", quotes: "\"'", words: true}
	case slices.Contains(strings.Fields("xml html htm xsd xsl svg"), ext):
		return syntax{open: "<!--", close: "-->", quotes: "\"'"}
	case ext == "json" || ext == "ndjson":
		return syntax{quotes: "\"", words: true}
	case slices.Contains(strings.Fields("py rb sh bash yaml yml toml ini cfg conf properties env r pl ex exs"), ext), strings.HasPrefix(path.Base(name), "Dockerfile"), path.Base(name) == "Makefile":
		return hash
	}
	return syntax{}
}

// keyword says whether a word is one in any of the languages: what is one
// elsewhere is rarely a name here.
func keyword(w string) bool {
	const all = " abstract and as assert async await break case catch class const continue def default defer do elif else enum except export extends false final finally fn for foreach from func function go if impl implements import in interface is lambda let map match module mut new nil none not null or package pass private protected pub public raise range resource return select self static struct super switch this throw throws trait true try type use using val var variable void while with yield "
	return strings.Contains(all, " "+strings.ToLower(w)+" ")
}

// colourist goes through a text line by line.
type colourist struct {
	syntax
	inside bool // of a comment over several lines
}

func (c *colourist) line(l string) line {
	var out line
	for l != "" {
		n, to := c.next(l)
		if k := len(out) - 1; k >= 0 && out[k].tone == to {
			out[k].text += l[:n]
		} else {
			out = append(out, span{l[:n], to})
		}
		l = l[n:]
	}
	return out
}

// next is how many bytes of l belong together, at least one, and their tone.
func (c *colourist) next(l string) (int, tone) {
	if c.inside || c.open != "" && strings.HasPrefix(l, c.open) {
		c.inside = true
		if i := strings.Index(l, c.close); i >= 0 {
			c.inside = false
			return i + len(c.close), toneComment
		}
		return len(l), toneComment
	}
	for _, mark := range c.comment {
		if strings.HasPrefix(l, mark) {
			return len(l), toneComment
		}
	}
	r, n := utf8.DecodeRuneInString(l)
	switch {
	case r < utf8.RuneSelf && strings.ContainsRune(c.quotes, r):
		return quoted(l), toneString
	case c.words && unicode.IsDigit(r):
		return run(l, func(r rune) bool { return unicode.IsDigit(r) || r == '.' || r == '_' || r == 'x' }), toneNumber
	case unicode.IsLetter(r) || r == '_':
		n = run(l, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' })
		if c.words && keyword(l[:n]) {
			return n, toneKey
		}
	}
	return n, toneText
}

// quoted is the length of the string that l begins with, to the end of the line
// where it does not end before.
func quoted(l string) int {
	for i := 1; i < len(l); i++ {
		switch l[i] {
		case '\\':
			i++
		case l[0]:
			return i + 1
		}
	}
	return len(l)
}

// run is the length of the beginning of l whose runes are all of a kind.
func run(l string, is func(rune) bool) int {
	for i, r := range l {
		if !is(r) {
			return i
		}
	}
	return len(l)
}

// sourceLines shows the text around a finding: numbered, coloured, the flagged
// lines marked; what nobody should see is said to be left out.
func (m *Model) sourceLines(d Detail, width int) []line {
	s := d.Source
	from, until := d.Finding.Location.StartLine, max(d.Finding.Location.StartLine, d.Finding.Location.EndLine)
	g := m.theme.glyphs
	var out []line
	coloured := code(strings.Join(s.Lines, "\n"), d.Finding.Location.Path)
	for i := 0; i < len(s.Lines); i++ {
		n := s.First + i
		mark, to := "  ", toneDim
		if n >= from && n <= until {
			mark, to = g.cursor+" ", toneBad
		}
		head := line{{" " + mark, to}, {fmt.Sprintf("%5d ", n), to}}
		switch {
		case slices.Contains(s.Withheld, n):
			last := n
			for ; slices.Contains(s.Withheld, last+1) && i+1 < len(s.Lines); i++ {
				last++
			}
			head = append(head, span{"(" + lineRange(n, last) + " not shown: a check found a secret there)", toneWarn})
		case i < len(coloured):
			head = append(head, coloured[i]...)
		}
		out = append(out, head)
	}
	note := s.Why
	if s.From != "" {
		note = strings.TrimSpace("from the " + s.From + ". " + note)
	}
	return append(out, wrap(span{"         ", toneDim}, note, toneDim, width)...)
}

func lineRange(from, to int) string {
	if from == to {
		return fmt.Sprintf("line %d is", from)
	}
	return fmt.Sprintf("lines %d to %d are", from, to)
}
