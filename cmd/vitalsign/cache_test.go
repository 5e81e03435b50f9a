package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// cached is a target with a home of its own, so with a cache of its own.
type cached struct{ root, home string }

func newCached(t *testing.T) cached {
	t.Helper()
	c := cached{t.TempDir(), t.TempDir()}
	c.mustRun(t, "key", "identity")
	return c
}

func (c cached) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), args...)
	cmd.Dir = c.root
	cmd.Env = []string{"HOME=" + c.home, "PATH=" + os.Getenv("PATH"), "NO_COLOR=1"}
	return cmd
}

func (c cached) mustRun(t *testing.T, args ...string) {
	t.Helper()
	if out, err := c.command(args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// scan gives the one run of a scan; whatever it found is no error.
func (c cached) scan(t *testing.T, args ...string) checks.Run {
	t.Helper()
	out, err := c.command(append([]string{"scan", "-q", "-f", "json"}, args...)...).Output()
	var d checks.Document
	if json.Unmarshal(out, &d) != nil || len(d.Runs) != 1 {
		t.Fatalf("scan %v: %v\n%s", args, err, out)
	}
	return d.Runs[0]
}

func (c cached) write(t *testing.T, path, content string) {
	t.Helper()
	full := filepath.Join(c.root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// answer is what of a run must not depend on whether it was remembered.
func answer(r checks.Run) checks.Run {
	out := checks.Run{Findings: r.Findings, Components: r.Components, Unread: r.Unread, Verdict: r.Verdict}
	for _, s := range r.Steps {
		s.Cached, s.Coverage.Cached, s.DurationMS, s.CPUMS, s.PeakBytes, s.ReportDigest = false, 0, 0, 0, 0, ""
		out.Steps = append(out.Steps, s)
	}
	return out
}

// edits are what happens to a repository. Each is one change, and together they
// reach every way in which an answer hangs on something: a file itself, a type
// in another package, a module's name, a chart around a manifest, a Terraform
// module and a file that it reads, a requirements file named by another.
func edits() []func(r *rand.Rand) (path, content string) {
	at := func(path string, contents ...string) func(*rand.Rand) (string, string) {
		return func(r *rand.Rand) (string, string) { return path, contents[r.IntN(len(contents))] }
	}
	const manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: \"c:%s\", securityContext: {privileged: true}}]}\n"
	return []func(*rand.Rand) (string, string){
		at("app.ini", "[s3]\nkey = \""+credential()+"\"\n", "[s3]\nkey = none\n", ""),
		at("a.txt", "nothing\n", "password = \""+"xK9fQ2mL8"+"vR4tY7wP1nB6\"\n", ""),
		at("go.mod", "module clinic.example/app\n\ngo 1.22\n", "module clinic.example/other\n\ngo 1.22\n"),
		at("store/store.go", "package store\n\nimport \"database/sql\"\n\ntype DB struct{ *sql.DB }\n",
			"package store\n\ntype DB struct{}\n\nfunc (DB) Query(string) {}\n", ""),
		at("web/web.go", "package web\n\nimport (\n\t\"net/http\"\n\n\t\"clinic.example/app/store\"\n)\n\nvar db store.DB\n\nfunc find(w http.ResponseWriter, r *http.Request) { db.Query(\"SELECT * FROM p WHERE n='\" + r.FormValue(\"n\") + \"'\") }\n",
			"package web\n\nfunc find() {}\n", ""),
		at("web/routes.go", "package web\n\nimport \"net/http\"\n\nfunc Routes(m *http.ServeMux) { m.HandleFunc(\"GET /patients\", find) }\n", "package web\n", ""),
		at("deploy/pod.yaml", fmt.Sprintf(manifest, "1"), fmt.Sprintf(manifest, "{{ .Values.tag }}"), "a: 1\n"),
		at("deploy/Chart.yaml", "name: c\nversion: 1.0.0\napiVersion: v2\n", ""),
		at("Dockerfile", "FROM alpine\nRUN true\n", "FROM alpine:3.20\nUSER 1000\n", ""),
		at("infra/main.tf", "module \"b\" {\n  source = \"./bucket\"\n  policy = file(\"policy.json\")\n}\n", "resource \"aws_s3_bucket\" \"x\" { bucket = \"x\" }\n", ""),
		at("infra/policy.json", "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Principal\":\"*\"}]}", "{}", ""),
		at("infra/bucket/main.tf", "variable \"policy\" {}\nresource \"aws_s3_bucket\" \"b\" { bucket = \"b\" }\nresource \"aws_s3_bucket_policy\" \"p\" {\n  bucket = \"b\"\n  policy = var.policy\n}\n", ""),
		at("requirements.txt", "-r more.txt\nflask==1.0\n", "flask==1.0\n", ""),
		at("more.txt", "django==2.0\n", "", "django==3.0\n"),
	}
}

// TestCacheChangesNothing makes random changes and holds each answer that was
// put together from earlier ones to one that was not.
func TestCacheChangesNothing(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	for seed := range uint64(1) {
		r := rand.New(rand.NewPCG(seed, 20261128))
		all := edits()
		for _, e := range all {
			path, content := e(rand.New(rand.NewPCG(0, 0)))
			c.write(t, path, content)
		}
		used := 0
		for step := range 12 {
			for range 1 + r.IntN(2) {
				path, content := all[r.IntN(len(all))](r)
				if content == "" {
					os.Remove(filepath.Join(c.root, path)) // it may not be there
				} else {
					c.write(t, path, content)
				}
			}
			with, without := c.scan(t), c.scan(t, "--no-cache")
			if diff := cmp.Diff(answer(without), answer(with)); diff != "" {
				t.Fatalf("seed %d, step %d: the cache changes the answer (-without +with):\n%s", seed, step, diff)
			}
			for _, s := range with.Steps {
				used += s.Coverage.Cached
			}
		}
		if used < 12*5 {
			t.Errorf("only %d answers about files were taken from the cache: this shows nothing", used)
		}
	}
}

// A package that others import is changed: in a body, which none of them sees,
// and in what they do see.
func TestCacheLeansOnFaces(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	c.write(t, "go.mod", "module clinic.example/app\n\ngo 1.22\n")
	stores := []string{
		"package store\n\nimport \"database/sql\"\n\ntype DB struct{ *sql.DB }\n\nfunc (DB) Close() { println(1) }\n",
		"package store\n\nimport \"database/sql\"\n\ntype DB struct{ *sql.DB }\n\nfunc (DB) Close() { println(2); println(3) }\n\n// More.\n",
		"package store\n\ntype DB struct{}\n\nfunc (DB) Query(string) {}\n",
		"package store\n\ntype DB struct{}\n\nfunc (DB) Query(string) { println(4) }\n",
		"package store\n\ntype DB struct{\n", // not Go
		"package store\n\ntype DB struct{ }}\n",
	}
	links := []string{
		"package link\n\nimport \"clinic.example/app/store\"\n\nfunc Open() store.DB { return store.DB{} }\n",
		"package link\n\nimport \"clinic.example/app/store\"\n\nfunc Open() store.DB { println(5); return store.DB{} }\n",
		"package link\n\nimport \"database/sql\"\n\nfunc Open() *sql.DB { return nil }\n",
	}
	for i := range 8 {
		c.write(t, fmt.Sprintf("web%d/web.go", i), fmt.Sprintf("package web%d\n\nimport (\n\t\"net/http\"\n\n\t\"clinic.example/app/link\"\n)\n\nvar db = link.Open()\n\nfunc find(w http.ResponseWriter, r *http.Request) { db.Query(\"SELECT * FROM p WHERE n='\" + r.FormValue(\"n\") + \"'\") }\n", i))
	}
	c.write(t, "store/store.go", stores[0])
	c.write(t, "link/link.go", links[0])
	args := []string{"--check", "sast"}
	sast := func(r checks.Run) checks.Step {
		for _, s := range r.Steps {
			if s.Check == "sast" {
				return s
			}
		}
		return checks.Step{}
	}
	first := c.scan(t, args...)
	if n := len(first.Findings); n < 8 {
		t.Fatalf("%d findings: nothing flows from package to package, so this shows nothing", n)
	}
	c.write(t, "store/store.go", stores[1])
	if s := sast(c.scan(t, args...)); s.Coverage.Cached != 9 {
		t.Errorf("a body changed, and %d of 9 other files were taken from the cache", s.Coverage.Cached)
	}
	c.write(t, "store/store.go", stores[2])
	if s := sast(c.scan(t, args...)); s.Coverage.Cached != 0 {
		t.Errorf("a type changed, and %d files that hang on it were taken from the cache", s.Coverage.Cached)
	}
	r := rand.New(rand.NewPCG(1, 20261129))
	for step := range 20 {
		if r.IntN(3) > 0 {
			c.write(t, "store/store.go", stores[r.IntN(len(stores))])
		} else {
			c.write(t, "link/link.go", links[r.IntN(len(links))])
		}
		with, without := c.scan(t, args...), c.scan(t, append(args, "--no-cache")...)
		if diff := cmp.Diff(answer(without), answer(with)); diff != "" {
			t.Fatalf("step %d: the cache changes the answer (-without +with):\n%s", step, diff)
		}
	}
}

// Nobody without the key puts an answer into the cache, and damage only costs time.
func TestCacheIsNotBelieved(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	c.write(t, "app.ini", "[s3]\nkey = \""+credential()+"\"\n")
	c.write(t, "a.txt", "nothing\n")
	want := answer(c.scan(t, "--no-cache"))
	c.scan(t)
	if s := c.scan(t).Steps[0]; !s.Cached {
		t.Fatalf("the second scan asked again: %+v", s)
	}
	files, err := filepath.Glob(filepath.Join(c.home, ".cache", "vitalsign", cacheName, "*.kept"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files in the cache, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := c.scan(t)
	if again.Steps[0].Cached {
		t.Error("a damaged answer was believed")
	}
	if diff := cmp.Diff(want, answer(again)); diff != "" {
		t.Error(diff)
	}
}

// A key that serves one run only, and a run that is signed, see for themselves.
func TestCacheIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := cached{t.TempDir(), t.TempDir()}
	c.write(t, "app.ini", "[s3]\nkey = \""+credential()+"\"\n")
	for range 2 {
		cmd := c.command("scan", "-q", "-f", "json")
		cmd.Env = append(cmd.Env, "CI=true")
		out, _ := cmd.Output() // it found something
		var d checks.Document
		if err := json.Unmarshal(out, &d); err != nil {
			t.Fatal(err)
		}
		if !d.Runs[0].IdentityKeyThrowaway || d.Runs[0].Steps[0].Cached {
			t.Errorf("throwaway %v, cached %v", d.Runs[0].IdentityKeyThrowaway, d.Runs[0].Steps[0].Cached)
		}
	}
}

// Scans at the same time, some of them killed, leave a cache that is right.
func TestCacheSurvives(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	for i := range 40 {
		c.write(t, fmt.Sprintf("d%d/f.txt", i), fmt.Sprintf("nothing %d\n", i))
	}
	c.write(t, "app.ini", "[s3]\nkey = \""+credential()+"\"\n")
	want := answer(c.scan(t, "--no-cache"))
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			cmd := c.command("scan", "-q")
			if cmd.Start() != nil {
				return
			}
			if i%2 == 0 {
				_ = cmd.Process.Kill() // as kill -9 does, wherever it is
			}
			_ = cmd.Wait()
		})
	}
	wg.Wait()
	for range 2 {
		if diff := cmp.Diff(want, answer(c.scan(t))); diff != "" {
			t.Fatal(diff)
		}
	}
}
