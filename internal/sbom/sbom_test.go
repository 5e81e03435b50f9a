package sbom

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/vitalsign-dev/vitalsign/checks"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a run whose deps step finished and knows of no gap.
func sample() checks.Run {
	at := time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)
	return checks.Run{
		ID: "0123456789abcdef", Started: at, Ended: at.Add(3 * time.Second), Version: "1.2.3",
		Target: checks.Target{Kind: "tree", Path: "/home/nurse/src/portal", Commit: strings.Repeat("ab", 20), Tree: strings.Repeat("cd", 20), Remote: "https://github.com/Clinic/Portal.git"},
		Steps: []checks.Step{
			{Check: "secrets", Status: checks.Partial},
			{Check: "deps", Version: "0.5.3", Status: checks.OK, ToolDigest: strings.Repeat("1f", 32)},
		},
		Components: []checks.Component{
			{Ecosystem: "Go", Name: "github.com/acme/hl7", Version: "1.2.0", PURL: "pkg:golang/github.com/acme/hl7@1.2.0", Locations: []string{"api/go.mod", "tools/go.mod"}},
			{Ecosystem: "Maven", Name: "org.x:y", Version: "2.0", PURL: "pkg:maven/org.x/y@2.0", Locations: []string{"batch/pom.xml"}},
			{Ecosystem: "npm", Name: "@clinic/chart", Version: "1.0.0", PURL: "pkg:npm/%40clinic/chart@1.0.0", Dev: true, Locations: []string{"web/package-lock.json"}},
			{Ecosystem: "PyPI", Name: "flask", PURL: "pkg:pypi/flask", Locations: []string{"py/requirements.txt"}},
			{Ecosystem: "npm", Name: "no<purl>\x1b[2J", Version: "1", Locations: []string{"web/b\u202e.json"}},
		},
		Findings: []checks.Finding{
			{Check: "deps", Rule: checks.Rule{ID: "CVE-2026-1111", Severity: checks.High}, Location: checks.Location{Path: "api/go.mod"},
				Package: &checks.Package{Ecosystem: "Go", Name: "github.com/acme/hl7", Version: "v1.2.0", PURL: "pkg:golang/github.com/acme/hl7@1.2.0", Advisory: "CVE-2026-1111", Aliases: []string{"GHSA-aaaa-bbbb-cccc"}}},
			{Check: "deps", Rule: checks.Rule{ID: "CVE-2026-1111", Severity: checks.High}, Location: checks.Location{Path: "tools/go.mod"},
				Package: &checks.Package{Ecosystem: "Go", Name: "github.com/acme/hl7", Version: "v1.2.0", PURL: "pkg:golang/github.com/acme/hl7@1.2.0", Advisory: "CVE-2026-1111"}},
			{Check: "deps", Rule: checks.Rule{ID: "GHSA-dddd", Severity: checks.Unrated}, Location: checks.Location{Path: "web/b.json"},
				Package: &checks.Package{Ecosystem: "npm", Name: "no<purl>\x1b[2J", Version: "1"}},
			{Check: "secrets", Rule: checks.Rule{ID: "aws", Severity: checks.Critical}, Location: checks.Location{Path: "a"}},
		},
	}
}

// formats are the two writers.
func formats() map[string]func(checks.Run, Options) ([]byte, error) {
	return map[string]func(checks.Run, Options) ([]byte, error){"cyclonedx": CycloneDX, "spdx": SPDX}
}

func withStatus(s checks.Status, reason string) checks.Run {
	run := sample()
	run.Steps[1].Status, run.Steps[1].Reason = s, reason
	return run
}

