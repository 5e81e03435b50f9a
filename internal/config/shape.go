package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/internal/misspell"
)

// shape says what may be written at one place of a block. The parser and the
// JSON Schema are both made from it. What is read is a tree of map[string]any,
// []any, string, bool and int64, in one form for one meaning, so that two
// trees mean the same if they encode to the same JSON.
type shape struct {
	kind shapeKind
	// allowed says what may be written, for messages and help.
	allowed string

	// Of a record: its fields, and what the fields together must be ("" when
	// they are). A bare record may be written as nothing at all.
	fields []field
	whole  func(map[string]any) string
	bare   bool
	// rules are whole in the words of JSON Schema.
	rules map[string]any

	// Of a list and a table: what is in it, and how many. The order of an
	// unordered list means nothing, so it is sorted, and holds nothing twice.
	item        *shape
	least, most int
	unordered   bool
	// keys is the form of a table's names.
	keys *regexp.Regexp

	// Of an atom: YAML's type, the value or else what is wrong with it, and
	// the schema.
	tag  string
	atom func(text string) (v any, wrong string)
	form map[string]any
}

type shapeKind int

const (
	atomShape shapeKind = iota
	recordShape
	listShape
	tableShape
)

// field is one name of a record.
type field struct {
	name, help string
	shape      shape
	required   bool
}

// read gives the tree of a node; at is the place's dotted name for messages.
func (p *parser) read(s shape, at string, n *yaml.Node) (any, bool) {
	switch s.kind {
	case recordShape:
		return p.record(s, at, n)
	case listShape:
		return p.sequence(s, at, n)
	case tableShape:
		return p.table(s, at, n)
	}
	return p.atom(s, at, n)
}

func (p *parser) atom(s shape, at string, n *yaml.Node) (any, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		p.bad(n, "%s: %s is not allowed; allowed: %s", at, kindName(n), s.allowed)
		return nil, false
	}
	v, wrong := s.atom(n.Value)
	switch {
	case wrong != "":
		p.bad(n, "%s: %s %s", at, quote(n.Value), wrong)
	case n.Tag != s.tag && s.tag == "!!str":
		p.bad(n, "%s: %s is not text; allowed: %s, in quotes", at, quote(n.Value), s.allowed)
	case n.Tag != s.tag:
		p.bad(n, "%s: %s is not allowed; allowed: %s, without quotes", at, quote(n.Value), s.allowed)
	}
	return v, n.Tag == s.tag && wrong == ""
}

func (p *parser) record(s shape, at string, n *yaml.Node) (any, bool) {
	if s.bare && n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		n = &yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Column: n.Column}
	}
	var names []string
	for _, f := range s.fields {
		names = append(names, f.name)
	}
	if n.Kind != yaml.MappingNode {
		p.bad(n, "%s: expected settings (%s), found %s", at, strings.Join(names, ", "), kindName(n))
		return nil, false
	}
	before, tree := len(p.problems), map[string]any{}
	p.pairs(n, func(name, content *yaml.Node) {
		i := slices.Index(names, name.Value)
		if i < 0 {
			p.bad(name, "unknown setting %s%s", quote(at+"."+name.Value), fieldAdvice(name.Value, at, names))
			return
		}
		tree[name.Value], _ = p.read(s.fields[i].shape, at+"."+name.Value, content)
	})
	for _, f := range s.fields {
		if _, said := tree[f.name]; f.required && !said && len(p.problems) == before {
			p.bad(n, "%s: %s is missing; allowed: %s", at, f.name, f.shape.allowed)
		}
	}
	if s.whole != nil && len(p.problems) == before {
		if wrong := s.whole(tree); wrong != "" {
			p.bad(n, "%s: %s", at, wrong)
		}
	}
	return tree, len(p.problems) == before
}

func fieldAdvice(name, at string, names []string) string {
	if near := misspell.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", at+"."+near)
	}
	return "; known here: " + strings.Join(names, ", ")
}

