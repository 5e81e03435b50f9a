package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/internal/misspell"
)

// MaxSize is the most that a configuration or ignore file may hold, in bytes.
const MaxSize = 1 << 20

// maxDepth is how deep a file may nest; a container's commands need seven.
const maxDepth = 16

// Source is a file as it was read. Name is its path for people.
type Source struct {
	Name string
	Data []byte
}

// Parse reads a vitalsign.yaml, which may come from a hostile repository: at
// most MaxSize bytes of UTF-8, one YAML 1.2 document (or none: a file of
// comments says nothing), without anchors, aliases, merge keys and tags, so
// that what is written is what holds. Unknown and repeated keys and wrong
// values are errors. The error is Problems, each with line and column; the
// layer is then empty.
func Parse(src Source, kind Kind) (Layer, error) {
	p := &parser{origin: Origin{Kind: kind, Name: src.Name}, keys: Keys(), blocks: blocks(), values: map[string]setting{}, parts: map[string]part{}}
	if root := p.document(src.Data); root != nil {
		p.plain(root, 0)
		if len(p.problems) == 0 {
			p.section(root, "")
		}
	}
	return layerOr(Layer{p.values, p.parts}, p.problems)
}

type parser struct {
	origin   Origin
	keys     []Key
	blocks   []block
	values   map[string]setting
	parts    map[string]part
	problems Problems
}

func (p *parser) at(n *yaml.Node) Origin {
	o := p.origin
	o.Line, o.Column = n.Line, n.Column
	return o
}

func (p *parser) bad(n *yaml.Node, format string, args ...any) {
	p.problems.add(p.at(n), format, args...)
}

// document gives the root of the only document, nil when there is none or
// when something is wrong.
func (p *parser) document(data []byte) *yaml.Node {
	if len(data) > MaxSize {
		p.problems.add(p.origin, "is larger than 1 MiB")
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if i := unreadable(data); i >= 0 {
		o := p.origin
		o.Line = 1 + bytes.Count(data[:i], []byte("\n"))
		o.Column = 1 + utf8.RuneCount(data[bytes.LastIndexByte(data[:i], '\n')+1:i])
		p.problems.add(o, "byte %#02x is not text in UTF-8", data[i])
		return nil
	}
	nodes, err := decode(data)
	if err != nil {
		p.problems.add(p.syntax(err))
		return nil
	}
	if len(nodes) == 0 || len(nodes[0].Content) == 0 {
		return nil
	}
	if len(nodes) > 1 {
		p.bad(&nodes[1], "a second document begins; allowed: one")
		return nil
	}
	return nodes[0].Content[0]
}

// unreadable is the index of the first byte that is a control character other
// than tab and line ends, or no UTF-8; -1 when there is none.
func unreadable(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return i
		}
		i += n
	}
	return -1
}

// decode gives the documents as nodes, at most two. The YAML library reports
// its own faults by panic; one that a hostile file finds must not end the
// program, so it becomes an error.
func decode(data []byte) (nodes []yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			nodes, err = nil, fmt.Errorf("the file cannot be read as YAML (%v)", r)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(data))
	for len(nodes) < 2 {
		var n yaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

var syntaxLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// syntax gives the place and the words of an error of the YAML library, which
// knows the line and not the column; without a line it means the first.
func (p *parser) syntax(err error) (Origin, string, any) {
	m := syntaxLine.FindStringSubmatch(err.Error())
	o := p.origin
	o.Line = 1
	if n, err := strconv.Atoi(m[1]); err == nil {
		o.Line = n
	}
	return o, "not YAML: %s", err.Error()[len(m[0]):]
}

// plain refuses what would make a file mean more than it shows: anchors and
// aliases (also a way to write a gigabyte in a line), merge keys, tags, and depth.
func (p *parser) plain(n *yaml.Node, depth int) {
	switch {
	case depth > maxDepth:
		p.bad(n, "nested deeper than %d", maxDepth)
		return
	case n.Kind == yaml.AliasNode:
		p.bad(n, "aliases (*%s) are not allowed; write the value", short(n.Value))
		return
	case n.Anchor != "":
		p.bad(n, "anchors (&%s) are not allowed; write the value", short(n.Anchor))
	case n.Style&yaml.TaggedStyle != 0:
		p.bad(n, "tags (%s) are not allowed", short(n.Tag))
	case n.Tag == "!!merge":
		p.bad(n, "merge keys (<<) are not allowed; write the values")
	}
	for _, c := range n.Content {
		p.plain(c, depth+1)
	}
}

func short(s string) string { return strings.Trim(quote(s), `"`) }

// section reads a mapping of settings; prefix is "" or ends with a dot. A
// section without content (its lines are all comments) says nothing.
func (p *parser) section(n *yaml.Node, prefix string) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.bad(n, "%s: expected settings (%s), found %s", sectionName(prefix), strings.Join(p.children(prefix), ", "), kindName(n))
		return
	}
	p.pairs(n, func(name, content *yaml.Node) { p.child(name, content, prefix) })
}

// pairs gives the names of a mapping, each once, with what stands under them.
func (p *parser) pairs(n *yaml.Node, each func(name, content *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content) && !p.problems.full(); i += 2 {
		name, content := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode {
			p.bad(name, "a setting's name is a word, not %s", kindName(name))
			continue
		}
		if line, twice := seen[name.Value]; twice {
			p.bad(name, "%s is set twice, first on line %d", quote(name.Value), line)
			continue
		}
		seen[name.Value] = name.Line
		each(name, content)
	}
}

