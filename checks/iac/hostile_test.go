//go:build !race

// Under the race detector these take ten times as long and more memory than CI
// has; make test runs this package a second time without it.

package iac

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/checktest"
)

// bomb is a YAML document of a few lines that means ten to the depth values.
func bomb(depth int) string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < depth; i++ {
		a := fmt.Sprintf("*a%d", i-1)
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.Join([]string{a, a, a, a, a, a, a, a, a, a}, ", "))
	}
	return b.String()
}

const object = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"

// Files that would take the memory or the stack of a parser are refused
// before, by name, and the rest is read.
func TestHostileFiles(t *testing.T) {
	for name, c := range map[string]struct {
		path, content string
		reason        checks.SkipReason
	}{
		"alias bomb":       {"bomb.yaml", bomb(12), checks.SkipTooLarge},
		"deep YAML":        {"deep.yaml", object + "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), checks.SkipTooLarge},
		"deep JSON":        {"deep.json", "{\"kind\": \"x\",\n\"apiVersion\":\n" + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}", checks.SkipTooLarge},
		"many values":      {"many.json", `{"apiVersion": "v1",` + "\n" + `"kind": "x", "a": [` + strings.Repeat("1,", 3_000_000) + "1]}", ""},
		"deep HCL":         {"deep.tf", "locals { a = " + strings.Repeat("(", 200_000) + "1" + strings.Repeat(")", 200_000) + " }", checks.SkipUnparsable},
		"signs":            {"signs.tf", "locals { a = " + strings.Repeat("! ", 200_000) + "true }", checks.SkipUnparsable},
		"alias of itself":  {"self.yaml", object + "a: &a\n  b: *a\n", ""},
		"not UTF-8":        {"bytes.tf", "a = \"\xff\xfe\"\n", checks.SkipUnparsable},
		"long line":        {"Dockerfile", "FROM x\nRUN " + strings.Repeat("x", 200_000), checks.SkipUnparsable},
		"too large":        {"data.json", `{"apiVersion": 1, "kind": 2}` + strings.Repeat(" ", 21<<20), checks.SkipTooLarge},
		"large, not of us": {"data.json", strings.Repeat("[]", 11<<20), ""},
	} {
		t.Run(name, func(t *testing.T) {
			run := scanTree(t, map[string]string{c.path: c.content, "good/main.tf": volume})
			want := checks.Partial
			if c.reason == "" {
				want = checks.OK
			}
			if s := run.Steps[0]; s.Status != want && !(name == "many values" && s.Status == checks.Partial) {
				t.Fatalf("step is %s (%s), want %s", s.Status, s.Reason, want)
			}
			if got := skipped(run, c.path).Reason; c.reason != "" && got != c.reason {
				t.Errorf("reason %q, want %q", got, c.reason)
			}
			wantFinding(t, run, "AWS-0026 good/main.tf:3-3 aws_ebs_volume.v")
		})
	}
}

// What lies outside of the tree is not there: were one of these readable, the
// volume would not be encrypted, and that a finding.
func TestFunctionsSeeTheTreeOnly(t *testing.T) {
	for _, expr := range []string{
		`can(file("/etc/passwd"))`, `can(file("../../../../../../../../etc/passwd"))`, `can(filebase64("/etc/passwd"))`,
		`fileexists("/etc/passwd")`, `can(file("~/.profile"))`, `can(filesha256("/proc/self/environ"))`,
		`can(templatefile("/etc/passwd", {}))`, `try(length(fileset("../..", "*")) > 0, false)`, `try(length(fileset("/etc", "*")) > 0, false)`,
	} {
		run := scanTree(t, map[string]string{"a/main.tf": "resource \"aws_ebs_volume\" \"v\" {\n  kms_key_id = \"x\"\n  encrypted = !(" + expr + ")\n}\n"})
		wantStatus(t, run, checks.OK)
		if len(run.Findings) != 0 {
			t.Errorf("%s sees something: %q", expr, lines(run))
		}
	}
	// And one that is there, so that the test can fail.
	run := scanTree(t, map[string]string{"a/main.tf": "resource \"aws_ebs_volume\" \"v\" {\n  kms_key_id = \"x\"\n  encrypted = !can(file(\"main.tf\"))\n}\n"})
	wantFinding(t, run, "AWS-0026 a/main.tf:3-3 aws_ebs_volume.v")
}

// A module that calls itself by a name that only evaluation knows.
func TestEndlessModules(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"source of a local": {"main.tf": "locals {\n  here = \"./.\"\n}\nmodule \"m\" {\n  source = local.here\n}\n"},
		"manifest": {
			"main.tf":                         "module \"m\" {\n  source = \"x/y/z\"\n}\n",
			".terraform/modules/modules.json": `{"Modules":[{"Key":"m","Dir":"."},{"Key":"m.m","Dir":"."},{"Key":"m.m.m","Dir":"."}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			files["good/main.tf"] = volume
			run := scanTree(t, files)
			wantFinding(t, run, "AWS-0026 good/main.tf:3-3 aws_ebs_volume.v")
			if name == "source of a local" {
				wantStatus(t, run, checks.Partial)
			}
		})
	}
}

// An expansion without end is stopped, named, and takes no other finding with it.
func TestExplosion(t *testing.T) {
	limits := checks.DefaultLimits()
	limits.WallMS = 15_000
	run := scanDir(t, checktest.WriteTree(t, map[string]string{
		"x/main.tf": "variable \"n\" {\n  default = 12000\n}\nresource \"aws_ebs_volume\" \"v\" {\n  count = var.n\n  encrypted = false\n}\n",
		"a/main.tf": volume, "c/main.tf": "resource \"aws_ebs_volume\" \"v\" {\n  count = 1000 * 1000 * 1000\n}\n", "z/main.tf": volume,
	}), limits)
	wantStatus(t, run, checks.Partial)
	wantFinding(t, run, "AWS-0026 a/main.tf:3-3 aws_ebs_volume.v")
	for p, reason := range map[string]checks.SkipReason{
		"x/main.tf": checks.SkipTimeout, "c/main.tf": checks.SkipUnparsable, "z/main.tf": checks.SkipTimeout,
	} {
		if s := skipped(run, p); s.Reason != reason {
			t.Errorf("%s: %+v, want %s", p, s, reason)
		}
	}
}

func TestGuard(t *testing.T) {
	g := newGuard(checks.Limits{})
	if err := g.run(t.Context(), func() error { panic("secret") }); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a panic became %v", err)
	}
	ctx, cancel := withBudget(t.Context(), checks.Limits{WallMS: 50})
	defer cancel()
	forever := make(chan struct{})
	defer close(forever)
	if err := g.run(ctx, func() error { <-forever; return nil }); !errors.Is(err, errTime) {
		t.Errorf("a hang became %v", err)
	}
	if err := g.run(ctx, func() error { return nil }); !errors.Is(err, errStopped) {
		t.Errorf("after a hang: %v", err)
	}
	cancelled, stop := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, stop)
	if err := newGuard(checks.Limits{}).run(cancelled, func() error { <-forever; return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run became %v", err)
	}
	enough := make(chan struct{})
	err := newGuard(checks.Limits{MemoryBytes: 100 << 20}).run(t.Context(), func() error {
		var held [][]byte
		for {
			select {
			case <-enough:
				return fmt.Errorf("held %d", len(held))
			default:
				held = append(held, make([]byte, 1<<20))
				time.Sleep(time.Millisecond)
			}
		}
	})
	close(enough)
	if !errors.Is(err, errMemory) {
		t.Errorf("a glutton became %v", err)
	}
}
