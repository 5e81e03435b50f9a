package surface

import (
	"bytes"
	"encoding/xml"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// recording is one request as somebody sent it. Nothing of it that could be a
// credential gets into an operation: not Authorization and Cookie, not the
// values of fields that are called so, and not what looks like a token.
type recording struct {
	method string
	path   string            // a template
	values map[string]string // of the path's parameters
	query  url.Values
	header http.Header
	cookie []string // names
	// contentType and text are the body's; form are fields that were recorded
	// apart, files the names of those that are files.
	contentType, text string
	form              url.Values
	files             map[string]bool
	login             *bool
}

// recorder makes operations of recordings.
type recorder struct {
	d      document // for its bounds
	source string
}

func newRecorder(l Limits, source string) *recorder {
	return &recorder{d: document{visits: maxVisits, body: l.Bytes, c: collector{l: l}}, source: source}
}

func (r *recorder) add(rec recording) {
	if r.d.c.full() || len(rec.path) > maxPath {
		r.d.c.dropped++
		return
	}
	op := Operation{Method: rec.method, Path: rec.path, Login: rec.login}
	op.Parameters = slices.Concat(pathParameters(rec.path, rec.values), fromValues(InQuery, rec.query), fromHeader(rec.header))
	for _, name := range rec.cookie {
		op.Parameters = append(op.Parameters, Parameter{In: InCookie, Name: name, Type: "string"})
	}
	r.body(&op, rec)
	if secretShape.Match(op.Body) {
		op.Body = nil
	}
	r.d.c.add(op, r.source)
}

// pathParameters makes those of a template, with the values that were seen.
func pathParameters(template string, values map[string]string) []Parameter {
	var out []Parameter
	for _, name := range pathNames(template) {
		p := Parameter{In: InPath, Name: name, Required: true}
		if !secret(name, values[name]) {
			p.Example = values[name]
		}
		if p.Type, p.Format = kindOfText(p.Example); p.Type == "" {
			p.Type = "string"
		}
		out = append(out, p)
	}
	return out
}

// fromHeader keeps the fields that the application may look at: neither those
// that any browser sends, nor credentials.
func fromHeader(h http.Header) []Parameter {
	keep := map[string][]string{}
	for name, values := range h {
		if !ofBrowser(name) && !secretName(name) {
			keep[name] = values
		}
	}
	return fromValues(InHeader, keep)
}

// ofBrowser are fields that a browser adds by itself (Fetch, 2.2.2), or that
// stand for the connection.
func ofBrowser(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "accept", "accept-charset", "accept-encoding", "accept-language", "access-control-request-headers", "access-control-request-method",
		"cache-control", "date", "dnt", "forwarded", "if-modified-since", "if-none-match", "origin", "pragma", "priority", "range", "referer",
		"upgrade-insecure-requests", "user-agent", "via", "www-authenticate":
		return true
	}
	return ofConnection(name) || strings.HasPrefix(name, ":") || strings.HasPrefix(name, "sec-") || strings.HasPrefix(name, "proxy-")
}

// body makes parameters and an example of a recorded body.
func (r *recorder) body(op *Operation, rec recording) {
	if rec.text == "" && len(rec.form) == 0 {
		return
	}
	op.ContentType = rec.contentType
	switch m := mediaType(rec.contentType); {
	case isJSON(m):
		r.json(op, rec.text)
	case isXML(m):
		op.Body, op.Parameters = redactXML([]byte(rec.text), op.Parameters)
	case m == typeForm, m == typeMultipart:
		op.ContentType = m // without the boundary, which is made anew
		form, files := rec.form, rec.files
		if len(form) == 0 && m == typeForm {
			form, _ = url.ParseQuery(rec.text)
		} else if len(form) == 0 {
			form, files = r.multipart(rec)
		}
		for _, p := range fromValues(InForm, form) {
			if files[p.Name] {
				p.Control = "file"
			}
			op.Parameters = append(op.Parameters, p)
		}
	default:
		op.ContentType = "" // of a text nobody can say what in it is a credential
	}
}

