package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// styled are command lines that print text with a style, or might.
func styled() [][]string {
	return [][]string{
		{"scan", "."}, {"scan", "-v", "--check", "secrets", "."}, {"report", "last"}, {"report"}, {"doctor"}, {"explain", "sast"}, {"config", "show", "--origin"},
		{"verify", "main.go", "--policy", "policy.yaml"}, {"store"}, {"store", "prune"}, {"db", "status"}, {"waivers", "list"}, {"policy", "show", "--policy", "policy.yaml"},
		{"fleet", "list"}, {"fleet", "status"}, {"build"}, {"--help"}, {"scan", "--help"}, {"scna"}, {"--version"},
	}
}

// colours are SGR sequences that set a foreground or a background (ECMA-48,
// 8.3.117); bold and reverse are not colour.
var colours = regexp.MustCompile(`\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9]+)*m`)

// Without a terminal, on a dumb one and where NO_COLOR says so nobody is sent a
// colour; without a terminal and on a dumb one no control sequence at all.
func TestNoColour(t *testing.T) {
	t.Parallel()
	dir, home := cleanRepository(t), t.TempDir()
	scanOnce(t, dir, home)
	if out, code := atHome(t, home, "key", "create", filepath.Join(dir, "ci")); code != 0 && code != 2 {
		t.Fatal(out)
	}
	policy := "schema: 1\nversion: 1\n"
	if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, args := range styled() {
		x := inTerminal(t, dir, home, args...)
		x.wait()
		<-x.gone
		if colours.MatchString(x.text()) {
			shown++
		}
		for name, c := range map[string]struct {
			env  []string
			args []string
			any  bool // sequences that are no colour are allowed
		}{
			"NO_COLOR":   {[]string{"NO_COLOR=1", "CLICOLOR_FORCE=1"}, args, true},
			"NO_COLOR 0": {[]string{"NO_COLOR=0"}, args, true}, // not empty: no-color.org
			"--no-color": {nil, append([]string{"--no-color"}, args...), true},
			"TERM":       {[]string{"TERM=dumb"}, args, false},
		} {
			x := inTerminalWith(t, c.env, dir, home, c.args...)
			x.wait()
			<-x.gone
			if m := colours.FindString(x.text()); m != "" {
				t.Errorf("%s: %v sends %q", name, args, m)
			}
			if at := regexp.MustCompile(`\x1b.{0,10}`).FindString(x.text()); at != "" && !c.any {
				t.Errorf("%s: %v sends %q", name, args, at)
			}
		}
		cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+home, "TERM=xterm-256color", "CLICOLOR_FORCE=1", "FORCE_COLOR=1", "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=")
		out, _ := cmd.CombinedOutput() // whatever its verdict is
		if at := regexp.MustCompile(`\x1b.{0,10}`).Find(out); at != nil {
			t.Errorf("a pipe: %v sends %q", args, at)
		}
	}
	if shown < 4 {
		t.Errorf("only %d of the commands show a colour where they may: this shows nothing", shown)
	}
}

// The dashboard draws without colour, too, and line by line without anything.
func TestNoColourDashboard(t *testing.T) {
	t.Parallel()
	dir, home := cleanRepository(t), t.TempDir()
	scanOnce(t, dir, home)
	for name, c := range map[string]struct {
		env   []string
		args  []string
		quit  string
		plain bool
	}{
		"NO_COLOR":   {[]string{"NO_COLOR=1"}, nil, "q", false},
		"--no-color": {nil, []string{"--no-color"}, "q", false},
		"plain":      {[]string{"NO_COLOR=1"}, []string{"--plain"}, "quit\r", true},
	} {
		x := inTerminalWith(t, c.env, dir, home, c.args...)
		x.await("main")
		x.press(c.quit)
		x.wait()
		if m := colours.FindString(x.text()); m != "" {
			t.Errorf("%s: it sends %q", name, m)
		}
		if at := regexp.MustCompile(`\x1b.{0,10}`).FindString(x.text()); at != "" && c.plain {
			t.Errorf("%s: it sends %q", name, at)
		}
	}
	x := inTerminal(t, dir, home)
	x.await("main")
	x.press("q")
	x.wait()
	if !colours.MatchString(x.text()) {
		t.Error("with colours there are none: this shows nothing")
	}
}
