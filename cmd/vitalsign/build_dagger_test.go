//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/pipelines/build"
	"github.com/vitalsign-dev/vitalsign/pipelines/dagger/daggertest"
)

// compiler is the program of the image that the artifacts are built in: there
// is no registry to fetch one from.
const compiler = `package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

func main() {
	must := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	must(os.MkdirAll("out", 0o755))
	switch os.Args[1] {
	case "compile":
		b, err := os.ReadFile("main.src")
		must(err)
		must(os.WriteFile("out/app", append([]byte(os.Getenv("MODE")+": "), b...), 0o755))
	case "fail":
		fmt.Fprintln(os.Stderr, "words of the command", os.Getenv("MODE"))
		os.Exit(7)
	case "link":
		must(os.Symlink("/bin/compiler", "out/app"))
	case "plant":
		must(os.WriteFile("/.vitalsign/out/planted", nil, 0o644))
		must(os.WriteFile("/.vitalsign/bin/vitalsign-check", nil, 0o755))
	case "leak":
		must(os.WriteFile("out/settings.ini", []byte("key = \"AKIA"+"X3QZ7LW2"+"NBVD5T4K\"\n"), 0o644))
	case "online", "offline":
		_, err := net.Listen("tcp", "127.0.0.1:0")
		if _, err2 := net.DialTimeout("udp", "127.0.0.1:53", time.Second); (err == nil) != (err2 == nil) {
			must(err2)
		}
		if (err == nil) != (os.Args[1] == "online") {
			os.Exit(8)
		}
	case "sleep":
		time.Sleep(6 * time.Second)
		must(os.WriteFile("out/app", nil, 0o755))
	case "nothing":
	}
}
`

const builds = `artifacts:
  - {name: tool, container: {image: "dir:rootfs", env: {MODE: value-of-mode, EMPTY: ""}, output: ["out/*"],
      commands: [[compiler, offline], [/bin/compiler, compile]]}}
  - {name: net, container: {image: "dir:rootfs", network: true, commands: [[compiler, online], [compiler, compile]], output: ["out/app"]}}
  - {name: server, dockerfile: svc/Dockerfile, context: svc}
  - {name: broken, dockerfile: svc/Broken.Dockerfile, context: svc}
  - {name: fails, container: {image: "dir:rootfs", commands: [[compiler, nothing], [compiler, fail]], env: {MODE: value-of-mode}, output: ["out/*"]}}
  - {name: nothing, container: {image: "dir:rootfs", commands: [[compiler, nothing]], output: ["out/*"]}}
  - {name: link, container: {image: "dir:rootfs", commands: [[compiler, link]], output: ["out/*"]}}
  - {name: plant, container: {image: "dir:rootfs", commands: [[compiler, plant], [compiler, offline], [compiler, compile]], output: ["out/*"]}}
  - {name: slow, container: {image: "dir:rootfs", commands: [[compiler, sleep]], output: ["out/*"]}}
  - {name: leak, container: {image: "dir:rootfs", commands: [[compiler, leak]], output: ["out/*"]}}
`

// repository makes the source of builds.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("vitalsign.yaml", builds)
	write("main.src", "source\n")
	write("svc/Dockerfile", "FROM scratch AS one\nCOPY app.txt /app.txt\nFROM scratch\nCOPY --from=one /app.txt /srv/app.txt\n")
	write("svc/Broken.Dockerfile", "FROM scratch\nCOPY missing.txt /\n")
	write("svc/app.txt", "served\n")
	code := t.TempDir()
	if err := os.WriteFile(filepath.Join(code, "main.go"), []byte(compiler), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "rootfs", "bin", "compiler"), "main.go")
	cmd.Dir, cmd.Env = code, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// buildOn builds one artifact, and gives the document, the exit code, and all
// that was said.
func buildOn(t *testing.T, dir, home, cli, addresses, name string) (report.Release, int, string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), "build", "-f", "json", "--skip", "deps,iac",
		"--engine", "dagger="+addresses, "--allow-exec", name, name)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "_EXPERIMENTAL_DAGGER_CLI_BIN="+cli)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	_ = cmd.Run() // the exit code says it
	var r report.Release
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out.Bytes(), words.Bytes())
	}
	return r, cmd.ProcessState.ExitCode(), out.String() + words.String()
}

