package template

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// maxExchanges is how many exchanges of a chain are kept as proof.
const maxExchanges = 20

// maxCookies is how many are kept, twice what RFC 6265, section 6.1, asks of a
// client for one domain.
const maxCookies = 100

// Run runs the template. Its error is that ctx has ended, or that the target
// is none; the result holds what was found until then.
func (t Template) Run(ctx context.Context, target Target, d web.Doer) (Result, error) {
	var result Result
	if target.Base == nil || target.Base.Host == "" || target.Base.Scheme != "http" && target.Base.Scheme != "https" {
		return result, errors.New("the target has no absolute http URL")
	}
	found, err := t.pass(ctx, target, d, &result, nil)
	if err == nil && target.Confirm && len(found) > 0 {
		var again hits
		again, err = t.pass(ctx, target, d, &result, found)
		found = found.and(again)
	}
	if err == nil || !target.Confirm {
		result.Issues = t.issues(found, target.Confirm)
	}
	slices.Sort(result.Refused)
	result.Refused = slices.Compact(result.Refused)
	return result, err
}

// spot is where a request matched: counted from 0.
type spot struct{ block, request int }

// hit is what matched there.
type hit struct {
	labels    []string
	extracted []string
	sets      []int
	exchanges []web.Exchange
}

type hits map[spot]*hit

// and keeps what both have, with the proof of the later one.
func (h hits) and(again hits) hits {
	both := hits{}
	for p, first := range h {
		second, ok := again[p]
		if !ok {
			continue
		}
		second.sets = slices.DeleteFunc(second.sets, func(s int) bool { return !slices.Contains(first.sets, s) })
		if len(second.sets) > 0 {
			both[p] = second
		}
	}
	return both
}

// wants says whether a set of a block has to be run to see hits again. Blocks
// before them are, whatever they found: they may have logged in.
func (h hits) wants(block, set int) bool {
	if h == nil {
		return true
	}
	later, here := false, false
	for p, x := range h {
		if p.block == block {
			here = true
			if slices.Contains(x.sets, set) {
				return true
			}
		}
		later = later || p.block > block
	}
	return later && !here
}

// runner is one pass over a template.
type runner struct {
	ctx    context.Context
	t      Template
	target Target
	d      web.Doer
	result *Result
	jar    *cookiejar.Jar
	// names are those of the cookies in jar.
	names map[string]bool
	// values are of variables, payloads and internal extractors.
	values map[string]value
	// taken are extracted values: the target's own.
	taken  []string
	random func(name string) (value, bool)
	where  scope
	found  hits
}

func (t Template) pass(ctx context.Context, target Target, d web.Doer, result *Result, only hits) (hits, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	r := &runner{ctx: ctx, t: t, target: target, d: d, result: result, jar: jar, names: map[string]bool{}, values: map[string]value{}, found: hits{}}
	r.random = random(target.Seed, t.id, only != nil)
	r.where = place(target.Base)
	for _, v := range t.variables {
		if s, err := v.text.render(r.scope); err == nil {
			r.values[v.name] = s
		}
	}
	for i, b := range t.blocks {
		for set := range max(1, b.sets()) {
			if !only.wants(i, set) {
				continue
			}
			stop, err := r.chain(i, b, set)
			if err != nil {
				return r.found, err
			}
			if stop && t.stopFirst {
				return r.found, nil
			}
			if stop {
				break
			}
		}
	}
	return r.found, nil
}

// scope gives what a request can use.
func (r *runner) scope(name string) (value, bool) {
	if v, ok := r.values[name]; ok {
		return v, true
	}
	if v, ok := r.where(name); ok {
		return v, true
	}
	return r.random(name)
}

// place gives the names that stand for the target.
func place(base *url.URL) scope {
	root := origin(base)
	port := base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[base.Scheme]
	}
	dir := strings.TrimSuffix(path.Dir(base.EscapedPath()), "/")
	if dir == "." {
		dir = ""
	}
	values := map[string]value{
		"BaseURL": root + strings.TrimRight(base.EscapedPath(), "/"), "RootURL": root, "Hostname": base.Host,
		"Host": base.Hostname(), "Port": port, "Path": dir, "Scheme": base.Scheme,
	}
	return func(name string) (value, bool) { v, ok := values[name]; return v, ok }
}

