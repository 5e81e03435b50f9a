//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/forge/forgetest"
)

const forgeToken = "made-up-token-of-a-forge"

// clinicForge is a forge with an organisation whose repositories are real: git
// serves them to who has the token.
type clinicForge struct {
	t    *testing.T
	s    *forgetest.Server
	root string
	home string
	env  []string
}

func newClinicForge(t *testing.T, names ...string) *clinicForge {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	return serveClinic(t, forgetest.New(t), names)
}

func serveClinic(t *testing.T, s *forgetest.Server, names []string) *clinicForge {
	t.Helper()
	f := &clinicForge{t: t, s: s, root: t.TempDir(), home: t.TempDir()}
	f.s.Change(func() { f.s.Token = forgeToken })
	backend := strings.TrimSpace(f.git(f.root, "--exec-path"))
	h := &cgi.Handler{Path: filepath.Join(backend, "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + f.root, "GIT_HTTP_EXPORT_ALL=1"}}
	f.s.Git = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, given, _ := r.BasicAuth(); given != forgeToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
	for _, n := range names {
		f.add(n)
	}
	f.env = append(os.Environ(), "HOME="+f.home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "VITALSIGN_SKIP=deps", "GITHUB_EVENT_NAME=",
		"GITHUB_TOKEN="+forgeToken, "GH_TOKEN=", "GITHUB_API_URL="+f.s.URL, "PATH="+binaries()+":/usr/bin:/bin")
	return f
}

func (f *clinicForge) git(dir string, args ...string) string {
	f.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@clinic.example", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@clinic.example")
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// add makes a repository with one commit; one called leaky has a credential in it.
func (f *clinicForge) add(name string) {
	f.t.Helper()
	work := f.t.TempDir()
	content := "nothing to see\n"
	if name == "leaky" {
		content = "key = \"" + credential() + "\"\n"
	}
	if err := os.WriteFile(filepath.Join(work, "upload.ini"), []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
	f.git(work, "init", "-q", "-b", "trunk")
	f.git(work, "add", "-A")
	f.git(work, "commit", "-q", "-m", "first")
	f.git(work, "clone", "-q", "--bare", work, filepath.Join(f.root, "clinic", name+".git"))
	f.s.Change(func() {
		f.s.Orgs["clinic"] = append(f.s.Orgs["clinic"], forgetest.Repo{Name: name, Private: true, Topics: []string{"phi"}})
	})
}

// run runs vitalsign and holds its exit code to want.
func (f *clinicForge) run(want int, args ...string) string {
	f.t.Helper()
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), args...)
	cmd.Env = f.env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		f.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		f.t.Errorf("vitalsign %s: exit %d, want %d\n%s", strings.Join(args, " "), got, want, out)
	}
	return string(out)
}

// files calls look with every file below the home directory.
func (f *clinicForge) files(look func(path string, content []byte)) {
	f.t.Helper()
	n := 0
	err := filepath.WalkDir(f.home, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		n++
		look(p, b)
		return err
	})
	if err != nil || n < 5 {
		f.t.Errorf("%d files, %v: this looks in the wrong place", n, err)
	}
}

