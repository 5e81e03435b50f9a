package dast

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// hospital is a FHIR server with two patients, and its token endpoint. It does
// everything right but for its flaws.
type hospital struct {
	flaws map[string]bool
	url   string
	key   any // the public key of the backend service

	mu      sync.Mutex
	n       int
	tokens  map[string]holder
	used    map[string]bool // jti
	store   map[string]map[string]any
	audit   []map[string]any
	jobs    int
	wrong   []string // what a client did wrong at the token endpoint
	created int
}

// holder is what a token is for.
type holder struct {
	patient string
	scopes  []string
}

const (
	annaFHIR   = "Quixotic-Fhirson"
	bertFHIR   = "Zweifel-Fhirson"
	appSecret  = "4pp-s3cret-of-a-patient"
	annasPhone = "+1-555-0147-99"
)

func newHospital(flaws ...string) *hospital {
	h := &hospital{flaws: map[string]bool{}, tokens: map[string]holder{}, used: map[string]bool{}, store: map[string]map[string]any{}}
	for _, f := range flaws {
		h.flaws[f] = true
	}
	for _, p := range []struct{ id, name, born, seen string }{{"p-anna", annaFHIR, "1980-02-03", "o-anna"}, {"p-bert", bertFHIR, "1975-05-06", "o-bert"}} {
		h.store["Patient/"+p.id] = map[string]any{"resourceType": "Patient", "id": p.id, "birthDate": p.born, "name": []any{map[string]any{"family": p.name}}, "telecom": []any{map[string]any{"value": annasPhone}}}
		h.store["Observation/"+p.seen] = map[string]any{
			"resourceType": "Observation", "id": p.seen, "status": "final", "code": map[string]any{"text": "weight"},
			"subject": map[string]any{"reference": "Patient/" + p.id}, "performer": []any{map[string]any{"reference": "Practitioner/d-1"}},
		}
	}
	h.store["Practitioner/d-1"] = map[string]any{"resourceType": "Practitioner", "id": "d-1"}
	return h
}

