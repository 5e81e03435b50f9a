package surface

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// part is a piece of a segment of a template: literal text, or a parameter.
type part struct {
	text  string // decoded literal, or the parameter's name
	param bool
	rest  bool // {name...}: the remainder, slashes and all
}

// parts takes a segment of a template apart. Braces that are no parameter are
// literal text. What follows a colon in braces is a pattern of some router, no
// part of the name.
func parts(segment string) []part {
	if segment == "{$}" {
		return nil // Go's sign for the end
	}
	var out []part
	literal := ""
	flush := func() {
		if literal != "" {
			out = append(out, part{text: unescaped(literal)})
			literal = ""
		}
	}
	for segment != "" {
		name, after, ok := parameterAt(segment)
		if !ok {
			n := strings.IndexByte(segment[1:], '{') + 1
			if n == 0 {
				n = len(segment)
			}
			literal, segment = literal+segment[:n], segment[n:]
			continue
		}
		flush()
		rest := strings.HasSuffix(name, "...")
		out = append(out, part{text: strings.TrimSuffix(name, "..."), param: true, rest: rest})
		segment = after
	}
	flush()
	return out
}

// parameterAt reads "{name}" at the start of s.
func parameterAt(s string) (name, after string, ok bool) {
	if !strings.HasPrefix(s, "{") {
		return "", "", false
	}
	name, after, ok = strings.Cut(s[1:], "}")
	if name == "" || name == "..." || strings.ContainsAny(name, "{:") {
		return "", "", false
	}
	return name, after, ok
}

// unescaped decodes a literal of a path, or gives it as it is when it is not
// encoded well.
func unescaped(s string) string {
	if d, err := url.PathUnescape(s); err == nil {
		return d
	}
	return s
}

// escaped writes a decoded literal, or a value, for a path (RFC 3986, 3.3).
func escaped(s string) string { return url.PathEscape(s) }

// segments gives what stands between the slashes.
func segments(p string) []string { return strings.Split(strings.TrimPrefix(p, "/"), "/") }

// Match compares a path, encoded as a URL has it (url.URL.EscapedPath), with a
// template, and gives the decoded values of the template's parameters. A
// parameter is at least one character; {name...} at the end takes the rest of
// the path, which may be nothing, and {$} is Go's sign for an end with a slash
// (net/http.ServeMux, Patterns).
func Match(template, path string) (values map[string]string, ok bool) {
	values = map[string]string{}
	path = strings.TrimPrefix(path, "/")
	open := true // whether a segment may still follow
	for _, segment := range segments(template) {
		ps := parts(segment)
		if len(ps) == 1 && ps[0].rest {
			if !open {
				path = ""
			}
			values[ps[0].text] = unescaped(path)
			return values, true
		}
		if !open {
			return nil, false
		}
		var seen string
		seen, path, open = strings.Cut(path, "/")
		if !matchSegment(ps, unescaped(seen), values) {
			return nil, false
		}
	}
	return values, !open
}

// matchSegment compares one decoded segment. As with any pattern of wildcards,
// taking the first place where each literal fits is enough: what comes after it
// is never shorter otherwise.
func matchSegment(ps []part, s string, values map[string]string) bool {
	for i, p := range ps {
		if !p.param {
			after, ok := strings.CutPrefix(s, p.text)
			if !ok {
				return false
			}
			s = after
			continue
		}
		if s == "" {
			return false
		}
		end := wildcardEnd(ps[i+1:], s)
		if end < 1 {
			return false
		}
		values[p.text], s = s[:end], s[end:]
	}
	return s == ""
}

// wildcardEnd says how much of s, at least one byte, a parameter takes that
// next follows; 0 when it cannot be.
func wildcardEnd(next []part, s string) int {
	switch {
	case len(next) == 0:
		return len(s)
	case next[0].param:
		return 1
	case len(next) == 1: // the last literal is at the end
		return len(s) - len(next[0].text)
	}
	if i := strings.Index(s[1:], next[0].text); i >= 0 {
		return i + 1
	}
	return 0
}

// pathNames gives the names of a template's parameters, in order.
func pathNames(template string) []string {
	var out []string
	for _, s := range segments(template) {
		for _, p := range parts(s) {
			if p.param && !slices.Contains(out, p.text) {
				out = append(out, p.text)
			}
		}
	}
	return out
}

// shape is a template without its parameters' names: two of one shape are the
// same route.
func shape(template string) string {
	var b strings.Builder
	for _, s := range segments(template) {
		b.WriteByte('/')
		b.WriteString(segmentShape(s))
	}
	return b.String()
}

func segmentShape(segment string) string {
	var b strings.Builder
	for _, p := range parts(segment) {
		switch {
		case p.rest:
			b.WriteString("{...}")
		case p.param:
			b.WriteString("{}")
		default:
			b.WriteString(escaped(p.text))
		}
	}
	return b.String()
}

