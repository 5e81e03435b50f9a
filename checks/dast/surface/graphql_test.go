package surface

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const introspected = `{"data":{"__schema":{
  "queryType":{"name":"Query"},"mutationType":{"name":"Root"},
  "types":[
    {"kind":"OBJECT","name":"Query","fields":[
      {"name":"patient","args":[{"name":"id","type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"ID"}}},{"name":"first","type":{"kind":"SCALAR","name":"Int"},"defaultValue":"10"}],"type":{"kind":"OBJECT","name":"Patient"}},
      {"name":"any","args":[],"type":{"kind":"LIST","ofType":{"kind":"UNION","name":"Any"}}},
      {"name":"now","args":[],"type":{"kind":"SCALAR","name":"String"}},
      {"name":"bad name","args":[],"type":{"kind":"SCALAR","name":"String"}}
    ]},
    {"kind":"OBJECT","name":"Root","fields":[
      {"name":"save","args":[{"name":"in","type":{"kind":"NON_NULL","ofType":{"kind":"INPUT_OBJECT","name":"PatientIn"}}},{"name":"tags","type":{"kind":"NON_NULL","ofType":{"kind":"LIST","ofType":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"Int"}}}}}],"type":{"kind":"OBJECT","name":"Empty"}}
    ]},
    {"kind":"OBJECT","name":"Patient","fields":[
      {"name":"name","args":[],"type":{"kind":"SCALAR","name":"String"}},
      {"name":"ward","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"OBJECT","name":"Ward"}}},
      {"name":"visits","args":[{"name":"year","type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"Int"}}}],"type":{"kind":"OBJECT","name":"Ward"}},
      {"name":"gender","args":[],"type":{"kind":"ENUM","name":"Gender"}}
    ]},
    {"kind":"OBJECT","name":"Ward","fields":[{"name":"number","args":[],"type":{"kind":"SCALAR","name":"Int"}},{"name":"head","args":[],"type":{"kind":"OBJECT","name":"Patient"}}]},
    {"kind":"OBJECT","name":"Empty","fields":[{"name":"later","args":[{"name":"x","type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"Int"}}}],"type":{"kind":"SCALAR","name":"Int"}}]},
    {"kind":"UNION","name":"Any"},
    {"kind":"ENUM","name":"Gender","enumValues":[{"name":"FEMALE"},{"name":"MALE"}]},
    {"kind":"INPUT_OBJECT","name":"PatientIn","inputFields":[
      {"name":"family","type":{"kind":"SCALAR","name":"String"}},
      {"name":"born","type":{"kind":"SCALAR","name":"Date"}},
      {"name":"gender","type":{"kind":"ENUM","name":"Gender"}},
      {"name":"mother","type":{"kind":"INPUT_OBJECT","name":"PatientIn"}}
    ]}
  ]}}}`

