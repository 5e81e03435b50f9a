package external_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// TestMain is vitalsign-check for the tools that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == external.ToolFlag {
		_ = external.Enter([]byte(os.Args[2])) // told to the parent
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// toolsVariable names a directory whose bin/ holds tools, as tools/scanners.sh
// makes it.
const toolsVariable = "VITALSIGN_TOOLS"

// noRedactor knows no secrets.
type noRedactor struct{}

func (noRedactor) Values(context.Context, string, string) []string { return nil }

// engine runs a tool and then the check on its report, as vitalsign-check's
// supervisor does, with the child in this process.
type engine struct {
	tool   checks.Tool
	path   string
	t      *testing.T
	run    checks.ToolRun
	out    bytes.Buffer
	limits checks.Limits // zero for the default ones
}

func (*engine) Name() string { return "test" }

func (e *engine) Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (pipelines.Usage, error) {
	self, err := os.Executable()
	if err != nil {
		return pipelines.Usage{}, err
	}
	job.Tool, job.KeyID = &e.tool, key.ID()
	work := e.t.TempDir()
	report, run, err := external.Execute(ctx, job, external.Machine{Work: work, Self: self, Path: e.path})
	e.run = run
	if err != nil {
		return pipelines.Usage{}, err
	}
	job.Data, job.ToolRun, job.Scratch = map[string]string{checks.ToolReport: report}, &run, e.t.TempDir()
	doc, err := json.Marshal(job)
	if err != nil {
		return pipelines.Usage{}, err
	}
	p := child.Program{External: external.New, Redactor: noRedactor{}, Build: "test", Key: key.Text()}
	_ = p.Run(ctx, job.Check, bytes.NewReader(doc), io.MultiWriter(out, &e.out)) // its output is what counts
	return pipelines.Usage{}, ctx.Err()
}

// scan runs a tool on a tree of files.
func scan(ctx context.Context, t *testing.T, e *engine, files map[string]string) checks.Run {
	t.Helper()
	root := checktest.WriteTree(t, files)
	key, err := checks.NewIdentityKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	e.t = t
	if e.limits == (checks.Limits{}) {
		e.limits = checks.DefaultLimits()
	}
	plan := pipelines.Plan{Root: root, Inventory: checktest.Inventory(t, root), Build: "test", Key: key,
		Steps: []pipelines.PlannedStep{{Check: e.tool.Describe(), Limits: e.limits}}}
	return pipelines.Execute(ctx, plan, e, pipelines.Options{Parallel: 1, Now: time.Now})
}

func presetNamed(t *testing.T, name string) checks.Tool {
	t.Helper()
	all := external.Presets()
	i := slices.IndexFunc(all, func(p checks.Tool) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("there is no preset %s", name)
	}
	return all[i]
}

// realCases are trees with one finding that each tool must report, under a
// suppression of its own that must not count.
func realCases() map[string]struct {
	files      map[string]string
	rule, path string
	line       int
} {
	type c = struct {
		files      map[string]string
		rule, path string
		line       int
	}
	py := "import subprocess\n\n\ndef run(cmd):\n    return subprocess.call(cmd, shell=True)  # nosec # nosemgrep\n"
	bad := "module.exports = function (x) {\n  return eval(x); // eslint-disable-line\n};\n"
	return map[string]c{
		"bandit":  {map[string]string{"tests/a b.py": py, ".bandit": "[bandit]\nskips: B602\nexclude: tests\n"}, "B602", "tests/a b.py", 5},
		"semgrep": {map[string]string{"tests/a b.py": py, ".semgrepignore": "tests\n"}, "python-shell-command", "tests/a b.py", 5},
		"eslint": {map[string]string{"node_modules/a b.js": bad, "eslint.config.js": "throw new Error('run')\n",
			"node_modules/eslint-plugin-security/index.js": "throw 1\n"}, "security/detect-eval-with-expression", "node_modules/a b.js", 2},
		"checkov": {map[string]string{"s3/main.tf": "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"x\"\n  acl    = \"public-read\"\n}\n", ".checkov.yaml": "skip-check: CKV_AWS_20\n"}, "CKV_AWS_20", "s3/main.tf", 1},
		"trivy":   {map[string]string{"svc/Dockerfile": "FROM debian:12\nUSER root\n", ".trivyignore": "DS002\nDS-0002\n"}, "DS002", "svc/Dockerfile", 2},
		"gitleaks": {map[string]string{"conf/settings.ini": "[x]\nkey = " + "AKIA" + "Z7LW2X3QNBVD5T4K # gitleaks:allow\n",
			".gitleaksignore": "conf/settings.ini:aws-access-token:2\n"}, "aws-access-token", "conf/settings.ini", 2},
	}
}

