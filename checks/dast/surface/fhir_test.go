package surface

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const capability = `{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","rest":[
  {"mode":"client","resource":[{"type":"Never"}]},
  {"mode":"server",
   "security":{"service":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/restful-security-service","code":"SMART-on-FHIR"}]}],
     "extension":[{"url":"http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris","extension":[
        {"url":"authorize","valueUri":"https://login.example.org/authorize"},{"url":"token","valueUri":"https://login.example.org/token"}]}]},
   "resource":[
    {"type":"Patient","interaction":[{"code":"read"},{"code":"vread"},{"code":"update"},{"code":"patch"},{"code":"delete"},{"code":"history-instance"},{"code":"history-type"},{"code":"create"},{"code":"search-type"},{"code":"odd"}],
     "searchParam":[{"name":"family","type":"string"},{"name":"birthdate","type":"date"},{"name":"_id","type":"token"}],
     "searchInclude":["Patient:general-practitioner"],"searchRevInclude":["Observation:subject"],
     "operation":[{"name":"$everything","definition":"http://hl7.org/fhir/OperationDefinition/Patient-everything"},{"name":"export"},{"name":"match"}]},
    {"type":"Group","operation":[{"name":"export"}]},
    {"type":"../x"}
   ],
   "interaction":[{"code":"transaction"},{"code":"history-system"},{"code":"search-system"}],
   "operation":[{"name":"export"},{"name":"reindex","definition":{"reference":"OperationDefinition/x"}},{"name":"a b"}]}]}`

func TestCapability(t *testing.T) {
	f, err := Capability([]byte(capability), "/fhir/", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Version != "4.0.1" || len(f.Resources) != 2 || !slices.Equal(f.SecurityServices, []string{"SMART-on-FHIR"}) || f.OAuthURIs["token"] != "https://login.example.org/token" {
		t.Errorf("%+v", f)
	}
	if !slices.Equal(f.SystemOperations, []string{"export", "reindex"}) || !slices.Equal(f.SystemInteractions, []string{"transaction", "history-system", "search-system"}) {
		t.Errorf("%+v", f)
	}
	ops := f.Operations()
	properAll(t, ops, Limits{})
	want := `GET /fhir/
POST /fhir/
GET /fhir/$export
POST /fhir/$reindex
GET /fhir/Group/{id}/$export
GET /fhir/Patient
POST /fhir/Patient
GET /fhir/Patient/$export
POST /fhir/Patient/$match
GET /fhir/Patient/_history
DELETE /fhir/Patient/{id}
GET /fhir/Patient/{id}
PATCH /fhir/Patient/{id}
PUT /fhir/Patient/{id}
GET /fhir/Patient/{id}/$everything
GET /fhir/Patient/{id}/_history
GET /fhir/Patient/{id}/_history/{vid}
GET /fhir/_history
GET /fhir/metadata`
	if got := routes(ops); got != want {
		t.Fatalf("got\n%s", got)
	}
	search := find(t, ops, "GET /fhir/Patient")
	if p, _ := search.Parameter(InQuery, "birthdate"); p.Format != "date" || p.Example != "" || p.Required {
		t.Errorf("%+v", p)
	}
	if p, _ := search.Parameter(InQuery, "_include"); !slices.Equal(p.Enum, []string{"Patient:general-practitioner"}) {
		t.Errorf("%+v", p)
	}
	if create := find(t, ops, "POST /fhir/Patient"); string(create.Body) != `{"resourceType":"Patient"}` || create.ContentType != "application/fhir+json" || create.Safe {
		t.Errorf("%+v", create)
	}
}

func TestCapabilityRefuses(t *testing.T) {
	for doc, want := range map[string]error{"": errSyntax, "<CapabilityStatement/>": errSyntax, `{"resourceType":"Patient"}`: errFHIR} {
		if _, err := Capability([]byte(doc), "", Limits{}); !errors.Is(err, want) {
			t.Errorf("%q: %v", doc, err)
		}
	}
}

func TestCapabilityBomb(t *testing.T) {
	var resources strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&resources, `{"type":"R%s","interaction":[{"code":"read"}],"operation":[{"name":"x%d"}]},`, strings.Repeat("x", i%60), i)
	}
	within(t, func() {
		f, err := Capability([]byte(`{"resourceType":"CapabilityStatement","rest":[{"resource":[`+strings.TrimSuffix(resources.String(), ",")+`]}]}`), "", Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(f.Operations()); n > DefaultLimits().Operations {
			t.Errorf("%d operations", n)
		}
	})
}

func TestSMART(t *testing.T) {
	c, err := SMART([]byte(`{"issuer":"https://login.example.org","authorization_endpoint":"https://login.example.org/a","token_endpoint":"https://login.example.org/t",
	 "grant_types_supported":["authorization_code","client_credentials"],"scopes_supported":["openid","patient/*.rs"],"capabilities":["launch-ehr","permission-v2"],
	 "code_challenge_methods_supported":["S256"],"token_endpoint_auth_methods_supported":7}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Issuer != "https://login.example.org" || c.TokenEndpoint != "https://login.example.org/t" || len(c.Scopes) != 2 || len(c.GrantTypes) != 2 ||
		!slices.Equal(c.CodeChallengeMethods, []string{"S256"}) || len(c.Capabilities) != 2 || c.TokenEndpointAuthMethods != nil {
		t.Errorf("%+v", c)
	}
	if _, err := SMART([]byte("<html>")); !errors.Is(err, errSyntax) {
		t.Error(err)
	}
}

func FuzzCapability(f *testing.F) {
	f.Add([]byte(capability), "/fhir")
	f.Add([]byte(`{"resourceType":"CapabilityStatement","rest":[{"resource":[{"type":"A","operation":[{"name":"$x"}]}]}]}`), "a{b}?")
	l := Limits{Bytes: 1 << 20, Operations: 50, Parameters: 20, Depth: 6}
	f.Fuzz(func(t *testing.T, doc []byte, base string) {
		c, err := Capability(doc, base, l)
		if err != nil {
			return
		}
		ops := c.Operations()
		properAll(t, ops, l)
		seen := map[string]bool{}
		for _, o := range ops {
			if seen[o.Route()] {
				t.Fatalf("%s twice", o.Route())
			}
			seen[o.Route()] = true
		}
	})
}
