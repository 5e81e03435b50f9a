//go:build linux

// Package daggertest gives a test a real Dagger engine, built by make
// dagger-engine and started in namespaces of its own by
// tools/dagger-engine/engine.sh. It is for tests only.
package daggertest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// BinEnv names the directory that make dagger-engine built into.
const BinEnv = "VITALSIGN_DAGGER"

// Engine is one that runs until the test ends.
type Engine struct {
	// CLI is the path of the dagger command, Address the engine's.
	CLI, Address string
	// State is the directory with all that it writes.
	State string

	script string
}

// Start starts an engine. Without one to start, or on a machine that cannot
// run it, the test is skipped with the reason; where CI is set it fails. env
// are variables of the engine ("NAME=value").
func Start(t testing.TB, env ...string) *Engine {
	t.Helper()
	bin := os.Getenv(BinEnv)
	if bin == "" {
		missing(t, "no Dagger engine: run make dagger-engine, and set "+BinEnv+" to the directory it names")
	}
	e := &Engine{CLI: filepath.Join(bin, "dagger"), script: filepath.Join(top(t), "tools", "dagger-engine", "engine.sh")}
	if out, err := exec.Command(e.script, "check").CombinedOutput(); err != nil {
		missing(t, strings.TrimSpace(string(out)))
	}
	// A socket's path has at most 107 bytes (unix(7)), which a test's own
	// temporary directory may pass.
	state, err := os.MkdirTemp("", "engine-")
	if err != nil {
		t.Fatal(err)
	}
	e.State, e.Address = state, "unix://"+filepath.Join(state, "engine.sock")
	t.Cleanup(e.stop(t))
	cmd := exec.Command(e.script, "start", bin, state)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the engine did not start: %v\n%s", err, out)
	}
	return e
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func (e *Engine) stop(t testing.TB) func() {
	return func() {
		if out, err := exec.Command(e.script, "stop", e.State).CombinedOutput(); err != nil {
			t.Errorf("the engine did not stop: %v\n%s", err, out)
		}
	}
}

// Kill ends the engine at once, with all that it runs, as a crash of its
// machine does.
func (e *Engine) Kill(t testing.TB) {
	t.Helper()
	pid, err := os.ReadFile(filepath.Join(e.State, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	// The child of that process is the first one of the engine's namespace.
	if out, err := exec.Command("pkill", "-KILL", "-P", string(bytes.TrimSpace(pid))).CombinedOutput(); err != nil {
		t.Fatalf("the engine could not be killed: %v\n%s", err, out)
	}
}

// Processes lists the processes of this machine, containers included, whose
// command line holds text.
func Processes(t testing.TB, text string) []int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, d := range dirs {
		line, err := os.ReadFile(filepath.Join(d, "cmdline"))
		if err != nil || !bytes.Contains(line, []byte(text)) {
			continue // one that has ended, or another
		}
		if pid := pidOf(filepath.Base(d)); pid > 0 && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

func pidOf(name string) int {
	pid := 0
	for _, r := range name {
		pid = pid*10 + int(r-'0')
	}
	if syscall.Kill(pid, 0) != nil {
		return 0
	}
	return pid
}

// top is the root of the module.
func top(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}
