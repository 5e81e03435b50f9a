// Package fhir answers as a FHIR R4 server, with two patients that nobody is.
package fhir

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"clinic.example/portal/api/internal/auth"
)

// Server answers below /fhir. Without Hardened it shows patients to everybody,
// and all the rest to everybody who is logged in.
type Server struct {
	Hardened bool
	People   *auth.People
	trail    *trail
}

type resource = map[string]any

func patients() []resource {
	person := func(id, given, family, phone string) resource {
		return resource{
			"resourceType": "Patient", "id": id, "meta": testData(),
			"identifier": []resource{{"system": "urn:oid:2.16.840.1.113883.19.5", "value": id}},
			"name":       []resource{{"family": family, "given": []string{given}}},
			"telecom":    []resource{{"system": "phone", "value": phone}}, "birthDate": "1900-01-01",
		}
	}
	return []resource{person("HTEST-0001", "Testa", "Alpha", "555-0101"), person("HTEST-0002", "Testa", "Beta", "555-0102")}
}

func observations() []resource {
	of := func(id, patient string, value float64) resource {
		return resource{
			"resourceType": "Observation", "id": id, "meta": testData(), "status": "final", "subject": resource{"reference": "Patient/" + patient},
			"code":          resource{"coding": []resource{{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}}},
			"valueQuantity": resource{"value": value, "unit": "/min"},
		}
	}
	return []resource{of("obs-1", "HTEST-0001", 61), of("obs-2", "HTEST-0002", 72)}
}

// testData marks a resource as made up (HL7 v3 ActReason, HTEST).
func testData() resource {
	return resource{"security": []resource{{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}}}
}

// Routes adds the server's routes.
func (s Server) Routes(mux *http.ServeMux) {
	s.trail = &trail{}
	mux.HandleFunc("GET /fhir/metadata", s.metadata)
	mux.HandleFunc("GET /fhir/Patient", s.guard(s.search(patients)))
	mux.HandleFunc("GET /fhir/Patient/{id}", s.guard(s.read("Patient", patients)))
	mux.HandleFunc("GET /fhir/Patient/{id}/$everything", s.known(s.everything))
	mux.HandleFunc("GET /fhir/Observation", s.known(s.search(observations)))
	mux.HandleFunc("GET /fhir/Observation/{id}", s.known(s.read("Observation", observations)))
	mux.HandleFunc("GET /fhir/AuditEvent", s.known(s.search(s.trail.all)))
	mux.HandleFunc("/fhir/", func(w http.ResponseWriter, r *http.Request) {
		s.outcome(w, http.StatusNotFound, "not-supported", "unknown: "+strings.TrimPrefix(r.URL.Path, "/fhir/"))
	})
	if s.Hardened {
		mux.HandleFunc("POST /fhir/Patient/_search", s.guard(s.search(patients)))
		mux.HandleFunc("GET /fhir/.well-known/smart-configuration", func(w http.ResponseWriter, _ *http.Request) {
			write(w, "application/json", http.StatusOK, resource{
				"token_endpoint": "/token", "capabilities": []string{"client-confidential-symmetric", "permission-patient"}, "grant_types_supported": []string{"authorization_code"},
			})
		})
	}
}

// guard leaves patients to everybody, unless hardened.
func (s Server) guard(next http.HandlerFunc) http.HandlerFunc {
	if !s.Hardened {
		return next
	}
	return s.known(func(w http.ResponseWriter, r *http.Request) {
		s.trail.add(r)
		next(w, r)
	})
}

// known wants to know who asks, and no more: whose resources they may see is
// asked by mine.
func (s Server) known(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.People.Find(r); !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.outcome(w, http.StatusUnauthorized, "login", "no token")
			return
		}
		s.People.Require(next)(w, r)
	}
}

// mine says whether somebody may see a resource: hardened, only what is the
// patient's own.
func (s Server) mine(r *http.Request, one resource) bool {
	return !s.Hardened || patientOf(one) == auth.Who(r).MRN
}

func patientOf(one resource) string {
	if one["resourceType"] == "Patient" {
		return one["id"].(string)
	}
	subject, _ := one["subject"].(resource)
	ref, _ := subject["reference"].(string)
	return strings.TrimPrefix(ref, "Patient/")
}

// trail keeps who looked at what, the newest first, where the server keeps it.
type trail struct {
	mu     sync.Mutex
	count  int
	events []resource
}

const maxEvents = 1000