func TestGraphQL(t *testing.T) {
	ops, err := GraphQL([]byte(introspected), "/graphql", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	properAll(t, ops, Limits{})
	if got, want := routes(ops), "POST /graphql query patient\nPOST /graphql query any\nPOST /graphql query now\nPOST /graphql mutation save"; got != want {
		t.Fatalf("got\n%s", got)
	}
	for i, want := range []string{
		`{"query":"query Patient($id: ID!, $first: Int) { patient(id: $id, first: $first) { name ward { number } gender } }","variables":{"id":"example"}}`,
		`{"query":"query Any { any { __typename } }","variables":{}}`,
		`{"query":"query Now { now }","variables":{}}`,
	} {
		if string(ops[i].Body) != want || !ops[i].Safe {
			t.Errorf("got\n%s\nnot\n%s", ops[i].Body, want)
		}
	}
	if example(t, ops[0], InGraphQL, "first") != "10" {
		t.Error("the default is an example")
	}
	save := ops[3]
	if !strings.HasPrefix(string(save.Body), `{"query":"mutation Save($in: PatientIn!, $tags: [Int!]!) { save(in: $in, tags: $tags) { __typename } }"`) || save.Safe {
		t.Errorf("%s", save.Body)
	}
	for name, want := range map[string]string{"in/family": "example", "in/born": "2020-01-31", "in/gender": "FEMALE", "in/mother/family": "example", "tags/0": "1"} {
		if got := example(t, save, InGraphQL, name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	r, err := save.Build(mustURL(t, "https://clinic.example.org"), map[string]string{"graphql:in/mother/family": "' OR 1=1", "graphql:tags/0": "7"})
	if err != nil || !strings.Contains(string(r.Body), `"mother":{"born":"2020-01-31","family":"' OR 1=1"`) || !strings.Contains(string(r.Body), `"tags":[7]`) {
		t.Errorf("%s %v", r.Body, err)
	}
}

func TestGraphQLRefuses(t *testing.T) {
	for doc, want := range map[string]error{"": errSyntax, "{}": errGraphQL, `{"data":{"__schema":null}}`: errGraphQL, `{"errors":[{"message":"introspection is off"}]}`: errGraphQL} {
		if _, err := GraphQL([]byte(doc), "/graphql", Limits{}); !errors.Is(err, want) {
			t.Errorf("%q: %v", doc, err)
		}
	}
}

func TestTheIntrospectionQueryIsBalanced(t *testing.T) {
	if strings.Count(IntrospectionQuery, "{") != strings.Count(IntrospectionQuery, "}") || strings.Count(IntrospectionQuery, "...Ref") != 2 {
		t.Error(IntrospectionQuery)
	}
}

// Input objects that need each other, and a type of very many fields.
func TestGraphQLBombs(t *testing.T) {
	var in, fields strings.Builder
	for i := range 40 {
		fmt.Fprintf(&in, `{"name":"f%d","type":{"kind":"NON_NULL","ofType":{"kind":"INPUT_OBJECT","name":"In"}}},`, i)
	}
	for i := range 60_000 {
		fmt.Fprintf(&fields, `{"name":"f%d","args":[{"name":"a","type":{"kind":"INPUT_OBJECT","name":"In"}}],"type":{"kind":"OBJECT","name":"Query"}},`, i)
	}
	doc := `{"__schema":{"queryType":{"name":"Query"},"mutationType":{"name":"Query"},"types":[{"kind":"INPUT_OBJECT","name":"In","inputFields":[` + strings.TrimSuffix(in.String(), ",") +
		`]},{"kind":"OBJECT","name":"Query","fields":[` + strings.TrimSuffix(fields.String(), ",") + `]}]}}`
	within(t, func() {
		ops, err := GraphQL([]byte(doc), "/graphql", Limits{})
		if err != nil || len(ops) != DefaultLimits().Operations {
			t.Errorf("%d operations, %v", len(ops), err)
		}
	})
}

func FuzzGraphQL(f *testing.F) {
	f.Add([]byte(introspected), "/graphql")
	l := Limits{Bytes: 1 << 20, Operations: 50, Parameters: 20, Depth: 6}
	f.Fuzz(func(t *testing.T, doc []byte, path string) {
		ops, err := GraphQL(doc, path, l)
		if err != nil {
			return
		}
		properAll(t, ops, l)
		for _, o := range ops {
			var body struct {
				Query     string
				Variables map[string]any
			}
			if err := json.Unmarshal(o.Body, &body); err != nil || body.Query == "" || body.Variables == nil {
				t.Fatalf("%s: %v", o.Body, err)
			}
			if strings.Count(body.Query, "{") != strings.Count(body.Query, "}") || strings.Count(body.Query, "(") != strings.Count(body.Query, ")") {
				t.Fatalf("not balanced: %s", body.Query)
			}
			if o.Safe != strings.HasPrefix(body.Query, "query ") || !strings.Contains(o.Route(), o.Name) {
				t.Fatalf("%+v", o)
			}
		}
	})
}
