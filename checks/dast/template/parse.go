package template

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Parse reads a template. name is where it came from, for messages. An error
// is always an [*Unsupported].
func Parse(name string, doc []byte) (Template, error) {
	root, err := document(doc)
	if err != nil {
		return Template{}, err
	}
	r := &reader{names: map[string]bool{}}
	t := r.template(root)
	if r.err != nil {
		return Template{}, r.err
	}
	t.name = name
	return t, nil
}

func (r *reader) template(root *yaml.Node) Template {
	var t Template
	var blocks *yaml.Node
	http := func(n *yaml.Node) {
		if blocks != nil {
			r.fail(n, "http and requests together")
		}
		blocks = n
	}
	var variables *yaml.Node
	r.fields(root, "template", map[string]func(*yaml.Node){
		"id":                  func(n *yaml.Node) { t.id = r.id(n) },
		"info":                func(n *yaml.Node) { t.rule = r.info(n) },
		"variables":           func(n *yaml.Node) { variables = n },
		"http":                http,
		"requests":            http,
		"stop-at-first-match": func(n *yaml.Node) { t.stopFirst = r.flag(n) },
	})
	if r.err == nil && (t.id == "" || t.rule.Title == "" || blocks == nil) {
		r.fail(root, "a template without id, info with a name, or http")
	}
	if r.err != nil {
		return t
	}
	t.rule.ID, t.rule.Class = "template/"+t.id, "template/"+t.id
	if variables != nil {
		t.variables = r.variables(variables)
	}
	r.blocks(blocks, &t)
	return t
}

func (r *reader) id(n *yaml.Node) string {
	id := r.scalar(n)
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`).MatchString(id) {
		r.fail(n, "id %s", short(id))
	}
	return id
}

func (r *reader) info(n *yaml.Node) checks.Rule {
	var rule checks.Rule
	var description, remediation string
	list := func(n *yaml.Node) { r.scalars(n) }
	r.fields(n, "info", map[string]func(*yaml.Node){
		"name":           func(n *yaml.Node) { rule.Title = strings.TrimSpace(r.scalar(n)) },
		"severity":       func(n *yaml.Node) { rule.Severity = r.severity(n) },
		"description":    func(n *yaml.Node) { description = strings.TrimSpace(r.scalar(n)) },
		"remediation":    func(n *yaml.Node) { remediation = strings.TrimSpace(r.scalar(n)) },
		"reference":      func(n *yaml.Node) { rule.References = r.scalars(n) },
		"classification": func(n *yaml.Node) { rule.CWE = r.cwe(n) },
		"author":         list,
		"tags":           list,
		"impact":         nil,
		"metadata":       nil,
	})
	rule.Advice = remediation
	if rule.Advice == "" {
		rule.Advice = description
	}
	return rule
}

func (r *reader) severity(n *yaml.Node) checks.Severity {
	name := strings.ToLower(strings.TrimSpace(r.scalar(n)))
	if name == "unknown" || name == "undefined" {
		return checks.Unrated
	}
	s, err := checks.ParseSeverity(name)
	if err != nil {
		r.fail(n, "severity %s", short(name))
	}
	return s
}

// cwe takes the CWE ids out of a classification; the rest of it rates, and a
// rule has its own severity.
func (r *reader) cwe(n *yaml.Node) []string {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	var ids []string
	r.pairs(n, "classification", func(key string, v *yaml.Node) {
		if key != "cwe-id" {
			return
		}
		for _, s := range r.scalars(v) {
			ids = append(ids, regexp.MustCompile(`CWE-\d{1,5}`).FindAllString(strings.ToUpper(s), 50)...)
		}
	})
	return ids
}

func (r *reader) variables(n *yaml.Node) []variableText {
	var list []variableText
	r.pairs(n, "variables", func(key string, v *yaml.Node) {
		list = append(list, variableText{key, r.sent(v, r.scalar(v))})
		r.define(v, key)
	})
	return list
}

// define makes a name known. One that this package gives a meaning to cannot
// have another.
func (r *reader) define(n *yaml.Node, name string) {
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`).MatchString(name) || builtin(name) {
		r.fail(n, "the name %s", short(name))
		return
	}
	r.names[name] = true
}

