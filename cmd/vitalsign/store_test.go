package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/internal/store/storetest"
)

// oldRuns keeps runs of one target, each a day later than the one before, the
// first ten years ago, and gives their ids.
func oldRuns(t *testing.T, home string, n int) (ids []string) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(home, ".local", "state", "vitalsign", runsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range n {
		run := storetest.Run(1, i, 3, nil)
		run.Target.Path, run.Started = "/srv/portal", time.Now().AddDate(-10, 0, i)
		run.Ended = run.Started.Add(time.Minute)
		if err := s.Save(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, run.ID)
	}
	return ids
}

// atHome runs the real program with a home of its own.
func atHome(t *testing.T, home string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=")
	b, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// A run with a signed bill stays, and where nobody can tell every run does.
func TestPruneKeepsEvidence(t *testing.T) {
	home := t.TempDir()
	ids := oldRuns(t, home, 5)
	bill := filepath.Join(home, ".local", "state", "vitalsign", "evidence", "c0ffee", ids[1]+"."+billFile)
	if err := os.MkdirAll(filepath.Dir(bill), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bill, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := "oci://127.0.0.1:1/evidence" // nobody listens there
	out, code := atHome(t, home, "store", "prune", "--keep", "1", "--yes", "--evidence", elsewhere)
	if code != 0 || !strings.Contains(out, "0 of 5 go") || !strings.Contains(out, "4 more stay: nobody can tell") {
		t.Errorf("exit %d\n%s", code, out)
	}
	out, code = atHome(t, home, "store", "prune", "--keep", "1")
	if code != 2 || !strings.Contains(out, "nothing was removed") || !strings.Contains(out, "1 more stay: a signed bill of health is about it") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if strings.Contains(out, "six years") {
		t.Errorf("runs of ten years ago are called younger than six:\n%s", out)
	}
	out, code = atHome(t, home, "store", "prune", "--keep", "1", "--older-than", "90d", "-y")
	if code != 0 || !strings.Contains(out, "3 runs removed") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if out, _ = atHome(t, home, "report"); strings.Count(out, "\n") != 3 {
		t.Errorf("not two runs are left:\n%s", out)
	}
	if out, code = atHome(t, home, "store", "purge", "--all", "--yes"); code != 0 {
		t.Errorf("exit %d\n%s", code, out)
	}
	if _, err := os.Stat(bill); err != nil {
		t.Errorf("a purge took signed evidence away: %v", err)
	}
}

// Younger runs are named before they go, and a terminal is asked.
func TestPruneAsks(t *testing.T) {
	home := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(home, ".local", "state", "vitalsign", runsFile))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		run := storetest.Run(1, i, 3, nil)
		run.ID, run.Target.Path, run.Started = fmt.Sprint("run", i), "/srv/portal", time.Now().AddDate(0, 0, i-200)
		if err := s.Save(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{"n\r", "\r", "yes\r"} {
		x := inTerminal(t, t.TempDir(), home, "store", "prune", "--older-than", "90d")
		x.await("2 of them younger than six years")
		x.await("Remove 2 runs? [y/N]")
		x.press(answer)
		x.wait()
		want := map[bool]int{true: 0, false: 2}[answer == "yes\r"]
		if got := x.cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%q: exit %d, want %d\n%s", answer, got, want, x.text())
		}
	}
	if out, _ := atHome(t, home, "store"); !strings.Contains(out, "1 run of 1 target") {
		t.Errorf("%s", out)
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1KB", 1536: "1.5KB", 1<<20 - 1: "1MB", 1 << 30: "1GB", 1<<63 - 1: "8EB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
