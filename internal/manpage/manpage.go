// Package manpage writes manual pages in mdoc(7), which mandoc and groff read,
// from the texts that help shows: plain text, whose indented lines stay as they
// are.
package manpage

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// Page is one manual page.
type Page struct {
	// Name is the page's: letters, digits, dots and dashes, as vitalsign-scan.
	Name    string
	Section int
	Short   string
	// Synopsis are lines, the command's words before what follows it.
	Synopsis []string
	// Text is paragraphs, and lines that begin with two spaces.
	Text string
	// Lists follow the text, each under its heading in capitals.
	Lists []List
	// Examples are lines.
	Examples string
	// SeeAlso are other pages.
	SeeAlso []Ref
	Date    time.Time
	System  string // whose page it is, with its version
}

// List is entries under a heading.
type List struct {
	Heading string
	Entries []Entry
}

// Entry is what stands before a text: flags with the word for their value, or
// Term; and lines below the text.
type Entry struct {
	Flags []string // without dashes; one letter is a short one
	Value string
	Term  string
	Text  string
	Lines []string
}

// Ref is another page.
type Ref struct {
	Name    string
	Section int
}

// Write writes a page.
func (p Page) Write(out io.Writer) error {
	b := bufio.NewWriter(out)
	w := &writer{b}
	w.line(".Dd %s", p.Date.UTC().Format("January 2, 2006"))
	w.line(".Dt %s %d", strings.ToUpper(p.Name), p.Section)
	w.line(".Os %s", word(p.System))
	w.line(".Sh NAME\n.Nm %s\n.Nd %s", p.Name, word(p.Short))
	if len(p.Synopsis) > 0 {
		w.line(".Sh SYNOPSIS")
		for i, s := range p.Synopsis {
			if i > 0 {
				w.line(".br")
			}
			w.line(".Ic %s", word(s))
		}
	}
	w.line(".Sh DESCRIPTION")
	w.text(p.Text)
	for _, l := range p.Lists {
		w.list(l)
	}
	if p.Examples != "" {
		w.line(".Sh EXAMPLES")
		w.literal(strings.Split(p.Examples, "\n"))
	}
	if len(p.SeeAlso) > 0 {
		w.line(".Sh SEE ALSO")
		for i, r := range p.SeeAlso {
			comma := " ,"
			if i == len(p.SeeAlso)-1 {
				comma = ""
			}
			w.line(".Xr %s %d%s", r.Name, r.Section, comma)
		}
	}
	return b.Flush()
}

// writer writes lines; the buffer keeps the first error for Flush.
type writer struct{ b *bufio.Writer }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w.b, format+"\n", args...) }

func (w *writer) list(l List) {
	if len(l.Entries) == 0 {
		return
	}
	w.line(".Sh %s\n.Bl -tag -width Ds", l.Heading)
	for _, e := range l.Entries {
		switch {
		case len(e.Flags) > 0:
			var flags []string
			for _, f := range e.Flags {
				if len(f) > 1 {
					f = "-" + f // Fl has the first dash
				}
				flags = append(flags, "Fl "+strings.ReplaceAll(f, "-", `\-`))
			}
			tag := strings.Join(flags, " , ")
			if e.Value != "" {
				tag += " Ar " + word(e.Value)
			}
			w.line(".It %s", tag)
		default:
			w.line(".It Ic %s", word(e.Term))
		}
		w.text(e.Text)
		if len(e.Lines) > 0 {
			w.literal(e.Lines)
		}
	}
	w.line(".El")
}

// text writes paragraphs; lines that begin with two spaces stay as they are.
func (w *writer) text(text string) {
	var para, kept []string
	begun := false
	flush := func() {
		if len(para) > 0 {
			if begun {
				w.line(".Pp")
			}
			w.line("%s", prose(strings.Join(para, " ")))
		}
		if len(kept) > 0 {
			w.literal(kept)
		}
		begun = begun || len(para)+len(kept) > 0
		para, kept = nil, nil
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		switch indented := strings.HasPrefix(line, "  "); {
		case strings.TrimSpace(line) == "":
			flush()
		case indented:
			kept = append(kept, line)
		default:
			if len(kept) > 0 {
				flush()
			}
			para = append(para, strings.TrimSpace(line))
		}
	}
	flush()
}

// literal writes lines as they are, without what all of them are indented by.
func (w *writer) literal(lines []string) {
	least := -1
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, " ")); strings.TrimSpace(l) != "" && (least < 0 || n < least) {
			least = n
		}
	}
	w.line(".Bd -literal -offset indent")
	for _, l := range lines {
		w.line("%s", literal(l[min(max(least, 0), len(l)):]))
	}
	w.line(".Ed")
}

// escapes are the characters that roff shows as others (mandoc_char(7)).
var escapes = strings.NewReplacer(`\`, `\e`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// literal escapes a line whose every character counts.
func literal(s string) string {
	return guard(strings.ReplaceAll(escapes.Replace(s), "-", `\-`))
}

var (
	sentence = regexp.MustCompile(`([A-Za-z0-9)\]'"]{2}[.!?]) +([A-Z(])`)
	dashed   = regexp.MustCompile(`(^|[\s("])(--?[A-Za-z])`)
)

// prose escapes text that is filled: dashes that somebody may type stay dashes,
// and each sentence begins on a line of its own, as roff wants.
func prose(s string) string {
	s = escapes.Replace(strings.ReplaceAll(s, "\t", " ")) // a tab stops at a column, which text has not
	s = dashed.ReplaceAllStringFunc(s, func(m string) string { return strings.ReplaceAll(m, "-", `\-`) })
	lines := strings.Split(sentence.ReplaceAllString(s, "$1\n$2"), "\n")
	for i := range lines {
		lines[i] = guard(lines[i])
	}
	return strings.Join(lines, "\n")
}

// word escapes an argument of a macro.
func word(s string) string {
	s = strings.ReplaceAll(s, "\t", " ")
	return `"` + strings.ReplaceAll(strings.ReplaceAll(escapes.Replace(s), `"`, `\(dq`), "-", `\-`) + `"`
}

// guard keeps a line from being a request, and from being empty, which ends a
// paragraph.
func guard(s string) string {
	if s == "" || strings.HasPrefix(s, ".") || strings.HasPrefix(s, " ") {
		return `\&` + s
	}
	return s
}
