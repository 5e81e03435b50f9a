package external_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/checktest"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/checks/external"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// reportEngine hands a report to the check. {canary} in it stands for the
// directory of the canary.
type reportEngine struct {
	tool   checks.Tool
	report string
	dir    string
	out    bytes.Buffer
}

func (*reportEngine) Name() string { return "report" }

func (e *reportEngine) Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (pipelines.Usage, error) {
	name := filepath.Join(e.dir, "report.sarif")
	if e.report != "none" {
		report := strings.NewReplacer("{canary}", job.CanaryDir, "/target", filepath.ToSlash(filepath.Join(e.dir, "src"))).Replace(e.report)
		if err := os.WriteFile(name, []byte(report), 0o600); err != nil {
			return pipelines.Usage{}, err
		}
	}
	job.Tool, job.ToolRun = &e.tool, &checks.ToolRun{Version: "1"}
	job.Data = map[string]string{checks.ToolReport: name}
	doc, err := json.Marshal(job)
	if err != nil {
		return pipelines.Usage{}, err
	}
	p := child.Program{External: external.New, Redactor: noRedactor{}, Build: "test", Key: key.Text()}
	_ = p.Run(ctx, job.Check, bytes.NewReader(doc), io.MultiWriter(out, &e.out))
	return pipelines.Usage{}, ctx.Err()
}

// target is what the recorded tools looked at, the value made up.
func target() map[string]string {
	return map[string]string{
		"app/a.py":                 "import subprocess\nimport hashlib\n\ndef run(cmd):\n    return subprocess.call(cmd, shell=True)\n\ndef h(x):\n    return hashlib.md5(x).hexdigest()  # nosec\n",
		"app/broken.py":            "def broken(:\n",
		"app/a.js":                 "const cp = require(\"child_process\");\nfunction f(x) {\n  cp.exec(\"ls \" + x);\n  eval(x); // eslint-disable-line\n}\nmodule.exports = f;\n",
		"app/broken.js":            "function (\n",
		"app/models/a.rb":          "class A\n  where(\"a = #{b}\")\nend\n",
		"main.tf":                  "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"x\"\n  acl    = \"public-read\"\n}\n",
		"Dockerfile":               "FROM ubuntu:latest\nRUN curl http://x | sh\n",
		"settings.ini":             "key = a-made-up-value-0001\n",
		"package-lock.json":        "{}\n",
		".vitalsign/dast-urls.txt": "https://clinic.example\n",
	}
}

func judge(t *testing.T, tool checks.Tool, report string, files map[string]string) (checks.Run, string) {
	t.Helper()
	root := checktest.WriteTree(t, files)
	key, err := checks.NewIdentityKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	e := &reportEngine{tool: tool, report: report, dir: t.TempDir()}
	plan := pipelines.Plan{Root: root, Inventory: checktest.Inventory(t, root), Build: "test", Key: key,
		Steps: []pipelines.PlannedStep{{Check: tool.Describe(), Limits: checks.DefaultLimits()}}}
	run := pipelines.Execute(t.Context(), plan, e, pipelines.Options{Parallel: 1, Now: func() time.Time { return time.Unix(0, 0) }})
	return run, e.out.String()
}

