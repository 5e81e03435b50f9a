package surface

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// observed gives a set that saw paths of one origin.
func observed(t testing.TB, l Limits, refs ...string) *Set {
	t.Helper()
	s := NewSet(l)
	for _, r := range refs {
		s.Observe("get", mustURL(t, "https://clinic.example.org"+r), "link")
	}
	return s
}

func TestObserve(t *testing.T) {
	s := observed(t, Limits{}, "", "/patients/1001", "/patients/1002?tab=a", "/patients/1003?tab=b&sort=x", "/patients/1/visits/2020-01-31", "/patients/2/visits/2020-02-01",
		"/about", "/a%20b", "/x/00000000-0000-4000-8000-000000000001", "/s;jsessionid=0123456789abcdef/home", "/s/home;jsessionid=fedcba9876543210")
	properAll(t, s.Operations(), Limits{})
	want := "GET /\nGET /a%20b\nGET /about\nGET /patients/{id}\nGET /patients/{id}/visits/{id2}\nGET /s/home\nGET /x/{id}"
	if got := routes(s.Operations()); got != want {
		t.Fatalf("got\n%s", got)
	}
	o := find(t, s.Operations(), "GET /patients/{id}")
	if example(t, o, InPath, "id") != "1001" || example(t, o, InQuery, "tab") != "a" || example(t, o, InQuery, "sort") != "x" || !o.Safe || !slices.Equal(o.Sources, []string{"link"}) {
		t.Errorf("%+v", o)
	}
}

func TestObserveMatchesWhatIsDeclared(t *testing.T) {
	s := NewSet(Limits{})
	s.Add(
		Operation{Method: "GET", Path: "/patients/{pid}", Parameters: []Parameter{{In: InPath, Name: "pid", Type: "string"}}, Sources: []string{"openapi"}},
		Operation{Method: "GET", Path: "/patients/me", Sources: []string{"openapi"}},
		Operation{Method: "GET", Path: "/f/{name}.pdf", Sources: []string{"openapi"}},
		Operation{Method: "GET", Path: "/static/{rest...}", Sources: []string{"script"}},
	)
	for _, p := range []string{"/patients/1001", "/patients/smith", "/patients/me", "/f/a.b.pdf", "/static/a/b", "/static/"} {
		s.Observe("GET", mustURL(t, "https://clinic.example.org"+p), "link")
	}
	want := "GET /f/{name}.pdf\nGET /patients/me\nGET /patients/{pid}\nGET /static/{rest...}"
	if got := routes(s.Operations()); got != want {
		t.Fatalf("got\n%s", got)
	}
	o := find(t, s.Operations(), "GET /patients/{pid}")
	if example(t, o, InPath, "pid") != "1001" || !slices.Equal(o.Sources, []string{"link", "openapi"}) {
		t.Errorf("%+v", o)
	}
	if example(t, s.Operations()[0], InPath, "name") != "a.b" {
		t.Error("the name of a file is an example")
	}
	// The other way round, what is declared gives the names.
	s = observed(t, Limits{}, "/patients/1001?tab=1")
	s.Add(Operation{Method: "GET", Path: "/patients/{pid}", Parameters: []Parameter{{In: InPath, Name: "pid", Type: "string", Format: "mrn"}}, Sources: []string{"openapi"}})
	s.Observe("GET", mustURL(t, "https://clinic.example.org/patients/1002"), "link")
	o = find(t, s.Operations(), "GET /patients/{pid}")
	if p, _ := o.Parameter(InPath, "pid"); len(s.Operations()) != 1 || p.Example != "1001" || p.Format != "mrn" || example(t, o, InQuery, "tab") != "1" {
		t.Errorf("%+v", s.Operations())
	}
}

func TestAddMerges(t *testing.T) {
	yes, s := true, NewSet(Limits{})
	s.Add(
		Operation{Method: "post", Path: "/visits/{v}", Sources: []string{"openapi"}, Parameters: []Parameter{{In: InPath, Name: "v"}, {In: InQuery, Name: "a"}}},
		Operation{Method: "POST", Path: "/visits/{id}", Sources: []string{"har"}, Login: &yes, Scopes: []string{"b", "a"}, ContentType: "application/json", Body: []byte(`{}`),
			Parameters: []Parameter{{In: InPath, Name: "id", Example: "7"}, {In: InQuery, Name: "a", Example: "1", Enum: []string{"1"}}, {In: InJSON, Name: "/x"}}},
		Operation{Method: "POST", Path: "/graphql", Name: "query a", Sources: []string{"graphql"}}, Operation{Method: "POST", Path: "/graphql", Name: "query b", Sources: []string{"graphql"}},
		Operation{Method: "no method", Path: "/"},
	)
	if got, want := routes(s.Operations()), "POST /graphql query a\nPOST /graphql query b\nPOST /visits/{v}"; got != want || s.Dropped() != 1 {
		t.Fatalf("%d dropped\n%s", s.Dropped(), got)
	}
	o := s.Operations()[2]
	if example(t, o, InPath, "v") != "7" || example(t, o, InQuery, "a") != "1" || string(o.Body) != "{}" || o.Login == nil || !slices.Equal(o.Scopes, []string{"a", "b"}) ||
		!slices.Equal(o.Sources, []string{"har", "openapi"}) || len(o.Parameters) != 3 || o.Idempotent {
		t.Errorf("%+v", o)
	}
}

