package surface

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// maxScriptPath is the longest literal that is taken for a path, in bytes.
const maxScriptPath = 300

// maxCandidates bounds the literals of one text that hold a slash: looking at
// one takes microseconds. Large bundles have some thousand.
const maxCandidates = 10_000

// Script finds the paths that a JavaScript text declares, as far as text shows
// (ECMAScript, 12.9.4 and 12.9.6): string and template literals that are
// absolute paths, or relative ones that begin as interfaces do ("api/", "v1/"
// ...). ":id" and "${id}" become {id}, as does what is added with "+". The method
// is the one that stands next to the literal, in a call of fetch, of
// XMLHttpRequest.open, or of a client as axios is, and GET otherwise. Files of
// the page itself (styles, pictures, scripts) are left out.
func Script(body []byte, l Limits) []Operation {
	l = l.orDefault()
	c := &collector{l: l}
	s := &lexer{src: string(body[:min(len(body), l.Bytes)])}
	seen := map[string]bool{}
	for looked := 0; looked < maxCandidates && !c.full(); {
		lit, ok := s.next()
		if !ok {
			break
		}
		if strings.IndexByte(lit.text, '/') < 0 {
			continue
		}
		looked++
		o, ok := scriptOperation(s.src, lit)
		if key := o.Route(); ok && !seen[key] {
			seen[key] = true
			c.add(o, "script")
		}
	}
	set := NewSet(l)
	set.Add(c.ops...)
	return set.Operations()
}

// literal is a string as its source has it, joined with what is added to it;
// expressions are in braces. It goes from start to end of the source.
type literal struct {
	text       string
	start, end int
}

// lexer finds the literals of a text. It knows comments and regular expressions
// as far as it takes not to mistake what is in them for the start of one.
type lexer struct {
	src string
	at  int
	// last is the last byte that is no white space before at.
	last byte
	// divided is where the line ends on which a slash only divides.
	divided int
	// again counts how often a template without an end was passed over.
	again int
}

// maxAgain bounds that: each time the rest of the text is read once more.
const maxAgain = 3

func (s *lexer) next() (literal, bool) {
	for s.at < len(s.src) {
		switch c := s.src[s.at]; {
		case c == '"' || c == '\'' || c == '`':
			return s.joined(), true
		case c == '/':
			s.slash()
		default:
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				s.last = c
			}
			s.at++
		}
	}
	return literal{}, false
}

// slash passes over a comment or a regular expression (12.4, 12.9.5). After a
// name, a number or a closing bracket it divides.
func (s *lexer) slash() {
	rest := s.src[s.at:]
	switch {
	case strings.HasPrefix(rest, "//"):
		s.skipTo("\n", 2)
	case strings.HasPrefix(rest, "/*"):
		s.skipTo("*/", 2)
	case s.at >= s.divided && (s.last == 0 || strings.IndexByte("(,=:[!&|?{};+-*%<>~^", s.last) >= 0):
		n, ok := regexpLength(rest)
		if !ok { // nor does one end that begins later on the line
			s.divided, n = s.at+n, 1
		}
		s.at += n
		s.last = ')'
	default:
		s.last = '/'
		s.at++
	}
}

func (s *lexer) skipTo(end string, from int) {
	i := strings.Index(s.src[s.at+from:], end)
	if i < 0 {
		s.at = len(s.src)
		return
	}
	s.at += from + i + len(end)
}

// regexpLength is that of the literal at the start of s, or that of the line
// when it does not end on it.
func regexpLength(s string) (n int, ok bool) {
	class, i := false, 1
	for ; i < len(s) && s[i] != '\n'; i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '[':
			class = true
		case s[i] == ']':
			class = false
		case s[i] == '/' && !class:
			return i + 1, true
		}
	}
	return min(i, len(s)), false
}

// joined reads a literal and what is added to it with "+".
func (s *lexer) joined() literal {
	out := literal{start: s.at}
	out.text = s.one()
	out.end = s.at
	for len(out.text) <= maxScriptPath {
		more, end := s.added(out.end)
		if end == 0 {
			break
		}
		out.text, out.end = out.text+more, end
		s.at = end
	}
	s.last = '"'
	return out
}

