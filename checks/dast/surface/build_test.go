package surface

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// every has a parameter in each place but those of the body.
func every() Operation {
	return Operation{
		Method: "POST", Path: "/wards/{ward}/files/{name}.{ext}", Sources: []string{"openapi"},
		Parameters: []Parameter{
			{In: InPath, Name: "ward", Required: true, Example: "7"},
			{In: InPath, Name: "name", Required: true},
			{In: InPath, Name: "ext", Required: true, Example: "pdf"},
			{In: InQuery, Name: "q[a&b]", Example: "x"},
			{In: InQuery, Name: "left out"},
			{In: InHeader, Name: "X-Ward", Example: "7"},
			{In: InCookie, Name: "theme", Example: "dark"},
		},
	}
}

func payloads() []string {
	return []string{
		"' OR 1=1 --", `<svg/onload=x>`, "a\r\nSet-Cookie: b=c", `"; DROP TABLE x; \`, "../../etc/passwd", "%2e%2e%00", "{{7*7}}${7*7}", "a+b c&d=e#f?g;h,i",
		"ü€𝄞", "\x00", "]]>&amp;", "true", "1", "null", `{"$ne": null}`, " ",
	}
}

func TestValuesArriveAsTheyWereGiven(t *testing.T) {
	for _, v := range payloads() {
		got := send(t, func(base *url.URL) (web.Request, error) {
			return every().Build(base, map[string]string{"path:ward": v, "query:q[a&b]": v, "query:undeclared": v})
		})
		values, ok := Match(every().Path, got.URL.EscapedPath())
		if !ok || values["ward"] != v {
			t.Errorf("path: %q arrived as %q in %q", v, values["ward"], got.URL.EscapedPath())
		}
		for _, name := range []string{"q[a&b]", "undeclared"} {
			if q := got.URL.Query()[name]; !slices.Equal(q, []string{v}) {
				t.Errorf("query %s: %q arrived as %q", name, v, q)
			}
		}
		if got.URL.Query().Has("left out") {
			t.Error("an optional parameter without example was sent")
		}
	}
}

func TestHeaderAndCookieArrive(t *testing.T) {
	for _, v := range payloads() {
		r, err := every().Build(mustURL(t, "http://clinic.example.org"), map[string]string{"header:X-Ward": v})
		if sendable := !strings.ContainsAny(v, "\x00\r\n") && strings.TrimSpace(v) == v; sendable != (err == nil) {
			t.Errorf("header %q: %v", v, err)
		} else if !sendable {
			if !errors.Is(err, ErrValue) || r.URL != nil {
				t.Errorf("header %q: %v", v, err)
			}
			continue
		}
		got := send(t, func(base *url.URL) (web.Request, error) {
			return every().Build(base, map[string]string{"header:X-Ward": v, "cookie:theme": v, "cookie:other": "1"})
		})
		if h := got.Header.Get("X-Ward"); h != v {
			t.Errorf("header: %q arrived as %q", v, h)
		}
		if c, err := got.Cookie("other"); err != nil || c.Value != "1" {
			t.Errorf("a cookie after %q: %v", v, err)
		}
	}
	for _, v := range payloads() {
		got := send(t, func(base *url.URL) (web.Request, error) {
			return every().Build(base, map[string]string{"cookie:theme": v})
		})
		c, err := got.Cookie("theme")
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		decoded, err := url.PathUnescape(c.Value)
		if c.Value != v && (err != nil || decoded != v) {
			t.Errorf("cookie: %q arrived as %q", v, c.Value)
		}
	}
}

func TestFormsArrive(t *testing.T) {
	o := Operation{Method: "POST", Path: "/login", Parameters: []Parameter{
		{In: InForm, Name: "user", Required: true}, {In: InForm, Name: "a\"b\r\nc"}, {In: InForm, Name: "scan", Control: "file"}, {In: InForm, Name: "n", Example: "5"},
	}}
	for _, kind := range []string{"", typeForm, typeMultipart} {
		o.ContentType = kind
		for _, v := range payloads() {
			got := send(t, func(base *url.URL) (web.Request, error) {
				return o.Build(base, map[string]string{"form:a\"b\r\nc": v, "form:scan": v})
			})
			form := formOf(t, got)
			name := "a\"b\r\nc"
			if kind == typeMultipart {
				name = "a%22b%0D%0Ac" // as browsers write it
			}
			for field, want := range map[string]string{"user": "example", "n": "5", name: v, "scan": v} {
				if !slices.Equal(form[field], []string{want}) {
					t.Errorf("%s %q: %q arrived as %q", kind, field, want, form[field])
				}
			}
		}
	}
}

// formOf reads a form as its content type says.
func formOf(t *testing.T, got arrived) url.Values {
	t.Helper()
	kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind == typeForm {
		form, err := url.ParseQuery(string(got.body))
		if err != nil {
			t.Fatal(err)
		}
		return form
	}
	form := url.Values{}
	r := multipart.NewReader(strings.NewReader(string(got.body)), params["boundary"])
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return form
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		form.Add(p.FormName(), string(b))
		if (p.FileName() != "") != (p.FormName() == "scan") {
			t.Errorf("file name %q of %q", p.FileName(), p.FormName())
		}
	}
}

func TestJSONArrives(t *testing.T) {
	o := Operation{
		Method: "POST", Path: "/patients", ContentType: "application/json",
		Body: []byte(`{"name":[{"family":"Doe"}],"age":40,"a/b~":"x","ok":true}`),
		Parameters: []Parameter{
			{In: InJSON, Name: "/name/0/family", Type: "string"}, {In: InJSON, Name: "/age", Type: "integer"}, {In: InJSON, Name: "/a~1b~0", Type: "string"},
		},
	}
	for _, v := range payloads() {
		for _, body := range [][]byte{o.Body, nil, []byte("no JSON")} {
			o.Body = body
			got := send(t, func(base *url.URL) (web.Request, error) {
				return o.Build(base, map[string]string{"json:/name/0/family": v, "json:/a~1b~0": v, "json:/new/deep": v})
			})
			var b struct {
				Name []struct{ Family string }
				Odd  string `json:"a/b~"`
				New  struct{ Deep string }
			}
			if err := json.Unmarshal(got.body, &b); err != nil {
				t.Fatalf("%s: %v", got.body, err)
			}
			if len(b.Name) != 1 || b.Name[0].Family != v || b.Odd != v || b.New.Deep != v {
				t.Errorf("%q arrived in %s", v, got.body)
			}
		}
		o.Body = []byte(`{"name":[{"family":"Doe"}],"age":40}`)
	}
	for v, want := range map[string]string{"41": `"age":41`, "041": `"age":"041"`, "1 OR 1=1": `"age":"1 OR 1=1"`, "-1.5e3": `"age":-1.5e3`} {
		r, err := o.Build(mustURL(t, "http://clinic.example.org"), map[string]string{"json:/age": v})
		if err != nil || !strings.Contains(string(r.Body), want) || !strings.Contains(string(r.Body), "Doe") {
			t.Errorf("%q made %s, %v", v, r.Body, err)
		}
	}
	r, err := o.Build(mustURL(t, "http://clinic.example.org"), nil)
	if err != nil || string(r.Body) != string(o.Body) || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("untouched, the example is sent as it is: %s, %v, %v", r.Body, r.Header, err)
	}
}

func TestGraphQLArrives(t *testing.T) {
	o := Operation{
		Method: "POST", Path: "/graphql", ContentType: "application/json",
		Body:       []byte(`{"query":"query Patient($id: ID!, $n: Int) { patient(id: $id) { name } }","variables":{"id":"1","in":{"name":{"family":"Doe"}}}}`),
		Parameters: []Parameter{{In: InGraphQL, Name: "id", Type: "string"}, {In: InGraphQL, Name: "n", Type: "integer"}, {In: InGraphQL, Name: "in/name/family"}},
	}
	for _, v := range payloads() {
		got := send(t, func(base *url.URL) (web.Request, error) {
			return o.Build(base, map[string]string{"graphql:id": v, "graphql:n": "3", "graphql:in/name/family": v})
		})
		var b struct {
			Query     string
			Variables struct {
				ID string
				N  int
				In struct{ Name struct{ Family string } }
			}
		}
		if err := json.Unmarshal(got.body, &b); err != nil {
			t.Fatalf("%s: %v", got.body, err)
		}
		if b.Variables.ID != v || b.Variables.N != 3 || b.Variables.In.Name.Family != v || !strings.HasPrefix(b.Query, "query Patient") {
			t.Errorf("%q arrived in %s", v, got.body)
		}
	}
}

func TestXMLArrives(t *testing.T) {
	o := Operation{
		Method: "POST", Path: "/soap", ContentType: "text/xml",
		Body:       []byte(`<s:E xmlns:s="urn:s"><s:Body><family>Doe</family><given></given></s:Body></s:E>`),
		Parameters: []Parameter{{In: InXML, Name: "family"}, {In: InXML, Name: "given"}},
	}
	for _, body := range [][]byte{o.Body, nil} {
		o.Body = body
		for _, v := range payloads() {
			set := map[string]string{"xml:family": v, "xml:given": v}
			if _, err := o.Build(mustURL(t, "http://clinic.example.org"), set); v == "\x00" {
				if !errors.Is(err, ErrValue) {
					t.Errorf("%q: %v", v, err)
				}
				continue
			}
			got := send(t, func(base *url.URL) (web.Request, error) { return o.Build(base, set) })
			var b struct {
				InBody struct{ Family, Given string } `xml:"Body"`
				Family string                         `xml:"family"`
			}
			var inner struct {
				Family string `xml:"family"`
				Given  string `xml:"given"`
			}
			in := string(got.body)
			if i := strings.Index(in, "<s:Body>"); i >= 0 {
				in = "<root>" + in[i+8:strings.Index(in, "</s:Body>")] + "</root>"
			}
			if err := xml.Unmarshal([]byte(in), &inner); err != nil {
				t.Fatalf("%s: %v", got.body, err)
			}
			if inner.Family != v || inner.Given != v {
				t.Errorf("%q arrived in %s", v, got.body)
			}
			if body != nil && xml.Unmarshal(got.body, &b) != nil {
				t.Errorf("no longer XML: %s", got.body)
			}
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	for _, base := range []string{"", "/x", "ftp://clinic.example.org", "clinic.example.org"} {
		if _, err := every().Build(mustURL(t, base), nil); !errors.Is(err, ErrBase) {
			t.Errorf("base %q: %v", base, err)
		}
	}
	if _, err := every().Build(nil, nil); !errors.Is(err, ErrBase) {
		t.Errorf("no base: %v", err)
	}
	for _, set := range []map[string]string{{"header:a b": "x"}, {"cookie:a;b": "x"}, {"xml:a b": "x"}} {
		if _, err := every().Build(mustURL(t, "http://clinic.example.org"), set); !errors.Is(err, ErrValue) {
			t.Errorf("%v: %v", set, err)
		}
	}
	o := Operation{Method: "GET /x HTTP/1.1\r\n", Path: "/"}
	if _, err := o.Build(mustURL(t, "http://clinic.example.org"), nil); !errors.Is(err, ErrValue) {
		t.Errorf("method: %v", err)
	}
}

func TestBuildPutsTheBaseInFront(t *testing.T) {
	r, err := every().Build(mustURL(t, "https://clinic.example.org/a%2Fb/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.URL.String(), "https://clinic.example.org/a%2Fb/wards/7/files/example.pdf?q%5Ba%26b%5D=x"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if r.Body != nil || r.Header.Get("Content-Type") != "" {
		t.Errorf("a body from nowhere: %q %v", r.Body, r.Header)
	}
}
