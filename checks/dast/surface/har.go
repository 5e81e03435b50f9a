package surface

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Recording is what was recorded of one origin.
type Recording struct {
	Operations []Operation
	// Foreign counts requests to other origins, which are left out; Dropped
	// those that went beyond the limits or are no requests.
	Foreign, Dropped int
}

var errHAR = errors.New("no HAR 1.2 document")

// HAR reads the requests of an HTTP archive (HAR 1.2, "entries") that went to
// origin. Parts of paths that look like ids become parameters, and requests of
// one route one operation. Credentials are never kept: Authorization, the values
// of cookies, and fields that are called tokens, passwords or keys, or look like
// such.
func HAR(doc []byte, origin *url.URL, l Limits) (Recording, error) {
	l = l.orDefault()
	top, err := decode(doc, l, false)
	if err != nil {
		return Recording{}, err
	}
	entries, ok := object(top["log"])["entries"].([]any)
	if !ok {
		return Recording{}, errHAR
	}
	var out Recording
	r := newRecorder(l, "har")
	for _, e := range entries {
		request := object(object(e)["request"])
		raw := text(request["url"])
		u, err := url.Parse(raw)
		switch {
		case err != nil || u.Host == "" || len(u.Path) > maxPath:
			out.Dropped++
		case !sameOrigin(u, origin):
			out.Foreign++
		default:
			r.add(harRequest(request, u))
		}
	}
	set := NewSet(l)
	for _, o := range r.d.c.ops {
		if o.Method == http.MethodGet { // what is sent to is a route of its own
			o = set.slug(o)
		}
		set.merge(o, false)
	}
	out.Operations, out.Dropped = set.Operations(), out.Dropped+r.d.c.dropped+set.Dropped()
	return out, nil
}

// sameOrigin compares scheme, host and port (RFC 6454, 5).
func sameOrigin(a, b *url.URL) bool {
	return a != nil && b != nil && strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
}

func harRequest(request map[string]any, u *url.URL) recording {
	rec := recording{method: text(request["method"]), query: u.Query(), header: http.Header{}}
	rec.path, rec.values = generalise(u.EscapedPath())
	for name, value := range pairs(request["headers"], "name") {
		rec.header.Add(name, value)
	}
	for name := range pairs(request["cookies"], "name") {
		rec.cookie = append(rec.cookie, name)
	}
	post := object(request["postData"])
	rec.contentType, rec.text = text(post["mimeType"]), text(post["text"])
	rec.form, rec.files = url.Values{}, map[string]bool{}
	for _, v := range list(post["params"]) {
		p := object(v)
		name := text(p["name"])
		rec.form.Add(name, text(p["value"]))
		rec.files[name] = text(p["fileName"]) != ""
	}
	return rec
}

// pairs gives the names and values of a list of objects; name is what the key
// is called.
func pairs(v any, name string) func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for _, e := range list(v) {
			if n := text(object(e)[name]); n != "" && !yield(n, written(object(e)["value"])) {
				return
			}
		}
	}
}