func (t *trail) add(r *http.Request) {
	who := auth.Who(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
	t.events = slices.Insert(t.events, 0, resource{
		"resourceType": "AuditEvent", "id": fmt.Sprintf("event-%d", t.count), "recorded": time.Now().UTC().Format(time.RFC3339Nano),
		"type":    resource{"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
		"agent":   []resource{{"name": who.Name, "requestor": true}},
		"subject": resource{"reference": "Patient/" + who.MRN},
	})
	t.events = t.events[:min(len(t.events), maxEvents)]
}

func (t *trail) all() []resource {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.events)
}

func (s Server) metadata(w http.ResponseWriter, _ *http.Request) {
	param := func(name, kind string) resource { return resource{"name": name, "type": kind} }
	interactions := []resource{{"code": "read"}, {"code": "search-type"}}
	security := resource{"description": "none"}
	if s.Hardened {
		security = resource{"service": []resource{{"coding": []resource{{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}}}}}
	}
	write(w, "application/fhir+json", http.StatusOK, resource{
		"resourceType": "CapabilityStatement", "status": "active", "date": "2026-01-02", "kind": "instance", "fhirVersion": "4.0.1", "format": []string{"json"},
		"rest": []resource{{"mode": "server", "security": security, "resource": []resource{
			{"type": "Patient", "interaction": interactions, "searchParam": []resource{param("name", "string"), param("identifier", "token")}, "operation": []resource{{"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}}},
			{"type": "Observation", "interaction": interactions, "searchParam": []resource{param("patient", "reference")}, "searchInclude": []string{"Observation:subject"}},
			{"type": "AuditEvent", "interaction": []resource{{"code": "search-type"}}},
		}}},
	})
}

func (s Server) read(kind string, all func() []resource) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, one := range all() {
			if one["id"] == r.PathValue("id") && s.mine(r, one) {
				write(w, "application/fhir+json", http.StatusOK, one)
				return
			}
		}
		s.outcome(w, http.StatusNotFound, "not-found", "no "+kind+" "+r.PathValue("id"))
	}
}

// search knows name, identifier, patient and _include; what else is asked for
// is an error that repeats it.
func (s Server) search(all func() []resource) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			s.outcome(w, http.StatusBadRequest, "invalid", "no form")
			return
		}
		q := r.Form
		for name := range q {
			if name != "name" && name != "identifier" && name != "patient" && !strings.HasPrefix(name, "_") {
				s.outcome(w, http.StatusBadRequest, "invalid", "no parameter "+name+"="+q.Get(name))
				return
			}
		}
		var found []resource
		for _, one := range all() {
			if s.mine(r, one) && matches(one, q.Get("name"), q.Get("identifier"), q.Get("patient")) {
				found = append(found, one)
			}
		}
		if q.Get("_include") == "Observation:subject" {
			found = s.with(r, found)
		}
		bundle(w, found)
	}
}

// with adds the patients that observations are about.
func (s Server) with(r *http.Request, found []resource) []resource {
	out := found
	for _, one := range patients() {
		for _, o := range found {
			if patientOf(o) == one["id"] && s.mine(r, one) {
				out = append(out, one)
				break
			}
		}
	}
	return out
}

func matches(one resource, name, identifier, patient string) bool {
	if name != "" {
		names, _ := one["name"].([]resource)
		if len(names) == 0 || !strings.HasPrefix(strings.ToLower(names[0]["family"].(string)), strings.ToLower(name)) {
			return false
		}
	}
	if _, id, ok := strings.Cut(identifier, "|"); ok {
		identifier = id
	}
	if identifier != "" && one["id"] != identifier {
		return false
	}
	return patient == "" || patientOf(one) == strings.TrimPrefix(patient, "Patient/")
}

func (s Server) everything(w http.ResponseWriter, r *http.Request) {
	var found []resource
	for _, one := range append(patients(), observations()...) {
		if patientOf(one) == r.PathValue("id") && s.mine(r, one) {
			found = append(found, one)
		}
	}
	if found == nil {
		s.outcome(w, http.StatusNotFound, "not-found", "no Patient "+r.PathValue("id"))
		return
	}
	bundle(w, found)
}

func bundle(w http.ResponseWriter, found []resource) {
	entries := []resource{}
	for _, one := range found {
		entries = append(entries, resource{"fullUrl": "/fhir/" + one["resourceType"].(string) + "/" + one["id"].(string), "resource": one})
	}
	write(w, "application/fhir+json", http.StatusOK, resource{"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries})
}

// outcome says what was wrong; hardened it repeats nothing that was sent.
func (s Server) outcome(w http.ResponseWriter, status int, code, diagnostics string) {
	issue := resource{"severity": "error", "code": code}
	if !s.Hardened {
		issue["diagnostics"] = diagnostics
	}
	write(w, "application/fhir+json", status, resource{"resourceType": "OperationOutcome", "issue": []resource{issue}})
}

func write(w http.ResponseWriter, kind string, status int, doc resource) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(doc); err != nil {
		return
	}
}
