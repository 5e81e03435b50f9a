package template

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// request is one request as it is written.
type request struct {
	method string
	// route is method and path as written, without the query.
	route   string
	target  text
	headers []headerText
	body    text
}

type headerText struct{ name, value text }

func (r *reader) requests(n *yaml.Node, parts blockNodes, b *block) {
	switch {
	case parts.raw != nil && (parts.path != nil || parts.method != nil || parts.body != nil || parts.headers != nil):
		r.fail(parts.raw, "raw together with path, method, body or headers")
	case parts.raw != nil:
		for _, item := range r.items(parts.raw) {
			b.requests = append(b.requests, r.rawRequest(item, !parts.noMerge))
		}
	case parts.path != nil:
		r.pathRequests(parts, b)
	}
	if r.err == nil && len(b.requests) == 0 {
		r.fail(n, "http without path and raw")
	}
}

func (r *reader) pathRequests(parts blockNodes, b *block) {
	base := request{method: http.MethodGet}
	if parts.method != nil {
		base.method = r.method(parts.method, r.scalar(parts.method))
	}
	if parts.body != nil {
		base.body = r.sent(parts.body, r.scalar(parts.body))
	}
	if parts.headers != nil {
		r.pairs(parts.headers, "headers", func(key string, v *yaml.Node) {
			r.header(v, &base, key, r.scalar(v))
		})
	}
	for _, item := range r.items(parts.path) {
		q, s := base, r.scalar(item)
		q.target, q.route = r.sent(item, s), route(base.method, s)
		r.try(item, q)
		b.requests = append(b.requests, q)
	}
}

func (r *reader) method(n *yaml.Node, s string) string {
	if !regexp.MustCompile(`^[A-Za-z]{1,20}$`).MatchString(s) || strings.EqualFold(s, http.MethodConnect) {
		r.fail(n, "method %s", short(s))
	}
	return strings.ToUpper(s)
}

// route names a request for a report. Placeholders are written as a path
// template has them.
func route(method, target string) string {
	for _, prefix := range []string{"{{BaseURL}}", "{{RootURL}}"} {
		target = strings.TrimPrefix(target, prefix)
	}
	target, _, _ = strings.Cut(target, "?")
	target = strings.NewReplacer("{{", "{", "}}", "}").Replace(target)
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	if len(target) > 200 {
		target = target[:200]
	}
	return method + " " + target
}

// header adds one. What frames the message is the client's own, and a host
// other than the target's is another site's.
func (r *reader) header(n *yaml.Node, q *request, name, value string) {
	value = strings.TrimSpace(value)
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "content-length", "connection", "accept-encoding":
		return
	case "transfer-encoding":
		r.fail(n, "header Transfer-Encoding")
		return
	case "host":
		if value != "{{Hostname}}" && value != "{{Host}}" && value != "{{Host}}:{{Port}}" {
			r.fail(n, "header Host other than {{Hostname}}")
		}
		return
	}
	q.headers = append(q.headers, headerText{r.sent(n, strings.TrimSpace(name)), r.sent(n, value)})
}

// rawRequest reads a request as it is sent (RFC 9112, section 2.1).
func (r *reader) rawRequest(n *yaml.Node, merge bool) request {
	s := strings.TrimLeft(strings.ReplaceAll(r.scalar(n), "\r\n", "\n"), "\n ")
	for strings.HasPrefix(s, "@") {
		line, rest, _ := strings.Cut(s, "\n")
		if !strings.HasPrefix(line, "@timeout") {
			r.fail(n, "annotation %s", short(line))
			return request{}
		}
		s = strings.TrimLeft(rest, "\n ")
	}
	head, body, _ := strings.Cut(s, "\n\n")
	first, fields, _ := strings.Cut(head, "\n")
	method, rest, _ := strings.Cut(strings.TrimSpace(first), " ")
	i := strings.LastIndex(rest, "HTTP/")
	if i < 0 || r.err != nil {
		r.fail(n, "raw without a request line")
		return request{}
	}
	target := strings.TrimSpace(rest[:i])
	q := request{method: r.method(n, method), route: route(method, target)}
	q.target = r.sent(n, rawTarget(target, merge))
	multipart := false
	for line := range strings.Lines(fields) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			r.fail(n, "raw with a line that is no header")
			return q
		}
		multipart = multipart || strings.EqualFold(strings.TrimSpace(name), "Content-Type") && strings.Contains(value, "multipart/")
		r.header(n, &q, name, value)
	}
	q.body = r.sent(n, rawBody(body, multipart))
	r.try(n, q)
	return q
}

