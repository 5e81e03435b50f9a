//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/pipelines/dagger/daggertest"
)

// bench is one user with advisories and an identity key, before one or more
// engines.
type bench struct {
	t       testing.TB
	env     []string
	home    string
	engines []*daggertest.Engine
}

func newBench(t testing.TB, engines ...*daggertest.Engine) *bench {
	t.Helper()
	b := &bench{t: t, home: t.TempDir(), engines: engines}
	b.env = append(os.Environ(), "HOME="+b.home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "VITALSIGN_ENGINE=",
		"GITHUB_EVENT_NAME=", checks.IdentityKeyEnv+"="+testKey(t),
		"VITALSIGN_CACHE_SIZE=1B") // what an engine says is asked, not what is remembered of it
	if len(engines) > 0 {
		b.env = append(b.env, "_EXPERIMENTAL_DAGGER_CLI_BIN="+engines[0].CLI)
	}
	if out, code := b.run("db", "import", filepath.Join("..", "..", "examples", "osv")); code != 0 {
		t.Fatalf("db import: exit %d\n%s", code, out)
	}
	return b
}

func testKey(t testing.TB) string {
	t.Helper()
	key, err := checks.NewIdentityKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key.Text()
}

// dagger is the --engine of all engines.
func (b *bench) dagger() string {
	var addresses []string
	for _, e := range b.engines {
		addresses = append(addresses, e.Address)
	}
	return "dagger=" + strings.Join(addresses, ",")
}

func (b *bench) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), args...)
	cmd.Env = b.env
	return cmd
}

// run gives what was printed on both streams, and the exit code.
func (b *bench) run(args ...string) (string, int) {
	b.t.Helper()
	out, err := b.command(args...).CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		b.t.Fatal(err)
	}
	if err == nil {
		return string(out), 0
	}
	return string(out), err.(*exec.ExitError).ExitCode()
}

// scan gives the document of a scan.
func (b *bench) scan(engine string, args ...string) (checks.Document, string, int) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "result.json")
	args = append([]string{"scan", "--engine", engine, "--max-data-age", "off", "--output", "json=" + file}, args...)
	out, code := b.run(args...)
	doc, err := os.ReadFile(file)
	if err != nil {
		b.t.Fatalf("exit %d, no document: %v\n%s", code, err, out)
	}
	var d checks.Document
	if err := json.Unmarshal(doc, &d); err != nil {
		b.t.Fatal(err)
	}
	return d, out, code
}

// normal is a document without what two runs of one engine differ in, too.
func normal(t *testing.T, d checks.Document) string {
	t.Helper()
	d.Runs = slices.Clone(d.Runs)
	for i := range d.Runs {
		r := &d.Runs[i]
		r.ID, r.Started, r.Ended, r.Engine = "", time.Time{}, time.Time{}, ""
		r.Steps = slices.Clone(r.Steps)
		for j := range r.Steps {
			s := &r.Steps[j]
			s.DurationMS, s.CPUMS, s.PeakBytes, s.Cached, s.Where = 0, 0, 0, false, ""
			s.ReportDigest = "" // the order in which a check's goroutines speak
		}
	}
	b, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDaggerParity: both engines give identical normalised runs.
func TestDaggerParity(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	trees := map[string]string{"clinic": filepath.Join("..", "..", "examples", "clinic")}
	for seed := range uint64(3) {
		trees[fmt.Sprintf("generated %d", seed)] = generated(t, seed)
	}
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		t.Run(name, func(t *testing.T) {
			local, _, lcode := b.scan("local", "--max-file-size", "1MB", trees[name])
			remote, _, rcode := b.scan(b.dagger(), "--max-file-size", "1MB", trees[name])
			want, got := normal(t, local), normal(t, remote)
			if want != got || lcode != rcode {
				t.Fatalf("local (exit %d) and Dagger (exit %d) differ:\n%s", lcode, rcode, firstDifference(want, got))
			}
			if remote.Runs[0].Engine != "dagger" || remote.Runs[0].Sandbox != "full" || len(local.Runs[0].Findings) == 0 {
				t.Errorf("engine %q, sandbox %q, %d findings", remote.Runs[0].Engine, remote.Runs[0].Sandbox, len(local.Runs[0].Findings))
			}
			t.Logf("identical: %d findings, %d steps, %d bytes of normalised document, exit %d",
				len(local.Runs[0].Findings), len(local.Runs[0].Steps), len(got), rcode)
		})
	}
}

