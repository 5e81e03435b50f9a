package archive

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forge serves the repositories below root by git's own http-backend, over
// https, to who has the password.
type forge struct {
	url, ca string
	asked   func() []string // the Authorization of each request
}

func newForge(t *testing.T, root, user, password string) forge {
	t.Helper()
	backend := filepath.Join(run(t, root, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("git has no http-backend here")
	}
	words := &said{}
	h := &cgi.Handler{Path: backend, Stderr: words, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=2",
		"GIT_CONFIG_KEY_0=http.receivepack", "GIT_CONFIG_VALUE_0=true", "GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*"}}
	asked := &said{}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, ok := r.BasicAuth()
		if ok {
			asked.add(u + ":" + p)
		}
		if u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeCA(t, ca, s.Certificate())
	return forge{s.URL, ca, asked.lines}
}

func writeCA(t *testing.T, path string, c *x509.Certificate) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// executable writes a script.
func executable(t *testing.T, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "script.sh")
	if err := os.WriteFile(p, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

const askpass = `case "$1" in Username*) echo clinic;; *) echo correct-horse;; esac`

// Two clones that meet at a forge.
func meet(t *testing.T, location string, options func() Options) {
	t.Helper()
	open := func() Archive { return openAt(t, location, options()) }
	a, b := open(), open()
	conformPutGet(t, a, b)
	conformNeverReplaced(t, a, b)
	conformConcurrent(t, []Archive{a, b})
}

func TestGitOverHTTPS(t *testing.T) {
	bare, clone := upstream(t)
	f := newForge(t, filepath.Dir(bare), "clinic", "correct-horse")
	env := []string{"GIT_ASKPASS=" + executable(t, askpass), "GIT_SSL_CAINFO=" + f.ca}
	meet(t, "git:"+evidenceRef+"@"+f.url+"/up.git", func() Options {
		o := gitOptions(t, clone())
		o.GitCredentials.Env = env
		return o
	})
}

// The server at the other end of ssh is this machine.
func TestGitOverSSH(t *testing.T) {
	bare, clone := upstream(t)
	env := []string{"GIT_SSH_COMMAND=" + executable(t, `[ "$1" = -G ] && exit 1
for last; do :; done
exec sh -c "$last"`)}
	for _, address := range []string{"ssh://git@forge.example" + bare, "git@forge.example:" + bare} {
		meet(t, "git:refs/vitalsign/"+address[:3]+"@"+address, func() Options {
			o := gitOptions(t, clone())
			o.GitCredentials.Env = env
			return o
		})
	}
}

// The user's credential helpers are asked, in every form in which git knows
// them, and those of the repository are not.
func TestGitAsksTheUsersHelpers(t *testing.T) {
	bare, clone := upstream(t)
	f := newForge(t, filepath.Dir(bare), "clinic", "it's correct!")
	mark := filepath.Join(t.TempDir(), "ran")
	evil := executable(t, "echo ran >>"+mark)
	helper := `!f() { [ "$1" = get ] && printf 'username=clinic\npassword=it'\''s correct!\n'; }; f`
	for _, key := range []string{"credential.helper", "credential." + f.url + ".helper"} {
		dir, home := clone(), t.TempDir()
		file := filepath.Join(home, ".gitconfig")
		run(t, dir, "config", "--file", file, key, helper)
		run(t, dir, "config", "--file", file, "http."+f.url+".sslCAInfo", f.ca)
		run(t, dir, "config", "--file", file, "core.fsmonitor", evil)
		run(t, dir, "config", "--file", file, "core.hooksPath", filepath.Dir(evil))
		run(t, dir, "config", "credential.helper", "!"+evil)
		run(t, dir, "config", "credential."+f.url+".helper", "!"+evil)
		o := gitOptions(t, dir)
		o.GitCredentials.Env = []string{"HOME=" + home}
		a := openAt(t, "git:"+evidenceRef+"@"+f.url+"/up.git", o)
		if err := a.Put(t.Context(), "a.json", []byte("1")); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := os.Stat(mark); err == nil {
			t.Errorf("%s: a program of the repository's, or one that is not for credentials, was run", key)
		}
		// That certificates are not looked at is not taken over.
		run(t, dir, "config", "--file", file, "--unset", "http."+f.url+".sslCAInfo")
		run(t, dir, "config", "--file", file, "http.sslVerify", "false")
		if _, err := Open(t.Context(), "git:"+evidenceRef+"@"+f.url+"/up.git", o); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: with a certificate of nobody: %v", key, err)
		}
	}
}

