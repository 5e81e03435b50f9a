package dast

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/access"
	"github.com/vitalsign-dev/vitalsign/checks/dast/fhir"
	"github.com/vitalsign-dev/vitalsign/checks/dast/session"
)

// clinic is an application with two accounts and their records. It does
// everything right but for its flaws.
type clinic struct {
	flaws map[string]bool

	mu       sync.Mutex
	n        int
	sessions map[string]*visitor
	failed   map[string]int
	logins   map[string]int
}

type visitor struct{ account, csrf string }

// Accounts, and what the records hold that nobody may see in a report.
const (
	annasPassword = "correct-horse-battery-1"
	bertsPassword = "correct-horse-battery-2"
	annasName     = "Annabel Quixotic"
	bertsName     = "Berthold Zweifel"
)

func newClinic(flaws ...string) *clinic {
	c := &clinic{flaws: map[string]bool{}, sessions: map[string]*visitor{}, failed: map[string]int{}, logins: map[string]int{}}
	for _, f := range flaws {
		c.flaws[f] = true
	}
	return c
}

func (c *clinic) word() string { c.n++; return fmt.Sprintf("s3ss10n%08dx", c.n*7919) }

// visit gives the session of a request, a new one where there is none.
func (c *clinic) visit(w http.ResponseWriter, r *http.Request) *visitor {
	if k, err := r.Cookie("clinic"); err == nil && c.sessions[k.Value] != nil {
		return c.sessions[k.Value]
	}
	return c.begin(w, &visitor{})
}

func (c *clinic) begin(w http.ResponseWriter, v *visitor) *visitor {
	id := c.word()
	v.csrf = c.word()
	c.sessions[id] = v
	k := &http.Cookie{Name: "clinic", Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if c.flaws["long"] {
		k.MaxAge = 30 * 24 * 3600
	}
	http.SetCookie(w, k)
	return v
}

func (c *clinic) login(w http.ResponseWriter, r *http.Request) {
	v := c.visit(w, r)
	account := r.PostFormValue("account")
	if r.PostFormValue("csrf") != v.csrf {
		http.Error(w, "forged", http.StatusForbidden)
		return
	}
	if c.failed[account] >= 5 && !c.flaws["unlimited"] {
		w.Header().Set("Retry-After", "60")
		http.Error(w, "later", http.StatusTooManyRequests)
		return
	}
	if pw := map[string]string{"acct-anna": annasPassword, "acct-bert": bertsPassword}[account]; pw == "" || pw != r.PostFormValue("pw") {
		c.failed[account]++
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, "<p>That is no account, or not its password.</p>")
		return
	}
	c.logins[account]++
	if c.flaws["fixation"] {
		v.account = account
	} else {
		c.begin(w, &visitor{account: account})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *clinic) logout(w http.ResponseWriter, r *http.Request) {
	if v := c.visit(w, r); r.PostFormValue("csrf") != v.csrf {
		http.Error(w, "forged", http.StatusForbidden)
		return
	}
	if k, err := r.Cookie("clinic"); err == nil && !c.flaws["logout"] {
		delete(c.sessions, k.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: "clinic", Path: "/", MaxAge: -1})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *clinic) home(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Original-Url") == "/ward" && c.flaws["rewrite"] {
		say(w, wardSeven())
		return
	}
	v := c.visit(w, r)
	w.Header().Set("Content-Type", "text/html")
	if v.account == "" {
		fmt.Fprint(w, `<h1>Clinic</h1><p>Welcome to our clinic.</p><a href="/login">log in</a>`)
		return
	}
	fmt.Fprintf(w, `<h1>Clinic</h1><p>You are logged in as %s.</p><a href="/records">your records</a>
<form method="post" action="/logout"><input type="hidden" name="csrf" value="%s"><button>leave</button></form>`, v.account, v.csrf)
}

func (c *clinic) form(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, `<form method="post" action="/login"><input type="hidden" name="csrf" value="%s"><input name="account"><input type="password" name="pw"></form>`, c.visit(w, r).csrf)
}

// who gives the account of a request, "" and an answer for nobody.
func (c *clinic) who(w http.ResponseWriter, r *http.Request) string {
	v := c.visit(w, r)
	if v.account == "" {
		http.Error(w, `{"error":"log in"}`, http.StatusUnauthorized)
	}
	return v.account
}

