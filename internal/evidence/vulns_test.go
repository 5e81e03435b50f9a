package evidence

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	vulnsv02 "github.com/in-toto/attestation/go/predicates/vulns/v02"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/vitalsign-dev/vitalsign/checks"
)

var dataTime = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// scanned is a run with a deps and a sast step that are ok, and findings of
// both.
func scanned() checks.Run {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("x", 3600))
	dep := func(id string, s checks.Severity, path string) checks.Finding {
		return checks.Finding{Check: "deps", Fingerprint: strings.Repeat("a", 64), Rule: checks.Rule{ID: id, Severity: s}, Location: checks.Location{Path: path},
			SeenBy:  []checks.Witness{{Check: "deps", Rule: id}},
			Package: &checks.Package{Ecosystem: "npm", Name: "<left>", Version: "1", PURL: "pkg:npm/left@1", Advisory: id, Aliases: []string{"GHSA-" + id}, Fixed: []string{"2"}}}
	}
	ignored := dep("CVE-2", checks.Unrated, "b/package-lock.json")
	ignored.Ignored = &checks.Ignored{By: "inline", Until: "2026-12-31", Reason: "r"}
	digest := strings.Repeat("0f", 32)
	return checks.Run{
		ID: "r", Version: "1.2.3", Started: at, Ended: at.Add(time.Minute),
		Steps: []checks.Step{
			{Check: "sast", Version: "2", Status: checks.OK, ToolDigest: digest, RulesDigest: digest},
			{Check: "deps", Version: "3", Status: checks.OK, ToolDigest: digest, RulesDigest: digest, Data: []checks.Data{{Name: "osv", Digest: digest, AsOf: dataTime}}},
		},
		Findings: []checks.Finding{
			dep("CVE-1", checks.Critical, "b/package-lock.json"), dep("CVE-1", checks.Critical, "a/package-lock.json"), ignored,
			{Check: "sast", Rule: checks.Rule{ID: "G1", Severity: checks.High}, Location: checks.Location{Path: "a.go"}, SeenBy: []checks.Witness{{Check: "sast", Rule: "G1"}}},
		},
	}
}

// strict reads a predicate into in-toto's own message; an unknown field is an
// error.
func strict(t *testing.T, predicate json.RawMessage) *vulnsv02.Vulns {
	t.Helper()
	var m vulnsv02.Vulns
	if err := (protojson.UnmarshalOptions{DiscardUnknown: false}).Unmarshal(predicate, &m); err != nil {
		t.Fatalf("%v in %s", err, predicate)
	}
	return &m
}

func TestVulns(t *testing.T) {
	raw, err := Vulns(scanned())
	if err != nil {
		t.Fatal(err)
	}
	m := strict(t, raw)
	db := m.GetScanner().GetDb()
	if m.GetScanner().GetUri() == "" || m.GetScanner().GetVersion() != "1.2.3" || !db.GetLastUpdate().AsTime().Equal(dataTime) ||
		db.GetVersion() != "sha256:"+strings.Repeat("0f", 32) || db.GetUri() == "" ||
		m.GetMetadata().GetScanFinishedOn().AsTime().Sub(m.GetMetadata().GetScanStartedOn().AsTime()) != time.Minute {
		t.Errorf("%s", raw)
	}
	results := m.GetScanner().GetResult()
	if len(results) != 2 || results[0].GetId() != "CVE-1" || len(results[0].GetAnnotations()) != 2 || results[0].GetSeverity()[0].GetScore() != "critical" ||
		results[1].GetSeverity()[0].GetScore() != "unrated" || results[1].GetSeverity()[0].GetMethod() == "" {
		t.Fatalf("%s", raw)
	}
	first := results[0].GetAnnotations()[0].GetFields()
	if first["path"].GetStringValue() != "a/package-lock.json" || first["package"].GetStringValue() != "<left>" || first["purl"].GetStringValue() != "pkg:npm/left@1" ||
		first["fixed"].GetListValue().GetValues()[0].GetStringValue() != "2" || results[1].GetAnnotations()[0].GetFields()["ignored"].GetStringValue() != "until 2026-12-31" {
		t.Errorf("%s", raw)
	}
	again, err := Vulns(scanned())
	if err != nil || string(again) != string(raw) || strings.Contains(string(raw), "G1") {
		t.Errorf("%v %s", err, raw)
	}
}

// Nothing found is an empty list, which is a required field.
func TestVulnsOfNothing(t *testing.T) {
	run := scanned()
	run.Findings = nil
	raw, err := Vulns(run)
	if err != nil || !strings.Contains(string(raw), `"result":[]`) {
		t.Errorf("%v %s", err, raw)
	}
	strict(t, raw)
}

// Only an ok step with the time of its data is spoken for.
func TestVulnsAreRefused(t *testing.T) {
	for _, s := range []checks.Status{"", checks.Partial, checks.Failed, checks.Missing, checks.Stale, checks.Excluded, checks.NotApplicable} {
		run := scanned()
		run.Steps[1].Status, run.Steps[1].Reason = s, "because"
		raw, err := Vulns(run)
		var step *StepError
		if raw != nil || !errors.As(err, &step) || step.Status != s || !strings.Contains(err.Error(), string(s)) || !strings.Contains(err.Error(), "because") {
			t.Errorf("%q: %v %s", s, err, raw)
		}
	}
	for name, change := range map[string]func(*checks.Run){
		"no data":      func(r *checks.Run) { r.Steps[1].Data = nil },
		"no data time": func(r *checks.Run) { r.Steps[1].Data[0].AsOf = time.Time{} },
		"other data":   func(r *checks.Run) { r.Steps[1].Data[0].Name = "rules" },
		"no start":     func(r *checks.Run) { r.Started = time.Time{} },
		"no end":       func(r *checks.Run) { r.Ended = time.Time{} },
	} {
		run := scanned()
		change(&run)
		if raw, err := Vulns(run); raw != nil || !errors.Is(err, ErrNoTime) {
			t.Errorf("%s: %v %s", name, err, raw)
		}
	}
	run := scanned()
	run.Steps = run.Steps[:1]
	if _, err := Vulns(run); err == nil || !strings.Contains(err.Error(), "no step") {
		t.Errorf("no step: %v", err)
	}
	if _, err := Vulns(checks.Run{}); err == nil {
		t.Error("the zero run is spoken for")
	}
}
