package login

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// assertionLife is how long an assertion is good for: SMART App Launch 2.2.0,
// "Authentication JWT Claims", allows five minutes, and clocks differ.
const assertionLife = 4 * time.Minute

// oauth2 asks for a token with client id and secret (RFC 6749, 4.4). They go in
// the Authorization field, which each server must take (2.3.1); one that
// refuses it so is asked with both in the body.
func (r *Result) oauth2(ctx context.Context) (*web.Session, error) {
	id, secret, err := r.client()
	if err != nil {
		return nil, err
	}
	endpoint, err := r.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	fields := r.fields()
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
	req := post(endpoint, fields, []string{id, secret, basic})
	req.Header.Set("Authorization", "Basic "+basic)
	e, err := r.token(ctx, req)
	if err == nil && (e.Response.Status == http.StatusUnauthorized || e.Response.Status == http.StatusBadRequest) {
		fields.Set("client_id", id)
		fields.Set("client_secret", secret)
		e, err = r.token(ctx, post(endpoint, fields, []string{id, secret}))
	}
	if err != nil {
		return nil, err
	}
	return r.bearer(e)
}

// smart asks for a token with a signed assertion (SMART App Launch 2.2.0,
// "Client Authentication: Asymmetric"; RFC 7523, 2.2).
func (r *Result) smart(ctx context.Context) (*web.Session, error) {
	id, key, err := r.client()
	if err != nil {
		return nil, err
	}
	endpoint, err := r.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	assertion, err := r.assertion(id, key, endpoint)
	if err != nil {
		return nil, err
	}
	fields := r.fields()
	fields.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	fields.Set("client_assertion", assertion)
	e, err := r.token(ctx, post(endpoint, fields, []string{assertion, id}))
	if err != nil {
		return nil, err
	}
	return r.bearer(e)
}

// client gives the two credentials of a client.
func (r *Result) client() (id, secret string, err error) {
	if id, err = r.credential(r.Identity.Username, "client id"); err != nil {
		return "", "", err
	}
	secret, err = r.credential(r.Identity.Credential, "client secret or key")
	return id, secret, err
}

func (r *Result) fields() url.Values {
	v := url.Values{"grant_type": {"client_credentials"}}
	if len(r.Identity.Scopes) > 0 {
		v.Set("scope", strings.Join(r.Identity.Scopes, " "))
	}
	return v
}

// endpoint is where tokens come from: as the identity names it, or as the FHIR
// server does (SMART App Launch 2.2.0, "Using .well-known").
func (r *Result) endpoint(ctx context.Context) (*url.URL, error) {
	named := r.Identity.Token
	if named == "" && r.Identity.Kind == "smart" {
		e, err := r.t.AskAs(ctx, "", strings.TrimSuffix(r.o.FHIR, "/")+"/.well-known/smart-configuration", "where tokens come from")
		if err != nil {
			return nil, err
		}
		conf, err := surface.SMART(e.Response.Body)
		if err != nil || !probe.OK(e.Response) || conf.TokenEndpoint == "" {
			return nil, r.wrong("it names no token endpoint, and the FHIR server has no SMART configuration with one")
		}
		named = conf.TokenEndpoint
	}
	if named == "" {
		return nil, r.wrong("it names no token endpoint")
	}
	if strings.HasPrefix(named, "/") {
		return r.t.At(named), nil
	}
	u, err := url.Parse(named)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, r.wrong("its token endpoint is no address")
	}
	return u, r.safe(ctx, u)
}

// safe says whether credentials may go to a token endpoint on another host:
// over TLS, or where the application is itself. The first request goes without
// them, so that the certificate has been looked at.
func (r *Result) safe(ctx context.Context, u *url.URL) error {
	if u.Host == r.t.Base.Host && u.Scheme == r.t.Base.Scheme {
		return nil
	}
	if u.Scheme != "https" && u.Hostname() != r.t.Base.Hostname() {
		return r.wrong("its token endpoint is not reached over TLS: credentials are not sent there")
	}
	_, err := r.t.Ask(ctx, web.Request{Method: http.MethodGet, URL: u}, "the token endpoint, without credentials")
	if err == nil && u.Hostname() != r.t.Base.Hostname() && !r.t.Web.Trusted() {
		return r.wrong("credentials are not sent to its token endpoint: the certificate is not trusted")
	}
	return err
}

// token sends a request to the token endpoint, as somebody without a session:
// credentials go to nobody who has not proved who he is.
func (r *Result) token(ctx context.Context, req web.Request) (web.Exchange, error) {
	req.As = "login of " + r.Identity.Name
	req.Header.Set("Accept", "application/json")
	r.t.Web.SetSession(req.As, &web.Session{})
	defer r.t.Web.SetSession(req.As, nil)
	return r.t.Ask(ctx, req, "the token endpoint")
}

