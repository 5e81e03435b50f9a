package login

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Form is a login by a form (HTML, 4.10.22), done as a browser does it.
type Form struct {
	r *Result
	// proof is a page whose answer shows that somebody is logged in, "" when
	// none is known; known is what it says then.
	proof *url.URL
	known probe.Content
	// usual is its answer to who is logged in, nobody's the one to nobody.
	usual, nobody web.Response
}

// maxRedirects bounds how far an answer is followed.
const maxRedirects = 5

// Pass is one way through the form.
type Pass struct {
	// Before are the cookies that were there when the form was sent, After
	// those that are there at its end, and Set all that answers set.
	Before, After, Set []*http.Cookie
	// Sent is the request with the fields and its answer; Last the answer at
	// the end of its redirects.
	Sent, Last web.Exchange
}

// form logs in, and shows by an account that nobody has that the answer says so.
func (r *Result) form(ctx context.Context) (*web.Session, error) {
	account, err := r.credential(r.Identity.Username, "account")
	if err != nil {
		return nil, err
	}
	password, err := r.credential(r.Identity.Credential, "password")
	if err != nil {
		return nil, err
	}
	f := &Form{r: r}
	jar, right, err := f.enter(ctx, account, password)
	if err != nil {
		return nil, err
	}
	if s := right.Last.Response.Status; s >= 400 {
		return nil, r.wrong("the login form answered %d", s)
	}
	if len(right.After) == 0 {
		return nil, r.wrong("the login form set no cookie")
	}
	madeUp, madeUpToo := r.t.Marks.Word(), r.t.Marks.Word()
	wrong, err := f.Try(ctx, madeUp, madeUpToo)
	if err != nil {
		return nil, err
	}
	if sameEnd(right, wrong, account, password, madeUp, madeUpToo) {
		return nil, r.wrong("the login form answers the same as for an account that nobody has: its account or password is not taken")
	}
	if r.Form == nil || r.Form.proof == nil {
		if jar, err = f.prove(ctx, right); err != nil {
			return nil, err
		}
		r.Form = f
	}
	return &web.Session{Jar: jar, Shown: []string{"Cookie: " + r.variable("COOKIE")}}, nil
}

// sameEnd says whether two ways through the form ended alike, apart from what
// was typed.
func sameEnd(a, b Pass, typed ...string) bool {
	if a.Sent.Response.Status != b.Sent.Response.Status || a.Last.Request.URL.Path != b.Last.Request.URL.Path {
		return false
	}
	return probe.Alike(a.Last.Response, b.Last.Response, typed...) >= 0.98
}

// Try goes through the form with fresh cookies, and leaves the session alone.
func (f *Form) Try(ctx context.Context, account, password string) (Pass, error) {
	_, p, err := f.enter(ctx, account, password)
	return p, err
}

// enter is Try, and gives the cookies.
func (f *Form) enter(ctx context.Context, account, password string) (*boundedJar, Pass, error) {
	jar, err := newJar()
	if err != nil {
		return nil, Pass{}, err
	}
	p, err := f.pass(ctx, jar, account, password)
	return jar, p, err
}

// Fresh logs in with fresh cookies, besides the session that there is.
func (f *Form) Fresh(ctx context.Context) (Pass, error) {
	return f.Try(ctx, f.account(), f.password())
}

// pass is one way through: the page with the form, for its hidden fields and
// its cookies; the form; and where the answer leads, within the origin.
func (f *Form) pass(ctx context.Context, jar *boundedJar, account, password string) (Pass, error) {
	r := f.r
	as := "login of " + r.Identity.Name
	r.t.Web.SetSession(as, &web.Session{Jar: jar})
	defer r.t.Web.SetSession(as, nil)
	w := walk{r: r, as: as}
	page, err := w.follow(ctx, web.Request{Method: http.MethodGet, URL: r.t.At(r.Identity.Login), As: as}, "the login form")
	if err != nil {
		return Pass{}, err
	}
	req, err := f.fill(page, account, password)
	if err != nil {
		return Pass{}, err
	}
	req.As = as
	p := Pass{Before: jar.Cookies(req.URL)}
	w.first = web.Exchange{}
	p.Last, err = w.follow(ctx, req, "the form, filled in")
	p.Sent, p.Set, p.After = w.first, w.set, jar.Cookies(req.URL)
	return p, err
}