// random gives values that nobody could have guessed to be there already, from
// a seed. Those of the second pass are others: what was cached or is sent to
// everybody does not hold them.
func random(seed uint64, id string, second bool) scope {
	return func(name string) (value, bool) {
		base, _ := splitIndex(name)
		if base != "randstr" && name != "rand_int" {
			return nil, false
		}
		d := sha256.Sum256(fmt.Appendf(nil, "%d %s %v %s", seed, id, second, name))
		if base == "randstr" {
			return "r" + hex.EncodeToString(d[:10]), true
		}
		return float64(100000 + binary.BigEndian.Uint32(d[:])%900000), true
	}
}

// builtin says whether a name is one of place or random.
func builtin(name string) bool {
	base := &url.URL{Scheme: "http", Host: "target.invalid"}
	_, a := place(base)(name)
	_, b := random(0, "", false)(name)
	return a || b
}

// chain runs the requests of a block with one set of payloads. stop says that
// something was found and that this is enough.
func (r *runner) chain(bi int, b block, set int) (stop bool, err error) {
	r.begin(b, set)
	kept := map[string]value{}
	var exchanges []web.Exchange
	for i, q := range b.requests {
		if err := r.ctx.Err(); err != nil {
			return false, err
		}
		x, ok := r.send(q, b)
		if !ok {
			continue
		}
		if !b.chained() {
			exchanges = nil
		}
		exchanges = append(exchanges, x)
		if len(exchanges) > maxExchanges {
			exchanges = exchanges[1:]
		}
		if r.judge(b, spot{bi, i}, set, answerOf(x.Response), kept, exchanges) && (b.stopFirst || r.t.stopFirst) {
			return true, nil
		}
	}
	return false, nil
}

// begin sets the values of one set of payloads, and forgets what the last one
// extracted.
func (r *runner) begin(b block, set int) {
	for _, e := range b.extractors {
		if e.internal {
			delete(r.values, e.name)
		}
	}
	for name, t := range b.set(set) {
		delete(r.values, name)
		if s, err := t.render(r.scope); err == nil {
			r.values[name] = s
		}
	}
}

// send sends one request and follows it, where the block says so. A request
// that needs a value that nothing gave is none.
func (r *runner) send(q request, b block) (web.Exchange, bool) {
	if r.target.Safe && !safeMethod(q.method) {
		r.result.Refused = append(r.result.Refused, q.route+": the method may change something")
		return web.Exchange{}, false
	}
	req, err := q.write(r.target.Base, r.scope)
	if err != nil {
		if errors.Is(err, errOutside) || errors.Is(err, errTarget) || errors.Is(err, errHeader) {
			r.result.Refused = append(r.result.Refused, q.route+": "+err.Error())
		}
		return web.Exchange{}, false
	}
	req.Foreign = slices.Clone(r.taken)
	for hop := 0; ; hop++ {
		resp, err := r.do(req, b)
		if err != nil {
			r.result.Unanswered++
			return web.Exchange{}, false
		}
		next, ok := r.redirect(req, resp)
		if !ok || hop >= b.hops {
			return web.Exchange{Request: req, Response: resp, Note: "template " + r.t.id}, true
		}
		req = next
	}
}

func (r *runner) do(req web.Request, b block) (web.Response, error) {
	if b.cookies {
		req.Header = req.Header.Clone()
		for _, c := range r.jar.Cookies(req.URL) {
			(&http.Request{Header: req.Header}).AddCookie(c)
		}
	}
	r.result.Requests++
	resp, err := r.d.Do(r.ctx, req)
	if err == nil && b.cookies {
		r.remember(req.URL, (&http.Response{Header: resp.Header}).Cookies())
	}
	return resp, err
}

// remember keeps cookies of so many names: a server can send new ones with
// every answer.
func (r *runner) remember(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		if len(r.names) < maxCookies || r.names[c.Name] {
			r.names[c.Name] = true
			r.jar.SetCookies(u, []*http.Cookie{c})
		}
	}
}

