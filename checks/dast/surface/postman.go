package surface

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

var errPostman = errors.New("no Postman collection of version 2")

// Postman reads the requests of a collection (Collection Format 2.0.0 and
// 2.1.0), folders and all. {{variables}} have the values of the collection's
// list; those without, and those that are called like a credential, become
// parameters of the path, or leave a value unknown. What is in front of the path
// is not looked at. Credentials are dropped as HAR does; auth says whether a
// request is one with a login, by itself or from its folder.
func Postman(doc []byte, l Limits) ([]Operation, error) {
	l = l.orDefault()
	top, err := decode(doc, l, false)
	if err != nil {
		return nil, err
	}
	if _, ok := top["item"].([]any); !ok {
		return nil, errPostman
	}
	p := &postman{r: newRecorder(l, "postman"), variables: map[string]string{}}
	for name, value := range pairs(top["variable"], "key") {
		if !secret(name, value) && len(value) <= maxText {
			p.variables[name] = value
		}
	}
	p.items(top["item"], login(top, nil))
	set := NewSet(l)
	set.Add(p.r.d.c.ops...)
	return set.Operations(), nil
}

type postman struct {
	r         *recorder
	variables map[string]string
}

// items reads folders as deep as the document may be.
func (p *postman) items(v any, inherited *bool) {
	for _, e := range list(v) {
		item := object(e)
		auth := login(item, inherited)
		if sub, ok := item["item"]; ok {
			p.items(sub, auth)
		}
		switch r := item["request"].(type) {
		case string:
			p.request(map[string]any{"method": "GET", "url": r}, auth)
		case map[string]any:
			p.request(r, login(r, auth))
		}
	}
}

// login reads what "auth" says; noauth is without.
func login(m map[string]any, inherited *bool) *bool {
	kind := text(object(m["auth"])["type"])
	if kind == "" {
		return inherited
	}
	needed := kind != "noauth"
	return &needed
}

var postmanVariable = regexp.MustCompile(`\{\{\s*([^{}\s]{1,100})\s*\}\}`)

// fill replaces variables; unknown gives what stands for the others. A value
// may hold variables again, which are not: one round is enough for base URLs.
func (p *postman) fill(s string, unknown func(name string) string) string {
	return postmanVariable.ReplaceAllStringFunc(s[:min(len(s), maxBody)], func(m string) string {
		name := postmanVariable.FindStringSubmatch(m)[1]
		if v, ok := p.variables[name]; ok {
			return v
		}
		return unknown(name)
	})
}

// value fills a value in; one with an unknown variable is not known.
func (p *postman) value(s string) string {
	known := true
	s = p.fill(s, func(string) string { known = false; return "" })
	if !known {
		return ""
	}
	return s
}

func (p *postman) request(r map[string]any, auth *bool) {
	rec := recording{method: orElse(text(r["method"]), http.MethodGet), login: auth, query: url.Values{}, header: http.Header{}}
	u := object(r["url"])
	raw := text(r["url"])
	if u != nil {
		raw = orElse(text(u["raw"]), "/"+strings.Join(texts(u["path"]), "/"))
	}
	query := p.path(&rec, raw)
	if list(u["query"]) == nil {
		values, _ := url.ParseQuery(query) // what can be read is kept
		rec.query = values
	}
	for name, value := range pairs(u["query"], "key") {
		rec.query.Add(name, p.value(value))
	}
	for name, value := range pairs(u["variable"], "key") {
		rec.values[name] = p.value(value)
	}
	for name, value := range pairs(r["header"], "key") {
		rec.header.Add(name, p.value(value))
	}
	p.body(&rec, object(r["body"]))
	p.r.add(rec)
}

// path makes a template of a URL and gives its query.
func (p *postman) path(rec *recording, raw string) (query string) {
	raw = p.fill(raw, func(name string) string {
		if strings.ContainsAny(name, ":/?#") {
			return "{variable}"
		}
		return "{" + name + "}"
	})
	raw, _, _ = strings.Cut(raw, "#")
	raw, query, _ = strings.Cut(raw, "?")
	if _, after, ok := strings.Cut(raw, "://"); ok {
		raw = after
	}
	_, raw, _ = strings.Cut(raw, "/") // the host, or the variable that stands for it
	rec.values = map[string]string{}
	if len(raw) > maxPath {
		rec.path = raw // and will be dropped
		return query
	}
	var kept []string
	for _, s := range strings.Split(raw, "/") {
		if name, ok := strings.CutPrefix(s, ":"); ok && name != "" && !strings.ContainsAny(name, "{}:") {
			s = "{" + name + "}"
		}
		kept = append(kept, s)
	}
	rec.path = "/" + strings.Join(kept, "/")
	if len(pathNames(rec.path)) == 0 {
		rec.path, rec.values = generalise(rec.path)
	}
	return query
}

func (p *postman) body(rec *recording, body map[string]any) {
	rec.contentType = rec.header.Get("Content-Type")
	switch mode := text(body["mode"]); mode {
	case "raw":
		// A number can stand where a string can, and where none can.
		rec.text = p.fill(text(body["raw"]), func(string) string { return "1" })
		if language := text(object(object(body["options"])["raw"])["language"]); rec.contentType == "" && (language == "json" || language == "xml") {
			rec.contentType = "application/" + language
		}
	case "graphql":
		g := object(body["graphql"])
		variables, err := decodeJSON([]byte(p.fill(text(g["variables"]), func(string) string { return "1" })))
		if err != nil {
			variables = map[string]any{}
		}
		rec.contentType = "application/json"
		rec.text = string(marshal(map[string]any{"query": text(g["query"]), "variables": variables}))
	case "urlencoded", "formdata":
		rec.contentType = map[string]string{"urlencoded": typeForm, "formdata": typeMultipart}[mode]
		rec.form, rec.files = url.Values{}, map[string]bool{}
		for name, value := range pairs(body[mode], "key") {
			rec.form.Add(name, p.value(value))
		}
		for _, v := range list(body[mode]) {
			rec.files[text(object(v)["key"])] = text(object(v)["type"]) == "file"
		}
	}
}