var addedName = regexp.MustCompile(`^\s{0,8}\+\s{0,8}(?:encodeURIComponent\(\s{0,4}([\w$.]{1,80})\s{0,4}\)|([\w$.]{1,80})(?:\(\))?)`)

var addedLiteral = regexp.MustCompile("^\\s{0,8}\\+\\s{0,8}[\"'`]")

// added gives what is added to a literal that ends at from, and where that
// ends; 0 when it is nothing that is understood.
func (s *lexer) added(from int) (string, int) {
	window := s.src[from:min(len(s.src), from+300)]
	if m := addedLiteral.FindString(window); m != "" {
		s.at = from + len(m) - 1
		t := s.one()
		return t, s.at
	}
	if m := addedName.FindStringSubmatch(window); m != nil {
		return braced(m[1] + m[2]), from + len(m[0])
	}
	return "", 0
}

// one reads the literal at the current place. What has an escape in it is read
// without the backslash: paths have none but "\/".
func (s *lexer) one() string {
	quote, start := s.src[s.at], s.at
	var b strings.Builder
	for s.at++; s.at < len(s.src); s.at++ {
		c := s.src[s.at]
		switch {
		case c == quote:
			s.at++
			return b.String()
		case c == '\n' && quote != '`':
			return "" // no literal after all: an apostrophe in a text
		case c == '\\' && s.at+1 < len(s.src):
			s.at++
			c = s.src[s.at]
		case c == '$' && quote == '`' && strings.HasPrefix(s.src[s.at:], "${"):
			expression := s.expression()
			if b.Len() <= maxScriptPath {
				b.WriteString(braced(expression))
			}
			continue
		}
		if b.Len() <= maxScriptPath {
			b.WriteByte(c)
		}
	}
	if s.again++; s.again <= maxAgain {
		s.at = start + 1
	}
	s.at = min(s.at, len(s.src))
	return ""
}

// expression passes over "${...}" and gives what is in it; at is on its last
// brace then.
func (s *lexer) expression() string {
	depth, start := 0, s.at+2
	for s.at++; s.at < len(s.src); s.at++ {
		switch s.src[s.at] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s.src[start:s.at]
			}
		}
	}
	return ""
}

var lastName = regexp.MustCompile(`[A-Za-z_]\w{0,63}`)

// braced makes a parameter of an expression, called as the last name in it:
// "patient.id" is {id}.
func braced(expression string) string {
	names := lastName.FindAllString(expression[:min(len(expression), 200)], -1)
	if names == nil {
		return "{value}"
	}
	return "{" + names[len(names)-1] + "}"
}

var (
	// pathText are the characters that a path may have (RFC 3986, 3.3), and
	// braces; a slash alone or one letter is no interface.
	pathText = regexp.MustCompile(`^/[A-Za-z0-9._~!$&'()*+,;=:@%{}/-]*$`)
	// relativePath begins as interfaces do.
	relativePath = regexp.MustCompile(`^(?:\./)?(?:api|rest|graphql|fhir|rpc|services?|v[0-9]{1,2})/`)
	// pageFile is what a page is made of.
	pageFile = regexp.MustCompile(`(?i)\.(?:m?jsx?|tsx?|css|scss|less|map|png|jpe?g|gif|svg|ico|webp|avif|bmp|woff2?|ttf|eot|otf|mp[34]|webm|wasm|vue|html\.erb)$`)
	letters  = regexp.MustCompile(`[A-Za-z]{2}`)
	// colonName is how routers of JavaScript write a parameter.
	colonName = regexp.MustCompile(`^:([A-Za-z_]\w{0,63})[?*+]?$`)
)

// scriptOperation makes an operation of a literal that is a path.
func scriptOperation(src string, lit literal) (Operation, bool) {
	if len(lit.text) > maxScriptPath {
		return Operation{}, false
	}
	path, query, _ := strings.Cut(lit.text, "?")
	path, _, _ = strings.Cut(path, "#")
	if rest, ok := withoutBase(path); ok {
		path = rest
	}
	if relativePath.MatchString(path) {
		path = "/" + strings.TrimPrefix(path, "./")
	}
	if !pathText.MatchString(path) || strings.HasPrefix(path, "//") || strings.Contains(path, "/../") ||
		pageFile.MatchString(path) || !letters.MatchString(withoutParameters(path)) {
		return Operation{}, false
	}
	ss := segments(path)
	for i, s := range ss {
		if m := colonName.FindStringSubmatch(s); m != nil {
			ss[i] = "{" + m[1] + "}"
		}
	}
	o := Operation{Method: methodNear(src, lit), Path: numbered("/" + strings.Join(ss, "/"))}
	o.Parameters = scriptQuery(query)
	return o, true
}