// runs are every kind of run that a bill is made of.
func runs() map[string]checks.Run {
	gap := sample()
	gap.Steps[1].Coverage.Unread = []checks.Unread{{What: "npm manifests", Count: 2, Why: "no lock file: the versions are decided at install time"}}
	empty := sample()
	empty.Components, empty.Findings, empty.Target = nil, nil, checks.Target{Kind: "tree", Path: "/x/clean"}
	none := sample()
	none.Steps = nil
	dirty := sample()
	dirty.Target.Dirty = true
	nothing := withStatus(checks.NotApplicable, "no file of its kind")
	nothing.Components, nothing.Findings = nil, nil
	return map[string]checks.Run{
		"whole": sample(), "gap": gap, "empty": empty, "none": none, "dirty": dirty, "nothing": nothing,
		"partial": withStatus(checks.Partial, "web/yarn.lock: unparsable"), "missing": withStatus(checks.Missing, "no data for npm (2)"), "zero": withStatus("", ""),
	}
}

func write(t *testing.T, f func(checks.Run, Options) ([]byte, error), run checks.Run) []byte {
	t.Helper()
	b, err := f(run, Options{Vulnerabilities: true})
	if err != nil && !errors.Is(err, ErrIncomplete) {
		t.Fatal(err)
	}
	return b
}

func TestGolden(t *testing.T) {
	for name, f := range formats() {
		for _, kind := range []string{"whole", "partial"} {
			got := write(t, f, runs()[kind])
			path := filepath.Join("testdata", kind+"."+name+".json")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not what is written (go test ./internal/sbom -update):\n%s", path, got)
			}
		}
	}
}

// schemaOf compiles an official schema: CycloneDX's from its specification's
// repository (tag 1.6), SPDX's from spdx-spec (v2.3).
func schemaOf(t *testing.T, format string) *jsonschema.Schema {
	t.Helper()
	files := map[string][]string{
		"cyclonedx": {"cyclonedx-1.6.schema.json", "cyclonedx-spdx.schema.json", "cyclonedx-jsf-0.82.schema.json"},
		"spdx":      {"spdx-2.3.schema.json"},
	}[format]
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	first := ""
	for _, name := range files {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		id := v.(map[string]any)["$id"].(string)
		if first == "" {
			first = id
		}
		if err := c.AddResource(id, v); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile(first)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOfficialSchemas(t *testing.T) {
	for format, f := range formats() {
		s := schemaOf(t, format)
		for kind, run := range runs() {
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(write(t, f, run)))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(v); err != nil {
				t.Errorf("%s, %s: %v", format, kind, err)
			}
		}
		if s.Validate(map[string]any{"bomFormat": "x"}) == nil {
			t.Errorf("the schema of %s takes anything", format)
		}
	}
}

// The same run gives the same bytes, whatever the order of its components;
// another one has another id.
func TestDeterministic(t *testing.T) {
	for format, f := range formats() {
		one := write(t, f, sample())
		turned := sample()
		turned.Components[0], turned.Components[3] = turned.Components[3], turned.Components[0]
		if !bytes.Equal(one, write(t, f, turned)) {
			t.Errorf("%s: the order shows", format)
		}
		other := sample()
		other.Components[0].Version = "1.2.1"
		if id(t, one) == id(t, write(t, f, other)) {
			t.Errorf("%s: two lists have one id", format)
		}
		if bytes.Contains(one, []byte("nurse")) || bytes.Contains(one, []byte("/home")) {
			t.Errorf("%s holds a path of this machine", format)
		}
	}
}

func id(t *testing.T, document []byte) string {
	t.Helper()
	var d struct{ SerialNumber, DocumentNamespace string }
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.SerialNumber+d.DocumentNamespace) < 36 {
		t.Fatalf("no id: %+v", d)
	}
	return d.SerialNumber + d.DocumentNamespace
}

