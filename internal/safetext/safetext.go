// Package safetext makes text from a scanned repository harmless for where it
// is shown. Names, excerpts and messages are hostile: they may hold terminal
// escapes, line breaks, workflow commands or characters that reorder a line.
package safetext

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes s safe as a part of one terminal line: control characters,
// invisible format characters (bidirectional overrides among them) and
// invalid bytes become visible escapes. Nothing is dropped.
func Line(s string) string { return clean(s, false) }

// Block is Line for text of several lines: line feeds stay, and a tab becomes
// four spaces.
func Block(s string) string { return clean(s, true) }

func clean(s string, block bool) string {
	if !strings.ContainsFunc(s, unsafe) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case block && r == '\n':
			b.WriteByte('\n')
		case block && r == '\t':
			b.WriteString("    ")
		case unsafe(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case unsafe(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// unsafe: controls (Cc), format characters (Cf: bidi, zero width), surrogates,
// private use, and the separators that some terminals break lines at.
func unsafe(r rune) bool {
	return unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029'
}

// Markdown makes text from anywhere harmless in Markdown: one line, no markup,
// no link, no mention, no HTML (CommonMark 0.31, 2.4: a backslash before ASCII
// punctuation is that character).
func Markdown(s string) string {
	var b strings.Builder
	for _, r := range Line(s) {
		if strings.ContainsRune("\\`*_{}[]()<>#+!|~@&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
