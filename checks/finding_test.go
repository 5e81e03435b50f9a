package checks

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func finding(check, rule, fp, path string, line int, s Severity) Finding {
	return Finding{Check: check, Fingerprint: fp, Rule: Rule{ID: rule, Severity: s}, Location: Location{Path: path, StartLine: line}}
}

func TestMerge(t *testing.T) {
	in := []Finding{
		finding("secrets", "generic-api-key", "f1", "a.go", 3, Medium),
		finding("sast", "G101", "f1", "a.go", 3, High),
		finding("sast", "G101", "f1", "a.go", 9, High),                // the same text elsewhere
		finding("secrets", "generic-api-key", "f1", "b.go", 3, High),  // another file
		finding("secrets", "aws-access-token", "f2", "a.go", 3, High), // another value on the line
		finding("secrets", "aws-access-token", "f2", "a.go", 3, High), // twice on the line
	}
	got := Merge(in)
	if len(got) != 5 {
		t.Fatalf("%d findings, want 5: %+v", len(got), got)
	}
	for _, f := range got {
		if f.Location.Path == "a.go" && f.Location.StartLine == 3 && f.Fingerprint == "f1" {
			want := []Witness{{"sast", "G101"}, {"secrets", "generic-api-key"}}
			if !reflect.DeepEqual(f.SeenBy, want) || f.Rule.ID != "G101" {
				t.Errorf("rule %s seen by %v, want the worse rule and both", f.Rule.ID, f.SeenBy)
			}
		}
	}
	if again := Merge(got); !reflect.DeepEqual(again, got) {
		t.Error("merging again changes something")
	}
	// The order in which checks answer must not matter.
	for range 50 {
		shuffled := slices.Clone(in)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := Merge(shuffled); !reflect.DeepEqual(again, got) {
			t.Fatalf("another order in, another list out")
		}
	}
}

func TestZeroValuesNeverMeanGood(t *testing.T) {
	if Status("").Complete() || Status("fine").Complete() {
		t.Error("an unknown status is complete")
	}
	if SkipReason("").Complete() || SkipReason("whatever").Complete() {
		t.Error("an unknown reason to skip is harmless")
	}
	var v Verdict
	if v.Findings == Pass || v.Complete {
		t.Error("the zero verdict passes")
	}
	var s Severity
	if s != Unrated || s.SecuritySeverity() != High.SecuritySeverity() {
		t.Error("the zero severity is not judged as high")
	}
}

func TestSeverityText(t *testing.T) {
	for _, s := range Severities() {
		b, _ := s.MarshalText()
		var back Severity
		if err := back.UnmarshalText(b); err != nil || back != s {
			t.Errorf("%v does not come back: %v", s, err)
		}
	}
	if _, err := ParseSeverity("severe"); err == nil {
		t.Error("an unknown severity was read")
	}
}

func TestClaims(t *testing.T) {
	set, err := NewClaimSet([]Claim{
		{Pattern: "**/*.tf", Exact: true}, {Pattern: "**/*.json"}, {Pattern: "**/dockerfile", Exact: true},
		{Pattern: "**/dockerfile.*"}, {Pattern: "deploy/**/*.conf"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][2]bool{
		"main.tf": {true, true}, "a/b/MAIN.TF": {true, true}, "x.json": {true, false}, "a/Dockerfile": {true, true},
		"Dockerfile.dev": {true, false}, "deploy/a/b.conf": {true, false}, "b.conf": {false, false}, "main.tfx": {false, false},
	} {
		claimed, exact := set.Match(path)
		if claimed != want[0] || exact != want[1] {
			t.Errorf("%s: claimed %v exact %v, want %v", path, claimed, exact, want)
		}
	}
	for _, bad := range []string{"[", "**/*.TF"} {
		if _, err := NewClaimSet([]Claim{{Pattern: bad}}); err == nil {
			t.Errorf("pattern %q was taken", bad)
		}
	}
}
