package secrets

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/report"
)

// moduleVersion reads a module's version out of go.mod.
func moduleVersion(t *testing.T, module string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == module {
			return f[1]
		}
	}
	t.Fatalf("%s is not in go.mod", module)
	return ""
}

// corpus writes a tree in which most rules fire: gitleaks's own rule tests are
// not published as a library, so text is made around each rule's keywords, in
// several shapes, next to the files that rules treat apart.
func corpus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, content string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var all strings.Builder
	for i, r := range c.config.GetOrderedRules() {
		for _, k := range r.Keywords {
			fmt.Fprintf(&all, "%s_secret = \"%s%s%x\"\n%s: %s\n\n", k, k, password(), i*7919, k, password())
		}
	}
	put("rules.txt", all.String())
	put("aws.ini", "key = \""+awsKey()+"\"\r\nother\r\n")
	put("deep/ignored/node_modules/x.js", "key = \""+awsKey()+"\"\n")
	put("go.sum", "key = \""+awsKey()+"\"\n")
	put("encoded.yaml", "data: "+base64.StdEncoding.EncodeToString([]byte("aws_key = \""+awsKey()+"\"\n"))+"\n")
	put("long.txt", strings.Repeat("filler words without meaning ", 9000)+" api_key=\""+password()+"\" "+strings.Repeat("x ", 9000)+"\n")
	put("allow.txt", "key = \""+awsKey()+"\" # gitleaks:allow\n")
	put("store.p12", "\x30\x82binary")
	put("bad.txt", "\xff\xfe\x00 api_key = \""+password()+"\"\n")
	return dir
}

func key(f report.Finding) string {
	return fmt.Sprintf("%s|%s|%d-%d|%d-%d|%s|%v", f.RuleID, f.File, f.StartLine, f.EndLine, f.StartColumn, f.EndColumn, f.Secret, f.Entropy)
}

// The same findings as the gitleaks command, built from the same module.
func TestSameFindingsAsTheCommand(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "gitleaks")
	if out, err := exec.Command("go", "build", "-o", bin, "github.com/zricethezav/gitleaks/v8").CombinedOutput(); err != nil {
		t.Skipf("the gitleaks command does not build here: %v\n%s", err, out)
	}
	dir := corpus(t)
	want := commandFindings(t, bin, dir)
	got := ourFindings(t, dir)
	if len(want) < 100 {
		t.Fatalf("the command finds only %d: this corpus shows nothing", len(want))
	}
	slices.Sort(want)
	slices.Sort(got)
	if missing, extra := without(want, got), without(got, want); len(missing)+len(extra) > 0 {
		t.Errorf("%d findings of the command are missing, %d are too many; first missing %q, first extra %q", len(missing), len(extra), first(missing), first(extra))
	}
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

func without(a, b []string) []string {
	left := map[string]int{}
	for _, s := range b {
		left[s]++
	}
	var out []string
	for _, s := range a {
		if left[s]--; left[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}

func commandFindings(t *testing.T, bin, dir string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	cmd := exec.Command(bin, "dir", "--ignore-gitleaks-allow", "--exit-code", "0", "-f", "json", "-r", file, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gitleaks: %v\n%s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var fs []report.Finding
	if err := json.Unmarshal(b, &fs); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range fs {
		out = append(out, key(f))
	}
	return out
}

// ourFindings takes them where the check does, before they are redacted.
func ourFindings(t *testing.T, dir string) []string {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	err = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = c.fragments(t.Context(), filepath.ToSlash(rel), f, make([]byte, chunk), func(fr detect.Fragment) error {
			for _, found := range c.detector.detect(t.Context(), fr) {
				out = append(out, key(found))
			}
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
