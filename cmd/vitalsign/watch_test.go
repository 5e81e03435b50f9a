//go:build linux

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWatch changes a file under a scan that watches, and sees what it says.
func TestWatch(t *testing.T) {
	t.Parallel()
	dir, home := t.TempDir(), t.TempDir()
	put := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	put("deep/app.ini", "x = 1\n")
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), "scan", "--watch", "--check", "secrets", "--output", "json="+filepath.Join(dir, "out.json"), dir)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=")
	pipe, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close() // the child has it
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(pipe); s.Scan(); {
			lines <- s.Text()
		}
	}()
	var said []string
	until := func(want string) {
		t.Helper()
		for limit := time.After(2 * time.Minute); ; {
			select {
			case l, ok := <-lines:
				if !ok {
					t.Fatalf("it ended without %q:\n%s", want, strings.Join(said, "\n"))
				}
				if said = append(said, l); strings.Contains(l, want) {
					return
				}
			case <-limit:
				cmd.Process.Kill()
				t.Fatalf("no %q:\n%s", want, strings.Join(said, "\n"))
			}
		}
	}
	until("watching 2 directories")
	put("deep/app.ini", "[upload]\nkey = \""+credential()+"\"\n")
	until("app.ini changed")
	until("+ ")
	until("watching 2 directories")
	put("deep/app.ini", "x = 2\n")
	until("- ")
	until("watching 2 directories")
	if err := os.Mkdir(filepath.Join(dir, "new"), 0o755); err != nil {
		t.Fatal(err)
	}
	put("new/app.ini", "[upload]\nkey = \""+credential()+"\"\n")
	until("+ ")
	until("watching 3 directories")
	if b, err := os.ReadFile(filepath.Join(dir, "out.json")); err != nil || !strings.Contains(string(b), "new/app.ini") {
		t.Errorf("--output was not written again: %v", err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for range lines { // to the end
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("interrupted: %v\n%s", err, strings.Join(said, "\n"))
	}
}