// Only a finished step without a gap makes a complete bill, and only a step
// that did not finish is an error.
func TestCompleteness(t *testing.T) {
	for kind, want := range map[string]struct {
		aggregate string
		refused   bool
		says      string
	}{
		"whole": {"complete", false, ""}, "empty": {"complete", false, ""}, "nothing": {"complete", false, ""}, "dirty": {"complete", false, ""},
		"gap":     {"incomplete", false, "2 npm manifests (no lock file"},
		"partial": {"unknown", true, "deps: partial: web/yarn.lock"}, "missing": {"unknown", true, "deps: missing: no data"},
		"zero": {"unknown", true, "deps: no status"}, "none": {"unknown", true, "deps is no step"},
	} {
		for format, f := range formats() {
			b, err := f(runs()[kind], Options{})
			if errors.Is(err, ErrIncomplete) != want.refused || len(b) == 0 {
				t.Errorf("%s, %s: %v, %d bytes", format, kind, err, len(b))
			}
			if !strings.Contains(string(b), want.says) || want.refused && !strings.Contains(err.Error(), want.says) {
				t.Errorf("%s, %s does not say %q: %v", format, kind, want.says, err)
			}
			if open := strings.Contains(string(b), `"relatedSpdxElement": "NOASSERTION"`); format == "spdx" && open != (want.says != "") {
				t.Errorf("spdx, %s: whether there may be more: %v", kind, open)
			}
			if format == "cyclonedx" && !strings.Contains(string(b), `"aggregate": "`+want.aggregate+`"`) {
				t.Errorf("cyclonedx, %s is not %s", kind, want.aggregate)
			}
		}
	}
	lfs := sample()
	lfs.Unread = []checks.Unread{{What: "submodules", Count: 1, Why: "content not on disk"}, {What: "Java files", Count: 2, Why: checks.WhyNoRules}}
	if got := completenessOf(lfs); len(got.gaps) != 1 || got.complete() || got.err() != nil {
		t.Errorf("%+v", got)
	}
	if (completeness{}).complete() {
		t.Error("the zero value is complete")
	}
	timeless := sample()
	timeless.Ended = time.Time{}
	for format, f := range formats() {
		if b, err := f(timeless, Options{}); !errors.Is(err, ErrNoTime) || b != nil {
			t.Errorf("%s invents a time: %v", format, err)
		}
	}
}

func TestCycloneDXRoundTrip(t *testing.T) {
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(write(t, CycloneDX, sample())), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	about := bom.Metadata.Component
	if bom.SpecVersion != cdx.SpecVersion1_6 || bom.Metadata.Timestamp != "2026-03-04T05:06:10Z" || about.Name != "Clinic/Portal" ||
		about.Version != strings.Repeat("ab", 20) || about.PackageURL != "pkg:github/clinic/portal@"+about.Version {
		t.Errorf("%+v %+v", bom.Metadata, about)
	}
	by := map[string]cdx.Component{}
	for _, c := range *bom.Components {
		if by[c.BOMRef].Name != "" {
			t.Errorf("two components are %s", c.BOMRef)
		}
		by[c.BOMRef] = c
	}
	hl7, chart, y := by["pkg:golang/github.com/acme/hl7@1.2.0"], by["pkg:npm/%40clinic/chart@1.0.0"], by["pkg:maven/org.x/y@2.0"]
	if len(by) != 5 || len(*hl7.Evidence.Occurrences) != 2 || (*hl7.Evidence.Occurrences)[1].Location != "tools/go.mod" || hl7.Scope != "" {
		t.Errorf("%d components, %+v", len(by), hl7)
	}
	if chart.Group != "@clinic" || chart.Name != "chart" || chart.Scope != cdx.ScopeExcluded || y.Group != "org.x" || y.Name != "y" {
		t.Errorf("%+v %+v", chart, y)
	}
	vulns := *bom.Vulnerabilities
	if len(vulns) != 2 || len(*vulns[0].Affects) != 1 || (*vulns[0].Affects)[0].Ref != hl7.BOMRef || (*vulns[0].Ratings)[0].Severity != cdx.SeverityHigh ||
		by[(*vulns[1].Affects)[0].Ref].Version != "1" || (*vulns[1].Ratings)[0].Severity != cdx.SeverityUnknown {
		t.Errorf("%+v", vulns)
	}
}

