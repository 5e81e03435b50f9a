package access

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// maxOwned is how many paths of one identity are asked for.
const maxOwned = 50

// owned asks for what one identity owns as everybody else.
func (c *comparer) owned(ctx context.Context) error {
	for _, id := range c.Identities {
		for _, path := range id.Owns[:min(len(id.Owns), maxOwned)] {
			if err := probe.Ended(ctx, c.own(ctx, id, path)); err != nil {
				return err
			}
		}
	}
	return nil
}

// object is something that one identity gets.
type object struct {
	request    web.Request
	route      string
	parameter  string
	confidence string
	why        string
}

func (c *comparer) own(ctx context.Context, id checks.Identity, path string) error {
	o := object{
		request: web.Request{Method: http.MethodGet, URL: c.At(path), Foreign: ids(path)},
		route:   probe.Template(c.Operations, http.MethodGet, path), confidence: "high",
		why: "a resource that is another identity's own",
	}
	if c.FHIR(path) {
		o.request.Header = http.Header{"Accept": {"application/fhir+json"}}
	}
	mine, known, err := c.twice(ctx, o.request, id.Name)
	if err != nil {
		return err
	}
	if !probe.OK(mine.Response) || !known.Known() {
		c.Note("what "+id.Name+" owns ("+o.route+")", "its answer is "+strconv.Itoa(mine.Response.Status)+", or differs each time, or says too little: it could not be compared")
		return nil
	}
	nobody, err := c.ask(ctx, o.request, "", "without credentials")
	if err != nil {
		return err
	}
	if known.In(nobody.Response) {
		return c.anonymous(ctx, o, mine, known, path)
	}
	c.proved[id.Name] = true
	for _, other := range c.Identities {
		if other.Name == id.Name || slices.Contains(other.Owns, path) || c.FHIR(path) && c.Wide(other.Name) {
			continue
		}
		if err := c.reaches(ctx, o, mine, known, other.Name); err != nil {
			return err
		}
	}
	return nil
}

// ids are the last segments of a path that may be about somebody.
func ids(path string) []string {
	path, _, _ = strings.Cut(path, "?")
	return probe.Foreign(path[strings.LastIndexByte(path, '/')+1:])
}

func (c *comparer) anonymous(ctx context.Context, o object, mine web.Exchange, known probe.Content, path string) error {
	again, err := c.ask(ctx, o.request, "", "without credentials, again")
	if err != nil || !known.In(again.Response) || c.FHIR(path) {
		return err
	}
	c.Report(issue.Issue{Rule: "web-access-anonymous", Route: o.route, Confidence: "high", Message: "without credentials the answer is the same, and it is a resource of one identity only; asked twice", Exchanges: proof(mine, again)})
	return nil
}

// reaches reports an object if somebody else gets it, too.
func (c *comparer) reaches(ctx context.Context, o object, mine web.Exchange, known probe.Content, who string) error {
	var e web.Exchange
	for range 2 {
		var err error
		if e, err = c.ask(ctx, o.request, who, "as somebody else"); err != nil || !known.In(e.Response) {
			return err
		}
	}
	c.Report(issue.Issue{Rule: "web-access-horizontal", Route: o.route, Parameter: o.parameter, Confidence: o.confidence, Message: "somebody else gets the same answer for " + o.why + "; asked twice", Exchanges: []web.Exchange{mine, e}})
	return nil
}

// maxForeign is how many objects of one list are asked for as somebody else.
const maxForeign = 3

// lists compares what each identity finds in a list, and asks for what one
// finds and another does not.
func (c *comparer) lists(ctx context.Context) error {
	for _, l := range c.Operations {
		if l.Method != http.MethodGet || strings.Contains(l.Path, "{") || c.FHIR(l.Path) {
			continue
		}
		for _, o := range c.Operations {
			name, ok := below(l, o)
			if !ok {
				continue
			}
			if err := probe.Ended(ctx, c.list(ctx, l, o, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// below says whether an operation takes an object of a list: its path is that of
// the list and one parameter.
func below(l, o surface.Operation) (parameter string, ok bool) {
	rest, ok := strings.CutPrefix(o.Path, strings.TrimSuffix(l.Path, "/")+"/{")
	if !ok || o.Method != http.MethodGet || !strings.HasSuffix(rest, "}") || strings.Contains(rest, "/") {
		return "", false
	}
	return strings.TrimSuffix(rest, "}"), true
}

func (c *comparer) list(ctx context.Context, l, o surface.Operation, parameter string) error {
	r, err := l.Build(c.Base, nil)
	if err != nil {
		return nil
	}
	found := map[string]map[string]bool{}
	for _, id := range c.Identities {
		e, err := c.ask(ctx, r, id.Name, "the list")
		if err != nil {
			return err
		}
		if probe.OK(e.Response) {
			found[id.Name] = c.objects(e, o)
		}
	}
	for _, id := range c.Identities {
		for _, other := range c.Identities {
			if id.Name == other.Name || found[id.Name] == nil || found[other.Name] == nil {
				continue
			}
			if err := c.difference(ctx, o, parameter, id.Name, other.Name, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// difference asks as one for what only another finds.
func (c *comparer) difference(ctx context.Context, o surface.Operation, parameter, owner, other string, found map[string]map[string]bool) error {
	asked := 0
	for _, value := range sorted(found[owner]) {
		if found[other][value] || asked == maxForeign {
			continue
		}
		asked++
		r, err := o.Build(c.Base, map[string]string{"path:" + parameter: value})
		if err != nil {
			continue
		}
		r.Foreign = probe.Foreign(value)
		mine, known, err := c.twice(ctx, r, owner)
		if err != nil {
			return err
		}
		if !known.Known() {
			continue
		}
		nobody, err := c.ask(ctx, r, "", "without credentials")
		if err != nil {
			return err
		}
		if known.In(nobody.Response) {
			continue // open to everybody is another issue, or none
		}
		at := object{request: r, route: o.Route(), parameter: "path:" + parameter, confidence: "medium", why: "an object that is in another identity's list and not in theirs"}
		if err := c.reaches(ctx, at, mine, known, other); err != nil {
			return err
		}
	}
	return nil
}

// objects are the values of a parameter that a list names: ids of its objects in
// JSON, or links that the operation takes.
func (c *comparer) objects(e web.Exchange, o surface.Operation) map[string]bool {
	out := map[string]bool{}
	if strings.Contains(probe.MediaType(e.Response), "json") {
		eachObject(e.Response.Body, func(m map[string]any) {
			for _, name := range []string{"id", "_id", "uuid"} {
				if v := scalar(m[name]); v != "" {
					out[v] = true
				}
			}
		})
		return out
	}
	page := surface.ReadPage(e.Request.URL, e.Response.Header.Get("Content-Type"), e.Response.Body, surface.DefaultLimits())
	for _, l := range page.Links {
		path, ok := strings.CutPrefix(l.EscapedPath(), c.Base.EscapedPath())
		if !ok || l.Host != c.Base.Host {
			continue
		}
		if values, ok := surface.Match(o.Path, path); ok {
			for _, v := range values {
				out[v] = true
			}
		}
	}
	return out
}

// scalar writes an id as a path has it.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		if len(v) <= 200 {
			return v
		}
	case float64:
		if b, err := json.Marshal(v); err == nil {
			return string(b)
		}
	}
	return ""
}
