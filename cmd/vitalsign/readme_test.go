package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// The clinic's result is the one in its EXPECTED.md, with its application
// running and without.
func TestClinic(t *testing.T) {
	tmp := t.TempDir()
	portal := t.TempDir()
	cache, err := exec.Command("go", "env", "GOCACHE").Output() // it would move along with XDG_CACHE_HOME
	if err != nil {
		t.Fatal(err)
	}
	credentials := []string{
		credentialEnv + "ALICE_NAME=alice", credentialEnv + "ALICE_PASSWORD=alpha-alpha-alpha",
		credentialEnv + "BOB_NAME=bob", credentialEnv + "BOB_PASSWORD=beta-beta-beta",
		"GOCACHE=" + strings.TrimSpace(string(cache)), "PATH=" + portal + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
	result := filepath.Join(tmp, "result.json")
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	run := func(want int, program string, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+tmp, "XDG_CACHE_HOME="+tmp, "XDG_CONFIG_HOME="+tmp, "GITHUB_EVENT_NAME=")
		cmd.Env = append(cmd.Env, credentials...)
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%s %s: exit %d, want %d\n%s", filepath.Base(program), strings.Join(args, " "), got, want, out)
		}
		return string(out)
	}
	vitalsign := filepath.Join(binaries(), "vitalsign")
	run(0, vitalsign, "db", "import", "examples/osv")
	run(0, "go", "-C", "examples/clinic/services/api", "build", "-o", filepath.Join(portal, "clinic-api"), ".")
	out := run(1, vitalsign, "scan", "-q", "--max-data-age", "off", "--allow-exec", "dast", "--output", "json="+result, "examples/clinic")
	if !strings.Contains(out, "not asked: how old the data of deps may be") {
		t.Errorf("the verdict does not say that nobody asked how old the data is:\n%s", out)
	}
	run(0, "go", "run", "./examples/expected", "examples/clinic/EXPECTED.md", result)
	// Two runs of one tree are one answer.
	again := filepath.Join(tmp, "again.json")
	run(1, vitalsign, "scan", "-q", "--max-data-age", "off", "--allow-exec", "dast", "--output", "json="+again, "examples/clinic")
	run(0, "go", "run", "./examples/expected", "examples/clinic/EXPECTED.md", again)
	run(1, vitalsign, "scan", "-q", "--max-data-age", "off", "--skip", "dast", "--output", "json="+again, "examples/clinic")
	run(0, "go", "run", "./examples/expected", "-static", "examples/clinic/EXPECTED.md", again)
	// With data of today's age the same scan cannot tell.
	if out := run(3, vitalsign, "scan", "-q", "--skip", "dast", "examples/clinic"); !strings.Contains(out, "deps: stale") {
		t.Errorf("stale advisories are not named:\n%s", out)
	}
	// No credential of the clinic's is in anything that was kept.
	secrets := []string{"pK7wQ2zL9" + "vT4xR8nM3bY6cJ1", "alpha-" + "alpha-alpha", "beta-" + "beta-beta"}
	err = filepath.WalkDir(tmp, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if slices.ContainsFunc(secrets, func(secret string) bool { return bytes.Contains(b, []byte(secret)) }) {
			t.Errorf("%s holds a credential", p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// help runs --help of a verb in this process.
func help(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	a := &app{out: &out, err: &out, in: strings.NewReader(""), getenv: func(string) string { return "" }, now: time.Now, columns: func(any) int { return 0 }}
	if code := a.main(context.Background(), append(args, "--help")); code != 0 {
		t.Fatalf("%v --help: exit %d\n%s", args, code, out.String())
	}
	return out.String()
}

// README's table of exit codes, --help's and the code's are one.
func TestReadmeExitCodes(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range judge.ExitTexts() {
		if row := fmt.Sprintf("| %d | %s |", e.Code, e.Text); !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks %q", row)
		}
		shown := strings.Join(strings.Fields(help(t)), " ") // whose lines are broken
		if row := fmt.Sprintf("%d %s", e.Code, e.Text); !strings.Contains(shown, row) {
			t.Errorf("--help lacks %q", row)
		}
	}
}

// Every command that README, the pages of docs and --help show is one that parses.
func TestShownCommandsAreReal(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(readme)
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	for _, p := range pages {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if shown, ok := strings.CutPrefix(line, "$ "); ok {
				text += "\n" + shown
			}
		}
	}
	root := (&app{out: io.Discard, err: io.Discard}).root()
	for _, c := range root.Commands() {
		if c.Example == "" && !c.HasSubCommands() {
			t.Errorf("%s has no example", c.Name())
		}
		text += "\n" + c.Example
		for _, sub := range c.Commands() {
			text += "\n" + sub.Example
		}
	}
	shown := regexp.MustCompile(`(?m)(?:bin/|^ *(?:- run: )?)vitalsign ((?:[a-z]+)(?: [^#\n>]*)?)`).FindAllStringSubmatch(text, -1)
	if len(shown) < 20 {
		t.Fatalf("only %d commands found: this test looks in the wrong place", len(shown))
	}
	for _, m := range shown {
		line, _, _ := strings.Cut(m[1], "  ")
		args := strings.Fields(line)
		cmd, rest, err := root.Find(args)
		if err != nil || cmd == root {
			t.Errorf("vitalsign %s: no such verb", line)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("vitalsign %s: %v", line, err)
		}
	}
}
