package surface

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Specifications are read from the decoded tree, not with a library for
// OpenAPI. kin-openapi 0.133 was measured: it refuses a whole 3.1 document for
// one numeric exclusiveMinimum, one boolean schema or one dangling $ref, where
// all the other operations are still to be probed; 36 kB of nested allOf take it
// 7 s and 4 GiB, 200,000 paths 9 s and 2 GiB. The dozen fields below with a
// resolver for local references have a bound for each step.

// Specification is what an OpenAPI document declares.
type Specification struct {
	Title string
	// Servers are paths or URLs as they are written, with the variables at
	// their defaults (OpenAPI 3.1.0, 4.8.5; Swagger 2.0: schemes, host,
	// basePath). Paths of operations are relative to them: see Prefix.
	Servers    []string
	Operations []Operation
	// Security are the declared schemes, by name (3.1.0, 4.8.27).
	Security []SecurityScheme
	// Dropped counts operations beyond the limits, or that HTTP cannot carry.
	Dropped int
}

// SecurityScheme is one way to log in (OpenAPI 3.1.0, 4.8.27; Swagger 2.0,
// Security Scheme Object).
type SecurityScheme struct {
	Name string
	// Type is apiKey, http, oauth2, openIdConnect, mutualTLS, or 2.0's basic.
	Type string
	// Scheme is that of http, in lower case: bearer, basic.
	Scheme string
	// In and Parameter say where an API key goes.
	In        In
	Parameter string
	// URLs are the endpoints of the flows, or of discovery.
	URLs   []string
	Scopes []string
}

// Prefix puts the path of a server in front of the paths of operations:
// "/api/v1" and "https://clinic.example.org/api/v1" both make /patients
// /api/v1/patients.
func Prefix(server string, ops []Operation) []Operation {
	out := slices.Clone(ops)
	u, err := url.Parse(server)
	if err != nil {
		return out
	}
	base := strings.TrimSuffix(u.EscapedPath(), "/")
	if base != "" && !strings.HasPrefix(base, "/") {
		base = "/" + base
	}
	for i := range out {
		out[i].Path = base + out[i].Path
	}
	return out
}

var errOpenAPI = errors.New("no OpenAPI 2 or 3 document")

// OpenAPI reads a Swagger 2.0, OpenAPI 3.0 or 3.1 document in JSON or YAML.
// References are followed within the document only; what is wrong in one
// operation costs that one alone. It gives an error when the document cannot be
// decoded within the limits, or is none of these.
func OpenAPI(doc []byte, l Limits) (Specification, error) {
	l = l.orDefault()
	top, err := decode(doc, l, true)
	if err != nil {
		return Specification{}, err
	}
	d := &document{top: top, visits: maxVisits, body: l.Bytes, c: collector{l: l}}
	switch {
	case strings.HasPrefix(written(top["swagger"]), "2"):
		d.v2 = true
	case strings.HasPrefix(written(top["openapi"]), "3"):
	default:
		return Specification{}, errOpenAPI
	}
	out := Specification{Title: text(object(top["info"])["title"]), Servers: d.servers(), Security: d.schemes()}
	paths := object(top["paths"])
	for _, p := range keys(paths) {
		if !strings.HasPrefix(p, "x-") {
			d.path(p, d.deref(paths[p]))
		}
	}
	out.Operations, out.Dropped = d.c.ops, d.c.dropped
	return out, nil
}

// Bounds of the work on one document.
const (
	// maxVisits is how many schemas are looked at in a document.
	maxVisits = 600_000
	// maxHops is how many references lead to one value.
	maxHops = 16
	// maxBody is the largest example of a body that is kept, in bytes.
	maxBody = 64 << 10
	// maxServers bounds servers and security schemes.
	maxServers = 100
)

// document is an OpenAPI document that is being read.
type document struct {
	top    map[string]any
	v2     bool
	visits int // schemas that may still be looked at
	body   int // bytes of bodies that may still be kept
	c      collector
}

// spend takes n from what may still be looked at. Everything that several
// operations can refer to has its price: a document of a megabyte may otherwise
// say the same megabyte to each of them.
func (d *document) spend(n int) bool {
	if d.visits < n {
		return false
	}
	d.visits -= n
	return true
}

// names gives the keys of an object that may be shared, nil once that is too
// much.
func (d *document) names(m map[string]any) []string {
	if !d.spend(len(m)) {
		return nil
	}
	return keys(m)
}

// items gives a list that may be shared, likewise.
func (d *document) items(v any) []any {
	l := list(v)
	if !d.spend(len(l)) {
		return nil
	}
	return l
}

// deref follows local references (RFC 6901 in a fragment) to an object.
func (d *document) deref(v any) map[string]any {
	for range maxHops {
		m := object(v)
		ref, ok := m["$ref"].(string)
		if !ok {
			return m
		}
		v = d.lookup(ref)
	}
	return nil
}