func (p *parser) child(name, content *yaml.Node, prefix string) {
	full := prefix + name.Value
	if i := slices.IndexFunc(p.keys, func(k Key) bool { return k.Name == full }); i >= 0 {
		p.leaf(p.keys[i], name, content)
		return
	}
	if i := slices.IndexFunc(p.blocks, func(b block) bool { return b.name == full }); i >= 0 {
		if p.blocks[i].repository && p.origin.Kind != Repository {
			p.bad(name, "%s can only be said in a repository's file", full)
			return
		}
		p.block(p.blocks[i], content)
		return
	}
	if slices.Contains(p.children(prefix), name.Value) {
		p.section(content, full+".")
		return
	}
	p.bad(name, "unknown setting %s%s", quote(full), p.advice(name.Value, prefix))
}

// advice names the nearest setting: a misspelling here, the right name in
// another section, else what there is.
func (p *parser) advice(name, prefix string) string {
	here := p.children(prefix)
	if near := misspell.Nearest(name, here); near != "" {
		return fmt.Sprintf("; did you mean %q?", prefix+near)
	}
	var last []string
	for _, k := range p.keys {
		last = append(last, k.Name[strings.LastIndexByte(k.Name, '.')+1:])
	}
	if near := misspell.Nearest(name, last); near != "" {
		return fmt.Sprintf("; did you mean %q?", p.keys[slices.Index(last, near)].Name)
	}
	var all []string
	for _, k := range p.keys {
		all = append(all, k.Name, k.Flag)
	}
	if near := misspell.Nearest(name, all); near != "" {
		i := slices.IndexFunc(p.keys, func(k Key) bool { return k.Name == near || k.Flag == near })
		return fmt.Sprintf("; did you mean %q?", p.keys[i].Name)
	}
	return "; known here: " + strings.Join(here, ", ")
}

// children lists the names directly below a section, in the table's order,
// that this kind of file may say.
func (p *parser) children(prefix string) []string {
	var names []string
	for _, k := range p.keys {
		rest, ok := strings.CutPrefix(k.Name, prefix)
		if !ok || k.Outside && p.origin.Kind == Repository {
			continue
		}
		name, _, _ := strings.Cut(rest, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if prefix == "" {
		for _, b := range p.blocks {
			if !b.repository || p.origin.Kind == Repository {
				names = append(names, b.name)
			}
		}
	}
	return names
}

// leaf reads one value. Its origin is the line of the setting's name.
func (p *parser) leaf(k Key, name, content *yaml.Node) {
	if k.Outside && p.origin.Kind == Repository {
		p.bad(name, "%s cannot be said in a repository; say it with %s", k.Name, k.voices())
		return
	}
	v, ok := value{}, false
	if k.Type.isList() {
		v, ok = p.list(k, content)
	} else {
		v, ok = p.scalar(k, content)
	}
	if ok {
		p.values[k.Name] = setting{v, p.at(name)}
	}
}

func (p *parser) scalar(k Key, n *yaml.Node) (value, bool) {
	want := "!!str"
	switch k.Type {
	case TypeSwitch:
		want = "!!bool"
	case TypeCount:
		want = "!!int"
	}
	switch {
	case n.Kind != yaml.ScalarNode:
		p.bad(n, "%s: %s is not allowed; allowed: %s", k.Name, kindName(n), k.Allowed())
		return value{}, false
	case n.Tag == "!!null":
		p.bad(n, "%s has no value; allowed: %s", k.Name, k.Allowed())
		return value{}, false
	}
	text := n.Value
	if k.Type == TypeSwitch {
		text = strings.ToLower(text) // True and TRUE are YAML's true
	}
	v, ok := k.scalar(text)
	if !ok || n.Tag != want {
		p.bad(n, "%s: %s is not allowed; allowed: %s%s", k.Name, quote(n.Value), k.Allowed(), unquoted(ok, want)+k.hint(ok, n.Value))
	}
	return v, ok && n.Tag == want
}

// unquoted explains a value that is right but for its quotes.
func unquoted(ok bool, want string) string {
	if ok && want != "!!str" {
		return ", without quotes"
	}
	return ""
}

func (p *parser) list(k Key, n *yaml.Node) (value, bool) {
	if n.Kind != yaml.SequenceNode {
		p.bad(n, "%s: %s is not allowed; allowed: %s", k.Name, kindName(n), k.Allowed())
		return value{}, false
	}
	if len(n.Content) > k.maxEntries() {
		p.bad(n, "%s: %d entries; allowed: %s", k.Name, len(n.Content), k.Allowed())
		return value{}, false
	}
	before := len(p.problems)
	var list []string
	for _, e := range n.Content {
		switch {
		case e.Kind != yaml.ScalarNode || e.Tag != "!!str":
			p.bad(e, "%s: %s is not allowed; allowed: %s", k.Name, kindName(e), k.Allowed())
		case slices.Contains(list, e.Value):
			p.bad(e, "%s: %s is listed twice", k.Name, quote(e.Value))
		default:
			if wrong := k.entry(e.Value); wrong != "" {
				p.bad(e, "%s: %s %s", k.Name, quote(e.Value), wrong)
			}
		}
		list = append(list, e.Value)
	}
	return value{list: normal(list)}, len(p.problems) == before
}

func sectionName(prefix string) string {
	if prefix == "" {
		return "the file"
	}
	return strings.TrimSuffix(prefix, ".")
}

func kindName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	}
	return quote(n.Value)
}