// recorded names what each report in testdata must become: status, and
// findings as "rule severity path:line".
func recorded() map[string]struct {
	status checks.Status
	want   []string
} {
	type r = struct {
		status checks.Status
		want   []string
	}
	return map[string]r{
		"bandit":      {checks.Partial, []string{"B324 high app/a.py:8", "B404 low app/a.py:1", "B602 high app/a.py:5"}},
		"semgrep":     {checks.OK, []string{"python-shell-true high app/a.py:5"}},
		"eslint":      {checks.Partial, []string{"security/detect-child-process medium app/a.js:3", "security/detect-eval-with-expression medium app/a.js:4"}},
		"checkov":     {checks.OK, []string{"CKV_AWS_20 high main.tf:1", "CKV_DOCKER_7 high Dockerfile:1"}},
		"gitleaks":    {checks.OK, []string{"aws-access-token unrated settings.ini:1"}},
		"trivy":       {checks.OK, []string{"DS002 high Dockerfile:1", "aws-access-key-id critical settings.ini:1"}},
		"grype":       {checks.OK, []string{"GHSA-xvch-5gv4-984h-minimist critical package-lock.json:1"}},
		"osv-scanner": {checks.OK, []string{"CVE-2021-44906 critical package-lock.json:0"}},
		"opengrep":    {checks.Partial, []string{"python-shell-command high app/a.py:5"}},
		"codeql":      {checks.OK, []string{"js/code-injection critical app/a.js:4"}},
		"nuclei":      {checks.OK, []string{"missing-hsts low .vitalsign/dast-urls.txt:1"}},
		"zap":         {checks.OK, []string{"10038 medium .vitalsign/dast-urls.txt:1"}},
		"brakeman":    {checks.OK, []string{"BRAKE0000 high app/models/a.rb:2"}},
	}
}

// Every preset has a report, and each becomes what is in it.
func TestReportsOfEveryPreset(t *testing.T) {
	presets := external.Presets()
	if len(presets) != 13 {
		t.Errorf("%d presets", len(presets))
	}
	for _, tool := range presets {
		t.Run(tool.Name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", tool.Name+".sarif"))
			if err != nil {
				t.Fatal(err)
			}
			c, ok := recorded()[tool.Name]
			if !ok {
				t.Fatal("nothing is expected of it")
			}
			tool.Canary = checks.Canary{} // it was not there when they ran
			run, out := judge(t, tool, string(b), target())
			var got []string
			for _, f := range run.Findings {
				got = append(got, fmt.Sprintf("%s %s %s:%d", f.Rule.ID, f.Rule.Severity, f.Location.Path, f.Location.StartLine))
				if f.Rule.Title == "" || f.Rule.Advice == "" || f.Rule.Class == "" || f.Evidence.Message == "" {
					t.Errorf("%+v says too little", f)
				}
			}
			slices.Sort(got)
			if step := run.Steps[0]; step.Status != c.status || !slices.Equal(got, c.want) {
				t.Errorf("%s (%s)\n got %q\nwant %q", step.Status, step.Reason, got, c.want)
			}
			if strings.Contains(out, "a-made-up-value-0001") || strings.Contains(out, "mrn=1") {
				t.Error("a value left the child")
			}
		})
	}
}

func TestWeaknessesOfReports(t *testing.T) {
	for name, want := range map[string]string{"codeql": "CWE-94 CWE-95", "zap": "CWE-693", "semgrep": "CWE-78"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".sarif"))
		if err != nil {
			t.Fatal(err)
		}
		tool := presetNamed(t, name)
		tool.Canary = checks.Canary{}
		run, _ := judge(t, tool, string(b), target())
		if len(run.Findings) != 1 || strings.Join(run.Findings[0].Rule.CWE, " ") != want {
			t.Errorf("%s: %+v", name, run.Findings)
		}
	}
}

// sarif wraps the inside of one run.
func sarif(run string) string { return `{"version":"2.1.0","runs":[{` + run + `}]}` }

func fakeTool() checks.Tool {
	return checks.Tool{Name: "fake", Command: "fake", Stdout: true, Claims: []checks.Claim{{Pattern: "**/*.txt"}}}
}

const empty = `"tool":{"driver":{"name":"x"}},"results":[]`

func at(uri string) string {
	return `{"physicalLocation":{"artifactLocation":{"uri":"` + uri + `"},"region":{"startLine":1}}}`
}

func oneResult(rest string) string {
	return sarif(`"tool":{"driver":{"name":"x","rules":[{"id":"r","shortDescription":{"text":"A rule"}}]}},"results":[{"ruleId":"r","message":{"text":"m"}` + rest + `}]`)
}

