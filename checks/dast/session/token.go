package session

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// tokens asks with JSON Web Tokens that nobody signed, for something that
// nobody gets without one (CWE-347).
func (s tester) tokens(ctx context.Context) error {
	token, place := s.who.Token(), bearer
	if _, ok := login.ClaimsOf(token); !ok {
		var err error
		if token, place, err = s.cookieToken(ctx); err != nil || token == "" {
			return err
		}
	}
	door, err := s.door(ctx)
	if err != nil {
		return err
	}
	if door == nil {
		s.Note("the signature of the token of "+s.who.Identity.Name, "no operation was found that needs it")
		return nil
	}
	for _, forge := range forgeries() {
		proof, ok, err := s.opens(ctx, *door, place, [2]string{forge.make(token, 1), forge.make(token, 2)}, forge.what)
		if err != nil {
			return err
		}
		if ok {
			s.Report(issue.Issue{Rule: "web-jwt-unverified", Route: door.route, Anchor: forge.what, Confidence: "high", Message: forge.what + " opens what nobody gets without one; seen twice", Exchanges: proof})
		}
	}
	return nil
}

// place puts a token into a request.
type place func(r *web.Request, token string)

func bearer(r *web.Request, token string) { r.Header.Set("Authorization", "Bearer "+token) }

// cookieToken is a cookie of the session that is a JSON Web Token.
func (s tester) cookieToken(ctx context.Context) (string, place, error) {
	if s.who.Form == nil {
		return "", nil, nil
	}
	pass, err := s.who.Form.Fresh(ctx)
	if err != nil {
		return "", nil, err
	}
	for i, c := range pass.After {
		if _, ok := login.ClaimsOf(c.Value); !ok {
			continue
		}
		return c.Value, func(r *web.Request, token string) {
			var pairs []string
			for j, other := range pass.After {
				v := other.Value
				if i == j {
					v = token
				}
				r.Foreign = append(r.Foreign, probe.Foreign(v)...)
				pairs = append(pairs, other.Name+"="+v)
			}
			r.Header.Set("Cookie", strings.Join(pairs, "; "))
		}, nil
	}
	return "", nil, nil
}

// door is a request that is answered to who is logged in, and to nobody else.
type door struct {
	request web.Request
	route   string
	known   probe.Content
}

// maxDoors is how many operations are asked for one that needs a login.
const maxDoors = 40

func (s tester) door(ctx context.Context) (*door, error) {
	var tried []door
	for _, p := range s.who.Identity.Owns {
		tried = append(tried, door{request: web.Request{Method: http.MethodGet, URL: s.At(p)}, route: probe.Template(s.Operations, http.MethodGet, p)})
	}
	for _, o := range s.Operations {
		if r, err := o.Build(s.Base, nil); err == nil && o.Method == http.MethodGet {
			tried = append(tried, door{request: r, route: o.Route()})
		}
	}
	for _, d := range tried[:min(len(tried), maxDoors)] {
		ok, err := s.closed(ctx, &d)
		if err = probe.Ended(ctx, err); err != nil {
			return nil, err
		}
		if ok {
			return &d, nil
		}
	}
	return nil, nil
}

// closed asks twice as somebody and once as nobody.
func (s tester) closed(ctx context.Context, d *door) (bool, error) {
	var seen [3]web.Exchange
	for i, as := range []string{s.who.Identity.Name, s.who.Identity.Name, ""} {
		r := d.request
		r.As = as
		var err error
		if seen[i], err = s.Ask(ctx, r, "a request that needs a login"); err != nil {
			return false, err
		}
	}
	d.known = probe.NewContent(seen[0].Response, seen[1].Response, web.Response{})
	return d.known.In(seen[1].Response) && !d.known.In(seen[2].Response), nil
}

// opens says whether both forgeries open a door that stays closed to a word
// which is no token at all.
func (s tester) opens(ctx context.Context, d door, put place, forged [2]string, what string) ([]web.Exchange, bool, error) {
	var proof []web.Exchange
	for _, token := range forged {
		e, err := s.with(ctx, d, put, token, what)
		if err != nil || !d.known.In(e.Response) {
			return nil, false, err
		}
		proof = append(proof, e)
	}
	return proof, true, nil
}

func (s tester) with(ctx context.Context, d door, put place, token, note string) (web.Exchange, error) {
	// As an identity without a session of its own, so that a token, even one
	// that is forged, goes only where sessions go.
	as := "a forged token of " + s.who.Identity.Name
	s.Web.SetSession(as, &web.Session{})
	defer s.Web.SetSession(as, nil)
	r := d.request
	r.As, r.Header, r.Foreign = as, r.Header.Clone(), probe.Foreign(token)
	if r.Header == nil {
		r.Header = http.Header{}
	}
	put(&r, token)
	return s.Ask(ctx, r, note)
}

type forgery struct {
	what string
	// make forges a token; n is 1 or 2, for two that differ.
	make func(token string, n byte) string
}

// forgeries are those of RFC 8725, 2.1, and the plainest of all. The claims stay
// as they are.
func forgeries() []forgery {
	return []forgery{
		{"a token with another signature", func(token string, n byte) string {
			cut := strings.LastIndexByte(token, '.')
			sig, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
			if err != nil || len(sig) < 8 {
				sig = make([]byte, 32)
			}
			for i := range sig {
				sig[i] ^= 0x55 + n
			}
			return token[:cut+1] + base64.RawURLEncoding.EncodeToString(sig)
		}},
		{"a token without a signature (alg none)", func(token string, n byte) string {
			// The name's letters matter (RFC 7515, 4.1.1): only the order differs.
			header := map[byte]string{1: `{"alg":"none","typ":"JWT"}`, 2: `{"typ":"JWT","alg":"none"}`}[n]
			_, rest, _ := strings.Cut(token, ".")
			body, _, _ := strings.Cut(rest, ".")
			return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + body + "."
		}},
	}
}
