// Package session tests what keeps somebody logged in: the cookies of a form
// and the tokens of a header.
package session

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Plan is what is tested.
type Plan struct {
	// Operations are those of the application that may be asked.
	Operations []surface.Operation
	// Logouts are operations that end a session.
	Logouts []surface.Operation
	// Leaves says whether a path ends a session.
	Leaves func(path string) bool
	// Note takes what could not be asked, and why.
	Note func(what, why string)
}

// tester tests one identity.
type tester struct {
	probe.Target
	Plan
	who *login.Result
}

// Run tests the session of each identity. Logging out comes last, and who was
// logged out is logged in again; after that only wrong passwords are tried, once
// for each form, because it may shut out whoever sends them.
func Run(ctx context.Context, t probe.Target, p Plan, who []*login.Result) error {
	for _, r := range who {
		s := tester{t, p, r}
		for _, part := range []func(context.Context) error{s.tokens, s.fixation, s.endless, s.logout} {
			if err := probe.Ended(ctx, s.named(part(ctx))); err != nil {
				return err
			}
		}
	}
	tried := map[string]bool{}
	for _, r := range who {
		if r.Form == nil || tried[r.Identity.Login] {
			continue
		}
		tried[r.Identity.Login] = true
		s := tester{t, p, r}
		if err := probe.Ended(ctx, s.named(s.unlimited(ctx))); err != nil {
			return err
		}
	}
	return nil
}

// named tells an error that ends one part only.
func (s tester) named(err error) error {
	if err != nil {
		s.Note("the session of "+s.who.Identity.Name, firstLine(err))
	}
	return err
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (s tester) report(rule, confidence, message string, proof ...web.Exchange) {
	s.Report(issue.Issue{Rule: rule, Route: s.loginRoute(), Message: message, Confidence: confidence, Exchanges: proof})
}

// loginRoute is where the session begins, "" where that is no path.
func (s tester) loginRoute() string {
	path := s.who.Identity.Login
	if s.who.Form == nil {
		path = s.who.Identity.Token
	}
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	path, _, _ = strings.Cut(path, "?")
	return http.MethodPost + " " + path
}

// day is the longest that a session or token lasts before it is told: a shift
// is shorter. OWASP ASVS 4.0.3, 3.3.2, asks for 12 hours at level 2.
const day = 24 * time.Hour

// fixation asks whether the cookies of before the login let in after it (CWE-384):
// who knew them before, knows the session.
func (s tester) fixation(ctx context.Context) error {
	f := s.who.Form
	if f == nil {
		return nil
	}
	if f.Proof() == nil {
		s.Note("the session of "+s.who.Identity.Name, "no page tells whether somebody is logged in, so neither fixation nor logout could be tested")
		return nil
	}
	var proof []web.Exchange
	for range 2 {
		pass, err := f.Fresh(ctx)
		if err != nil || len(pass.Before) == 0 {
			return err
		}
		e, in, err := f.Lets(ctx, pass.Before)
		if err != nil || !in {
			return err
		}
		e.Note = "after the login, with the cookies of before it"
		proof = append(proof, pass.Sent, e)
	}
	s.report("web-session-fixation", "high", "the cookies that the form was sent with let in after the login; seen with two logins", proof...)
	return nil
}

// tries is how many wrong passwords are sent.
const tries = 12

// unlimited tries wrong passwords for an account that nobody has, so that
// nobody is locked out by it (CWE-307).
func (s tester) unlimited(ctx context.Context) error {
	f := s.who.Form
	if !s.Active {
		s.Note("whether passwords can be tried without limit", "wrong passwords in a row were not allowed (dast mode: active)")
		return nil
	}
	account := s.Marks.Word()
	var took []time.Duration
	var first, last web.Exchange
	var typed []string
	for i := range tries {
		password := s.Marks.Word()
		typed = append(typed, password)
		pass, err := f.Try(ctx, account, password)
		if err != nil {
			return err
		}
		took = append(took, pass.Sent.Response.Elapsed)
		if i == 0 {
			first = pass.Last
		}
		last = pass.Sent
		for _, r := range []web.Response{pass.Sent.Response, pass.Last.Response} {
			if r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable || r.Header.Get("Retry-After") != "" {
				return nil
			}
		}
		if probe.Alike(first.Response, pass.Last.Response, append(typed, account)...) < 0.98 {
			return nil
		}
	}
	if slower(took) {
		return nil
	}
	s.report("web-login-unlimited", "medium", "twelve wrong passwords in a row for one account (that nobody has) were answered alike, and no slower", last)
	return nil
}

// slower says whether later tries took longer than the first ones: a delay that
// grows is a limit.
func slower(took []time.Duration) bool {
	sum := func(in []time.Duration) (s time.Duration) {
		for _, d := range in {
			s += d
		}
		return s
	}
	third := len(took) / 3
	early, late := sum(took[:third]), sum(took[len(took)-third:])
	return late > 2*early && late-early > time.Second
}
