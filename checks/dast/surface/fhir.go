package surface

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// FHIR is what a server says of itself in its CapabilityStatement (FHIR R4,
// CapabilityStatement; STU3 and R5 alike).
type FHIR struct {
	// Version is fhirVersion: "4.0.1".
	Version string
	// Base is the path in front of all, "" or "/fhir".
	Base      string
	Resources []Resource
	// SystemInteractions are transaction, batch, search-system and
	// history-system; SystemOperations those of the whole system, without "$".
	SystemInteractions, SystemOperations []string
	// SecurityServices are codes of restful-security-service: SMART-on-FHIR,
	// OAuth, Basic ...
	SecurityServices []string
	// OAuthURIs are those of the extension oauth-uris of SMART App Launch 1.0
	// (authorize, token, register, manage, introspect, revoke), by its names.
	OAuthURIs map[string]string

	limits Limits
}

// Resource is what a server does with one type of resource.
type Resource struct {
	Type string
	// Interactions are codes of type-restful-interaction: read, vread, update,
	// patch, delete, history-instance, history-type, create, search-type.
	Interactions                    []string
	SearchParams                    []SearchParam
	SearchInclude, SearchRevInclude []string
	// Operations are names of OperationDefinitions without "$".
	Operations []string
}

// SearchParam is a parameter of a search (FHIR R4, 3.1.1.4); Type is number,
// date, string, token, reference, composite, quantity, uri or special.
type SearchParam struct{ Name, Type string }

var errFHIR = errors.New("no CapabilityStatement of FHIR in JSON")

// Capability reads a CapabilityStatement in JSON (FHIR R4, CapabilityStatement.rest;
// of STU3 and R5 the same). base is the path that the service is under.
func Capability(doc []byte, base string, l Limits) (FHIR, error) {
	l = l.orDefault()
	top, err := decode(doc, l, false)
	if err != nil {
		return FHIR{}, err
	}
	if text(top["resourceType"]) != "CapabilityStatement" {
		return FHIR{}, errFHIR
	}
	out := FHIR{Version: text(top["fhirVersion"]), Base: strings.TrimSuffix(base, "/"), OAuthURIs: map[string]string{}, limits: l}
	for _, r := range list(top["rest"]) {
		rest := object(r)
		if mode := text(rest["mode"]); mode == "client" {
			continue
		}
		for _, v := range list(rest["resource"]) {
			if r := resource(object(v), l); isResourceType(r.Type) && len(out.Resources) < l.Operations {
				out.Resources = append(out.Resources, r)
			}
		}
		out.SystemInteractions = append(out.SystemInteractions, codes(rest["interaction"], "code")...)
		out.SystemOperations = append(out.SystemOperations, operationNames(rest["operation"])...)
		out.security(object(rest["security"]))
	}
	return out, nil
}

// isResourceType wants a name as all types have one (2.36): letters only.
func isResourceType(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz") == ""
}

// codes gives one field of each object of a list.
func codes(v any, field string) []string {
	var out []string
	for _, e := range list(v) {
		if c := text(object(e)[field]); c != "" && len(c) <= maxText {
			out = append(out, c)
		}
	}
	return out
}

// operationNames leaves the "$" out that some servers write, and what is no
// code.
func operationNames(v any) []string {
	var out []string
	for _, n := range codes(v, "name") {
		if n = strings.TrimPrefix(n, "$"); isToken(n) && !slices.Contains(out, n) && len(out) < maxEnum {
			out = append(out, n)
		}
	}
	return out
}

func resource(m map[string]any, l Limits) Resource {
	r := Resource{
		Type: text(m["type"]), Interactions: codes(m["interaction"], "code"), Operations: operationNames(m["operation"]),
		SearchInclude: texts(m["searchInclude"]), SearchRevInclude: texts(m["searchRevInclude"]),
	}
	for _, v := range list(m["searchParam"]) {
		if p := object(v); text(p["name"]) != "" && len(r.SearchParams) < l.Parameters {
			r.SearchParams = append(r.SearchParams, SearchParam{text(p["name"]), text(p["type"])})
		}
	}
	return r
}

// oauthURIs is the extension of SMART App Launch 1.0.0, "Declaring support for
// OAuth2 endpoints".
const oauthURIs = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"

func (f *FHIR) security(m map[string]any) {
	for _, s := range list(m["service"]) {
		f.SecurityServices = append(f.SecurityServices, codes(object(s)["coding"], "code")...)
	}
	for _, e := range list(m["extension"]) {
		if text(object(e)["url"]) != oauthURIs {
			continue
		}
		for _, part := range list(object(e)["extension"]) {
			p := object(part)
			// STU3 and R4 say valueUri; some servers say valueUrl or valueString.
			for _, key := range []string{"valueUri", "valueUrl", "valueString"} {
				if u := text(p[key]); u != "" && len(f.OAuthURIs) < maxServers {
					f.OAuthURIs[text(p["url"])] = u
				}
			}
		}
	}
}

const typeFHIR = "application/fhir+json"