func TestRealTools(t *testing.T) {
	dir := os.Getenv(toolsVariable)
	if dir == "" {
		t.Skipf("%s names no directory with tools (make one with tools/scanners.sh)", toolsVariable)
	}
	for name, c := range realCases() {
		t.Run(name, func(t *testing.T) {
			e := &engine{tool: presetNamed(t, name), path: filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")}
			start := time.Now()
			run := scan(t.Context(), t, e, c.files)
			step := run.Steps[0]
			if strings.Contains(step.Reason, name+" is not installed") {
				t.Skipf("not there: %s", step.Reason)
			}
			t.Logf("%s in %s, walls %+v", e.run.Version, time.Since(start), e.run.Walls)
			if step.Status != checks.OK || step.Tool == nil || step.Tool.Version == "" {
				t.Fatalf("%s (%s) %+v", step.Status, step.Reason, step.Tool)
			}
			at := slices.IndexFunc(run.Findings, func(f checks.Finding) bool { return f.Rule.ID == c.rule && f.Location.Path == c.path })
			if at < 0 {
				t.Fatalf("no finding of %s in %s among %+v", c.rule, c.path, run.Findings)
			}
			f := run.Findings[at]
			if f.Location.StartLine != c.line || f.Rule.Severity == checks.Info || f.Rule.Title == "" || f.Rule.Advice == "" {
				t.Errorf("%+v", f)
			}
			if bytes.Contains(e.out.Bytes(), []byte("Z7LW2X3Q")) {
				t.Error("a secret left the child")
			}
		})
	}
}

// TestRealToolsWithoutData: these want a database from the network for what
// they say. Where they get none, their answer must be a failed step; where they
// do, the flaw. A clean answer is wrong in both cases.
func TestRealToolsWithoutData(t *testing.T) {
	dir := os.Getenv(toolsVariable)
	for _, name := range []string{"osv-scanner", "grype"} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(dir, "bin", name)); dir == "" || err != nil {
				t.Skipf("%s/bin of %s has no %s (tools/scanners.sh installs it)", dir, toolsVariable, name)
			}
			e := &engine{tool: presetNamed(t, name), path: filepath.Join(dir, "bin")}
			run := scan(t.Context(), t, e, map[string]string{"requirements.txt": "jinja2==2.4.1\n", "package-lock.json": `{"lockfileVersion": 3}`})
			step := run.Steps[0]
			t.Logf("%s: %s (%s), %d findings", e.run.Version, step.Status, step.Reason, len(run.Findings))
			if step.Status != checks.Failed && len(run.Findings) == 0 {
				t.Errorf("%s, and nothing was found", step.Status)
			}
		})
	}
}

func TestMissingTool(t *testing.T) {
	tool := presetNamed(t, "bandit")
	_, _, err := external.Execute(t.Context(), checks.Job{Tool: &tool}, external.Machine{Work: t.TempDir(), Path: t.TempDir() + ":."})
	var missing external.ErrMissing
	if !errors.As(err, &missing) || missing.Install != tool.Install {
		t.Errorf("%v", err)
	}
}
