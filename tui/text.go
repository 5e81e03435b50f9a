package tui

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// A leftToRight mark (U+200E) ends a text that is written from right to left,
// so that a terminal which reorders lines leaves what stands beside it alone
// (Unicode UAX #9, section 2.6).
const leftToRight = "\u200e"

// span is a piece of a line in one tone. Its text is raw: whoever shows it goes
// through fit or safe.
type span struct {
	text string
	tone tone
}

// line is one line of a text.
type line []span

// safe makes text from anywhere harmless for one terminal line.
func safe(s string) string { return safetext.Line(s) }

// fit makes s safe and exactly width columns wide: cut at the end with a mark,
// or padded.
func fit(s string, width int, g glyphs) string { return pad(cut(safe(s), width, g), width) }

// fitRight is fit with the text at the right, for numbers.
func fitRight(s string, width int, g glyphs) string {
	s = cut(safe(s), width, g)
	return strings.Repeat(" ", max(0, width-ansi.StringWidth(s))) + s
}

// fitLeft is fit that cuts at the beginning: the end of a path says most.
func fitLeft(s string, width int, g glyphs) string {
	s = safe(s)
	if over := ansi.StringWidth(s) - width; over > 0 && width > 0 {
		s = ansi.TruncateLeft(s, over+ansi.StringWidth(g.left), g.left)
	}
	return pad(cut(s, width, g), width)
}

// cut shortens safe text to at most width columns.
func cut(s string, width int, g glyphs) string {
	if width <= 0 {
		return ""
	}
	if ansi.StringWidth(s) > width {
		return ansi.Truncate(s, width, g.ellipsis)
	}
	return s
}

func pad(s string, width int) string {
	n := width - ansi.StringWidth(s)
	if rightToLeft(s) {
		s += leftToRight
	}
	if n <= 0 {
		return s
	}
	return s + strings.Repeat(" ", n)
}

// rightToLeft says whether a text holds a letter of a script written that way.
func rightToLeft(s string) bool {
	for _, r := range s {
		if r >= 0x590 && unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko) {
			return true
		}
	}
	return false
}

// draw paints a line of at most width columns.
func (t *Theme) draw(l line, width int, onCursor bool) string {
	var b strings.Builder
	left := width
	for _, s := range l {
		text := cut(safe(s.text), left, t.glyphs)
		if rightToLeft(text) {
			text += leftToRight
		}
		left -= ansi.StringWidth(text)
		b.WriteString(t.paint(s.tone, text, onCursor))
		if left <= 0 {
			break
		}
	}
	if onCursor && left > 0 {
		b.WriteString(t.paint(toneText, strings.Repeat(" ", left), true))
	}
	return b.String()
}

// wrap breaks text into lines of at most width columns, at spaces where there
// are any; what stands before the first line is kept free on the others.
func wrap(first span, text string, to tone, width int) []line {
	hang := ansi.StringWidth(first.text)
	room := max(8, width-hang)
	var out []line
	for i, para := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		for j, part := range strings.Split(ansi.Wrap(safe(para), room, " /-"), "\n") {
			head := span{strings.Repeat(" ", hang), toneText}
			if i == 0 && j == 0 {
				head = first
			}
			out = append(out, line{head, {part, to}})
		}
	}
	return out
}

// named is a value after its name, which has so many columns; nothing where
// there is no value.
func named(name, text string, columns, width int, g glyphs) []line {
	if text == "" {
		return nil
	}
	return wrap(span{fit(" "+name, columns, g), toneDim}, text, toneText, width)
}
