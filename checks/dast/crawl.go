package dast

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/exposed"
	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Bounds of a crawl. Routes count, not addresses: a list of a thousand
// patients is one route, of which a few are looked at for where they lead.
const (
	maxVisits   = 2000
	maxPerRoute = 3
	maxDepth    = 12
	// crawlShare is the part of the budget that a crawl may use.
	crawlShare = 4
)

// crawler follows what pages refer to.
type crawler struct {
	*scan
	queue   []visit
	known   map[string]bool
	visits  map[string]int // by route
	visited int
}

type visit struct {
	url   *url.URL
	depth int
}

// crawl begins at the application's root, robots.txt and sitemap.xml.
func (s *scan) crawl(ctx context.Context) error {
	c := &crawler{scan: s, known: map[string]bool{}, visits: map[string]int{}}
	c.link(s.target.At("/"), 0, "link")
	if s.canary == "" {
		if err := c.maps(ctx); err != nil {
			return err
		}
	}
	for len(c.queue) > 0 && c.visited < maxVisits && s.client.Left() > s.live.Requests/crawlShare*(crawlShare-1) {
		next := c.queue[0]
		c.queue = c.queue[1:]
		if err := c.visit(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// maps reads robots.txt (RFC 9309) and sitemaps: what it asks robots to keep
// away from is part of the surface.
func (c *crawler) maps(ctx context.Context) error {
	e, err := c.target.Get(ctx, "/robots.txt")
	if err != nil {
		return c.lost(ctx, err)
	}
	sitemaps := []string{"/sitemap.xml"}
	if probe.OK(e.Response) && !probe.HTML(e.Response) {
		paths, more := surface.Robots(e.Response.Body)
		for _, p := range paths {
			c.refer(e.Request.URL, p, 0, "robots")
		}
		sitemaps = append(sitemaps, more...)
	}
	for _, m := range sitemaps[:min(len(sitemaps), 10)] {
		u, ok := c.inside(e.Request.URL, m)
		if !ok {
			continue
		}
		found, err := c.target.Ask(ctx, web.Request{Method: http.MethodGet, URL: u, As: c.target.As}, "a map of the site")
		if err != nil {
			if err := c.lost(ctx, err); err != nil {
				return err
			}
			continue
		}
		if probe.OK(found.Response) && !probe.HTML(found.Response) {
			for _, l := range surface.Sitemap(found.Response.Body) {
				c.refer(u, l, 0, "sitemap")
			}
		}
	}
	return nil
}

func (c *crawler) lost(ctx context.Context, err error) error {
	if over(ctx, err) {
		return err
	}
	return nil
}

// inside resolves a reference, and says whether it is the application's: same
// origin, below its base. Everything else is not ours to ask.
func (s *scan) inside(from *url.URL, ref string) (*url.URL, bool) {
	u, err := from.Parse(strings.TrimSpace(ref))
	if err != nil {
		return nil, false
	}
	u.Fragment = ""
	if u.Scheme != s.base.Scheme || !strings.EqualFold(u.Host, s.base.Host) || u.User != nil || !s.below(u) {
		return nil, false
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, true
}

func (s *scan) below(u *url.URL) bool {
	return s.base.Path == "" || u.Path == s.base.Path || strings.HasPrefix(u.Path, s.base.Path+"/")
}

// relative is a URL as the surface has it: without the base's path.
func (s *scan) relative(u *url.URL) *url.URL {
	if s.base.Path == "" {
		return u
	}
	r := *u
	r.Path = "/" + strings.TrimPrefix(strings.TrimPrefix(u.Path, s.base.Path), "/")
	r.RawPath = ""
	return &r
}

func (c *crawler) refer(from *url.URL, ref string, depth int, source string) {
	if u, ok := c.inside(from, ref); ok {
		c.link(u, depth, source)
	}
}

// link takes a URL of the application: it belongs to the surface, and is
// visited if its route was not seen often enough.
func (c *crawler) link(u *url.URL, depth int, source string) {
	if c.known[u.String()] || len(c.known) > 50*maxVisits {
		return
	}
	c.known[u.String()] = true
	if c.target.As != "" && leaves(u.Path) {
		c.set.Observe(http.MethodGet, c.relative(u), source)
		return
	}
	route := shape(u)
	if depth > maxDepth || c.visits[route] >= maxPerRoute {
		c.set.Observe(http.MethodGet, c.relative(u), source)
		return
	}
	c.visits[route]++
	c.queue = append(c.queue, visit{u, depth})
}

// shape is a URL with its digits and values gone.
func shape(u *url.URL) string {
	var b strings.Builder
	for _, r := range u.EscapedPath() {
		if r >= '0' && r <= '9' {
			r = '0'
		}
		b.WriteRune(r)
	}
	b.WriteString("?")
	for _, k := range slices.Sorted(maps.Keys(u.Query())) {
		b.WriteString(k + "&")
	}
	return strings.ReplaceAll(b.String(), "00", "0")
}

func (c *crawler) visit(ctx context.Context, v visit) error {
	c.visited++
	e, err := c.target.Ask(ctx, web.Request{Method: http.MethodGet, URL: v.url, As: c.target.As}, "a link")
	rel := c.relative(v.url)
	if err != nil {
		// It is there for all we know: testing it will say that it does not answer.
		c.set.Observe(http.MethodGet, rel, "link")
		return c.lost(ctx, err)
	}
	if e.Response.Status == http.StatusNotFound && rel.RawQuery == "" {
		return nil // no operation: somebody's link is broken
	}
	c.set.Observe(http.MethodGet, rel, "link")
	c.seen("GET "+rel.Path, e, true)
	if probe.OK(e.Response) {
		c.mu.Lock()
		c.pages = append(c.pages, rel.Path)
		c.mu.Unlock()
	}
	if to := e.Response.Header.Get("Location"); to != "" {
		c.refer(v.url, to, v.depth+1, "link")
	}
	for _, l := range surface.LinkHeader(e.Response.Header.Values("Link")) {
		c.refer(v.url, l.Target, v.depth+1, "link")
	}
	return c.read(ctx, v, e)
}

// read takes what a document refers to.
func (c *crawler) read(ctx context.Context, v visit, e web.Exchange) error {
	switch t := probe.MediaType(e.Response); {
	case strings.Contains(t, "javascript"):
		c.script(v.url, e.Response.Body)
		return exposed.SourceMaps(ctx, c.target, e)
	case !probe.HTML(e.Response):
		return nil
	}
	page := surface.ReadPage(v.url, e.Response.Header.Get("Content-Type"), e.Response.Body, surface.DefaultLimits())
	for _, l := range page.Links {
		c.refer(v.url, l.String(), v.depth+1, "link")
	}
	for _, s := range page.Scripts {
		c.refer(v.url, s.String(), v.depth+1, "link")
	}
	for _, text := range page.Inline {
		c.script(v.url, []byte(text))
	}
	for _, f := range page.Forms {
		if u, ok := c.inside(v.url, f.Action.String()); ok {
			f.Action = c.relative(u)
			c.set.Add(f.Operation())
		}
	}
	if len(page.Mixed) > 0 {
		c.report(issue.Issue{Rule: "web-mixed-content", Route: "GET " + c.relative(v.url).Path, Confidence: "high", Message: "the page loads parts over plain HTTP", Exchanges: []web.Exchange{e}})
	}
	return nil
}

// script takes the paths that a script names, where they are the application's.
func (c *crawler) script(from *url.URL, text []byte) {
	for _, o := range surface.Script(text, surface.DefaultLimits()) {
		if u, ok := c.inside(from, strings.NewReplacer("{", "%7B", "}", "%7D").Replace(o.Path)); ok {
			o.Path = strings.NewReplacer("%7B", "{", "%7D", "}").Replace(c.relative(u).EscapedPath())
			c.set.Add(o)
		}
	}
}
