package access

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"github.com/vitalsign-dev/vitalsign/checks/dast/fhir"
	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// concept gives what a member of a health record is called, "" for anything
// else. Names are compared without case and without what is no letter:
//
//	mrn         mrn, medicalRecordNumber
//	patient     patient, patientId, patientName, patientNumber
//	birth date  birthDate, dateOfBirth, dob
//	ssn         ssn, socialSecurityNumber
//	diagnosis   diagnosis, diagnoses, icd (icd10: digits are no letters)
//	medication  medication, medications, prescription, prescriptions
//	insurance   insurance, insuranceId, insuranceNumber, insurancePolicy
func concept(name string) string {
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(name))
	switch letters {
	case "mrn", "medicalrecordnumber":
		return "mrn"
	case "patient", "patientid", "patientname", "patientnumber":
		return "patient"
	case "birthdate", "dateofbirth", "dob":
		return "birth date"
	case "ssn", "socialsecuritynumber":
		return "ssn"
	case "diagnosis", "diagnoses", "icd":
		return "diagnosis"
	case "medication", "medications", "prescription", "prescriptions":
		return "medication"
	case "insurance", "insuranceid", "insurancenumber", "insurancepolicy":
		return "insurance"
	}
	return ""
}

// enough is how many different concepts make a health record.
const enough = 2

// Record says whether an answer holds a health record: a resource of a patient's
// compartment (FHIR R4), or one object, table or CSV with members of at least two
// different concepts, and values in them. A form that asks for them holds none.
func Record(r web.Response) bool {
	switch t := probe.MediaType(r); {
	case strings.Contains(t, "json"):
		found := false
		eachObject(r.Body, func(m map[string]any) {
			found = found || recordObject(m)
		})
		return found
	case t == "text/csv":
		return recordCSV(r.Body)
	case probe.HTML(r):
		return recordHTML(r.Body)
	}
	return false
}

func recordObject(m map[string]any) bool {
	if kind, ok := m["resourceType"].(string); ok && fhir.Compartment(kind) {
		return true
	}
	there := map[string]bool{}
	for name, v := range m {
		if c := concept(name); c != "" && filled(v) {
			there[c] = true
		}
	}
	return len(there) >= enough
}

// filled says whether a value says something: in a schema members are objects
// with a type, and in a form they are empty.
func filled(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v) != "" && v != "string"
	case float64:
		return v != 0
	case []any:
		return len(v) > 0 && filled(v[0])
	}
	return false
}

// maxObjects bounds how much of one answer is looked at.
const maxObjects = 20000

// eachObject calls f for each object of a JSON document.
func eachObject(body []byte, f func(map[string]any)) {
	var doc any
	if json.Unmarshal(body, &doc) != nil {
		return
	}
	left := maxObjects
	var walk func(v any)
	walk = func(v any) {
		if left--; left < 0 {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			f(v)
			for _, m := range v {
				walk(m)
			}
		case []any:
			for _, m := range v {
				walk(m)
			}
		}
	}
	walk(doc)
}

func recordCSV(body []byte) bool {
	head, rest, _ := bytes.Cut(body, []byte("\n"))
	there := map[string]bool{}
	for _, name := range strings.FieldsFunc(string(head[:min(len(head), 4096)]), func(r rune) bool { return strings.ContainsRune(",;\t\"\r", r) }) {
		if c := concept(name); c != "" {
			there[c] = true
		}
	}
	return len(there) >= enough && len(bytes.TrimSpace(rest)) > 0
}

// recordHTML wants headings of a table or a list of terms (HTML, 4.9.10 and
// 4.4.10), and cells with text.
func recordHTML(body []byte) bool {
	z := html.NewTokenizer(bytes.NewReader(body))
	there, cells, in := map[string]bool{}, 0, ""
	for range maxObjects {
		switch z.Next() {
		case html.ErrorToken:
			return len(there) >= enough && cells >= enough
		case html.StartTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "th", "dt", "td", "dd":
				in = string(name)
			case "input", "select", "textarea", "label":
				in = "" // asks for a value
			}
		case html.EndTagToken:
			in = ""
		case html.TextToken:
			text := strings.TrimSpace(string(z.Text()))
			switch {
			case in == "th" || in == "dt":
				if c := concept(text); c != "" {
					there[c] = true
				}
			case in != "" && text != "":
				cells++
			}
		}
	}
	return len(there) >= enough && cells >= enough
}

// Shapes of values that are known for what they are: hashes of passwords as
// crypt(5), PHC strings and LDAP (RFC 2307) write them, digests in hex, and a
// social security number (no area 000, 666 or 9xx; SSA, POMS RM 10201.035).
var (
	hashShape = regexp.MustCompile(`^(?:\$(?:2[abxy]?|1|5|6|y|7|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]*)\$\S{8,}|\{S?(?:SHA|MD5|CRYPT)[0-9]*\}\S{8,}|pbkdf2_sha(?:1|256)\$\S{8,}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$`)
	ssnShape  = regexp.MustCompile(`^(?:00[1-9]|0[1-9]\d|[1-5]\d\d|6[0-57-9]\d|66[0-57-9]|[78]\d\d)-(?:0[1-9]|[1-9]\d)-(?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})$`)
	opaque    = regexp.MustCompile(`^[A-Za-z0-9_\-+/=.]{20,}$`)
)

// secretIn says what a member holds that no screen needs, "" for anything else.
func secretIn(name string, v any) string {
	s, ok := v.(string)
	if !ok {
		return ""
	}
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name)) {
	case "password", "passwordhash", "hashedpassword", "pwd", "passwd":
		if hashShape.MatchString(s) {
			return "the hash of a password"
		}
	case "secret", "clientsecret":
		if opaque.MatchString(s) && strings.ContainsAny(s, "0123456789") {
			return "a secret"
		}
	case "ssn", "socialsecuritynumber":
		if ssnShape.MatchString(s) {
			return "a social security number"
		}
	}
	return ""
}

// excess reports members of an answer that no screen needs.
func (c *comparer) excess(o surface.Operation, e web.Exchange) {
	if !probe.OK(e.Response) || !strings.Contains(probe.MediaType(e.Response), "json") {
		return
	}
	kinds := map[string]bool{}
	eachObject(e.Response.Body, func(m map[string]any) {
		for name, v := range m {
			if what := secretIn(name, v); what != "" {
				kinds[what] = true
			}
		}
	})
	for what := range kinds {
		c.Report(issue.Issue{Rule: "web-excess-data", Route: o.Route(), Anchor: what, Confidence: "high", Message: "the answer holds " + what, Exchanges: []web.Exchange{e}})
	}
}
