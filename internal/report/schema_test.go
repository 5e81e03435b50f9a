package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"

	generate "github.com/invopop/jsonschema"
	validate "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vitalsign-dev/vitalsign/checks"
)

var update = flag.Bool("update", false, "write the golden files and the schema anew")

// schema makes the published schema from the types themselves, so that the two
// cannot drift apart.
func schema(t *testing.T) []byte {
	t.Helper()
	r := &generate.Reflector{
		Anonymous: true,
		Mapper: func(t reflect.Type) *generate.Schema {
			switch t {
			case reflect.TypeFor[checks.Severity]():
				s := &generate.Schema{Type: "string"}
				for _, v := range checks.Severities() {
					s.Enum = append(s.Enum, v.String())
				}
				return s
			case reflect.TypeFor[time.Time]():
				return &generate.Schema{Type: "string", Format: "date-time"}
			case reflect.TypeFor[checks.Outcome]():
				return &generate.Schema{Type: "string", Enum: []any{checks.Pass, checks.Fail, checks.Unknown}}
			case reflect.TypeFor[checks.Status]():
				return &generate.Schema{Type: "string", Enum: []any{
					checks.OK, checks.Partial, checks.Failed, checks.Missing, checks.Stale, checks.Excluded, checks.NotApplicable}}
			}
			return nil
		},
	}
	s := r.Reflect(&checks.Document{})
	s.ID = checks.DocumentSchema
	s.Title = "What vitalsign scan -f json prints"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func TestSchemaIsTheTypes(t *testing.T) {
	want := schema(t)
	if *update {
		if err := os.WriteFile("scan.v1.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, Schema) {
		t.Error("scan.v1.schema.json is not what the types say: go test ./internal/report -update")
	}
}

func compile(t *testing.T, doc []byte, id string) *validate.Schema {
	t.Helper()
	v, err := validate.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	c := validate.NewCompiler()
	if err := c.AddResource(id, v); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *validate.Schema, doc []byte) {
	t.Helper()
	v, err := validate.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("not valid: %v", err)
	}
}
