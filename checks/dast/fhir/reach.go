package fhir

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

func resourceOf(r web.Response) map[string]any {
	var m map[string]any
	if json.Unmarshal(r.Body, &m) != nil {
		return nil
	}
	return m
}

// leaks searches with each token that is bound to one patient for resources of
// other patients. A token for a user or a system may reach them, and is none.
func (f *tester) leaks(ctx context.Context) error {
	for _, who := range f.who {
		mine := patients(who)
		if len(mine) != 1 || Wide(who) {
			continue
		}
		self, err := f.get(ctx, who.Identity.Name, "/Patient/"+url.PathEscape(mine[0]), "the patient itself", mine...)
		if err != nil {
			return err
		}
		if !probe.OK(self.Response) {
			f.note("FHIR: searches of "+who.Identity.Name, "its own patient is not answered to it")
			continue
		}
		l := leak{f, who, mine[0], append(linked(resourceOf(self.Response)), mine...), f.other(who)}
		for _, r := range f.s.Statement.Resources {
			if err := l.kind(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// other is a patient of somebody else, "" when none is known.
func (f *tester) other(who *login.Result) string {
	own := patients(who)
	for _, r := range f.who {
		for _, p := range patients(r) {
			if !slices.Contains(own, p) {
				return p
			}
		}
	}
	return ""
}

// leak is one token bound to one patient. own are all the ids of that person.
type leak struct {
	*tester
	who   *login.Result
	mine  string
	own   []string
	other string
}

// search is one way to find what is somebody else's.
type search struct{ parameter, query string }

// maxIncludes is how many of each kind are asked for of one type.
const maxIncludes = 5

// kind tries each way for one type, until one leaks.
func (l leak) kind(ctx context.Context, r surface.Resource) error {
	if l.open[r.Type] || !slices.Contains(r.Interactions, "search-type") {
		return nil
	}
	for _, s := range l.searches(r) {
		proof, err := twice(func() (web.Exchange, error) {
			return l.get(ctx, l.who.Identity.Name, "/"+r.Type+"?"+s.query, "with a token for one patient", l.mine, l.other)
		}, func(a web.Response) bool {
			b, ok := bundleOf(a)
			return ok && b.holds(l.foreign)
		})
		if err != nil {
			return err
		}
		if proof != nil {
			l.report("fhir-search-leak", http.MethodGet, "/"+r.Type, "query:"+s.parameter, "a token for one patient gets resources of another; asked twice", proof...)
			return nil
		}
	}
	return nil
}

// foreign says whether a resource is about other patients only.
func (l leak) foreign(resource map[string]any) bool {
	about := subjects(resource)
	return Compartment(kindOf(resource)) && !l.open[kindOf(resource)] && len(about) > 0 && !slices.ContainsFunc(about, func(id string) bool { return slices.Contains(l.own, id) })
}

// searches are those of search.html: without the patient (3.1.1.2), for another
// one, by a chain (3.1.1.4.15), and by what is included (3.1.1.5.4).
func (l leak) searches(r surface.Resource) []search {
	out := []search{{"", "_count=50"}}
	if l.other != "" {
		other := url.QueryEscape(l.other)
		if r.Type == "Patient" {
			out = append(out, search{"_id", "_id=" + other})
		}
		for _, name := range []string{"patient", "subject"} {
			if l.s.declares(r, name) {
				out = append(out, search{name, name + "=Patient%2F" + other}, search{name + ":Patient._id", name + ":Patient._id=" + other})
			}
		}
	}
	for _, in := range []struct {
		name   string
		values []string
	}{{"_revinclude", r.SearchRevInclude}, {"_include", r.SearchInclude}} {
		for _, v := range in.values[:min(len(in.values), maxIncludes)] {
			out = append(out, search{in.name, in.name + "=" + url.QueryEscape(v) + "&_count=50"})
		}
	}
	for i, s := range out {
		out[i].parameter = strings.TrimSpace(s.parameter)
	}
	return out
}

// everything asks for all of a patient (operation-patient-everything.html):
// without a token, with one for another patient, and with one that does not cover
// the types that come.
func (f *tester) everything(ctx context.Context) error {
	if f.open["Patient"] {
		return nil // told already, where it begins
	}
	for _, who := range f.who {
		for _, p := range patients(who) {
			if err := f.everythingOf(ctx, who, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *tester) everythingOf(ctx context.Context, who *login.Result, patient string) error {
	path := "/Patient/" + url.PathEscape(patient) + "/$everything"
	ask := func(as, note string) func() (web.Exchange, error) {
		return func() (web.Exchange, error) { return f.get(ctx, as, path, note, patient) }
	}
	found := func(message string, proof []web.Exchange, err error) (bool, error) {
		if err != nil || proof == nil {
			return false, err
		}
		f.report("fhir-everything-unscoped", http.MethodGet, "/Patient/{id}/$everything", "", message, proof...)
		return true, nil
	}
	proof, err := twice(ask("", "without a token"), inBundle(func(kind string) bool { return Compartment(kind) }))
	if done, err := found("$everything is answered without a token; asked twice", proof, err); done || err != nil {
		return err
	}
	granted, known := who.Granted()
	if !known {
		return nil
	}
	proof, err = twice(ask(who.Identity.Name, "with a token that does not cover all types"), inBundle(func(kind string) bool {
		return Compartment(kind) && !covers(granted, kind, "rs")
	}))
	_, err = found("$everything answers types that the scopes of the token do not cover; asked twice", proof, err)
	return err
}

// inBundle holds for a Bundle with a resource of a kind that f takes.
func inBundle(f func(kind string) bool) func(web.Response) bool {
	return func(r web.Response) bool {
		b, ok := bundleOf(r)
		return ok && b.holds(func(m map[string]any) bool { return f(kindOf(m)) })
	}
}

// export kicks exports off (Bulk Data Access 2.0, "Bulk Data Kick-off Request"),
// and cancels them at once ("Bulk Data Delete Request"). An export is work for
// the server and lies there afterwards, so it is only asked for where that may be
// undone.
func (f *tester) export(ctx context.Context) error {
	var paths []string
	if slices.Contains(f.s.Statement.SystemOperations, "export") {
		paths = append(paths, "/$export")
	}
	if r, ok := f.s.resource("Patient"); ok && slices.Contains(r.Operations, "export") {
		paths = append(paths, "/Patient/$export")
	}
	if len(paths) > 0 && !f.Active {
		f.note("FHIR: $export", "an export that starts must be cancelled, which changes state and was not allowed (dast mode: active)")
		return nil
	}
	for _, path := range paths {
		if err := f.exportAs(ctx, path, "", "an export starts without a token; asked twice, and cancelled"); err != nil {
			return err
		}
		for _, who := range f.who {
			if granted, known := who.Granted(); known && !exports(granted) {
				if err := f.exportAs(ctx, path, who.Identity.Name, "an export starts with a token that has no scope of a system; asked twice, and cancelled"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *tester) exportAs(ctx context.Context, path, who, message string) error {
	proof, err := twice(func() (web.Exchange, error) {
		e, err := f.Ask(ctx, web.Request{
			Method: http.MethodGet, URL: f.At(f.s.Prefix + path), As: who, Header: http.Header{"Accept": {mediaType}, "Prefer": {"respond-async"}},
		}, "the kick-off of an export")
		if err != nil {
			return e, err
		}
		return e, f.cancel(ctx, e, who)
	}, func(r web.Response) bool {
		return r.Status == http.StatusAccepted && r.Header.Get("Content-Location") != ""
	})
	if err != nil || proof == nil {
		return err
	}
	f.report("fhir-everything-unscoped", http.MethodGet, path, "", message, proof...)
	return nil
}

// cancel undoes an export, or names that it could not.
func (f *tester) cancel(ctx context.Context, e web.Exchange, who string) error {
	at := e.Response.Header.Get("Content-Location")
	if e.Response.Status != http.StatusAccepted || at == "" {
		return nil
	}
	return f.remove(ctx, e, at, who, "an export that was started")
}

// remove deletes what this scan made, within the origin.
func (f *tester) remove(ctx context.Context, from web.Exchange, at, who, what string, foreign ...string) error {
	u, err := from.Request.URL.Parse(at)
	if err != nil || u.Host != f.Base.Host || u.Scheme != f.Base.Scheme {
		f.note("FHIR: "+what, "it is still there: its address is none of the application")
		return nil
	}
	e, err := f.Ask(ctx, web.Request{Method: http.MethodDelete, URL: u, As: who, Header: http.Header{"Accept": {mediaType}}, Foreign: probe.Foreign(foreign...)}, "deleting it")
	if err == nil && !probe.OK(e.Response) && e.Response.Status != http.StatusNotFound && e.Response.Status != http.StatusGone {
		f.note("FHIR: "+what, "it is still there: it could not be deleted")
	}
	return err
}

// included asks for resources by _include that the scopes of a token do not
// cover.
func (f *tester) included(ctx context.Context) error {
	for _, who := range f.who {
		granted, known := who.Granted()
		if !known {
			continue
		}
		for _, r := range f.s.Statement.Resources {
			if !covers(granted, r.Type, "rs") {
				continue
			}
			for _, v := range r.SearchInclude[:min(len(r.SearchInclude), maxIncludes)] {
				if err := f.include(ctx, who, granted, r.Type, v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *tester) include(ctx context.Context, who *login.Result, granted []string, kind, value string) error {
	path := "/" + kind + "?_include=" + url.QueryEscape(value) + "&_count=5"
	proof, err := twice(func() (web.Exchange, error) {
		return f.get(ctx, who.Identity.Name, path, "with a token that does not cover what is included")
	}, func(a web.Response) bool {
		b, ok := bundleOf(a)
		for _, e := range b.Entry {
			k := kindOf(e.Resource)
			if ok && e.Search.Mode == "include" && k != "OperationOutcome" && k != "" && !covers(granted, k, "rs") && !f.open[k] {
				return true
			}
		}
		return false
	})
	if err != nil || proof == nil {
		return err
	}
	f.report("fhir-excess", http.MethodGet, "/"+kind, "query:_include", "_include brings resources of a type that the scopes of the token do not cover; asked twice", proof...)
	return nil
}