func (c *clinic) records() map[string]map[string]string {
	return map[string]map[string]string{
		"4711": {"id": "4711", "owner": "acct-anna", "mrn": "MRN-4711-A", "patient": annasName, "birthDate": "1980-02-03", "diagnosis": "hayfever"},
		"4712": {"id": "4712", "owner": "acct-bert", "mrn": "MRN-4712-B", "patient": bertsName, "birthDate": "1975-05-06", "diagnosis": "sprained ankle"},
	}
}

func (c *clinic) list(w http.ResponseWriter, r *http.Request) {
	account := c.who(w, r)
	if account == "" {
		return
	}
	out := []map[string]string{}
	for _, rec := range c.records() {
		if rec["owner"] == account {
			out = append(out, map[string]string{"id": rec["id"], "title": "a record"})
		}
	}
	say(w, out)
}

func (c *clinic) record(w http.ResponseWriter, r *http.Request) {
	account := ""
	if !c.flaws["open"] {
		if account = c.who(w, r); account == "" {
			return
		}
	}
	rec := c.records()[r.PathValue("id")]
	if rec == nil || account != rec["owner"] && !c.flaws["idor"] && !c.flaws["open"] {
		http.NotFound(w, r)
		return
	}
	say(w, rec)
}

func (c *clinic) ward(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ward/" && !c.flaws["bypass"] {
		http.NotFound(w, r)
		return
	}
	override := c.flaws["override"] && r.Header.Get("X-Http-Method-Override") == "GET"
	if r.URL.Path == "/ward" && !override && c.who(w, r) == "" {
		return
	}
	say(w, wardSeven())
}

func wardSeven() map[string]string {
	return map[string]string{"ward": "seven", "beds": "24", "head": "Doctor Who"}
}

func (c *clinic) me(w http.ResponseWriter, r *http.Request) {
	account := c.who(w, r)
	if account == "" {
		return
	}
	out := map[string]string{"account": account, "since": "2019", "theme": "dark"}
	if c.flaws["excess"] {
		out["passwordHash"] = "$2b$12$abcdefghijklmnopqrstuuFq3JZkR2x0kQ0Zz8Zt1b9u7m6n5o4p3"
	}
	say(w, out)
}

func (c *clinic) notes(w http.ResponseWriter, r *http.Request) {
	if !c.flaws["write"] && c.who(w, r) == "" {
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func say(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

const clinicAPI = `{"openapi":"3.0.3","info":{"title":"clinic","version":"1"},"security":[{"c":[]}],
"components":{"securitySchemes":{"c":{"type":"apiKey","in":"cookie","name":"clinic"}}},
"paths":{"/records":{"get":{}},"/records/{id}":{"get":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"},"example":"4711"}]}},
"/ward":{"get":{}},"/me":{"get":{}},"/notes":{"post":{}},"/news":{"get":{}},"/soft":{"post":{}}}}`

func (c *clinic) serve(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /{$}": c.home, "GET /login": c.form, "POST /login": c.login, "POST /logout": c.logout, "GET /records": c.list,
		"GET /robots.txt": func(w http.ResponseWriter, r *http.Request) {
			if c.flaws["ends"] {
				clear(c.sessions)
			}
			http.NotFound(w, r)
		},
		"GET /records/{id}": c.record, "GET /ward": c.ward, "GET /ward/{$}": c.ward, "POST /ward": c.ward,
		"GET /news": func(w http.ResponseWriter, _ *http.Request) { say(w, []string{}) },
		"POST /soft": func(w http.ResponseWriter, r *http.Request) {
			if c.visit(w, r).account == "" {
				say(w, map[string]string{"error": "you must log in for that"})
				return
			}
			say(w, map[string]string{"done": "as you said"})
		}, "GET /me": c.me, "POST /notes": c.notes,
		"GET /openapi.json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, clinicAPI)
		},
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			c.mu.Lock()
			defer c.mu.Unlock()
			w.Header().Set("Cache-Control", "no-store")
			h(w, r)
		})
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (c *clinic) live(t *testing.T, active bool) checks.Live {
	live := checks.DefaultLive()
	live.URL, live.PerSecond, live.Active = c.serve(t).URL, 0, active
	live.Specifications = []checks.Specification{{Kind: "openapi", Path: "/openapi.json"}}
	live.Identities = []checks.Identity{
		{Name: "anna", Kind: "form", Login: "/login", Username: "ANNA_ACCOUNT", Credential: "ANNA_PW", Owns: []string{"/records/4711"}},
		{Name: "bert", Kind: "form", Login: "/login", Username: "BERT_ACCOUNT", Credential: "BERT_PW", UsernameField: "account", PasswordField: "pw", Owns: []string{"/records/4712"}},
	}
	return live
}

func clinicCredentials() map[string]string {
	return map[string]string{"ANNA_ACCOUNT": "acct-anna", "ANNA_PW": annasPassword, "BERT_ACCOUNT": "acct-bert", "BERT_PW": bertsPassword}
}

// about gives what was found by rules that begin with one of some words.
func about(run checks.Run, prefixes ...string) []string {
	var out []string
	for k := range found(run) {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(k, p) }) {
			out = append(out, strings.TrimSpace(k))
		}
	}
	slices.Sort(out)
	return out
}

