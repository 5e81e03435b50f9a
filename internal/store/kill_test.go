package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// killedStore is where the child of TestKilledWhileSaving saves.
const killedStore = "VITALSIGN_TEST_KILLED_STORE"

func TestMain(m *testing.M) {
	if path := os.Getenv(killedStore); path != "" {
		fmt.Println(saveForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// saveForEver saves one run after the other and says when it has begun.
func saveForEver(path string) error {
	s, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	fmt.Println("begun")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for i := 0; ; i++ {
		run := randomRun(r, i)
		run.ID = fmt.Sprintf("%x-%d", r.Uint64(), i)
		for range 200 { // so that a transaction takes a while
			run.Findings = append(run.Findings, checks.Finding{Fingerprint: fmt.Sprintf("%064x", r.Uint64()), Controls: []string{"c"}})
		}
		if err := s.Save(context.Background(), run); err != nil {
			return err
		}
	}
}

// A process that is killed while it saves leaves whole runs, and summaries that
// say what they say.
func TestKilledWhileSaving(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "runs.db")
	for i := range 12 {
		killWhileSaving(t, program, path, time.Duration(3+17*i)*time.Millisecond)
	}
	s := open(t, path)
	word := ""
	if err := s.db.QueryRow(`PRAGMA integrity_check`).Scan(&word); err != nil || word != "ok" {
		t.Errorf("integrity: %s, %v", word, err)
	}
	if err := s.db.QueryRow(`SELECT count(*) FROM pragma_foreign_key_check`).Scan(&word); err != nil || word != "0" {
		t.Errorf("dangling rows: %s, %v", word, err)
	}
	list, err := s.List(t.Context(), 1<<20)
	if err != nil || len(list) < 12 {
		t.Fatalf("only %d runs were saved: %v", len(list), err)
	}
	var runs []checks.Run
	for _, l := range list {
		run, err := s.Load(t.Context(), l.ID)
		if err != nil || len(run.Findings) != l.Findings {
			t.Fatalf("run %s: %d findings of %d, %v", l.ID, len(run.Findings), l.Findings, err)
		}
		// What JSON does not tell from an empty list is nil in a summary.
		if len(run.Verdict.Reasons) == 0 {
			run.Verdict.Reasons = nil
		}
		runs = append(runs, run)
	}
	slices.Reverse(runs)
	holdsTo(t, s, runs)
}

func killWhileSaving(t *testing.T, program, path string, after time.Duration) {
	t.Helper()
	child := exec.CommandContext(t.Context(), program)
	child.Env = append(os.Environ(), killedStore+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "begun\n" {
		t.Errorf("the child says %q, %v", line, err)
	}
	time.Sleep(after)
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = child.Wait() // it was killed
}
