package secrets

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// encoding is how a piece of text is encoded. The values are bits, and the
// lower one wins where two touch.
type encoding int

const (
	percentEncoded encoding = 1 << iota
	unicodeEncoded
	hexEncoded
	base64Encoded
)

// span is a piece of text: the bytes from start up to end.
type span struct{ start, end int }

// touches says whether two spans overlap or lie side by side.
func (s span) touches(o span) bool { return o.start <= s.end && s.start <= o.end }

// encodedSpan is a piece that looks encoded.
type encodedSpan struct {
	span
	encoding encoding
}

// Shortest runs of characters that count as encoded, in bytes.
const (
	minHex    = 32
	minBase64 = 16
)

// findEncoded finds what gitleaks's decoder finds with an expression of four
// alternatives, by hand: percent to the last one of a line, escapes in a row,
// runs of hexadecimal digits, runs of base64.
func findEncoded(s string) []encodedSpan {
	var all []encodedSpan
	for i := 0; i < len(s); {
		var e encoding
		end := 0
		switch c := s[i]; {
		case base64Char(c):
			run := i + 1
			for run < len(s) && base64Char(s[run]) {
				run++
			}
			all = findInRun(s, i, run, all)
			i = run
			if n := len(all); n > 0 && all[n-1].end > i {
				i = all[n-1].end
			}
			continue
		case c == '%':
			e, end = percentEncoded, percentEnd(s, i)
		case c == '\\':
			e, end = unicodeEncoded, escapesEnd(s, i)
		}
		if end == 0 {
			i++
			continue
		}
		all = append(all, encodedSpan{span{i, end}, e})
		i = end
	}
	return preferred(all)
}

// findInRun looks at one maximal run of base64 characters.
func findInRun(s string, i, run int, all []encodedSpan) []encodedSpan {
	for run-i >= minBase64 {
		digits := i
		for digits < run && hexDigit(s[digits]) {
			digits++
		}
		if digits-i >= minHex {
			all = append(all, encodedSpan{span{i, digits}, hexEncoded})
			i = digits
			continue
		}
		end := run
		for end < len(s) && end < run+2 && s[end] == '=' {
			end++
		}
		return append(all, encodedSpan{span{i, end}, base64Encoded})
	}
	if at := run - len("U+0000"); at >= i {
		if end := codePointsEnd(s, at); end > 0 {
			all = append(all, encodedSpan{span{at, end}, unicodeEncoded})
		}
	}
	return all
}

// codePointsEnd gives the end of code points (U+0041), each with a white space
// or the end of the text behind it; 0 when there is none at i.
func codePointsEnd(s string, i int) (end int) {
	for strings.HasPrefix(s[i:], "U+") && hexDigits(s, i+2, 4) {
		switch i += 6; {
		case i == len(s):
			return i
		case !space(s[i]):
			return end
		}
		i++
		end = i
	}
	return end
}

// escapesEnd gives the end of escapes (\u0041, also with two backslashes).
func escapesEnd(s string, i int) (end int) {
	for {
		at := i
		for at < len(s) && at < i+2 && s[at] == '\\' {
			at++
		}
		if at == i || at >= len(s) || s[at]|0x20 != 'u' || !hexDigits(s, at+1, 4) {
			return end
		}
		i = at + 5
		end = i
	}
}

// percentEnd gives the end of the last percent escape of the line.
func percentEnd(s string, i int) int {
	if !hexDigits(s, i+1, 2) {
		return 0
	}
	line := strings.IndexByte(s[i:], '\n')
	if line < 0 {
		line = len(s) - i
	}
	line += i
	for at := line - 3; at >= i+3; at-- {
		if s[at] == '%' && hexDigits(s, at+1, 2) {
			return at + 3
		}
	}
	return i + 3
}

