package fhir

import "github.com/vitalsign-dev/vitalsign/checks"

// Rules are those that this package reports.
func Rules() []checks.Rule {
	const r4 = "https://hl7.org/fhir/R4/"
	const smart = "https://hl7.org/fhir/smart-app-launch/STU2.2/"
	const bulk = "https://hl7.org/fhir/uv/bulkdata/STU2/export.html"
	const hipaa = "https://www.hhs.gov/hipaa/for-professionals/security/laws-regulations/index.html"
	return []checks.Rule{
		{ID: "fhir-read-anonymous", Title: "Anybody reads resources of patients", Severity: checks.Critical, CWE: []string{"CWE-306"}, References: []string{r4 + "security.html", r4 + "compartmentdefinition-patient.html", hipaa}, Advice: "Ask for a token at every route of the endpoint but metadata and .well-known/smart-configuration."},
		{ID: "fhir-search-leak", Title: "A patient's token finds other patients", Severity: checks.High, CWE: []string{"CWE-639"}, References: []string{smart + "scopes-and-launch-context.html", r4 + "search.html", r4 + "compartmentdefinition-patient.html"}, Advice: "Limit every search of a patient-level token to its patient's compartment, after _include, _revinclude and chains are resolved."},
		{ID: "fhir-everything-unscoped", Title: "$everything or $export goes beyond what was granted", Severity: checks.High, CWE: []string{"CWE-862"}, References: []string{r4 + "operation-patient-everything.html", bulk, smart + "scopes-and-launch-context.html"}, Advice: "Check the scopes of each type that an operation returns, and start exports for system-level scopes only."},
		{ID: "fhir-write-unscoped", Title: "A token that may only read creates resources", Severity: checks.Critical, CWE: []string{"CWE-862"}, References: []string{smart + "scopes-and-launch-context.html", r4 + "http.html#create", hipaa}, Advice: "Check for the create scope (c, or .write) of the type before a resource is taken."},
		{ID: "fhir-identifier-in-url", Title: "Searches put identifiers of patients into URLs", Severity: checks.Medium, CWE: []string{"CWE-598"}, References: []string{r4 + "http.html#search", r4 + "search.html", "https://hl7.org/fhir/R4/security.html"}, Advice: "Offer POST [type]/_search, and make links of further pages of an opaque token: URLs end up in logs."},
		{ID: "fhir-error-echo", Title: "An OperationOutcome tells too much", Severity: checks.Medium, CWE: []string{"CWE-209"}, References: []string{r4 + "operationoutcome.html", r4 + "security.html"}, Advice: "Say in an OperationOutcome which parameter was wrong and not what it held, and keep stack traces in the log."},
		{ID: "fhir-scope-widened", Title: "A token has more scopes than were asked for", Severity: checks.High, CWE: []string{"CWE-269"}, References: []string{"https://www.rfc-editor.org/rfc/rfc6749#section-3.3", smart + "scopes-and-launch-context.html"}, Advice: "Grant what was asked for and is allowed to the client, and nothing besides."},
		{ID: "fhir-no-audit", Title: "Access leaves no AuditEvent", Severity: checks.Medium, CWE: []string{"CWE-778"}, References: []string{r4 + "auditevent.html", r4 + "security.html", hipaa}, Advice: "Record each read and search of patients' resources (audit controls, 45 CFR 164.312(b)), whoever asked."},
		{ID: "fhir-no-smart", Title: "The FHIR server declares no way to log in", Severity: checks.Info, CWE: []string{"CWE-306"}, References: []string{smart + "conformance.html", r4 + "capabilitystatement.html"}, Advice: "Serve .well-known/smart-configuration, and name the security service in the CapabilityStatement."},
		{ID: "fhir-excess", Title: "_include brings resources that the token may not read", Severity: checks.Low, CWE: []string{"CWE-213"}, References: []string{smart + "scopes-and-launch-context.html", r4 + "search.html#include"}, Advice: "Check the scope of each resource of a Bundle, the included ones, too."},
	}
}