// Operations makes an operation of each interaction (FHIR R4, 3.1.0) and of each
// OperationDefinition (3.2.0). Those that are known to read ($everything,
// $export ...) are safe, and on the levels where their definitions have them;
// all others are a POST of empty Parameters, which may have effects.
func (f FHIR) Operations() []Operation {
	c := &collector{l: f.limits.orDefault()}
	c.add(f.at(http.MethodGet, "/metadata"), "fhir")
	for _, r := range f.Resources {
		for _, code := range r.Interactions {
			if o, ok := f.interaction(r, code); ok {
				c.add(o, "fhir")
			}
		}
		for _, name := range r.Operations {
			for _, o := range f.defined(r.Type, name) {
				c.add(o, "fhir")
			}
		}
	}
	for _, code := range f.SystemInteractions {
		if o, ok := f.system(code); ok {
			c.add(o, "fhir")
		}
	}
	for _, name := range f.SystemOperations {
		for _, o := range f.defined("", name) {
			c.add(o, "fhir")
		}
	}
	s := NewSet(c.l)
	s.Add(c.ops...)
	return s.Operations()
}

func (f FHIR) at(method, path string) Operation {
	return Operation{Method: method, Path: f.Base + path}
}

// with gives an operation an example of its body.
func (o Operation) with(contentType string, body any) Operation {
	o.ContentType, o.Body = contentType, marshal(body)
	return o
}

func (f FHIR) interaction(r Resource, code string) (Operation, bool) {
	kind, one := "/"+r.Type, "/"+r.Type+"/{id}"
	body := map[string]any{"resourceType": r.Type}
	switch code {
	case "read":
		return f.at(http.MethodGet, one), true
	case "vread":
		return f.at(http.MethodGet, one+"/_history/{vid}"), true
	case "update":
		body["id"] = plausible("string", "")
		return f.at(http.MethodPut, one).with(typeFHIR, body), true
	case "patch": // RFC 6902, by 3.1.0.1.8
		return f.at(http.MethodPatch, one).with("application/json-patch+json", []any{}), true
	case "delete":
		return f.at(http.MethodDelete, one), true
	case "history-instance":
		return f.at(http.MethodGet, one+"/_history"), true
	case "history-type":
		return f.at(http.MethodGet, kind+"/_history"), true
	case "create":
		return f.at(http.MethodPost, kind).with(typeFHIR, body), true
	case "search-type":
		o := f.at(http.MethodGet, kind)
		o.Parameters = r.search()
		return o, true
	}
	return Operation{}, false
}

// search gives the parameters of a search (3.1.1.4), the ones for all types
// that decide how much comes back included.
func (r Resource) search() []Parameter {
	var out []Parameter
	for _, p := range r.SearchParams {
		kind, format := searchType(p.Type)
		out = append(out, Parameter{In: InQuery, Name: p.Name, Type: kind, Format: format})
	}
	out = append(out, Parameter{In: InQuery, Name: "_count", Type: "integer", Example: "10"})
	for name, values := range map[string][]string{"_include": r.SearchInclude, "_revinclude": r.SearchRevInclude} {
		if len(values) > 0 {
			out = append(out, Parameter{In: InQuery, Name: name, Type: "string", Enum: values})
		}
	}
	slices.SortStableFunc(out, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func searchType(t string) (kind, format string) {
	switch t {
	case "number":
		return "number", ""
	case "date":
		return "string", "date"
	case "uri":
		return "string", "uri"
	}
	return "string", ""
}

func (f FHIR) system(code string) (Operation, bool) {
	switch code {
	case "transaction", "batch":
		return f.at(http.MethodPost, "/").with(typeFHIR, map[string]any{"resourceType": "Bundle", "type": code, "entry": []any{}}), true
	case "search-system":
		return f.at(http.MethodGet, "/"), true
	case "history-system":
		return f.at(http.MethodGet, "/_history"), true
	}
	return Operation{}, false
}

// reading gives the levels on which an operation that only reads is defined
// (FHIR R4, Defined Operations; Bulk Data Access 2.0; IPS): "system", "type",
// "instance". Of others nothing is known.
func reading(kind, name string) []string {
	switch name {
	case "everything", "summary", "meta", "graph", "document":
		return []string{"instance"}
	case "export":
		switch kind {
		case "":
			return []string{"system"}
		case "Group":
			return []string{"instance"}
		}
		return []string{"type"}
	case "expand", "lookup", "validate-code", "subsumes", "translate", "docref", "lastn", "versions":
		return []string{"type"}
	}
	return nil
}

// defined makes the operations of one OperationDefinition.
func (f FHIR) defined(kind, name string) []Operation {
	prefix := ""
	if kind != "" {
		prefix = "/" + kind
	}
	levels := reading(kind, name)
	if levels == nil {
		return []Operation{f.at(http.MethodPost, prefix+"/$"+name).with(typeFHIR, map[string]any{"resourceType": "Parameters"})}
	}
	var out []Operation
	for _, level := range levels {
		path := prefix
		if level == "instance" && kind != "" {
			path += "/{id}"
		}
		out = append(out, f.at(http.MethodGet, path+"/$"+name))
	}
	return out
}
