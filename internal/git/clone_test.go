package git

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// upstream is a bare repository with what a clone might be caught by.
func upstream(t *testing.T) (bare, commit string) {
	t.Helper()
	dir := repo(t)
	write(t, filepath.Join(dir, ".gitattributes"), "*.bin filter=lfs diff=lfs\n*.sh filter=run\n")
	write(t, filepath.Join(dir, "large.bin"), "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
	write(t, filepath.Join(dir, "run.sh"), "echo\n")
	write(t, filepath.Join(dir, ".gitmodules"), "[submodule \"s\"]\n\tpath = s\n\turl = https://forge.example/s.git\n")
	write(t, filepath.Join(dir, "hooks", "post-checkout"), "#!/bin/sh\ntouch owned\n")
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "add", "-A")
	run(t, dir, "commit", "-q", "-m", "second")
	run(t, dir, "update-ref", "refs/heads/-not-a-flag", "HEAD")
	bare = filepath.Join(t.TempDir(), "up.git")
	run(t, dir, "clone", "-q", "--bare", dir, bare)
	run(t, bare, "symbolic-ref", "HEAD", "refs/heads/main")
	return bare, run(t, dir, "rev-parse", "main")
}

func TestShallowCopyAndWorkTree(t *testing.T) {
	ctx := t.Context()
	bare, commit := upstream(t)
	place := t.TempDir()
	r, err := InitBare(ctx, program(t), filepath.Join(place, "copy.git"))
	if err != nil || !r.Bare {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := r.SetOrigin(ctx, "https://forge.example/acme/up.git"); err != nil {
		t.Fatal(err)
	}
	if err := r.SetOrigin(ctx, "https://token@forge.example/acme/up.git"); err == nil {
		t.Error("an address with a token was written down")
	}
	m, err := r.Remote(ctx, bare, Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second reuses what the first brought
		ref, err := m.Head(ctx)
		if err != nil || ref != "refs/heads/main" {
			t.Fatalf("head %q, %v", ref, err)
		}
		got, err := m.FetchShallow(ctx, ref)
		if err != nil || got != commit {
			t.Fatalf("fetched %q, %v, want %s", got, err, commit)
		}
		if n := run(t, r.Dir, "rev-list", "--count", commit); n != "1" {
			t.Errorf("%s commits came along", n)
		}
		w, err := r.Weigh(ctx, commit, Weight{100, 1 << 20})
		if err != nil || w.Files != 8 || w.Bytes == 0 {
			t.Errorf("weight %+v, %v", w, err)
		}
		dir := filepath.Join(place, "tree")
		if err := r.AddWorktree(ctx, dir, ref, commit); err != nil {
			t.Fatal(err)
		}
		checkWorkTree(t, dir, commit)
		if err := r.AddWorktree(ctx, dir, ref, commit); err == nil {
			t.Error("a work tree was written over another")
		}
		if err := r.RemoveWorktree(ctx, dir); err != nil {
			t.Fatal(err)
		}
		if list := run(t, r.Dir, "worktree", "list"); strings.Count(list, "\n") != 0 {
			t.Errorf("left: %s", list)
		}
	}
}

func checkWorkTree(t *testing.T, dir, commit string) {
	t.Helper()
	ctx := t.Context()
	w, err := Open(ctx, program(t), dir)
	if err != nil || w.Bare || w.Top != dir {
		t.Fatalf("%+v, %v", w, err)
	}
	h, err := w.Head(ctx)
	if err != nil || h.Commit != commit || h.Dirty || !h.Shallow || h.Tree == "" || h.Remote != "https://forge.example/acme/up.git" {
		t.Errorf("head %+v, %v", h, err)
	}
	if b := w.Branch(ctx); b != "main" {
		t.Errorf("branch %q", b)
	}
	if to, err := os.Readlink(filepath.Join(dir, "link")); err != nil || to != "/etc/passwd" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "large.bin")); err != nil || !strings.HasPrefix(string(b), "version https") {
		t.Errorf("the pointer became %q, %v", b, err)
	}
	for _, owned := range []string{"owned", "s/owned", "s/.git"} {
		if _, err := os.Lstat(filepath.Join(dir, owned)); err == nil {
			t.Errorf("%s is there: something ran", owned)
		}
	}
}