func identityRules() []string {
	return []string{"web-access-", "web-session-", "web-jwt-", "web-login-", "web-excess-data", "fhir-"}
}

func expect(t *testing.T, run checks.Run, want ...string) {
	t.Helper()
	got := about(run, identityRules()...)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		show(t, run)
		t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func silent(t *testing.T, said string, values ...string) {
	t.Helper()
	for _, v := range values {
		if strings.Contains(said, v) {
			i := strings.Index(said, v)
			t.Errorf("%q was said: ...%s", v, said[max(0, i-200):min(len(said), i+100)])
		}
	}
}

func clinicSecrets() []string {
	return []string{annasPassword, bertsPassword, annasName, bertsName, "MRN-471", "1980-02-03", "1975-05-06", "hayfever", "s3ss10n", "abcdefghijklmnopqrstuu"}
}

func TestClinicWithoutFlaws(t *testing.T) {
	for _, active := range []bool{false, true} {
		c := newClinic()
		run, said := look(t, c.live(t, active), clinicCredentials())
		expect(t, run)
		silent(t, said, clinicSecrets()...)
		if run.Steps[0].Status != checks.OK {
			show(t, run)
			t.Errorf("step is %s", run.Steps[0].Status)
		}
	}
}

// clinicFlaws are what is to be found, by the flaw that shows it.
func clinicFlaws() map[string][]string {
	return map[string][]string{
		"fixation":  {"web-session-fixation /login POST"},
		"logout":    {"web-session-logout /logout POST"},
		"long":      {"web-session-endless /login POST"},
		"unlimited": {"web-login-unlimited /login POST"},
		"open":      {"web-access-anonymous /records/{id} GET"},
		"idor":      {"web-access-horizontal /records/{id} GET", "web-access-horizontal /records/{id} GET path:id"},
		"bypass":    {"web-access-bypass /ward GET"},
		"rewrite":   {"web-access-bypass /ward GET"},
		"override":  {"web-access-bypass /ward GET"},
		"excess":    {"web-excess-data /me GET"},
		"write":     {"web-access-anonymous /notes POST"},
	}
}

func TestClinicWithFlaws(t *testing.T) {
	for flaw, want := range clinicFlaws() {
		t.Run(flaw, func(t *testing.T) {
			c := newClinic(flaw)
			run, said := look(t, c.live(t, true), clinicCredentials())
			expect(t, run, want...)
			silent(t, said, clinicSecrets()...)
		})
	}
}

// Without identities, health records that anybody gets are told, and a form that
// asks for them is none.
func TestRecordsForAnybody(t *testing.T) {
	mux := http.NewServeMux()
	page := func(pattern, kind, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, body)
		})
	}
	page("GET /{$}", "text/html", `<a href="/list">1</a><a href="/table">2</a><a href="/file">3</a><a href="/form">4</a><a href="/schema">5</a>`)
	page("GET /list", "application/json", `[{"mrn":"77-A","dateOfBirth":"1980-02-03","name":"`+annasName+`"}]`)
	page("GET /table", "text/html", `<table><tr><th>Patient</th><th>Date of birth</th></tr><tr><td>`+annasName+`</td><td>1980-02-03</td></tr></table>`)
	page("GET /file", "text/csv", "patient_id;diagnosis;ward\n77-A;hayfever;7\n")
	page("GET /form", "text/html", `<form><label>Patient</label><input name="patient"><label>Date of birth</label><input name="birthDate"><label>Diagnosis</label></form>`)
	page("GET /schema", "application/json", `{"properties":{"mrn":{"type":"string"},"birthDate":{"type":"string","format":"date"},"diagnosis":{"type":"string"}}}`)
	s := httptest.NewServer(mux)
	defer s.Close()
	live := checks.DefaultLive()
	live.URL, live.PerSecond = s.URL, 0
	run, said := look(t, live, nil)
	expect(t, run, "web-access-anonymous /list GET", "web-access-anonymous /table GET", "web-access-anonymous /file GET")
	silent(t, said, annasName, "77-A", "1980-02-03", "hayfever")
}

