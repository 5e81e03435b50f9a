//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/pipelines/dagger/daggertest"
)

// lintTree is a target with one flaw for saritool, a credential on the same
// line, and a configuration that declares the tool.
func lintTree(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"vitalsign.yaml": config, "a.py": "x = 1\n# FLAW key = \"" + credential() + "\"\n", "b.py": "y = 2\n"}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func lintConfig(mode, where string) string {
	return fmt.Sprintf("external:\n  house-lint:\n    %s\n    args: [%s, \"{report}\", \"{target}\"]\n    files: [\"**/*.py\"]\n    timeout: 8s\n", where, mode)
}

func localTool() string { return "command: " + filepath.Join(binaries(), "saritool") }

// An external tool is a check like any other: its findings, redacted; and a
// tool that gives no answer is a failed step, never a clean one.
func TestExternalTools(t *testing.T) {
	b := newBench(t)
	runExternal(t, b, "local", localTool())
	dir := lintTree(t, lintConfig("ok", localTool()))
	if out, code := b.run("scan", dir); code != 2 || !strings.Contains(out, "external house-lint names a command") || !strings.Contains(out, "--allow-exec house-lint") {
		t.Errorf("a repository named a command: exit %d\n%s", code, out)
	}
}

// The same in a Dagger engine, from a root filesystem and from an OCI tarball.
func TestDaggerExternalTools(t *testing.T) {
	b := newBench(t, daggertest.Start(t))
	root := rootfs(t, filepath.Join(binaries(), "saritool"))
	for _, image := range []string{"dir:" + root, "file:" + tarball(t, root)} {
		t.Run(image[:4], func(t *testing.T) {
			runExternal(t, &bench{t: t, env: b.env, home: b.home, engines: b.engines}, b.dagger(), "command: /bin/saritool\n    image: "+image)
		})
	}
}

func runExternal(t *testing.T, b *bench, engine, where string) {
	t.Helper()
	args := []string{"--allow-exec", "house-lint", "--check", "house-lint"}
	d, out, code := b.scan(engine, append(args, lintTree(t, lintConfig("ok", where)))...)
	if code != 1 || len(d.Runs[0].Findings) != 1 {
		t.Fatalf("exit %d, %d findings\n%s", code, len(d.Runs[0].Findings), out)
	}
	f, step := d.Runs[0].Findings[0], externalStep(t, d)
	if f.Check != "house-lint" || f.Rule.ID != "flaw" || f.Location.Path != "a.py" || f.Location.StartLine != 2 {
		t.Errorf("the finding is %+v", f)
	}
	doc, err := json.Marshal(d)
	if err != nil || bytes.Contains(doc, []byte(credential())) || strings.Contains(out, credential()) {
		t.Errorf("the credential beside the flaw shows (%v)", err)
	}
	if step.Status != checks.OK || step.Tool == nil || step.Tool.SHA256 == "" || engine != "local" && step.Tool.Image == "" {
		t.Errorf("what ran is not recorded: %+v, %+v", step, step.Tool)
	}
	for mode, words := range map[string]string{
		"silent": "wrote no report", "empty": "no report", "broken": "not SARIF 2.1.0", "other": "not SARIF 2.1.0",
		"exit7": "exit code 7", "hang": "8 s",
	} {
		d, out, code := b.scan(engine, append(args, lintTree(t, lintConfig(mode, where)))...)
		if s := externalStep(t, d); code != 3 || s.Status != checks.Failed || !strings.Contains(s.Reason, words) || !strings.Contains(out, "house-lint: failed") {
			t.Errorf("%s: exit %d, %s (%s), want %q", mode, code, s.Status, s.Reason, words)
		}
	}
}

func externalStep(t *testing.T, d checks.Document) checks.Step {
	t.Helper()
	for _, s := range d.Runs[0].Steps {
		if s.Check == "house-lint" {
			return s
		}
	}
	t.Fatal("there is no step of the external tool")
	return checks.Step{}
}

// A real tool in a container: gitleaks, with the preset's canary, finds what
// it finds on this machine.
func TestDaggerRealTool(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "gitleaks"), "github.com/zricethezav/gitleaks/v8")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b := newBench(t, daggertest.Start(t))
	b.env = append(b.env, "PATH="+bin+":"+os.Getenv("PATH"))
	tree := generated(t, 31)
	config := "external:\n  gitleaks: {}\n"
	conf := filepath.Join(tree, "vitalsign.yaml")
	if err := os.WriteFile(conf, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	local, _, _ := b.scan("local", "--check", "gitleaks", tree)
	if err := os.WriteFile(conf, []byte(config+"images:\n  gitleaks: dir:"+rootfs(t, filepath.Join(bin, "gitleaks"))+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	remote, out, code := b.scan(b.dagger(), "--allow-exec", "gitleaks", "--check", "gitleaks", tree)
	if len(remote.Runs[0].Findings) == 0 || len(remote.Runs[0].Findings) != len(local.Runs[0].Findings) {
		t.Fatalf("exit %d: %d findings in the container, %d here\n%s", code, len(remote.Runs[0].Findings), len(local.Runs[0].Findings), out)
	}
	for i, f := range remote.Runs[0].Findings {
		if want := local.Runs[0].Findings[i]; f.Fingerprint != want.Fingerprint || f.Location != want.Location {
			t.Errorf("finding %d: %+v, here %+v", i, f, want)
		}
	}
}

// rootfs is a root filesystem with one static program in /bin.
func rootfs(t *testing.T, program string) string {
	t.Helper()
	root := t.TempDir()
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"bin", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "bin", filepath.Base(program)), b, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// tarball writes a root filesystem as an OCI image layout in a tar file (OCI
// image specification 1.1, image-layout.md).
func tarball(t *testing.T, root string) string {
	t.Helper()
	var layer bytes.Buffer
	lw := tar.NewWriter(&layer)
	if err := lw.AddFS(os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	if err := lw.Close(); err != nil {
		t.Fatal(err)
	}
	blobs := map[string][]byte{}
	add := func(mediaType string, b []byte) map[string]any {
		sum := sha256.Sum256(b)
		name := hex.EncodeToString(sum[:])
		blobs["blobs/sha256/"+name] = b
		return map[string]any{"mediaType": mediaType, "digest": "sha256:" + name, "size": len(b)}
	}
	encode := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ld := add("application/vnd.oci.image.layer.v1.tar", layer.Bytes())
	config := add("application/vnd.oci.image.config.v1+json", encode(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{"Env": []string{"PATH=/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []any{ld["digest"]}},
	}))
	manifest := add("application/vnd.oci.image.manifest.v1+json", encode(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []any{ld},
	}))
	blobs["oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	blobs["index.json"] = encode(map[string]any{"schemaVersion": 2, "manifests": []any{manifest}})
	path := filepath.Join(t.TempDir(), "image.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	for name, b := range blobs {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(b))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