// An engine that is lost while it builds is made up for by another one.
func TestBuildSurvivesALostEngine(t *testing.T) {
	first, second := daggertest.Start(t), daggertest.Start(t)
	dir := repository(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 300 {
			if len(daggertest.Processes(t, "compiler\x00sleep")) > 0 {
				first.Kill(t)
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error("the build did not start")
	}()
	r, code, said := buildOn(t, dir, t.TempDir(), first.CLI, first.Address+","+second.Address, "slow")
	<-done
	if code != 0 || len(r.Artifacts) != 1 || len(r.Artifacts[0].Files) != 1 || !strings.Contains(said, "was lost") {
		t.Errorf("exit code %d, %+v\n%s", code, r, said)
	}
}

// TestBuildOnDagger builds with a real engine what can be built without a
// registry.
func TestBuildOnDagger(t *testing.T) {
	engine := daggertest.Start(t)
	dir, home := repository(t), t.TempDir()
	run := func(name string) (report.Release, int, string) {
		return buildOn(t, dir, home, engine.CLI, engine.Address, name)
	}
	for name, want := range map[string]struct {
		code   int
		file   string
		reason string
	}{
		"tool":    {0, "tool/out/app", ""},
		"net":     {0, "net/out/app", ""},
		"plant":   {0, "plant/out/app", ""},
		"server":  {0, "server/server.tar", ""},
		"broken":  {3, "", "artifact broken: svc/Broken.Dockerfile could not be built; what it said is in "},
		"fails":   {3, "", "artifact fails: command 2 of 2 (compiler) failed with exit code 7; what it said is in "},
		"nothing": {3, "", "artifact nothing: its output: nothing matches out/*"},
		"link":    {3, "", "artifact link: its output: out/app cannot be read: path escapes"},
		"leak":    {1, "leak/out/settings.ini", "1 finding at or above high"},
	} {
		r, code, said := run(name)
		if code != want.code || !strings.Contains(strings.Join(r.Verdict.Reasons, "\n"), want.reason) {
			t.Errorf("%s: exit code %d, reasons %q", name, code, r.Verdict.Reasons)
		}
		if want.file != "" && (len(r.Artifacts) != 1 || len(r.Artifacts[0].Files) != 1 || r.Artifacts[0].Files[0].Path != want.file) {
			t.Errorf("%s: artifacts %+v", name, r.Artifacts)
		}
		if (r.Out != "") != (code == 0) || code != 0 && exists(filepath.Join(dir, "dist", name)) {
			t.Errorf("%s: written: %q with exit code %d", name, r.Out, code)
		}
		if strings.Contains(said, "value-of-mode") || strings.Contains(said, "words of the command") {
			t.Errorf("%s: words or values of a command are shown:\n%s", name, said)
		}
	}
	holdTool(t, dir)
	holdLogs(t, home)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// holdTool looks at one artifact and its provenance.
func holdTool(t *testing.T, dir string) {
	t.Helper()
	if b, err := os.ReadFile(filepath.Join(dir, "dist/tool/out/app")); err != nil || string(b) != "value-of-mode: source\n" {
		t.Errorf("%q, %v", b, err)
	}
	doc, err := os.ReadFile(filepath.Join(dir, "dist", build.ProvenanceFile("tool")))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(doc, []byte("value-of-mode")) || bytes.Contains(doc, []byte(dir)) {
		t.Errorf("the provenance holds a value, or a path of this machine:\n%s", doc)
	}
	var s build.Statement
	if err := json.Unmarshal(doc, &s); err != nil {
		t.Fatal(err)
	}
	d := s.Predicate.BuildDefinition
	if d.InternalParameters.Made != build.MadeBuilt || d.InternalParameters.EngineVersion == "" || d.InternalParameters.Network ||
		strings.Join(d.ExternalParameters.Env, " ") != "EMPTY MODE" {
		t.Errorf("%+v", d)
	}
	if deps := d.ResolvedDependencies; len(deps) != 2 || deps[0].Digest["sha256"] == "" || deps[0].Digest["gitCommit"] != "" || deps[1].Digest["sha256"] == "" {
		t.Errorf("dependencies %+v", d.ResolvedDependencies)
	}
}

// holdLogs: the words of commands are in files that only the user reads, and
// values of variables nowhere.
func holdLogs(t *testing.T, home string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(home, ".local/state/vitalsign/logs/*"))
	if err != nil {
		t.Fatal(err)
	}
	told := false
	for _, l := range logs {
		b, err := os.ReadFile(l)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("value-of-mode")) {
			t.Errorf("%s holds the value of a variable", l)
		}
		told = told || bytes.Contains(b, []byte("words of the command"))
		if info, err := os.Stat(l); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", l, info.Mode(), err)
		}
	}
	if !told {
		t.Errorf("none of %q has what the command said", logs)
	}
}