// The identity key is in no file that the scan, Dagger's command or the engine
// has written.
// The dashboard follows a scan in containers as it does one here: it reads
// events.
func TestDaggerInTheDashboard(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	dir := cleanRepository(t)
	if out, code := b.run("scan", "-q", dir); code > 3 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	cmd := b.command("--plain")
	cmd.Env = append(cmd.Env, "VITALSIGN_ENGINE="+b.dagger())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	fmt.Fprintln(in, "scan")
	said := bufio.NewScanner(out)
	seen := map[string]bool{}
	for said.Scan() {
		for _, check := range []string{": secrets: ok.", ": sast: ok.", ": ended: "} {
			seen[check] = seen[check] || strings.Contains(said.Text(), check)
		}
		if seen[": ended: "] {
			break
		}
	}
	fmt.Fprintln(in, "pipelines\nopen 2\nquit")
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 3 || !strings.Contains(string(rest), "engine: ") {
		t.Errorf("seen %v, and then:\n%s", seen, rest)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestDaggerKeepsTheKey(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	if d, out, _ := b.scan(b.dagger(), generated(t, 4)); !d.Runs[0].Verdict.Complete && len(d.Runs[0].Findings) == 0 {
		t.Fatalf("the scan found nothing\n%s", out)
	}
	key, files := []byte(testKey(t)), 0
	for _, dir := range []string{b.home, b.engines[0].State} {
		err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil // gone, or a socket
			}
			content, err := os.ReadFile(p)
			if err != nil {
				return nil // gone
			}
			files++
			if bytes.Contains(content, key) {
				t.Errorf("%s holds the identity key", p)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 20 {
		t.Errorf("only %d files were looked at", files)
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\nlocal:  %s\ndagger: %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines and %d", len(w), len(g))
}

// generated writes a tree of all kinds: findings of each check under nested,
// hostile and unusual names, files too large, empty, twice the same, links.
func generated(t *testing.T, seed uint64) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	dir := t.TempDir()
	write := func(name string, content []byte) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"a b", "\u00fcmlaut", "tab\tname", "-dash", "d\xff\xfe", "quote'\"", "[glob]*", "emoji\U0001F9EA"}
	for i := range 30 {
		name := filepath.Join(names[r.IntN(len(names))], fmt.Sprintf("%s%d", names[r.IntN(len(names))], i))
		switch r.IntN(6) {
		case 0:
			write(name+".ini", []byte("[upload]\nkey = \""+credential()+"\"\n"))
		case 1:
			write(name+".tf", []byte("resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"x\"\n}\n"))
		case 2:
			write(name+"/Dockerfile", []byte("FROM alpine:latest\nADD x /\n"))
		case 3:
			write(name+".txt", bytes.Repeat([]byte("nothing to see\n"), r.IntN(2000)))
		case 4:
			write(name+"/go.mod", []byte("module example.test/m\n\ngo 1.22\n\nrequire golang.org/x/net v0.1.0\n"))
			write(name+"/main.go", []byte("package main\n\nimport (\n\t\"crypto/md5\"\n\t\"fmt\"\n)\n\nfunc main() { fmt.Println(md5.Sum(nil)) }\n"))
		default:
			write(name+".bin", []byte{0x7f, 'E', 'L', 'F', byte(r.IntN(256)), 0})
		}
	}
	write("settings.ini", []byte("[upload]\nkey = \""+credential()+"\"\n"))
	write("big.txt", bytes.Repeat([]byte("a line of text\n"), 500_000)) // more than five times the limit
	write("empty", nil)
	if err := os.Symlink("settings.ini", filepath.Join(dir, "link.ini")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// An unchanged repository is answered from the engine's cache, one that
// changed is not, and neither is what was seen under another key.
func TestDaggerCache(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	dir := generated(t, 7)
	began := time.Now()
	first, _, _ := b.scan(b.dagger(), dir)
	cold := time.Since(began)
	began = time.Now()
	second, _, _ := b.scan(b.dagger(), dir)
	t.Logf("first run %.2f s, unchanged %.2f s", cold.Seconds(), time.Since(began).Seconds())
	wantCached(t, first, false)
	wantCached(t, second, true)
	if a, b := normal(t, first), normal(t, second); a != b {
		t.Errorf("the cached answer is another one:\n%s", firstDifference(a, b))
	}
	if err := os.WriteFile(filepath.Join(dir, "new.txt"), []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	changed, _, _ := b.scan(b.dagger(), dir)
	wantCached(t, changed, false)
	b.env = append(b.env, checks.IdentityKeyEnv+"=")
	throwaway, _, _ := b.scan(b.dagger(), dir)
	wantCached(t, throwaway, false)
	again, _, _ := b.scan(b.dagger(), dir)
	wantCached(t, again, false)
}

func wantCached(t *testing.T, d checks.Document, want bool) {
	t.Helper()
	for _, s := range d.Runs[0].Steps {
		if s.Status != checks.NotApplicable && s.Status != checks.Excluded && s.Cached != want {
			t.Errorf("%s (%s): cached %v, want %v", s.Check, s.Status, s.Cached, want)
		}
	}
}

// No engine: exit 3 naming every step when one was asked for; the local engine
// and a line when the choice was ours.
func TestDaggerNotThere(t *testing.T) {
	b := newBench(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.ini"), []byte("x = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	nowhere := "unix://" + filepath.Join(t.TempDir(), "no.sock")
	_, out, code := b.scan("dagger="+nowhere, dir)
	if code != 3 || !strings.Contains(out, "secrets: failed: no Dagger engine") {
		t.Errorf("without the dagger command: exit %d\n%s", code, out)
	}
	b.env = append(b.env, "_EXPERIMENTAL_DAGGER_RUNNER_HOST="+nowhere)
	if d, out, code := b.scan("auto", dir); code != 0 || d.Runs[0].Engine != "local" || !strings.Contains(out, "engine: local (no Dagger engine") {
		t.Errorf("auto without the dagger command: exit %d, engine %s\n%s", code, d.Runs[0].Engine, out)
	}
	e := daggertest.Start(t)
	b.env = append(b.env, "_EXPERIMENTAL_DAGGER_CLI_BIN="+e.CLI)
	if _, out, code = b.scan("dagger="+nowhere, dir); code != 3 || !strings.Contains(out, "secrets: failed: no Dagger engine at "+nowhere) {
		t.Errorf("an address where nobody listens: exit %d\n%s", code, out)
	}
	if d, out, code := b.scan("auto", dir); code != 0 || d.Runs[0].Engine != "local" || !strings.Contains(out, "engine: local (no Dagger engine at") {
		t.Errorf("auto, nobody listens: exit %d\n%s", code, out)
	}
	b.env = append(b.env, "_EXPERIMENTAL_DAGGER_RUNNER_HOST="+e.Address)
	if d, out, code := b.scan("auto", dir); code != 0 || d.Runs[0].Engine != "dagger" {
		t.Errorf("auto with an engine: exit %d, engine %s\n%s", code, d.Runs[0].Engine, out)
	}
}

// The doctor says whether the engine that a scan would use answers.
func TestDaggerDoctor(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	b.env = append(b.env, "VITALSIGN_ENGINE="+b.dagger())
	if out, _ := b.run("doctor"); !strings.Contains(out, b.engines[0].Address+" v0.16.0") {
		t.Errorf("an engine that is there:\n%s", out)
	}
	b.engines[0].Kill(t)
	if out, code := b.run("doctor"); code != 3 || !strings.Contains(out, "no Dagger engine at "+b.engines[0].Address) {
		t.Errorf("one that is gone: exit %d\n%s", code, out)
	}
}

// An engine that was stopped leaves nothing on the machine.
func TestDaggerEngineLeavesNothing(t *testing.T) {
	before := machine(t)
	t.Run("use one", func(t *testing.T) {
		b := newBench(t, daggertest.Start(t))
		if _, out, code := b.scan(b.dagger(), generated(t, 3)); code == 0 {
			t.Errorf("exit 0\n%s", out)
		}
	})
	if after := machine(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// machine describes what an engine might leave: mounts, interfaces, its
// control groups, and the names that it mounts over.
func machine(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, file := range []string{"/proc/self/mountinfo", "/etc/resolv.conf", "/etc/dnsmasq-resolv.conf"} {
		content, err := os.ReadFile(file)
		fmt.Fprintf(&b, "%s %v\n%s\n", file, err != nil, content)
	}
	for _, pattern := range []string{"/sys/class/net/*", "/sys/fs/cgroup/*/buildkit", "/run/containers", "/run/buildkit", "/opt/dagger", "/opt/cni"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, pattern, names)
	}
	fmt.Fprintln(&b, "engines", len(daggertest.Processes(t, "/engine\x00--config")))
	return b.String()
}

func TestDaggerWrongVersion(t *testing.T) {
	b := newBench(t, daggertest.Start(t, "_EXPERIMENTAL_DAGGER_VERSION=0.12.0"))
	dir := generated(t, 9)
	_, out, code := b.scan(b.dagger(), dir)
	if code != 3 || !strings.Contains(out, "secrets: failed: no Dagger engine at") || !strings.Contains(out, "0.12.0") {
		t.Errorf("an engine of an old version: exit %d\n%s", code, out)
	}
}

// slow is a tree that takes some seconds to read.
func slow(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < megabytes<<20 {
		fmt.Fprintf(&b, "token_%d = lookup(api_key, %d, secret)\n", r.Uint32(), r.Uint64())
	}
	if err := os.WriteFile(filepath.Join(dir, "slow.conf"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// started waits until n checks run in containers.
func started(t testing.TB, n int) {
	t.Helper()
	for range 300 {
		if len(daggertest.Processes(t, "/.vitalsign/bin/vitalsign-check\x00--supervise")) >= n {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("no container started within 30 s")
}

// during starts a scan, waits until n of its checks run, does something to
// it, and gives what it printed and its exit code.
func (b *bench) during(n int, do func(*exec.Cmd), args ...string) (string, int) {
	b.t.Helper()
	cmd := b.command(append([]string{"scan", "--engine", b.dagger(), "--max-data-age", "off"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	started(b.t, n)
	do(cmd)
	_ = cmd.Wait() // its exit code tells
	return out.String(), cmd.ProcessState.ExitCode()
}

func TestDaggerKilledMidRun(t *testing.T) {
	e := daggertest.Start(t)
	b := newBench(t, e)
	out, code := b.during(1, func(*exec.Cmd) { e.Kill(t) }, slow(t, 30))
	if code != 3 || !strings.Contains(out, "secrets: failed: the engine at "+e.Address+" was lost") {
		t.Errorf("engine killed: exit %d\n%s", code, out)
	}
}

// What the kernel does to a container that wants too much memory.
func TestDaggerContainerKilled(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	kill := func(*exec.Cmd) {
		for _, pid := range daggertest.Processes(t, "/.vitalsign/bin/vitalsign-check\x00") {
			_ = syscall.Kill(pid, syscall.SIGKILL) // one that ended by itself is fine
		}
	}
	out, code := b.during(1, kill, slow(t, 30))
	if code != 3 || !strings.Contains(out, "secrets: failed: its container was killed, most likely for want of memory") {
		t.Errorf("container killed: exit %d\n%s", code, out)
	}
}

func TestDaggerMemoryLimit(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	dir := generated(t, 5)
	local, _, _ := b.scan("local", "--check-memory", "40MB", "--check", "iac", dir)
	remote, out, code := b.scan(b.dagger(), "--check-memory", "40MB", "--check", "iac", dir)
	if code != 3 || !strings.Contains(out, "iac: failed: stopped: it needed more than 40 MB of memory (limit check_memory)") {
		t.Errorf("memory limit: exit %d\n%s", code, out)
	}
	if a, b := normal(t, local), normal(t, remote); a != b {
		t.Errorf("a failed step differs:\n%s", firstDifference(a, b))
	}
	// A failure is not answered from the cache.
	again, _, _ := b.scan(b.dagger(), "--check-memory", "40MB", "--check", "iac", dir)
	wantCached(t, again, false)
}

// Interrupted: 130, and nothing goes on in the engine.
func TestDaggerInterrupted(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	interrupt := func(cmd *exec.Cmd) {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	}
	out, code := b.during(1, interrupt, slow(t, 60))
	if code != 130 || !strings.Contains(out, "interrupted") {
		t.Errorf("interrupted: exit %d\n%s", code, out)
	}
	for range 100 {
		if len(daggertest.Processes(t, "/.vitalsign/bin/vitalsign-check\x00")) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("a check still runs in the engine 10 s after the scan was interrupted")
}

// Two engines, one killed in the middle: nothing lost, nothing reported twice.
func TestDaggerTwoEngines(t *testing.T) {
	one, two := daggertest.Start(t), daggertest.Start(t)
	b := newBench(t, one, two)
	args := []string{slow(t, 6), slow(t, 7)}
	for seed := range uint64(2) {
		args = append(args, generated(t, 20+seed))
	}
	want, _, wantCode := b.scan("local", args...)
	file := filepath.Join(t.TempDir(), "result.json")
	out, code := b.during(2, func(*exec.Cmd) { two.Kill(t) }, append([]string{"--output", "json=" + file}, args...)...)
	var got checks.Document
	doc, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(doc, &got) != nil {
		t.Fatalf("exit %d, no document: %v\n%s", code, err, out)
	}
	if a, b := normal(t, want), normal(t, got); a != b || code != wantCode {
		t.Errorf("exit %d, want %d: the findings differ:\n%s", code, wantCode, firstDifference(a, b))
	}
	if !strings.Contains(out, two.Address+" was lost") {
		t.Errorf("it is not said which engine was lost\n%s", out)
	}
	where := map[string]int{}
	for _, r := range got.Runs {
		for _, s := range r.Steps {
			where[s.Where]++
		}
	}
	t.Logf("steps by engine: %v", where)
	if where[one.Address] == 0 {
		t.Errorf("no step says that it ran on %s: %v", one.Address, where)
	}
}

// BenchmarkEngines times whole scans of the clinic: here, in an engine that
// has the program but not the answers (another identity key each time), and
// in one that has the answers.
func BenchmarkEngines(b *testing.B) {
	clinic := filepath.Join("..", "..", "examples", "clinic")
	user := newBench(b, daggertest.Start(b))
	stranger := *user
	stranger.env = append(slices.Clone(user.env), checks.IdentityKeyEnv+"=")
	for _, c := range []struct {
		name, engine string
		bench        *bench
	}{{"local", "local", user}, {"dagger-warm", user.dagger(), &stranger}, {"dagger-cached", user.dagger(), user}} {
		b.Run(c.name, func(b *testing.B) {
			args := []string{"scan", "-q", "--engine", c.engine, "--max-data-age", "off", clinic}
			c.bench.run(args...) // the first brings what is not there
			for b.Loop() {
				if out, code := c.bench.run(args...); code != 1 {
					b.Fatalf("exit %d\n%s", code, out)
				}
			}
		})
	}
}
