package attest_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/vitalsign-dev/vitalsign/attest"
)

func hashDir(t *testing.T, dir string) (string, error) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	return attest.HashDir(context.Background(), root)
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestHashDirIsGosHash1(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"b", "a/c", "a.b", "ü", ".vitalsign/policy.yaml"} {
		write(t, dir, n, n)
	}
	h1, err := dirhash.HashDir(dir, "", dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := hashDir(t, dir)
	if err != nil || got != hex.EncodeToString(raw) {
		t.Errorf("%s, %v; Go says %x", got, err, raw)
	}
	write(t, dir, ".git/config", "x")
	write(t, dir, "sub/.git/config", "x")
	write(t, dir, "app.sigstore.json", "x")
	if again, err := hashDir(t, dir); err != nil || again != got {
		t.Errorf("bundles and .git change the hash: %s, %v", again, err)
	}
	write(t, dir, ".vitalsign/policy.yaml", "another")
	if again, err := hashDir(t, dir); err != nil || again == got {
		t.Errorf("another policy does not change the hash: %v", err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := hashDir(t, dir); !errors.Is(err, attest.ErrLink) {
		t.Errorf("a link: %v", err)
	}
	if _, err := hashDir(t, t.TempDir()); err == nil {
		t.Error("nothing has a hash")
	}
}
