package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// typed are lines as far as somebody has typed them, and what a shell makes of
// them when Tab is pressed.
func typed() map[string]string {
	return map[string]string{
		"vitalsign sto":                     "vitalsign store",
		"vitalsign store pru":               "vitalsign store prune",
		"vitalsign scan --fail-on cri":      "vitalsign scan --fail-on critical",
		"vitalsign scan --fail-on=cri":      "vitalsign scan --fail-on=critical",
		"vitalsign scan -f mark":            "vitalsign scan -f markdown",
		"vitalsign scan --check sec":        "vitalsign scan --check secrets",
		"vitalsign scan --max-data":         "vitalsign scan --max-data-age",
		"vitalsign report 20":               "vitalsign report 20260301T060001-000100",
		"vitalsign report las":              "vitalsign report last",
		"vitalsign completion po":           "vitalsign completion powershell",
		"vitalsign scan --check secrets a_": "vitalsign scan --check secrets a_file.txt",
	}
}

// shellHome is a home with a run in the store, the directory where lines are
// typed, and the environment of a shell there.
func shellHome(t *testing.T) (dir string, env []string) {
	t.Helper()
	home, dir := t.TempDir(), t.TempDir()
	oldRuns(t, home, 1)
	if err := os.WriteFile(filepath.Join(dir, "a_file.txt"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "TERM=dumb", "LANG=C.UTF-8",
		"PATH="+binaries()+string(os.PathListSeparator)+os.Getenv("PATH"), "HISTFILE=")
}

func installed(t *testing.T, shell string) {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skip(shell + " is not installed")
	}
}

// In bash and zsh lines are typed into a terminal, and Tab and Return are
// pressed. A function in the place of the program prints what became of each.
func TestCompletionInTerminal(t *testing.T) {
	for shell, c := range map[string]struct {
		args  []string
		setup string
	}{
		"bash": {[]string{"--norc", "--noprofile", "-i"}, `eval "$(vitalsign completion bash)"; bind 'set bell-style none'`},
		"zsh":  {[]string{"-f", "-i"}, `autoload -Uz compinit; compinit -u -D; eval "$(vitalsign completion zsh)"; bindkey -e`},
	} {
		t.Run(shell, func(t *testing.T) {
			installed(t, shell)
			dir, env := shellHome(t)
			cmd := exec.Command(shell, c.args...)
			cmd.Dir, cmd.Env = dir, append(env, "PS1=> ")
			tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 200})
			if err != nil {
				t.Fatal(err)
			}
			x := &terminal{t: t, cmd: cmd, tty: tty, gone: make(chan struct{})}
			go x.listen()
			t.Cleanup(func() { cmd.Process.Kill(); tty.Close() })
			x.press(c.setup + "\r" + `vitalsign() { case $1 in __*) command vitalsign "$@";; *) printf '<%s>\n' "vitalsign $*";; esac; }; echo rea""dy` + "\r")
			x.await("ready\r\n")
			for line, want := range typed() {
				x.press(line + "\t\r")
				x.await("<" + want + ">")
			}
		})
	}
}

// fish says what it would complete.
func TestCompletionInFish(t *testing.T) {
	installed(t, "fish")
	dir, env := shellHome(t)
	for line, want := range typed() {
		cmd := exec.Command("fish", "--no-config", "-c", `vitalsign completion fish | source; complete -C "$argv[1]"`, line)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		word, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
		if !strings.HasSuffix(want, word) || word == "" || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q: fish offers %q, want the last word of %q", line, out, want)
		}
	}
}
