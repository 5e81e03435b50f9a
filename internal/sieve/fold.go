package sieve

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// The characters beyond ASCII that are, to (?i) or to strings.ToLower, letters
// of ASCII. A test holds this list against package unicode.
const (
	longS     = '\u017F' // (?i)s matches it; ToLower leaves it
	kelvin    = '\u212A' // (?i)k matches it; ToLower makes k of it
	dottedI   = '\u0130' // (?i)i does not match it; ToLower makes i of it
	foldRunes = string(longS) + string(kelvin) + string(dottedI)
)

// folded gives the ASCII letter of such a character.
func folded(r rune) (byte, bool) {
	switch r {
	case longS:
		return 's', true
	case kelvin:
		return 'k', true
	case dottedI:
		return 'i', true
	}
	return 0, false
}

// foldedText is a text with each such character replaced by its letter, and
// the way back to where things were.
type foldedText struct {
	text string
	// at are the places of the replaced letters, saved the bytes that were
	// saved before and with each.
	at, saved []int
}

func fold(text string) foldedText {
	var f foldedText
	var b strings.Builder
	b.Grow(len(text))
	saved, from := 0, 0
	for from < len(text) {
		i := strings.IndexAny(text[from:], foldRunes)
		if i < 0 {
			break
		}
		i += from
		r, size := utf8.DecodeRuneInString(text[i:])
		letter, ok := folded(r)
		if !ok {
			// IndexAny takes a broken character for U+FFFD, which is not asked for.
			b.WriteString(text[from : i+size])
			from = i + size
			continue
		}
		b.WriteString(text[from:i])
		saved += size - 1
		f.at, f.saved = append(f.at, b.Len()), append(f.saved, saved)
		b.WriteByte(letter)
		from = i + size
	}
	b.WriteString(text[from:])
	f.text = b.String()
	return f
}

// origin is where a place of the folded text was in the original.
func (f foldedText) origin(i int) int {
	n := sort.SearchInts(f.at, i)
	if n == 0 {
		return i
	}
	return i + f.saved[n-1]
}
