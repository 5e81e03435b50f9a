package dast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/transport"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// transport asks what the TLS endpoint accepts.
func (s *scan) transport(ctx context.Context) error {
	if s.canary != "" {
		return nil
	}
	if s.base.Scheme == "http" {
		return s.plain(ctx)
	}
	port := s.base.Port()
	if port == "" {
		port = "443"
	}
	address := net.JoinHostPort(s.base.Hostname(), port)
	offer, err := transport.Probe(ctx, func(ctx context.Context) (net.Conn, error) { return s.in.Network.Dial(ctx, address) }, s.base.Hostname(), transport.Options{})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || !offer.Complete {
		why := plainly(err)
		if len(offer.Reasons) > 0 {
			why = offer.Reasons[0]
		}
		s.out.Skip("/", checks.SkipUnreadable, "TLS: "+why)
	}
	roots, err := s.roots()
	if err != nil {
		return nil // noted already
	}
	for _, i := range transport.Judge(offer, roots, s.base.Hostname(), s.in.Now()) {
		if i.Rule == "tls-only-1.2" && s.live.RequireTLS13 {
			i.Rule = "tls-1.3-required"
		}
		s.report(i)
	}
	return s.beside(ctx)
}

// specifications reads what declares the application.
func (s *scan) specifications(ctx context.Context) error {
	for _, spec := range s.live.Specifications {
		doc, err := s.document(ctx, spec)
		if err == nil {
			err = s.declare(spec, doc)
		}
		if err != nil && over(ctx, err) {
			return err
		}
		if err != nil {
			s.out.Skip("/", checks.SkipUnparsable, fmt.Sprintf("%s: %s", spec.Kind, plainly(err)))
		}
	}
	return nil
}

// document brings a specification from the tree or from the application.
func (s *scan) document(ctx context.Context, spec checks.Specification) ([]byte, error) {
	if spec.File != "" {
		return s.in.Tree.ReadFile(spec.File)
	}
	var e web.Exchange
	var err error
	if spec.Kind == "graphql" {
		e, err = s.target.Ask(ctx, web.Request{
			Method: http.MethodPost, URL: s.target.At(spec.Path), As: s.target.As,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: introspection(),
		}, "introspection")
	} else {
		e, err = s.target.Get(ctx, spec.Path)
	}
	switch {
	case err != nil:
		return nil, err
	case !probe.OK(e.Response):
		return nil, fmt.Errorf("%s answers %d", spec.Path, e.Response.Status)
	case e.Response.Truncated:
		return nil, fmt.Errorf("%s is larger than what is read", spec.Path)
	}
	return e.Response.Body, nil
}

func (s *scan) declare(spec checks.Specification, doc []byte) error {
	l := surface.DefaultLimits()
	switch spec.Kind {
	case "openapi":
		api, err := surface.OpenAPI(doc, l)
		if err != nil {
			return err
		}
		ops := api.Operations
		if len(api.Servers) > 0 {
			ops = surface.Prefix(s.server(api.Servers[0]), ops)
		}
		s.set.Add(ops...)
	case "graphql":
		path := spec.Path
		if path == "" {
			path = "/graphql"
		}
		ops, err := surface.GraphQL(doc, path, l)
		s.set.Add(ops...)
		return err
	case "har":
		rec, err := surface.HAR(doc, s.base, l)
		s.set.Add(rec.Operations...)
		return err
	case "postman":
		ops, err := surface.Postman(doc, l)
		s.set.Add(ops...)
		return err
	default:
		return errors.New("a kind of specification that is not known")
	}
	return nil
}

// server is a declared server as it lies below the base: one that names the
// base's own path adds nothing.
func (s *scan) server(declared string) string {
	u, err := url.Parse(declared)
	if err != nil || s.base.Path == "" || !s.below(u) {
		return declared
	}
	return s.relative(u).Path
}

// introspection is the request that asks a GraphQL service for its schema.
func introspection() []byte {
	doc, err := json.Marshal(map[string]string{"query": surface.IntrospectionQuery})
	if err != nil {
		panic("a string always encodes: " + err.Error())
	}
	return doc
}

// beside asks the port for plain HTTP next to the usual one for TLS. That nobody
// listens there is as good as a redirection.
func (s *scan) beside(ctx context.Context) error {
	if s.base.Port() != "" && s.base.Port() != "443" {
		return nil
	}
	u := *s.base
	u.Scheme, u.Host, u.Path = "http", s.base.Hostname(), "/"
	e, err := s.target.Ask(ctx, web.Request{Method: http.MethodGet, URL: &u}, "over plain HTTP")
	if err == nil && probe.OK(e.Response) {
		s.report(issue.Issue{Rule: "web-plain-http", Confidence: "high", Message: "the application answers over plain HTTP, too", Exchanges: []web.Exchange{e}})
	}
	return ctx.Err()
}

// plain says that the application has no TLS. On this machine there is nobody
// to listen.
func (s *scan) plain(ctx context.Context) error {
	if local(s.base) {
		return nil
	}
	e, err := s.target.Get(ctx, "/")
	if err != nil {
		return err
	}
	if e.Response.Status < 300 || e.Response.Status >= 400 {
		s.report(issue.Issue{Rule: "web-plain-http", Confidence: "high", Message: "the application answers over plain HTTP", Exchanges: []web.Exchange{e}})
	}
	return nil
}
