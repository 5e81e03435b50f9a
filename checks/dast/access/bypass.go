package access

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

func sorted(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

// maxClosed is how many closed requests are tried in other spellings: what lets
// one through lets most through.
const maxClosed = 40

// bypasses asks for what is closed in other spellings (CWE-288): a server in
// front decides by the path that it sees, and the one behind by another.
func (c *comparer) bypasses(ctx context.Context) error {
	for _, shut := range c.closed[:min(len(c.closed), maxClosed)] {
		for _, s := range c.spellings() {
			found, err := c.bypass(ctx, shut, s)
			if err = probe.Ended(ctx, err); err != nil {
				return err
			}
			if found {
				break
			}
		}
	}
	if n := len(c.closed); n > maxClosed {
		c.Note("other spellings of closed requests", "only the first forty were tried")
	}
	return nil
}

// spelling is another way to write a request.
type spelling struct {
	what string
	make func(r *web.Request, base string)
}

func (c *comparer) spellings() []spelling {
	all := []spelling{
		{"a slash at the end", path(func(p string) string { return strings.TrimSuffix(p, "/") + "/" })},
		{"an extension (.json)", path(func(p string) string { return strings.TrimSuffix(p, "/") + ".json" })},
		{"a dot segment (/%2e/)", path(func(p string) string { return "/%2e" + p })},
		{"two slashes", path(func(p string) string { return "/" + p })},
		{"a capital at the last segment", path(upperLast)},
		{"another case", path(strings.ToUpper)},
		{"X-Original-URL", rewritten("X-Original-Url")},
		{"X-Rewrite-URL", rewritten("X-Rewrite-Url")},
	}
	if c.Active {
		all = append(all, spelling{"POST with X-HTTP-Method-Override: GET", func(r *web.Request, _ string) {
			r.Method = http.MethodPost
			r.Header.Set("X-Http-Method-Override", http.MethodGet)
		}})
	}
	return all
}

// path writes a path another way, below the base.
func path(f func(string) string) func(*web.Request, string) {
	return func(r *web.Request, base string) {
		u := *r.URL
		raw := base + f("/"+strings.TrimPrefix(strings.TrimPrefix(u.EscapedPath(), base), "/"))
		if p, err := url.PathUnescape(raw); err == nil {
			u.Path, u.RawPath = p, raw
		}
		r.URL = &u
	}
}

// upperLast changes the case of the last segment's first letter.
func upperLast(p string) string {
	cut := strings.LastIndexByte(strings.TrimSuffix(p, "/"), '/') + 1
	return p[:cut] + strings.ToUpper(p[cut:min(len(p), cut+1)]) + p[min(len(p), cut+1):]
}

// rewritten asks for the front page, with a header that names the path.
func rewritten(header string) func(*web.Request, string) {
	return func(r *web.Request, base string) {
		r.Header.Set(header, r.URL.RequestURI())
		u := *r.URL
		u.Path, u.RawPath, u.RawQuery = base+"/", "", ""
		r.URL = &u
	}
}

// bypass says whether a spelling gives the content of a closed request, twice,
// and while the usual one is still refused.
func (c *comparer) bypass(ctx context.Context, shut closed, s spelling) (bool, error) {
	r := shut.request
	if r.Header = r.Header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	before := r.Method + r.URL.String()
	s.make(&r, c.Base.EscapedPath())
	if r.Method+r.URL.String() == before {
		return false, nil
	}
	var e web.Exchange
	for range 2 {
		var err error
		if e, err = c.ask(ctx, r, shut.who, s.what); err != nil || !shut.known.In(e.Response) {
			return false, err
		}
	}
	usual, err := c.ask(ctx, shut.request, shut.who, "as usual")
	if err != nil || !refused(usual.Response) {
		return false, err
	}
	c.Report(issue.Issue{Rule: "web-access-bypass", Route: shut.route, Anchor: s.what, Confidence: "high", Message: "the request is refused, and not with " + s.what + "; asked twice", Exchanges: []web.Exchange{usual, e}})
	return true, nil
}
