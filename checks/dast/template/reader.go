package template

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// reader takes a document apart. It keeps the first thing that is not
// supported; what it gives after that means nothing.
type reader struct {
	err     *Unsupported
	regexes int
	// names are those that something may use: of variables, payloads and
	// internal extractors.
	names map[string]bool
}

func (r *reader) fail(n *yaml.Node, format string, a ...any) {
	if r.err == nil {
		r.err = &Unsupported{Line: n.Line, What: fmt.Sprintf(format, a...)}
	}
}

// document reads the YAML, without aliases: a few lines of them can stand for
// more than any machine holds.
func document(doc []byte) (*yaml.Node, error) {
	if len(doc) > maxDocument {
		return nil, &Unsupported{What: fmt.Sprintf("more than %d bytes", maxDocument)}
	}
	d := yaml.NewDecoder(bytes.NewReader(doc))
	var root yaml.Node
	if err := d.Decode(&root); err != nil {
		return nil, unreadable(err)
	}
	var second yaml.Node
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &Unsupported{Line: second.Line, What: "more than one document"}
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		return nil, &Unsupported{Line: 1, What: "an empty document"}
	}
	return root.Content[0], nil
}

func unreadable(err error) error {
	u := &Unsupported{Line: 1, What: "YAML that cannot be read"}
	if m := regexp.MustCompile(`line (\d+)`).FindStringSubmatch(err.Error()); m != nil {
		u.Line, _ = strconv.Atoi(m[1])
	}
	return u
}

// fields reads a mapping by a table of what is known; nil ignores a field.
func (r *reader) fields(n *yaml.Node, what string, known map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s that is not a mapping", what)
		return
	}
	var seen []string
	for i := 0; i+1 < len(n.Content) && r.err == nil; i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		f, ok := known[key.Value]
		switch {
		case !ok || key.Kind != yaml.ScalarNode:
			r.fail(key, "%s: field %s", what, short(key.Value))
		case slices.Contains(seen, key.Value):
			r.fail(key, "%s: field %s twice", what, key.Value)
		case f != nil:
			seen = append(seen, key.Value)
			f(v)
		}
	}
}

// pairs reads a mapping whose keys are the author's own.
func (r *reader) pairs(n *yaml.Node, what string, f func(key string, v *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s that is not a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content) && r.err == nil; i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || seen[key.Value] || len(seen) >= maxPerBlock {
			r.fail(key, "%s: key %s", what, short(key.Value))
			return
		}
		seen[key.Value] = true
		f(key.Value, n.Content[i+1])
	}
}

// short keeps a message from being as long as a template.
func short(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return strconv.Quote(s)
}

func (r *reader) scalar(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		if n.Kind == yaml.AliasNode {
			r.fail(n, "an alias")
		} else {
			r.fail(n, "a list or mapping where there should be a text")
		}
		return ""
	}
	return n.Value
}

// items gives the entries of a list; a text alone is a list of one.
func (r *reader) items(n *yaml.Node) []*yaml.Node {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil
	case n.Kind == yaml.ScalarNode:
		return []*yaml.Node{n}
	case n.Kind != yaml.SequenceNode:
		r.fail(n, "something else where there should be a list")
		return nil
	case len(n.Content) > maxPerBlock:
		r.fail(n, "a list of more than %d", maxPerBlock)
		return nil
	}
	return n.Content
}

func (r *reader) scalars(n *yaml.Node) []string {
	var out []string
	for _, item := range r.items(n) {
		out = append(out, r.scalar(item))
	}
	return out
}

func (r *reader) flag(n *yaml.Node) bool {
	b, err := strconv.ParseBool(r.scalar(n))
	if err != nil {
		r.fail(n, "something else where there should be true or false")
	}
	return b
}

func (r *reader) number(n *yaml.Node) int {
	v, err := strconv.Atoi(r.scalar(n))
	if err != nil || v < 0 {
		r.fail(n, "something else where there should be a number")
	}
	return v
}

func (r *reader) choice(n *yaml.Node, what string, allowed ...string) string {
	v := r.scalar(n)
	if !slices.Contains(allowed, v) {
		r.fail(n, "%s %s", what, short(v))
	}
	return v
}

func (r *reader) regex(n *yaml.Node) *regexp.Regexp {
	r.regexes++
	if r.regexes > maxRegexes {
		r.fail(n, "more than %d regular expressions", maxRegexes)
		return nil
	}
	re, err := compileRegex(r.scalar(n))
	if err != nil {
		r.fail(n, "%v", err)
	}
	return re
}

// text reads a text with placeholders; names gets what it uses.
func (r *reader) text(n *yaml.Node, s string, names map[string]bool) text {
	t, err := parseText(s, 0, names)
	if err != nil {
		r.fail(n, "%v", err)
	}
	return t
}

// sent reads a text that goes into a request, where every name must be one
// that will have a value.
func (r *reader) sent(n *yaml.Node, s string) text {
	names := map[string]bool{}
	t := r.text(n, s, names)
	for name := range names {
		if !r.names[name] && !builtin(name) {
			r.fail(n, "variable %s, which nothing defines", short(name))
		}
	}
	return t
}

func (r *reader) dsl(n *yaml.Node, names map[string]bool) node {
	x, err := parseDSL(r.scalar(n), names)
	if err != nil {
		r.fail(n, "%v", err)
	}
	return x
}