// An address is spoken with as the user gave it. The password is told to nobody
// else, whatever the repository's configuration says.
func TestGitDetours(t *testing.T) {
	bare, clone := upstream(t)
	f := newForge(t, filepath.Dir(bare), "clinic", "correct-horse")
	evil := newForge(t, filepath.Dir(bare), "nobody", "knows")
	pass := "GIT_ASKPASS=" + executable(t, askpass)
	address, file := f.url+"/up.git", "file://"+bare
	for _, c := range []struct{ in, key, value, address string }{
		{"config", "url." + evil.url + ".insteadOf", f.url, address},
		{"config", "url." + evil.url + ".pushInsteadOf", "https:", address},
		{"config.worktree", "url." + evil.url + ".insteadOf", f.url, address},
		{"config", "remote." + address + ".url", evil.url + "/up.git", address},
		{"config", "remote." + address + ".pushurl", evil.url + "/up.git", address},
		{"config", "remote." + file + ".fetch", "+refs/*:refs/heads/*", file},
		{"config", "http.proxy", "http://clinic@" + strings.TrimPrefix(evil.url, "https://"), address},
		{"config", "http." + f.url + ".sslCAInfo", evil.ca, address},
		{"config.worktree", "http." + f.url + ".sslVerify", "false", address},
		{"config.worktree", "credential.helper", "!false", address},
		{"config.worktree", "remote.x.uploadpack", "false", file},
	} {
		dir := clone()
		run(t, dir, "config", "extensions.worktreeConfig", "true")
		run(t, dir, "config", "--file", filepath.Join(dir, ".git", c.in), c.key, c.value)
		refs := run(t, dir, "for-each-ref")
		o := gitOptions(t, dir)
		o.GitCredentials.Env = []string{pass, "GIT_SSL_CAINFO=" + f.ca}
		if _, err := Open(t.Context(), "git:"+evidenceRef+"@"+c.address, o); err == nil || !strings.Contains(err.Error(), "unset it") {
			t.Errorf("%s in %s: %v", c.key, c.in, err)
		}
		if run(t, dir, "for-each-ref") != refs {
			t.Errorf("%s in %s: refs were written", c.key, c.in)
		}
	}
	if told := slices.Concat(f.asked(), evil.asked()); len(told) > 0 {
		t.Errorf("passwords were told: %q", told)
	}
}

// What is usual in a repository's configuration is in nobody's way.
func TestGitUsualConfiguration(t *testing.T) {
	bare, clone := upstream(t)
	f := newForge(t, filepath.Dir(bare), "clinic", "correct-horse")
	dir := clone()
	run(t, dir, "sparse-checkout", "set", "--cone", "x") // writes config.worktree
	run(t, dir, "config", "url.https://mirror.example/.insteadOf", "https://elsewhere.example/")
	// As actions/checkout writes it: clinic:correct-horse.
	run(t, dir, "config", "http."+f.url+"/.extraheader", "AUTHORIZATION: basic Y2xpbmljOmNvcnJlY3QtaG9yc2U=")
	run(t, dir, "remote", "set-url", "origin", f.url+"/up.git")
	for _, remote := range []string{"origin", f.url + "/up.git"} {
		o := gitOptions(t, dir)
		o.GitCredentials.Env = []string{"GIT_SSL_CAINFO=" + f.ca}
		if err := openAt(t, "git:"+evidenceRef+"@"+remote, o).Put(t.Context(), "a.json", []byte("1")); err != nil {
			t.Errorf("%s: %v", remote, err)
		}
	}
}