func TestWeighStops(t *testing.T) {
	dir := repo(t)
	r, err := Open(t.Context(), program(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	// Each level names the last one ten times: ten thousand million files.
	tree := run(t, dir, "rev-parse", "HEAD^{tree}")
	for range 10 {
		var in strings.Builder
		for i := range 10 {
			in.WriteString("040000 tree " + tree + "\t" + string(rune('a'+i)) + "\x00")
		}
		out, err := r.feed(t.Context(), nil, strings.NewReader(in.String()), "mktree", "-z")
		if err != nil {
			t.Fatal(err)
		}
		tree = strings.TrimSpace(string(out))
	}
	commit := run(t, dir, "commit-tree", "-m", "bomb", tree)
	begin := time.Now()
	if w, err := r.Weigh(t.Context(), commit, Weight{10000, 1 << 30}); err == nil || w.Files != 10001 {
		t.Errorf("%+v, %v", w, err)
	}
	if w, err := r.Weigh(t.Context(), commit, Weight{1 << 30, 1000}); err == nil || w.Files > 1000 {
		t.Errorf("%+v, %v", w, err)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestEmptyRemote(t *testing.T) {
	up := filepath.Join(t.TempDir(), "empty.git")
	run(t, t.TempDir(), "init", "-q", "--bare", up)
	r, err := InitBare(t.Context(), program(t), filepath.Join(t.TempDir(), "copy.git"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Remote(t.Context(), up, Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Head(t.Context()); !errors.Is(err, ErrEmpty) {
		t.Errorf("%v", err)
	}
	for _, ref := range []string{"HEAD", "refs/tags/x", "--upload-pack=touch owned"} {
		if _, err := m.FetchShallow(t.Context(), ref); err == nil {
			t.Errorf("%q was fetched", ref)
		}
	}
}

// gitServer serves the repositories below root to who has the token.
func gitServer(t *testing.T, root, token string) *httptest.Server {
	t.Helper()
	h := &cgi.Handler{Path: filepath.Join(run(t, root, "--exec-path"), "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, given, _ := r.BasicAuth(); given != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// loud is git under another name: it writes down its arguments.
func loud(t *testing.T) (name, log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	script := "#!/bin/sh\nprintf '%s\\n' \"$@\" >>'" + log + "'\nexec '" + program(t) + "' \"$@\"\n"
	name = filepath.Join(dir, "git")
	if err := os.WriteFile(name, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return name, log
}

// A token opens its own host, is in no argument and no file, and is given to
// no helper of the user's to keep.
func TestTokenOfGit(t *testing.T) {
	const token = "made-up-token-of-a-test"
	bare, commit := upstream(t)
	home, place := t.TempDir(), t.TempDir()
	write(t, filepath.Join(home, ".gitconfig"), "[credential]\n\thelper = store\n\thelper = !touch "+home+"/asked; cat >>"+home+"/stolen\n")
	s, other := gitServer(t, filepath.Dir(bare), token), gitServer(t, filepath.Dir(bare), token)
	git, log := loud(t)
	r, err := InitBare(t.Context(), git, filepath.Join(place, "copy.git"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Credentials{Env: []string{"HOME=" + home}, Token: Token{Place: s.URL, Value: token}}.OfUser(t.Context(), git)
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(url string) (string, error) {
		m, err := r.Remote(t.Context(), url, c)
		if err != nil {
			t.Fatal(err)
		}
		return m.FetchShallow(t.Context(), "refs/heads/main")
	}
	if got, err := fetch(s.URL + "/up.git"); err != nil || got != commit {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := fetch(other.URL + "/up.git"); err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("another host: %v", err)
	}
	if b, err := os.ReadFile(log); err != nil || len(b) == 0 || strings.Contains(string(b), token) {
		t.Errorf("the token is an argument: %v\n%s", err, b)
	}
	for _, dir := range []string{home, place} {
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if b, err := os.ReadFile(p); err != nil || strings.Contains(string(b), token) {
				t.Errorf("%s holds the token (%v)", p, err)
			}
			if n := d.Name(); n == "asked" || n == "stolen" || n == ".git-credentials" {
				t.Errorf("a helper of the user's was asked: %s", p)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Without a token the user's own helper is the one that is asked.
	c, err = Credentials{Env: []string{"HOME=" + home}}.OfUser(t.Context(), git)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fetch(s.URL + "/up.git"); err == nil {
		t.Error("it opened without a token")
	}
	if _, err := os.Stat(filepath.Join(home, "asked")); err != nil {
		t.Error("the user's helper was not asked")
	}
}

// A fetch from a server that goes silent ends with the context, and so do the
// programs that git has started for it.
func TestFetchIsCancelled(t *testing.T) {
	asked, gone := make(chan struct{}, 1), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done() // the client has hung up
		close(gone)
	}))
	defer s.Close()
	r, err := InitBare(t.Context(), program(t), filepath.Join(t.TempDir(), "copy.git"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Remote(t.Context(), s.URL+"/up.git", Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	begin := time.Now()
	if _, err := m.Head(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("a program is left")
	}
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
}
