package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func written(t *testing.T, name string, d checks.Document) string {
	t.Helper()
	f, err := FormatNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b, d, Options{Table: TableOptions{Style: NewStyle(&b, false)}}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b.String()
}

// The formats that have golden files here; the others have their own.
func goldenFormats() []string { return []string{"markdown", "github", "junit", "csv", "ocsf"} }

func TestFormats(t *testing.T) {
	known := map[string]bool{}
	for name, d := range documents() {
		for _, format := range goldenFormats() {
			file := filepath.Join("formats", name+"."+format)
			known[filepath.Base(file)] = true
			golden(t, file, []byte(written(t, format, d)))
		}
	}
	entries, err := os.ReadDir(filepath.Join("testdata", "formats"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !known[e.Name()] {
			t.Errorf("testdata/formats/%s is of no document and format", e.Name())
		}
	}
}

// passes says, as a reader of each format would, whether it looks like a pass.
func passes(t *testing.T, format, out string) bool {
	t.Helper()
	var v struct {
		Verdict checks.Verdict
		Runs    []struct {
			Invocations []struct{ ExecutionSuccessful bool }
		}
		Compositions []struct{ Aggregate string }
	}
	switch format {
	case "json", "sarif", "cyclonedx":
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatal(err)
		}
	}
	switch format {
	case "table":
		return strings.Contains(out, "PASS")
	case "json":
		return v.Verdict.Findings == checks.Pass && v.Verdict.Complete
	case "sarif":
		for _, r := range v.Runs {
			if !r.Invocations[0].ExecutionSuccessful {
				return false
			}
		}
		return len(v.Runs) > 0
	case "cyclonedx":
		return v.Compositions[0].Aggregate == "complete"
	case "spdx":
		return !strings.Contains(out, "Not complete")
	case "markdown":
		return strings.Contains(out, "PASS") || strings.Contains(out, "# ✅")
	case "github":
		return !strings.Contains(out, "::error ")
	case "junit":
		return !strings.Contains(out, "<error ")
	case "csv":
		return strings.Contains(out, ",PASS,")
	case "gitlab-sast", "gitlab-dependency-scanning", "gitlab-secret-detection":
		return soundGitLab(t, out).Scan.Status == "success"
	case "ocsf":
		for _, e := range soundOCSF(t, out) {
			if e.ClassUID == ocsfScan && e.StatusID != 1 || e.Scan != nil && strings.Contains("FAIL UNKNOWN", e.StatusCode) {
				return false
			}
		}
		return true
	case "html":
		return strings.Contains(out, "PASS</h1>") || strings.Contains(out, `<header class="verdict PASS">`)
	}
	t.Fatalf("nobody said how a pass looks in %s", format)
	return true
}

// No format takes what is not complete for a pass, and each one has a pass.
func TestNoFormatLooksLikeAPass(t *testing.T) {
	broken := clean() // with a verdict that lies
	broken.Steps[1] = checks.Step{Check: "deps", Status: checks.Failed, Reason: "no answer"}
	honest := documents()["incomplete"]
	honest.Runs[0].Steps[1].Status = checks.Missing
	for _, f := range Formats() {
		if !passes(t, f.Name, written(t, f.Name, documents()["clean"])) {
			t.Errorf("%s: a clean run does not look like a pass", f.Name)
		}
		if passes(t, f.Name, written(t, f.Name, honest)) {
			t.Errorf("%s: a run that is not complete looks like a pass", f.Name)
		}
		if f.Single {
			if err := f.Write(io.Discard, checks.Document{}, Options{}); err == nil {
				t.Errorf("%s: written for no run", f.Name)
			}
			continue
		}
		for name, d := range map[string]checks.Document{"zero": {}, "a zero run": {Runs: []checks.Run{{}}}} {
			if passes(t, f.Name, written(t, f.Name, d)) {
				t.Errorf("%s: %s looks like a pass", f.Name, name)
			}
		}
		// These two write the verdict as it is given.
		if f.Name != "json" && f.Name != "table" && passes(t, f.Name, written(t, f.Name, document(clean().Verdict, broken))) {
			t.Errorf("%s: a failed step under a verdict that lies looks like a pass", f.Name)
		}
	}
}

