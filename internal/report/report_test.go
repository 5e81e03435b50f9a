package report

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	validate "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

func isNew() *bool { v := true; return &v }

// sample is a document with everything that a writer may meet, hostile text
// among it.
func sample() checks.Document {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	hostile := "a\x1b[2J\n::error::x\u202e<b>|.go"
	weak := checks.Rule{ID: "G401", Title: "Use of weak cryptographic primitive", Severity: checks.Medium, CWE: []string{"CWE-328"},
		References: []string{"https://cwe.mitre.org/data/definitions/328.html"}, Advice: "Use SHA-256.", Class: "weak-hash"}
	secret := checks.Rule{ID: "aws-access-token", Title: "AWS credentials", Severity: checks.Critical, CWE: []string{"CWE-798"},
		Advice: "Revoke this credential where it was issued, then take it out of the file and load it from a secret store; deleting the line does not take it out of the history.", Class: checks.ClassCredential}
	dep := checks.Rule{ID: "GHSA-xxxx-yyyy-zzzz", Title: "Example advisory", Severity: checks.Unrated, Class: checks.ClassDependency, Advice: "Update."}
	run := checks.Run{
		ID: "0123456789abcdef", Started: at, Ended: at.Add(3 * time.Second), Engine: "local", Sandbox: "full", Version: "test", IdentityKeyID: "00ff00ff00ff00ff",
		Target: checks.Target{Kind: "tree", Path: "/src/portal", Commit: strings.Repeat("ab", 20), Dirty: true, Remote: "https://forge.example/clinic/portal"},
		Steps: []checks.Step{
			{Check: "secrets", Version: "8.30.1", Status: checks.OK, DurationMS: 1234, PeakBytes: 90 << 20, Coverage: checks.Coverage{Claimed: 10, Read: 9},
				Sandbox: &sandbox.Report{Kind: "full"}, ToolDigest: strings.Repeat("1", 64)},
			{Check: "sast", Version: "2.30.0", Status: checks.Partial, Reason: hostile + ": too-large; 3 of 4 files read", Advice: "raise limits.file_size",
				Coverage: checks.Coverage{Claimed: 4, Read: 3, Incomplete: []checks.Skip{{Path: hostile, Reason: checks.SkipTooLarge}}}},
			{Check: "deps", Status: checks.Missing, Reason: "no data for npm (212)", Advice: "run: vitalsign db update", Data: []checks.Data{{Name: "osv", Digest: "d1", AsOf: at}}},
			{Check: "iac", Status: checks.NotApplicable, Reason: "no file of its kind"},
		},
		Findings: []checks.Finding{
			{Fingerprint: strings.Repeat("a1", 32), Rule: secret, Check: "secrets", Location: checks.Location{Path: "conf/app.ini", StartLine: 3, StartColumn: 8, EndLine: 3, EndColumn: 28},
				Evidence: checks.Evidence{Message: "AWS credentials", Excerpt: "key = \"[redacted]\"", ExcerptLine: 3}, Confidence: "medium", New: isNew(), ValueBound: true,
				SeenBy: []checks.Witness{{Check: "secrets", Rule: "aws-access-token"}, {Check: "sast", Rule: "G101"}}},
			{Fingerprint: strings.Repeat("b2", 32), Rule: weak, Check: "sast", Location: checks.Location{Path: hostile, StartLine: 7}, Role: "test",
				Evidence: checks.Evidence{Message: hostile, Excerpt: "h := md5.New()\n\tx\x1b]0;t\x07", ExcerptLine: 7}, SeenBy: []checks.Witness{{Check: "sast", Rule: "G401"}},
				Flow:    []checks.FlowStep{{Location: checks.Location{Path: "in.go", StartLine: 2, Symbol: "f"}, Message: hostile}, {Location: checks.Location{Path: hostile, StartLine: 7}}},
				Ignored: &checks.Ignored{By: "inline", Until: "2026-12-31", Reason: "checksum only"}},
			{Fingerprint: strings.Repeat("c3", 32), Rule: dep, Check: "deps", Location: checks.Location{Path: "web/package-lock.json"}, SeenBy: []checks.Witness{{Check: "deps", Rule: dep.ID}},
				Package: &checks.Package{Ecosystem: "npm", Name: "left-pad", Version: "1.0.0", Advisory: dep.ID, Fixed: []string{"1.0.1"}}},
		},
		Unread: []checks.Unread{{What: "TypeScript files", Count: 812, Why: "no rules"}}, Waivers: []checks.Waiver{},
		Verdict: checks.Verdict{Findings: checks.Fail, Exit: 3, Reasons: []string{"2 findings at or above high", "sast: partial: " + hostile}},
	}
	for i := range 12 {
		f := run.Findings[1]
		f.Ignored, f.Flow, f.Location = nil, nil, checks.Location{Path: fmt.Sprintf("pkg/f%02d.go", i), StartLine: i + 1}
		run.Findings = append(run.Findings, f)
	}
	return checks.Document{Schema: checks.DocumentSchema, Runs: []checks.Run{run}, Verdict: run.Verdict}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it and run go test ./internal/report -update\ngot:\n%s", name, got)
	}
}