// The fleet of an organisation, end to end: the real program, a forge that is
// held to GitHub's description, and real clones.
func TestFleetAtForge(t *testing.T) {
	f := newClinicForge(t, "leaky", "portal", "archive")
	f.s.Change(func() { f.s.Orgs["clinic"][2].Archived = true })
	host := strings.TrimPrefix(f.s.URL, "http://")

	out := f.run(0, "fleet", "add", "gh:clinic", "--topic", "PHI")
	if !strings.Contains(out, "gh:"+host+"/clinic: 2 repositories watched") {
		t.Errorf("add says:\n%s", out)
	}
	f.s.Seen()
	out = f.run(1, "fleet", "scan", "--check", "secrets")
	for _, want := range []string{host + "/clinic/leaky   fail  1 ", host + "/clinic/portal  pass  0 ", "2 repositories: 1 pass, 1 fail, 0 cannot tell (exit 1)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the summary lacks %q:\n%s", want, out)
		}
	}
	if seen := f.s.Seen(); len(seen) != 0 {
		t.Errorf("a scan asked the API: %+v", seen)
	}
	// The run says what was scanned: the remote, the branch, a commit.
	var doc struct {
		Runs []struct{ Target map[string]any }
	}
	if err := json.Unmarshal([]byte(f.run(0, "report", "last", "-f", "json")), &doc); err != nil {
		t.Fatal(err)
	}
	target := doc.Runs[0].Target
	if remote, _ := target["remote"].(string); !strings.HasPrefix(remote, f.s.URL+"/clinic/") || target["branch"] != "trunk" || target["commit"] == nil || target["tree"] == nil || target["dirty"] != nil {
		t.Errorf("the target: %v", target)
	}

	// Asked again nothing has changed, then one is gone.
	f.run(0, "fleet", "refresh")
	if seen := f.s.Seen(); len(seen) != 1 || seen[0].Status != http.StatusNotModified {
		t.Errorf("refreshed with %+v, want one 304", seen)
	}
	f.s.Change(func() { f.s.Orgs["clinic"] = f.s.Orgs["clinic"][:1] })
	if out = f.run(0, "fleet", "refresh"); !strings.Contains(out, "gone: "+host+"/clinic/portal") {
		t.Errorf("nobody says that one is gone:\n%s", out)
	}
	if out = f.run(3, "fleet", "scan", "--check", "secrets"); !strings.Contains(out, "portal  cannot tell") {
		t.Errorf("one that is gone:\n%s", out)
	}
	f.run(0, "fleet", "remove", host+"/clinic/portal")
	f.run(1, "fleet", "scan", "--check", "secrets")

	// A token that is lost: nothing passes for having been seen.
	env := f.env
	f.env = append(env, "GITHUB_TOKEN=")
	if out = f.run(3, "fleet", "scan", "--check", "secrets"); !strings.Contains(out, "GH_TOKEN") {
		t.Errorf("without a token:\n%s", out)
	}
	if out = f.run(5, "fleet", "refresh"); !strings.Contains(out, "It asks for a token") {
		t.Errorf("without a token:\n%s", out)
	}
	f.env = env

	f.files(func(p string, b []byte) {
		for _, secret := range []string{forgeToken, "temporary-"} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %s", p, secret)
			}
		}
		if strings.HasSuffix(p, "upload.ini") {
			t.Errorf("a work tree is left: %s", p)
		}
	})
}

// Over TLS, with an authority of the clinic's own: API and clones trust who
// --ca-file names, and nobody else.
func TestFleetCAFile(t *testing.T) {
	s, ca := forgetest.NewTLS(t)
	f := serveClinic(t, s, []string{"portal"})
	if out := f.run(5, "fleet", "add", "gh:clinic"); !strings.Contains(out, "certificate") || !strings.Contains(out, "--ca-file") {
		t.Errorf("a certificate that nobody vouches for:\n%s", out)
	}
	f.run(2, "fleet", "add", "gh:clinic", "--ca-file", filepath.Join(binaries(), "vitalsign"))
	f.run(0, "fleet", "add", "gh:clinic", "--ca-file", ca)
	if out := f.run(3, "fleet", "scan", "--check", "secrets"); !strings.Contains(out, "certificate") {
		t.Errorf("a clone without it:\n%s", out)
	}
	f.run(0, "fleet", "scan", "--check", "secrets", "--ca-file", ca)
}

// A proxy of the environment is the way out, for another host than this one.
func TestFleetProxy(t *testing.T) {
	f := newClinicForge(t, "portal")
	asked := make(chan string, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host + " " + r.Header.Get("Authorization")
		http.Error(w, "no way out", http.StatusForbidden)
	}))
	defer proxy.Close()
	f.env = append(f.env, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
	f.run(5, "fleet", "add", "forge.clinic.example/clinic")
	if got := <-asked; got != "CONNECT forge.clinic.example:443 " {
		t.Errorf("the proxy was asked %q", got)
	}
}

// The variables say to whom a token goes: GitHub's own is for no other host.
func TestFleetTokenIsForItsHost(t *testing.T) {
	f := newClinicForge(t, "portal")
	f.env = append(f.env, "GITHUB_API_URL=")
	out := f.run(2, "fleet", "add", "gh:clinic", "--github-url", f.s.URL)
	for _, seen := range f.s.Seen() {
		if seen.Token != "" {
			t.Errorf("GITHUB_TOKEN went to %s: %+v\n%s", f.s.URL, seen, out)
		}
	}
	f.env = append(f.env, "GH_ENTERPRISE_TOKEN="+forgeToken)
	f.run(0, "fleet", "add", "gh:clinic", "--github-url", f.s.URL)
	f.run(0, "fleet", "scan", "--check", "secrets")
}

