package surface

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// IntrospectionQuery asks a GraphQL service what it offers (GraphQL, October
// 2021, 4). Its fields are those that GraphQL needs and all of them are of the
// first edition, so that old servers answer as well; types are wrapped at most
// seven deep, as the reference implementation asks.
const IntrospectionQuery = `query IntrospectionQuery {
  __schema {
    queryType { name }
    mutationType { name }
    types {
      kind name
      fields(includeDeprecated: true) {
        name
        args { ...Input }
        type { ...Ref }
      }
      inputFields { ...Input }
      enumValues(includeDeprecated: true) { name }
    }
  }
}
fragment Input on __InputValue { name type { ...Ref } defaultValue }
fragment Ref on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } }
}`

var errGraphQL = errors.New("no answer to GraphQL's introspection")

// GraphQL makes an operation of each field of Query (safe) and of Mutation from
// the answer to an introspection (GraphQL, October 2021, 4.2), with or without
// "data" around it. All are POST of JSON to path (GraphQL over HTTP, 5.4), named
// "query patient" or "mutation savePatient"; their bodies select the scalars of
// the answer, two levels deep. A parameter is a variable, or a field of an input
// object, whose name is then a path within the variables: "input/name/family".
func GraphQL(introspection []byte, path string, l Limits) ([]Operation, error) {
	l = l.orDefault()
	top, err := decode(introspection, l, false)
	if err != nil {
		return nil, err
	}
	if data := object(top["data"]); data != nil {
		top = data
	}
	schema := object(top["__schema"])
	if schema == nil {
		return nil, errGraphQL
	}
	g := &graph{types: map[string]map[string]any{}, path: path, d: document{visits: maxVisits, body: l.Bytes, c: collector{l: l}}}
	for _, t := range list(schema["types"]) {
		if m := object(t); m != nil {
			g.types[text(m["name"])] = m
		}
	}
	g.root("query", text(object(schema["queryType"])["name"]))
	g.root("mutation", text(object(schema["mutationType"])["name"]))
	return g.d.c.ops, nil
}

type graph struct {
	types map[string]map[string]any
	path  string
	d     document // for its bounds
	left  int      // fields of input objects that the operation may still have
}

func (g *graph) root(kind, name string) {
	for _, f := range list(g.types[name]["fields"]) {
		m := object(f)
		if name := text(m["name"]); isGraphQLName(name) && !g.d.c.full() {
			g.field(kind, name, m)
		}
	}
}

// field makes the operation of one field of a root type.
func (g *graph) field(kind, name string, field map[string]any) {
	op := Operation{Method: http.MethodPost, Path: g.path, Name: kind + " " + name, ContentType: "application/json", Safe: kind == "query"}
	g.left = 20*g.d.c.l.Parameters + 100
	var declared, passed []string
	variables := map[string]any{}
	for _, a := range g.d.items(field["args"]) {
		arg := object(a)
		n, t := text(arg["name"]), typeOf(arg["type"])
		if !isGraphQLName(n) || !isGraphQLName(t.name) || len(declared) >= g.d.c.l.Parameters {
			continue
		}
		declared = append(declared, "$"+n+": "+t.text)
		passed = append(passed, n+": $"+n)
		v, ps := g.input(n, t, arg["defaultValue"], 0)
		op.Parameters = append(op.Parameters, ps...)
		if t.required {
			variables[n] = v
		}
	}
	query := kind + " " + strings.ToUpper(name[:1]) + name[1:] + parens(declared) +
		" { " + name + parens(passed) + g.selection(typeOf(field["type"]).name, 2) + " }"
	op.Body = g.d.keep(map[string]any{"query": query, "variables": variables}, marshal)
	if op.Body == nil {
		g.d.c.dropped++
		return
	}
	g.d.c.add(op, "graphql")
}

func parens(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return "(" + strings.Join(s, ", ") + ")"
}

// typeRef is a type as it is written in a query, and the name within.
type typeRef struct {
	text, name     string
	list, required bool
}