// tokenAnswer is RFC 6749, 5.1, with the launch context of SMART.
type tokenAnswer struct {
	AccessToken string          `json:"access_token"`
	TokenType   string          `json:"token_type"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
	Scope       *string         `json:"scope"`
	Patient     string          `json:"patient"`
}

// Bounds of what an answer may claim.
const (
	maxToken = 16 << 10
	maxLife  = 366 * 24 * time.Hour
	maxScope = 1000
)

// bearer makes a session of a token answer. It is renewed before it ends.
func (r *Result) bearer(e web.Exchange) (*web.Session, error) {
	if !probe.OK(e.Response) {
		return nil, r.wrong("the token endpoint answered %d", e.Response.Status)
	}
	var a tokenAnswer
	if json.Unmarshal(e.Response.Body, &a) != nil || a.AccessToken == "" {
		return nil, r.wrong("the token endpoint answered %d without a token", e.Response.Status)
	}
	if !strings.EqualFold(a.TokenType, "bearer") || len(a.AccessToken) > maxToken || strings.ContainsFunc(a.AccessToken, notToken) {
		return nil, r.wrong("the token endpoint gave no bearer token (RFC 6750, 2.1)")
	}
	g := grant{token: a.AccessToken, patient: a.Patient, lasts: life(a.ExpiresIn), answer: e}
	g.answer.Request.As = ""
	if a.Scope != nil {
		g.scopes, g.scoped = words(*a.Scope), true
	} else if g.scopes, g.scoped = scopesOf(a.AccessToken); !g.scoped {
		g.scopes, g.scoped = r.Identity.Scopes, len(r.Identity.Scopes) > 0
	}
	r.keep(g)
	s := &web.Session{Header: http.Header{"Authorization": {"Bearer " + a.AccessToken}}, Shown: []string{"Authorization: Bearer " + r.variable("TOKEN")}}
	if g.lasts > 0 {
		// A request that is sent just before the end may arrive after it.
		s.Until = r.t.Now().Add(g.lasts - min(30*time.Second, g.lasts/4))
		s.Renew = r.session
	}
	return s, nil
}

// notToken says what a b64token never holds (RFC 6750, 2.1) that would break a
// header.
func notToken(c rune) bool { return c <= ' ' || c > '~' }

// life reads expires_in: seconds, which some servers write as a string.
func life(v json.RawMessage) time.Duration {
	var n json.Number
	if json.Unmarshal([]byte(strings.Trim(string(v), `"`)), &n) != nil {
		return 0
	}
	seconds, err := n.Float64()
	if err != nil || seconds <= 0 {
		return 0
	}
	return time.Duration(min(seconds, maxLife.Seconds()) * float64(time.Second))
}

func words(s string) []string {
	w := strings.Fields(s)
	return w[:min(len(w), maxScope)]
}

// scopesOf reads the scopes of a JSON Web Token: scope (RFC 9068, 2.2.3), or
// scp as a list.
func scopesOf(token string) ([]string, bool) {
	c, ok := ClaimsOf(token)
	if !ok {
		return nil, false
	}
	switch v := c["scope"].(type) {
	case string:
		return words(v), true
	case []any:
		return texts(v), true
	}
	if v, ok := c["scp"].([]any); ok {
		return texts(v), true
	}
	return nil, false
}

func texts(in []any) []string {
	var out []string
	for _, v := range in[:min(len(in), maxScope)] {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// ClaimsOf reads what a JSON Web Token in compact form says (RFC 7519, 3 and
// 4), without asking who signed it; ok is false for anything else.
func ClaimsOf(token string) (claims map[string]any, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxToken {
		return nil, false
	}
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return nil, false
	}
	var h struct {
		Alg string `json:"alg"`
	}
	if json.Unmarshal(head, &h) != nil || h.Alg == "" {
		return nil, false
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &claims) != nil {
		return nil, false
	}
	return claims, claims != nil
}

// assertion signs who the client is: iss and sub are its id, aud the token
// endpoint, jti a word that is used once.
func (r *Result) assertion(id, key string, aud *url.URL) (string, error) {
	signer, err := r.signer(key)
	if err != nil {
		return "", err
	}
	once := make([]byte, 20)
	if _, err := rand.Read(once); err != nil {
		return "", err
	}
	now := r.t.Now()
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: id, Subject: id, Audience: jwt.Audience{aud.String()}, ID: hex.EncodeToString(once),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	if err != nil {
		return "", r.wrong("its key does not sign with %s", r.algorithm())
	}
	return token, nil
}

func (r *Result) algorithm() string {
	if r.Identity.Algorithm == "" {
		return "RS384"
	}
	return r.Identity.Algorithm
}

// signer takes a private key in PEM, RS384 with RSA or ES384 with P-384: those
// that each server must take (SMART App Launch 2.2.0, "Client Authentication:
// Asymmetric").
func (r *Result) signer(text string) (jose.Signer, error) {
	alg := r.algorithm()
	if alg != "RS384" && alg != "ES384" {
		return nil, r.wrong("its algorithm is %q, which is neither RS384 nor ES384", alg)
	}
	key, err := privateKey(text)
	if err != nil {
		return nil, r.wrong("%w", err)
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if r.Identity.KeyID != "" {
		opts = opts.WithHeader("kid", r.Identity.KeyID)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, opts)
	if err != nil {
		return nil, r.wrong("its key does not fit %s", alg)
	}
	return s, nil
}

// errKey never says what was read.
var errKey = errors.New("its key is no private key in PEM (PKCS #8, PKCS #1 or SEC 1)")