// What the baseline has too fails nothing, in no format, and is in each one.
func TestWhatWasThereBefore(t *testing.T) {
	d := documents()["newonly"]
	for _, f := range Formats() {
		if !passes(t, f.Name, written(t, f.Name, d)) {
			t.Errorf("%s: a run with nothing new does not look like a pass", f.Name)
		}
	}
	if s := soundJUnit(t, written(t, "junit", d)); s.Failures != 0 || s.Errors != 0 || s.Suites[0].Skipped != 3 {
		t.Errorf("junit: %+v", s)
	}
	md := written(t, "markdown", d)
	if !strings.Contains(md, "### 2 that were there before") || !strings.Contains(md, "| 0 | 0 | 0 | 0 | 0 | 0 | 2 | 1 |") {
		t.Error(md)
	}
	if n := soundGitHub(t, written(t, "github", d)); n["error"]+n["warning"] != 0 || n["notice"] != 1 {
		t.Errorf("github: %v", n)
	}
	if r := soundGitLab(t, written(t, "gitlab-secret-detection", d)); len(r.Vulnerabilities) != 2 || r.Vulnerabilities[0].Details["baseline"].Value == "" {
		t.Errorf("gitlab: %+v", r)
	}
	// Without a baseline, and with one that says nothing of a finding, it counts.
	r := newOnly()
	r.Findings[0].New = nil
	if s := soundJUnit(t, written(t, "junit", document(failed(), r))); s.Failures != 1 {
		t.Errorf("%d failures of what nobody compared", s.Failures)
	}
	r = newOnly()
	r.Baseline = nil
	if s := soundJUnit(t, written(t, "junit", document(failed(), r))); s.Failures != 2 {
		t.Errorf("%d failures of what was compared with nothing", s.Failures)
	}
}

func TestFormatNamed(t *testing.T) {
	if _, err := FormatNamed("markdwon"); err == nil || !strings.Contains(err.Error(), `did you mean "markdown"?`) {
		t.Errorf("%v", err)
	}
	if _, err := FormatNamed(strings.Repeat("x", 1<<20)); err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Error("something is near to nothing")
	}
	for _, f := range Formats() {
		if got, err := FormatNamed(f.Name); err != nil || got.Name != f.Name || f.Purpose == "" || f.Limits == "" || f.File == "" || f.Write == nil {
			t.Errorf("%s: %v, or it says too little", f.Name, err)
		}
	}
}

// nothingHidden fails where a control or a character that reorders text is left.
func nothingHidden(t *testing.T, what, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s is not UTF-8", what)
	}
	for _, r := range out {
		if r != '\n' && r != '\r' && r != '\ufe0f' && (unicode.Is(unicode.C, r) || r == '\u2028') {
			t.Fatalf("%s: %U is left", what, r)
		}
	}
}

// soundMarkdown reads with a GFM parser: nothing but what the writer itself makes.
func soundMarkdown(t *testing.T, out string) {
	t.Helper()
	nothingHidden(t, "markdown", out)
	src := []byte(out)
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(src))
	err := ast.Walk(root, func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		switch n.Kind() {
		case ast.KindRawHTML, ast.KindHTMLBlock, ast.KindLink, ast.KindImage, ast.KindAutoLink, ast.KindCodeBlock, ast.KindFencedCodeBlock:
			return ast.WalkStop, fmt.Errorf("a %s", n.Kind())
		case ast.KindText:
			// Outside of code nothing of the target is left: no mention, no reference.
			if enter && n.Parent().Kind() != ast.KindCodeSpan && bytes.ContainsAny(n.(*ast.Text).Segment.Value(src), "@#`<") {
				return ast.WalkStop, fmt.Errorf("outside of code: %q", n.(*ast.Text).Segment.Value(src))
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Error(err)
	}
}

// ghCommand is the grammar of the runner (actions/runner, ActionCommand.cs,
// TryParseV2): "::" name, properties with commas between, "::" message.
var ghCommand = regexp.MustCompile(`^::(error|warning|notice) ((?:[a-zA-Z]+=[^:,\r\n]*)(?:,[a-zA-Z]+=[^:,\r\n]*)*)::([^\r\n]+)$`)

// soundGitHub gives the number of annotations of each kind.
func soundGitHub(t *testing.T, out string) map[string]int {
	t.Helper()
	nothingHidden(t, "github", out)
	n := map[string]int{}
	for l := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
		m := ghCommand.FindStringSubmatch(l)
		if m == nil {
			t.Fatalf("not a workflow command: %q", l)
		}
		for _, part := range m[2:] {
			if regexp.MustCompile(`%(?:$|[^23]|2[^5C]|3[^A])`).MatchString(strings.NewReplacer("%0A", "", "%0D", "").Replace(part)) {
				t.Errorf("a percent sign that is not escaped: %q", part)
			}
		}
		n[m[1]]++
	}
	return n
}

func soundCSV(t *testing.T, out string) [][]string {
	t.Helper()
	nothingHidden(t, "csv", out)
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll() // as many cells in each row
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, c := range row {
			if c != "" && strings.ContainsAny(strings.TrimSpace(c)[:min(1, len(strings.TrimSpace(c)))], "=+-@") {
				t.Errorf("a spreadsheet computes %q", c)
			}
		}
	}
	return rows
}

