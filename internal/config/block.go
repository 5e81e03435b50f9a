package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// block is a part of the file whose entries have names that people choose.
// Beside Keys, it is all that parser, schema and template know of it.
type block struct {
	name, help string
	// note says in one sentence what a repository may do with it.
	note string
	// example is lines for the template, below the block's name.
	example []string
	// list says that entries are the elements of a list, each with its name.
	list bool
	// single says that the block is one entry, of the block's own name.
	single bool
	// id is the field of a list's elements that tells them apart; "" is name.
	id string
	// most is how many entries there may be; 0 is maxParts.
	most int
	// repository says that only a repository's file may say it.
	repository bool
	item       shape
	// clash, where there is one, says what two elements of a list cannot both be.
	clash func(aID string, a map[string]any, bID string, b map[string]any) string
}

func blocks() []block {
	return []block{projectsBlock(), externalBlock(), imagesBlock(), artifactsBlock(), dastBlock()}
}

func (b block) bound() int { return cmp.Or(b.most, maxParts) }

func (b block) key() string { return cmp.Or(b.id, "name") }

// part is one entry of a block, as it was read: the name is not in the tree.
type part struct {
	tree   any
	origin Origin
}

// block reads one block. Without content it says nothing.
func (p *parser) block(b block, n *yaml.Node) {
	want, form, size := yaml.MappingNode, "names with what holds for each", len(n.Content)/2
	if b.list {
		want, form, size = yaml.SequenceNode, "a list of settings with a "+b.key(), len(n.Content)
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
	case b.single:
		if tree, ok := p.read(b.item, b.name, n); ok && len(n.Content) > 0 {
			p.parts[b.name] = part{tree, p.at(n)}
		}
	case n.Kind != want:
		p.bad(n, "%s: %s is not allowed; allowed: %s", b.name, kindName(n), form)
	case size > b.bound():
		p.bad(n, "%s: %d entries; allowed: %d", b.name, size, b.bound())
	case b.list:
		seen := map[string]map[string]any{}
		for _, e := range n.Content {
			p.listed(b, e, seen)
		}
	default:
		p.pairs(n, func(name, content *yaml.Node) {
			if name.Tag != "!!str" || !nameRE.MatchString(name.Value) {
				p.bad(name, "%s: %s is not allowed; allowed: %s", b.name, quote(name.Value), allowedName)
				return
			}
			full := b.name + "." + name.Value
			if tree, ok := p.read(b.item, full, content); ok {
				p.parts[full] = part{plainest(full, tree), p.at(name)}
			}
		})
	}
}

// listed reads an element of a block that is a list; seen are those before it.
func (p *parser) listed(b block, n *yaml.Node, seen map[string]map[string]any) {
	tree, ok := p.read(b.item, b.name+b.idIn(n), n)
	if !ok {
		return
	}
	entry, _ := tree.(map[string]any)
	id := textOf(entry[b.key()])
	full := b.name + "." + id
	if first, twice := p.parts[full]; twice {
		p.bad(n, "%s: %s is listed twice, first on line %d", b.name, quote(id), first.origin.Line)
		return
	}
	delete(entry, b.key())
	if b.clash != nil {
		for _, other := range names(seen) {
			if why := b.clash(id, entry, other, seen[other]); why != "" {
				p.bad(n, "%s: %s, on line %d", b.name, why, p.parts[b.name+"."+other].origin.Line)
				return
			}
		}
	}
	seen[id] = entry
	p.parts[full] = part{entry, p.at(n)}
}

// idIn is what tells a list's element apart, for messages, with a dot; "" when
// it has none that is well formed.
func (b block) idIn(n *yaml.Node) string {
	form := nameRE
	if b.id != "" {
		form = projectRE
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if v := n.Content[i+1]; n.Content[i].Value == b.key() && form.MatchString(v.Value) {
			return "." + v.Value
		}
	}
	return ""
}

// plainest leaves out what says nothing: a preset of the tool's own name.
func plainest(full string, tree any) any {
	entry, ok := tree.(map[string]any)
	if ok && full == blockExternal+"."+textOf(entry["preset"]) && entry["command"] == nil {
		delete(entry, "preset")
	}
	return tree
}

// encode gives the tree as JSON, which is YAML, too. Two trees that encode to
// the same mean the same.
func encode(tree any) string {
	out, err := json.Marshal(tree)
	if err != nil {
		panic(fmt.Sprintf("a tree always encodes: %v", err)) // strings, numbers, lists and maps
	}
	return string(out)
}

// maxBrief bounds what is shown of one entry, in characters.
const maxBrief = 300

// brief shows a tree in one line. Arguments, commands and the values of
// variables are not in it, because a credential may be in them.
func brief(tree any) string {
	s := briefly("", tree)
	if utf8.RuneCountInString(s) > maxBrief {
		s = string([]rune(s)[:maxBrief]) + "..."
	}
	return s
}

func briefly(name string, v any) string {
	switch v := v.(type) {
	case []any:
		if name == "args" || name == "commands" || name == "command" || name == "seed" {
			return fmt.Sprintf("(%d)", len(v))
		}
		var out []string
		for _, e := range v {
			out = append(out, briefly("", e))
		}
		return "[" + strings.Join(out, ", ") + "]"
	case map[string]any:
		var out []string
		for _, field := range names(v) {
			if name == "env" {
				out = append(out, field)
				continue
			}
			out = append(out, field+": "+briefly(field, v[field]))
		}
		return "{" + strings.Join(out, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// names lists the keys of a map, sorted.
func names[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
