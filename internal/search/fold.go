package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fold gives the text that two texts share if they differ in case only, by
// Unicode's simple folding. Bytes that are no UTF-8 stay what they are. Folding
// again changes nothing.
func fold(s string) string {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf && !('A' <= s[i] && s[i] <= 'Z') {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for i < len(s) {
		if c := s[i]; c < utf8.RuneSelf {
			b.WriteByte(lower(c))
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b.WriteByte(s[i])
		} else {
			b.WriteRune(foldRune(r))
		}
		i += n
	}
	return b.String()
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// foldRune is the least rune among those that differ from r in case only, and
// a lower-case letter where ASCII has one of them: the Kelvin sign is a k.
func foldRune(r rune) rune {
	least := r
	for n := unicode.SimpleFold(r); n != r; n = unicode.SimpleFold(n) {
		least = min(least, n)
	}
	if least < utf8.RuneSelf {
		return rune(lower(byte(least)))
	}
	return least
}

// globs says whether text, folded, matches pattern: * stands for any text, also
// for a slash, and everything else for itself.
func globs(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return text == pattern
	}
	text, ok := strings.CutPrefix(text, head)
	if !ok {
		return false
	}
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(text, part)
		}
		// The first place is the best one: it leaves most for the rest.
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], more
	}
}

// like says whether text, folded, holds pattern, or matches it if it has a *.
func like(pattern, text string) bool {
	if strings.Contains(pattern, "*") {
		return globs(pattern, text)
	}
	return strings.Contains(text, pattern)
}
