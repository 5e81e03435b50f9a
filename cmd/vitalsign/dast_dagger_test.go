//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/pipelines/dagger/daggertest"
)

// An application in a container is started by the engine beside the check, is
// looked at by name, and is gone with it. The local engine says that it cannot.
func TestDaggerService(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	dir := t.TempDir()
	app, err := os.ReadFile(filepath.Join(binaries(), "dastapp"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"rootfs/bin/app": string(app),
		"vitalsign.yaml": "dast:\n  image: dir:rootfs\n  command: [/bin/app, -addr, '0.0.0.0:8080']\n  port: 8080\n  ready: {http: /up, timeout: 30s}\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Without any seed the application links to its safe page only.
	d, words, code := b.scan(b.dagger(), "--check", "dast", "--allow-exec", "dast", dir)
	step := dastStep(t, d.Runs[0])
	if step.Status != checks.OK || step.Coverage.Read < 2 || code != 0 {
		t.Errorf("exit %d, step %s (%s), %d operations\n%s", code, step.Status, step.Reason, step.Coverage.Read, words)
	}
	if !strings.Contains(words, "operations") {
		t.Errorf("%s", words)
	}
	d, _, code = b.scan("local", "--check", "dast", "--allow-exec", "dast", dir)
	if step := dastStep(t, d.Runs[0]); code != 3 || step.Status != checks.Missing || !strings.Contains(step.Advice, "--engine dagger") {
		t.Errorf("exit %d, %s (%s)", code, step.Status, step.Reason)
	}
}
