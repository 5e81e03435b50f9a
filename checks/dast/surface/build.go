package surface

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Errors of Build.
var (
	// ErrBase says that the base is no absolute http or https URL.
	ErrBase = errors.New("the base is no absolute http or https URL")
	// ErrValue says that HTTP or XML has no way to carry a value where it is to
	// go: a line break in a header field (RFC 9110, 5.5), a control character in
	// XML (XML 1.0, 2.2).
	ErrValue = errors.New("a value that cannot be sent where it is to go")
)

// Key names a parameter for Build: "query:name", "json:/a/b".
func (p Parameter) Key() string { return string(p.In) + ":" + p.Name }

// Build makes the request of an operation under base, whose path goes in front.
// set gives values by Key; a parameter that it does not name has its Example, a
// required one without is given a plausible value, and any other is left out.
// Keys that the operation does not declare are sent as well.
//
// Values are raw: each is encoded for its place, and arrives as it was given. A
// cookie has no encoding of its own (RFC 6265, 4.1.1): what may not stand there
// is percent-encoded, as the servers do that allow more. Values of JSON and of
// GraphQL become numbers, booleans, lists or objects where the parameter is of
// that type and the value can be read so; otherwise they are strings.
func (o Operation) Build(base *url.URL, set map[string]string) (web.Request, error) {
	if base == nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return web.Request{}, ErrBase
	}
	if !isToken(o.Method) {
		return web.Request{}, fmt.Errorf("method: %w", ErrValue)
	}
	u, err := o.url(base, set)
	if err != nil {
		return web.Request{}, err
	}
	body, contentType, err := o.body(set)
	if err != nil {
		return web.Request{}, err
	}
	header := http.Header{}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	if err := o.header(header, set); err != nil {
		return web.Request{}, err
	}
	return web.Request{Method: o.Method, URL: u, Header: header, Body: body}, nil
}

// input is a parameter with the value that it is sent with.
type input struct {
	Parameter
	value string
	set   bool
}