// What is no answer is never taken for one.
func TestBrokenReports(t *testing.T) {
	for name, c := range map[string]struct{ report, reason string }{
		"none":              {"none", "fake wrote no report"},
		"empty":             {"", "fake wrote an empty report"},
		"white space":       {" \n", "fake wrote an empty report"},
		"not JSON":          {"Traceback", "not SARIF 2.1.0: it is not JSON"},
		"truncated":         {sarif(empty)[:40], "not SARIF 2.1.0: it is not JSON"},
		"wrong version":     {`{"version":"1.0.0","runs":[{}]}`, `its version is "1.0.0"`},
		"no version":        {`{"runs":[{}]}`, "its version is"},
		"no run":            {`{"version":"2.1.0","runs":[]}`, "it holds no run"},
		"null runs":         {`{"version":"2.1.0","runs":null}`, "it holds no run"},
		"runs is a string":  {`{"version":"2.1.0","runs":"x"}`, "must be a list"},
		"no results":        {sarif(`"tool":{}`), "nothing was scanned"},
		"null results":      {sarif(`"results":null`), "nothing was scanned"},
		"nested":            {`{"version":"2.1.0","runs":[{"results":` + strings.Repeat("[", 20000), "not SARIF 2.1.0"},
		"many":              {sarif(`"results":[` + strings.Repeat("{},", 200_001) + `{}]`), "a list of more than"},
		"did not succeed":   {sarif(empty + `,"invocations":[{"executionSuccessful":false}]`), "executionSuccessful is false"},
		"an error":          {sarif(empty + `,"invocations":[{"executionSuccessful":true,"toolExecutionNotifications":[{"level":"error","message":{"text":"no rules"}}]}]`), "no rules"},
		"an error outside":  {sarif(empty + `,"invocations":[{"toolConfigurationNotifications":[{"level":"error","message":{"text":"bad"},"locations":[` + at("../x") + `]}]}]`), "bad"},
		"no location":       {oneResult(""), "about no file of the target (the first is of rule r)"},
		"outside":           {oneResult(`,"locations":[` + at("../a.txt") + `]`), "about no file"},
		"outside, absolute": {oneResult(`,"locations":[` + at("file:///etc/passwd") + `]`), "about no file"},
		"outside, encoded":  {oneResult(`,"locations":[` + at("%2e%2e/a.txt") + `]`), "about no file"},
		"another scheme":    {oneResult(`,"locations":[` + at("pkg:npm/x") + `]`), "about no file"},
		"trailing":          {sarif(empty) + "{}", "something follows its end"},
		"a list":            {"[]", "must be an object"},
		"result a number":   {sarif(`"results":[1]`), "holds a number"},
		"an address":        {oneResult(`,"locations":[` + at("https://a.txt/a.txt") + `]`), "about no file"},
	} {
		t.Run(name, func(t *testing.T) {
			run, _ := judge(t, fakeTool(), c.report, map[string]string{"a.txt": "one\n"})
			if s := run.Steps[0]; s.Status != checks.Failed || !strings.Contains(s.Reason, c.reason) {
				t.Errorf("%s: %q, want %q", s.Status, s.Reason, c.reason)
			}
		})
	}
}

