package exposed

import (
	"context"
	"net/http"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// CORS asks as a script of another site would, and says whether a browser
// would let it read the answer (Fetch Standard, 3.3, CORS protocol). route is the
// operation's, r its usual request.
func CORS(ctx context.Context, t probe.Target, route string, r web.Request) error {
	type way struct {
		origin func() string
		what   string
	}
	host := t.Base.Hostname()
	ways := []way{
		{func() string { return "https://" + t.Marks.Word() + ".example.org" }, "any site"},
		{func() string { return "null" }, "a page without an origin (a frame in a sandbox)"},
		{func() string { return "https://" + host + "." + t.Marks.Word() + ".example.org" }, "a site whose name begins with this one's"},
	}
	for _, w := range ways {
		proof, credentials, ok, err := allowed(ctx, t, r, w.origin)
		if err != nil {
			return probe.Ended(ctx, err)
		}
		if !ok {
			continue
		}
		rule, message := "web-cors-open", w.what+" may read the answers"
		if credentials {
			rule, message = "web-cors-credentials", w.what+" may read the answers as whoever is logged in"
		}
		t.Report(issue.Issue{Rule: rule, Route: route, Anchor: "Access-Control-Allow-Origin", Confidence: "high", Message: message, Exchanges: proof})
		return nil
	}
	return nil
}

// allowed asks twice, each time from another origin where there is another.
func allowed(ctx context.Context, t probe.Target, r web.Request, origin func() string) (proof []web.Exchange, credentials, ok bool, err error) {
	credentials = true
	for range 2 {
		from := origin()
		asks := r
		asks.Header = r.Header.Clone()
		if asks.Header == nil {
			asks.Header = http.Header{}
		}
		asks.Header.Set("Origin", from)
		e, err := t.Ask(ctx, asks, "from another origin")
		if err != nil {
			return nil, false, false, err
		}
		h := e.Response.Header
		allows := h.Get("Access-Control-Allow-Origin")
		// A wildcard goes to everybody, who can then not be logged in (Fetch
		// Standard, 3.3.5); for the parts of pages it is meant so.
		all := allows == "*" && probe.OK(e.Response) && !part(probe.MediaType(e.Response))
		if allows != from && !all {
			return nil, false, false, nil
		}
		credentials = credentials && !all && strings.EqualFold(h.Get("Access-Control-Allow-Credentials"), "true")
		proof = append(proof, e)
	}
	return proof, credentials, true, nil
}

// part says whether a type is that of a page's parts, which any site may show.
func part(t string) bool {
	return strings.HasPrefix(t, "image/") || strings.HasPrefix(t, "font/") || t == "text/css" || strings.Contains(t, "javascript")
}
