package surface

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const clinic3 = `
openapi: 3.1.0
info: {title: Clinic, version: "1"}
servers:
  - url: https://{region}.example.org/api/{v}
    variables: {region: {default: eu}, v: {default: v1}}
  - url: /api
security: [{oauth: [patient/*.read]}]
paths:
  /patients/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
      - {name: lang, in: query, schema: {type: string, enum: [de, en]}}
      - {$ref: "#/components/parameters/Trace"}
    get:
      security: []
      parameters:
        - {name: lang, in: query, example: fr, schema: {type: string}}
        - {name: Authorization, in: header, schema: {type: string}}
        - {name: since, in: query, schema: {type: [string, "null"], format: date}}
        - {name: n, in: query, schema: {type: integer, minimum: 5, exclusiveMinimum: 4}}
        - {name: any, in: query, schema: true}
        - {name: theme, in: cookie, schema: {type: string, default: dark}}
        - {name: tags, in: query, schema: {type: array, items: {type: string, format: email}}}
        - {name: lost, in: query, schema: {$ref: "#/components/schemas/None"}}
      responses: {}
    put:
      x-idempotent: true
      security: [{oauth: [patient/*.write]}, {oidc: [openid]}, {key: []}]
      requestBody:
        content:
          application/json: {schema: {$ref: "#/components/schemas/Patient"}}
      responses: {}
  /search:
    post:
      x-safe: true
      security: [{key: []}, {}]
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, required: [q], properties: {q: {type: string}, from: {type: string, format: date-time}, upload: {type: string, format: binary}}}
  /xml:
    post:
      requestBody:
        content:
          application/xml:
            schema: {type: object, xml: {name: visit}, properties: {ward: {type: string, example: "7<8"}, beds: {type: array, items: {type: integer}}}}
  /given:
    post:
      requestBody:
        content:
          application/json:
            examples: {one: {$ref: "#/components/examples/One"}}
            schema: {type: object, properties: {a: {type: integer}, c: {type: boolean}}}
  x-not: {get: {}}
components:
  examples: {One: {value: {a: 7, b: {"c/d": x}}}}
  parameters:
    Trace: {name: X-Trace, in: header, required: true, schema: {type: string, minLength: 12}}
  securitySchemes:
    oauth: {type: oauth2, flows: {authorizationCode: {authorizationUrl: https://login.example.org/a, tokenUrl: https://login.example.org/t, scopes: {patient/*.read: r}}}}
    oidc: {type: openIdConnect, openIdConnectUrl: https://login.example.org/.well-known/openid-configuration}
    key: {type: apiKey, in: header, name: X-Key}
  schemas:
    Named: {type: object, required: [name], properties: {name: {type: array, items: {type: object, properties: {family: {type: string, example: Doe}, given: {type: array, items: {type: string}}}}}}}
    Patient:
      allOf:
        - $ref: "#/components/schemas/Named"
        - type: object
          properties:
            id: {type: string, readOnly: true}
            active: {type: boolean}
            gender: {type: string, enum: [female, male, other]}
            phone: {oneOf: [{type: "null"}, {type: string, example: 555-0100}]}
            mother: {$ref: "#/components/schemas/Patient"}
`

