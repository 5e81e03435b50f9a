// Package passive reads answers that came anyway, and says what they lack or
// give away: headers, cookies, errors. It sends nothing.
package passive

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Reader takes answers as they come and gathers what is to be said. What holds
// for many answers of an origin becomes one issue. It is safe for concurrent use.
type Reader struct {
	mu   sync.Mutex
	seen map[issueKey]*gathered
}

type issueKey struct{ rule, route, parameter, anchor string }

// gathered is an issue with how many answers show it.
type gathered struct {
	issue issue.Issue
	count int
}

// NewReader makes one.
func NewReader() *Reader {
	return &Reader{seen: map[issueKey]*gathered{}}
}

// Read looks at the answer to a request of a route. usual says that the request
// was one that any client sends, and not an attack.
func (r *Reader) Read(route string, e web.Exchange, usual bool) {
	var found []issue.Issue
	found = append(found, errorsShown(route, e)...)
	if usual {
		found = append(found, headers(e)...)
		found = append(found, cookies(e)...)
		found = append(found, versions(e)...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range found {
		k := issueKey{i.Rule, i.Route, i.Parameter, i.Anchor}
		if g := r.seen[k]; g != nil {
			g.count++
			continue
		}
		i.Exchanges = []web.Exchange{e}
		r.seen[k] = &gathered{i, 1}
	}
}

// Issues gives what was gathered, in a stable order.
func (r *Reader) Issues() []issue.Issue {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(r.seen), func(a, b issueKey) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	var out []issue.Issue
	for _, k := range keys {
		g := r.seen[k]
		i := g.issue
		if i.Route == "" && g.count > 1 {
			i.Message += fmt.Sprintf(" (%d answers)", g.count)
		}
		out = append(out, i)
	}
	return out
}

// page says whether a browser shows the answer as a page of the application.
func page(e web.Exchange) bool { return probe.OK(e.Response) && probe.HTML(e.Response) }

// minHSTS is half a year in seconds, the least that RFC 6797 (section 14.4
// leaves it open) is usually taken to need: OWASP ASVS 4.0.3, 14.4.5 and 9.1.
const minHSTS = 15768000

// headers says which headers are not there that tell a browser to be careful
// (OWASP Secure Headers Project).
func headers(e web.Exchange) []issue.Issue {
	h := e.Response.Header
	var out []issue.Issue
	lack := func(rule, header, why string) {
		out = append(out, issue.Issue{Rule: rule, Anchor: header, Confidence: "high", Message: why})
	}
	if e.Request.URL.Scheme == "https" && e.Response.Status < 400 {
		if age := maxAge(h.Get("Strict-Transport-Security")); age < minHSTS {
			lack("web-hsts", "Strict-Transport-Security", hstsWords(h.Get("Strict-Transport-Security"), age))
		}
	}
	if !probe.OK(e.Response) {
		return out
	}
	if !strings.EqualFold(strings.TrimSpace(h.Get("X-Content-Type-Options")), "nosniff") && len(e.Response.Body) > 0 {
		lack("web-content-type-options", "X-Content-Type-Options", "answers do not forbid guessing their type (X-Content-Type-Options: nosniff)")
	}
	if !page(e) {
		return out
	}
	csp := h.Get("Content-Security-Policy")
	switch {
	case csp == "":
		lack("web-csp", "Content-Security-Policy", "pages have no Content-Security-Policy")
	case laxCSP(csp):
		lack("web-csp", "Content-Security-Policy/lax", "the Content-Security-Policy lets scripts of the page itself or of anybody run ('unsafe-inline' without nonce or hash, 'unsafe-eval' or a wildcard)")
	}
	if h.Get("X-Frame-Options") == "" && !strings.Contains(strings.ToLower(csp), "frame-ancestors") {
		lack("web-framing", "X-Frame-Options", "any site may show the pages in a frame (no frame-ancestors in Content-Security-Policy, no X-Frame-Options)")
	}
	if h.Get("Referrer-Policy") == "" {
		lack("web-referrer-policy", "Referrer-Policy", "pages say nothing of which addresses a browser passes on (Referrer-Policy)")
	}
	return out
}

func hstsWords(v string, age int) string {
	if v == "" {
		return "answers over TLS do not tell the browser to stay there (Strict-Transport-Security)"
	}
	return fmt.Sprintf("Strict-Transport-Security holds for %d seconds only, less than half a year", max(age, 0))
}

var maxAgeRE = regexp.MustCompile(`(?i)\bmax-age\s*=\s*"?(\d{1,12})`)

// maxAge reads the directive (RFC 6797, 6.1.1; RFC 9111, 5.2.2.1), -1 without.
func maxAge(v string) int {
	m := maxAgeRE.FindStringSubmatch(v)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}

// laxCSP says whether the policy (CSP Level 3) stops no injected script.
func laxCSP(csp string) bool {
	rules := map[string]string{}
	for d := range strings.SplitSeq(strings.ToLower(csp), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), " ")
		if _, twice := rules[name]; !twice {
			rules[name] = value // the first counts (6.7.3)
		}
	}
	src, ok := rules["script-src"]
	if !ok {
		src, ok = rules["default-src"]
	}
	if !ok {
		return true
	}
	guarded := strings.Contains(src, "'nonce-") || strings.Contains(src, "'sha256-") || strings.Contains(src, "'sha384-") || strings.Contains(src, "'sha512-") || strings.Contains(src, "'strict-dynamic'")
	for _, s := range strings.Fields(src) {
		switch s {
		case "'unsafe-inline'", "*", "https:", "http:", "data:":
			if !guarded {
				return true
			}
		case "'unsafe-eval'":
			return true
		}
	}
	return false
}