func fhirSay(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/fhir+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

func outcome(w http.ResponseWriter, status int, text string) {
	fhirSay(w, status, map[string]any{"resourceType": "OperationOutcome", "issue": []any{map[string]any{"severity": "error", "code": "invalid", "diagnostics": text}}})
}

func (h *hospital) capability(w http.ResponseWriter, _ *http.Request) {
	params := func(names ...string) []any {
		var out []any
		for _, n := range names {
			out = append(out, map[string]any{"name": n, "type": "string"})
		}
		return out
	}
	codes := func(names ...string) []any {
		var out []any
		for _, n := range names {
			out = append(out, map[string]any{"code": n})
		}
		return out
	}
	rest := map[string]any{"mode": "server", "resource": []any{
		map[string]any{"type": "Patient", "interaction": codes("read", "search-type", "create"), "searchParam": params("_id", "birthdate", "identifier"), "operation": []any{map[string]any{"name": "everything"}}},
		map[string]any{"type": "Observation", "interaction": codes("read", "search-type"), "searchParam": params("patient"), "searchInclude": []any{"Observation:subject"}},
		map[string]any{"type": "Practitioner", "interaction": codes("search-type"), "searchRevInclude": []any{"Observation:performer"}},
		map[string]any{"type": "AuditEvent", "interaction": codes("search-type"), "searchParam": params("date")},
	}, "operation": []any{map[string]any{"name": "export"}}}
	if !h.flaws["undeclared"] {
		rest["security"] = map[string]any{"service": []any{map[string]any{"coding": []any{map[string]any{"code": "SMART-on-FHIR"}}}}}
	}
	fhirSay(w, 200, map[string]any{"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": []any{rest}})
}

// token gives tokens to the apps of patients by secret, and to the backend
// service by its signature.
func (h *hospital) token(w http.ResponseWriter, r *http.Request) {
	asked := strings.Fields(r.PostFormValue("scope"))
	var to holder
	switch id, secret, basic := r.BasicAuth(); {
	case basic && (id == "app-anna" || id == "app-bert") && secret == appSecret:
		to = holder{"p-" + strings.TrimPrefix(id, "app-"), asked}
	case r.PostFormValue("client_assertion") != "" && h.verify(r.PostFormValue("client_assertion")):
		to = holder{"", asked}
	default:
		say401(w)
		return
	}
	if h.flaws["widened"] {
		to.scopes = append(to.scopes, "patient/Observation.cud")
	}
	h.n++
	token := fmt.Sprintf("t0ken-of-the-hospital-%06d", h.n*104729)
	h.tokens[token] = to
	answer := map[string]any{"access_token": token, "token_type": "bearer", "expires_in": 300, "scope": strings.Join(to.scopes, " ")}
	if to.patient != "" {
		answer["patient"] = to.patient
	}
	say(w, answer)
}

func say401(w http.ResponseWriter) {
	w.WriteHeader(http.StatusUnauthorized)
}

// verify is what SMART App Launch 2.2.0 asks of a server.
func (h *hospital) verify(assertion string) bool {
	bad := func(why string) bool { h.wrong = append(h.wrong, why); return false }
	tok, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.RS384, jose.ES384})
	if err != nil {
		return bad("no JWT: " + err.Error())
	}
	var c jwt.Claims
	if err := tok.Claims(h.key, &c); err != nil {
		return bad("signature: " + err.Error())
	}
	switch {
	case tok.Headers[0].KeyID != "key-1":
		return bad("kid")
	case c.Issuer != "backend-1" || c.Subject != "backend-1":
		return bad("iss or sub")
	case !slices.Equal(c.Audience, jwt.Audience{h.url + "/token"}):
		return bad("aud")
	case c.Expiry == nil || c.Expiry.Time().After(time.Now().Add(5*time.Minute)) || c.Expiry.Time().Before(time.Now()):
		return bad("exp")
	case c.ID == "" || h.used[c.ID]:
		return bad("jti")
	}
	h.used[c.ID] = true
	return true
}

// who gives what a request's token is for.
func (h *hospital) who(r *http.Request) (holder, bool) {
	to, ok := h.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok && h.flaws["anonymous"] && !strings.Contains(r.URL.Path, "$") && r.Method == http.MethodGet {
		return holder{"", []string{"system/Patient.rs", "system/Observation.rs"}}, true
	}
	return to, ok
}

// may says whether scopes allow an action on a type.
func (to holder) may(kind, action string) bool {
	return kind == "Practitioner" || slices.ContainsFunc(to.scopes, func(s string) bool {
		_, rest, _ := strings.Cut(s, "/")
		k, actions, _ := strings.Cut(rest, ".")
		return k == kind && strings.Contains(actions, action)
	})
}

func subjectOf(resource map[string]any) string {
	if resource["resourceType"] == "Patient" {
		return "Patient/" + fmt.Sprint(resource["id"])
	}
	subject, _ := resource["subject"].(map[string]any)
	return fmt.Sprint(subject["reference"])
}

// visible are the resources of a type that somebody may see.
func (h *hospital) visible(to holder, kind string, all bool) []map[string]any {
	var out []map[string]any
	for _, k := range slices.Sorted(maps.Keys(h.store)) {
		r := h.store[k]
		if r["resourceType"] == kind && (all || to.patient == "" || kind == "Practitioner" || subjectOf(r) == "Patient/"+to.patient) {
			out = append(out, r)
		}
	}
	return out
}

