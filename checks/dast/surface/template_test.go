package surface

import (
	"maps"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		template, path string
		want           map[string]string // nil: no match
	}{
		{"/", "/", map[string]string{}},
		{"/", "/a", nil},
		{"/patients/{id}", "/patients/1001", map[string]string{"id": "1001"}},
		{"/patients/{id}", "/patients/", nil},
		{"/patients/{id}", "/patients", nil},
		{"/patients/{id}", "/patients/1/x", nil},
		{"/patients/{id}", "/patients/a%2Fb", map[string]string{"id": "a/b"}},
		{"/patients/{id}/$everything", "/patients/1/$everything", map[string]string{"id": "1"}},
		{"/patients/{id}/$everything", "/patients/1/%24everything", map[string]string{"id": "1"}},
		{"/a b/{x}", "/a%20b/1", map[string]string{"x": "1"}},
		{"/a%20b/{x}", "/a%20b/1", map[string]string{"x": "1"}},
		{"/f/{name}.{ext}", "/f/a.b.c", map[string]string{"name": "a", "ext": "b.c"}},
		{"/f/{name}.pdf", "/f/a.pdf.pdf", map[string]string{"name": "a.pdf"}},
		{"/f/{name}.pdf", "/f/.pdf", nil},
		{"/f/v{n}-{m}/x", "/f/v1-2/x", map[string]string{"n": "1", "m": "2"}},
		{"/f/v{n}-{m}/x", "/f/v1-/x", nil},
		{"/{a}{b}", "/xyz", map[string]string{"a": "x", "b": "yz"}},
		{"/static/{rest...}", "/static/a/b%20c", map[string]string{"rest": "a/b c"}},
		{"/static/{rest...}", "/static/", map[string]string{"rest": ""}},
		{"/static/{rest...}", "/other/", nil},
		{"/a/{$}", "/a/", map[string]string{}},
		{"/a/{$}", "/a/b", nil},
		{"/a{b", "/a%7Bb", map[string]string{}},
		{"/{}", "/%7B%7D", map[string]string{}},
	} {
		got, ok := Match(c.template, c.path)
		if ok != (c.want != nil) || ok && !maps.Equal(got, c.want) {
			t.Errorf("Match(%q, %q) is %v %v, not %v", c.template, c.path, got, ok, c.want)
		}
	}
}

func TestCleanPath(t *testing.T) {
	for in, want := range map[string]string{
		"patients": "/patients", "/a?b={c}": "/a", "/a#b": "/a", "/a/{id:[0-9]{4}}/b": "/a/{id}/b", "/a/{id": "/a/{id", "/{x}": "/{x}", "": "/", "/a}b": "/a}b",
	} {
		if got, ok := cleanPath(in); !ok || got != want {
			t.Errorf("%q is %q, not %q", in, got, want)
		}
	}
	if _, ok := cleanPath("/" + strings.Repeat("a", 1<<20)); ok {
		t.Error("a path of a megabyte was taken")
	}
}

func TestWhatLooksLikeAnID(t *testing.T) {
	for _, id := range []string{
		"1", "1001", "2020-01-31", "2020-01", "2020-01-31T10:00:00Z", "00000000-0000-4000-8000-000000000001", "0123456789abcdef", "dQw4w9WgXcQ3aB7x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
	} {
		if !looksLikeID(id) {
			t.Errorf("%q is an id", id)
		}
	}
	for _, word := range []string{
		"", "patients", "v1", "summary-2020", "getPatientById", "electronic-health-records", "$everything", "icd-10-codes-2024-list", "Patient", "r4", "deadbeef", "a1",
	} {
		if looksLikeID(word) {
			t.Errorf("%q is a word", word)
		}
	}
}
