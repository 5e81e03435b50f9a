//go:build linux

package external_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// shellTool is a tool that is a shell script; $1 is the report, $2 the target.
func shellTool(script string) checks.Tool {
	return checks.Tool{
		Name: "fake", Command: "/bin/sh", Args: []string{"-c", script, "fake", "{report}", "{target}"},
		VersionArgs: []string{"-c", "echo; echo fake 1.2; echo more"}, TimeoutMS: 20_000, FindingsExit: []int{42},
		Claims: []checks.Claim{{Pattern: "**/*.txt"}}, Env: map[string]string{"FAKE": "{target}"},
		Canary: checks.Canary{Files: []checks.CanaryFile{{Path: "c.txt", Parts: []string{"b", "ad"}}}, Hits: []checks.CanaryHit{{Path: "c.txt", Rule: "r"}}},
	}
}

// grep reports every file that holds "bad", as an honest tool would.
const grep = `
list=$(grep -rl bad . | sed 's|^\./||; s|.*|{"ruleId":"r","message":{"text":"bad"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"&"},"region":{"startLine":1}}}]}|' | paste -sd,)
printf '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"fake"}},"results":[%s]}]}' "$list" >"$1"
`

func TestExecute(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		status checks.Status
		reason string
	}{
		"honest":                 {grep, checks.OK, ""},
		"found something":        {grep + "exit 42", checks.OK, ""},
		"another exit code":      {grep + "exit 3", checks.Failed, "fake ended with exit code 3"},
		"no report":              {"true", checks.Failed, "fake exited 0 and wrote no report"},
		"an empty report":        {`: >"$1"`, checks.Failed, "wrote no report"},
		"a link as report":       {`ln -s /etc/hostname "$1"`, checks.Failed, "not a regular file"},
		"misses the canary":      {`printf '{"version":"2.1.0","runs":[{"results":[]}]}' >"$1"`, checks.Failed, "missed the canary"},
		"killed":                 {"kill -9 $$", checks.Failed, "signal: killed"},
		"runs for ever":          {"sleep 300 & sleep 300", checks.Failed, "was stopped after 2 s"},
		"wants the network":      {"echo Temporary failure in name resolution >&2; exit 9", checks.Failed, "network: true"},
		"outlived by its child":  {grep + "sleep 300 &", checks.OK, ""},
		"changes what it scans":  {grep + "echo good >a.txt", checks.OK, ""},
		"sees our environment":   {`test "$(env | sed 's/=.*//' | grep -v '^_\|PWD\|OLDPWD\|SHLVL' | sort | paste -sd' ')" = "FAKE HOME LC_ALL PATH TMPDIR TZ" && test "$FAKE" = "$2" && test "$PWD" = "$2" || exit 7` + grep, checks.OK, ""},
		"writes beside its work": {`(: >"$2/../x") 2>/dev/null && exit 7; (: >/tmp/vitalsign-x) 2>/dev/null && exit 8` + grep, checks.OK, ""},
		"reads standard input":   {`test -z "$(cat)" || exit 7` + grep, checks.OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tool := shellTool(c.script)
			if name == "runs for ever" {
				tool.TimeoutMS = 2000
			}
			e := &engine{tool: tool, path: "/usr/bin:/bin:."}
			start := time.Now()
			run := scan(t.Context(), t, e, map[string]string{"a.txt": "bad\n", "d/b.txt": "good\n"})
			step := run.Steps[0]
			if step.Status != c.status || !strings.Contains(step.Reason, c.reason) {
				t.Fatalf("%s: %q, want %s %q", step.Status, step.Reason, c.status, c.reason)
			}
			if e.run.Version != "fake 1.2" || len(e.run.SHA256) != 64 || time.Since(start) > 15*time.Second {
				t.Errorf("%+v after %s", e.run, time.Since(start))
			}
			if c.status == checks.OK && (len(run.Findings) != 1 || run.Findings[0].Location.Path != "a.txt" || e.run.Walls.Kind != sandbox.KindFull) {
				t.Errorf("%+v %+v", run.Findings, e.run.Walls)
			}
		})
	}
}

// A report on standard output, and files that the target must not choose.
func TestExecuteLaysFiles(t *testing.T) {
	tool := shellTool("")
	tool.Args = []string{"-c", `test ! -e sub/.fakerc && test "$(cat "$1/rc")" = "$2" || exit 7; f() {` + strings.ReplaceAll(grep, `>"$1"`, "") + `}; f`, "fake", "{files}", "{target}"}
	tool.Stdout, tool.Files, tool.Withhold = true, map[string]string{"rc": "{target}"}, []string{"**/.fakerc"}
	run := scan(t.Context(), t, &engine{tool: tool, path: "/usr/bin:/bin"}, map[string]string{"a.txt": "bad\n", "sub/.fakerc": "skip\n"})
	if s := run.Steps[0]; s.Status != checks.OK || len(run.Findings) != 1 {
		t.Errorf("%s (%s) %+v", s.Status, s.Reason, run.Findings)
	}
}

func TestExecuteMemory(t *testing.T) {
	tool := shellTool(`x=$(head -c 300000000 /dev/zero | tr '\0' x); sleep 5; echo "$x"`)
	e := &engine{tool: tool, path: "/usr/bin:/bin", limits: checks.Limits{MemoryBytes: 20 << 20, WallMS: 60_000, CPUSeconds: 60}}
	run := scan(t.Context(), t, e, map[string]string{"a.txt": "x"})
	if s := run.Steps[0]; !strings.Contains(s.Reason, "limit check_memory") {
		t.Errorf("%q", s.Reason)
	}
}

func TestExecuteInterrupted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	mark := filepath.Join(t.TempDir(), "none")
	run := scan(ctx, t, &engine{tool: shellTool("sleep 300; : >" + mark), path: "/usr/bin:/bin"}, map[string]string{"a.txt": "x"})
	if s := run.Steps[0]; s.Status != checks.Failed {
		t.Errorf("%s %q", s.Status, s.Reason)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it went on")
	}
}