// typeOf reads a reference to a type (4.2.2). What is wrapped deeper than the
// query asks for has no name.
func typeOf(v any) typeRef {
	var wrappers []string
	m := object(v)
	for range 9 {
		kind := text(m["kind"])
		if kind != "NON_NULL" && kind != "LIST" {
			break
		}
		wrappers = append(wrappers, kind)
		m = object(m["ofType"])
	}
	t := typeRef{name: text(m["name"])}
	t.text = t.name
	for _, w := range slices.Backward(wrappers) {
		if w == "LIST" {
			t.text, t.list = "["+t.text+"]", true
		} else if !strings.HasSuffix(t.text, "!") {
			t.text += "!"
		}
	}
	t.required = strings.HasSuffix(t.text, "!")
	return t
}

// input makes a value of an input type (3.10) and its parameters.
func (g *graph) input(name string, t typeRef, def any, depth int) (any, []Parameter) {
	m := g.types[t.name]
	if text(m["kind"]) == "INPUT_OBJECT" {
		return g.inputObject(name, t, m, depth)
	}
	p := Parameter{In: InGraphQL, Name: name, Required: t.required}
	p.Type, p.Format = scalarOf(t.name)
	for _, e := range g.d.items(m["enumValues"]) {
		if n := text(object(e)["name"]); n != "" && len(p.Enum) < maxEnum {
			p.Enum = append(p.Enum, n)
		}
	}
	if !t.list {
		p.Example = strings.Trim(text(def), `"`)
	}
	p.Example = p.value()
	value := typed(p.Type, p.Example)
	if t.list {
		value = []any{value}
		p.Name += "/0"
	}
	return value, []Parameter{p}
}

func (g *graph) inputObject(name string, t typeRef, m map[string]any, depth int) (any, []Parameter) {
	value, at := map[string]any{}, name
	if t.list {
		at += "/0"
	}
	var ps []Parameter
	for _, f := range g.d.items(m["inputFields"]) {
		field := object(f)
		n, ft := text(field["name"]), typeOf(field["type"])
		deep := text(g.types[ft.name]["kind"]) == "INPUT_OBJECT"
		g.left--
		if !isGraphQLName(n) || g.left < 0 || len(ps) >= g.d.c.l.Parameters || deep && (depth >= g.d.c.l.Depth || !ft.required && depth >= 2) {
			continue
		}
		v, inner := g.input(at+"/"+n, ft, field["defaultValue"], depth+1)
		value[n] = v
		ps = append(ps, inner...)
	}
	if t.list {
		return []any{value}, ps
	}
	return value, ps
}

// scalarOf translates GraphQL's scalars (3.5), and custom ones by their names.
func scalarOf(name string) (kind, format string) {
	switch strings.ToLower(name) {
	case "int", "long", "bigint":
		return "integer", ""
	case "float", "decimal":
		return "number", ""
	case "boolean":
		return "boolean", ""
	case "json", "jsonobject":
		return "object", ""
	case "date":
		return "string", "date"
	case "datetime", "timestamp", "instant":
		return "string", "date-time"
	case "uuid":
		return "string", "uuid"
	case "email", "emailaddress":
		return "string", "email"
	case "url", "uri":
		return "string", "uri"
	}
	return "string", ""
}

// maxSelected bounds the fields of one level of a selection.
const maxSelected = 30

// selection picks what a query asks for (2.4): the scalars of a type, those of
// its objects one level further, or its name when there are none.
func (g *graph) selection(name string, levels int) string {
	m := g.types[name]
	switch text(m["kind"]) {
	case "OBJECT", "INTERFACE":
	case "UNION":
		return " { __typename }"
	default:
		return ""
	}
	var out []string
	for _, f := range g.d.items(m["fields"]) {
		field := object(f)
		n, t := text(field["name"]), typeOf(field["type"]).name
		if len(out) >= maxSelected || !isGraphQLName(n) || g.needsArguments(field) {
			continue
		}
		switch text(g.types[t]["kind"]) {
		case "OBJECT", "INTERFACE", "UNION":
			if levels > 1 {
				out = append(out, n+g.selection(t, levels-1))
			}
		default:
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		out = []string{"__typename"}
	}
	return " { " + strings.Join(out, " ") + " }"
}

func (g *graph) needsArguments(field map[string]any) bool {
	return slices.ContainsFunc(g.d.items(field["args"]), func(a any) bool {
		arg := object(a)
		return typeOf(arg["type"]).required && arg["defaultValue"] == nil
	})
}

// isGraphQLName is 2.1.9.
func isGraphQLName(s string) bool {
	return len(s) <= 256 && isXMLName(s) && !strings.ContainsAny(s, "-.")
}
