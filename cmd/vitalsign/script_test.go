package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain builds both programs, and the one that misbehaves, once. The tests
// drive what a user would run, not main in this process: a sandbox can only be
// entered once.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "vitalsign-test-")
	if err == nil {
		err = buildPrograms(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err = os.Setenv(binariesEnv, dir); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

const binariesEnv = "VITALSIGN_TEST_BINARIES"

func buildPrograms(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	for _, pkg := range []string{".", "../vitalsign-check", "./testdata/faultcheck", "./testdata/saritool", "./testdata/dastapp"} {
		cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// binaries is the directory of the programs that TestMain built.
func binaries() string { return os.Getenv(binariesEnv) }

func TestScripts(t *testing.T) {
	bin := binaries()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("BIN", bin)
			e.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("GIT_AUTHOR_NAME", "A Developer")
			e.Setenv("GIT_AUTHOR_EMAIL", "dev@clinic.example")
			e.Setenv("GIT_COMMITTER_NAME", "A Developer")
			e.Setenv("GIT_COMMITTER_EMAIL", "dev@clinic.example")
			return os.MkdirAll(filepath.Join(e.WorkDir, "home"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "secret": secret, "fault": fault, "jq": query, "big": big, "hostile": hostile, "event": event,
		},
	})
}

// exits CODE PROGRAM ARGS...: run and hold the exit code to CODE; what was
// printed is there for stdout and stderr.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// secret FILE: write a made-up credential.
func secret(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("[upload]\nkey = \""+credential()+"\"\n"), 0o644))
}

// fault MODE: install a vitalsign-check that misbehaves as MODE, at ./fault/vitalsign-check-MODE.
func fault(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs("fault")
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.Symlink(filepath.Join(ts.Getenv("BIN"), "vitalsign-check"), filepath.Join(dir, "vitalsign-check")))
	ts.Check(os.Symlink(filepath.Join(ts.Getenv("BIN"), "faultcheck"), filepath.Join(dir, "vitalsign-check-"+args[0])))
}

// jq FILE PATH WANT: hold a value in a JSON file, by a path such as
// runs.0.steps.1.status, to WANT ("#N" holds a list's length).
func query(ts *testscript.TestScript, neg bool, args []string) {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	for part := range strings.SplitSeq(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(at) {
				ts.Fatalf("%s: no element %s in a list of %d", args[1], part, len(at))
			}
			v = at[i]
		default:
			ts.Fatalf("%s: nothing at %s", args[1], part)
		}
	}
	got := ""
	switch at := v.(type) {
	case string:
		got = at
	case []any:
		got = "#" + strconv.Itoa(len(at))
	default:
		b, err := json.Marshal(at)
		ts.Check(err)
		got = string(b)
	}
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %q, want (negated: %v) %q", args[1], got, neg, args[2])
	}
}

// big FILE MEGABYTES: write a file of one line, sparse where the disk allows.
func big(ts *testscript.TestScript, _ bool, args []string) {
	mb, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = f.WriteString(strings.Repeat("a", 4096))
	ts.Check(err)
	ts.Check(f.Truncate(mb << 20))
	ts.Check(f.Close())
}

// hostile DIR: files with a credential each, under names that would do harm.
func hostile(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for _, name := range []string{"a\x1b[2J\x1b]0;owned\x07.ini", "b\n::error file=x::y.ini", "c\u202egnp.ini", "d\xff\xfe.ini"} {
		ts.Check(os.WriteFile(filepath.Join(dir, name), []byte("key = \""+credential()+"\"\n"), 0o644))
	}
}

// credential is made up, and joined here so that this source holds none.
func credential() string { return "AKIA" + "X3QZ7LW2" + "NBVD5T4K" }

// event SHAFILE FILE: write the event of a pull request with that base.
func event(ts *testscript.TestScript, _ bool, args []string) {
	sha := strings.TrimSpace(ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(`{"pull_request":{"base":{"sha":"`+sha+`"}}}`), 0o644))
}
