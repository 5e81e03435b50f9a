package surface

import (
	"strings"
	"testing"
)

func TestScript(t *testing.T) {
	for src, want := range map[string]string{
		`fetch("/api/patients/:id")`:                                             "GET /api/patients/{id}",
		`fetch('/api/visits', {method: 'POST', body: x})`:                        "POST /api/visits",
		"fetch(`/api/${patient.id}/x`, {headers: h, method: \"DELETE\"})":        "DELETE /api/{id}/x",
		"fetch(`${API_BASE}/patients/${id}`)":                                    "GET /patients/{id}",
		`axios.put("/api/a"); axios.get("/api/b")`:                               "PUT /api/a\nGET /api/b",
		`this.http.post<Patient[]>("api/patients", p)`:                           "POST /api/patients",
		`x.open("PATCH", "/api/y", true)`:                                        "PATCH /api/y",
		`$.ajax({url: "/api/z", type: "POST"})`:                                  "POST /api/z",
		`axios({method:"put",url:"/api/q"})`:                                     "PUT /api/q",
		`var u = "/api/patients/" + id + "/visits/" + encodeURIComponent(v.id);`: "GET /api/patients/{id}/visits/{id2}",
		`var u = "/find?q=" + q + "&page=1"`:                                     "GET /find",
		`const r = /"\/api\/no"/; const s = "/api/yes"`:                          "GET /api/yes",
		"// it's \"/api/no\"\n/* '/api/no' */ '/api/yes'":                        "GET /api/yes",
		`a = b / c; d = "/api/yes" // "`:                                         "GET /api/yes",
		`"/main.js" + "/x.css"; "/logo.PNG"; "//cdn.example.org/x"; "/"; "/g"`:   "",
		`"text/html"; "application/json"; "just a/b text"; "/with space"; "a"`:   "",
		`"\/api\/escaped"`:                                                       "GET /api/escaped",
		`{path: "/wards/:ward/beds/:bed?"}`:                                      "GET /wards/{ward}/beds/{bed}",
		`fetch("/api/a"); fetch("/api/b", {method: "POST"})`:                     "GET /api/a\nPOST /api/b",
		"don't\nfetch('/api/after')":                                             "GET /api/after",
		"`unterminated\nfetch('/api/after')":                                     "GET /api/after",
		`"v2/labs"; "./api/x"; "fhir/Patient"; "../api/y"`:                       "GET /api/x\nGET /fhir/Patient\nGET /v2/labs",
		"`/api/${a ? `x` : {b: 1}}/z`":                                           "GET /api/{b}/z",
	} {
		got := Script([]byte(src), Limits{})
		if routes(got) != want {
			t.Errorf("%s\nis\n%s\nnot\n%s", src, routes(got), want)
		}
		properAll(t, got, Limits{})
	}
	o := find(t, Script([]byte("`/find?q=${q}&page=1`"), Limits{}), "GET /find")
	if example(t, o, InQuery, "q") != "" || example(t, o, InQuery, "page") != "1" {
		t.Errorf("%+v", o.Parameters)
	}
}

func TestScriptBombs(t *testing.T) {
	for name, src := range map[string]string{
		"paths":       strings.Repeat(`"/ab"`, 300_000),
		"fetches":     strings.Repeat(`fetch("/ab",`, 500_000),
		"templates":   strings.Repeat("`${", 300_000),
		"additions":   `"/api"` + strings.Repeat(`+"a"`, 300_000),
		"backslashes": `"` + strings.Repeat(`\`, 1_000_001),
		"slashes":     strings.Repeat("/", 1_000_001),
		"classes":     strings.Repeat("=/[", 300_000),
		"braces":      "`" + strings.Repeat("${{", 300_000),
		"quotes":      strings.Repeat("'", 1_000_001),
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func() { properAll(t, Script([]byte(src), Limits{Operations: 100}), Limits{Operations: 100}) })
		})
	}
}

func FuzzScript(f *testing.F) {
	for _, s := range []string{
		"fetch(`/api/${a.b}/x?y=${z}`, {method: 'POST'})", `axios.get("/api/" + id + '/x')`, `/["']/.test("/api/a"); // "`, `x.open("PUT", "v1/{a}/:b")`, "`${a}`+`/x${`${b}`}`",
	} {
		f.Add(s)
	}
	l := Limits{Operations: 50, Parameters: 20}
	f.Fuzz(func(t *testing.T, src string) {
		for _, o := range Script([]byte(src), l) {
			proper(t, o, l)
			if strings.ContainsAny(o.Path, " \"'`<>\n") && !strings.Contains(o.Path, "'") {
				t.Fatalf("%q is no path", o.Path)
			}
		}
	})
}