// rawTarget makes the target of a request line absolute. It goes below the
// target's own path unless that is turned off.
func rawTarget(target string, merge bool) string {
	switch {
	case strings.HasPrefix(target, "{{BaseURL}}"), strings.HasPrefix(target, "{{RootURL}}"), strings.HasPrefix(target, "http"):
		return target
	case merge:
		return "{{BaseURL}}/" + strings.TrimPrefix(target, "/")
	}
	return "{{RootURL}}/" + strings.TrimPrefix(target, "/")
}

// rawBody drops the line that YAML ends a text with; between the parts of
// multipart/form-data, lines end as RFC 2046, section 4.1.1, has them.
func rawBody(body string, multipart bool) string {
	body = strings.TrimRight(body, "\n")
	if multipart {
		return strings.ReplaceAll(body, "\n", "\r\n") + "\r\n"
	}
	return body
}

// try writes the request once, with a made-up target and values: what can
// never be sent is refused here.
func (r *reader) try(n *yaml.Node, q request) {
	if r.err != nil {
		return
	}
	base := &url.URL{Scheme: "http", Host: "target.invalid"}
	s := func(name string) (value, bool) {
		if v, ok := place(base)(name); ok {
			return v, true
		}
		return "1", true
	}
	// An expression that fails on made-up values can work with real ones.
	if _, err := q.write(base, s); errors.Is(err, errOutside) || errors.Is(err, errTarget) || errors.Is(err, errHeader) {
		r.fail(n, "%v", err)
	}
}

var (
	errOutside = errors.New("a request to somewhere else than the target")
	errTarget  = errors.New("a path that is no URL")
	errHeader  = errors.New("a header that is none")
)

// write gives the request with its values.
func (q request) write(base *url.URL, s scope) (web.Request, error) {
	out := web.Request{Method: q.method, Header: http.Header{}}
	full, err := q.target.render(s)
	if err != nil {
		return out, err
	}
	if out.URL, err = within(base, full); err != nil {
		return out, err
	}
	for _, h := range q.headers {
		name, err := h.name.render(s)
		if err != nil {
			return out, err
		}
		v, err := h.value.render(s)
		if err != nil {
			return out, err
		}
		if !token(name) || strings.ContainsAny(v, "\r\n\x00") {
			return out, errHeader
		}
		out.Header.Add(name, v)
	}
	body, err := q.body.render(s)
	if body != "" {
		out.Body = []byte(body)
	}
	return out, err
}

// token says whether a header may have this name (RFC 9110, section 5.6.2).
func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}

// origin is scheme and authority (RFC 6454, section 4).
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// within reads a URL that must be of the target's origin.
func within(base *url.URL, full string) (*url.URL, error) {
	rest, ok := strings.CutPrefix(full, origin(base))
	if !ok || rest != "" && !strings.ContainsRune("/?#", rune(rest[0])) {
		return nil, errOutside
	}
	rest, _, _ = strings.Cut(rest, "#")
	path, query, asked := strings.Cut(rest, "?")
	u, err := url.Parse(origin(base) + path)
	if err != nil {
		return nil, errTarget
	}
	if u.Host != base.Host || u.User != nil {
		return nil, errOutside
	}
	u.RawQuery, u.ForceQuery = printable(query), asked && query == ""
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// printable escapes what cannot stand in a request line.
func printable(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func safeMethod(m string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, m)
}
