package template

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxValues bounds what one extractor takes out of one answer.
const maxValues = 100

// extractor takes values out of an answer.
type extractor struct {
	kind, part, name string
	internal         bool
	group            int
	groupName        string
	regexes          []*regexp.Regexp
	keys             []string
	paths            []jsonPath
	dsl              []node
}

func (r *reader) extractors(n *yaml.Node, names map[string]bool) []extractor {
	var list []extractor
	for _, item := range r.items(n) {
		e := r.extractor(item, names)
		if e.internal && r.err == nil {
			r.define(item, e.name)
		}
		list = append(list, e)
	}
	return list
}

func (r *reader) extractor(n *yaml.Node, names map[string]bool) extractor {
	e := extractor{part: "body"}
	values := map[string]*yaml.Node{}
	take := func(key string) func(*yaml.Node) { return func(n *yaml.Node) { values[key] = n } }
	var group *yaml.Node
	r.fields(n, "extractor", map[string]func(*yaml.Node){
		"type":             func(n *yaml.Node) { e.kind = r.choice(n, "extractor type", "regex", "kval", "json", "dsl") },
		"name":             func(n *yaml.Node) { e.name = r.scalar(n) },
		"part":             func(n *yaml.Node) { e.part = r.part(n, names) },
		"internal":         func(n *yaml.Node) { e.internal = r.flag(n) },
		"group":            keep(&group),
		"case-insensitive": r.onlyFalse("case-insensitive extractors"),
		"regex":            take("regex"),
		"kval":             take("kval"),
		"json":             take("json"),
		"dsl":              take("dsl"),
	})
	v := values[e.kind]
	if r.err == nil && (v == nil || len(values) > 1 || len(r.items(v)) == 0) {
		r.fail(n, "an extractor without values, or with those of another type")
	}
	if r.err == nil {
		r.extractorValues(&e, v, names)
	}
	if r.err == nil && group != nil {
		r.group(&e, group)
	}
	return e
}

func (r *reader) extractorValues(e *extractor, v *yaml.Node, names map[string]bool) {
	for _, item := range r.items(v) {
		switch e.kind {
		case "regex":
			e.regexes = append(e.regexes, r.regex(item))
		case "kval":
			key := strings.ReplaceAll(strings.ToLower(r.scalar(item)), "-", "_")
			names[key] = true
			e.keys = append(e.keys, key)
		case "json":
			p, err := parseJSONPath(r.scalar(item))
			if err != nil {
				r.fail(item, "%v", err)
			}
			e.paths = append(e.paths, p)
		default:
			e.dsl = append(e.dsl, r.dsl(item, names))
		}
	}
}

// group is a number, or the name that (?P<name>...) gives.
func (r *reader) group(e *extractor, n *yaml.Node) {
	if s := r.scalar(n); regexp.MustCompile(`^[A-Za-z_]\w{0,63}$`).MatchString(s) {
		e.groupName = s
	} else {
		e.group = r.number(n)
	}
	for _, re := range e.regexes {
		if r.err == nil && e.index(re) > re.NumSubexp() || e.index(re) < 0 {
			r.fail(n, "a group that a regular expression does not have")
		}
	}
}

// index gives which group of an expression is meant, -1 where it has none.
func (e extractor) index(re *regexp.Regexp) int {
	if e.groupName == "" {
		return e.group
	}
	return re.SubexpIndex(e.groupName)
}

// extract gives the different values, in the order in which they come.
func (e extractor) extract(s scope) []string {
	var out []string
	add := func(v string) {
		if v != "" && len(out) < maxValues && len(v) <= maxExpression && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	part, _ := s(e.part)
	for _, re := range e.regexes {
		for _, m := range re.FindAllStringSubmatch(str(part), maxValues) {
			add(m[e.index(re)])
		}
	}
	for _, k := range e.keys {
		if v, ok := s(k); ok {
			add(str(v))
		}
	}
	for _, n := range e.dsl {
		if v, err := n.eval(s); err == nil {
			add(str(v))
		}
	}
	if len(e.paths) > 0 {
		for _, v := range lookupJSON(str(part), e.paths) {
			add(v)
		}
	}
	return out
}