// redirect gives the request that a redirect asks for (RFC 9110, section
// 15.4), within the target's origin.
func (r *runner) redirect(req web.Request, resp web.Response) (web.Request, bool) {
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return req, false
	}
	u := req.URL.ResolveReference(to)
	u, err = within(r.target.Base, u.String())
	if err != nil {
		return req, false
	}
	switch resp.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		if req.Method != http.MethodHead {
			req.Method = http.MethodGet
		}
		req.Body = nil
		req.Header = req.Header.Clone()
		req.Header.Del("Content-Type")
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return req, false
	}
	req.URL = u
	return req, true
}

// judge extracts and matches, and keeps a hit.
func (r *runner) judge(b block, p spot, set int, a answer, kept map[string]value, exchanges []web.Exchange) bool {
	for name := range b.indexed {
		if base, i := splitIndex(name); i == p.request+1 {
			if v, ok := a.lookup(base); ok {
				kept[name] = v
			}
		}
	}
	local := map[string]value{}
	s := func(name string) (value, bool) {
		for _, m := range []map[string]value{local, kept} {
			if v, ok := m[name]; ok {
				return v, true
			}
		}
		if v, ok := a.lookup(name); ok {
			return v, true
		}
		return r.scope(name)
	}
	extracted := r.extract(b, s, local)
	labels, ok := b.match(s)
	if len(b.matchers) == 0 {
		ok = len(extracted) > 0
	}
	if !ok {
		return false
	}
	h := r.found[p]
	if h == nil {
		h = &hit{labels: labels, extracted: extracted, exchanges: slices.Clone(exchanges)}
		r.found[p] = h
	}
	h.sets = append(h.sets, set)
	return true
}

// extract gives what the extractors that report have found, by name and count.
func (r *runner) extract(b block, s scope, local map[string]value) []string {
	var report []string
	for i, e := range b.extractors {
		values := e.extract(s)
		if len(values) == 0 {
			continue
		}
		if e.name != "" {
			local[e.name] = values[0]
		}
		if e.internal {
			r.values[e.name] = values[0]
			if !slices.Contains(r.taken, values[0]) && len(r.taken) < maxValues {
				r.taken = append(r.taken, values[0])
			}
			continue
		}
		name := fmt.Sprintf("number %d", i+1)
		if e.name != "" {
			name = short(e.name)
		}
		report = append(report, fmt.Sprintf("%s (%d)", name, len(values)))
	}
	return report
}

// match joins the matchers; a hit that only internal ones make is none.
func (b block) match(s scope) (labels []string, ok bool) {
	seen := false
	for i, m := range b.matchers {
		switch hit := m.match(s); {
		case hit:
			labels = append(labels, m.label(i))
			seen = seen || !m.internal
		case b.and:
			return nil, false
		}
	}
	return labels, seen
}

func (t Template) issues(found hits, confirmed bool) []issue.Issue {
	places := slices.SortedFunc(maps.Keys(found), func(a, b spot) int {
		return (a.block-b.block)*maxRequests + a.request - b.request
	})
	confidence := "medium"
	if confirmed {
		confidence = "high"
	}
	var list []issue.Issue
	for _, p := range places {
		h := found[p]
		list = append(list, issue.Issue{
			Rule: t.rule.ID, Route: t.blocks[p.block].requests[p.request].route,
			Message: h.message(len(t.blocks[p.block].payloads) > 0), Confidence: confidence,
			Anchor:    fmt.Sprintf("http %d, request %d", p.block+1, p.request+1),
			Exchanges: h.exchanges,
		})
	}
	return list
}

// message says what matched, and nothing of what was matched.
func (h hit) message(payloads bool) string {
	var parts []string
	if len(h.labels) > 0 {
		parts = append(parts, "The answer met these matchers of the template: "+strings.Join(h.labels, ", ")+".")
	}
	if len(h.extracted) > 0 {
		parts = append(parts, "Extractors with their number of values: "+strings.Join(h.extracted, ", ")+".")
	}
	if payloads {
		parts = append(parts, fmt.Sprintf("Sets of payloads that did so: %d.", len(h.sets)))
	}
	return strings.Join(parts, " ")
}