// inputs gives what is sent at one place: the declared parameters in their
// order, then what else is set, by name.
func (o Operation) inputs(in In, set map[string]string) []input {
	var out []input
	declared := map[string]bool{}
	for _, p := range o.Parameters {
		if p.In != in {
			continue
		}
		declared[p.Key()] = true
		v, ok := set[p.Key()]
		switch {
		case ok:
			out = append(out, input{p, v, true})
		case p.Required || p.Example != "":
			out = append(out, input{p, p.value(), false})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if name, ok := strings.CutPrefix(key, string(in)+":"); ok && !declared[key] {
			out = append(out, input{Parameter{In: in, Name: name}, set[key], true})
		}
	}
	return out
}

func (o Operation) url(base *url.URL, set map[string]string) (*url.URL, error) {
	values := map[string]string{}
	for _, i := range o.inputs(InPath, set) {
		values[i.Name] = i.value
	}
	path := strings.TrimSuffix(base.EscapedPath(), "/") + expand(o.Path, func(name string) string {
		if v, ok := values[name]; ok {
			return v
		}
		return plausible("string", "")
	})
	u := &url.URL{Scheme: base.Scheme, Host: base.Host, RawPath: path}
	var err error
	if u.Path, err = url.PathUnescape(path); err != nil {
		return nil, fmt.Errorf("path: %w", ErrValue)
	}
	var query []string
	for _, i := range o.inputs(InQuery, set) {
		query = append(query, url.QueryEscape(i.Name)+"="+url.QueryEscape(i.value))
	}
	u.RawQuery = strings.Join(query, "&")
	return u, nil
}

func (o Operation) header(h http.Header, set map[string]string) error {
	for _, i := range o.inputs(InHeader, set) {
		if !isToken(i.Name) || !isFieldValue(i.value) {
			return fmt.Errorf("header field %q: %w", i.Name, ErrValue)
		}
		h.Set(i.Name, i.value)
	}
	var cookies []string
	for _, i := range o.inputs(InCookie, set) {
		if !isToken(i.Name) {
			return fmt.Errorf("cookie %q: %w", i.Name, ErrValue)
		}
		cookies = append(cookies, i.Name+"="+cookieValue(i.value))
	}
	if len(cookies) > 0 {
		h.Set("Cookie", strings.Join(cookies, "; "))
	}
	return nil
}

// cookieValue leaves alone what servers read as it is: cookie-octets (RFC 6265,
// 4.1.1), spaces within and commas.
func cookieValue(v string) string {
	plain := strings.Trim(v, " ") == v
	for i := range len(v) {
		c := v[i]
		plain = plain && c >= ' ' && c < 0x7f && c != '"' && c != ';' && c != '\\'
	}
	if plain {
		return v
	}
	return url.PathEscape(v)
}

// body makes the body and says of which type it is; both are empty for none.
func (o Operation) body(set map[string]string) ([]byte, string, error) {
	if form := o.inputs(InForm, set); len(form) > 0 {
		return formBody(form, o.ContentType)
	}
	if in := o.inputs(InGraphQL, set); len(in) > 0 && o.changes(in) {
		return o.tree(in, func(name string) []string { return append([]string{"variables"}, strings.Split(name, "/")...) })
	}
	if in := o.inputs(InJSON, set); len(in) > 0 && o.changes(in) {
		return o.tree(in, pointerTokens)
	}
	if in := o.inputs(InXML, set); len(in) > 0 && o.changes(in) {
		return o.xml(in)
	}
	if len(o.Body) == 0 {
		return nil, "", nil
	}
	return o.Body, o.ContentType, nil
}

// changes says whether the example of the body will not do as it is.
func (o Operation) changes(in []input) bool {
	return len(o.Body) == 0 || slices.ContainsFunc(in, func(i input) bool { return i.set })
}

// tree sets members of a JSON body. What the example has already is only
// changed where it is set.
func (o Operation) tree(in []input, tokens func(string) []string) ([]byte, string, error) {
	var v any
	if len(o.Body) > 0 {
		v, _ = decodeJSON(o.Body) // an example that is no JSON is made anew
	}
	whole := v != nil
	for _, i := range in {
		if t := tokens(i.Name); (i.set || !whole) && len(t) <= maxNesting {
			v = put(v, t, typed(i.Type, i.value))
		}
	}
	return marshal(v), orElse(o.ContentType, "application/json"), nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// formBody writes fields as the HTML standard does (HTML, 4.10.22.7 and .8).
func formBody(in []input, contentType string) ([]byte, string, error) {
	if mediaType(contentType) == typeMultipart {
		return multipartBody(in)
	}
	var fields []string
	for _, i := range in {
		fields = append(fields, url.QueryEscape(i.Name)+"="+url.QueryEscape(i.value))
	}
	return []byte(strings.Join(fields, "&")), typeForm, nil
}

// multipartBody is RFC 7578. The boundary comes from the contents, so that the
// same request is the same bytes and no value can hold it.
func multipartBody(in []input) ([]byte, string, error) {
	sum := sha256.New()
	for _, i := range in {
		fmt.Fprintf(sum, "%q=%q\n", i.Name, i.value)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(hex.EncodeToString(sum.Sum(nil))); err != nil {
		return nil, "", err
	}
	for _, i := range in {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", multipart.FileContentDisposition(i.Name, "example.txt"))
		h.Set("Content-Type", "text/plain")
		if i.Control != "file" {
			h.Set("Content-Disposition", `form-data; name="`+fieldName(i.Name)+`"`)
			h.Del("Content-Type")
		}
		part, err := w.CreatePart(h)
		if err != nil {
			return nil, "", err
		}
		if _, err := part.Write([]byte(i.value)); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return b.Bytes(), w.FormDataContentType(), nil
}

// fieldName escapes a name as browsers do (HTML, 4.10.22.8).
func fieldName(s string) string {
	return strings.NewReplacer("\n", "%0A", "\r", "%0D", `"`, "%22").Replace(s)
}

// xml sets the text of elements. Without an example they stand in a root.
func (o Operation) xml(in []input) ([]byte, string, error) {
	body, whole := o.Body, len(o.Body) > 0
	if !whole {
		members := map[string]any{}
		for _, i := range in {
			members[i.Name] = i.value
		}
		body = xmlDocument("root", members)
	}
	for _, i := range in {
		if !isXMLName(i.Name) || !isXMLText(i.value) {
			return nil, "", fmt.Errorf("element %q: %w", i.Name, ErrValue)
		}
		if i.set && whole {
			body = setElement(body, i.Name, i.value)
		}
	}
	return body, orElse(o.ContentType, "application/xml"), nil
}

// isXMLText is Char of XML 1.0, 2.2.
func isXMLText(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF || r == '\uFFFD'
	}) < 0
}

// setElement replaces the text of the first element of a name that has no
// elements within. All else stays byte for byte, namespaces and all.
func setElement(body []byte, name, value string) []byte {
	var text bytes.Buffer
	if xml.EscapeText(&text, []byte(value)) != nil {
		return body // a bytes.Buffer has no errors
	}
	for _, leaf := range xmlLeaves(body) {
		if leaf.name == name {
			return slices.Concat(body[:leaf.start], text.Bytes(), body[leaf.end:])
		}
	}
	return body
}

// xmlLeaf is an element that holds text only, and where that text is.
type xmlLeaf struct {
	name, text string
	start, end int64
}

// maxLeaves bounds the elements of one body that are looked at.
const maxLeaves = 10_000

// xmlLeaves reads as far as a document is well-formed. Entities are not
// expanded: encoding/xml knows the five of XML only.
func xmlLeaves(body []byte) []xmlLeaf {
	dec := xml.NewDecoder(bytes.NewReader(body))
	dec.CharsetReader = sameCharset
	var out []xmlLeaf
	var open *xmlLeaf
	for len(out) < maxLeaves {
		before := dec.InputOffset()
		t, err := dec.RawToken()
		if err != nil {
			break
		}
		switch t := t.(type) {
		case xml.StartElement:
			open = &xmlLeaf{name: t.Name.Local, start: dec.InputOffset()}
		case xml.CharData:
			if open != nil && len(open.text) <= maxText {
				open.text += string(t)
			}
		case xml.EndElement:
			// Of a self-closing element the end takes no bytes: it has no place for a text.
			if open != nil && dec.InputOffset() > open.start {
				open.end = before
				out = append(out, *open)
			}
			open = nil
		default:
			open = nil
		}
	}
	return out
}
