package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	validate "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// gitlabRules is what GitLab's schemas (15.1.4) demand of the parts that are
// written, in our words and stricter: nothing else may be there. Their own
// schemas are in no package registry; TestGitLabByItsSchemas takes them from a
// directory.
const gitlabRules = `{
  "$defs": {
    "text": {"type": "string", "minLength": 1},
    "tool": {"type": "object", "additionalProperties": false, "required": ["id", "name", "version", "vendor"], "properties": {
      "id": {"$ref": "#/$defs/text"}, "name": {"$ref": "#/$defs/text"}, "version": {"$ref": "#/$defs/text"}, "url": {"type": "string", "pattern": "^https?://.+"},
      "vendor": {"type": "object", "required": ["name"], "properties": {"name": {"$ref": "#/$defs/text"}}}}},
    "time": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}$"},
    "web": {"type": "string", "pattern": "^(https?|ftp)://.+"},
    "dependency": {"type": "object", "required": ["package", "version"], "properties": {
      "package": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}, "version": {"type": "string"}}}
  },
  "type": "object", "additionalProperties": false, "required": ["scan", "version", "vulnerabilities"], "properties": {
    "version": {"const": "15.1.4"}, "schema": {"type": "string", "pattern": "^https?://.+"},
    "scan": {"type": "object", "additionalProperties": false, "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"], "properties": {
      "analyzer": {"$ref": "#/$defs/tool"}, "scanner": {"$ref": "#/$defs/tool"}, "start_time": {"$ref": "#/$defs/time"}, "end_time": {"$ref": "#/$defs/time"},
      "status": {"enum": ["success", "failure"]}, "type": {"enum": ["sast", "dependency_scanning", "secret_detection"]},
      "messages": {"type": "array", "items": {"type": "object", "required": ["level", "value"], "properties": {"level": {"enum": ["info", "warn", "fatal"]}, "value": {"$ref": "#/$defs/text"}}}}}},
    "vulnerabilities": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["id", "identifiers", "location", "name", "severity"], "properties": {
      "id": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"},
      "name": {"type": "string", "minLength": 1, "maxLength": 255}, "description": {"type": "string", "maxLength": 1048576}, "solution": {"type": "string", "maxLength": 7000},
      "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
      "identifiers": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": false, "required": ["type", "name", "value"], "properties": {
        "type": {"$ref": "#/$defs/text"}, "name": {"$ref": "#/$defs/text"}, "value": {"$ref": "#/$defs/text"}, "url": {"$ref": "#/$defs/web"}}}},
      "links": {"type": "array", "items": {"type": "object", "required": ["url"], "properties": {"url": {"$ref": "#/$defs/web"}}}},
      "details": {"type": "object", "additionalProperties": {"type": "object", "required": ["name", "type", "value"], "properties": {"name": {"$ref": "#/$defs/text"}, "type": {"enum": ["text", "code"]}, "value": {"type": "string"}}}},
      "location": {"type": "object", "additionalProperties": false, "required": ["file"], "properties": {
        "file": {"$ref": "#/$defs/text"}, "start_line": {"type": "integer", "minimum": 1}, "end_line": {"type": "integer", "minimum": 1}, "method": {"type": "string"},
        "commit": {"type": "object", "required": ["sha"], "properties": {"sha": {"$ref": "#/$defs/text"}}}, "dependency": {"$ref": "#/$defs/dependency"}}}}}}
  },
  "allOf": [
    {"if": {"properties": {"scan": {"properties": {"type": {"const": "dependency_scanning"}}}}}, 
      "then": {"properties": {"vulnerabilities": {"items": {"properties": {"location": {"required": ["file", "dependency"]}}}}}}},
    {"if": {"properties": {"scan": {"properties": {"type": {"const": "secret_detection"}}}}},
      "then": {"properties": {"vulnerabilities": {"items": {"properties": {"location": {"required": ["commit"]}}}}}}}
  ]
}`

// gitlabRulesOf are compiled once: the fuzz target asks for them all the time.
var gitlabRulesOf = sync.OnceValue(func() *validate.Schema {
	v, err := validate.UnmarshalJSON(strings.NewReader(gitlabRules))
	if err != nil {
		panic(err) // a mistake in the text above
	}
	c := validate.NewCompiler()
	if err := c.AddResource("gitlab:rules", v); err != nil {
		panic(err)
	}
	return c.MustCompile("gitlab:rules")
})

// soundGitLab is a report by our reading of the schema.
func soundGitLab(t *testing.T, out string) gitlabReport {
	t.Helper()
	nothingHidden(t, "gitlab", out)
	valid(t, gitlabRulesOf(), []byte(out))
	var r gitlabReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, v := range r.Vulnerabilities {
		if ids[v.ID] {
			t.Errorf("two vulnerabilities have the id %s", v.ID)
		}
		ids[v.ID] = true
		for _, text := range []string{v.Description, v.Solution} {
			// GitLab Flavored Markdown, in which only code spans are harmless.
			if text != "" && !regexp.MustCompile("^`.*`$").MatchString(text) {
				t.Errorf("not a code span: %q", text)
			}
		}
	}
	return r
}