func soundJUnit(t *testing.T, out string) junitSuites {
	t.Helper()
	nothingHidden(t, "junit", out)
	d := xml.NewDecoder(strings.NewReader(out))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && !strings.Contains(" testsuites testsuite testcase failure error skipped ", " "+e.Name.Local+" ") {
			t.Fatalf("an element %s", e.Name.Local)
		}
	}
	var s junitSuites
	if err := xml.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// junitReader reads reports with what others wrote: Jenkins's schema, and
// junitparser, whose counts it prints.
const junitReader = `
import sys, junitparser, xmlschema
schema = xmlschema.XMLSchema(sys.argv[1])
for name in sys.argv[2:]:
    schema.validate(name)
    all = junitparser.JUnitXml.fromfile(name)
    kinds = [type(result).__name__ for suite in all for case in suite for result in case.result]
    print(sum(len(list(suite)) for suite in all), kinds.count("Failure"), kinds.count("Error"), kinds.count("Skipped"))
`

func TestJUnitByOthers(t *testing.T) {
	dir := os.Getenv("VITALSIGN_REPORT_SCHEMAS")
	if dir == "" {
		t.Skip("VITALSIGN_REPORT_SCHEMAS does not name the schemas (tools/report-schemas.sh)")
	}
	args := []string{"-c", junitReader, filepath.Join(dir, "junit-10.xsd")}
	want := ""
	for name, d := range documents() {
		out := written(t, "junit", d)
		file := filepath.Join(t.TempDir(), name+".xml")
		if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
		s, skipped := soundJUnit(t, out), 0
		for _, suite := range s.Suites {
			skipped += suite.Skipped
		}
		want += fmt.Sprintln(s.Tests, s.Failures, s.Errors, skipped)
	}
	got, err := exec.Command(filepath.Join(dir, "python", "bin", "python"), args...).CombinedOutput()
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

func sound(t *testing.T, d checks.Document) {
	t.Helper()
	soundMarkdown(t, written(t, "markdown", d))
	soundGitHub(t, written(t, "github", d))
	soundCSV(t, written(t, "csv", d))
	soundJUnit(t, written(t, "junit", d))
	soundHTML(t, written(t, "html", d))
	soundOCSF(t, written(t, "ocsf", d))
	if len(d.Runs) == 1 {
		gitlabReports(t, d)
	}
}

func TestFormatsAreSound(t *testing.T) {
	for name, d := range documents() {
		t.Run(name, func(t *testing.T) { sound(t, d) })
	}
}

// Many findings: what has a limit stays within it and counts the rest, worst
// first; what has none has all.
func TestFormatsAreBounded(t *testing.T) {
	r := clean()
	r.Findings = many(6000)
	d := document(failed(), r)
	md := written(t, "markdown", d)
	soundMarkdown(t, md)
	shown := strings.Count(md, "**critical** ") + strings.Count(md, "**high** ")
	if len(md) > CommentLimit || !strings.Contains(md, fmt.Sprintf("and %d more findings", 6000-shown)) || strings.Contains(md, "**info** ") {
		t.Errorf("%d bytes, %d shown; the end is %q", len(md), shown, md[len(md)-200:])
	}
	total := 0
	for kind, n := range soundGitHub(t, written(t, "github", d)) {
		total += n
		if n > annotationsOfAKind {
			t.Errorf("%d of %s", n, kind)
		}
	}
	// critical, high, unrated and the verdict are errors: 3001, of which 9 are shown.
	if out := written(t, "github", d); total > annotationsOfAJob || !strings.Contains(out, "and 2992 more of this kind") || strings.Index(out, "critical") > strings.Index(out, "warning") {
		t.Errorf("%d annotations: %s", total, out)
	}
	if rows := soundCSV(t, written(t, "csv", d)); len(rows) != 6000+1+2+3 {
		t.Errorf("%d rows", len(rows))
	}
	if s := soundJUnit(t, written(t, "junit", d)); s.Failures != 6000 || s.Errors != 0 || s.Tests != 6003 {
		t.Errorf("%d tests, %d failures, %d errors", s.Tests, s.Failures, s.Errors)
	}
}

func TestMarkdownStaysWithinAnyLimit(t *testing.T) {
	d := document(failed(), hostileRun(), hostileRun(), hostileRun())
	for limit := 4096; limit < 40000; limit += 997 {
		var b bytes.Buffer
		if err := Markdown(&b, d, limit); err != nil {
			t.Fatal(err)
		}
		if b.Len() > limit || !strings.HasPrefix(b.String(), "# ❌ vitalsign: FAIL") {
			t.Errorf("limit %d: %d bytes", limit, b.Len())
		}
		soundMarkdown(t, b.String())
	}
}