func TestSlugsCollapse(t *testing.T) {
	s := observed(t, Limits{})
	s.Add(Operation{Method: "GET", Path: "/news/rss", Sources: []string{"openapi"}})
	for i := range 30 {
		s.Observe("GET", mustURL(t, fmt.Sprintf("https://clinic.example.org/news/post-%cx?a=%d", 'A'+i, i)), "link")
	}
	s.Observe("POST", mustURL(t, "https://clinic.example.org/news/post-Ax"), "form")
	if n := len(s.Operations()); n != 32 {
		t.Fatalf("thirty are kept apart: %d", n)
	}
	for i := range 1000 {
		s.Observe("GET", mustURL(t, fmt.Sprintf("https://clinic.example.org/news/other-%dx", i)), "link")
	}
	if got, want := routes(s.Operations()), "POST /news/post-Ax\nGET /news/rss\nGET /news/{slug}"; got != want {
		t.Fatalf("got\n%s", got)
	}
	o := s.Operations()[2]
	if example(t, o, InPath, "slug") == "" || !slices.Equal(o.Sources, []string{"link"}) {
		t.Errorf("%+v", o)
	}
	if _, ok := o.Parameter(InQuery, "a"); !ok {
		t.Error("the query parameters of what collapsed are kept")
	}
	properAll(t, s.Operations(), Limits{})
}

func TestObservedPagesDoNotExplode(t *testing.T) {
	for name, page := range map[string]func(i int) string{
		"ids":      func(i int) string { return fmt.Sprintf("/item?id=%d", i) },
		"calendar": func(i int) string { return fmt.Sprintf("/calendar/%d/%d/%d?view=month", i/365, i/30%12, i%30) },
		"facets":   func(i int) string { return fmt.Sprintf("/search?f%d=1&g%d=2", i%5000, i%7) },
		"sessions": func(i int) string { return fmt.Sprintf("/s/a%dZ%dq%dX%dabcdefgh/page", i, i*7, i*13, i*29) },
		"slugs":    func(i int) string { return fmt.Sprintf("/dept/name-%d-x", i) },
		"parents":  func(i int) string { return fmt.Sprintf("/p-%d-x/a", i) },
		"growing":  func(i int) string { return strings.Repeat("/a", i%100) },
	} {
		t.Run(name, func(t *testing.T) {
			l := Limits{Operations: 2000}
			s := NewSet(l)
			base := mustURL(t, "https://clinic.example.org")
			var refs []*url.URL
			for i := range 20_000 {
				u, err := base.Parse(page(i))
				if err != nil {
					t.Fatal(err)
				}
				refs = append(refs, u)
			}
			within(t, func() {
				for _, u := range refs {
					s.Observe("GET", u, "link")
				}
			})
			n := len(s.Operations())
			t.Log(n, s.Dropped())
			if most := map[string]int{"parents": 2000, "growing": maxSegments + 1}[name]; n > max(most, 1) {
				t.Errorf("%d operations", n)
			}
			if name == "parents" != (s.Dropped() > 0) && name != "facets" && name != "growing" {
				t.Errorf("%d dropped", s.Dropped())
			}
			if len(s.slugs) > l.Operations+1 {
				t.Errorf("%d parents are kept", len(s.slugs))
			}
		})
	}
}

// Templates that fit twice at each segment cost no more than others.
func TestAmbiguousTemplates(t *testing.T) {
	s := NewSet(Limits{})
	for i := range 1 << 12 {
		path := ""
		for b := range 12 {
			path += map[bool]string{true: "/a", false: "/{x}"}[i>>b&1 == 1]
		}
		s.Add(Operation{Method: "GET", Path: path + "/end", Sources: []string{"openapi"}})
	}
	u := mustURL(t, "https://clinic.example.org"+strings.Repeat("/a", 12)+"/other")
	within(t, func() {
		for range 2000 {
			s.Observe("GET", u, "link")
		}
	})
}

func FuzzSet(f *testing.F) {
	f.Add("/patients/{id}\n/f/{a}.{b}\n/s/{rest...}\n/x/{$}", "/patients/1\n/f/x.y\n/s/a/b\n/x/\n/a;b/2020-01-31?q=1")
	f.Add("{a}{b}", "/%7B%7D//x")
	l := Limits{Operations: 20, Parameters: 5}
	f.Fuzz(func(t *testing.T, declared, seen string) {
		s := NewSet(l)
		for p := range strings.SplitSeq(declared, "\n") {
			s.Add(Operation{Method: "GET", Path: p, Sources: []string{"openapi"}})
		}
		var urls []*url.URL
		for r := range strings.SplitSeq(seen, "\n") {
			u, err := url.Parse("https://clinic.example.org" + r)
			if err != nil || u.Host != "clinic.example.org" {
				continue
			}
			urls = append(urls, u)
			s.Observe("GET", u, "link")
		}
		ops := s.Operations()
		properAll(t, ops, l)
		// Seeing all of it again changes nothing.
		dropped := s.Dropped()
		for _, u := range urls {
			s.Observe("GET", u, "link")
		}
		if again := routes(s.Operations()); again != routes(ops) && dropped == 0 {
			t.Fatalf("from\n%s\nto\n%s", routes(ops), again)
		}
		// What was seen is of a route that is known.
		for _, u := range urls {
			path := withoutMatrix(orElse(u.EscapedPath(), "/"))
			if !slices.ContainsFunc(ops, func(o Operation) bool { _, ok := Match(o.Path, path); return ok }) && dropped == 0 {
				t.Fatalf("%q is of none of\n%s", path, routes(ops))
			}
		}
	})
}