// withoutBase takes an expression away that a path begins with: the address of
// the server, as a rule.
func withoutBase(path string) (string, bool) {
	_, after, ok := parameterAt(path)
	return after, ok && strings.HasPrefix(after, "/")
}

func withoutParameters(path string) string {
	var b strings.Builder
	for _, s := range segments(path) {
		for _, p := range parts(s) {
			if !p.param {
				b.WriteString(p.text)
			}
		}
	}
	return b.String()
}

// numbered tells parameters of one name apart: /a/{id}/b/{id} is
// /a/{id}/b/{id2}.
func numbered(path string) string {
	seen := map[string]int{}
	var b strings.Builder
	for path != "" {
		name, after, ok := parameterAt(path)
		if !ok {
			b.WriteByte(path[0])
			path = path[1:]
			continue
		}
		b.WriteString("{" + name)
		if seen[name]++; seen[name] > 1 {
			b.WriteString(strings.Repeat("2", seen[name]-1))
		}
		b.WriteByte('}')
		path = after
	}
	return b.String()
}

// scriptQuery gives the names of a literal's query; values that are expressions
// are not known.
func scriptQuery(query string) []Parameter {
	values, _ := url.ParseQuery(query) // what can be read is kept
	for name := range values {
		if strings.ContainsAny(name, "{}") {
			delete(values, name)
			continue
		}
		if slices.ContainsFunc(values[name], func(v string) bool { return strings.Contains(v, "{") }) {
			values[name] = nil
		}
	}
	return fromValues(InQuery, values)
}

var (
	// callBefore is a call of a client's method: axios.get(, http.post<T>(.
	callBefore = regexp.MustCompile(`(?i)[\w$)\]]\s*\.\s*(get|post|put|patch|delete|head|options)(?:<[^<>()]{0,60}>)?\(\s*$`)
	// openBefore is the one of XMLHttpRequest (XMLHttpRequest, 3.5.1).
	openBefore = regexp.MustCompile("(?i)\\.open\\(\\s*[\"'`](get|post|put|patch|delete|head|options)[\"'`]\\s*,\\s*$")
	// methodKey is a member of fetch's init, of axios's config or of jQuery's
	// settings, in the same call.
	methodKey = regexp.MustCompile("(?i)\\b(?:method|type)[\"']?\\s*:\\s*[\"'`](get|post|put|patch|delete|head|options)[\"'`]")
	// callFetch and urlKey say that such a member may follow, or stand before.
	callFetch = regexp.MustCompile(`(?i)(?:\bfetch|\baxios|\brequest|\bajax)\(\s*$`)
	urlKey    = regexp.MustCompile(`(?i)\burl["']?\s*:\s*$`)
)

// methodNear looks for the method at both sides of a literal.
func methodNear(src string, lit literal) string {
	const window = 100
	before, after := src[max(0, lit.start-window):lit.start], src[lit.end:min(len(src), lit.end+2*window)]
	if t := strings.TrimRight(before, " \t\r\n"); t == "" || strings.IndexByte("(,:", t[len(t)-1]) < 0 {
		return http.MethodGet
	}
	for _, r := range []*regexp.Regexp{callBefore, openBefore} {
		if m := r.FindStringSubmatch(before); m != nil {
			return strings.ToUpper(m[1])
		}
	}
	keyed := urlKey.MatchString(before)
	if !keyed && !callFetch.MatchString(before) {
		return http.MethodGet
	}
	// Up to the next statement, so that another call's method is not taken.
	after, _, _ = strings.Cut(after, ";")
	if i := strings.Index(after, "fetch("); i >= 0 {
		after = after[:i]
	}
	if m := methodKey.FindStringSubmatch(after); m != nil {
		return strings.ToUpper(m[1])
	}
	if keyed {
		before = before[strings.LastIndexAny(before, "{;")+1:]
		if m := methodKey.FindStringSubmatch(before); m != nil {
			return strings.ToUpper(m[1])
		}
	}
	return http.MethodGet
}
