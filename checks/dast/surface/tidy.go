package surface

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// maxText bounds names, examples and what else a document says of a parameter,
// in bytes.
const maxText = 1024

// tidy makes an operation fit to be kept and built, or refuses it: a proper
// method and path, a parameter for each one of the template, no parameter that
// HTTP cannot carry or that belongs to the connection, and no more than the
// limit. What a method says about side effects is added (RFC 9110, 9.2).
func tidy(o Operation, l Limits) (Operation, bool) {
	o.Method = strings.ToUpper(o.Method)
	path, ok := cleanPath(o.Path)
	if !ok || !isToken(o.Method) || len(o.Method) > 32 {
		return Operation{}, false
	}
	o.Path = path
	o.Parameters = tidyParameters(o, l)
	switch o.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		o.Safe, o.Idempotent = true, true
	case http.MethodPut, http.MethodDelete:
		o.Idempotent = true
	}
	o.Idempotent = o.Idempotent || o.Safe
	if !isFieldValue(o.ContentType) {
		o.ContentType, o.Body = "", nil
	}
	return o, true
}

// tidyParameters puts those of the path first, since a request cannot be made
// without them.
func tidyParameters(o Operation, l Limits) []Parameter {
	var out []Parameter
	for _, name := range pathNames(o.Path) {
		p, ok := o.Parameter(InPath, name)
		if !ok {
			p = Parameter{In: InPath, Name: name, Type: "string"}
		}
		p.Required = true
		out = append(out, tidyParameter(p))
	}
	seen := map[[2]string]bool{}
	for _, p := range o.Parameters {
		key := [2]string{string(p.In), p.Name}
		if p.In == InPath || seen[key] || !carried(p) {
			continue
		}
		if len(out) >= l.Parameters {
			break
		}
		seen[key] = true
		out = append(out, tidyParameter(p))
	}
	return out
}

func tidyParameter(p Parameter) Parameter {
	if len(p.Example) > maxText || p.In == InHeader && !isFieldValue(p.Example) {
		p.Example = ""
	}
	p.Type, p.Format = word(p.Type), word(p.Format)
	p.Enum = slices.DeleteFunc(slices.Clone(p.Enum), func(e string) bool {
		return len(e) > maxText || p.In == InHeader && !isFieldValue(e)
	})
	if len(p.Enum) > maxEnum {
		p.Enum = p.Enum[:maxEnum]
	}
	return p
}

// maxEnum is the most values of one parameter that are kept.
const maxEnum = 100

// word gives a type's name, "" for what cannot be one.
func word(s string) string {
	if len(s) > 64 {
		return ""
	}
	return s
}

// carried says whether a parameter's name can stand where it is to go.
func carried(p Parameter) bool {
	if p.Name == "" || len(p.Name) > maxText {
		return false
	}
	switch p.In {
	case InHeader:
		return isToken(p.Name) && !ofConnection(p.Name)
	case InCookie:
		return isToken(p.Name)
	case InXML:
		return isXMLName(p.Name)
	case InJSON:
		return strings.HasPrefix(p.Name, "/")
	case InQuery, InForm, InGraphQL:
		return true
	}
	return false
}

// ofConnection are fields that describe the message or the connection: they
// come from the request itself, never from a parameter (RFC 9110, 7.6.1, 8.6).
func ofConnection(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Connection", "Content-Length", "Content-Type", "Cookie", "Expect", "Host", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// isToken is RFC 9110, 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isFieldValue is RFC 9110, 5.5: no control characters but the tab, no white
// space at either end.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return strings.Trim(s, " \t") == s
}

// isXMLName is the part of Name (XML 1.0, 2.3) that ASCII has, without the
// colon of namespaces.
func isXMLName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '-' || c == '.')) {
			return false
		}
	}
	return s != ""
}

// isJSON says whether a media type is JSON (RFC 6839, 3.1).
func isJSON(contentType string) bool {
	m := mediaType(contentType)
	return m == "application/json" || strings.HasSuffix(m, "+json") || m == "text/json"
}

func isXML(contentType string) bool {
	m := mediaType(contentType)
	return m == "application/xml" || m == "text/xml" || strings.HasSuffix(m, "+xml")
}

// mediaType gives a type without its parameters, in lower case.
func mediaType(contentType string) string {
	m, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(m))
}

const (
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
)

// fromValues makes parameters of named values, in order of their names.
// Credentials keep their name only.
func fromValues(in In, values map[string][]string) []Parameter {
	var out []Parameter
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p := Parameter{In: in, Name: name}
		if vs := values[name]; len(vs) > 0 && !secret(name, vs[0]) {
			p.Example = vs[0]
		}
		p.Type, p.Format = kindOfText(p.Example)
		out = append(out, p)
	}
	return out
}

// collector keeps tidy operations up to the limit and counts the others.
type collector struct {
	l          Limits
	ops        []Operation
	dropped    int
	parameters int // of all operations together
}

// perOperation is how many parameters operations have at most on average: one
// list that all of a large document refer to would otherwise fill the memory.
const perOperation = 10

func (c *collector) add(o Operation, source string) {
	o.Sources = []string{source}
	l := c.l
	l.Parameters = min(l.Parameters, perOperation*l.Operations-c.parameters)
	o, ok := tidy(o, l)
	if !ok || c.full() {
		c.dropped++
		return
	}
	c.parameters += len(o.Parameters)
	c.ops = append(c.ops, o)
}

// full says that no further operation will be kept.
func (c *collector) full() bool { return len(c.ops) >= c.l.Operations }