func (r *recorder) json(op *Operation, body string) {
	v, err := decodeJSON([]byte(strings.TrimSpace(body)))
	if err != nil {
		op.ContentType = ""
		return
	}
	v = redact(v, false)
	op.Body = r.d.keep(v, marshal)
	w := r.d.walker()
	if kind, field, ok := graphQLField(v); ok {
		op.Name = kind + " " + field
		w.members(object(v)["variables"], schema{})
		for i := range w.out {
			w.out[i].In, w.out[i].Name = InGraphQL, strings.TrimPrefix(w.out[i].Name, "/")
		}
	} else {
		w.members(v, schema{})
	}
	for i := range w.out {
		w.out[i].Required = false
	}
	op.Parameters = append(op.Parameters, w.out...)
}

// redact replaces credentials by values of the same type.
func redact(v any, all bool) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = redact(v[k], all || secretName(k))
		}
		return v
	case []any:
		for i := range v {
			v[i] = redact(v[i], all)
		}
		return v
	case nil:
		return nil
	}
	if s, ok := v.(string); all || ok && secretText(s) {
		kind := kindOf(v)
		return typed(kind, plausible(kind, ""))
	}
	return v
}

// graphQLQuery finds the type and the first field of an operation (GraphQL,
// October 2021, 2.3); without a type it is a query.
var graphQLQuery = regexp.MustCompile(`^\s*(?:(query|mutation)\b[^{}"]*)?\{\s*([_A-Za-z][_0-9A-Za-z]{0,255})`)

func graphQLField(v any) (kind, field string, ok bool) {
	m := graphQLQuery.FindStringSubmatch(text(object(v)["query"]))
	if m == nil {
		return "", "", false
	}
	return orElse(m[1], "query"), m[2], true
}

// multipart reads the fields of a body that was recorded as text (RFC 7578).
func (r *recorder) multipart(rec recording) (url.Values, map[string]bool) {
	_, params, err := mime.ParseMediaType(rec.contentType)
	if err != nil || params["boundary"] == "" {
		return nil, nil
	}
	form, files := url.Values{}, map[string]bool{}
	mr := multipart.NewReader(strings.NewReader(rec.text), params["boundary"])
	for len(form) < r.d.c.l.Parameters {
		part, err := mr.NextRawPart()
		if err != nil {
			break
		}
		value, _ := io.ReadAll(io.LimitReader(part, maxText)) // what can be read is kept
		form.Add(part.FormName(), string(value))
		files[part.FormName()] = part.FileName() != ""
	}
	return form, files
}

// redactXML makes parameters of a body's leaves and empties those that hold
// credentials. A body with a credential in an attribute is not kept at all.
func redactXML(body []byte, params []Parameter) ([]byte, []Parameter) {
	if len(body) > maxBody || secretAttribute(body) {
		return nil, params
	}
	var out bytes.Buffer
	var done int64
	for _, leaf := range xmlLeaves(body) {
		p := Parameter{In: InXML, Name: leaf.name, Example: strings.TrimSpace(leaf.text)}
		if secret(leaf.name, leaf.text) {
			p.Example = ""
			out.Write(body[done:leaf.start])
			out.WriteString(plausible("string", ""))
			done = leaf.end
		}
		p.Type, p.Format = kindOfText(p.Example)
		params = append(params, p)
	}
	out.Write(body[done:])
	return out.Bytes(), params
}

func secretAttribute(body []byte) bool {
	dec := xml.NewDecoder(bytes.NewReader(body))
	dec.CharsetReader = sameCharset
	for {
		t, err := dec.RawToken()
		if err != nil {
			return err != io.EOF // what cannot be read to its end may hold anything
		}
		start, ok := t.(xml.StartElement)
		if ok && slices.ContainsFunc(start.Attr, func(a xml.Attr) bool { return secret(a.Name.Local, a.Value) }) {
			return true
		}
	}
}
