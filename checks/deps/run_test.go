package deps

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/extractor/filesystem"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/checktest"
	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// newJob writes files and describes them as the parent does.
func newJob(t testing.TB, files map[string]string, data string) checks.Job {
	t.Helper()
	dir := checktest.WriteTree(t, files)
	job := checks.Job{Protocol: checks.Protocol, Check: "deps", Root: dir, CanaryDir: "canary-x", Limits: checks.DefaultLimits(), Inventory: checktest.Inventory(t, dir).Files, Data: map[string]string{}}
	if data != "" {
		job.Data[needOSV] = data
	}
	return job
}

func newTree(t testing.TB, files map[string]string) *child.Tree {
	t.Helper()
	tree, err := child.NewTree(newJob(t, files, ""), checks.Description{Claims: claims()})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// extract runs the reader of that name on a file.
func extract(t testing.TB, r reading, reader, p string) []*extractor.Package {
	t.Helper()
	content, err := r.tree.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	info, err := r.tree.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.check.extractors {
		if e.Name() == reader {
			inv, err := e.Extract(t.Context(), &filesystem.ScanInput{FS: r.tree, Path: p, Info: info, Reader: bytes.NewReader(content)})
			if err != nil {
				t.Fatal(err)
			}
			return inv.Packages
		}
	}
	t.Fatalf("there is no reader %s", reader)
	return nil
}

// blind is a redactor that sees no secrets.
type blind struct{}

func (blind) Values(context.Context, string, string) []string { return nil }

// answer is what a run said.
type answer struct {
	findings []checks.Finding
	// components include the canary's.
	components []checks.Component
	rules      map[string]checks.Rule
	missing    []checks.MissingData
	unread     map[string]checks.Unread
	skipped    map[string]checks.Skip
	read       map[string]bool
	failure    string
	canary     bool
}

func run(t testing.TB, files map[string]string, data string) answer {
	t.Helper()
	doc, err := json.Marshal(newJob(t, files, data))
	if err != nil {
		t.Fatal(err)
	}
	key, err := checks.NewIdentityKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p := child.Program{Checks: []child.Check{newCheck(t)}, Redactor: blind{}, Build: "b", Key: key.Text()}
	// A failure is in the output, too.
	_ = p.Run(t.Context(), "deps", bytes.NewReader(doc), &out)
	return parse(t, out.Bytes())
}

func parse(t testing.TB, out []byte) answer {
	t.Helper()
	a := answer{rules: map[string]checks.Rule{}, unread: map[string]checks.Unread{}, skipped: map[string]checks.Skip{}, read: map[string]bool{}}
	s := bufio.NewScanner(bytes.NewReader(out))
	s.Buffer(nil, 8<<20)
	for s.Scan() {
		var r checks.Record
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Component != nil:
			a.components = append(a.components, *r.Component)
		case r.Rule != nil:
			a.rules[r.Rule.ID] = *r.Rule
		case r.Finding != nil && strings.HasPrefix(r.Finding.Location.Path, "canary-x/"):
			a.canary = true
		case r.Finding != nil:
			a.findings = append(a.findings, *r.Finding)
		case r.Failure != nil:
			a.failure = r.Failure.Reason
		case r.Coverage != nil:
			a.missing = append(a.missing, r.Coverage.Missing...)
			for _, u := range r.Coverage.Unread {
				a.unread[u.What] = u
			}
			for _, k := range r.Coverage.Skipped {
				a.skipped[k.Path] = k
			}
			for _, f := range r.Coverage.Read {
				a.read[f.Path] = true
			}
		}
	}
	return a
}

// Without data the check still reads, proves itself, and says what is missing.
func TestWithoutData(t *testing.T) {
	a := run(t, map[string]string{"go.mod": goMod, "package-lock.json": npmLock}, "")
	if !a.canary || a.failure != "" || len(a.findings) != 0 || len(a.missing) != 2 {
		t.Fatalf("%+v", a)
	}
	want := checks.MissingData{What: "Go", Count: 3, Command: "vitalsign db update Go npm"}
	if a.missing[0] != want || a.missing[1].What != "npm" || a.missing[1].Count != 2 {
		t.Errorf("%+v", a.missing)
	}
}