func (r *reader) blocks(n *yaml.Node, t *Template) {
	list := r.items(n)
	if len(list) == 0 || len(list) > maxBlocks {
		r.fail(n, "%d entries of http: 1 to %d", len(list), maxBlocks)
		return
	}
	total := 0
	for _, item := range list {
		b := r.block(item)
		if r.err != nil {
			return
		}
		requests := len(b.requests) * max(1, b.sets())
		total += requests
		if requests*b.tests() > maxTests {
			r.fail(item, "more than %d values looked for in all answers", maxTests)
			return
		}
		if total > maxRequests {
			r.fail(item, "more than %d requests", maxRequests)
			return
		}
		t.blocks = append(t.blocks, b)
	}
}

// blockNodes are the parts of a block that are read after all its names are
// known.
type blockNodes struct {
	method, path, raw, body, headers *yaml.Node
	matchers, extractors, payloads   *yaml.Node
	redirects, noMerge               bool
}

func keep(to **yaml.Node) func(*yaml.Node) { return func(n *yaml.Node) { *to = n } }

func (r *reader) block(n *yaml.Node) block {
	b := block{cookies: true, hops: maxHops, indexed: map[string]bool{}}
	var parts blockNodes
	r.fields(n, "http", map[string]func(*yaml.Node){
		"method":                 keep(&parts.method),
		"path":                   keep(&parts.path),
		"raw":                    keep(&parts.raw),
		"body":                   keep(&parts.body),
		"headers":                keep(&parts.headers),
		"matchers":               keep(&parts.matchers),
		"extractors":             keep(&parts.extractors),
		"payloads":               keep(&parts.payloads),
		"attack":                 func(n *yaml.Node) { b.attack = r.choice(n, "attack", "batteringram", "pitchfork", "clusterbomb") },
		"redirects":              func(n *yaml.Node) { parts.redirects = r.flag(n) || parts.redirects },
		"host-redirects":         func(n *yaml.Node) { parts.redirects = r.flag(n) || parts.redirects },
		"max-redirects":          func(n *yaml.Node) { b.hops = min(r.number(n), maxHops) },
		"cookie-reuse":           func(n *yaml.Node) { b.cookies = r.flag(n) },
		"disable-cookie":         func(n *yaml.Node) { b.cookies = !r.flag(n) },
		"stop-at-first-match":    func(n *yaml.Node) { b.stopFirst = r.flag(n) },
		"matchers-condition":     func(n *yaml.Node) { b.and = r.choice(n, "matchers-condition", "and", "or") == "and" },
		"disable-path-automerge": func(n *yaml.Node) { parts.noMerge = r.flag(n) },
		"unsafe":                 r.onlyFalse("unsafe: true"),
		"race":                   r.onlyFalse("race: true"),
		"req-condition":          nil,
		"threads":                nil,
		"id":                     nil,
		"name":                   nil,
	})
	if !parts.redirects {
		b.hops = 0
	}
	if r.err == nil {
		r.contents(n, parts, &b)
	}
	return b
}

func (r *reader) onlyFalse(what string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.flag(n) {
			r.fail(n, "%s", what)
		}
	}
}

// contents reads what names each other: payloads and extractors first.
func (r *reader) contents(n *yaml.Node, parts blockNodes, b *block) {
	if parts.payloads != nil {
		r.payloads(parts.payloads, b)
	}
	names := map[string]bool{}
	if parts.extractors != nil {
		b.extractors = r.extractors(parts.extractors, names)
	}
	if parts.matchers != nil {
		b.matchers = r.matchers(parts.matchers, names)
	}
	if r.err == nil {
		r.requests(n, parts, b)
	}
	for name := range names {
		if base, i := splitIndex(name); i > 0 && !r.names[name] && base != "randstr" {
			b.indexed[name] = true
		}
	}
	if r.err == nil && len(b.matchers) == 0 && len(b.extractors) == 0 {
		r.fail(n, "http without matchers and extractors")
	}
}
