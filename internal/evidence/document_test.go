package evidence

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func documentRun() checks.Run {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	r := checks.Run{ID: "run", Started: at, Ended: at, Steps: []checks.Step{{Check: "secrets", Status: checks.OK}}, Waivers: []checks.Waiver{}}
	rule := checks.Rule{ID: "G402", Title: "TLS <&>", Severity: checks.High, Class: "weak-tls", Advice: "Use TLS 1.2."}
	for i, p := range []string{"b.go", "a.go", "a.go"} {
		r.Findings = append(r.Findings, checks.Finding{Fingerprint: strings.Repeat("a", 64), Rule: rule, Check: "sast", Role: "source",
			Location: checks.Location{Path: p, StartLine: i + 1}, ValueBound: i == 0, Ignored: &checks.Ignored{By: "inline a.go:1", Until: "2026-12-31"}})
	}
	return r
}

func TestDocumentKeepsWhatDecides(t *testing.T) {
	want := documentRun()
	raw, err := Document(want)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), "Use TLS 1.2."); n != 1 {
		t.Errorf("the rule's text is there %d times", n)
	}
	got, err := Read(raw)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\n%+v\n%v", got, want, err)
	}
	leaves := Leaves(want.Findings)
	if len(leaves) != 1 || leaves[0].Count != 3 || leaves[0].Locations[0].Path != "a.go" || leaves[0].Locations[2].Path != "b.go" {
		t.Errorf("leaves %+v", leaves)
	}
}

func FuzzRead(f *testing.F) {
	raw, err := Document(documentRun())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(strings.Replace(string(raw), `"rule":0`, `"rule":7`, 1)))
	f.Add([]byte(`{"schema":"` + DocumentSchema + `","run":{"id":"x"},"findings":[{"rule":-1}]}`))
	// Whatever is read gives the same run when it is written and read again.
	f.Fuzz(func(t *testing.T, b []byte) {
		run, err := Read(b)
		if err != nil {
			return
		}
		again, err := Document(run)
		if err != nil {
			t.Skip() // a time that JSON cannot write
		}
		back, err := Read(again)
		if err != nil {
			t.Fatal(err)
		}
		one, _ := json.Marshal(run.Findings)
		two, _ := json.Marshal(back.Findings)
		if string(one) != string(two) {
			t.Fatalf("%s\n%s", one, two)
		}
	})
}