// A cookie that somebody took from a browser is a session, too.
func TestCookieIdentity(t *testing.T) {
	c := newClinic("idor")
	live := c.live(t, false)
	c.sessions["s3ss10n-of-anna"], c.sessions["s3ss10n-of-bert"] = &visitor{account: "acct-anna"}, &visitor{account: "acct-bert"}
	for i, name := range []string{"ANNA", "BERT"} {
		live.Identities[i].Kind, live.Identities[i].Cookie, live.Identities[i].Credential = "cookie", "clinic", name
	}
	run, said := look(t, live, map[string]string{"ANNA": "s3ss10n-of-anna", "BERT": "s3ss10n-of-bert"})
	expect(t, run, "web-access-horizontal /records/{id} GET", "web-access-horizontal /records/{id} GET path:id")
	silent(t, said, clinicSecrets()...)
	if !strings.Contains(said, "$COOKIE_BERT") {
		t.Error("the replay has no variable for the cookie")
	}
}

// A login that does not work is told, and nothing passes as nobody.
func TestLoginThatFails(t *testing.T) {
	for _, c := range []struct {
		name        string
		credentials map[string]string
		change      func(*checks.Live)
		says        string
	}{
		{"wrong password", map[string]string{"ANNA_ACCOUNT": "acct-anna", "ANNA_PW": "not-it"}, nil, "identity anna: the login form answered 401"},
		{"no credential", map[string]string{}, nil, "identity anna: the credential ANNA_ACCOUNT"},
		{"the second one", map[string]string{"ANNA_ACCOUNT": "acct-anna", "ANNA_PW": annasPassword, "BERT_ACCOUNT": "acct-bert", "BERT_PW": "not-it"}, nil, "identity bert: the login form answered 401"},
		{"no form", clinicCredentials(), func(l *checks.Live) { l.Identities[0].Login = "/" }, "has no form with a password"},
		{"a header that is nobody", map[string]string{"TOKEN": "nobody-knows-this-1"}, func(l *checks.Live) {
			l.Identities = []checks.Identity{{Name: "robot", Kind: "header", Header: "Authorization", Prefix: "Bearer ", Credential: "TOKEN"}}
		}, "identity robot: it gets nothing that nobody gets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			live := newClinic().live(t, false)
			if c.change != nil {
				c.change(&live)
			}
			run, said := look(t, live, c.credentials)
			if s := run.Steps[0].Status; s != checks.Partial && s != checks.Failed {
				t.Errorf("step is %s", s)
			}
			if doc, err := json.Marshal(run.Steps[0]); err != nil || !strings.Contains(string(doc), c.says) {
				t.Errorf("it does not say %q: %s", c.says, doc)
			}
			silent(t, said, "not-it", "nobody-knows-this-1", annasPassword)
		})
	}
}

// A session that ends in the course of a scan is told, and begun again.
func TestSessionThatEnds(t *testing.T) {
	c := newClinic("ends")
	run, _ := look(t, c.live(t, false), clinicCredentials())
	doc, err := json.Marshal(run.Steps[0])
	if err != nil || run.Steps[0].Status != checks.Partial || !strings.Contains(string(doc), "identity anna: its session ended") {
		t.Errorf("it does not say that a session ended: %s, %v", doc, err)
	}
	expect(t, run)
}

// tokens is an API whose tokens are signed with a key of its own (HS256), and
// come from a token endpoint (RFC 6749, 4.4).
type tokens struct {
	flaws map[string]bool
	key   []byte
	mu    sync.Mutex
	given int
}

const (
	clientSecret = "cl13nt-s3cret-of-the-robot"
	apiValue     = "a-value-of-the-interface"
)

