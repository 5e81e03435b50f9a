package config

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const schemaFile = "vitalsign.schema.json"

var update = flag.Bool("update", false, "write "+schemaFile)

func TestSchemaFile(t *testing.T) {
	if *update {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(b, Schema()) {
		t.Errorf("%s is not what Schema gives (%v); run: go test ./internal/config -run TestSchemaFile -update", schemaFile, err)
	}
}

func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(SchemaID) // checks it against the draft's own schema
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func schemaError(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return s.Validate(v)
}

// The schema and the parser say the same of every document.
func TestSchemaAgrees(t *testing.T) {
	s := compiledSchema(t)
	good := append(goodDocuments(), everything, Template("", Layer{}), uncommented(Template("", Layer{})))
	for _, text := range good {
		mustParse(t, text)
		if err := schemaError(t, s, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if len(badDocuments()) < 40 {
		t.Error("the table of bad documents is gone")
	}
	for text := range badDocuments() {
		if _, err := parseText(t, text); err == nil {
			t.Errorf("%q: the parser accepts it", text)
		}
		if schemaError(t, s, text) == nil {
			t.Errorf("%q: the schema accepts it", text)
		}
	}
}

// uncommented takes the "# " off, as somebody who sets everything would.
func uncommented(template string) string {
	var b strings.Builder
	for line := range strings.Lines(template) {
		b.WriteString(strings.TrimPrefix(line, "# "))
	}
	return b.String()
}

func TestTemplate(t *testing.T) {
	text := Template("", Layer{})
	if l := mustParse(t, text); !l.Empty() {
		t.Errorf("the template sets something:\n%s", text)
	}
	full := mustParse(t, uncommented(text))
	if s, _ := Resolve(full); !reflect.DeepEqual(s, Defaults()) || len(full.values) != inRepository() {
		t.Errorf("uncommented, the template is not the defaults: %+v\n%s", s, uncommented(text))
	}
	for _, k := range Keys() {
		if !strings.Contains(text, k.Help) {
			t.Errorf("%s is not explained", k.Name)
		}
	}
	if !strings.HasPrefix(Template("https://example.org/s.json", Layer{}), "# yaml-language-server: $schema=https://example.org/s.json\n") {
		t.Error("no line for editors")
	}
}

func inRepository() (n int) {
	for _, k := range Keys() {
		if !k.Outside {
			n++
		}
	}
	return n
}

func TestTemplateWithSettings(t *testing.T) {
	want := mustParse(t, "checks: {secrets: {history: true}}\npaths: {vendored: ['a/**', \"b\\\"<>\"]}")
	text := Template("", want)
	got := mustParse(t, text)
	one, _ := Resolve(want)
	two, _ := Resolve(got)
	if !reflect.DeepEqual(one, two) || len(got.values) != 2 {
		t.Errorf("%+v\n%s", two, text)
	}
	mustParse(t, uncommented(text))
}
