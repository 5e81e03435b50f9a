package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/vitalsign-dev/vitalsign/internal/store"
)

// terminal is a program in a terminal that answers nothing it is asked.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	mu   sync.Mutex
	said bytes.Buffer
	gone chan struct{} // closed when the program has closed the terminal
}

// inTerminal starts the program in a terminal, in a directory, with its own
// home.
func inTerminal(t *testing.T, dir, home string, args ...string) *terminal {
	t.Helper()
	return inTerminalWith(t, nil, dir, home, args...)
}

// inTerminalWith is inTerminal with further variables.
func inTerminalWith(t *testing.T, env []string, dir, home string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+home, "TERM=xterm-256color", "LANG=C.UTF-8", "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "CI=", "NO_COLOR=", "TMUX=")
	cmd.Env = append(cmd.Env, env...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: 110})
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, cmd: cmd, tty: tty, gone: make(chan struct{})}
	go x.listen()
	t.Cleanup(func() { cmd.Process.Kill(); tty.Close() })
	return x
}

// listen reads what the terminal is sent until nobody has it open any more.
func (x *terminal) listen() {
	defer close(x.gone)
	b := make([]byte, 4096)
	for {
		n, err := x.tty.Read(b)
		x.mu.Lock()
		x.said.Write(b[:n])
		x.mu.Unlock()
		if err != nil {
			return // EIO
		}
	}
}

func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.said.String()
}

// await waits until the terminal was sent some text.
func (x *terminal) await(text string) {
	x.t.Helper()
	for range 1200 {
		if strings.Contains(x.text(), text) {
			return
		}
		select {
		case <-x.gone:
			x.t.Fatalf("it ended and never said %q:\n%q", text, x.text())
		case <-time.After(50 * time.Millisecond):
		}
	}
	x.t.Fatalf("it never said %q:\n%q", text, x.text())
}

// wait waits until the program has ended.
func (x *terminal) wait() {
	x.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- x.cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(time.Minute): // it takes a second
		x.t.Fatalf("it does not end:\n%q", x.text())
	}
}

func (x *terminal) press(keys string) {
	x.t.Helper()
	if _, err := x.tty.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// A terminal is never asked anything, by any command: one that does not answer
// would hold it up, and a log would begin with questions.
func TestTerminalIsNotAsked(t *testing.T) {
	for _, args := range [][]string{{"--version"}, {"doctor"}, {"scan", "--check", "secrets", "."}, {"scan", "-f", "json", "--check", "secrets", "."}} {
		x := inTerminal(t, t.TempDir(), t.TempDir(), args...)
		if err := x.cmd.Wait(); err != nil && args[0] != "doctor" {
			t.Errorf("%v: %v\n%s", args, err, x.text())
		}
		<-x.gone
		// OSC 10 and 11, DSR, DA (xterm control sequences).
		for _, question := range []string{"\x1b]1", "\x1b[6n", "\x1b[c", "\x1b[0c"} {
			if strings.Contains(x.text(), question) {
				t.Errorf("%v asks the terminal %q", args, question)
			}
		}
	}
	x := inTerminal(t, t.TempDir(), t.TempDir())
	x.await("Fleet")
	x.press("q")
	x.wait()
	for _, question := range []string{"\x1b]1", "\x1b[6n", "\x1b[c", "\x1b[0c"} {
		if strings.Contains(x.text(), question) {
			t.Errorf("the dashboard asks the terminal %q", question)
		}
	}
}

// cleanRepository makes a small repository with a finding.
func cleanRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nimport \"crypto/md5\"\n\nfunc main() { _ = md5.New() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@clinic.example", "commit", "-qm", "x"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

// scanOnce keeps a first run of a directory.
func scanOnce(t *testing.T, dir, home string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), "scan", "-q", dir)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=")
	cmd.Run() // whatever the gate says
}