func bundle(modes string, resources ...map[string]any) map[string]any {
	entries := []any{}
	for _, r := range resources {
		entries = append(entries, map[string]any{"resource": r, "search": map[string]any{"mode": modes}})
	}
	return map[string]any{"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
}

func (h *hospital) search(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("type")
	to, ok := h.who(r)
	if !ok {
		outcome(w, http.StatusUnauthorized, "log in")
		return
	}
	if kind == "AuditEvent" {
		h.events(w, to)
		return
	}
	if !h.flaws["silent"] {
		h.audit = append(h.audit, map[string]any{"resourceType": "AuditEvent", "id": fmt.Sprintf("a-%d", len(h.audit)), "recorded": fmt.Sprintf("2026-01-01T00:00:00.%09dZ", len(h.audit))})
	}
	if !to.may(kind, "s") {
		outcome(w, http.StatusForbidden, "not granted")
		return
	}
	if d := r.FormValue("birthdate"); strings.Contains(d, "<") || strings.Contains(d, "'") {
		text := "that is no date"
		if h.flaws["echo"] {
			text = "no date: " + d
		}
		if h.flaws["trace"] {
			text = "java.lang.IllegalArgumentException\n\tat org.example.Dates.parse(Dates.java:42)"
		}
		outcome(w, http.StatusBadRequest, text)
		return
	}
	found := h.visible(to, kind, h.flaws["leak"] || h.flaws["by-id"] && r.FormValue("_id") != "" || h.flaws["chain"] && r.FormValue("patient:Patient._id") != "")
	if id := r.FormValue("_id"); id != "" {
		found = slices.DeleteFunc(found, func(m map[string]any) bool { return m["id"] != id })
	}
	if r.FormValue("identifier") != "" {
		found = nil
	}
	b := bundle("match", found...)
	entries := b["entry"].([]any)
	if kind == "Observation" && r.FormValue("_include") != "" && (to.may("Patient", "r") || h.flaws["include"]) {
		entries = append(entries, bundle("include", h.visible(to, "Patient", false)...)["entry"].([]any)...)
	}
	if kind == "Practitioner" && r.FormValue("_revinclude") != "" && to.may("Observation", "r") {
		entries = append(entries, bundle("include", h.visible(to, "Observation", h.flaws["revinclude"])...)["entry"].([]any)...)
	}
	b["entry"] = entries
	if r.FormValue("_count") == "1" && r.FormValue("birthdate") != "" {
		next := "/fhir/" + kind + "?page=0pa9ue"
		if h.flaws["next"] {
			next += "&birthdate=" + r.FormValue("birthdate")
		}
		b["link"] = []any{map[string]any{"relation": "next", "url": h.url + next}}
	}
	fhirSay(w, 200, b)
}

func (h *hospital) events(w http.ResponseWriter, to holder) {
	if !to.may("AuditEvent", "s") {
		outcome(w, http.StatusForbidden, "not granted")
		return
	}
	newest := slices.Clone(h.audit)
	slices.Reverse(newest)
	b := bundle("match", newest[:min(len(newest), 200)]...)
	b["total"] = len(newest)
	fhirSay(w, 200, b)
}

func (h *hospital) read(w http.ResponseWriter, r *http.Request) {
	kind, id := r.PathValue("type"), r.PathValue("id")
	to, ok := h.who(r)
	if !ok {
		outcome(w, http.StatusUnauthorized, "log in")
		return
	}
	seen := h.visible(to, kind, h.flaws["read"])
	i := slices.IndexFunc(seen, func(m map[string]any) bool { return m["id"] == id })
	if i < 0 || !to.may(kind, "r") {
		outcome(w, http.StatusNotFound, "nothing is there")
		return
	}
	fhirSay(w, 200, seen[i])
}

func (h *hospital) everything(w http.ResponseWriter, r *http.Request) {
	to, ok := h.who(r)
	if h.flaws["everything"] {
		to, ok = holder{r.PathValue("id"), []string{"patient/Patient.rs", "patient/Observation.rs"}}, true
	}
	if !ok || to.patient != r.PathValue("id") {
		outcome(w, http.StatusUnauthorized, "log in")
		return
	}
	all := h.visible(to, "Patient", false)
	if to.may("Observation", "r") || h.flaws["everything-scopes"] {
		all = append(all, h.visible(to, "Observation", false)...)
	}
	fhirSay(w, 200, bundle("match", all...))
}

func (h *hospital) create(w http.ResponseWriter, r *http.Request) {
	to, ok := h.who(r)
	if !ok || !to.may("Patient", "c") && !h.flaws["write"] {
		outcome(w, http.StatusForbidden, "not granted")
		return
	}
	var m map[string]any
	if json.NewDecoder(r.Body).Decode(&m) != nil || m["name"] == nil {
		outcome(w, http.StatusBadRequest, "no patient")
		return
	}
	h.created++
	id := fmt.Sprintf("new-%d", h.created)
	m["id"] = id
	m["link"] = nil
	h.store["Patient/"+id] = m
	if to.patient != "" { // so that the one who made it can read it
		h.store["Patient/"+id]["id"] = id
	}
	w.Header().Set("Location", h.url+"/fhir/Patient/"+id+"/_history/1")
	fhirSay(w, http.StatusCreated, m)
}

func (h *hospital) serve(t *testing.T) {
	mux := http.NewServeMux()
	handle := func(pattern string, f http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			h.mu.Lock()
			defer h.mu.Unlock()
			f(w, r)
		})
	}
	handle("POST /token", h.token)
	handle("GET /fhir/metadata", h.capability)
	handle("GET /fhir/{type}", h.search)
	handle("GET /fhir/{type}/{id}", h.read)
	handle("GET /fhir/Patient/{id}/$everything", h.everything)
	handle("POST /fhir/Patient", h.create)
	handle("POST /fhir/Patient/_search", func(w http.ResponseWriter, r *http.Request) {
		if h.flaws["get-only"] {
			outcome(w, http.StatusMethodNotAllowed, "not offered")
			return
		}
		r.SetPathValue("type", "Patient")
		h.search(w, r)
	})
	handle("DELETE /fhir/Patient/{id}", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := h.who(r); ok && h.flaws["write"] {
			delete(h.store, "Patient/"+r.PathValue("id"))
			w.WriteHeader(http.StatusNoContent)
		}
	})
	handle("GET /fhir/$export", func(w http.ResponseWriter, r *http.Request) {
		if !h.flaws["export"] {
			outcome(w, http.StatusUnauthorized, "log in")
			return
		}
		h.jobs++
		w.Header().Set("Content-Location", h.url+"/fhir/jobs/j1")
		w.WriteHeader(http.StatusAccepted)
	})
	handle("DELETE /fhir/jobs/j1", func(w http.ResponseWriter, _ *http.Request) {
		h.jobs--
		w.WriteHeader(http.StatusAccepted)
	})
	handle("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hospital") })
	handle("GET /fhir/.well-known/smart-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if h.flaws["undeclared"] {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		say(w, map[string]any{"token_endpoint": h.url + "/token", "capabilities": []string{"client-confidential-asymmetric"}})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	h.url = s.URL
}