var sessionName = regexp.MustCompile(`(?i)sess|sid$|^sid|auth|token|jwt|login|remember|phpsessid|jsessionid|connect\.sid`)

// cookies says what cookies lack (RFC 6265bis, 4.1.2; OWASP ASVS 4.0.3, 3.4).
func cookies(e web.Exchange) []issue.Issue {
	resp := http.Response{Header: e.Response.Header}
	var out []issue.Issue
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			continue // it is being deleted
		}
		lack := func(rule, message string) {
			out = append(out, issue.Issue{Rule: rule, Parameter: "cookie:" + c.Name, Confidence: "high", Message: message})
		}
		session := sessionName.MatchString(c.Name)
		if e.Request.URL.Scheme == "https" && !c.Secure {
			lack("web-cookie-secure", "the cookie is sent over plain HTTP, too (no Secure)")
		}
		if !c.HttpOnly && session {
			lack("web-cookie-httponly", "scripts can read the cookie of a session (no HttpOnly)")
		}
		if (c.SameSite == 0 || c.SameSite == http.SameSiteNoneMode) && session {
			lack("web-cookie-samesite", "the cookie of a session goes along with requests of other sites (no SameSite, or None)")
		}
	}
	return out
}

var version = regexp.MustCompile(`\d+\.\d+`)

// versions says which headers give the server's version away (CWE-200).
func versions(e web.Exchange) []issue.Issue {
	var out []issue.Issue
	for _, name := range []string{"Server", "X-Powered-By", "X-Aspnet-Version", "X-Aspnetmvc-Version", "X-Generator"} {
		v := e.Response.Header.Get(name)
		if version.MatchString(v) || v != "" && (name == "X-Powered-By" || strings.HasPrefix(name, "X-Aspnet")) {
			out = append(out, issue.Issue{Rule: "web-server-version", Anchor: name, Confidence: "high", Message: "the header " + name + " says which software answers, for whoever looks for known flaws"})
		}
	}
	return out
}

// traces are how runtimes write a stack trace or an unhandled error. Each answer
// is held against them, so they are made once.
var traces = sync.OnceValue(func() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"Java":       regexp.MustCompile(`(?m)^\s*at [\w$.]+\.[\w$<>]+\((?:[\w$]+\.java:\d+|Native Method|Unknown Source)\)`),
		"Python":     regexp.MustCompile(`Traceback \(most recent call last\)|File "[^"\n]{1,200}\.py", line \d+`),
		"Go":         regexp.MustCompile(`goroutine \d+ \[running\]:|(?m)^\t/\S+\.go:\d+ \+0x`),
		"JavaScript": regexp.MustCompile(`(?m)^\s*at (?:[\w.<>\[\] ]+ \()?(?:file://|node:|/)[^\s()]+\.[cm]?[jt]s:\d+:\d+`),
		"PHP":        regexp.MustCompile(`(?:Fatal error|Warning|Parse error|Notice)(?:</b>)?: .{1,300} in (?:<b>)?\S+\.php(?:</b>)? on line`),
		".NET":       regexp.MustCompile(`(?m)^\s*at [\w.` + "`" + `<>]+\([^)\n]*\)(?: in \S+\.cs:line \d+)|Server Error in '/[^']*' Application|System\.\w*Exception: `),
		"Ruby":       regexp.MustCompile(`\S+\.rb:\d+:in ['` + "`" + `]`),
		"Werkzeug":   regexp.MustCompile(`Werkzeug Debugger|__debugger__`),
		"Django":     regexp.MustCompile(`You're seeing this error because you have <code>DEBUG = True</code>`),
		"Spring":     regexp.MustCompile(`"trace"\s*:\s*"[\w.]+(?:Exception|Error)`),
	}
})

// Trace names the runtime whose stack trace or unhandled error a text holds, ""
// for none.
func Trace(text []byte) string {
	all := traces()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].Match(text) {
			return name
		}
	}
	return ""
}

// errorsShown says which answers show the inside of the application (CWE-209).
func errorsShown(route string, e web.Exchange) []issue.Issue {
	if e.Response.Status < 400 && !probe.HTML(e.Response) {
		return nil // a document may hold such words; an error should not
	}
	var out []issue.Issue
	body := probe.Window(e.Response.Body)
	for name, re := range traces() {
		if re.Match(body) {
			out = append(out, issue.Issue{
				Rule: "web-stack-trace", Route: route, Anchor: name, Confidence: "high",
				Message: "an answer shows a stack trace or an unhandled error (" + name + ")",
			})
		}
	}
	return out
}

// Caching says whether an answer that is for one person may be kept by a browser
// or a proxy (RFC 9111, 5.2.2.5; OWASP ASVS 4.0.3, 8.2.1). Whoever calls it knows
// that nobody else gets this answer.
func Caching(route string, e web.Exchange) []issue.Issue {
	if !probe.OK(e.Response) || len(e.Response.Body) == 0 || static(probe.MediaType(e.Response)) {
		return nil
	}
	cc := strings.ToLower(e.Response.Header.Get("Cache-Control"))
	if strings.Contains(cc, "no-store") {
		return nil
	}
	return []issue.Issue{{
		Rule: "web-cache", Route: route, Confidence: "high", Exchanges: []web.Exchange{e},
		Message: "an answer that only somebody who is logged in gets may be kept by a browser or a proxy (no Cache-Control: no-store)",
	}}
}

// static says whether a type is that of a program's parts and not of data.
func static(t string) bool {
	return strings.HasPrefix(t, "image/") || strings.HasPrefix(t, "font/") || t == "text/css" || strings.Contains(t, "javascript")
}
