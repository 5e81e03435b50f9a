package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// freePort is one that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// project is a directory whose vitalsign.yaml names the test's application.
type project struct {
	dir, addr, pids string
	env             []string
}

func newProject(t *testing.T, args, more string) project {
	t.Helper()
	dir := t.TempDir()
	p := project{dir: dir, addr: freePort(t), pids: filepath.Join(dir, "pids")}
	app, err := os.ReadFile(filepath.Join(binaries(), "dastapp"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "app"), app, 0o755); err != nil {
		t.Fatal(err)
	}
	yaml := fmt.Sprintf("dast:\n  url: http://%s\n  command: [./app, -addr, %q, -pids, %q%s]\n%s", p.addr, p.addr, p.pids, args, more)
	yaml = strings.ReplaceAll(yaml, "ADDR", p.addr)
	if err := os.WriteFile(filepath.Join(dir, "vitalsign.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	p.env = append(os.Environ(), "XDG_STATE_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home, "HOME="+home, "CI=")
	return p
}

func (p project) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), append([]string{"scan", "--check", "dast,secrets", "-f", "json"}, args...)...)
	cmd.Dir, cmd.Env = p.dir, p.env
	return cmd
}

// scan runs vitalsign scan and gives the one run, what it printed, and the
// exit code.
func (p project) scan(t *testing.T, args ...string) (checks.Run, string, int) {
	t.Helper()
	cmd := p.command(args...)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	var doc checks.Document
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v\n%s", err, words.String())
	}
	return doc.Runs[0], words.String(), cmd.ProcessState.ExitCode()
}

func dastStep(t *testing.T, run checks.Run) checks.Step {
	t.Helper()
	for _, s := range run.Steps {
		if s.Check == "dast" {
			return s
		}
	}
	t.Fatal("no step dast")
	return checks.Step{}
}

// gone waits until the application's processes have ended.
func (p project) gone(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(p.pids)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for _, field := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		for stillRuns(pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d is still there", pid)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// stillRuns says whether a process runs: one that ended and was not yet waited
// for does not.
func stillRuns(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// The application that a configuration names is started, waited for, filled,
// looked at and ended with all that it started.
func TestApplicationIsStarted(t *testing.T) {
	p := newProject(t, "", "  ready: {http: /up, log: listening, timeout: 20s}\n  seed: [[./app, -seed, ADDR]]\n")
	run, words, code := p.scan(t, "--allow-exec", "dast")
	step := dastStep(t, run)
	if step.Status != checks.OK || code != 1 {
		t.Errorf("exit %d, step %s (%s)\n%s", code, step.Status, step.Reason, words)
	}
	var found bool
	for _, f := range run.Findings {
		if f.Rule.ID == "web-xss-reflected" {
			found = f.Location.Path == "/hello" && f.Location.Symbol == "GET query:name" && len(f.Exchanges) > 0 && strings.HasPrefix(f.Replay, "curl ")
		}
	}
	if !found {
		t.Errorf("the flaw was not found: %+v", run.Findings)
	}
	if step.Sandbox == nil || step.Sandbox.Kind != "full" {
		t.Errorf("sandbox %+v: the check of a running application is walled in like any other", step.Sandbox)
	}
	p.gone(t)
}

// A repository cannot have a command run that nobody allowed, and the run says
// that something is missing.
func TestApplicationNeedsLeave(t *testing.T) {
	p := newProject(t, "", "")
	run, _, code := p.scan(t)
	step := dastStep(t, run)
	if step.Status != checks.Missing || code != 3 || !strings.Contains(step.Advice, "--allow-exec dast") {
		t.Errorf("exit %d, step %s (%s; %s)", code, step.Status, step.Reason, step.Advice)
	}
	if _, err := os.Stat(p.pids); err == nil {
		t.Error("it was started")
	}
	run, _, code = p.scan(t, "--skip", "dast")
	if step := dastStep(t, run); step.Status != checks.Excluded || code != 0 {
		t.Errorf("exit %d, step %s", code, step.Status)
	}
}

func TestApplicationThatDoesNotStart(t *testing.T) {
	for name, c := range map[string]struct{ args, more, reason string }{
		"crashes":    {", -crash", "", "did not start"},
		"never up":   {", -delay, 1h", "  ready: {timeout: 1s}\n", "not ready after 1s"},
		"no health":  {"", "  ready: {http: /nothing, timeout: 1500ms}\n", "ready.http: /nothing"},
		"no log":     {"", "  ready: {log: never written, timeout: 1500ms}\n", "ready.log"},
		"seed fails": {"", "  seed: [[./app, -crash]]\n", "could not be filled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, c.args, c.more)
			run, words, code := p.scan(t, "--allow-exec", "dast")
			step := dastStep(t, run)
			if code != 3 || step.Status != checks.Failed || !strings.Contains(step.Reason, c.reason) {
				t.Errorf("exit %d, step %s (%s)\n%s", code, step.Status, step.Reason, words)
			}
			if name != "crashes" {
				p.gone(t)
			}
		})
	}
}

// Something else at the address is not taken for the application.
func TestAddressInUse(t *testing.T) {
	p := newProject(t, "", "")
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	run, _, code := p.scan(t, "--allow-exec", "dast")
	if step := dastStep(t, run); code != 3 || !strings.Contains(step.Reason, "answers at http://"+p.addr+" already") {
		t.Errorf("exit %d, %s (%s)", code, step.Status, step.Reason)
	}
}

// An interrupt, and a kill that nobody can answer, leave no process behind.
func TestInterruptedApplication(t *testing.T) {
	for name, signal := range map[string]os.Signal{"interrupt": os.Interrupt, "kill": os.Kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, "", "  rate: 1\n")
			cmd := p.command("--allow-exec", "dast")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for range 500 {
				if c, err := net.Dial("tcp", p.addr); err == nil {
					_ = c.Close()
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			time.Sleep(300 * time.Millisecond)
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if name == "interrupt" && cmd.ProcessState.ExitCode() != 130 {
				t.Errorf("exit %d", cmd.ProcessState.ExitCode())
			}
			text, err := os.ReadFile(p.pids)
			if err != nil {
				t.Fatal(err)
			}
			if name == "kill" {
				// The kernel ends what we started (prctl(2), PR_SET_PDEATHSIG), not
				// what that started: a stated limit.
				text = []byte(strings.Fields(string(text))[0])
				if err := os.WriteFile(p.pids, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p.gone(t)
		})
	}
}

// A credential is in the environment under one prefix, and shows nowhere.
func TestCredentialsOfAnApplication(t *testing.T) {
	const secret = "nurse-token-4711-synthetic"
	p := newProject(t, ", -token, "+secret, "  identities: [{name: nurse, kind: header, header: Authorization, prefix: 'Bearer ', credential: NURSE}]\n  seed: [[./app, -seed, ADDR]]\n")
	run, _, code := p.scan(t, "--allow-exec", "dast")
	if step := dastStep(t, run); code != 3 || !strings.Contains(step.Advice, "VITALSIGN_DAST_NURSE") {
		t.Errorf("exit %d, %s (%s; %s)", code, step.Status, step.Reason, step.Advice)
	}
	p.env = append(p.env, "VITALSIGN_DAST_NURSE="+secret)
	run, words, _ := p.scan(t, "--allow-exec", "dast")
	doc, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(doc), secret) || strings.Contains(words, secret) {
		t.Error("the credential shows")
	}
	if step := dastStep(t, run); step.Status != checks.OK {
		t.Errorf("step %s (%s)", step.Status, step.Reason)
	}
}