func TestOpenAPI3(t *testing.T) {
	s, err := OpenAPI([]byte(clinic3), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	properAll(t, s.Operations, Limits{})
	if got, want := routes(s.Operations), "POST /given\nGET /patients/{id}\nPUT /patients/{id}\nPOST /search\nPOST /xml"; got != want {
		t.Fatalf("got\n%s", got)
	}
	if s.Title != "Clinic" || !slices.Equal(s.Servers, []string{"https://eu.example.org/api/v1", "/api"}) {
		t.Errorf("%q %q", s.Title, s.Servers)
	}
	get := find(t, s.Operations, "GET /patients/{id}")
	for _, c := range []struct {
		in         In
		name, want string
	}{
		{InPath, "id", "00000000-0000-4000-8000-000000000001"},
		{InQuery, "lang", "fr"},
		{InQuery, "since", "2020-01-31"},
		{InQuery, "n", "5"},
		{InQuery, "any", "example"},
		{InQuery, "tags", "user@example.org"},
		{InQuery, "lost", "example"},
		{InHeader, "X-Trace", "examplexxxxx"},
		{InCookie, "theme", "dark"},
	} {
		if got := example(t, get, c.in, c.name); got != c.want {
			t.Errorf("%s:%s is %q, not %q", c.in, c.name, got, c.want)
		}
	}
	if _, ok := get.Parameter(InHeader, "Authorization"); ok {
		t.Error("OpenAPI says that a parameter of this name is to be ignored")
	}
	if !get.Safe || get.Login == nil || *get.Login || get.Scopes != nil || len(get.Parameters) != 9 {
		t.Errorf("%+v", get)
	}
}

func TestOpenAPI3Bodies(t *testing.T) {
	s, err := OpenAPI([]byte(clinic3), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	put := find(t, s.Operations, "PUT /patients/{id}")
	if !put.Idempotent || put.Safe || put.Login == nil || !*put.Login || !slices.Equal(put.Scopes, []string{"openid", "patient/*.write"}) {
		t.Errorf("%+v", put)
	}
	if got, want := string(put.Body), `{"active":true,"gender":"female","name":[{"family":"Doe","given":["example"]}],"phone":"555-0100"}`; got != want {
		t.Errorf("body\n%s\nnot\n%s", got, want)
	}
	for name, want := range map[string]string{"/active": "true", "/gender": "female", "/name/0/family": "Doe", "/name/0/given/0": "example", "/phone": "555-0100"} {
		if got := example(t, put, InJSON, name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if p, _ := put.Parameter(InJSON, "/gender"); !slices.Equal(p.Enum, []string{"female", "male", "other"}) || p.Type != "string" {
		t.Errorf("%+v", p)
	}
	search := find(t, s.Operations, "POST /search")
	if !search.Safe || search.Login != nil || search.ContentType != typeForm || example(t, search, InForm, "from") != "2020-01-31T12:00:00Z" {
		t.Errorf("%+v", search)
	}
	if p, _ := search.Parameter(InForm, "q"); !p.Required {
		t.Error("q is required")
	}
	if p, _ := search.Parameter(InForm, "upload"); p.Control != "file" {
		t.Error("upload is a file")
	}
	x := find(t, s.Operations, "POST /xml")
	if string(x.Body) != "<visit><beds>1</beds><ward>7&lt;8</ward></visit>" || example(t, x, InXML, "ward") != "7<8" || example(t, x, InXML, "beds") != "1" {
		t.Errorf("%s %+v", x.Body, x.Parameters)
	}
	given := find(t, s.Operations, "POST /given")
	if string(given.Body) != `{"a":7,"b":{"c/d":"x"}}` || example(t, given, InJSON, "/b/c~1d") != "x" || example(t, given, InJSON, "/c") != "true" {
		t.Errorf("%s %+v", given.Body, given.Parameters)
	}
	if given.Login == nil || !*given.Login || !slices.Equal(given.Scopes, []string{"patient/*.read"}) {
		t.Errorf("the global requirement holds: %+v", given)
	}
	if len(s.Security) != 3 || s.Security[0].Parameter != "X-Key" || s.Security[0].In != InHeader || len(s.Security[1].URLs) != 2 || s.Security[2].Type != "openIdConnect" {
		t.Errorf("%+v", s.Security)
	}
}

const clinic2 = `{
  "swagger": "2.0", "info": {"title": "Old"}, "host": "clinic.example.org", "basePath": "/v1", "schemes": ["https", "http"],
  "consumes": ["application/json"],
  "securityDefinitions": {"o": {"type": "oauth2", "flow": "accessCode", "tokenUrl": "https://login.example.org/t", "scopes": {"b": "", "a": ""}}},
  "paths": {
    "/visits": {
      "get": {"parameters": [{"name": "page", "in": "query", "type": "integer", "default": 3}, {"name": "tags", "in": "query", "type": "array", "items": {"type": "string", "enum": ["x", "y"]}}]},
      "post": {"parameters": [{"name": "b", "in": "body", "schema": {"$ref": "#/definitions/Visit"}}], "security": [{"o": ["b", "a"]}]}
    },
    "/scan": {"post": {"consumes": ["multipart/form-data"], "parameters": [{"name": "f", "in": "formData", "type": "file", "required": true}, {"name": "note", "in": "formData", "type": "string", "x-example": "hello"}]}}
  },
  "definitions": {"Visit": {"type": "object", "properties": {"ward": {"type": "integer"}}}}
}`

func TestSwagger2(t *testing.T) {
	s, err := OpenAPI([]byte(clinic2), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	properAll(t, s.Operations, Limits{})
	if got, want := routes(s.Operations), "POST /scan\nGET /visits\nPOST /visits"; got != want {
		t.Fatalf("got\n%s", got)
	}
	if !slices.Equal(s.Servers, []string{"https://clinic.example.org/v1", "http://clinic.example.org/v1"}) {
		t.Errorf("%q", s.Servers)
	}
	get, post, scan := s.Operations[1], s.Operations[2], s.Operations[0]
	if example(t, get, InQuery, "page") != "3" || example(t, get, InQuery, "tags") != "x" || get.Login != nil {
		t.Errorf("%+v", get)
	}
	if p, _ := get.Parameter(InQuery, "tags"); len(p.Enum) != 2 {
		t.Errorf("%+v", p)
	}
	if string(post.Body) != `{"ward":1}` || post.ContentType != "application/json" || !slices.Equal(post.Scopes, []string{"a", "b"}) {
		t.Errorf("%s %+v", post.Body, post)
	}
	if f, _ := scan.Parameter(InForm, "f"); f.Control != "file" || !f.Required || scan.ContentType != typeMultipart || example(t, scan, InForm, "note") != "hello" {
		t.Errorf("%+v", scan)
	}
	if got := routes(Prefix(s.Servers[0], s.Operations)); got != "POST /v1/scan\nGET /v1/visits\nPOST /v1/visits" {
		t.Errorf("got\n%s", got)
	}
	if got := routes(s.Operations); !strings.HasPrefix(got, "POST /scan") {
		t.Error("Prefix changed what it was given")
	}
}

func TestOpenAPIRefuses(t *testing.T) {
	for doc, want := range map[string]error{
		"": errSyntax, "[]": errObject, "{}": errOpenAPI, `{"openapi":"4.0.0"}`: errOpenAPI, `{"openapi":"3.0.0"`: errSyntax,
		"just text": errObject, "a: [": errSyntax, strings.Repeat("a", 1<<20): errSize,
	} {
		if _, err := OpenAPI([]byte(doc), Limits{Bytes: 1 << 19}); !errors.Is(err, want) {
			t.Errorf("%.40q: %v", doc, err)
		}
	}
}

// bombs are documents that are small and would be large, or deep.
func bombs() map[string]string {
	paths := func(n int, item string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"/p%d":%s,`, i, item)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	doc := func(paths, schemas string) string {
		return `{"openapi":"3.0.0","security":[{"s":[]}],"paths":{` + paths + `},"components":{"schemas":{` + schemas + `}}}`
	}
	post := func(ref string) string {
		return `{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/` + ref + `"}}}}}}`
	}
	alias := "openapi: 3.0.0\nx: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 12; i++ {
		alias += fmt.Sprintf("x%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), i-1)
	}
	var wide, chain, doubled strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&wide, `"p%d":{"$ref":"#/components/schemas/A"},`, i)
	}
	for i := range 3000 {
		fmt.Fprintf(&chain, `"C%d":{"$ref":"#/components/schemas/C%d"},`, i, i+1)
		fmt.Fprintf(&doubled, `"C%d":{"properties":{"a":{"$ref":"#/components/schemas/C%d"},"b":{"$ref":"#/components/schemas/C%d"}}},`, i, i+1, i+1)
	}
	large := strings.Repeat("x", 1<<20)
	return map[string]string{
		"aliases":           alias,
		"alias of itself":   "openapi: 3.0.0\na: &a\n  b: *a\n",
		"alias in paths":    "openapi: 3.0.0\npaths: &a\n  /x: *a\n",
		"200k paths":        doc(paths(200_000, `{"get":{}}`), ""),
		"self":              doc(paths(20_000, post("A")), `"A":{"$ref":"#/components/schemas/A"}`),
		"mutual":            doc(paths(20_000, post("A")), `"A":{"allOf":[{"$ref":"#/components/schemas/B"},{"$ref":"#/components/schemas/B"}]},"B":{"allOf":[{"$ref":"#/components/schemas/A"},{"$ref":"#/components/schemas/A"}]}`),
		"wide":              doc(paths(20_000, post("A")), `"A":{"properties":{`+wide.String()+`"z":{}}}`),
		"chain":             doc(paths(20_000, post("C0")), chain.String()+`"C3000":{}`),
		"doubled":           doc(paths(20_000, post("C0")), doubled.String()+`"C3000":{}`),
		"deep":              doc(paths(1, post("A")), `"A":`+strings.Repeat(`{"allOf":[`, 3000)+`{}`+strings.Repeat(`]}`, 3000)),
		"deep JSON":         strings.Repeat(`{"a":`, 1_000_000),
		"deep YAML":         strings.Repeat("[", 1_000_000),
		"deep YAML blocks":  deepYAML(3000),
		"large example":     doc(paths(20_000, post("A")), `"A":{"example":"`+large+`"}`),
		"many values":       `{"openapi":"3.0.0","x":[` + strings.Repeat("1,", 5_000_000) + `1]}`,
		"shared parameters": `{"openapi":"3.0.0","paths":{` + paths(100_000, `{"$ref":"#/x"}`) + `},"x":{"get":{},"put":{},"parameters":[` + strings.TrimSuffix(strings.Repeat(`{"in":"q"},`, 100_000), ",") + `]}}`,
		"braces":            doc(`"/`+strings.Repeat("{", 100_000)+`":{"get":{}}`, ""),
		"parameters":        doc(`"/`+strings.Repeat("{a}", 600)+`":{"get":{}}`, ""),
	}
}

func deepYAML(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestOpenAPIBombs(t *testing.T) {
	for name, doc := range bombs() {
		t.Run(name, func(t *testing.T) {
			within(t, func() {
				s, err := OpenAPI([]byte(doc), Limits{})
				t.Log(len(doc), len(s.Operations), s.Dropped, err)
				if len(s.Operations) > DefaultLimits().Operations {
					t.Errorf("%d operations", len(s.Operations))
				}
				total := 0
				for _, o := range s.Operations {
					total += len(o.Body)
				}
				if total > DefaultLimits().Bytes {
					t.Errorf("bodies of %d bytes", total)
				}
			})
		})
	}
}

func FuzzOpenAPI(f *testing.F) {
	f.Add([]byte(clinic3))
	f.Add([]byte(clinic2))
	for name, doc := range bombs() {
		if len(doc) < 100_000 && name != "deep YAML blocks" {
			f.Add([]byte(doc))
		}
	}
	l := Limits{Bytes: 1 << 20, Operations: 50, Parameters: 20, Depth: 6}
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, err := OpenAPI(doc, l)
		if err != nil {
			if s.Operations != nil {
				t.Error("an error and operations")
			}
			return
		}
		properAll(t, s.Operations, l)
		for _, o := range s.Operations {
			if isJSON(o.ContentType) && o.Body != nil && !json.Valid(o.Body) {
				t.Errorf("body %q of %s", o.Body, o.Route())
			}
		}
	})
}
