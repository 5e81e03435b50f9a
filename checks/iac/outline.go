package iac

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	xjson "github.com/aquasecurity/trivy/pkg/x/json"
	"go.yaml.in/yaml/v3"
)

// Bounds of a document that is handed to a scanner.
const (
	maxDepth = 200
	// maxNodes counts values after aliases are followed: trivy follows each
	// one by itself, so that a kilobyte of them can mean a terabyte.
	maxNodes = 400_000
)

var (
	errDepth = fmt.Errorf("nested deeper than %d levels", maxDepth)
	errNodes = fmt.Errorf("more than %d values, aliases followed", maxNodes)
)

// node is a value of a YAML or JSON document and where it stands; lines count
// from 1. An alias is a leaf.
type node struct {
	key, text string // text of a scalar
	list      bool
	line, end int
	kids      []*node
}

// child returns the value of a key, nil if there is none. It may be called on nil.
func (n *node) child(key string) *node {
	if n == nil || n.list {
		return nil
	}
	for _, k := range n.kids {
		if k.key == key {
			return k
		}
	}
	return nil
}

// scalar returns the text of a key's value, "" if there is none.
func (n *node) scalar(key string) string {
	if c := n.child(key); c != nil {
		return c.text
	}
	return ""
}

// deepest calls f for every value that stands around a line, from the outside in.
func (n *node) deepest(line int, f func(*node)) {
	if line < n.line || line > n.end {
		return
	}
	f(n)
	for _, k := range n.kids {
		k.deepest(line, f)
	}
}

// outline reads the documents of a file. JSON may hold comments, as templates
// of Azure do.
func outline(p string, b []byte) ([]*node, error) {
	if strings.HasSuffix(strings.ToLower(p), ".json") || bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		n, err := outlineJSON(b)
		return []*node{n}, err
	}
	return outlineYAML(b)
}

func outlineYAML(b []byte) ([]*node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	left := maxNodes
	var docs []*node
	for {
		var y yaml.Node
		err := dec.Decode(&y)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, errors.New("not YAML") // its words quote the file
		}
		c := yamlConverter{sizes: map[*yaml.Node]int{}}
		if left -= c.size(&y, 0); left < 0 {
			return nil, errNodes
		}
		if c.err != nil {
			return nil, c.err
		}
		docs = append(docs, convertYAML("", &y))
	}
}

// yamlConverter measures a document. sizes holds finished values, and -1 for
// those being measured: an alias may stand within its own anchor.
type yamlConverter struct {
	sizes map[*yaml.Node]int
	err   error
}

// size is the number of values under y with every alias followed, cut at
// maxNodes+1.
func (c *yamlConverter) size(y *yaml.Node, depth int) int {
	if depth > maxDepth {
		c.err = errDepth
	}
	if c.err != nil {
		return 0
	}
	if y.Kind == yaml.AliasNode && y.Alias != nil {
		return c.size(y.Alias, depth+1)
	}
	if len(y.Content) == 0 {
		return 1
	}
	if n, known := c.sizes[y]; known {
		if n < 0 {
			c.err = errors.New("an alias stands within its own anchor")
		}
		return max(n, 0)
	}
	c.sizes[y] = -1
	n := 1
	for _, k := range y.Content {
		n = min(n+c.size(k, depth+1), maxNodes+1)
	}
	c.sizes[y] = n
	return n
}

func convertYAML(key string, y *yaml.Node) *node {
	switch {
	case y.Kind == yaml.DocumentNode && len(y.Content) > 0:
		return convertYAML(key, y.Content[0])
	case y.Kind == yaml.MappingNode:
		n := &node{key: key, line: y.Line, end: y.Line}
		for i := 0; i+1 < len(y.Content); i += 2 {
			k := convertYAML(y.Content[i].Value, y.Content[i+1])
			k.line = y.Content[i].Line
			n.add(k)
		}
		return n
	case y.Kind == yaml.SequenceNode:
		n := &node{key: key, list: true, line: y.Line, end: y.Line}
		for _, item := range y.Content {
			n.add(convertYAML("", item))
		}
		return n
	}
	n := &node{key: key, text: y.Value, line: y.Line, end: y.Line}
	if y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		n.end += strings.Count(y.Value, "\n")
	}
	return n
}

func (n *node) add(k *node) {
	n.kids = append(n.kids, k)
	n.end = max(n.end, k.end)
}

func outlineJSON(b []byte) (*node, error) {
	b = xjson.ToRFC8259(b)
	d := &jsonReader{b: b, dec: json.NewDecoder(bytes.NewReader(b)), left: maxNodes, line: 1}
	d.dec.UseNumber()
	return d.value("", 0)
}

type jsonReader struct {
	b    []byte
	dec  *json.Decoder
	left int
	at   int // offset that line belongs to
	line int
}

// token reads a token and moves line to where it ends.
func (d *jsonReader) token() (json.Token, error) {
	t, err := d.dec.Token()
	if err != nil {
		return nil, errors.New("not JSON") // its words quote the file
	}
	to := int(d.dec.InputOffset())
	d.line += bytes.Count(d.b[d.at:to], []byte("\n"))
	d.at = to
	return t, nil
}

func (d *jsonReader) value(key string, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	if d.left--; d.left < 0 {
		return nil, errNodes
	}
	t, err := d.token()
	if err != nil {
		return nil, err
	}
	n := &node{key: key, line: d.line, end: d.line, list: t == json.Delim('[')}
	if _, nested := t.(json.Delim); !nested {
		n.text = fmt.Sprint(t)
		return n, nil
	}
	for d.dec.More() {
		inner, line := "", 0
		if !n.list {
			k, err := d.token()
			if err != nil {
				return nil, err
			}
			inner, line = fmt.Sprint(k), d.line
		}
		kid, err := d.value(inner, depth+1)
		if err != nil {
			return nil, err
		}
		if line > 0 {
			kid.line = line
		}
		n.add(kid)
	}
	if _, err := d.token(); err != nil {
		return nil, err
	}
	n.end = max(n.end, d.line)
	return n, nil
}