// walk follows redirects by hand.
type walk struct {
	r     *Result
	as    string
	first web.Exchange
	set   []*http.Cookie
}

func (w *walk) follow(ctx context.Context, req web.Request, note string) (web.Exchange, error) {
	for range maxRedirects + 1 {
		e, err := w.r.t.Ask(ctx, req, note)
		if err != nil {
			return e, err
		}
		if w.first.Request.URL == nil {
			w.first = e
		}
		cookies := (&http.Response{Header: e.Response.Header}).Cookies()
		w.set = append(w.set, cookies[:min(len(cookies), maxCookies)]...)
		to := e.Response.Header.Get("Location")
		if e.Response.Status < 300 || e.Response.Status > 399 || to == "" {
			return e, nil
		}
		next, err := req.URL.Parse(to)
		if err != nil || next.Scheme != req.URL.Scheme || next.Host != req.URL.Host || next.User != nil {
			return e, nil // elsewhere is not ours to ask: this is the end
		}
		next.Fragment = ""
		req = web.Request{Method: http.MethodGet, URL: next, As: w.as, Foreign: req.Foreign}
	}
	return web.Exchange{}, w.r.wrong("the login form leads from one redirect to the next, more than %d times", maxRedirects)
}

// fill makes the request of a form, its hidden fields as they came.
func (f *Form) fill(page web.Exchange, account, password string) (web.Request, error) {
	id := f.r.Identity
	form, ok := pick(page, id.PasswordField)
	if !ok {
		return f.bare(page, account, password)
	}
	user, secret := id.UsernameField, id.PasswordField
	if secret == "" {
		secret = form.Fields[passwordAt(form, "")].Name
	}
	if user == "" {
		user = textBefore(form)
	}
	if user == "" {
		return web.Request{}, f.r.wrong("the login form has no field for an account: name it (username_field)")
	}
	base := f.r.t.Base
	if form.Action == nil || form.Action.Scheme != base.Scheme || form.Action.Host != base.Host {
		return web.Request{}, f.r.wrong("the login form sends the password to another origin, which is not done")
	}
	values := url.Values{}
	foreign := []string{account, password}
	for _, field := range form.Fields {
		if field.Control == "submit" || field.Control == "file" || field.Control == "button" {
			continue
		}
		values.Set(field.Name, field.Example)
		if field.Control == "hidden" {
			foreign = append(foreign, field.Example)
		}
	}
	values.Set(user, account)
	values.Set(secret, password)
	return post(form.Action, values, foreign), nil
}

// bare is a login without a page: the path takes the two fields, and a page
// that has no form (or none at all) has nothing to add.
func (f *Form) bare(page web.Exchange, account, password string) (web.Request, error) {
	id := f.r.Identity
	if id.UsernameField == "" || id.PasswordField == "" {
		if !probe.OK(page.Response) {
			return web.Request{}, f.r.wrong("the login form answered %d", page.Response.Status)
		}
		return web.Request{}, f.r.wrong("the page at %s has no form with a password: name its fields (username_field, password_field)", id.Login)
	}
	values := url.Values{id.UsernameField: {account}, id.PasswordField: {password}}
	return post(f.r.t.At(id.Login), values, []string{account, password}), nil
}

func post(to *url.URL, values url.Values, foreign []string) web.Request {
	return web.Request{
		Method: http.MethodPost, URL: to, Body: []byte(values.Encode()), Foreign: probe.Foreign(foreign...),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {to.Scheme + "://" + to.Host}},
	}
}

// pick is the form with the password; of two (login and registration) the one
// with fewer of them.
func pick(page web.Exchange, field string) (surface.Form, bool) {
	doc := surface.ReadPage(page.Request.URL, page.Response.Header.Get("Content-Type"), page.Response.Body, surface.DefaultLimits())
	best, fewest := surface.Form{}, 1<<30
	for _, f := range doc.Forms {
		n := 0
		for _, p := range f.Fields {
			if p.Control == "password" {
				n++
			}
		}
		if f.Method == http.MethodPost && passwordAt(f, field) >= 0 && n < fewest {
			best, fewest = f, n
		}
	}
	return best, fewest < 1<<30
}

// passwordAt is where the password goes, -1 for nowhere.
func passwordAt(f surface.Form, named string) int {
	return slices.IndexFunc(f.Fields, func(p surface.Parameter) bool {
		return named != "" && p.Name == named || named == "" && p.Control == "password"
	})
}

