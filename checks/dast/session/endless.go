package session

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
)

// endless asks how long what lets in is good for. Nobody waits for the end:
// what the token and the cookie promise is what is judged.
func (s tester) endless(ctx context.Context) error {
	if s.who.Token() != "" {
		s.token(s.who.Token(), s.who.Lasts())
	}
	f := s.who.Form
	if f == nil || f.Proof() == nil {
		return nil
	}
	pass, err := f.Fresh(ctx)
	if err != nil {
		return err
	}
	telling, err := s.telling(ctx, pass)
	if err != nil {
		return err
	}
	promised := "no end, so it lasts as long as the browser and the server like"
	for _, c := range pass.Set {
		if !slices.Contains(telling, c.Name) {
			continue
		}
		if late(c, s.Now()) {
			s.report("web-session-endless", "high", "the cookie that lets in lasts longer than 24 hours (Max-Age or Expires)", pass.Sent)
		}
		if c.MaxAge > 0 || !c.Expires.IsZero() {
			promised = "an end of its own"
		}
		if _, ok := login.ClaimsOf(c.Value); ok {
			s.token(c.Value, 0)
		}
	}
	s.Note("idle time-out of the session of "+s.who.Identity.Name, "it was not waited for; its cookie has "+promised)
	return nil
}

// late says whether a cookie lasts longer than a day (RFC 6265, 5.2.1, 5.2.2:
// Max-Age wins).
func late(c *http.Cookie, now time.Time) bool {
	if c.MaxAge != 0 {
		return c.MaxAge > int(day/time.Second)
	}
	return c.Expires.After(now.Add(day))
}

// telling names the cookies without which the login is gone.
func (s tester) telling(ctx context.Context, pass login.Pass) ([]string, error) {
	var out []string
	for i, c := range pass.After[:min(len(pass.After), 10)] {
		_, in, err := s.who.Form.Lets(ctx, slices.Delete(slices.Clone(pass.After), i, i+1))
		if err != nil {
			return nil, err
		}
		if !in {
			out = append(out, c.Name)
		}
	}
	return out, nil
}

// token judges exp and iat (RFC 7519, 4.1.4 and 4.1.6), or expires_in where the
// token is none that can be read.
func (s tester) token(token string, lasts time.Duration) {
	what := ""
	claims, ok := login.ClaimsOf(token)
	exp, ends := claims["exp"].(float64)
	iat, begins := claims["iat"].(float64)
	if !begins {
		iat = float64(s.Now().Unix())
	}
	switch {
	case ok && !ends && lasts == 0:
		what = "the token has no end (no exp)"
	case ok && ends && exp-iat > day.Seconds():
		what = "the token lasts longer than 24 hours (exp and iat)"
	case !ends && lasts > day:
		what = "the token lasts longer than 24 hours (expires_in)"
	}
	if what == "" {
		if ok || lasts > 0 {
			s.Note("idle time-out of the session of "+s.who.Identity.Name, fmt.Sprintf("it was not waited for; its token ends within %d hours", int(day.Hours())))
		}
		return
	}
	answer := s.who.Answer()
	if answer.Request.URL == nil {
		s.report("web-session-endless", "high", what)
		return
	}
	s.report("web-session-endless", "high", what, answer)
}
