package fhir

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
	"github.com/vitalsign-dev/vitalsign/checks/dast/passive"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// after is the segment of a path that follows another.
func after(path, segment string) string {
	parts := strings.Split(path, "/")
	i := slices.Index(parts, segment)
	if i < 0 || i+1 >= len(parts) || !idRE.MatchString(parts[i+1]) {
		return ""
	}
	return parts[i+1]
}

// idRE is datatypes.html#id.
var idRE = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)

// identifying are search parameters of Patient whose values tell who somebody is
// (patient.html#search).
func identifying() []string {
	return []string{"identifier", "name", "family", "given", "birthdate", "phone", "email", "telecom", "address"}
}

// identifiers asks whether a search by who somebody is can be sent in a body
// (http.html#search: POST [type]/_search), and whether its further pages keep it
// there.
func (f *tester) identifiers(ctx context.Context) error {
	r, ok := f.s.resource("Patient")
	if !ok || !slices.Contains(r.Interactions, "search-type") {
		return nil
	}
	names := slices.DeleteFunc(identifying(), func(n string) bool { return !f.s.declares(r, n) })
	if len(names) == 0 {
		return nil
	}
	if offered, err := f.onlyGET(ctx, r, names[0]); err != nil || !offered {
		return err
	}
	if !slices.Contains(names, "birthdate") {
		return nil
	}
	// All patients are born after that: what comes is a first page.
	proof, err := twice(func() (web.Exchange, error) {
		return f.search(ctx, url.Values{"birthdate": {"ge1850-01-01"}, "_count": {"1"}})
	}, func(a web.Response) bool {
		b, ok := bundleOf(a)
		u, err := url.Parse(b.next())
		return ok && err == nil && u.Query().Has("birthdate")
	})
	if err != nil || proof == nil {
		return err
	}
	f.report("fhir-identifier-in-url", http.MethodPost, "/Patient/_search", "query:birthdate", "a search in a body is answered with a link to its next page that has the birth date in its address; asked twice", proof...)
	return nil
}

func (f *tester) search(ctx context.Context, fields url.Values) (web.Exchange, error) {
	return f.Ask(ctx, web.Request{
		Method: http.MethodPost, URL: f.At(f.s.Prefix + "/Patient/_search"), As: f.As, Body: []byte(fields.Encode()),
		Header: http.Header{"Accept": {mediaType}, "Content-Type": {"application/x-www-form-urlencoded"}},
	}, "a search in a body")
}

// onlyGET reports a search that works in a URL and not in a body, and says
// whether it works in a body.
func (f *tester) onlyGET(ctx context.Context, r surface.Resource, name string) (posted bool, err error) {
	value := f.Marks.Word()
	if name == "birthdate" {
		value = "1850-01-01" // of nobody
	}
	byURL, err := f.get(ctx, f.As, "/Patient?"+name+"="+value, "a search in a URL")
	if err != nil {
		return false, err
	}
	if _, ok := bundleOf(byURL.Response); !ok {
		f.note("FHIR: identifiers in URLs", "the first identity may not search for patients")
		return false, nil
	}
	proof, err := twice(func() (web.Exchange, error) { return f.search(ctx, url.Values{name: {value}}) }, func(a web.Response) bool {
		return a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed || a.Status == http.StatusNotImplemented
	})
	if err != nil {
		return false, err
	}
	if proof != nil {
		f.report("fhir-identifier-in-url", http.MethodGet, "/"+r.Type, "query:"+name, "patients are searched by who they are in URLs only: POST Patient/_search is not offered; asked twice", byURL, proof[0])
	}
	return proof == nil, nil
}

// errors asks for what makes errors, and reads what an OperationOutcome tells
// (operationoutcome.html): markup of ours, as it was sent, or a stack trace.
func (f *tester) errors(ctx context.Context) error {
	refused := false
	for _, way := range []struct{ path, route, parameter string }{
		{"/Patient/", "/Patient/{id}", "path:id"}, {"/Patient?birthdate=", "/Patient", "query:birthdate"}, {"/Patient?_count=", "/Patient", "query:_count"},
	} {
		if _, ok := f.s.resource("Patient"); !ok {
			return nil
		}
		for _, look := range []struct {
			message string
			tells   func(text, sent string) bool
		}{
			{"an OperationOutcome repeats what was sent, markup and all; asked twice, with other words", strings.Contains},
			{"an OperationOutcome holds a stack trace; asked twice", func(text, _ string) bool { return passive.Trace([]byte(text)) != "" }},
		} {
			var sent string
			proof, err := twice(func() (web.Exchange, error) {
				sent = "<b>" + f.Marks.Word() + "</b>"
				return f.get(ctx, f.As, way.path+url.PathEscape(sent), "what is no value")
			}, func(a web.Response) bool {
				refused = refused || a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden
				return look.tells(outcomeText(a), sent)
			})
			if err != nil {
				return err
			}
			if proof != nil {
				f.report("fhir-error-echo", http.MethodGet, way.route, way.parameter, look.message, proof...)
			}
		}
	}
	if refused {
		f.note("FHIR: errors", "the first identity is refused before there is an error")
	}
	return nil
}

