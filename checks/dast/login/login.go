// Package login makes sessions of identities and their credentials: headers,
// cookies, forms, OAuth 2.0 client credentials (RFC 6749, 4.4) and SMART Backend
// Services (SMART App Launch 2.2.0, "Backend Services").
//
// A login that cannot be shown to have worked is an error: whoever is scanned
// as nobody by mistake passes.
package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Options are what a login needs besides the identity.
type Options struct {
	// Credentials are values by their names.
	Credentials map[string]string
	// FHIR is the path of the FHIR endpoint, where a token endpoint that nobody
	// named may be looked up.
	FHIR string
}

// Result is somebody who is logged in.
type Result struct {
	Identity checks.Identity
	// Form is how the login is done again, nil for other kinds.
	Form *Form

	t    probe.Target
	o    Options
	mu   sync.Mutex
	last grant
}

// grant is what a login gave.
type grant struct {
	// token is a bearer token, "" where there is none; scopes those that were
	// granted, and scoped whether the server said.
	token   string
	scopes  []string
	scoped  bool
	patient string
	lasts   time.Duration
	answer  web.Exchange
}

// Token is the token that requests carry in their Authorization field (RFC
// 6750, 2.1), "" where there is none.
func (r *Result) Token() string { return r.granted().token }

// Granted are the scopes that the token has, and whether anybody said: the
// token answer (RFC 6749, 5.1: without the member they are the ones asked for),
// or the token itself (RFC 9068, 2.2.3).
func (r *Result) Granted() ([]string, bool) {
	g := r.granted()
	return g.scopes, g.scoped
}

// Patient is the launch context of the token answer (SMART App Launch 2.2.0,
// "Scopes for requesting context data"), "" for none.
func (r *Result) Patient() string { return r.granted().patient }

// Lasts is how long the token answer says that the token lasts, 0 when it does
// not.
func (r *Result) Lasts() time.Duration { return r.granted().lasts }

// Answer is the exchange with the token endpoint, its values foreign.
func (r *Result) Answer() web.Exchange { return r.granted().answer }

func (r *Result) granted() grant {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// In logs an identity in: from then on t.Web sends its credentials for
// requests as its name. The error has words for the user, and none of a value.
func In(ctx context.Context, t probe.Target, o Options, id checks.Identity) (*Result, error) {
	r := &Result{Identity: id, t: t, o: o}
	if err := r.Again(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Again logs in anew, whatever became of the session before.
func (r *Result) Again(ctx context.Context) error {
	s, err := r.session(ctx)
	if err != nil {
		return err
	}
	r.t.Web.SetSession(r.Identity.Name, s)
	return nil
}

// session makes a session of an identity's kind.
func (r *Result) session(ctx context.Context) (*web.Session, error) {
	ways := map[string]func(context.Context) (*web.Session, error){
		"header": r.header, "cookie": r.cookie, "form": r.form, "oauth2": r.oauth2, "smart": r.smart,
	}
	way := ways[r.Identity.Kind]
	if way == nil {
		return nil, r.wrong("its kind %q is not known", r.Identity.Kind)
	}
	s, err := way(ctx)
	if ended := probe.Ended(ctx, err); ended != nil {
		return nil, ended
	}
	var said problem
	if err != nil && !errors.As(err, &said) {
		return nil, r.wrong("the login got no answer: %w", err)
	}
	return s, err
}

// problem is an error that names the identity already.
type problem struct{ err error }

func (p problem) Error() string { return p.err.Error() }
func (p problem) Unwrap() error { return p.err }

func (r *Result) wrong(format string, args ...any) error {
	return problem{fmt.Errorf("identity "+r.Identity.Name+": "+format, args...)}
}

// credential gives the value of a name.
func (r *Result) credential(name, what string) (string, error) {
	v := r.o.Credentials[name]
	switch {
	case name == "":
		return "", r.wrong("it names no credential as its %s", what)
	case v == "":
		return "", r.wrong("the credential %s (its %s) was not given", name, what)
	}
	return v, nil
}

// variable is a name for the shell: `$TOKEN_NURSE`.
func (r *Result) variable(kind string) string {
	clean := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		}
		return '_'
	}, r.Identity.Name)
	return "$" + kind + "_" + clean
}

// header sends a credential in a field of each request.
func (r *Result) header(context.Context) (*web.Session, error) {
	v, err := r.credential(r.Identity.Credential, "token")
	if err != nil {
		return nil, err
	}
	name := http.CanonicalHeaderKey(r.Identity.Header)
	if name == "" {
		name = "Authorization"
	}
	if strings.ContainsAny(r.Identity.Prefix+v, "\r\n") {
		return nil, r.wrong("its token has a line break, which no header can carry (RFC 9110, 5.5)")
	}
	g := grant{}
	if strings.EqualFold(strings.TrimSpace(r.Identity.Prefix), "bearer") {
		g.token = v
	} else if scheme, token, ok := strings.Cut(v, " "); ok && strings.EqualFold(scheme, "bearer") {
		g.token = token
	}
	g.scopes, g.scoped = scopesOf(g.token)
	r.keep(g)
	return &web.Session{
		Header: http.Header{name: {r.Identity.Prefix + v}},
		Shown:  []string{name + ": " + r.Identity.Prefix + r.variable("TOKEN")},
	}, nil
}

func (r *Result) keep(g grant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = g
}

// cookie sends a credential as a cookie, and those that the application sets.
func (r *Result) cookie(context.Context) (*web.Session, error) {
	v, err := r.credential(r.Identity.Credential, "cookie")
	if err != nil {
		return nil, err
	}
	if r.Identity.Cookie == "" {
		return nil, r.wrong("it names no cookie")
	}
	jar, err := newJar()
	if err != nil {
		return nil, err
	}
	c := &http.Cookie{Name: r.Identity.Cookie, Value: v, Path: "/"}
	if err := c.Valid(); err != nil {
		return nil, r.wrong("its value is none that a cookie can have (RFC 6265, 4.1.1)")
	}
	jar.SetCookies(r.t.Base, []*http.Cookie{c})
	return &web.Session{Jar: jar, Shown: []string{"Cookie: " + r.variable("COOKIE")}}, nil
}

// maxCookies is how many names are kept, twice what RFC 6265, section 6.1, asks
// of a browser.
const maxCookies = 100

// boundedJar keeps cookies of so many names: a server can send new ones with
// each answer, and every request sends them all.
type boundedJar struct {
	*cookiejar.Jar
	mu    sync.Mutex
	names map[string]bool
}

func newJar() (*boundedJar, error) {
	jar, err := cookiejar.New(nil)
	return &boundedJar{Jar: jar, names: map[string]bool{}}, err
}

// SetCookies implements http.CookieJar.
func (j *boundedJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range cookies {
		if len(j.names) < maxCookies || j.names[c.Name] {
			j.names[c.Name] = true
			j.Jar.SetCookies(u, []*http.Cookie{c})
		}
	}
}
