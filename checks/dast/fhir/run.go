package fhir

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// tester tests one endpoint.
type tester struct {
	probe.Target
	s   *Server
	who []*login.Result
	// ops are the operations that are known, for the templates of paths.
	ops  []surface.Operation
	note func(what, why string)
	// open are the types that nobody needs a token for.
	open map[string]bool
}

// Run tests an endpoint with everybody who is logged in. note takes what could
// not be asked, and why.
func Run(ctx context.Context, t probe.Target, s *Server, who []*login.Result, ops []surface.Operation, note func(what, why string)) error {
	f := &tester{Target: t, s: s, who: who, ops: ops, note: note, open: map[string]bool{}}
	f.lacks()
	for _, part := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"declared security", f.declared}, {"reading without a token", f.anonymous}, {"searches of a patient's token", f.leaks},
		{"$everything", f.everything}, {"$export", f.export}, {"included resources", f.included}, {"identifiers in URLs", f.identifiers},
		{"errors", f.errors}, {"scopes", f.scopes}, {"audit", f.audit}, {"creating with a token that may only read", f.write},
	} {
		err := part.do(ctx)
		if ended := probe.Ended(ctx, err); ended != nil {
			return ended
		}
		if err != nil {
			line, _, _ := strings.Cut(err.Error(), "\n")
			note("FHIR: "+part.what, line)
		}
	}
	return nil
}

// lacks names what cannot be tested for want of identities.
func (f *tester) lacks() {
	bound := false
	for _, who := range f.who {
		bound = bound || len(patients(who)) > 0
		if _, known := who.Granted(); !known {
			f.note("FHIR: what "+who.Identity.Name+" may do", "the scopes of its token are not known, so nothing can be told to go beyond them")
		}
	}
	if !bound {
		f.note("FHIR: searches of a patient's token, $everything", "no identity is bound to a patient (owns a path that ends in /Patient/ID)")
	}
}

func (f *tester) get(ctx context.Context, who, path, note string, foreign ...string) (web.Exchange, error) {
	return get(ctx, f.Target, who, f.s.Prefix+path, note, foreign...)
}

// report tells an issue at a path below the endpoint, as a template.
func (f *tester) report(rule, method, path, parameter, message string, proof ...web.Exchange) {
	f.Report(issue.Issue{Rule: rule, Route: method + " " + f.s.Prefix + path, Parameter: parameter, Message: message, Confidence: "high", Exchanges: proof})
}

// twice asks two times, and gives the proof if f holds for both answers.
func twice(ask func() (web.Exchange, error), holds func(web.Response) bool) ([]web.Exchange, error) {
	var last web.Exchange
	for range 2 {
		e, err := ask()
		if err != nil || !holds(e.Response) {
			return nil, err
		}
		last = e
	}
	return []web.Exchange{last}, nil
}

// patients are those that an identity owns, or that its token is bound to.
func patients(r *login.Result) []string {
	var out []string
	if p := r.Patient(); p != "" {
		out = append(out, p)
	}
	for _, path := range r.Identity.Owns {
		if p := patientIn(path); p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// declared looks for a way to log in that the server declares
// (CapabilityStatement.rest.security; SMART App Launch 2.2.0, "Conformance").
func (f *tester) declared(context.Context) error {
	if len(f.s.Statement.SecurityServices) == 0 && !f.s.SMART && slices.ContainsFunc(f.s.Statement.Resources, func(r surface.Resource) bool { return Compartment(r.Type) }) {
		f.report("fhir-no-smart", http.MethodGet, "/metadata", "", "the server has resources of patients, and declares neither a security service nor a SMART configuration", f.s.statement)
	}
	return nil
}

// anonymous searches and reads without a token.
func (f *tester) anonymous(ctx context.Context) error {
	for _, r := range f.s.searched() {
		proof, err := twice(func() (web.Exchange, error) { return f.get(ctx, "", "/"+r.Type+"?_count=1", "without a token") }, func(a web.Response) bool {
			b, ok := bundleOf(a)
			return ok && b.holds(func(m map[string]any) bool { return kindOf(m) == r.Type })
		})
		if err != nil {
			return err
		}
		if proof != nil {
			f.open[r.Type] = true
			f.report("fhir-read-anonymous", http.MethodGet, "/"+r.Type, "", "a search without a token answers resources; asked twice", proof...)
		}
	}
	for _, who := range f.who {
		for _, path := range who.Identity.Owns {
			if err := f.readAnonymous(ctx, path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *tester) readAnonymous(ctx context.Context, path string) error {
	if !f.s.Has(path) {
		return nil
	}
	rest := strings.TrimPrefix(path, f.s.Prefix)
	id := rest[strings.LastIndexByte(rest, '/')+1:]
	proof, err := twice(func() (web.Exchange, error) { return f.get(ctx, "", rest, "without a token", id) }, func(a web.Response) bool {
		return probe.OK(a) && Compartment(kindOf(resourceOf(a)))
	})
	if err != nil || proof == nil {
		return err
	}
	f.Report(issue.Issue{Rule: "fhir-read-anonymous", Route: probe.Template(f.ops, http.MethodGet, path), Confidence: "high", Message: "a resource of a patient is answered without a token; asked twice", Exchanges: proof})
	return nil
}

// scopes compares what was granted with what was asked for, with two tokens.
func (f *tester) scopes(ctx context.Context) error {
	for _, who := range f.who {
		more := func() bool {
			granted, ok := who.Granted()
			return ok && who.Answer().Request.URL != nil && len(who.Identity.Scopes) > 0 && widened(who.Identity.Scopes, granted)
		}
		if !more() {
			continue
		}
		if err := who.Again(ctx); err != nil {
			return err
		}
		if !more() {
			continue
		}
		route := ""
		if e := who.Answer(); e.Request.URL.Host == f.Base.Host {
			route = http.MethodPost + " " + "/" + strings.TrimPrefix(strings.TrimPrefix(e.Request.URL.Path, f.Base.Path), "/")
		}
		f.Report(issue.Issue{Rule: "fhir-scope-widened", Route: route, Confidence: "high", Message: "the token answer grants scopes for resources that were not asked for; seen with two tokens", Exchanges: []web.Exchange{who.Answer()}})
	}
	return nil
}
