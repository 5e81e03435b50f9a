package surface

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// routes joins the names of operations, one a line.
func routes(ops []Operation) string {
	var out []string
	for _, o := range ops {
		out = append(out, o.Route())
	}
	return strings.Join(out, "\n")
}

// find gives the operation of a route.
func find(t testing.TB, ops []Operation, route string) Operation {
	t.Helper()
	for _, o := range ops {
		if o.Route() == route {
			return o
		}
	}
	t.Fatalf("no %q among:\n%s", route, routes(ops))
	return Operation{}
}

// example gives the example of a parameter that must be there.
func example(t testing.TB, o Operation, in In, name string) string {
	t.Helper()
	p, ok := o.Parameter(in, name)
	if !ok {
		t.Fatalf("%s has no %s:%s but %v", o.Route(), in, name, o.Parameters)
	}
	return p.Example
}

// within fails when f takes much longer than the second that it has on a machine
// of its own: here a busy one must do.
func within(t *testing.T, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if d := time.Since(start); d > patience {
		t.Errorf("it took %s", d)
	} else {
		t.Logf("%s", d)
	}
}

// proper is what holds for every operation, whatever it was read from: it can be
// built, and what is built is of its own template.
func proper(t testing.TB, o Operation, l Limits) {
	t.Helper()
	l = l.orDefault()
	if !strings.HasPrefix(o.Path, "/") {
		t.Fatalf("path %q", o.Path)
	}
	if len(o.Sources) == 0 {
		t.Fatalf("%q has no source", o.Route())
	}
	if len(o.Parameters) > l.Parameters+len(pathNames(o.Path)) {
		t.Fatalf("%q has %d parameters", o.Route(), len(o.Parameters))
	}
	r, err := o.Build(&url.URL{Scheme: "https", Host: "clinic.example.org"}, nil)
	if err != nil {
		t.Fatalf("%q with %+v: %v", o.Route(), o.Parameters, err)
	}
	if r.URL.EscapedPath() != r.URL.RawPath {
		t.Fatalf("%q is built as %q and sent as %q", o.Path, r.URL.RawPath, r.URL.EscapedPath())
	}
	values, ok := Match(o.Path, r.URL.EscapedPath())
	if !ok {
		t.Fatalf("%q is built as %q", o.Path, r.URL.EscapedPath())
	}
	for _, name := range pathNames(o.Path) {
		if _, ok := values[name]; !ok {
			t.Fatalf("%q in %q has no value of %q", r.URL.EscapedPath(), o.Path, name)
		}
	}
}

func properAll(t testing.TB, ops []Operation, l Limits) {
	t.Helper()
	if l = l.orDefault(); len(ops) > l.Operations {
		t.Fatalf("%d operations of %d", len(ops), l.Operations)
	}
	for _, o := range ops {
		proper(t, o, l)
	}
}

// arrived is a request as a server reads it.
type arrived struct {
	*http.Request
	body []byte
}

// send sends a request over a real connection and gives what arrived.
func send(t *testing.T, build func(base *url.URL) (web.Request, error)) arrived {
	t.Helper()
	var got arrived
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = arrived{r, b}
	}))
	defer s.Close()
	w, err := build(mustURL(t, s.URL))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), w.Method, "http://unset.invalid/", strings.NewReader(string(w.Body)))
	if err != nil {
		t.Fatal(err)
	}
	r.URL, r.Header, r.Host = w.URL, w.Header, w.URL.Host
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if got.Request == nil {
		t.Fatal("nothing arrived")
	}
	return got
}
