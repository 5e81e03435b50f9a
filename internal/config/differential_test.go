package config

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// maker makes configurations out of the JSON Schema alone: it knows nothing of
// the parser, so that the two can be held against each other.
type maker struct {
	r *rand.Rand
	// bend is one in how many values is another than the schema wants.
	bend int
}

func (m maker) pick(words ...any) any { return words[m.r.IntN(len(words))] }

// anything is a value of some kind, near what people write.
func (m maker) anything() any {
	if m.r.IntN(2) == 0 {
		return m.pick(samples()...)
	}
	return m.pick(nil, true, false, 0, 1, -1, 256, 1.5, "", "high", "off", "auto", "1GB", "0B", "10m", "0s", "Low", "a", "A", "-x", "../x", "/x", "file:x", []any{}, []any{"a", "a"}, map[string]any{}, map[string]any{"a": "b"}, strings.Repeat("x", 5000))
}

func (m maker) value(s map[string]any, depth int) any {
	if m.bend > 0 && m.r.IntN(m.bend) == 0 {
		return m.anything()
	}
	if all, ok := s["enum"].([]any); ok {
		return m.pick(all...)
	}
	if c, ok := s["const"]; ok {
		return c
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if all, ok := s[word].([]any); ok && s["type"] != "object" {
			return m.value(all[m.r.IntN(len(all))].(map[string]any), depth)
		}
	}
	switch kind := m.kind(s); kind {
	case "boolean":
		return m.r.IntN(2) == 0
	case "integer":
		lo, hi := number64(s["minimum"], 0), number64(s["maximum"], 300)
		return m.pick(lo, hi, lo+(hi-lo)/2)
	case "array":
		return m.list(s, depth)
	case "object":
		return m.object(s, depth)
	case "null":
		return nil
	default:
		return m.text(s)
	}
}

func number64(v any, otherwise int64) int64 {
	if n, ok := v.(int); ok {
		return int64(n)
	}
	if n, ok := v.(float64); ok {
		return int64(n)
	}
	return otherwise
}

// kind is one of the types.
func (m maker) kind(s map[string]any) string {
	switch t := s["type"].(type) {
	case string:
		return t
	case []any:
		return fmt.Sprint(t[m.r.IntN(len(t))])
	}
	return "string"
}

func (m maker) list(s map[string]any, depth int) any {
	items, _ := s["items"].(map[string]any)
	list := []any{}
	for range int(number64(s["minItems"], 0)) + m.r.IntN(3) {
		if v := m.value(items, depth+1); s["uniqueItems"] != true || !slices.ContainsFunc(list, func(o any) bool { return fmt.Sprint(o) == fmt.Sprint(v) }) {
			list = append(list, v)
		}
	}
	return list
}

func (m maker) object(s map[string]any, depth int) any {
	out := map[string]any{}
	properties, _ := s["properties"].(map[string]any)
	needed, _ := s["required"].([]any)
	if all, ok := s["oneOf"].([]any); ok {
		one, _ := all[m.r.IntN(len(all))].(map[string]any)
		more, _ := one["required"].([]any)
		needed = append(slices.Clone(needed), more...)
	}
	names := []string{}
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names) // so that a seed makes the same each time
	for _, name := range names {
		if slices.Contains(needed, any(name)) || m.r.IntN(4+2*depth) == 0 {
			out[name] = m.value(properties[name].(map[string]any), depth+1)
		}
	}
	if rest, ok := s["additionalProperties"].(map[string]any); ok {
		for range m.r.IntN(3) {
			out[fmt.Sprint(m.pick("a", "bandit", "house-lint", "x-1", "PATH", "B_2"))] = m.value(rest, depth+1)
		}
	}
	if m.bend > 0 && m.r.IntN(3*m.bend) == 0 {
		out[fmt.Sprint(m.pick("fail_no", "", "-", "NAME", "history"))] = m.anything()
	}
	return out
}

// samples are texts of which one has the form that most patterns want.
func samples() []any {
	return []any{"10m", "1h30m", "14d", "500MB", "2GB", "1B", "a", "deps", "house-lint", "**/*.py", "dist/*", "services/Dockerfile", "/src", "/opt/lint/bin/lint", "lint",
		"auto", "local", "dagger", "dagger=tcp://a:1234", "../up", "a/../b", "a..b", "./x", "{a", "[", "a\x00", strings.Repeat("é", 1024), "file:semgrep.tar", "dir:root", "docker.io/x/y@sha256:" + digits, "http://127.0.0.1:8080", "https://portal.example.org/", "/health", "GET /a",
		"127.0.0.1:8080", "portal.example.org", "x-header", "X-Header", "ALICE_NAME", "{report}", "text", "openapi.yaml", "1MB", "90s", "^a$", "oci://r.example/x", "200", "high"}
}

