package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each word that is misspelt is answered with the one that is near, and with
// exit 2; a word that is near none is not answered with a guess.
func TestNearestWord(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for _, c := range []struct {
		line, want string
		// file is a vitalsign.yaml, and env a variable.
		file, env string
	}{
		{line: "scna", want: `did you mean "scan"?`},
		{line: "verfy", want: `did you mean "verify"?`},
		{line: "config shwo", want: `did you mean "show"?`},
		{line: "fleet refesh", want: `did you mean "refresh"?`},
		{line: "waivers aprove x", want: `did you mean "approve"?`},
		{line: "store prun", want: `did you mean "prune"?`},
		{line: "completion fihs", want: `did you mean "fish"?`},
		{line: "scan --fial-on high", want: `did you mean "--fail-on"?`},
		{line: "scan --no-colour", want: `did you mean "--no-color"?`},
		{line: "store prune --older_than 9d", want: `did you mean "--older-than"?`},
		{line: "scan -f sarfi", want: `did you mean "sarif"?`},
		{line: "scan --output jsn=x", want: `did you mean "json"?`},
		{line: "report -f markdwon last", want: `did you mean "markdown"?`},
		{line: "verify -f jsno x", want: `did you mean "json"?`},
		{line: "db status -f tabel", want: `did you mean "table"?`},
		{line: "build -f jason", want: `did you mean "json"?`},
		{line: "fleet list -f jsom", want: `did you mean "json"?`},
		{line: "scan --check secrts", want: `did you mean "secrets"?`},
		{line: "scan --skip dpes", want: `did you mean "deps"?`},
		{line: "scan --fail-on critcal", want: `did you mean "critical"?`},
		{line: "scan --engine daggr", want: `did you mean "dagger"?`},
		{line: "scan --sandbox requird", want: `did you mean "required"?`},
		{line: "scan --sign=requierd", want: `did you mean "required"?`},
		{line: "--plain --theme contrst", want: `did you mean "contrast"?`},
		{line: "scan", file: "fail-no: high\n", want: `did you mean "fail_on"?`},
		{line: "scan", file: "limits: {file_szie: 1MB}\n", want: `did you mean "limits.file_size"?`},
		{line: "scan", file: "fail_on: hihg\n", want: `did you mean "high"?`},
		{line: "scan", file: "external: {semgerp: {}}\n", want: `did you mean "semgrep"?`},
		{line: "scan", file: "external: {x: {preset: bandti}}\n", want: `did you mean "bandit"?`},
		{line: "scan", env: "VITALSIGN_FAIL_ON=meduim", want: `did you mean "medium"?`},
		{line: "scan", env: "VITALSIGN_ENGINE=locl", want: `did you mean "local"?`},
		{line: "frobnicate", want: ""},
		{line: "scan --frobnicate", want: ""},
		{line: "scan -f xml", want: ""},
		{line: "scan -Z", want: ""},
		{line: "scan --fail-on " + strings.Repeat("x", 100000), want: ""},
	} {
		dir := t.TempDir()
		if c.file != "" {
			if err := os.WriteFile(filepath.Join(dir, "vitalsign.yaml"), []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), strings.Fields(c.line)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", c.env)
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		said := string(out)
		if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(said, c.want) || c.want == "" && strings.Contains(said, "did you mean") {
			t.Errorf("%.60s %s%s: exit %d, want %q in\n%.600s", c.line, c.file, c.env, code, c.want, said)
		}
	}
}