// The many ways of naming a file.
func TestPlaces(t *testing.T) {
	files := map[string]string{"a b/ü.txt": "one\n", "x.txt": "\n"}
	for _, uri := range []string{
		"a%20b/%C3%BC.txt", "a b/ü.txt", "./a b/ü.txt", "file:///target/a%20b/ü.txt", "/target/a b/ü.txt", "file:/target/a%20b/ü.txt",
		`a b\\ü.txt`, "file://localhost/target/a%20b/%c3%bc.txt", "x/../a b/ü.txt",
	} {
		run, _ := judge(t, fakeTool(), oneResult(`,"locations":[`+at(uri)+`]`), files)
		if s := run.Steps[0]; s.Status != checks.OK || len(run.Findings) != 1 || run.Findings[0].Location.Path != "a b/ü.txt" {
			t.Errorf("%s: %s (%s) %+v", uri, s.Status, s.Reason, run.Findings)
		}
	}
	based := sarif(`"originalUriBaseIds":{"A":{"uri":"b/","uriBaseId":"R"},"R":{"uri":"file:///target/"}},"tool":{"driver":{"name":"x"}},
		"results":[{"ruleId":"n","message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"c.txt","uriBaseId":"A"}}}]}]`)
	if run, _ := judge(t, fakeTool(), based, map[string]string{"b/c.txt": "x"}); len(run.Findings) != 1 {
		t.Errorf("bases: %+v", run.Steps[0])
	}
	loop := strings.ReplaceAll(based, `"uriBaseId":"R"`, `"uriBaseId":"A"`)
	if run, _ := judge(t, fakeTool(), loop, map[string]string{"b/c.txt": "x"}); run.Steps[0].Status != checks.Failed {
		t.Errorf("bases in a circle: %+v", run.Steps[0])
	}
}

// Which results count, and as how bad.
func TestResults(t *testing.T) {
	loc := `,"locations":[` + at("a.txt") + `]`
	for rest, want := range map[string]string{
		`,"kind":"pass"`: "", `,"kind":"notApplicable"`: "", `,"kind":"informational"`: "", `,"baselineState":"absent"`: "",
		`,"kind":"open","baselineState":"unchanged"`:                               "unrated",
		`,"level":"error","suppressions":[{"kind":"inSource"}]`:                    "high",
		`,"level":"warning"`:                                                       "medium",
		`,"level":"note"`:                                                          "low",
		`,"level":"none"`:                                                          "info",
		`,"level":"note","properties":{"security-severity":"9.0"}`:                 "critical",
		`,"properties":{"security-severity":7}`:                                    "high",
		`,"properties":{"security-severity":"4.0"}`:                                "medium",
		`,"properties":{"security-severity":"0.1"}`:                                "low",
		`,"level":"warning","properties":{"security-severity":"0.0"}`:              "medium",
		`,"level":"warning","properties":{"security-severity":"x"}`:                "medium",
		`,"properties":null,"level":"error"`:                                       "high",
		`,"level":"note"` + loc + `},{"ruleId":"r/1","level":"error","message":{}`: "high high",
	} {
		run, _ := judge(t, fakeTool(), oneResult(rest+loc), map[string]string{"a.txt": "one\ntwo\n"})
		var got []string
		for _, f := range run.Findings {
			got = append(got, f.Rule.Severity.String())
		}
		if s := run.Steps[0]; s.Status != checks.OK || strings.Join(got, " ") != want {
			t.Errorf("%s: %s (%s) %q, want %q", rest, s.Status, s.Reason, got, want)
		}
	}
}

func TestAcceptance(t *testing.T) {
	if len(external.Presets()) == 0 {
		t.Fatal("no presets")
	}
	for _, p := range external.Presets() {
		if d := external.New(p).Describe(); d.Name != p.Name || d.RulesDigest == "" || p.Install == "" || p.Title == "" {
			t.Errorf("%s says too little of itself: %+v", p.Name, d)
		}
	}
}

// A file that the tool gave up on makes the step partial, and so does one that
// it does not name.
func TestGivenUp(t *testing.T) {
	for name, locations := range map[string]string{"a.txt": `,"locations":[` + at("a.txt") + `]`, ".": ""} {
		report := sarif(empty + `,"invocations":[{"executionSuccessful":true,"toolExecutionNotifications":[
			{"level":"note","message":{"text":"parsed all"}},{"message":{"text":"Timeout while reading a file"}` + locations + `}]}]`)
		run, _ := judge(t, fakeTool(), report, map[string]string{"a.txt": "one\n", "b.txt": "two\n"})
		s := run.Steps[0]
		if s.Status != checks.Partial || len(s.Coverage.Incomplete) != 1 || s.Coverage.Incomplete[0].Path != name {
			t.Errorf("%s: %s (%s) %+v", name, s.Status, s.Reason, s.Coverage)
		}
	}
}