func TestSPDXRoundTrip(t *testing.T) {
	var doc v2_3.Document
	if err := spdxjson.ReadInto(bytes.NewReader(write(t, SPDX, sample())), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.SPDXVersion != "SPDX-2.3" || len(doc.Packages) != 6 || doc.CreationInfo.Created != "2026-03-04T05:06:10Z" || doc.Packages[0].PackageDownloadLocation != "git+https://github.com/Clinic/Portal.git@"+strings.Repeat("ab", 20) {
		t.Errorf("%+v %+v", doc, doc.Packages[0])
	}
	kinds := map[string]int{}
	for _, r := range doc.Relationships {
		kinds[r.Relationship]++
	}
	if kinds["DESCRIBES"] != 1 || kinds["DEPENDS_ON"] != 4 || kinds["DEV_DEPENDENCY_OF"] != 1 {
		t.Errorf("%v", kinds)
	}
	purls := 0
	for _, p := range doc.Packages {
		if p.FilesAnalyzed || p.PackageLicenseConcluded != "NOASSERTION" || p.PackageLicenseDeclared != "NOASSERTION" {
			t.Errorf("%+v", p)
		}
		purls += len(p.PackageExternalReferences)
	}
	if purls != 5 {
		t.Errorf("%d package URLs", purls)
	}
}

// What a bill is about is never a place of this machine, and never the commit
// where there are changes.
func TestSubject(t *testing.T) {
	commit := strings.Repeat("ab", 20)
	for remote, want := range map[string]subject{
		"https://github.com/Clinic/Portal.git": {"Clinic/Portal", commit, "pkg:github/clinic/portal@" + commit, "git+https://github.com/Clinic/Portal.git@" + commit},
		"git@github.com:clinic/portal.git":     {"clinic/portal", commit, "pkg:github/clinic/portal@" + commit, noAssertion},
		"ssh://git@forge.example:2222/a/b":     {"a/b", commit, "", noAssertion},
		"/srv/git/secret.git":                  {"portal", commit, "", noAssertion},
		"../other":                             {"portal", commit, "", noAssertion},
		`C:\git\secret`:                        {"portal", commit, "", noAssertion},
		"file:///srv/git/x.git":                {"portal", commit, "", noAssertion},
		"":                                     {"portal", commit, "", noAssertion},
	} {
		run := sample()
		run.Target.Remote = remote
		if got := subjectOf(run, Options{}); got != want {
			t.Errorf("%s: %+v, want %+v", remote, got, want)
		}
	}
	dirty := sample()
	dirty.Target.Dirty = true
	if got := subjectOf(dirty, Options{}); got != (subject{"Clinic/Portal", commit + "-dirty", "", noAssertion}) {
		t.Errorf("%+v", got)
	}
	if got := subjectOf(dirty, Options{Name: "portal.tar", Version: "7"}); got != (subject{"portal.tar", "7", "", noAssertion}) {
		t.Errorf("%+v", got)
	}
}

// TestRealValidators asks the formats' own Python libraries: cyclonedx-python-lib
// with its extra json-validation, and spdx-tools.
func TestRealValidators(t *testing.T) {
	python := os.Getenv("VITALSIGN_SBOM_PYTHON")
	if python == "" {
		t.Skip("VITALSIGN_SBOM_PYTHON does not name a Python with cyclonedx-python-lib[json-validation] and spdx-tools")
	}
	for format, f := range formats() {
		for kind, run := range runs() {
			p := filepath.Join(t.TempDir(), kind+".spdx.json")
			if err := os.WriteFile(p, write(t, f, run), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(python, filepath.Join("testdata", "validate.py"), format, p).CombinedOutput(); err != nil {
				t.Errorf("%s, %s: %v\n%s", format, kind, err, out)
			}
		}
	}
}