func (a *tokens) sign(head, body string) string {
	m := hmac.New(sha256.New, a.key)
	m.Write([]byte(head + "." + body))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (a *tokens) token() string {
	claims := map[string]any{"sub": "robot", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	if a.flaws["endless"] {
		delete(claims, "exp")
	}
	if a.flaws["long"] {
		claims["exp"] = time.Now().Add(48 * time.Hour).Unix()
	}
	doc, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	head, body := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)), base64.RawURLEncoding.EncodeToString(doc)
	return head + "." + body + "." + a.sign(head, body)
}

func (a *tokens) lets(r *http.Request) bool {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		return false
	}
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return false
	}
	if strings.Contains(string(head), `"none"`) || strings.Contains(string(head), `"None"`) {
		return a.flaws["none"]
	}
	return a.flaws["unverified"] || a.sign(parts[0], parts[1]) == parts[2]
}

func (a *tokens) serve(t *testing.T) string {
	a.key = []byte("the key of this test's tokens")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		id, secret, ok := r.BasicAuth()
		if a.flaws["body"] {
			id, secret, ok = r.PostFormValue("client_id"), r.PostFormValue("client_secret"), true
		}
		if !ok || id != "robot-client" || secret != clientSecret || r.PostFormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		a.mu.Lock()
		a.given++
		a.mu.Unlock()
		life := 3600
		if a.flaws["short"] {
			life = 1
		}
		say(w, map[string]any{"access_token": a.token(), "token_type": "Bearer", "expires_in": life, "scope": "api"})
	})
	mux.HandleFunc("GET /things", func(w http.ResponseWriter, r *http.Request) {
		if !a.lets(r) {
			http.Error(w, "{}", http.StatusUnauthorized)
			return
		}
		say(w, map[string]string{"thing": apiValue, "kind": "one", "size": "big"})
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		if a.flaws["short"] {
			time.Sleep(300 * time.Millisecond)
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<a href="/things">things</a>`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// tokenFlaws are what is to be found, by the flaw that shows it.
func tokenFlaws() map[string][]string {
	return map[string][]string{
		"":           nil,
		"body":       nil,
		"short":      nil,
		"endless":    nil, // expires_in says when it ends, and the answer is believed
		"long":       {"web-session-endless /token POST"},
		"unverified": {"web-jwt-unverified /things GET"},
		"none":       {"web-jwt-unverified /things GET"},
	}
}

func TestTokens(t *testing.T) {
	for flaw, want := range tokenFlaws() {
		t.Run(flaw, func(t *testing.T) {
			a := &tokens{flaws: map[string]bool{flaw: true}}
			live := checks.DefaultLive()
			live.URL, live.PerSecond = a.serve(t), 0
			live.Identities = []checks.Identity{{Name: "robot", Kind: "oauth2", Username: "ID", Credential: "SECRET", Token: "/token", Scopes: []string{"api"}}}
			run, said := look(t, live, map[string]string{"ID": "robot-client", "SECRET": clientSecret})
			expect(t, run, want...)
			silent(t, said, clientSecret, apiValue, "eyJ")
			if run.Steps[0].Status != checks.OK {
				show(t, run)
				t.Errorf("step is %s", run.Steps[0].Status)
			}
			if more := a.given > 1; more != (flaw == "short") {
				t.Errorf("%d tokens were asked for", a.given)
			}
		})
	}
}

// A token that somebody made and gave to the scan is judged, too.
func TestTokenInAHeader(t *testing.T) {
	a := &tokens{flaws: map[string]bool{"endless": true}}
	live := checks.DefaultLive()
	live.URL, live.PerSecond = a.serve(t), 0
	live.Identities = []checks.Identity{{Name: "robot", Kind: "header", Header: "Authorization", Prefix: "Bearer ", Credential: "TOKEN"}}
	run, said := look(t, live, map[string]string{"TOKEN": a.token()})
	expect(t, run, "web-session-endless /")
	silent(t, said, "eyJ", apiValue)
}

// Each rule about identities is seen to fire.
func TestEveryRuleHasAFlaw(t *testing.T) {
	shown := map[string]bool{}
	for _, table := range []map[string][]string{clinicFlaws(), tokenFlaws(), hospitalFlaws()} {
		for _, want := range table {
			for _, w := range want {
				rule, _, _ := strings.Cut(w, " ")
				shown[rule] = true
			}
		}
	}
	for _, r := range slices.Concat(access.Rules(), session.Rules(), fhir.Rules()) {
		if !shown[r.ID] {
			t.Errorf("no flaw shows %s", r.ID)
		}
	}
}