// gh is asked for a token where no variable has one, and what hangs is left.
func TestFleetAsksGH(t *testing.T) {
	f := newClinicForge(t, "portal")
	bin := t.TempDir()
	gh := "#!/bin/sh\n[ \"$*\" = \"auth token --hostname " + strings.TrimPrefix(f.s.URL, "http://") + "\" ] && echo " + forgeToken + "\n"
	if err := os.WriteFile(filepath.Join(bin, "gh"), []byte(gh), 0o755); err != nil {
		t.Fatal(err)
	}
	f.env = append(f.env, "GITHUB_TOKEN=", "PATH="+bin+":"+binaries()+":/usr/bin:/bin")
	f.run(0, "fleet", "add", "clinic/portal")
	f.run(0, "fleet", "scan", "--check", "secrets")
}

// The forge is down, and limits what may be asked: nothing is watched for less.
func TestFleetForgeFails(t *testing.T) {
	f := newClinicForge(t, "portal")
	for want, a := range map[string]*forgetest.Answer{
		"rate limit is used up until": {Status: 403, Header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"32503680000"}}, Body: map[string]any{"message": "API rate limit exceeded"}},
		"metadata=read":               {Status: 403, Header: http.Header{"X-Accepted-Github-Permissions": {"metadata=read"}}, Body: map[string]any{"message": "Resource not accessible by personal access token"}},
	} {
		f.s.Change(func() { f.s.Fault = func(int, *http.Request) *forgetest.Answer { return a } })
		code := 5
		if strings.HasPrefix(want, "metadata") {
			code = 2
		}
		if out := f.run(code, "fleet", "add", "gh:clinic"); !strings.Contains(out, want) {
			t.Errorf("%s is not said:\n%s", want, out)
		}
	}
	f.s.Change(func() { f.s.Fault = nil })
	f.run(2, "fleet", "scan")
}

// hanging is a vitalsign-check that does not end.
func hanging(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "vitalsign-check-hang")
	for link, to := range map[string]string{name: "faultcheck", filepath.Join(filepath.Dir(name), "vitalsign-check"): "vitalsign-check"} {
		if err := os.Symlink(filepath.Join(binaries(), to), link); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// Interrupted in the middle: 130, no work tree and no lock is left, and the next
// scan goes on where that one was.
func TestFleetInterrupted(t *testing.T) {
	f := newClinicForge(t, "one", "two", "zzz")
	f.run(0, "fleet", "add", "gh:clinic")
	// The last one cannot be fetched for now: that is recorded, and tried again.
	hidden := filepath.Join(f.root, "clinic", "one.git")
	if err := os.Rename(hidden, hidden+".away"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), "fleet", "scan", "--check", "secrets", "--jobs", "1", "-v", "--check-binary", hanging(t))
	cmd.Env = f.env
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill() // of one that does not say what is waited for
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	var said bytes.Buffer
	buf := make([]byte, 4096)
	for !strings.Contains(said.String(), "/two:    secrets") {
		n, err := stderr.Read(buf)
		if err != nil {
			t.Fatalf("%v\n%s", err, said.String())
		}
		said.Write(buf[:n])
	}
	// A second one finds the first at work.
	if out := f.run(2, "fleet", "scan"); !strings.Contains(out, "under way") {
		t.Errorf("the second:\n%s", out)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest := make(chan []byte)
	go func() {
		var b bytes.Buffer
		_, _ = b.ReadFrom(stderr) // what is there when it ends
		rest <- b.Bytes()
	}()
	select {
	case b := <-rest:
		said.Write(b)
	case <-time.After(60 * time.Second):
		_ = cmd.Process.Kill()
		t.Fatal("it did not stop")
	}
	_ = cmd.Wait() // its code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(said.String(), "goes on with the rest") {
		t.Errorf("exit %d\n%s", code, said.String())
	}
	f.files(func(p string, _ []byte) {
		if strings.HasSuffix(p, "upload.ini") {
			t.Errorf("a work tree is left: %s", p)
		}
	})
	if err := os.Rename(hidden+".away", hidden); err != nil {
		t.Fatal(err)
	}
	// A part is a scan of its own, and does not end the other.
	if out := f.run(0, "fleet", "scan", "--check", "secrets", "clinic/zzz"); strings.Contains(out, "going on") {
		t.Errorf("a part:\n%s", out)
	}
	out := f.run(0, "fleet", "scan", "--check", "secrets")
	if !strings.Contains(out, "going on with the scan of") || !strings.Contains(out, "3 of 3 are left") || !strings.Contains(out, "3 pass") {
		t.Errorf("the next:\n%s", out)
	}
	if out = f.run(0, "fleet", "scan", "--check", "secrets"); strings.Contains(out, "going on") {
		t.Errorf("the one after it:\n%s", out)
	}
}