func (m maker) text(s map[string]any) any {
	pattern, _ := s["pattern"].(string)
	re, err := regexp.Compile(pattern)
	if err != nil {
		return m.pick(samples()...)
	}
	for range 200 {
		if v := m.pick(samples()...); re.MatchString(v.(string)) {
			return v
		}
	}
	return m.pick(samples()...)
}

// beyond are the rules that a schema cannot say, by the messages of the parser
// (see Schema and block.schema): only for these may it be the stricter one.
var beyond = regexp.MustCompile(strings.Join([]string{
	`is listed twice`, `does not print`, `is not a pattern`, `alternatives in braces`, `overlaps`, `is that of`,
}, "|"))

// The three that TestSchemaDifferential found first are here by name: a report
// that nobody would find, a path that leaves the repository, and a part of one
// that only looks like it.
func TestSchemaSaysIt(t *testing.T) {
	s := compiledSchema(t)
	for doc, good := range map[string]bool{
		"external: {a: {command: lint}}":                          false,
		"external: {a: {command: lint, args: [x]}}":               false,
		"external: {a: {command: lint, args: ['--to={report}']}}": true,
		"external: {a: {command: lint, output: stdout}}":          true,
		"external: {a: {command: lint, preset: bandit}}":          true,
		"external: {a: }":                            true,
		"artifacts: [{name: a, dockerfile: ../x}]":   false,
		"artifacts: [{name: a, dockerfile: a/../x}]": false,
		"artifacts: [{name: a, dockerfile: a/..}]":   false,
		"artifacts: [{name: a, dockerfile: a..b/x}]": true,
	} {
		_, parsed := Parse(Source{Name: "f", Data: []byte(doc)}, User)
		if valid := schemaError(t, s, doc); (valid == nil) != good || (parsed == nil) != good {
			t.Errorf("%s: good is %v, the schema says %v, the parser %v", doc, good, valid, parsed)
		}
	}
}

// What the schema accepts the parser accepts, and the other way around, over
// configurations made from the schema, whole and bent.
func TestSchemaDifferential(t *testing.T) {
	s := compiledSchema(t)
	var tree map[string]any
	if err := yaml.Unmarshal(Schema(), &tree); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for i := range 6000 {
		m := maker{r: rand.New(rand.NewPCG(uint64(i), 7)), bend: []int{0, 40, 12}[i%3]}
		made, _ := m.value(tree, 0).(map[string]any)
		// Some a repository may not say, and these nobody else.
		if projects, ok := made[blockProjects]; ok {
			delete(made, blockProjects)
			doc, err := yaml.Marshal(map[string]any{blockProjects: projects})
			if err != nil {
				t.Fatal(err)
			}
			differ(t, s, Repository, string(doc), count)
		}
		doc, err := yaml.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		differ(t, s, User, string(doc), count)
	}
	t.Logf("%v", count)
	if count["both take it"] < 500 || count["both refuse it"] < 500 {
		t.Errorf("%v: this shows little", count)
	}
}

// FuzzSchema goes on where TestSchemaDifferential ends.
func FuzzSchema(f *testing.F) {
	for i := range 3 {
		f.Add(uint64(i), 20*i)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(Schema(), &tree); err != nil {
		f.Fatal(err)
	}
	s := compiledSchema(f)
	f.Fuzz(func(t *testing.T, seed uint64, bend int) {
		made, _ := maker{r: rand.New(rand.NewPCG(seed, 8)), bend: bend % 100}.value(tree, 0).(map[string]any)
		delete(made, blockProjects) // a user's file has none
		doc, err := yaml.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		differ(t, s, User, string(doc), map[string]int{})
	})
}

func differ(t *testing.T, s *jsonschema.Schema, kind Kind, doc string, count map[string]int) {
	t.Helper()
	_, parsed := Parse(Source{Name: "f", Data: []byte(doc)}, kind)
	valid := schemaError(t, s, doc)
	switch {
	case parsed == nil && valid == nil:
		count["both take it"]++
	case parsed != nil && valid != nil:
		count["both refuse it"]++
	case parsed == nil:
		t.Errorf("only the parser takes it: %v\n%s", valid, doc)
	case beyond.MatchString(parsed.Error()):
		count["what a schema cannot say"]++
	default:
		t.Errorf("only the schema takes it: %v\n%s", parsed, doc)
	}
}
