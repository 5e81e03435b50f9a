package login

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

func target(t *testing.T, h http.Handler) probe.Target {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	base, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := web.NewClient(web.Options{
		Dial: func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		},
		Now: time.Now, Local: func(*url.URL) bool { return true }, Requests: 1000, Concurrency: 1,
	})
	t.Cleanup(c.Close)
	return probe.Target{Web: c, Base: base, Now: time.Now, Marks: probe.NewMarks("test")}
}

func page(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, body)
	}
}

const form = `<form method="post" action="%s"><input name="u"><input type="password" name="p"></form>`

// Each login that cannot work is an error for the user, which has no value in it.
func TestWhatIsNoLogin(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p256 := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	answer := func(doc string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, doc) }
	}
	id := checks.Identity{Name: "x", Kind: "form", Login: "/login", Username: "U", Credential: "C", Token: "/token"}
	with := func(f func(*checks.Identity)) checks.Identity { i := id; f(&i); return i }
	kind := func(k string) checks.Identity { return with(func(i *checks.Identity) { i.Kind = k }) }
	for name, c := range map[string]struct {
		id     checks.Identity
		secret string
		h      http.HandlerFunc
		says   string
	}{
		"elsewhere": {id, "s3cret", page(fmt.Sprintf(form, "https://example.org/")), "another origin"},
		"no cookie": {id, "s3cret", page(fmt.Sprintf(form, "/login")), "set no cookie"},
		"for everybody": {id, "s3cret", func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			page(fmt.Sprintf(form, "/login"))(w, r)
		}, "answers the same as for an account that nobody has"},
		"round and round": {id, "s3cret", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "from one redirect to the next"},
		"no form":         {id, "s3cret", page("nothing"), "no form with a password"},
		"no page":         {id, "s3cret", http.NotFound, "answered 404"},
		"no kind":         {kind("ntlm"), "s3cret", http.NotFound, "not known"},
		"line break":      {kind("header"), "s3cret\nX: y", http.NotFound, "line break"},
		"no cookie name":  {kind("cookie"), "s3cret", http.NotFound, "names no cookie"},
		"cookie value":    {with(func(i *checks.Identity) { i.Kind, i.Cookie = "cookie", "c" }), "s3cret;", http.NotFound, "none that a cookie can have"},
		"no endpoint":     {with(func(i *checks.Identity) { i.Kind, i.Token = "oauth2", "" }), "s3cret", http.NotFound, "no token endpoint"},
		"plain endpoint":  {with(func(i *checks.Identity) { i.Kind, i.Token = "oauth2", "http://tokens.example.org/" }), "s3cret", http.NotFound, "not reached over TLS"},
		"token 404":       {kind("oauth2"), "s3cret", http.NotFound, "answered 404"},
		"no token":        {kind("oauth2"), "s3cret", answer(`{"token_type":"bearer"}`), "without a token"},
		"no bearer":       {kind("oauth2"), "s3cret", answer(`{"access_token":"a","token_type":"mac"}`), "no bearer token"},
		"a broken token":  {kind("oauth2"), "s3cret", answer(`{"access_token":"a\r\nX: y","token_type":"bearer"}`), "no bearer token"},
		"no key":          {kind("smart"), "s3cret", http.NotFound, "no private key in PEM"},
		"another curve":   {with(func(i *checks.Identity) { i.Kind, i.Algorithm = "smart", "ES384" }), p256, http.NotFound, "its key does not"},
		"another kind":    {kind("smart"), p256, http.NotFound, "does not fit RS384"},
		"weak algorithm":  {with(func(i *checks.Identity) { i.Kind, i.Algorithm = "smart", "HS256" }), p256, http.NotFound, "neither RS384 nor ES384"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := In(t.Context(), target(t, c.h), Options{Credentials: map[string]string{"U": "acc0unt", "C": c.secret}}, c.id)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "identity x: ") {
				t.Fatalf("said %v, not %q", err, c.says)
			}
			for _, v := range []string{"s3cret", "acc0unt", "PRIVATE KEY"} {
				if strings.Contains(err.Error(), v) {
					t.Errorf("the error holds a value: %v", err)
				}
			}
		})
	}
}

// Two names of fields are enough for a login without a page.
func TestLoginWithoutAPage(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/login", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("user") != "acc0unt" || r.PostFormValue("pass") != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "of-the-account", Path: "/"})
	})
	mux.HandleFunc("GET /mine", func(w http.ResponseWriter, r *http.Request) {
		if k, err := r.Cookie("sid"); err != nil || k.Value != "of-the-account" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "this is all mine")
	})
	id := checks.Identity{Name: "x", Kind: "form", Login: "/api/login", Username: "U", Credential: "C", UsernameField: "user", PasswordField: "pass", Owns: []string{"/mine"}}
	r, err := In(t.Context(), target(t, mux), Options{Credentials: map[string]string{"U": "acc0unt", "C": "s3cret"}}, id)
	if err != nil {
		t.Fatal(err)
	}
	if alive, asked, err := r.Alive(t.Context()); !alive || !asked || err != nil {
		t.Errorf("alive %v, asked %v, %v", alive, asked, err)
	}
	r.t.Web.SetSession("x", &web.Session{})
	if alive, asked, err := r.Alive(t.Context()); alive || !asked || err != nil {
		t.Errorf("without cookies: alive %v, asked %v, %v", alive, asked, err)
	}
}

// What the token answer says decides, then the token, then what was asked for.
func TestGrantedScopes(t *testing.T) {
	jwt := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"x"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"scope":"of the token"}`)) + ".AAAA"
	for doc, want := range map[string]string{
		`{"access_token":"a","token_type":"bearer","scope":"of the answer"}`: "of the answer",
		`{"access_token":"` + jwt + `","token_type":"Bearer"}`:               "of the token",
		`{"access_token":"a","token_type":"bearer"}`:                         "asked",
	} {
		h := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, doc) }
		id := checks.Identity{Name: "x", Kind: "oauth2", Username: "U", Credential: "C", Token: "/token", Scopes: []string{"asked"}}
		r, err := In(t.Context(), target(t, http.HandlerFunc(h)), Options{Credentials: map[string]string{"U": "u", "C": "c"}}, id)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := r.Granted(); !ok || strings.Join(got, " ") != want {
			t.Errorf("granted %q, want %q", got, want)
		}
	}
}

func TestLifeOfAToken(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`300`: 5 * time.Minute, `"300"`: 5 * time.Minute, `1e99`: maxLife, `-1`: 0, `null`: 0, `{}`: 0, `"soon"`: 0, ``: 0, `0`: 0,
	} {
		if got := life(json.RawMessage(text)); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

// A server that sets a new cookie with each answer fills no memory.
func TestCookiesAreBounded(t *testing.T) {
	jar, err := newJar()
	if err != nil {
		t.Fatal(err)
	}
	u := &url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}
	for i := range 1000 {
		jar.SetCookies(u, []*http.Cookie{{Name: fmt.Sprintf("c%d", i), Value: "x"}})
	}
	if n := len(jar.Cookies(u)); n != maxCookies {
		t.Errorf("%d cookies are kept", n)
	}
}

// FuzzClaims: whatever a token is, reading it ends.
func FuzzClaims(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJleHAiOjF9.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if c, ok := ClaimsOf(token); ok != (c != nil) {
			t.Errorf("%v for %v", ok, c)
		}
		scopesOf(token)
	})
}
