//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scanAs runs a scan as a user who is not root, so that a mode means something.
func scanAs(t *testing.T, bin string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "vitalsign"), args...)
	cmd.Env = append(os.Environ(), "HOME=/nonexistent")
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), 0
}

// publicDir is a temporary directory that others may enter.
func publicDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestUnreadableFilesArePartial(t *testing.T) {
	dir := publicDir(t)
	bin := binaries()
	for name, mode := range map[string]os.FileMode{"open.txt": 0o644, "shut.txt": 0} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	out, code := scanAs(t, bin, "scan", "--check", "secrets", dir)
	if code != 3 || !strings.Contains(out, "secrets: partial: shut.txt: unreadable (permission denied)") {
		t.Errorf("an unreadable file: exit %d\n%s", code, out)
	}
	if err := os.Remove(filepath.Join(dir, "shut.txt")); err != nil {
		t.Fatal(err)
	}
	shut := filepath.Join(dir, "shut")
	if err := os.Mkdir(shut, 0); err != nil {
		t.Fatal(err)
	}
	if out, code = scanAs(t, bin, "scan", dir); code != 3 || !strings.Contains(out, "shut/: unreadable") {
		t.Errorf("an unreadable directory: exit %d\n%s", code, out)
	}
}

// Ctrl-C: 130, no child left, and what had finished is kept.
func TestInterrupted(t *testing.T) {
	bin := binaries()
	dir, home := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	fault := filepath.Join(t.TempDir(), "vitalsign-check-hang")
	for link, to := range map[string]string{fault: "faultcheck", filepath.Join(filepath.Dir(fault), "vitalsign-check"): "vitalsign-check"} {
		if err := os.Symlink(filepath.Join(bin, to), link); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(bin, "vitalsign"), "scan", "--check", "secrets", "--check-binary", fault, dir)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=")
	var out bytes.Buffer
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The step has started when its line is there.
	if _, err := stderr.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("it did not stop")
	}
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit %d, want 130\n%s", code, out.String())
	}
	if !strings.Contains(out.String(), "interrupted") {
		t.Errorf("the verdict does not say it:\n%s", out.String())
	}
	if left, _ := exec.Command("pgrep", "-f", fault).Output(); len(left) > 0 {
		t.Errorf("a child is left: %s", left)
	}
	list := exec.Command(filepath.Join(bin, "vitalsign"), "report")
	list.Env = cmd.Env
	if b, err := list.Output(); err != nil || !strings.Contains(string(b), " 130 ") {
		t.Errorf("the interrupted run was not kept: %v\n%s", err, b)
	}
}
