package checks

import (
	"reflect"
	"testing"
)

func TestSameRoute(t *testing.T) {
	for _, c := range []struct {
		source, live string
		want         bool
	}{
		{"GET /patients/{id}", "GET /patients/{id}", true},
		{"GET /patients/{mrn}", "GET /patients/{id}", true},
		{"/patients", "POST /patients", true},
		{"GET /patients", "POST /patients", false},
		{"/patients/{id}", "GET /api/v1/patients/{id}", true},
		{"/patients/{id}", "GET /patients", false},
		{"/{id}", "GET /patients/{id}", false},
		{"/{id}", "GET /{slug}", true},
		{"/files/{path...}", "GET /files/a/b", true},
		{"/{path...}", "GET /files/a/b", true},
		{"/{$}", "GET /", true},
		{"/{$}", "GET /x", false},
		{"/graphql", "POST /graphql query patient", true},
		{"/patients", "GET /impatients", false},
	} {
		if got := SameRoute(c.source, c.live); got != c.want {
			t.Errorf("%q and %q: %v", c.source, c.live, got)
		}
	}
}

func TestConfirm(t *testing.T) {
	static := func(path string, routes ...string) Finding {
		return Finding{Fingerprint: "s" + path, Check: "sast", Rule: Rule{ID: "G701", Severity: High, CWE: []string{"CWE-89"}}, Location: Location{Path: path},
			Routes: routes, Confidence: "medium", SeenBy: []Witness{{"sast", "G701"}}}
	}
	live := Finding{Fingerprint: "l", Check: "dast", Rule: Rule{ID: "web-sql-injection", Severity: Critical, CWE: []string{"CWE-89"}}, Location: Location{Path: "/patients"},
		Routes: []string{"GET /patients"}, SeenBy: []Witness{{"dast", "web-sql-injection"}}, Exchanges: []Exchange{{Request: "GET /patients"}}, Replay: "curl"}
	in := Merge([]Finding{static("a.go", "/patients"), static("b.go", "/doctors"), live})
	got := Confirm(in)
	if len(got) != 2 {
		t.Fatalf("%d findings: %+v", len(got), got)
	}
	f := got[0]
	if f.Location.Path != "a.go" || f.Fingerprint != "sa.go" || f.Confidence != "high" || f.Rule.ID != "web-sql-injection" || f.Replay != "curl" ||
		!reflect.DeepEqual(f.SeenBy, []Witness{{"sast", "G701"}, {"dast", "web-sql-injection"}}) {
		t.Errorf("%+v", f)
	}
	if other := got[1]; len(other.SeenBy) != 1 || other.Confidence != "medium" {
		t.Errorf("another place was confirmed: %+v", other)
	}
	if again := Confirm(got); !reflect.DeepEqual(again, got) {
		t.Error("confirming again changes something")
	}
	// Two places that fit: both have the witness, neither is sure.
	got = Confirm(Merge([]Finding{static("a.go", "/patients"), static("c.go", "/patients"), live}))
	if len(got) != 2 || len(got[0].SeenBy) != 2 || len(got[1].SeenBy) != 2 || got[0].Confidence != "medium" || got[0].Rule.Severity != Critical {
		t.Errorf("%+v", got)
	}
	// Another CWE, or no route: they stay two.
	other := static("a.go", "/patients")
	other.Rule.CWE = []string{"CWE-79"}
	for _, s := range []Finding{other, static("a.go")} {
		if got := Confirm(Merge([]Finding{s, live})); len(got) != 2 || len(got[0].SeenBy)+len(got[1].SeenBy) != 2 {
			t.Errorf("%+v", got)
		}
	}
}
