// Package fhir tests FHIR endpoints (FHIR R4, SMART App Launch 2.2.0, Bulk Data
// Access 2.0): who reads resources of patients, and how far a token goes.
package fhir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

const mediaType = "application/fhir+json"

// Server is a FHIR endpoint and what it says of itself.
type Server struct {
	// Prefix is the path that it is under, "" for the whole application.
	Prefix    string
	Statement surface.FHIR
	// SMART says that there is a SMART configuration.
	SMART bool

	statement web.Exchange
}

// Find reads the CapabilityStatement (FHIR R4, http.html#capabilities) below a
// path. Where nobody named one, the application itself may be one: then nil
// without an error says that it is none.
func Find(ctx context.Context, t probe.Target, path string) (*Server, error) {
	s := &Server{Prefix: strings.TrimSuffix(path, "/")}
	var err error
	if s.statement, err = get(ctx, t, t.As, s.Prefix+"/metadata", "the CapabilityStatement"); err != nil {
		return nil, err
	}
	err = fmt.Errorf("its metadata answered %d", s.statement.Response.Status)
	if probe.OK(s.statement.Response) {
		s.Statement, err = surface.Capability(s.statement.Response.Body, s.Prefix, surface.DefaultLimits())
	}
	switch {
	case err != nil && path == "":
		return nil, nil
	case err != nil:
		return nil, err
	case s.statement.Response.Truncated:
		return nil, errors.New("its CapabilityStatement is larger than what is read")
	}
	conf, err := t.AskAs(ctx, "", s.Prefix+"/.well-known/smart-configuration", "the SMART configuration")
	if err != nil {
		return s, err
	}
	c, err := surface.SMART(conf.Response.Body)
	s.SMART = err == nil && probe.OK(conf.Response) && (c.TokenEndpoint != "" || len(c.Capabilities) > 0)
	return s, nil
}

// Operations are those that may be tested as any others are: all that the
// server declares but exports, each of which leaves work and files behind (Bulk
// Data Access 2.0, 2.1). Run asks for those, and cancels them.
func (s *Server) Operations() []surface.Operation {
	return slices.DeleteFunc(s.Statement.Operations(), func(o surface.Operation) bool { return strings.HasSuffix(o.Path, "/$export") })
}

// Has says whether a path is one of the endpoint.
func (s *Server) Has(path string) bool {
	if s == nil {
		return false
	}
	if s.Prefix != "" {
		return path == s.Prefix || strings.HasPrefix(path, s.Prefix+"/")
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first == "metadata" || strings.HasPrefix(first, "$") || slices.ContainsFunc(s.Statement.Resources, func(r surface.Resource) bool { return r.Type == first })
}

// resource gives what the server says of a type.
func (s *Server) resource(kind string) (surface.Resource, bool) {
	i := slices.IndexFunc(s.Statement.Resources, func(r surface.Resource) bool { return r.Type == kind })
	if i < 0 {
		return surface.Resource{}, false
	}
	return s.Statement.Resources[i], true
}

// searched are the types of a patient's compartment that can be searched.
func (s *Server) searched() []surface.Resource {
	var out []surface.Resource
	for _, r := range s.Statement.Resources {
		if Compartment(r.Type) && slices.Contains(r.Interactions, "search-type") {
			out = append(out, r)
		}
	}
	return out
}

func (s *Server) declares(r surface.Resource, parameter string) bool {
	return slices.ContainsFunc(r.SearchParams, func(p surface.SearchParam) bool { return p.Name == parameter })
}

// get asks for JSON (FHIR R4, http.html#mime-type) as somebody.
func get(ctx context.Context, t probe.Target, who, path, note string, foreign ...string) (web.Exchange, error) {
	return t.Ask(ctx, web.Request{
		Method: http.MethodGet, URL: t.At(path), As: who, Header: http.Header{"Accept": {mediaType}}, Foreign: probe.Foreign(foreign...),
	}, note)
}

// bundle is what is read of a Bundle (FHIR R4, bundle.html).
type bundle struct {
	ResourceType string `json:"resourceType"`
	Total        *int   `json:"total"`
	Link         []struct {
		Relation string `json:"relation"`
		URL      string `json:"url"`
	} `json:"link"`
	Entry []struct {
		Resource map[string]any `json:"resource"`
		Search   struct {
			Mode string `json:"mode"`
		} `json:"search"`
	} `json:"entry"`
}

// bundleOf reads an answer; ok is false for anything but a Bundle.
func bundleOf(r web.Response) (b bundle, ok bool) {
	if !probe.OK(r) || json.Unmarshal(r.Body, &b) != nil || b.ResourceType != "Bundle" {
		return bundle{}, false
	}
	return b, true
}

func kindOf(resource map[string]any) string {
	k, _ := resource["resourceType"].(string)
	return k
}

// holds says whether a Bundle has a resource that f takes.
func (b bundle) holds(f func(resource map[string]any) bool) bool {
	for _, e := range b.Entry {
		if f(e.Resource) {
			return true
		}
	}
	return false
}

// next is the link to the next page (search.html#3.1.1.1.3), "" at the end.
func (b bundle) next() string {
	for _, l := range b.Link {
		if l.Relation == "next" {
			return l.URL
		}
	}
	return ""
}

// patientRE is a Patient of a path or a reference (references.html#literal; ids
// by datatypes.html#id).
var patientRE = regexp.MustCompile(`(?:^|/)Patient/([A-Za-z0-9\-.]{1,64})(?:$|/)`)

func patientIn(path string) string {
	if m := patientRE.FindStringSubmatch(path); m != nil {
		return m[1]
	}
	return ""
}

// subjects are the patients that a resource is about: itself, or what its
// elements subject, patient or beneficiary refer to.
func subjects(resource map[string]any) []string {
	if kindOf(resource) == "Patient" {
		id, _ := resource["id"].(string)
		return []string{id}
	}
	var out []string
	for _, name := range []string{"subject", "patient", "beneficiary"} {
		ref, _ := resource[name].(map[string]any)
		text, _ := ref["reference"].(string)
		if id := patientIn(text); id != "" {
			out = append(out, id)
		}
	}
	return out
}

// linked are other Patient resources of the same person (patient.html, link).
func linked(patient map[string]any) []string {
	var out []string
	links, _ := patient["link"].([]any)
	for _, l := range links {
		link, _ := l.(map[string]any)
		other, _ := link["other"].(map[string]any)
		text, _ := other["reference"].(string)
		if id := patientIn(text); id != "" {
			out = append(out, id)
		}
	}
	return out
}