// live scans the hospital as the apps of two patients and a backend service.
func (h *hospital) live(t *testing.T, active bool, alg string) (checks.Live, map[string]string) {
	h.serve(t)
	live := checks.DefaultLive()
	live.URL, live.PerSecond, live.Active, live.FHIR = h.url, 0, active, "/fhir"
	live.Identities = []checks.Identity{
		{Name: "anna", Kind: "oauth2", Username: "ANNA_ID", Credential: "ANNA_SECRET", Token: "/token", Scopes: []string{"patient/Patient.rs", "patient/Observation.rs"}, Owns: []string{"/fhir/Patient/p-anna"}},
		{Name: "bert", Kind: "oauth2", Username: "BERT_ID", Credential: "ANNA_SECRET", Token: "/token", Scopes: []string{"patient/Patient.rs"}, Owns: []string{"/fhir/Patient/p-bert"}},
		{Name: "backend", Kind: "smart", Username: "BACKEND_ID", Credential: "BACKEND_KEY", KeyID: "key-1", Algorithm: alg, Scopes: []string{"system/Observation.rs", "system/AuditEvent.rs"}},
	}
	ward := live.Identities[2]
	ward.Name, ward.Scopes = "ward", []string{"system/Patient.rs"} // which may read all patients
	live.Identities = append(live.Identities, ward)
	if h.flaws["undeclared"] {
		live.Identities[2].Token, live.Identities[3].Token = h.url+"/token", h.url+"/token"
	}
	var private any
	if alg == "ES384" {
		k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		private, h.key = k, &k.PublicKey
	} else {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		private, h.key = k, &k.PublicKey
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return live, map[string]string{
		"ANNA_ID": "app-anna", "BERT_ID": "app-bert", "ANNA_SECRET": appSecret, "BACKEND_ID": "backend-1",
		"BACKEND_KEY": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}
}

func hospitalSecrets() []string {
	return []string{annaFHIR, bertFHIR, annasPhone, "1980-02-03", "1975-05-06", appSecret, "t0ken-of", "p-anna", "p-bert", "o-anna", "o-bert", "BEGIN PRIVATE KEY", "eyJ", "0pa9ue"}
}

func TestHospitalWithoutFlaws(t *testing.T) {
	for _, c := range []struct {
		active bool
		alg    string
	}{{false, "RS384"}, {true, "ES384"}} {
		h := newHospital()
		live, credentials := h.live(t, c.active, c.alg)
		run, said := look(t, live, credentials)
		expect(t, run)
		silent(t, said, hospitalSecrets()...)
		if run.Steps[0].Status != checks.OK || len(h.wrong) > 0 {
			show(t, run)
			t.Errorf("step is %s: %v", run.Steps[0].Status, h.wrong)
		}
	}
}

// hospitalFlaws are what is to be found, by the flaw that shows it.
func hospitalFlaws() map[string][]string {
	return map[string][]string{
		"anonymous":         {"fhir-read-anonymous /fhir/Patient GET", "fhir-read-anonymous /fhir/Observation GET", "fhir-read-anonymous /fhir/Patient/{id} GET"},
		"leak":              {"fhir-search-leak /fhir/Patient GET", "fhir-search-leak /fhir/Observation GET"},
		"read":              {"web-access-horizontal /fhir/Patient/{id} GET"},
		"by-id":             {"fhir-search-leak /fhir/Patient GET query:_id"},
		"chain":             {"fhir-search-leak /fhir/Observation GET query:patient:Patient._id"},
		"revinclude":        {"fhir-search-leak /fhir/Practitioner GET query:_revinclude"},
		"everything":        {"fhir-everything-unscoped /fhir/Patient/{id}/$everything GET"},
		"everything-scopes": {"fhir-everything-unscoped /fhir/Patient/{id}/$everything GET"},
		"export":            {"fhir-everything-unscoped /fhir/$export GET"},
		"write":             {"fhir-write-unscoped /fhir/Patient POST"},
		"get-only":          {"fhir-identifier-in-url /fhir/Patient GET query:identifier"},
		"next":              {"fhir-identifier-in-url /fhir/Patient/_search POST query:birthdate"},
		"echo":              {"fhir-error-echo /fhir/Patient GET query:birthdate"},
		"trace":             {"fhir-error-echo /fhir/Patient GET query:birthdate"},
		"widened":           {"fhir-scope-widened /token POST"},
		"silent":            {"fhir-no-audit /fhir/Patient GET"},
		"undeclared":        {"fhir-no-smart /fhir/metadata GET"},
		"include":           {"fhir-excess /fhir/Observation GET query:_include"},
	}
}

func TestHospitalWithFlaws(t *testing.T) {
	for flaw, want := range hospitalFlaws() {
		t.Run(flaw, func(t *testing.T) {
			h := newHospital(flaw)
			live, credentials := h.live(t, flaw == "write" || flaw == "export", "ES384")
			run, said := look(t, live, credentials)
			expect(t, run, want...)
			silent(t, said, hospitalSecrets()...)
			if h.jobs != 0 {
				t.Errorf("%d exports were left running", h.jobs)
			}
			for k, m := range h.store {
				if doc, err := json.Marshal(m); err != nil || strings.Contains(string(doc), "security scan") {
					t.Errorf("%s was left behind", k)
				}
			}
		})
	}
}