// What a tool for secrets flags is a value, however it says it; and one that
// cannot be found in the target hides everything.
func TestSecretsAreValues(t *testing.T) {
	tool := fakeTool()
	tool.Secrets = true
	for name, c := range map[string]struct{ region, message string }{
		"columns":         {`"startLine":1,"startColumn":8,"endColumn":24`, "m"},
		"wide characters": {`"startLine":2,"startColumn":7,"endColumn":23`, "m"},
		"lines":           {`"startLine":1`, "m"},
		"snippet":         {`"startLine":1,"startColumn":8,"endColumn":10,"snippet":{"text":"hunter22-hunter2"}`, "found hunter22-hunter2"},
		"decoded":         {`"snippet":{"text":"hunter22-hunter2"}`, "found hunter22-hunter2"},
	} {
		report := oneResult(`},{"ruleId":"s","message":{"text":"` + c.message + `"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.txt"},"region":{` + c.region + `}}}]`)
		report = strings.Replace(report, `{"ruleId":"r","message":{"text":"m"}},`, "", 1)
		run, out := judge(t, tool, report, map[string]string{"a.txt": "pass = hunter22-hunter2 # x\n\U0001F511 = (hunter22-hunter2)\n"})
		if s := run.Steps[0]; s.Status != checks.OK || len(run.Findings) != 1 || !run.Findings[0].ValueBound || run.Findings[0].Rule.Class != checks.ClassCredential {
			t.Errorf("%s: %s (%s) %+v", name, s.Status, s.Reason, run.Findings)
		}
		if strings.Contains(out, "hunter22-hunter") {
			t.Errorf("%s: the value left the child: %s", name, out)
		}
	}
}

// The way of a value comes along: steps in the target, bounded, with the value
// that another check would flag cut out of their words.
func TestFlowOfAReport(t *testing.T) {
	tool := external.Presets()[slices.IndexFunc(external.Presets(), func(t checks.Tool) bool { return t.Name == "codeql" })]
	b, err := os.ReadFile(filepath.Join("testdata", "codeql.sarif"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	step := func(uri string, line int, words string) map[string]any {
		return map[string]any{"location": map[string]any{"message": map[string]any{"text": words},
			"physicalLocation": map[string]any{"artifactLocation": map[string]any{"uri": uri}, "region": map[string]any{"startLine": line}}}}
	}
	steps := []any{step("app/a.js", 2, "x comes in"), step("../elsewhere.js", 1, "not in the target"), step("app/a.js", 4, "and is run\x1b[31m")}
	for range 2 * checks.MaxFlow {
		steps = append(steps, step("app/a.js", 4, "again"))
	}
	for _, r := range doc["runs"].([]any)[0].(map[string]any)["results"].([]any) {
		r.(map[string]any)["codeFlows"] = []any{map[string]any{"threadFlows": []any{map[string]any{"locations": steps}}}}
	}
	if b, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	run, _ := judge(t, tool, string(b), target())
	if len(run.Findings) != 1 || run.Steps[0].Status != checks.OK {
		t.Fatalf("%+v", run.Steps)
	}
	flow := run.Findings[0].Flow
	if len(flow) != checks.MaxFlow {
		t.Fatalf("%d steps", len(flow))
	}
	if flow[0].Location.StartLine != 2 || flow[0].Message != "x comes in" || flow[1].Message != "and is run[31m" || flow[1].Location.Path != "app/a.js" {
		t.Errorf("%+v", flow[:2])
	}
}