func hexDigits(s string, i, n int) bool {
	if i+n > len(s) {
		return false
	}
	for _, c := range []byte(s[i : i+n]) {
		if !hexDigit(c) {
			return false
		}
	}
	return true
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// base64Char is asked for every byte: two sets of bits answer without a branch
// for each range.
func base64Char(c byte) bool {
	const (
		low  = 1<<'+' | 1<<'-' | 1<<'/' | 0x3FF<<'0'
		high = 1<<('_'-64) | 0x3FFFFFF<<('A'-64) | 0x3FFFFFF<<('a'-64)
	)
	if c < 64 {
		return uint64(low)>>c&1 != 0
	}
	return c < 128 && uint64(high)>>(c-64)&1 != 0
}

func space(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' && c != '\v' }

// preferred drops what touches a neighbour of an encoding that goes first; it
// gets its turn in the next round.
func preferred(all []encodedSpan) []encodedSpan {
	var out []encodedSpan
	for i, m := range all {
		if i > 0 && m.touches(all[i-1].span) && all[i-1].encoding < m.encoding {
			continue
		}
		if i+1 < len(all) && m.touches(all[i+1].span) && all[i+1].encoding < m.encoding {
			continue
		}
		out = append(out, m)
	}
	return out
}

// decode gives what a piece says; "" when it is not text.
func (e encoding) decode(s string) string {
	switch e {
	case percentEncoded:
		return decodePercent(s)
	case unicodeEncoded:
		return decodeUnicode(s)
	case hexEncoded:
		return decodeHex(s)
	}
	return decodeBase64(s)
}

func printable(c byte) bool { return 0x08 < c && c < 0x7f }

func decodePercent(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || !hexDigits(s, i+1, 2) {
			out = append(out, s[i])
			continue
		}
		c := nibble(s[i+1])<<4 | nibble(s[i+2])
		if !printable(c) {
			return ""
		}
		out = append(out, c)
		i += 2
	}
	return string(out)
}

func nibble(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// decodeUnicode takes every four hexadecimal digits after a u, a U or a U+.
func decodeUnicode(s string) string {
	var out []rune
	for i := 0; i < len(s); i++ {
		if s[i]|0x20 != 'u' {
			continue
		}
		i++
		if s[i] == '+' {
			i++
		}
		r, err := strconv.ParseUint(s[i:i+4], 16, 32)
		if err != nil {
			return "" // the finder took digits only
		}
		out = append(out, rune(r))
		i += 3
	}
	return string(out)
}

func decodeHex(s string) string {
	if len(s)%2 != 0 || !strings.ContainsAny(s, "0123456789") {
		return ""
	}
	for i := 0; i < len(s); i += 2 {
		if !printable(nibble(s[i])<<4 | nibble(s[i+1])) {
			return ""
		}
	}
	out := make([]byte, 0, len(s)/2)
	for i := 0; i < len(s); i += 2 {
		out = append(out, nibble(s[i])<<4|nibble(s[i+1]))
	}
	return string(out)
}

// sextet gives the value of a base64 character of either alphabet.
func sextet(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A'
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26
	case '0' <= c && c <= '9':
		return c - '0' + 52
	case c == '+' || c == '-':
		return 62
	}
	return 63
}

// decodeBase64 decodes text in base64 of either alphabet. Most of what looks
// like base64 is a long name: its first bytes tell, without decoding it all.
func decodeBase64(s string) string {
	if !strings.ContainsAny(s, "0123456789+/-_") {
		return ""
	}
	for i := 0; i+4 <= len(s) && s[i+2] != '=' && s[i+3] != '='; i += 4 {
		a, b, c, d := sextet(s[i]), sextet(s[i+1]), sextet(s[i+2]), sextet(s[i+3])
		if !printable(a<<2|b>>4) || !printable(b<<4|c>>2) || !printable(c<<6|d) {
			return ""
		}
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(s); err == nil && printableAll(b) {
			return string(b)
		}
	}
	return ""
}

func printableAll(b []byte) bool {
	for _, c := range b {
		if !printable(c) {
			return false
		}
	}
	return true
}
