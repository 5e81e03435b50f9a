package surface

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// schema is the part of a JSON Schema that an example needs, with references
// followed, allOf merged, and the first of oneOf and anyOf chosen.
type schema struct {
	kind, format string
	enum         []any
	example      any
	has          bool // whether there is an example; it may be null
	minimum      json.Number
	minLength    int
	properties   map[string]raw
	required     map[string]bool
	items        raw
	readOnly     bool
	// root is the name of the element of XML.
	root string
	// cut says that the schema contains itself, and was left out.
	cut bool
}

// raw is a schema that is not read yet, and the references that led to it.
type raw struct {
	v     any
	trail []string
}

// walker makes the parameters of one body or parameter.
type walker struct {
	d      *document
	visits int // for this one; the document has its own bound
	out    []Parameter
}

func (d *document) walker() *walker {
	return &walker{d: d, visits: 20*d.c.l.Parameters + 100}
}

// schema reads one, within the bounds of visits.
func (w *walker) schema(v any, trail []string) schema {
	var s schema
	w.absorb(&s, v, trail, 0)
	if s.kind == "" && len(s.properties) > 0 {
		s.kind = "object"
	}
	if s.kind == "" && s.items.v != nil {
		s.kind = "array"
	}
	if s.kind == "" && len(s.enum) > 0 {
		s.kind = kindOf(s.enum[0])
	}
	if s.kind == "" && s.has {
		s.kind = kindOf(s.example)
	}
	return s
}

// absorb merges what v says into s; what is there already stays.
func (w *walker) absorb(s *schema, v any, trail []string, hop int) {
	m := object(v)
	price := 1 + len(object(m["properties"])) + len(list(m["required"]))
	if m == nil || hop > maxHops || w.visits <= 0 || !w.d.spend(price) {
		return
	}
	w.visits--
	s.own(m, trail)
	if ref, ok := m["$ref"].(string); ok {
		if slices.Contains(trail, ref) {
			s.cut = true
			return
		}
		if s.root == "" {
			s.root = ref[strings.LastIndexByte(ref, '/')+1:]
		}
		w.absorb(s, w.d.lookup(ref), append(slices.Clone(trail), ref), hop+1)
	}
	for _, part := range list(m["allOf"]) {
		w.absorb(s, part, trail, hop+1)
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		for _, part := range list(m[key]) {
			if text(object(part)["type"]) != "null" {
				w.absorb(s, part, trail, hop+1)
				break
			}
		}
	}
}

// own takes a schema's own keywords.
func (s *schema) own(m map[string]any, trail []string) {
	set := func(to *string, v any) {
		if *to == "" {
			*to = text(v)
		}
	}
	set(&s.kind, kindWord(m["type"]))
	set(&s.format, m["format"])
	set(&s.root, object(m["xml"])["name"])
	if s.enum == nil {
		s.enum = list(m["enum"])
	}
	if s.minimum == "" {
		s.minimum, _ = m["minimum"].(json.Number)
	}
	if n, err := strconv.Atoi(written(m["minLength"])); err == nil {
		s.minLength = max(s.minLength, min(n, maxText))
	}
	s.ownExample(m)
	if read, _ := flag(m["readOnly"]); read {
		s.readOnly = true
	}
	if s.items.v == nil {
		s.items = raw{m["items"], trail}
	}
	for name, p := range object(m["properties"]) {
		if s.properties == nil {
			s.properties = map[string]raw{}
		}
		if _, there := s.properties[name]; !there {
			s.properties[name] = raw{p, trail}
		}
	}
	for _, name := range texts(m["required"]) {
		if s.required == nil {
			s.required = map[string]bool{}
		}
		s.required[name] = true
	}
}

// ownExample looks for an example in the order of how telling it is.
func (s *schema) ownExample(m map[string]any) {
	if s.has {
		return
	}
	for _, key := range []string{"example", "x-example", "const", "default"} {
		if s.example, s.has = m[key]; s.has {
			return
		}
		if l := list(m["examples"]); key == "example" && len(l) > 0 {
			s.example, s.has = l[0], true
			return
		}
	}
}

// kindWord reads type, which is a list in 3.1 (JSON Schema 2020-12, 6.1.1).
func kindWord(v any) string {
	for _, t := range append(texts(v), text(v)) {
		if t != "null" && t != "" {
			return t
		}
	}
	return ""
}

// scalar gives an example of a schema that is neither object nor list.
func (s schema) scalar() any {
	switch {
	case s.has:
		return s.example
	case len(s.enum) > 0:
		return s.enum[0]
	case s.kind == "integer" || s.kind == "number":
		if s.minimum != "" {
			return s.minimum
		}
		return json.Number("1")
	case s.kind == "boolean":
		return true
	case s.kind == "null":
		return nil
	}
	v := plausible("string", s.format)
	if n := s.minLength - len(v); n > 0 {
		v += strings.Repeat("x", n)
	}
	return v
}