func (p *parser) sequence(s shape, at string, n *yaml.Node) (any, bool) {
	if n.Kind != yaml.SequenceNode {
		p.bad(n, "%s: %s is not allowed; allowed: %s", at, kindName(n), s.allowed)
		return nil, false
	}
	if !p.count(s, at, n, len(n.Content)) {
		return nil, false
	}
	before, list := len(p.problems), []any{}
	for _, e := range n.Content {
		v, ok := p.read(*s.item, at, e)
		if ok && s.unordered && slices.Contains(list, v) {
			p.bad(e, "%s: %s is listed twice", at, kindName(e))
		}
		if ok {
			list = append(list, v)
		}
	}
	if s.unordered {
		slices.SortFunc(list, compareAtoms)
	}
	return list, len(p.problems) == before
}

// compareAtoms orders texts and numbers; a list has atoms of one type.
func compareAtoms(a, b any) int {
	if n, ok := a.(int64); ok {
		m, _ := b.(int64)
		return cmp.Compare(n, m)
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func (p *parser) table(s shape, at string, n *yaml.Node) (any, bool) {
	if n.Kind != yaml.MappingNode {
		p.bad(n, "%s: %s is not allowed; allowed: %s", at, kindName(n), s.allowed)
		return nil, false
	}
	if !p.count(s, at, n, len(n.Content)/2) {
		return nil, false
	}
	before, tree := len(p.problems), map[string]any{}
	p.pairs(n, func(name, content *yaml.Node) {
		if name.Tag != "!!str" || !s.keys.MatchString(name.Value) {
			p.bad(name, "%s: %s is not allowed; allowed: %s", at, quote(name.Value), s.allowed)
			return
		}
		tree[name.Value], _ = p.read(*s.item, at+"."+name.Value, content)
	})
	return tree, len(p.problems) == before
}

// count holds a number of entries against the bounds, before any is read.
func (p *parser) count(s shape, at string, n *yaml.Node, entries int) bool {
	if entries < s.least || entries > s.most {
		p.bad(n, "%s: %d entries; allowed: %s", at, entries, s.allowed)
		return false
	}
	return true
}

// textShape is text that wrong finds nothing wrong with.
func textShape(allowed string, wrong func(string) string, form map[string]any) shape {
	form["type"] = "string"
	return shape{allowed: allowed, tag: "!!str", form: form,
		atom: func(text string) (any, string) { return text, wrong(text) }}
}

func switchShape() shape {
	const allowed = "true or false"
	return shape{allowed: allowed, tag: "!!bool", form: map[string]any{"type": "boolean"},
		atom: func(text string) (any, string) {
			low := strings.ToLower(text) // True and TRUE are YAML's true
			return low == "true", unless(low == "true" || low == "false", allowed)
		}}
}

func durationShape() shape {
	return shape{allowed: allowedDuration, tag: "!!str", form: notZero(durationForm),
		atom: func(text string) (any, string) {
			v, ok := parseDuration(text)
			return Key{Type: TypeDuration}.format(v), unless(ok, allowedDuration)
		}}
}

func countShape(least, most int64) shape {
	k := Key{Type: TypeCount, min: least, max: most}
	return shape{allowed: k.Allowed(), tag: "!!int", form: k.form(),
		atom: func(text string) (any, string) {
			v, ok := k.scalar(text)
			return v.n, unless(ok, k.Allowed())
		}}
}

func unless(ok bool, allowed string) string {
	if ok {
		return ""
	}
	return "is not allowed; allowed: " + allowed
}

func listShapeOf(item shape, least, most int, allowed string) shape {
	return shape{kind: listShape, item: &item, least: least, most: most, allowed: allowed}
}

// patternsShape is a list of path patterns; of those that claim files all
// letters are small, as the paths are that they are held against.
func patternsShape(small bool) shape {
	allowed, form := allowedPatternText, `^[^/]`
	if small {
		allowed, form = "patterns in lower case such as \"**/*.py\", relative to the repository's root", `^[^/A-Z][^A-Z]*$`
	}
	item := textShape(allowed, func(text string) string {
		if small && strings.ToLower(text) != text {
			return "is not in lower case, as every path is that it is compared with"
		}
		return wrongPattern(text)
	}, map[string]any{"pattern": form, "not": map[string]any{"pattern": dotForm}, "maxLength": maxPattern})
	s := listShapeOf(item, 1, maxPatterns, "a list of 1 to "+strconv.Itoa(maxPatterns)+" "+allowed)
	s.unordered = true
	return s
}
