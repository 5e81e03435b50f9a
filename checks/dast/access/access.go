// Package access looks for broken access control: it asks for the same as
// nobody, as one identity and as others, and compares the answers.
//
// A status says little: many applications answer 200 with the page for logging
// in. What counts is whether the content of one answer is in another.
package access

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/passive"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Plan is what is compared.
type Plan struct {
	// Operations are those that may be asked, safe or not.
	Operations []surface.Operation
	// Identities are those who are logged in.
	Identities []checks.Identity
	// FHIR says whether a path is one of a FHIR endpoint, which is judged by
	// what FHIR says and not here.
	FHIR func(path string) bool
	// Wide says whether an identity may read what is any patient's at such a
	// path, as the scopes of its token say.
	Wide func(identity string) bool
	// Note takes what could not be compared, and why.
	Note func(what, why string)
}

// alike is how much two answers have in common that are the same.
const alike = 0.98

// comparer is one comparison of everything.
type comparer struct {
	probe.Target
	Plan
	// homes are the front pages, by who asked.
	homes map[string]web.Response
	// closed are requests that nobody gets an answer to.
	closed []closed
	// proved names who got an answer that nobody gets.
	proved   map[string]bool
	unsteady int
}

// closed is a request that is answered to somebody, and not to nobody or, for
// who, not to them.
type closed struct {
	request web.Request
	route   string
	known   probe.Content
	who     string
}

// Run compares, and names the identities that an answer has shown to be logged
// in: one that gets nothing that nobody gets may be nobody.
func Run(ctx context.Context, t probe.Target, p Plan) (proved map[string]bool, err error) {
	c := &comparer{Target: t, Plan: p, homes: map[string]web.Response{}, proved: map[string]bool{}}
	if len(p.Identities) < 2 {
		p.Note("access control between identities", fmt.Sprintf("it takes two who are logged in, and there are %d", len(p.Identities)))
	}
	for _, part := range []func(context.Context) error{c.all, c.owned, c.lists, c.bypasses, c.writes} {
		if err := part(ctx); err != nil {
			return c.proved, err
		}
	}
	if c.unsteady > 0 {
		c.Note(fmt.Sprintf("%d operations, compared between identities", c.unsteady), "their answers differ from one request to the next")
	}
	return c.proved, nil
}

// all compares each operation that only reads.
func (c *comparer) all(ctx context.Context) error {
	lost := 0
	for _, o := range c.Operations {
		if o.Method != http.MethodGet {
			continue
		}
		err := c.operation(ctx, o)
		if ended := probe.Ended(ctx, err); ended != nil {
			return ended
		}
		if err != nil {
			lost++
		}
	}
	if lost > 0 {
		c.Note(fmt.Sprintf("%d operations, compared between identities", lost), "a request got no answer")
	}
	return nil
}

func (c *comparer) operation(ctx context.Context, o surface.Operation) error {
	r, err := o.Build(c.Base, nil)
	if err != nil {
		return nil // nothing can be sent to it, for nobody
	}
	r.Foreign = examples(o)
	mine, known, err := c.twice(ctx, r, c.As)
	if err != nil {
		return err
	}
	c.excess(o, mine)
	if !probe.OK(mine.Response) || len(bytes.TrimSpace(mine.Response.Body)) == 0 {
		return nil
	}
	nobody := mine
	if c.As != "" {
		if nobody, err = c.ask(ctx, r, "", "without credentials"); err != nil {
			return err
		}
	}
	if c.same(known, mine, nobody) {
		return c.open(ctx, o, mine, known, nobody)
	}
	if !known.Known() {
		c.unsteady++
		return nil
	}
	for _, i := range passive.Caching(o.Route(), mine) {
		c.Report(i)
	}
	if refused(nobody.Response) {
		c.proved[c.As] = true
		c.closed = append(c.closed, closed{request: r, route: o.Route(), known: known})
	}
	return c.others(ctx, o, r, known, nobody)
}

// others asks as the other identities, for what they may and may not see.
func (c *comparer) others(ctx context.Context, o surface.Operation, r web.Request, known probe.Content, nobody web.Exchange) error {
	for _, who := range c.Others {
		e, err := c.ask(ctx, r, who, "as another identity")
		if err != nil {
			return err
		}
		if probe.OK(e.Response) && refused(nobody.Response) {
			c.proved[who] = true
		}
		if e.Response.Status == http.StatusForbidden {
			c.closed = append(c.closed, closed{request: r, route: o.Route(), known: known, who: who})
		}
	}
	return nil
}

// examples are the values of a request that may come from the target.
func examples(o surface.Operation) []string {
	var out []string
	for _, p := range o.Parameters {
		out = append(out, p.Example)
	}
	return probe.Foreign(out...)
}

// refused says whether an answer turns somebody away (RFC 9110, 15.5.2, 15.5.4),
// or sends a browser to where one logs in.
func refused(r web.Response) bool {
	return r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden || r.Status >= 300 && r.Status < 400 && r.Status != http.StatusNotModified
}

func (c *comparer) ask(ctx context.Context, r web.Request, who, note string) (web.Exchange, error) {
	r.As = who
	return c.Ask(ctx, r, note)
}

