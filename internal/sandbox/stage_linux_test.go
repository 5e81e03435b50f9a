//go:build amd64 || arm64

package sandbox

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A stage is a user, and everything made for a round of probes as that user.
type stage struct {
	program string // this test program, where the user can run it
	user    *syscall.Credential
	arena   arena
}

// nobody is an unprivileged user's id; it need not have a name.
const nobody = 65534

// users are those that the tests can run children as.
func users() map[string]*syscall.Credential {
	if os.Geteuid() != 0 {
		return map[string]*syscall.Credential{"user": nil}
	}
	return map[string]*syscall.Credential{
		"root":   nil,
		"nobody": {Uid: nobody, Gid: nobody},
	}
}

// newStage makes decoys that belong to the user, and a process of the user's.
func newStage(t testing.TB, user *syscall.Credential) stage {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // the parent is made private by the testing package
		check(t, os.Chmod(d, 0o755))
	}
	s := stage{program: filepath.Join(dir, "probe"), user: user, arena: arena{Dir: filepath.Join(dir, "a")}}
	self, err := os.Executable()
	check(t, err)
	data, err := os.ReadFile(self)
	check(t, err)
	check(t, os.WriteFile(s.program, data, 0o755))
	s.arena.make(t)
	if user != nil {
		if err := os.Lchown(s.arena.Dir, int(user.Uid), int(user.Gid)); err != nil {
			t.Skipf("cannot give files to user %d here: %v", user.Uid, err)
		}
		check(t, filepath.WalkDir(s.arena.Dir, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, int(user.Uid), int(user.Gid))
		}))
	}
	s.startOther(t)
	return s
}

// startOther starts the process that probes try to reach.
func (s *stage) startOther(t testing.TB) {
	t.Helper()
	cmd := s.command(t, job{Mode: "wait"})
	in, err := cmd.StdinPipe()
	check(t, err)
	check(t, cmd.Start())
	s.arena.Other = cmd.Process.Pid
	t.Cleanup(func() {
		check(t, in.Close())
		check(t, cmd.Wait()) // also shows that no probe ended it
	})
}

// command is a child of this test that will do a job.
func (s stage) command(t testing.TB, j job) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(j)
	check(t, err)
	cmd := exec.Command(s.program)
	cmd.Dir = "/"
	cmd.Env = []string{jobVariable + "=" + string(text), "TZ=UTC", "GORACE=atexit_sleep_ms=0"} // or each child would wait a second
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// do runs a job and returns what it printed; "died" when it did not end well.
func (s stage) do(t testing.TB, j job) (string, *os.ProcessState) {
	t.Helper()
	j.Arena = s.arena
	cmd := s.command(t, j)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if err != nil {
		if cmd.ProcessState.ExitCode() == 3 {
			t.Fatalf("child: %v: %s", err, errs.String())
		}
		first, _, _ := strings.Cut(errs.String(), "\n")
		t.Logf("child: %v: %s", err, first)
		return "died", cmd.ProcessState
	}
	return strings.TrimSpace(out.String()), cmd.ProcessState
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