func TestTable(t *testing.T) {
	for name, o := range map[string]TableOptions{
		"table.txt":         {Style: NewStyle(&bytes.Buffer{}, false)},
		"table-verbose.txt": {Style: NewStyle(&bytes.Buffer{}, false), Verbose: true},
		"table-quiet.txt":   {Style: NewStyle(&bytes.Buffer{}, false), Quiet: true},
		"table-colour.txt":  {Style: NewStyle(&bytes.Buffer{}, true)},
	} {
		var b bytes.Buffer
		if err := Table(&b, sample(), o); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
		if strings.Contains(b.String(), "\x1b[2J") || strings.Contains(b.String(), "\n::error::") || strings.Contains(b.String(), "\u202e") {
			t.Errorf("%s: hostile text reached the terminal", name)
		}
	}
}

// Every golden file is read by a test.
func TestNoGoldenIsForgotten(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile("report_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "formats" { // see TestFormats
			continue
		}
		if !strings.Contains(string(src), `"`+e.Name()+`"`) {
			t.Errorf("testdata/%s is read by no test", e.Name())
		}
	}
}

func TestJSONIsOfItsSchema(t *testing.T) {
	s := compile(t, Schema, checks.DocumentSchema)
	var b bytes.Buffer
	if err := JSON(&b, sample()); err != nil {
		t.Fatal(err)
	}
	valid(t, s, b.Bytes())
	// The schema says no, too.
	broken := strings.Replace(b.String(), `"severity": "critical"`, `"severity": "terrible"`, 1)
	v, err := validate.UnmarshalJSON(strings.NewReader(broken))
	if err != nil {
		t.Fatal(err)
	}
	if s.Validate(v) == nil {
		t.Error("a severity that does not exist is valid by the schema")
	}
}

func TestSARIF(t *testing.T) {
	var b bytes.Buffer
	hashes := func(_ checks.Run, f checks.Finding) string {
		if f.ValueBound {
			return ""
		}
		return "c129715d7a2bc9a3:1"
	}
	if err := SARIF(&b, sample(), hashes); err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.sarif", b.Bytes())
	doc, err := os.ReadFile(filepath.Join("testdata", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	valid(t, compile(t, doc, sarifSchemaURI), b.Bytes())
	for _, want := range []string{`"executionSuccessful":false`, `"deps is missing: no data for npm (212)"`, `"security-severity":"9.5"`, `"id":"vitalsign/./secrets/"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is not in it", want)
		}
	}
}

// More results than GitHub shows: several runs under categories of their own,
// none of which is over a limit.
func TestSARIFIsSplit(t *testing.T) {
	d := sample()
	f := d.Runs[0].Findings[1]
	for range 12001 {
		d.Runs[0].Findings = append(d.Runs[0].Findings, f)
	}
	var b bytes.Buffer
	if err := SARIF(&b, d, func(checks.Run, checks.Finding) string { return "" }); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), `"ruleId":"G401"`); n != 12001+13 {
		t.Errorf("%d results, want %d", n, 12001+13)
	}
	for _, want := range []string{`"vitalsign/./sast/"`, `"vitalsign/./sast/2/"`, `"vitalsign/./sast/3/"`, "part 3 of 3: 12014 results in all"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is not in it", want)
		}
	}
}

// An independent validator: Microsoft's, from npm.
func TestSARIFByAnIndependentValidator(t *testing.T) {
	tool := os.Getenv("SARIF_MULTITOOL")
	if tool == "" {
		t.Skip("SARIF_MULTITOOL does not name the validator (npm: @microsoft/sarif-multitool)")
	}
	file := filepath.Join(t.TempDir(), "sample.sarif")
	var b bytes.Buffer
	if err := SARIF(&b, sample(), func(checks.Run, checks.Finding) string { return "" }); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "validate", file, "--rule-kind", "Sarif;Ghas").CombinedOutput()
	if err != nil || bytes.Contains(out, []byte(": error ")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestProgressStaysWithinTheTerminal(t *testing.T) {
	var b bytes.Buffer
	p := Live(&b, NewStyle(&b, false), 40)
	p.Event(pipelines.Event{Kind: pipelines.StepStarted, Check: "secrets", Total: 1000})
	p.Event(pipelines.Event{Kind: pipelines.StepProgress, Check: "secrets", Done: 500, Total: 1000})
	p.Say("a line of news that is much longer than the terminal is wide, by far")
	p.Event(pipelines.Event{Kind: pipelines.StepEnded, Check: "secrets", Step: &checks.Step{Check: "secrets", Status: checks.OK}})
	p.Close()
	for line := range strings.SplitSeq(b.String(), "\n") {
		line = strings.NewReplacer("\x1b[2K", "", "\x1b[1A", "", "\x1b[J", "").Replace(line)
		if len(line) > 40 {
			t.Errorf("a line of %d columns: %q", len(line), line)
		}
	}
	if !strings.Contains(b.String(), "[############............]") {
		t.Errorf("no bar in %q", b.String())
	}
}

func BenchmarkSARIF(b *testing.B) {
	d := sample()
	f := d.Runs[0].Findings[1]
	for range 20000 {
		d.Runs[0].Findings = append(d.Runs[0].Findings, f)
	}
	for b.Loop() {
		if err := SARIF(&bytes.Buffer{}, d, func(checks.Run, checks.Finding) string { return "" }); err != nil {
			b.Fatal(err)
		}
	}
}
