package session

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// logout asks whether the cookies of a session that was logged out still let in
// (CWE-613). It is done with a session of its own; a server that ends all of an
// account's is logged in to again.
func (s tester) logout(ctx context.Context) error {
	if s.who.Form == nil || s.who.Form.Proof() == nil {
		return nil
	}
	proof, route, err := s.outlives(ctx)
	if err == nil && proof != nil {
		var again []web.Exchange
		if again, _, err = s.outlives(ctx); again != nil {
			s.Report(issue.Issue{Rule: "web-session-logout", Route: route, Confidence: "high", Message: "the cookies of a session still let in after its logout, which took them from the browser; seen twice", Exchanges: again})
		}
	}
	if err != nil {
		return err
	}
	return s.who.Again(ctx)
}

// outlives logs in and out, and gives the proof that the old cookies let in: the
// logout must have worked for the browser, whose cookies it changed.
func (s tester) outlives(ctx context.Context) ([]web.Exchange, string, error) {
	pass, err := s.who.Form.Fresh(ctx)
	if err != nil {
		return nil, "", err
	}
	page, in, err := s.who.Form.Lets(ctx, pass.After)
	if err != nil || !in {
		return nil, "", err
	}
	out, route, ok := s.way(page)
	if !ok {
		s.Note("the logout of "+s.who.Identity.Name, "no way to log out was found")
		return nil, "", nil
	}
	e, left, err := s.leave(ctx, out, pass)
	if err != nil || e.Response.Status >= 400 {
		return nil, "", err
	}
	if _, in, err := s.who.Form.Lets(ctx, left); in || err != nil {
		return nil, "", err // the browser is still logged in: this was no logout
	}
	after, in, err := s.who.Form.Lets(ctx, pass.After)
	if err != nil || !in {
		return nil, "", err
	}
	after.Note = "after the logout, with the cookies of before it"
	return []web.Exchange{e, after}, route, nil
}

// way is how to log out: by a form or link of the page, or by an operation.
func (s tester) way(page web.Exchange) (web.Request, string, bool) {
	doc := surface.ReadPage(page.Request.URL, page.Response.Header.Get("Content-Type"), page.Response.Body, surface.DefaultLimits())
	for _, f := range doc.Forms {
		if s.ours(f.Action) && s.Leaves(f.Action.Path) && f.Method == http.MethodPost {
			v := url.Values{}
			var foreign []string
			for _, p := range f.Fields {
				v.Set(p.Name, p.Example)
				foreign = append(foreign, p.Example)
			}
			return web.Request{
				Method: http.MethodPost, URL: f.Action, Body: []byte(v.Encode()), Foreign: probe.Foreign(foreign...),
				Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {f.Action.Scheme + "://" + f.Action.Host}},
			}, s.route(http.MethodPost, f.Action), true
		}
	}
	for _, l := range doc.Links {
		if s.ours(l) && s.Leaves(l.Path) {
			return web.Request{Method: http.MethodGet, URL: l}, s.route(http.MethodGet, l), true
		}
	}
	for _, o := range s.Logouts {
		if r, err := o.Build(s.Base, nil); err == nil && (o.Method == http.MethodGet || o.Method == http.MethodPost) {
			return r, o.Route(), true
		}
	}
	return web.Request{}, "", false
}

func (s tester) ours(u *url.URL) bool {
	return u != nil && u.Scheme == s.Base.Scheme && u.Host == s.Base.Host && strings.HasPrefix(u.Path, s.Base.Path)
}

func (s tester) route(method string, u *url.URL) string {
	return probe.Template(s.Operations, method, "/"+strings.TrimPrefix(strings.TrimPrefix(u.EscapedPath(), s.Base.Path), "/"))
}

// leave logs out with the cookies, and gives those that a browser has then: the
// answer replaces some and ends others (RFC 6265, 5.3).
func (s tester) leave(ctx context.Context, out web.Request, pass login.Pass) (web.Exchange, []*http.Cookie, error) {
	e, err := s.who.Form.Send(ctx, out, pass.After, "the logout")
	left := map[string]*http.Cookie{}
	for _, c := range pass.After {
		left[c.Name] = c
	}
	for _, c := range (&http.Response{Header: e.Response.Header}).Cookies() {
		if left[c.Name] = c; c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(s.Now()) {
			delete(left, c.Name)
		}
	}
	return e, slices.Collect(maps.Values(left)), err
}
