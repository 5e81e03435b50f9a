package surface

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of a document, whatever Limits say.
const (
	// maxValues counts the values of one document, aliases followed: a value
	// takes some hundred bytes once it is decoded.
	maxValues = 1_000_000
	// maxNesting is of brackets; no interface description is a tenth as deep.
	maxNesting = 200
	// yamlShare is the part of Limits.Bytes that YAML may have: its parser is
	// some ten times slower than the one of JSON.
	yamlShare = 8
)

// Errors of documents, in full: what a document holds is not repeated.
var (
	errSize   = errors.New("the document is larger than its limit")
	errValues = fmt.Errorf("more than %d values, aliases followed", maxValues)
	errNested = fmt.Errorf("nested deeper than %d levels", maxNesting)
	errSyntax = errors.New("neither JSON nor YAML")
	errObject = errors.New("the document is not an object")
)

// orDefault fills in what is zero or below.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	pick := func(v, d int) int {
		if v <= 0 {
			return d
		}
		return v
	}
	return Limits{pick(l.Bytes, d.Bytes), pick(l.Operations, d.Operations), pick(l.Parameters, d.Parameters), pick(l.Depth, d.Depth)}
}

// decode reads JSON, or YAML when yamlToo is set, into the values of
// encoding/json with numbers as json.Number. The top must be an object.
func decode(doc []byte, l Limits, yamlToo bool) (map[string]any, error) {
	if len(doc) > l.Bytes {
		return nil, errSize
	}
	doc = bytes.TrimPrefix(bytes.TrimSpace(doc), []byte("\ufeff"))
	var v any
	var err error
	if v, err = decodeJSON(doc); errors.Is(err, errSyntax) && yamlToo {
		v, err = decodeYAML(doc, l)
	}
	if err != nil {
		return nil, err
	}
	top, ok := v.(map[string]any)
	if !ok {
		return nil, errObject
	}
	return top, nil
}

func decodeJSON(doc []byte) (any, error) {
	if err := measure(doc); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil, errSyntax
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errSyntax
	}
	return v, nil
}

// measure bounds what decoding would take, before anything is allocated: each
// value but the first comes after a bracket, a comma or a colon.
func measure(doc []byte) error {
	if len(doc) == 0 || doc[0] != '{' && doc[0] != '[' {
		return errSyntax
	}
	values, depth, quoted := 1, 0, false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			values++
		case c == '}' || c == ']':
			depth--
		case c == ',':
			values++
		}
		if values > maxValues {
			return errValues
		}
		if depth > maxNesting {
			return errNested
		}
	}
	return nil
}

func decodeYAML(doc []byte, l Limits) (any, error) {
	if len(doc) > l.Bytes/yamlShare {
		return nil, errSize
	}
	// Each value of YAML takes an indicator or a line.
	if n := bytes.Count(doc, []byte{'\n'}) + bytes.Count(doc, []byte{','}) + bytes.Count(doc, []byte{'['}) + bytes.Count(doc, []byte{'{'}); n > maxValues/2 {
		return nil, errValues
	}
	var n yaml.Node
	if yaml.Unmarshal(doc, &n) != nil || len(n.Content) == 0 {
		return nil, errSyntax
	}
	c := converter{}
	v := c.value(n.Content[0], 0)
	return v, c.err
}

// converter makes values of encoding/json from YAML's nodes. Aliases are
// followed, and each time counted: what is read afterwards is a tree.
type converter struct {
	values int
	err    error
}

func (c *converter) value(n *yaml.Node, depth int) any {
	if c.values++; c.values > maxValues {
		c.err = errValues
	}
	if depth > maxNesting {
		c.err = errNested
	}
	if c.err != nil {
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.value(n.Alias, depth+1)
	case yaml.MappingNode:
		return c.mapping(n, depth)
	case yaml.SequenceNode:
		out := []any{}
		for _, k := range n.Content {
			out = append(out, c.value(k, depth+1))
		}
		return out
	case yaml.ScalarNode:
		return scalar(n)
	}
	return nil
}

func (c *converter) mapping(n *yaml.Node, depth int) any {
	out := map[string]any{}
	for i := 0; i+1 < len(n.Content) && c.err == nil; i += 2 {
		k, v := n.Content[i], c.value(n.Content[i+1], depth+1)
		if k.Tag != "!!merge" {
			out[k.Value] = v
			continue
		}
		for key, v := range object(v) {
			if _, there := out[key]; !there {
				out[key] = v
			}
		}
	}
	return out
}

// scalar knows JSON's types only: a date stays the text that it is.
func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int", "!!float":
		if v := json.Number(n.Value); isNumber(n.Value) {
			return v
		}
	}
	return n.Value
}

// isNumber says whether a text is a number as JSON writes it (RFC 8259, 6).
func isNumber(s string) bool {
	var n json.Number
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Unmarshal([]byte(s), &n) == nil
}

// object, list and text read a value leniently: what is of another kind is as
// good as absent.
func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func list(v any) []any { l, _ := v.([]any); return l }

func text(v any) string { s, _ := v.(string); return s }

// texts gives the strings of a list.
func texts(v any) []string {
	var out []string
	for _, e := range list(v) {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// flag gives a boolean, and whether there is one.
func flag(v any) (value, ok bool) { value, ok = v.(bool); return }

// keys gives the names of an object in order.
func keys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// first gives at most the first one.
func first(s []string) []string { return s[:min(len(s), 1)] }

// written gives a value as a request writes it: a string as it is, all else as
// JSON.
func written(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if v == nil {
		return ""
	}
	return string(marshal(v))
}

// marshal writes JSON without the escapes for HTML: a payload is to arrive as
// it is.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// pointerEscape makes a reference token of a name (RFC 6901, 3).
func pointerEscape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func pointerTokens(pointer string) []string {
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, t := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens
}

// at follows tokens down (RFC 6901, 4).
func at(v any, tokens []string) (any, bool) {
	for _, t := range tokens {
		switch c := v.(type) {
		case map[string]any:
			next, ok := c[t]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(t)
			if err != nil || i < 0 || i >= len(c) {
				return nil, false
			}
			v = c[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// put sets the value at tokens and gives the changed document; what is missing
// on the way is made, lists grow by one element at most.
func put(v any, tokens []string, value any) any {
	if len(tokens) == 0 {
		return value
	}
	if l, ok := v.([]any); ok {
		if i, err := strconv.Atoi(tokens[0]); err == nil && i >= 0 && i <= len(l) {
			if i == len(l) {
				l = append(l, nil)
			}
			l[i] = put(l[i], tokens[1:], value)
			return l
		}
	}
	if v == nil && tokens[0] == "0" {
		return []any{put(nil, tokens[1:], value)}
	}
	m, ok := v.(map[string]any)
	if !ok {
		m = map[string]any{}
	}
	m[tokens[0]] = put(m[tokens[0]], tokens[1:], value)
	return m
}