// expand fills a template in and gives the path as a URL has it.
func expand(template string, value func(name string) string) string {
	var b strings.Builder
	for _, s := range segments(template) {
		b.WriteByte('/')
		for _, p := range parts(s) {
			switch {
			case p.rest:
				b.WriteString(strings.ReplaceAll(escaped(value(p.text)), "%2F", "/"))
			case p.param:
				b.WriteString(escaped(value(p.text)))
			default:
				b.WriteString(escaped(p.text))
			}
		}
	}
	return b.String()
}

// maxPath is the longest path that is kept, in bytes; servers refuse lines of
// 8000 (RFC 9112, 3).
const maxPath = 2048

// cleanPath makes a template of a path as a specification writes it: with a
// slash in front, without query and fragment, and with the names of its
// parameters alone ("{id:[0-9]+}" is {id}).
func cleanPath(p string) (string, bool) {
	p, _, _ = strings.Cut(p, "#")
	var b strings.Builder
	if !strings.HasPrefix(p, "/") {
		b.WriteByte('/')
	}
	for i := 0; i < len(p); i++ {
		if p[i] == '?' {
			break
		}
		if p[i] != '{' {
			b.WriteByte(p[i])
			continue
		}
		end := closing(p[i:])
		name, _, pattern := strings.Cut(p[i:i+end], ":")
		b.WriteString(name)
		if pattern {
			b.WriteByte('}')
		}
		i += end - 1
	}
	return b.String(), b.Len() <= maxPath
}

// closing is the length of the braces at the start of s, 1 when they are not
// closed.
func closing(s string) int {
	depth := 0
	for i := range min(len(s), maxPath) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 1
}

// generalise makes a template of an observed, encoded path: what looks like an
// id becomes a parameter. The values are given by the parameters' names, empty for
// what is a credential.
func generalise(path string) (template string, values map[string]string) {
	values = map[string]string{}
	var b strings.Builder
	before := ""
	for _, s := range segments(withoutMatrix(path)) {
		b.WriteByte('/')
		s = unescaped(s)
		if looksLikeID(s) {
			name := "id"
			if n := len(values); n > 0 {
				name += strconv.Itoa(n + 1)
			}
			b.WriteString("{" + name + "}")
			if values[name] = s; secret(before, s) {
				values[name] = ""
			}
		} else {
			b.WriteString(escaped(s))
		}
		before = s
	}
	return b.String(), values
}

// withoutMatrix takes parameters out of the segments of a path (RFC 3986, 3.3):
// there servers put the ids of sessions.
func withoutMatrix(path string) string {
	if !strings.Contains(path, ";") {
		return path
	}
	ss := strings.Split(path, "/")
	for i := range ss {
		ss[i], _, _ = strings.Cut(ss[i], ";")
	}
	return strings.Join(ss, "/")
}

// looksLikeID says whether a segment is a value and no word: a number, a UUID,
// a date, hexadecimal of 16 and more, or a long mixture of letters and digits
// such as a token.
func looksLikeID(s string) bool {
	return digits(s) || isUUID(s) || isDate(s) || isHex(s) || isOpaque(s) || secretText(s)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isHex(s string) bool {
	return len(s) >= 16 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// isUUID is RFC 9562, 4: 8-4-4-4-12.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	groups := strings.Split(s, "-")
	return len(groups) == 5 && len(groups[0]) == 8 && len(groups[4]) == 12 &&
		strings.Trim(s, "0123456789abcdefABCDEF-") == ""
}

// isDate is a full-date or a month of RFC 3339, 5.6, alone or with a time.
func isDate(s string) bool {
	if len(s) < 7 || !digits(s[:4]) || s[4] != '-' || !digits(s[5:7]) {
		return false
	}
	return len(s) == 7 || len(s) >= 10 && s[7] == '-' && digits(s[8:10]) && (len(s) == 10 || s[10] == 'T')
}

// isOpaque wants 16 bytes of base64url's alphabet with three digits, and three
// places where a letter and a digit touch: "icd-10-codes-2024-list" and
// "getPatientById" are words.
func isOpaque(s string) bool {
	if len(s) < 16 {
		return false
	}
	changes, count := 0, 0
	var before byte
	for i := range len(s) {
		now := class(s[i])
		switch {
		case now == 0:
			return false
		case now == '0':
			count++
		}
		if now != before && now != '-' && before != '-' && i > 0 {
			changes++
		}
		before = now
	}
	return changes >= 3 && count >= 3
}

// class tells digits, letters and what base64url and its like have besides
// apart; 0 is for what they have not.
func class(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return '0'
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return 'a'
	case strings.IndexByte("-_.~=", c) >= 0:
		return '-'
	}
	return 0
}
