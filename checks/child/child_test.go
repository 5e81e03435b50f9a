package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

func testTree(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	inv, err := inventory.Take(t.Context(), root, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	limits := checks.DefaultLimits()
	limits.FileBytes = 1000
	tree, err := NewTree(checks.Job{Root: dir, CanaryDir: "canary-1", Limits: limits, Inventory: inv.Files},
		checks.Description{Claims: []checks.Claim{{Pattern: "**"}}, Canary: checks.Canary{Files: []checks.CanaryFile{{Path: "d/c.txt", Parts: []string{"can", "ary"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// The tree is a file system like any other, by the standard library's own test.
func TestTreeIsAFileSystem(t *testing.T) {
	tree := testTree(t, map[string]string{"a.txt": "one", "d/b.txt": "two", "d/e/c.txt": ""})
	if err := fstest.TestFS(tree, "a.txt", "d/b.txt", "d/e/c.txt", "canary-1/d/c.txt"); err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(tree, "canary-1/d/c.txt"); err != nil || string(b) != "canary" {
		t.Errorf("canary: %q, %v", b, err)
	}
}

func TestTreeAccountsForWhatItHandsOut(t *testing.T) {
	tree := testTree(t, map[string]string{"a.txt": "one", "big.txt": strings.Repeat("x", 2000), "gone.txt": "x", "other.txt": "x"})
	if _, err := tree.ReadFile("a.txt"); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.ReadFile("big.txt"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a file over the limit: %v", err)
	}
	dir := tree.root.Name()
	if err := os.WriteFile(filepath.Join(dir, "other.txt"), []byte("y"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.ReadFile("other.txt"); !errors.Is(err, ErrChanged) {
		t.Errorf("a changed file: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "gone.txt")); err != nil {
		t.Fatal(err)
	}
	_, err := tree.ReadFile("gone.txt")
	tree.SkipError("gone.txt", err)
	if _, err := tree.ReadFile("../a.txt"); err == nil {
		t.Error("a path outside the tree was read")
	}
	r, err := tree.Stream("big.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, r, 100); err != nil {
		t.Fatal(err)
	}
	c := tree.coverage()
	if len(c.Read) != 1 || c.Read[0].Path != "a.txt" || len(c.Skipped) != 1 || c.Skipped[0].Reason != checks.SkipChanged {
		t.Errorf("accounted for %+v; a half-read stream must not count", c)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if c := tree.coverage(); len(c.Read) != 1 || c.Read[0].Path != "big.txt" {
		t.Errorf("after the end of the stream: %+v", c)
	}
}

func TestTreeDoesNotFollowALinkThatReplacedAFile(t *testing.T) {
	tree := testTree(t, map[string]string{"a.txt": "one"})
	dir := tree.root.Name()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "a.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "a.txt")); err != nil {
		t.Fatal(err)
	}
	if b, err := tree.ReadFile("a.txt"); err == nil {
		t.Errorf("read %q through a link out of the tree", b)
	}
}

func TestRedactAll(t *testing.T) {
	key := "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----"
	for _, c := range []struct{ text, want string }{
		{"x = hunter22hunter", "x = [redacted]"},
		{"x = hunter22", "x = [redacted]"},
		{"  DDDDEEEEFFFF", "  [redacted]"},
		{"nothing", "nothing"},
	} {
		if got := redactAll(c.text, []string{"hunter22", "hunter22hunter", key, "", " "}); got != c.want {
			t.Errorf("%q became %q, want %q", c.text, got, c.want)
		}
	}
}

// FuzzExcerpt: whatever the line, what is shown is bounded and valid.
func FuzzExcerpt(f *testing.F) {
	f.Add("a line\nanother", 3)
	f.Add(strings.Repeat("ä", 500), 400)
	f.Add("\xff\xfe"+strings.Repeat("x", 300), 1<<30)
	f.Fuzz(func(t *testing.T, text string, column int) {
		got := excerpt(text, column)
		if len(got) > (maxExcerptLines+1)*(maxExcerptLine+20)*2 {
			t.Errorf("an excerpt of %d bytes", len(got))
		}
		if strings.ToValidUTF8(got, "") != got {
			t.Errorf("%q is not valid", got)
		}
	})
}

type oneHit struct{ hit Hit }

func (oneHit) Name() string { return "x" }
func (oneHit) Describe() checks.Description {
	return checks.Description{Name: "x", Rules: []checks.Rule{{ID: "r", Class: "c"}}}
}
func (c oneHit) Run(_ context.Context, _ Input, out *Sink) error { return out.Hit(c.hit) }

type finder []string

func (f finder) Values(context.Context, string, string) []string { return f }

// A value that another detector knows is cut out of every field, and the
// identity is bound to it.
func TestHitIsRedactedByTheSharedRedactor(t *testing.T) {
	value := "correct-horse-" + "battery"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte("line one\nopen(\""+value+"\")\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	key, err := checks.NewIdentityKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	inv, err := inventory.Take(t.Context(), root, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	job := `{"protocol":` + fmt.Sprint(checks.Protocol) + `,"check":"x","root":"` + dir + `","canary_dir":"c","limits":{"file_bytes":1000,"findings":10},"inventory":[{"path":"a.go","size":39,"sha256":"` + inv.Files[0].SHA256 + `"}]}`
	var out bytes.Buffer
	p := Program{Checks: []Check{oneHit{Hit{Rule: "r", Location: checks.Location{Path: "a.go", StartLine: 2, Symbol: value}, Message: "opens " + value, Fix: "not " + value}}},
		Redactor: finder{value}, Build: "b", Key: key.Text()}
	if err := p.Run(t.Context(), "x", strings.NewReader(job), &out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "battery") || strings.Count(out.String(), Redacted) != 4 || !strings.Contains(out.String(), `"value_bound":true`) {
		t.Errorf("output:\n%s", out.String())
	}
}

// A root that holds files by digest gives the same bytes under the same names.
func TestTreeByDigest(t *testing.T) {
	plain := testTree(t, map[string]string{"a.txt": "one", "d/b.txt": "two", "same.txt": "one"})
	dir := t.TempDir()
	job := checks.Job{Root: dir, CanaryDir: "canary-1", Limits: checks.DefaultLimits(), ByDigest: true}
	for _, name := range []string{"a.txt", "d/b.txt", "same.txt"} {
		b, err := plain.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		job.Inventory = append(job.Inventory, plain.files[name].file)
		p := filepath.Join(dir, inventory.DigestPath(plain.Digest(name)))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := NewTree(job, checks.Description{Claims: []checks.Claim{{Pattern: "**"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "a.txt", "d/b.txt", "same.txt"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"a.txt": "one", "d/b.txt": "two", "same.txt": "one"} {
		r, err := tree.Stream(name)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}