// twice asks two times as somebody, and gives what both answers say.
func (c *comparer) twice(ctx context.Context, r web.Request, who string) (web.Exchange, probe.Content, error) {
	first, err := c.ask(ctx, r, who, "as who may")
	if err != nil || !probe.OK(first.Response) {
		return first, probe.Content{}, err
	}
	second, err := c.ask(ctx, r, who, "as who may, again")
	if err != nil {
		return first, probe.Content{}, err
	}
	home, err := c.home(ctx, who)
	if r.URL.Path == c.At("/").Path {
		home = web.Response{} // the front page itself is all its own
	}
	return first, probe.NewContent(first.Response, second.Response, home), err
}

// home is the front page as somebody sees it.
func (c *comparer) home(ctx context.Context, who string) (web.Response, error) {
	if r, ok := c.homes[who]; ok {
		return r, nil
	}
	e, err := c.AskAs(ctx, who, "/", "the front page")
	if err == nil {
		c.homes[who] = e.Response
	}
	return e.Response, err
}

// same says whether nobody got what somebody got.
func (c *comparer) same(known probe.Content, a, b web.Exchange) bool {
	return probe.Alike(a.Response, b.Response) >= alike && (!known.Known() || known.In(b.Response))
}

// open judges an operation that answers nobody as it does somebody: it is an
// issue where it is not public.
func (c *comparer) open(ctx context.Context, o surface.Operation, mine web.Exchange, known probe.Content, nobody web.Exchange) error {
	why, confidence := c.private(o, mine, known)
	if why == "" || c.FHIR(o.Path) {
		return nil
	}
	for _, p := range []string{"/" + c.Marks.Word(), parent(nobody.Request.URL.Path, c.Base.Path) + "/" + c.Marks.Word()} {
		none, err := c.AskAs(ctx, "", p, "a name that nobody has")
		if err != nil {
			return err
		}
		if c.same(known, mine, none) {
			return nil // one page for everything says nothing of this route
		}
	}
	again, err := c.ask(ctx, nobody.Request, "", "without credentials, again")
	if err != nil || !c.same(known, mine, again) {
		return err
	}
	c.Report(issue.Issue{Rule: "web-access-anonymous", Route: o.Route(), Confidence: confidence, Message: "without credentials the answer is the same, and " + why + "; asked twice", Exchanges: proof(mine, again)})
	return nil
}

// proof shows both answers, or the one where nobody is logged in at all.
func proof(mine, other web.Exchange) []web.Exchange {
	if mine.Request.As == "" {
		return []web.Exchange{other}
	}
	return []web.Exchange{mine, other}
}

func parent(path, base string) string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, base), "/")
	return path[:max(0, strings.LastIndexByte(path, '/'))]
}

// private says why an operation is not for everybody, "" where it may be. An
// empty list is the right answer to nobody, too: there must be content.
func (c *comparer) private(o surface.Operation, e web.Exchange, known probe.Content) (why, confidence string) {
	switch {
	case Record(e.Response):
		return "it holds members of a health record", "high"
	case !known.Known():
		return "", ""
	case c.owner(o.Path) != "":
		return "it is a resource of one identity only", "high"
	case o.Login != nil && *o.Login:
		return "the specification says that it needs a login", "medium"
	}
	return "", ""
}

// owner names who owns exactly this path.
func (c *comparer) owner(path string) string {
	for _, id := range c.Identities {
		if slices.Contains(id.Owns, path) {
			return id.Name
		}
	}
	return ""
}

// maxWrites is how many operations are written to without credentials.
const maxWrites = 200

// writes sends what changes state without credentials, where that is allowed
// and the specification says that it needs some; never a DELETE.
func (c *comparer) writes(ctx context.Context) error {
	if !c.Active || c.As == "" {
		return nil
	}
	sent := 0
	for _, o := range c.Operations {
		if o.Safe || o.Method == http.MethodDelete || o.Login == nil || !*o.Login || c.FHIR(o.Path) || entrance(o.Path) || sent == maxWrites {
			continue
		}
		sent++
		if err := probe.Ended(ctx, c.write(ctx, o)); err != nil {
			return err
		}
	}
	return nil
}

// entrance says whether a path is one that nobody has credentials for yet,
// whatever a specification says of all its operations.
func entrance(path string) bool {
	lower := strings.ToLower(path)
	return slices.ContainsFunc([]string{"login", "signin", "sign-in", "token", "auth", "register", "signup", "sign-up", "password", "session", "webhook", "callback"}, func(w string) bool {
		return strings.Contains(lower, w)
	})
}

func (c *comparer) write(ctx context.Context, o surface.Operation) error {
	r, err := o.Build(c.Base, nil)
	if err != nil {
		return nil
	}
	r.Foreign = examples(o)
	var last web.Exchange
	for range 2 {
		if last, err = c.ask(ctx, r, "", "a change, without credentials"); err != nil || !probe.OK(last.Response) {
			return err
		}
	}
	// Some say 200 to everything, and in the body that nothing was done.
	mine, err := c.ask(ctx, r, c.As, "the change, as who may")
	if err != nil || probe.Alike(mine.Response, last.Response) < alike {
		return err
	}
	none := r
	none.URL = c.At("/" + c.Marks.Word())
	e, err := c.ask(ctx, none, "", "a name that nobody has")
	if err != nil || probe.OK(e.Response) {
		return err
	}
	c.Report(issue.Issue{Rule: "web-access-anonymous", Route: o.Route(), Confidence: "medium", Message: "a change is accepted without credentials, and the specification says that it needs a login; sent twice", Exchanges: proof(mine, last)})
	return nil
}
