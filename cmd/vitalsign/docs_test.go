package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The session of docs/evidence.md, as it stands there.
func TestEvidenceSession(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "evidence.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```session\n(.*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatal("docs/evidence.md has no session")
	}
	d := newDesk(t)
	d.env = append(d.env, "VITALSIGN_SKIP=", "VITALSIGN_MAX_DATA_AGE=off", "PATH="+binaries()+string(os.PathListSeparator)+os.Getenv("PATH"))
	if err := os.CopyFS(filepath.Join(d.dir, "osv"), os.DirFS(filepath.Join("..", "..", "examples", "osv"))); err != nil {
		t.Fatal(err)
	}
	d.write("portal/portal.sh", "echo portal\n")
	d.write("portal/main.go", "package main\n\nfunc main() {}\n")
	d.write("portal/vitalsign.yaml", "artifacts:\n  - {name: cli, files: [portal.sh]}\n")
	d.must("git", "init", "-q", "-b", "main", "portal")
	d.must("git", "-C", "portal", "add", "-A")
	d.must("git", "-C", "portal", "commit", "-q", "-m", "first")
	script := "set -e\n"
	for line := range strings.SplitSeq(strings.TrimSpace(string(m[1])), "\n") {
		script += strings.TrimPrefix(line, "$ ") + "\n"
	}
	out, code := d.run("sh", "-c", script)
	if code != 0 || strings.Count(out, "VERIFIED") < 3 || strings.Contains(out, "NOT VERIFIED") {
		t.Errorf("exit %d\n%s", code, out)
	}
}
