package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tmuxScreen is a real terminal: tmux's.
type tmuxScreen struct {
	*desk
	tmux, socket string
}

// newScreen opens a shell in a terminal of that size, in a directory of the
// desk.
func newScreen(d *desk, dir string) *tmuxScreen {
	d.t.Helper()
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		d.t.Skip("tmux is not installed")
	}
	s := &tmuxScreen{d, tmux, filepath.Join(d.t.TempDir(), "s")}
	d.env = append(d.env, "TERM=screen-256color", "LANG=C.UTF-8", "PS1=$ ", "TMUX=", "NO_COLOR=", "CI=",
		"PATH="+binaries()+string(os.PathListSeparator)+os.Getenv("PATH"))
	s.must(tmux, "-S", s.socket, "-f", "/dev/null", "new-session", "-d", "-s", "v", "-x", "120", "-y", "36", "-c", filepath.Join(d.dir, dir), "sh")
	d.t.Cleanup(func() { s.run(tmux, "-S", s.socket, "kill-server") })
	return s
}

// keys presses keys, by tmux's names; text is typed as it is.
func (s *tmuxScreen) keys(keys ...string) {
	s.t.Helper()
	s.must(s.tmux, append([]string{"-S", s.socket, "send-keys", "-t", "v"}, keys...)...)
}

func (s *tmuxScreen) type_(text string) {
	s.t.Helper()
	s.must(s.tmux, "-S", s.socket, "send-keys", "-t", "v", "-l", text)
}

func (s *tmuxScreen) text() string {
	s.t.Helper()
	return s.must(s.tmux, "-S", s.socket, "capture-pane", "-p", "-t", "v")
}