// outcomeText is what an OperationOutcome says in words, "" for anything else.
func outcomeText(r web.Response) string {
	var o struct {
		ResourceType string `json:"resourceType"`
		Text         struct {
			Div string `json:"div"`
		} `json:"text"`
		Issue []struct {
			Diagnostics string `json:"diagnostics"`
			Details     struct {
				Text string `json:"text"`
			} `json:"details"`
		} `json:"issue"`
	}
	if json.Unmarshal(r.Body, &o) != nil || o.ResourceType != "OperationOutcome" {
		return ""
	}
	parts := []string{o.Text.Div}
	for _, i := range o.Issue {
		parts = append(parts, i.Diagnostics, i.Details.Text)
	}
	return strings.Join(parts, "\n")
}

// auditWaits are the pauses between looking for an AuditEvent, five seconds in
// all: most servers write it at once, some a little later.
func auditWaits() []time.Duration {
	return []time.Duration{100 * time.Millisecond, 400 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second}
}

// audit makes an access and looks for a new AuditEvent (auditevent.html). Any new
// one counts: it is not for a scanner to say which is enough.
func (f *tester) audit(ctx context.Context) error {
	r, ok := f.s.resource("AuditEvent")
	if _, patients := f.s.resource("Patient"); !ok || !patients || !slices.Contains(r.Interactions, "search-type") {
		return nil
	}
	reader, err := f.reader(ctx)
	if err != nil {
		return err
	}
	if reader == nil {
		f.note("FHIR: audit", "nobody who is logged in may read AuditEvents")
		return nil
	}
	var proof web.Exchange
	for range 2 {
		e, silent, err := f.silent(ctx, reader.Identity.Name)
		if err != nil || !silent {
			return err
		}
		proof = e
	}
	f.Report(issue.Issue{
		Rule: "fhir-no-audit", Route: http.MethodGet + " " + f.s.Prefix + "/Patient", Confidence: "medium",
		Message: "searches for patients leave no AuditEvent, though the server keeps some; two accesses, each waited for", Exchanges: []web.Exchange{proof},
	})
	return nil
}

// reader is somebody who may read AuditEvents, nil for nobody.
func (f *tester) reader(ctx context.Context) (*login.Result, error) {
	for _, who := range f.who {
		e, err := f.get(ctx, who.Identity.Name, "/AuditEvent?_count=1", "who may read AuditEvents")
		if err != nil {
			return nil, err
		}
		if _, ok := bundleOf(e.Response); ok {
			return who, nil
		}
	}
	return nil, nil
}

// silent makes one access, and says whether no AuditEvent came of it in some
// seconds. Where that cannot be told, it is not silent.
func (f *tester) silent(ctx context.Context, reader string) (web.Exchange, bool, error) {
	before, ok, err := f.events(ctx, reader)
	if err != nil || !ok {
		return web.Exchange{}, false, err
	}
	mark := f.Marks.Word()
	access, err := f.Ask(ctx, web.Request{
		Method: http.MethodGet, URL: f.At(f.s.Prefix + "/Patient?identifier=" + mark), As: f.As,
		Header: http.Header{"Accept": {mediaType}, "X-Request-Id": {mark}},
	}, "an access, to be found in the audit")
	if err != nil || !probe.OK(access.Response) {
		return access, false, err
	}
	for _, pause := range auditWaits() {
		if err := wait(ctx, pause); err != nil {
			return access, false, err
		}
		now, ok, err := f.events(ctx, reader)
		if err != nil || !ok || !same(before, now) {
			return access, false, err
		}
	}
	return access, true, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// events are the AuditEvents that there are, all of them or the newest; ok is
// false where new ones might not be among them.
func (f *tester) events(ctx context.Context, reader string) (ids []string, ok bool, err error) {
	// Servers keep what a search found for the next one, unless told not to
	// (RFC 9111, 5.2.1.4).
	e, err := f.Ask(ctx, web.Request{
		Method: http.MethodGet, URL: f.At(f.s.Prefix + "/AuditEvent?_sort=-date&_count=200"), As: reader,
		Header: http.Header{"Accept": {mediaType}, "Cache-Control": {"no-cache"}},
	}, "the AuditEvents")
	if err != nil {
		return nil, false, err
	}
	b, ok := bundleOf(e.Response)
	if !ok || e.Response.Truncated {
		return nil, false, nil
	}
	newest := true
	last := ""
	for _, entry := range b.Entry {
		id, _ := entry.Resource["id"].(string)
		recorded, _ := entry.Resource["recorded"].(string)
		newest = newest && recorded != "" && (last == "" || recorded <= last)
		last = recorded
		ids = append(ids, id)
	}
	more := b.next() != "" || b.Total != nil && *b.Total > len(b.Entry)
	if more && !newest {
		f.note("FHIR: audit", "AuditEvents do not come sorted by date, so a new one cannot be told")
		return nil, false, nil
	}
	return ids, true, nil
}

func same(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
