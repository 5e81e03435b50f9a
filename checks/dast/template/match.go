package template

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// matcher is one test of an answer.
type matcher struct {
	kind, part, name    string
	and, negative, fold bool
	internal            bool
	numbers             []int
	words               []text
	regexes             []*regexp.Regexp
	bytes               []string
	dsl                 []node
}

// label says which matcher it is, by its name or its place.
func (m matcher) label(i int) string {
	if m.name != "" {
		return short(m.name)
	}
	return fmt.Sprintf("number %d (%s)", i+1, m.kind)
}

func (r *reader) matchers(n *yaml.Node, names map[string]bool) []matcher {
	var list []matcher
	for _, item := range r.items(n) {
		list = append(list, r.matcher(item, names))
	}
	return list
}

func (r *reader) matcher(n *yaml.Node, names map[string]bool) matcher {
	m := matcher{part: "body"}
	values := map[string]*yaml.Node{}
	take := func(key string) func(*yaml.Node) { return func(n *yaml.Node) { values[key] = n } }
	r.fields(n, "matcher", map[string]func(*yaml.Node){
		"type": func(n *yaml.Node) {
			m.kind = r.choice(n, "matcher type", "word", "regex", "status", "size", "dsl", "binary")
		},
		"name":             func(n *yaml.Node) { m.name = r.scalar(n) },
		"part":             func(n *yaml.Node) { m.part = r.part(n, names) },
		"condition":        func(n *yaml.Node) { m.and = r.choice(n, "condition", "and", "or") == "and" },
		"negative":         func(n *yaml.Node) { m.negative = r.flag(n) },
		"case-insensitive": func(n *yaml.Node) { m.fold = r.flag(n) },
		"internal":         func(n *yaml.Node) { m.internal = r.flag(n) },
		"words":            take("word"),
		"regex":            take("regex"),
		"status":           take("status"),
		"size":             take("size"),
		"dsl":              take("dsl"),
		"binary":           take("binary"),
	})
	v := values[m.kind]
	if r.err == nil && (v == nil || len(values) > 1 || len(r.items(v)) == 0) {
		r.fail(n, "a matcher without values, or with those of another type")
	}
	if m.fold && m.kind != "word" {
		r.fail(n, "case-insensitive for other than words")
	}
	if r.err == nil {
		r.matcherValues(&m, v, names)
	}
	return m
}

func (r *reader) matcherValues(m *matcher, v *yaml.Node, names map[string]bool) {
	for _, item := range r.items(v) {
		switch m.kind {
		case "word":
			m.words = append(m.words, r.text(item, r.scalar(item), names))
		case "regex":
			m.regexes = append(m.regexes, r.regex(item))
		case "status", "size":
			m.numbers = append(m.numbers, r.number(item))
		case "binary":
			b, err := hex.DecodeString(r.scalar(item))
			if err != nil {
				r.fail(item, "binary that is not hexadecimal")
			}
			m.bytes = append(m.bytes, string(b))
		default:
			m.dsl = append(m.dsl, r.dsl(item, names))
		}
	}
}

// part reads which part of an answer is meant: body, header, all, status_code,
// response, raw, any header or cookie by its name with underscores, each with
// an index.
func (r *reader) part(n *yaml.Node, names map[string]bool) string {
	part := r.scalar(n)
	if !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`).MatchString(part) {
		r.fail(n, "part %s", short(part))
	} else if err := refusedName(part); err != nil {
		r.fail(n, "part %s: %v", short(part), err)
	}
	names[part] = true
	return part
}

// match says whether the matcher holds. What is not there does not match, in
// the negative neither: nothing is known of it.
func (m matcher) match(s scope) bool {
	part, known := s(m.part)
	if !known && m.kind != "dsl" && m.kind != "status" {
		return false
	}
	ok, known := m.holds(s, part)
	return known && ok != m.negative
}

func (m matcher) holds(s scope, part value) (ok, known bool) {
	in := str(part)
	switch m.kind {
	case "status":
		status, ok := s(indexed("status_code", m.part))
		n, isNumber := status.(float64)
		return m.hasNumber(n), ok && isNumber
	case "size":
		return m.hasNumber(float64(len(in))), true
	case "regex":
		return every(m.and, m.regexes, func(re *regexp.Regexp) (bool, error) { return re.MatchString(in), nil })
	case "binary":
		return every(m.and, m.bytes, func(b string) (bool, error) { return strings.Contains(in, b), nil })
	case "word":
		return every(m.and, m.words, func(t text) (bool, error) {
			word, err := t.render(s)
			if m.fold {
				return strings.Contains(strings.ToLower(in), strings.ToLower(word)), err
			}
			return strings.Contains(in, word), err
		})
	default:
		return every(m.and, m.dsl, func(n node) (bool, error) { return truth(n, s) })
	}
}

// indexed gives the name for the same answer as another part: status_code_2
// for body_2.
func indexed(name, part string) string {
	if _, i := splitIndex(part); i > 0 {
		return fmt.Sprintf("%s_%d", name, i)
	}
	return name
}

func (m matcher) hasNumber(n float64) bool {
	for _, x := range m.numbers {
		if float64(x) == n {
			return true
		}
	}
	return false
}

func truth(n node, s scope) (bool, error) {
	v, err := n.eval(s)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, errType
	}
	return b, nil
}

// every joins tests by and, or by or. A test that cannot be made does not
// hold; when it is what decides, nothing is known.
func every[T any](and bool, list []T, test func(T) (bool, error)) (ok, known bool) {
	known = true
	for _, x := range list {
		ok, err := test(x)
		if err != nil {
			known = false
			ok = false
		}
		if ok != and {
			return ok, ok || known
		}
	}
	return and, known
}
