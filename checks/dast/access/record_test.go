package access

import (
	"net/http"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

func response(kind, body string) web.Response {
	return web.Response{Status: 200, Header: http.Header{"Content-Type": {kind}}, Body: []byte(body)}
}

func TestRecord(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		is         bool
	}{
		{"application/json", `{"a":[{"mrn":"1","dob":"1980-01-01"}]}`, true},
		{"application/json", `[{"mrn":"1"},{"dob":"1980-01-01"}]`, false}, // of two objects
		{"application/json", `{"patient":"","birthDate":null,"diagnosis":[]}`, false},
		{"application/json", `{"patient":"string","birthDate":"string"}`, false},
		{"application/json", `{"patientId":7,"patientName":"x"}`, false}, // one concept
		{"application/fhir+json", `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Condition"}}]}`, true},
		{"application/fhir+json", `{"resourceType":"Practitioner"}`, false},
		{"application/json", `{"patient":`, false},
		{"text/csv", "MRN,Birth Date\n1,1980-01-01\n", true},
		{"text/csv", "MRN,Birth Date\n", false},
		{"text/html", `<dl><dt>MRN</dt><dd>1</dd><dt>Insurance number</dt><dd>2</dd></dl>`, true},
		{"text/html", `<table><tr><th>MRN</th><th>Diagnosis</th></tr></table>`, false},
		{"text/html", `<table><tr><th>MRN</th><td><input></td></tr><tr><th>Diagnosis</th><td><input></td></tr></table>`, false},
		{"text/plain", `mrn birthDate diagnosis`, false},
	} {
		if got := Record(response(c.kind, c.body)); got != c.is {
			t.Errorf("%s %s: %v", c.kind, c.body, got)
		}
	}
}

func TestSecretIn(t *testing.T) {
	for _, c := range []struct {
		name  string
		value any
		is    bool
	}{
		{"password", "$2b$12$abcdefghijklmnopqrstuuFq3JZkR2x0kQ0Zz8Zt1b9u7m6n5o4p3", true},
		{"password_hash", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", true},
		{"password", "Passwort", false}, {"password", "********", false}, {"password", true, false},
		{"ssn", "123-45-6789", true}, {"ssn", "***-**-6789", false}, {"ssn", "000-12-3456", false}, {"ssn", "666-12-3456", false}, {"ssn", "900-12-3456", false}, {"ssn", "123-00-6789", false},
		{"clientSecret", "abcdefghij0123456789", true}, {"secret", "the client secret of", false}, {"secret", "short1", false},
		{"token", "abcdefghij0123456789", false},
	} {
		if got := secretIn(c.name, c.value) != ""; got != c.is {
			t.Errorf("%s: %v: %v", c.name, c.value, got)
		}
	}
}

// FuzzRecord: whatever an answer holds, looking at it ends.
func FuzzRecord(f *testing.F) {
	f.Add("application/json", `{"a":[{"mrn":"1"}]}`)
	f.Add("text/html", `<dl><dt>MRN</dt><dd>1`)
	f.Add("text/csv", "a;b\n1")
	f.Fuzz(func(_ *testing.T, kind, body string) { Record(response(kind, body)) })
}