func (d *document) lookup(ref string) any {
	pointer, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil // another document: never fetched
	}
	v, _ := at(d.top, pointerTokens(unescaped(pointer)))
	return v
}

func (d *document) servers() []string {
	if d.v2 {
		return d.servers2()
	}
	var out []string
	for _, s := range list(d.top["servers"]) {
		u := text(object(s)["url"])
		vars := object(object(s)["variables"])
		for _, name := range keys(vars) {
			u = strings.ReplaceAll(u, "{"+name+"}", written(object(vars[name])["default"]))
		}
		if u != "" && len(u) <= maxPath && len(out) < maxServers {
			out = append(out, u)
		}
	}
	return out
}

func (d *document) servers2() []string {
	host, base := text(d.top["host"]), text(d.top["basePath"])
	if len(host)+len(base) > maxPath || host+base == "" {
		return nil
	}
	if host == "" {
		return []string{base}
	}
	var out []string
	for _, s := range texts(d.top["schemes"]) {
		if len(out) < maxServers {
			out = append(out, s+"://"+host+base)
		}
	}
	if out == nil {
		out = []string{"//" + host + base}
	}
	return out
}

// methods are the fixed fields of a Path Item that are operations (3.1.0,
// 4.8.9.1), and the one that 3.2 adds.
func methods() []string {
	return []string{"get", "put", "post", "delete", "options", "head", "patch", "trace", "query"}
}

func (d *document) path(path string, item map[string]any) {
	for _, m := range methods() {
		o, ok := item[m].(map[string]any)
		switch {
		case !ok:
		case d.c.full():
			d.c.dropped++ // without the work that only costs time
		default:
			d.operation(m, path, o, d.items(item["parameters"]))
		}
	}
}

func (d *document) operation(method, path string, o map[string]any, inherited []any) {
	op := Operation{Method: method, Path: path}
	op.Login, op.Scopes = d.security(o)
	op.Idempotent, _ = flag(o["x-idempotent"])
	op.Safe, _ = flag(o["x-safe"])
	// Those of the operation come first: the first of a name and place stays,
	// and they override (4.8.10.1).
	var bodies []map[string]any
	for _, v := range slices.Concat(d.items(o["parameters"]), inherited) {
		if len(op.Parameters) >= d.c.l.Parameters {
			break
		}
		p := d.deref(v)
		if in := text(p["in"]); in == "body" || in == "formData" {
			bodies = append(bodies, p)
			continue
		}
		op.Parameters = append(op.Parameters, d.parameter(p)...)
	}
	if d.v2 {
		d.body2(&op, o, bodies)
	} else {
		d.body3(&op, d.deref(o["requestBody"]))
	}
	d.c.add(op, "openapi")
}

// parameter reads a Parameter Object (3.1.0, 4.8.12), or one of 2.0, where the
// schema's fields stand in the parameter itself.
func (d *document) parameter(p map[string]any) []Parameter {
	in, name := In(text(p["in"])), text(p["name"])
	switch in {
	case InHeader:
		switch strings.ToLower(name) {
		case "accept", "content-type", "authorization": // "shall be ignored"
			return nil
		}
	case InPath, InQuery, InCookie:
	default:
		return nil
	}
	schema := p["schema"]
	if d.v2 {
		schema = any(p)
	}
	holder := p
	content := object(p["content"])
	for _, t := range first(d.names(content)) {
		holder = object(content[t])
		schema = holder["schema"]
	}
	w := d.walker()
	s := w.schema(schema, nil)
	if v, ok := d.example(holder); ok {
		s.example, s.has = v, true
	}
	required, _ := flag(p["required"])
	return []Parameter{w.parameter(in, name, required, s)}
}

// example finds what a Parameter or Media Type Object gives as an example:
// example, the first of examples, 2.0's x-example.
func (d *document) example(m map[string]any) (any, bool) {
	for _, key := range []string{"example", "x-example"} {
		if v, ok := m[key]; ok {
			return v, true
		}
	}
	examples := object(m["examples"])
	for _, k := range d.names(examples) {
		if v, ok := d.deref(examples[k])["value"]; ok {
			return v, true
		}
	}
	return nil, false
}

// body2 reads Swagger 2.0's parameters in body and formData.
func (d *document) body2(op *Operation, o map[string]any, params []map[string]any) {
	consumes := texts(d.items(o["consumes"]))
	if consumes == nil {
		consumes = texts(d.items(d.top["consumes"]))
	}
	fields := map[string]any{}
	var required []any
	file := false
	for _, p := range params {
		if text(p["in"]) == "body" {
			d.media(op, preferred(consumes, "application/json"), map[string]any{"schema": p["schema"]})
			return
		}
		fields[text(p["name"])] = any(p)
		if need, _ := flag(p["required"]); need {
			required = append(required, p["name"])
		}
		file = file || text(p["type"]) == "file"
	}
	if len(fields) == 0 {
		return
	}
	contentType := typeForm
	if file || slices.Contains(consumes, typeMultipart) {
		contentType = typeMultipart
	}
	d.media(op, contentType, map[string]any{"schema": map[string]any{"type": "object", "properties": fields, "required": required}})
}