// sample makes a value that a schema allows. Examples that are written down win.
func (w *walker) sample(s schema, depth int) any {
	if s.has || depth > w.d.c.l.Depth {
		return s.scalar()
	}
	switch s.kind {
	case "object":
		out := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.properties)) {
			p := w.child(s.properties[name])
			if p.cut || p.readOnly || depth == w.d.c.l.Depth || w.visits <= 0 {
				continue
			}
			out[name] = w.sample(p, depth+1)
		}
		return out
	case "array":
		e := w.child(s.items)
		if e.cut || depth == w.d.c.l.Depth {
			return []any{}
		}
		return []any{w.sample(e, depth+1)}
	}
	return s.scalar()
}

func (w *walker) child(r raw) schema { return w.schema(r.v, r.trail) }

// parameter makes one of a schema as a whole.
func (w *walker) parameter(in In, name string, required bool, s schema) Parameter {
	p := Parameter{In: in, Name: name, Type: s.kind, Format: s.format, Required: required}
	v := w.sample(s, 0)
	if l, ok := v.([]any); ok && len(l) > 0 && in != InJSON {
		v = l[0] // of a list, one element is a list as well (3.1.0, 4.8.12.3: form, simple)
	}
	if size(v, maxText) <= maxText {
		p.Example = written(v)
	}
	if s.kind == "file" || s.format == "binary" {
		p.Control = "file"
	}
	enum := s.enum
	if s.kind == "array" && enum == nil {
		enum = w.child(s.items).enum
	}
	for _, e := range enum[:min(len(enum), maxEnum)] {
		if size(e, maxText) <= maxText {
			p.Enum = append(p.Enum, written(e))
		}
	}
	return p
}

// members makes a parameter of each leaf of a JSON body.
func (w *walker) members(v any, s schema) {
	w.leaves(v, s, "", true, 0, func(p Parameter, _ []string) { p.In = InJSON; w.out = append(w.out, p) })
}

// elements makes a parameter of each leaf of an XML body.
func (w *walker) elements(v any, s schema) {
	w.leaves(v, s, "", true, 0, func(p Parameter, path []string) {
		p.In = InXML
		for i := len(path) - 1; i >= 0; i-- {
			if !digits(path[i]) {
				p.Name = path[i]
				w.out = append(w.out, p)
				return
			}
		}
	})
}

// leaves calls f for each leaf of a value, with the schema at its place where
// there is one; what the schema has and the value lacks is sampled.
func (w *walker) leaves(v any, s schema, pointer string, required bool, depth int, f func(Parameter, []string)) {
	if len(w.out) >= w.d.c.l.Parameters || depth > w.d.c.l.Depth {
		return
	}
	down := func(name string, v any, s schema, required bool) {
		w.leaves(v, s, pointer+"/"+pointerEscape(name), required, depth+1, f)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range w.names(v, s) {
			p := w.child(s.properties[name])
			e, there := v[name]
			if !there && (p.readOnly || p.cut) {
				continue
			}
			if !there {
				e = w.sample(p, depth+1)
			}
			down(name, e, p, s.required[name])
		}
	case []any:
		if len(v) > 0 {
			down("0", v[0], w.child(s.items), required)
		}
	default:
		if pointer == "" {
			return
		}
		p := w.parameter(InJSON, pointer, required, schema{kind: s.kind, format: s.format, enum: s.enum, example: v, has: true})
		if p.Type == "" {
			p.Type = kindOf(v)
		}
		f(p, pointerTokens(pointer))
	}
}

// names gives those of a value and of its schema, in order.
func (w *walker) names(v map[string]any, s schema) []string {
	all := keys(v)
	for name := range s.properties {
		if _, there := v[name]; !there {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all[:min(len(all), w.d.c.l.Parameters)]
}

// form makes a field of each property (3.1.0, 4.8.14).
func (w *walker) form(s schema) {
	given := object(s.example)
	for _, name := range w.names(given, s) {
		if len(w.out) >= w.d.c.l.Parameters {
			return
		}
		p := w.child(s.properties[name])
		if p.readOnly {
			continue
		}
		if v, ok := given[name]; ok {
			p.example, p.has = v, true
		}
		w.out = append(w.out, w.parameter(InForm, name, s.required[name], p))
	}
}

// xmlDocument writes a value as elements; what XML cannot name is left out.
func xmlDocument(root string, v any) []byte {
	if !isXMLName(root) {
		root = "root"
	}
	var b bytes.Buffer
	writeElement(&b, root, v)
	return b.Bytes()
}

func writeElement(b *bytes.Buffer, name string, v any) {
	if l, ok := v.([]any); ok {
		for _, e := range l {
			writeElement(b, name, e)
		}
		return
	}
	if !isXMLName(name) {
		return
	}
	b.WriteString("<" + name + ">")
	if m, ok := v.(map[string]any); ok {
		for _, k := range keys(m) {
			writeElement(b, k, m[k])
		}
	} else if xml.EscapeText(b, []byte(written(v))) != nil {
		return // a bytes.Buffer has no errors
	}
	b.WriteString("</" + name + ">")
}