// textBefore is the field for the account: the last one for text before the
// password.
func textBefore(f surface.Form) string {
	for i := passwordAt(f, "") - 1; i >= 0; i-- {
		if slices.Contains([]string{"", "text", "email", "tel", "number"}, f.Fields[i].Control) {
			return f.Fields[i].Name
		}
	}
	return ""
}

// candidate is a page that may tell who is logged in, as a session and nobody
// see it.
type candidate struct {
	url          *url.URL
	seen, nobody web.Response
}

// maxCandidates is how many pages are asked for.
const maxCandidates = 5

// prove looks for a page that tells who is logged in: where the login led, what
// the identity owns, and the front page. It logs in once more and gives the
// cookies of that session: what is in a page for one session only (a token
// against forgery) tells nothing of the next.
func (f *Form) prove(ctx context.Context, p Pass) (*boundedJar, error) {
	pages := []*url.URL{}
	if p.Last.Request.Method == http.MethodGet {
		pages = append(pages, p.Last.Request.URL)
	}
	for _, path := range append(slices.Clone(f.r.Identity.Owns), "/") {
		pages = append(pages, f.r.t.At(path))
	}
	var all []candidate
	for _, u := range pages[:min(len(pages), maxCandidates)] {
		seen, err := f.page(ctx, u, p.After)
		if err != nil {
			return nil, err
		}
		nobody, err := f.page(ctx, u, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, candidate{u, seen.Response, nobody.Response})
	}
	jar, again, err := f.enter(ctx, f.account(), f.password())
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		second, err := f.page(ctx, c.url, again.After)
		if err != nil {
			return nil, err
		}
		known := probe.NewContent(c.seen, second.Response, web.Response{})
		if known.In(second.Response) && !known.In(c.nobody) {
			f.proof, f.known, f.usual, f.nobody = c.url, known, c.seen, c.nobody
			break
		}
	}
	return jar, nil
}

func (f *Form) account() string  { return f.r.o.Credentials[f.r.Identity.Username] }
func (f *Form) password() string { return f.r.o.Credentials[f.r.Identity.Credential] }

// page asks for a page with cookies, and whatever session there is.
func (f *Form) page(ctx context.Context, u *url.URL, cookies []*http.Cookie) (web.Exchange, error) {
	return f.Send(ctx, web.Request{Method: http.MethodGet, URL: u}, cookies, fmt.Sprintf("with %d cookies", len(cookies)))
}

// Send sends a request with these cookies and no others. They go as a field of
// its own, to where a session would go and nowhere else.
func (f *Form) Send(ctx context.Context, r web.Request, cookies []*http.Cookie, note string) (web.Exchange, error) {
	if len(cookies) == 0 {
		return f.r.t.Ask(ctx, r, "without cookies")
	}
	if r.Header = r.Header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	var pairs []string
	for _, c := range cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
		r.Foreign = append(r.Foreign, probe.Foreign(c.Value)...)
	}
	r.Header.Set("Cookie", strings.Join(pairs, "; "))
	r.As = "cookies of " + f.r.Identity.Name
	f.r.t.Web.SetSession(r.As, &web.Session{})
	defer f.r.t.Web.SetSession(r.As, nil)
	return f.r.t.Ask(ctx, r, note)
}

// Proof is the page that tells who is logged in, nil when none does.
func (f *Form) Proof() *url.URL { return f.proof }

// Lets says whether cookies let whoever has them in, with the exchange that
// shows it.
func (f *Form) Lets(ctx context.Context, cookies []*http.Cookie) (web.Exchange, bool, error) {
	if f.proof == nil {
		return web.Exchange{}, false, nil
	}
	e, err := f.page(ctx, f.proof, cookies)
	return e, err == nil && f.known.In(e.Response), err
}

// Alive says whether the session still lets in, and asked whether that can be
// told. What a page says changes in the course of a scan; that it is not the
// page for nobody is enough.
func (r *Result) Alive(ctx context.Context) (alive, asked bool, err error) {
	if r.Form == nil || r.Form.proof == nil {
		return false, false, nil
	}
	f := r.Form
	e, err := r.t.Ask(ctx, web.Request{Method: http.MethodGet, URL: f.proof, As: r.Identity.Name}, "whether the session lasts")
	if err != nil {
		return false, true, err
	}
	return f.known.In(e.Response) || e.Response.Status == f.usual.Status && probe.Alike(e.Response, f.nobody) < 0.9, true, nil
}
