package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	validate "github.com/santhosh-tekuri/jsonschema/v6"
)

// soundOCSF reads events as a log pipeline does: one JSON object a line.
func soundOCSF(t *testing.T, out string) []ocsfEvent {
	t.Helper()
	nothingHidden(t, "ocsf", out)
	var events []ocsfEvent
	for l := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
		d := json.NewDecoder(strings.NewReader(l))
		d.DisallowUnknownFields()
		var e ocsfEvent
		if err := d.Decode(&e); err != nil {
			t.Fatalf("%v in %s", err, l)
		}
		if e.TypeUID != e.ClassUID*100+e.ActivityID || e.Metadata.Version != ocsfVersion || e.Message == "" {
			t.Errorf("an event that contradicts itself: %s", l)
		}
		events = append(events, e)
	}
	if first := events[0]; first.ClassUID != ocsfScan {
		t.Error("the first event is not the scan's")
	}
	return events
}

// ocsfSchemas are those of the classes that are written, as tools/report-schemas.sh
// makes them of OCSF's own.
func ocsfSchemas(t *testing.T) map[int]*validate.Schema {
	t.Helper()
	dir := os.Getenv("VITALSIGN_REPORT_SCHEMAS")
	if dir == "" {
		t.Skip("VITALSIGN_REPORT_SCHEMAS does not name the schemas (tools/report-schemas.sh)")
	}
	of := map[int]*validate.Schema{}
	for _, class := range []int{ocsfVulnerability, ocsfPosture, ocsfScan} {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("ocsf-%s-%d.json", ocsfVersion, class)))
		if err != nil {
			t.Fatal(err)
		}
		of[class] = compile(t, b, fmt.Sprintf("ocsf:%d", class))
	}
	return of
}

// Every event of every document is what OCSF's schema says.
func TestOCSFByItsSchema(t *testing.T) {
	of := ocsfSchemas(t)
	n := 0
	docs := documents()
	docs["sample"] = sample()
	for name, d := range docs {
		for _, e := range soundOCSF(t, written(t, "ocsf", d)) {
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			v, err := validate.UnmarshalJSON(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if err := of[e.ClassUID].Validate(v); err != nil {
				t.Errorf("%s: %v\n%s", name, err, b)
			}
			n++
		}
	}
	if n < 100 {
		t.Errorf("only %d events", n)
	}
	broken, _ := validate.UnmarshalJSON(strings.NewReader(`{"class_uid":6007}`))
	if of[ocsfScan].Validate(broken) == nil {
		t.Error("the schema takes everything")
	}
}

// What is not complete is an event of its own, and each finding is one.
func TestOCSF(t *testing.T) {
	failures := map[string]bool{}
	for _, e := range soundOCSF(t, written(t, "ocsf", documents()["incomplete"])) {
		if e.StatusID == 2 {
			failures[e.Scan.Name+" "+e.StatusCode] = true
		}
	}
	for _, want := range []string{"sast failed", "dast partial", "extra missing", "old stale"} {
		if !failures[want] {
			t.Errorf("no failure %q in %v", want, failures)
		}
	}
	if len(failures) != 5 { // the run's own
		t.Errorf("failures: %v", failures)
	}
	status := map[string]int{}
	for _, e := range soundOCSF(t, written(t, "ocsf", documents()["newonly"])) {
		if e.FindingInfo != nil {
			status[e.Status]++
		}
	}
	if status["There Before"] != 2 || status["Suppressed"] != 1 {
		t.Errorf("%v", status)
	}
	dep := soundOCSF(t, written(t, "ocsf", documents()["deps"]))
	v := dep[len(dep)-1].Vulnerabilities[0]
	if v.CVE.UID != "CVE-2026-0001" || v.Advisory != nil || v.Related[0] != "GHSA-xxxx-yyyy-zzzz" || v.Packages[0].PURL != "pkg:npm/left-pad@1.0.0" || v.Severity != "Unknown" {
		t.Errorf("%+v", v)
	}
	r := clean()
	r.Findings = many(600)
	if n := len(soundOCSF(t, written(t, "ocsf", document(failed(), r)))); n != 600+1+len(r.Steps) {
		t.Errorf("%d events", n)
	}
}