// see waits until the screen shows all of these.
func (s *tmuxScreen) see(words ...string) string {
	s.t.Helper()
	text := ""
	for range 400 {
		text = s.text()
		missing := false
		for _, w := range words {
			missing = missing || !strings.Contains(text, w)
		}
		if !missing {
			return text
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("the screen never shows %q:\n%s", words, text)
	return ""
}

// gone waits until the screen does not show something any more.
func (s *tmuxScreen) gone(word string) {
	s.t.Helper()
	for range 600 {
		if !strings.Contains(s.text(), word) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("the screen goes on to show %q:\n%s", word, s.text())
}

// One session as its user has it: from the fleet to a finding, to a signed
// waiver, to a signed bill of health and its chain.
func TestDashboardSession(t *testing.T) {
	d := newDesk(t)
	d.env = append(d.env, "VITALSIGN_SKIP=", "VITALSIGN_MAX_DATA_AGE=off", "USER=alice")
	if err := os.CopyFS(filepath.Join(d.dir, "osv"), os.DirFS(filepath.Join("..", "..", "examples", "osv"))); err != nil {
		t.Fatal(err)
	}
	d.write("portal/main.go", "package main\n\nimport \"crypto/md5\"\n\nfunc main() { _ = md5.New() }\n")
	for _, args := range [][]string{{"init", "-q", "-b", "main", "portal"}, {"-C", "portal", "add", "-A"}, {"-C", "portal", "commit", "-q", "-m", "first"}} {
		d.must("git", args...)
	}
	for _, name := range []string{"ci", "alice", "bob"} {
		d.must("vitalsign", "key", "create", name)
	}
	policy := filepath.Join(d.dir, ".config", "vitalsign", "policy.yaml")
	if err := os.MkdirAll(filepath.Dir(policy), 0o755); err != nil {
		t.Fatal(err)
	}
	d.must("vitalsign", "policy", "init", "--builder", "ci.pub", "--developer", "alice.pub", "--security", "bob.pub", "--out", policy)
	d.must("sed", "-i.bak", "s/data_max_age: 7d/data_max_age: 3650d/", policy)
	d.must("vitalsign", "key", "identity")
	d.must("vitalsign", "db", "import", "osv")

	d.write("editor", "#!/bin/sh\nclear; echo \"edited $*\"; echo press enter; read line\n")
	if err := os.Chmod(filepath.Join(d.dir, "editor"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "VISUAL=", "EDITOR="+filepath.Join(d.dir, "editor"))
	s := newScreen(d, "portal")
	s.must(s.tmux, "-S", s.socket, "set-option", "-g", "set-clipboard", "on")
	s.type_("vitalsign")
	s.keys("Enter")
	s.see("1 Fleet", "No repository yet")
	s.keys("q")
	s.gone("1 Fleet")
	s.must("vitalsign", "scan", "-q", "portal") // so that there is something to see
	s.type_("clear; vitalsign")
	s.keys("Enter")
	s.see("portal", "main", "✓ pass")

	// Scan it again from here, and follow the steps.
	s.keys("s")
	s.keys("2")
	s.see("├─ secrets", "├─ sast", "✓ ok", "✓ pass")
	s.keys("Down", "Down", "Down", "Down", "Enter")
	s.see("Pipelines / portal, sast", "planned", "read 1 of 1 file")
	s.keys("Escape")

	// The finding, its detail, and a signed waiver of it.
	s.keys("3")
	s.see("main.go:5", "G401")
	s.keys("/")
	s.type_("check:sast sev:medium cwe:328")
	s.see("1 of")
	s.keys("Enter")
	s.keys("Enter")
	s.see("Findings / G401", "What to do", "CWE-328", "md5.New()", "from the commit")
	s.keys("Escape")
	takeAway(t, s)
	s.keys("w")
	s.see("Accept the risk of 1 finding", "90d")
	s.keys("C-u")
	s.type_("30d")
	s.keys("Tab")
	s.type_("no patient data is hashed")
	s.keys("Tab")
	s.type_("SEC-12")
	s.keys("Tab")
	s.type_(filepath.Join(d.dir, "alice.key"))
	s.keys("Tab")
	s.type_("correct-horse")
	s.see("*************")
	s.keys("Enter")
	s.see("written to .vitalsign/waivers")
	if strings.Contains(s.text(), "correct-horse") {
		t.Error("the passphrase is on the screen")
	}
	s.keys("5")
	s.see("G401", "✗ refused") // the policy wants another person's approval
	s.keys("Enter")
	s.see("no patient data is hashed", "SEC-12", "Not counted")
	s.keys("Escape")
	files, err := filepath.Glob(filepath.Join(d.dir, "portal", ".vitalsign", "waivers", "*.sigstore.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("waivers: %q, %v", files, err)
	}
	id, _, _ := strings.Cut(filepath.Base(files[0]), ".")
	s.must("sh", "-c", "cd portal && vitalsign waivers approve "+id+" --key ../bob.key --comment agreed")
	s.keys("C-r")
	s.see("G401", "not yet seen")
	s.keys("1")
	s.keys("s")
	waitForRuns(t, s, 3)
	s.keys("5")
	s.keys("C-r")
	s.see("G401", "✓ applied")

	// Its evidence: unsigned, then signed and verified link by link.
	s.keys("1", "v")
	s.see("○ unsigned")
	s.must("git", "-C", "portal", "add", "-A")
	s.must("git", "-C", "portal", "commit", "-q", "-m", "second")
	s.must("vitalsign", "scan", "-q", "--sign", "--key", "ci.key", "portal")
	s.keys("C-r", "v")
	s.see("✓ verified")
	s.keys("e")
	s.see("commit", "portal", "exit code 0")
	s.keys("Enter")
	s.see("✓ bill of health", "✓ freshness", "✓ gate", "ci (builder)", "✓ pass")
	s.keys("g", "Enter")
	s.see("Evidence / why", "exit code 0", "Inputs, by SHA-256")
	s.keys("Escape")
	// The bill's own statement.
	for range 4 {
		s.keys("Down")
	}
	s.keys("=")
	s.see("statement of bill of health", "https://in-toto.io/Statement/v1")
	s.keys("q")
	s.gone("Evidence")
}

// takeAway opens the finding in an editor, copies it and exports it.
func takeAway(t *testing.T, s *tmuxScreen) {
	t.Helper()
	s.keys("E")
	s.see("edited +5 "+filepath.Join(s.dir, "portal", "main.go"), "press enter")
	s.keys("Enter")
	s.see("G401")
	s.keys("y")
	s.see("copied")
	if got := s.must(s.tmux, "-S", s.socket, "show-buffer"); !strings.Contains(got, "| medium | main.go:5 | G401 |") {
		t.Errorf("the clipboard holds %q", got)
	}
	s.keys("x")
	s.see("export to")
	s.keys("Enter")
	s.see("wrote 1 finding to")
	if b, err := os.ReadFile(filepath.Join(s.dir, "portal", "findings.md")); err != nil || !strings.Contains(string(b), "| medium | main.go:5 | G401 |") {
		t.Errorf("exported %q, %v", b, err)
	}
	if err := os.Remove(filepath.Join(s.dir, "portal", "findings.md")); err != nil {
		t.Fatal(err)
	}
}

// waitForRuns waits until that many runs are kept: a scan ends when it does.
func waitForRuns(t *testing.T, s *tmuxScreen, n int) {
	t.Helper()
	for range 600 {
		if out := s.must("vitalsign", "report"); strings.Count(out, "\n") > n {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%d runs are never kept", n)
}