func gitlabReports(t *testing.T, d checks.Document) map[string]gitlabReport {
	t.Helper()
	of := map[string]gitlabReport{}
	for _, k := range gitlabKinds() {
		of[k.kind] = soundGitLab(t, written(t, k.format, d))
	}
	return of
}

// Each finding is in the report of its kind, or counted in a message.
func TestGitLab(t *testing.T) {
	r := clean()
	code, dep, live, aside := weakness(1, checks.Critical), weakness(2, checks.Unrated), weakness(3, checks.High), weakness(4, checks.High)
	code.Check, code.Rule = "iac", checks.Rule{ID: "AWS-0001", Title: "Open bucket", Severity: checks.Critical, Class: "trivy/aws-0001", CWE: []string{"CWE-284", "CWE-x"}, References: []string{"https://example.org/a", "javascript:alert(1)"}}
	twin := code
	twin.Check, twin.Rule.Class = "sast", checks.ClassCredential // gosec's G101
	dep.Check, dep.Rule.Class = "deps", checks.ClassDependency
	dep.Package = &checks.Package{Name: "left-pad", Version: "1.0.0", Advisory: "GHSA-xxxx-yyyy-zzzz", Aliases: []string{"CVE-2026-0001"}}
	live.Location = checks.Location{Path: "/patients"}
	aside.Waived = &checks.Waived{ID: "w", Until: "2026-12-31", Reason: "accepted"}
	r.Findings = []checks.Finding{weakness(0, checks.High), code, twin, dep, live, aside}
	of := gitlabReports(t, document(failed(), r))
	for kind, n := range map[string]int{"sast": 2, "dependency_scanning": 1, "secret_detection": 1} {
		if got := of[kind]; len(got.Vulnerabilities) != n || got.Scan.Status != "success" {
			t.Errorf("%s: %d vulnerabilities, %s %v", kind, len(got.Vulnerabilities), got.Scan.Status, got.Scan.Messages)
		}
	}
	want := "findings that are not in this report: 2 of code and infrastructure (gitlab-sast has them), 1 of dependencies (gitlab-dependency-scanning has them), 1 of running applications, 1 that are ignored or waived"
	if m := of["secret_detection"].Scan.Messages; len(m) != 1 || m[0].Value != want {
		t.Errorf("%v", m)
	}
	v := of["sast"].Vulnerabilities[0]
	if v.Severity != "Critical" || v.Identifiers[0].Value != "AWS-0001" || len(v.Identifiers) != 2 || len(v.Links) != 1 {
		t.Errorf("%+v", v)
	}
	v = of["dependency_scanning"].Vulnerabilities[0]
	if v.Severity != "Unknown" || v.Identifiers[0].Type != "ghsa" || v.Identifiers[1].Type != "cve" || v.Location.Dependency.Package.Name != "left-pad" {
		t.Errorf("%+v", v)
	}
}

// A report is a failure where what it speaks for was not looked at, and only there.
func TestGitLabStatus(t *testing.T) {
	set := func(i int, s checks.Status) checks.Run {
		r := clean()
		r.Steps[i].Status = s
		return r
	}
	missing := checks.Verdict{Findings: checks.Pass, Exit: 3}
	for name, c := range map[string]struct {
		d    checks.Document
		want string
	}{
		"clean":                  {document(clean().Verdict, clean()), "success success success"},
		"secrets failed":         {document(missing, set(0, checks.Failed)), "success success failure"},
		"deps missing":           {document(missing, set(1, checks.Missing)), "success failure success"},
		"deps left out":          {document(clean().Verdict, set(1, checks.Excluded)), "success failure success"},
		"iac stale":              {document(missing, set(2, checks.Stale)), "failure success success"},
		"without a status":       {document(missing, set(2, "")), "failure success success"},
		"an external one failed": {documents()["incomplete"], "failure failure failure"},
		"interrupted":            {document(checks.Verdict{Exit: 130}, clean()), "failure failure failure"},
		"nothing":                {document(clean().Verdict, checks.Run{}), "failure failure failure"},
	} {
		of := gitlabReports(t, c.d)
		if got := of["sast"].Scan.Status + " " + of["dependency_scanning"].Scan.Status + " " + of["secret_detection"].Scan.Status; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// GitLab's own schemas, where somebody has put them.
func TestGitLabByItsSchemas(t *testing.T) {
	dir := os.Getenv("VITALSIGN_GITLAB_SCHEMAS")
	if dir == "" {
		t.Skip("VITALSIGN_GITLAB_SCHEMAS does not name the directory dist of GitLab's security-report-schemas, version " + gitlabVersion)
	}
	for _, k := range gitlabKinds() {
		file := strings.ReplaceAll(k.kind, "_", "-") + "-report-format.json"
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		s := compile(t, b, "gitlab:"+file)
		for _, d := range documents() {
			if len(d.Runs) == 1 {
				valid(t, s, []byte(written(t, k.format, d)))
			}
		}
	}
}