// An ecosystem without data does not hide what another's data finds.
func TestSomeData(t *testing.T) {
	a := run(t, map[string]string{"go.mod": goMod, "Cargo.lock": "version = 3\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n"}, testData(t))
	if len(a.findings) != 1 || len(a.missing) != 1 || a.missing[0].What != "crates.io" {
		t.Errorf("%+v", a)
	}
}

func TestDamagedDataFails(t *testing.T) {
	dir := testData(t)
	files, err := filepath.Glob(filepath.Join(dir, "Go-*.osv"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Truncate(files[0], 100); err != nil {
		t.Fatal(err)
	}
	if a := run(t, map[string]string{"go.mod": goMod}, dir); !strings.Contains(a.failure, "damaged") || !strings.Contains(a.failure, updateCommand) {
		t.Errorf("%+v", a)
	}
	if a := run(t, map[string]string{"go.mod": goMod}, t.TempDir()); !strings.Contains(a.failure, "no advisory data") {
		t.Errorf("an empty directory: %+v", a)
	}
}

func TestTheFinding(t *testing.T) {
	a := run(t, map[string]string{"api/go.mod": goMod, "web/package-lock.json": npmLock, "py/requirements.txt": "x==1\nPatient.Forms==1.0\n"}, testData(t))
	if len(a.findings) != 4 {
		t.Fatalf("%d findings: %+v", len(a.findings), a.findings)
	}
	hl7, forms, evil, chart := a.findings[0], a.findings[1], a.findings[2], a.findings[3]
	if r := a.rules["CVE-2026-1111"]; r.Severity != checks.High || r.Title != "hl7: out-of-bounds read of a segment" || !slices.Equal(r.CWE, []string{"CWE-125"}) || len(r.References) != 2 {
		t.Errorf("%+v", r)
	}
	p := hl7.Package
	if p.Advisory != "CVE-2026-1111" || !slices.Equal(p.Aliases, []string{"GHSA-aaaa-bbbb-cccc", "GO-2026-0001"}) || !slices.Equal(p.Fixed, []string{"1.3.0", "1.3.1"}) ||
		p.PURL != "pkg:golang/github.com/acme/hl7@1.2.0" || hl7.Fix != "Update github.com/acme/hl7 to 1.3.1" || hl7.Location.StartLine != 6 || hl7.Confidence != "high" {
		t.Errorf("%+v %+v", hl7, p)
	}
	if forms.Rule.ID != "CVE-2026-4444" || forms.Location.StartLine != 2 || forms.Package.Name != "Patient.Forms" {
		t.Errorf("%+v", forms)
	}
	if evil.Rule.ID != "MAL-2026-1" || a.rules["MAL-2026-1"].Severity != checks.Critical || evil.Fix != "Remove evil-chart" || !strings.Contains(evil.Evidence.Message, "(development only)") {
		t.Errorf("%+v", evil)
	}
	if chart.Rule.ID != "CVE-2026-3333" || chart.Location.StartLine != 5 || a.rules["CVE-2026-3333"].Severity != checks.Medium {
		t.Errorf("%+v", chart)
	}
}

// Identity is the package and the vulnerability, not version or file.
func TestIdentity(t *testing.T) {
	data := testData(t)
	one := run(t, map[string]string{"go.mod": goMod}, data).findings[0]
	moved := run(t, map[string]string{"sub/go.mod": strings.Replace(goMod, "hl7 v1.2.0", "hl7 v1.2.9", 1)}, data).findings[0]
	other := run(t, map[string]string{"go.mod": strings.Replace(goMod, "1.26.0", "1.20", 1)}, data).findings
	if one.Fingerprint != moved.Fingerprint || one.ValueBound {
		t.Error("another version in another folder is another finding")
	}
	if len(other) != 2 || other[0].Fingerprint == other[1].Fingerprint || other[1].Rule.ID != "CVE-2026-2222" || other[1].Confidence != "medium" || other[1].Fix != "Raise the go or toolchain line to 1.25.9" {
		t.Errorf("%+v", other)
	}
}

// What cannot be judged is named, and what to do.
func TestUnread(t *testing.T) {
	a := run(t, map[string]string{
		"package.json":          `{"name":"x","version":"1.0.0","dependencies":{"left-chart":"^1.0.0"}}`,
		"lib/package.json":      `{"name":"left-chart","version":"1.0.0"}`,
		"py/requirements.txt":   "patient-forms>=1.0\nflask\n",
		"java/pom.xml":          "<project><groupId>g</groupId><artifactId>a</artifactId><version>1</version><dependencies><dependency><groupId>x</groupId><artifactId>y</artifactId><version>${nowhere}</version></dependency></dependencies></project>",
		"bun/bun.lockb":         "\x00\x01",
		"bun/package.json":      `{"dependencies":{"a":"1"}}`,
		"locked/Cargo.toml":     "[dependencies]\na = \"1\"\n",
		"locked/Cargo.lock":     "version = 3\n",
		"locked/sub/Cargo.toml": "[dependencies]\na = \"1\"\n",
		"rust/Cargo.toml":       "[dependencies]\na = \"1\"\n",
		"ios/Podfile.lock":      "PODS:\n  - A (1.0.0)\n\nDEPENDENCIES:\n  - A\n",
		"broken/package.json":   "{",
	}, testData(t))
	if a.failure != "" || len(a.findings) != 0 || len(a.missing) != 0 {
		t.Fatalf("%+v", a)
	}
	for what, want := range map[string]string{
		"npm manifests": "1 npm install --package-lock-only [package.json]",
		"PyPI requirements without an exact version": "1 pip freeze [py/requirements.txt: patient-forms 1.0]",
		"PyPI packages without a version":            "1  [py/requirements.txt: flask]",
		"Maven projects":                             "1  [java/pom.xml]",
		"lock files in a format that cannot be read": "1 bun install --save-text-lockfile [bun/bun.lockb]",
		"Cargo manifests":                            "1 cargo generate-lockfile [rust/Cargo.toml]",
		"cocoapods packages":                         "1  [ios/Podfile.lock: A]",
		"files that could not be parsed":             "1  [broken/package.json]",
	} {
		u := a.unread[what]
		if got := fmt.Sprintf("%d %s %v", u.Count, u.Command, u.Examples); got != want {
			t.Errorf("%s: %s, want %s (of %+v)", what, got, want, a.unread)
		}
		delete(a.unread, what)
	}
	if len(a.unread) != 0 {
		t.Errorf("and more: %+v", a.unread)
	}
}

// Every claimed file is accounted for, and a broken lock file is named.
func TestAccounts(t *testing.T) {
	files := map[string]string{
		"package-lock.json": "{", "go.mod": "nonsense", "yarn.lock": "a@1:\n  version \"1.0.0\"\n" + strings.Repeat("x", 70<<10) + "\nb@1:\n  version \"1.0.0\"\n",
		"node_modules/a/yarn.lock": "", "x.jar": "no zip", "CARGO.LOCK": "", "gradle/other.versions.toml": "[", "a/pnpm-lock.yaml": "{", "setup.cfg": "", "empty/poetry.lock": "",
	}
	a := run(t, files, testData(t))
	if a.failure != "" {
		t.Fatal(a.failure)
	}
	set := claimSet(t)
	for p := range files {
		if ok, _ := set.Match(p); ok && !a.read[p] && a.skipped[p].Path == "" {
			t.Errorf("%s is neither read nor skipped", p)
		}
	}
	for _, p := range []string{"package-lock.json", "go.mod", "yarn.lock", "a/pnpm-lock.yaml"} {
		if a.skipped[p].Reason != checks.SkipUnparsable {
			t.Errorf("%s: %+v", p, a.skipped[p])
		}
	}
	if a.skipped["x.jar"].Path != "" || a.skipped["node_modules/a/yarn.lock"].Reason != checks.SkipAllowlisted || a.skipped["CARGO.LOCK"].Reason != checks.SkipBinary {
		t.Errorf("%+v", a.skipped)
	}
}

func TestOneFindingForAPackageNamedTwice(t *testing.T) {
	a := run(t, map[string]string{"requirements.txt": "patient-forms==1.0\npatient_forms==1.0\nPatient-Forms==1.2\n"}, testData(t))
	var got []string
	for _, f := range a.findings {
		got = append(got, f.Location.Symbol)
	}
	if len(got) != 3 {
		t.Errorf("%q", got) // two spellings are two names in the file, one identity
	}
	if a.findings[0].Fingerprint != a.findings[2].Fingerprint {
		t.Error("two spellings have two identities")
	}
	twice := run(t, map[string]string{"requirements.txt": "patient-forms==1.0\npatient-forms==1.0\n"}, testData(t))
	if len(twice.findings) != 1 {
		t.Errorf("%+v", twice.findings)
	}
}
