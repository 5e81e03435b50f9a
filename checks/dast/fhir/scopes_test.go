package fhir

import (
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

func TestScopes(t *testing.T) {
	for _, c := range []struct {
		asked, granted []string
		wide           bool
	}{
		{[]string{"patient/*.rs"}, []string{"patient/Observation.read"}, false},
		{[]string{"patient/*.read"}, []string{"patient/*.rs", "openid", "launch/patient"}, false},
		{[]string{"patient/Observation.rs"}, []string{"patient/*.rs"}, true},
		{[]string{"patient/Observation.rs"}, []string{"patient/Observation.cruds"}, true},
		{[]string{"patient/Observation.rs"}, []string{"system/Observation.rs"}, true},
		{[]string{"system/*.*"}, []string{"system/Patient.write", "system/Patient.r"}, false},
		{[]string{"patient/Observation.rs?category=laboratory"}, []string{"patient/Observation.rs?category=laboratory"}, false},
	} {
		if got := widened(c.asked, c.granted); got != c.wide {
			t.Errorf("%v from %v: widened %v", c.granted, c.asked, got)
		}
	}
	for s, ok := range map[string]bool{"patient/Patient.rs": true, "user/*.cruds": true, "group/Patient.rs": false, "patient/Patient": false, "patient/.r": false, "patient/Patient.x": false, "openid": false} {
		if _, got := parse(s); got != ok {
			t.Errorf("%s: %v", s, got)
		}
	}
	if !covers([]string{"patient/Patient.rs"}, "Patient", "rs") || covers([]string{"patient/Patient.rs"}, "Patient", "cud") || covers(nil, "Patient", "rs") {
		t.Error("covers")
	}
	if !exports([]string{"system/*.read"}) || exports([]string{"user/*.rs", "system/Patient.c"}) {
		t.Error("exports")
	}
}

func TestPatientsOfReferences(t *testing.T) {
	for text, want := range map[string]string{"Patient/a-1": "a-1", "https://h.example/fhir/Patient/7/_history/1": "7", "Group/1": "", "MyPatient/1": "", "Patient/": "", "Patient/a b": ""} {
		if got := patientIn(text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	if !Compartment("Observation") || Compartment("Practitioner") {
		t.Error("the compartment")
	}
}

// FuzzAnswers: whatever a server answers, reading it ends.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","subject":{"reference":"Patient/1"}}}]}`))
	f.Add([]byte(`{"resourceType":"Patient","link":[{"other":{"reference":"Patient/2"}}]}`))
	f.Fuzz(func(_ *testing.T, body []byte) {
		r := response(body)
		b, _ := bundleOf(r)
		b.holds(func(m map[string]any) bool { subjects(m); return false })
		b.next()
		linked(resourceOf(r))
		outcomeText(r)
	})
}

func response(body []byte) web.Response { return web.Response{Status: 200, Body: body} }