// body3 reads a Request Body Object (3.1.0, 4.8.13).
func (d *document) body3(op *Operation, body map[string]any) {
	content := object(body["content"])
	t := preferred(d.names(content), "")
	if t == "" {
		return
	}
	d.media(op, t, d.deref(content[t]))
}

// preferred picks the media type whose parts can be told apart best.
func preferred(types []string, otherwise string) string {
	for _, ok := range []func(string) bool{
		isJSON,
		func(t string) bool { return mediaType(t) == typeForm },
		func(t string) bool { return mediaType(t) == typeMultipart },
		isXML,
		func(string) bool { return true },
	} {
		if i := slices.IndexFunc(types, ok); i >= 0 {
			return types[i]
		}
	}
	return otherwise
}

// media makes parameters and an example of one Media Type Object.
func (d *document) media(op *Operation, contentType string, media map[string]any) {
	w := d.walker()
	s := w.schema(media["schema"], nil)
	if v, ok := d.example(media); ok {
		s.example, s.has = v, true
	}
	if strings.Contains(contentType, "*") {
		contentType = "application/json"
	}
	op.ContentType = contentType
	switch m := mediaType(contentType); {
	case isJSON(contentType):
		v := w.sample(s, 0)
		op.Body = d.keep(v, marshal)
		w.members(v, s)
	case m == typeForm || m == typeMultipart:
		w.form(s)
	case isXML(contentType):
		v := w.sample(s, 0)
		op.Body = d.keep(v, func(v any) []byte { return xmlDocument(s.root, v) })
		w.elements(v, s)
	default:
		if t, ok := s.example.(string); ok && s.has && len(t) <= maxBody {
			op.Body = []byte(t)
		}
	}
	op.Parameters = append(op.Parameters, w.out...)
}

// keep writes an example as a body, within what the document may take in all.
func (d *document) keep(v any, write func(any) []byte) []byte {
	left := min(maxBody, d.body)
	if size(v, left) > left {
		return nil
	}
	b := write(v)
	d.body -= len(b)
	return b
}

// size is about how long a value is when it is written; it stops at most.
func size(v any, most int) int {
	n := 2
	switch v := v.(type) {
	case string:
		n += len(v)
	case map[string]any:
		for k, e := range v {
			if n > most {
				break
			}
			n += 2*len(k) + 4 + size(e, most-n)
		}
	case []any:
		for _, e := range v {
			if n > most {
				break
			}
			n += 1 + size(e, most-n)
		}
	}
	return n
}

// security reads what an operation asks for (3.1.0, 4.8.30): nothing said is
// nil, an empty list is no login, an empty requirement among others makes it
// optional, which is nil as well.
func (d *document) security(o map[string]any) (login *bool, scopes []string) {
	v, ok := o["security"]
	if !ok {
		v = d.top["security"]
	}
	alternatives, ok := v.([]any)
	if !ok || !d.spend(len(alternatives)) {
		return nil, nil
	}
	needed := len(alternatives) > 0
	for _, a := range alternatives {
		requirement := object(a)
		if len(requirement) == 0 {
			return nil, nil
		}
		for _, name := range d.names(requirement) {
			if t := text(d.scheme(name)["type"]); t == "oauth2" || t == "openIdConnect" {
				scopes = append(scopes, texts(d.items(requirement[name]))...)
			}
		}
	}
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	return &needed, scopes[:min(len(scopes), maxServers)]
}

func (d *document) allSchemes() map[string]any {
	if d.v2 {
		return object(d.top["securityDefinitions"])
	}
	return object(object(d.top["components"])["securitySchemes"])
}

func (d *document) scheme(name string) map[string]any { return d.deref(d.allSchemes()[name]) }

func (d *document) schemes() []SecurityScheme {
	var out []SecurityScheme
	for _, name := range keys(d.allSchemes()) {
		if len(out) == maxServers {
			break
		}
		m := d.scheme(name)
		s := SecurityScheme{
			Name: name, Type: text(m["type"]), Scheme: strings.ToLower(text(m["scheme"])),
			In: In(text(m["in"])), Parameter: text(m["name"]),
		}
		flows := []any{m} // 2.0 has one flow, in the scheme itself
		for _, f := range keys(object(m["flows"])) {
			flows = append(flows, object(m["flows"])[f])
		}
		for _, f := range flows {
			for _, key := range []string{"authorizationUrl", "tokenUrl", "refreshUrl", "openIdConnectUrl"} {
				if u := text(object(f)[key]); u != "" {
					s.URLs = append(s.URLs, u)
				}
			}
			s.Scopes = append(s.Scopes, keys(object(object(f)["scopes"]))...)
		}
		slices.Sort(s.Scopes)
		s.Scopes = slices.Compact(s.Scopes)
		out = append(out, s)
	}
	return out
}