// runsIn opens the store of a home and counts its runs; each must load.
func runsIn(t *testing.T, home string) (exits []int) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(home, ".local", "state", "vitalsign", "runs.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.List(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		run, err := s.Load(t.Context(), r.ID)
		if err != nil || len(run.Steps) == 0 {
			t.Errorf("run %s: %d steps, %v", r.ID, len(run.Steps), err)
		}
		exits = append(exits, run.Verdict.Exit)
	}
	return exits
}

// hangingCheck is a vitalsign-check none of whose steps ever ends, beside
// a link to the real one.
func hangingCheck(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for from, to := range map[string]string{"vitalsign-check": "vitalsign-check", "faultcheck": "vitalsign-check-hang"} {
		if err := os.Symlink(filepath.Join(binaries(), from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "vitalsign-check-hang")
}

// The terminal goes away, or the program is told to end, or killed, in the
// middle of a scan: no run that was kept is lost, none is half written, no
// child stays; and unless it was killed the scan itself is kept as interrupted.
func TestTerminalIsKilledWithinAScan(t *testing.T) {
	for name, end := range map[string]func(*terminal){
		"hang-up": func(x *terminal) { x.tty.Close() },
		"term":    func(x *terminal) { x.cmd.Process.Signal(syscall.SIGTERM) },
		"kill":    func(x *terminal) { x.cmd.Process.Kill() },
		"quit":    func(x *terminal) { x.press("q"); x.await("Leave?"); x.press("y\r") },
		"ctrl-c":  func(x *terminal) { x.press("\x03") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, home := cleanRepository(t), t.TempDir()
			scanOnce(t, dir, home)
			x := inTerminal(t, dir, home, "--check-binary", hangingCheck(t))
			before, err := unix.IoctlGetTermios(int(x.tty.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			x.await("main") // the branch of the first row: it is drawn
			x.press("s2")
			x.await("running")
			end(x)
			x.wait()
			if name == "term" || name == "quit" || name == "ctrl-c" {
				sane(t, x, before)
			}
			exits := runsIn(t, home)
			if name == "kill" {
				if len(exits) != 1 {
					t.Errorf("runs with exits %v", exits)
				}
			} else if len(exits) != 2 || exits[0] != 130 {
				t.Errorf("runs with exits %v, want the interrupted one first", exits)
			}
			noChildren(t, home)
		})
	}
}

// What was queued and has not begun is no run: one that saw nothing would stand
// for the newest.
func TestQueuedScansAreNoRuns(t *testing.T) {
	home, many := t.TempDir(), runtime.NumCPU()+3
	var dir string
	for range many {
		dir = cleanRepository(t)
		scanOnce(t, dir, home)
	}
	x := inTerminal(t, dir, home, "--check-binary", hangingCheck(t))
	x.await(fmt.Sprintf("%d repositories", many))
	x.press("S2")
	x.await("running")
	x.press("\x03")
	x.wait()
	if exits := runsIn(t, home); len(exits) < many+1 || len(exits) > many+runtime.NumCPU() {
		t.Errorf("%d runs of %d repositories: %v", len(exits), many, exits)
	}
}

// sane holds the terminal to what it was: modes, cursor, screen, mouse.
func sane(t *testing.T, x *terminal, before *unix.Termios) {
	t.Helper()
	after, err := unix.IoctlGetTermios(int(x.tty.Fd()), unix.TCGETS)
	if err == nil && (after.Lflag != before.Lflag || after.Iflag != before.Iflag || after.Oflag != before.Oflag) {
		t.Errorf("the terminal's modes are others: %+v, before %+v", after, before)
	}
	for _, off := range []string{"\x1b[?1049l", "\x1b[?25h", "\x1b[?1002l"} {
		if !strings.Contains(x.text(), off) {
			t.Errorf("it never sent %q", off)
		}
	}
}

// noChildren waits until no process has the home in its environment.
func noChildren(t *testing.T, home string) {
	t.Helper()
	var left []string
	for range 100 {
		left = nil
		all, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			if b, err := os.ReadFile(p); err == nil && bytes.Contains(b, []byte("HOME="+home+"\x00")) {
				left = append(left, p)
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("processes are left: %s", fmt.Sprint(left))
}
