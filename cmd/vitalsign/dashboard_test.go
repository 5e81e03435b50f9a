package main

import (
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/search"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/tui"
)

// A tick stands for verified evidence only, whatever the gate said of it; what
// is absent is told from what is broken.
func TestAttestState(t *testing.T) {
	commit := strings.Repeat("ab", 20)
	st, err := attest.NewStatement(attest.PredicateBill, map[string]string{}, attest.Subject{Digest: map[string]string{attest.GitCommit: commit}})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := st.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	signed := &gathered{bundles: []chain.Bundle{{Raw: []byte(`{"dsseEnvelope":{"payload":"` + base64.StdEncoding.EncodeToString(payload) + `"}}`)}}}
	answer := func(verified bool, links ...chain.Link) report.Decision {
		return report.Decision{Answers: []report.Answer{{Result: chain.Result{Verdict: checks.Verdict{Verified: verified}, Links: links}}}}
	}
	bad := func(name string) chain.Link { return chain.Link{Name: name, State: chain.Broken} }
	good := chain.Link{Name: chain.LinkPolicy, State: chain.OK}
	for name, c := range map[string]struct {
		d    report.Decision
		kept *gathered
		want tui.AttestState
	}{
		"nothing":        {report.Decision{}, signed, tui.AttestUnchecked},
		"no links":       {answer(false), signed, tui.AttestBroken},
		"only good ones": {answer(false, good), signed, tui.AttestBroken},
		"verified":       {answer(true, good), signed, tui.AttestVerified},
		"no bill":        {answer(false, good, bad(chain.LinkBill)), &gathered{}, tui.AttestUnsigned},
		"a bill refused": {answer(false, good, bad(chain.LinkBill)), signed, tui.AttestBroken},
		"too old":        {answer(false, good, bad(chain.LinkFreshness)), signed, tui.AttestStale},
		"old and broken": {answer(false, bad(chain.LinkPolicy), bad(chain.LinkFreshness)), signed, tui.AttestBroken},
	} {
		if got := attestState(c.d, c.kept, commit); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// testApp is the app with a home of its own and a time that stands.
func testApp(t *testing.T) (*app, *store.Store) {
	t.Helper()
	home := t.TempDir()
	a := &app{getenv: func(name string) string { return map[string]string{"HOME": home}[name] }, lookup: func(string) (string, bool) { return "", false },
		now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }, columns: func(any) int { return 0 }}
	kept, err := a.openStore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	return a, kept
}

// The source that is shown is that of the commit; a line with a secret is never
// shown, nor anything where nobody has looked for secrets.
func TestSourceHidesSecrets(t *testing.T) {
	a, kept := testApp(t)
	dir := cleanRepository(t)
	value := credential()
	if err := os.WriteFile(filepath.Join(dir, "conf.ini"), []byte("# settings\nkey = "+value+"\nweak = md5\nend = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@clinic.example", "commit", "-qm", "y"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	head, err := exec.Command("git", "-C", dir, "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	weak := checks.Finding{Fingerprint: strings.Repeat("a", 64), Check: "sast", Rule: checks.Rule{ID: "weak", Severity: checks.Medium}, Location: checks.Location{Path: "conf.ini", StartLine: 3},
		Evidence: checks.Evidence{Excerpt: "weak = md5", ExcerptLine: 3}}
	secret := checks.Finding{Fingerprint: strings.Repeat("b", 64), Check: "secrets", ValueBound: true, Rule: checks.Rule{ID: "key", Severity: checks.Critical, Class: checks.ClassCredential},
		Location: checks.Location{Path: "conf.ini", StartLine: 2}, Evidence: checks.Evidence{Excerpt: "key = [redacted]", ExcerptLine: 2}}
	run := checks.Run{ID: "r1", Target: checks.Target{Path: dir, Commit: strings.TrimSpace(string(head))}, Started: a.now(), Ended: a.now(), Waivers: []checks.Waiver{},
		Steps: []checks.Step{{Check: "secrets", Status: checks.OK}}, Findings: []checks.Finding{secret, weak}}
	k := keptFindings{app: a, kept: kept}
	for name, c := range map[string]struct {
		change func(*checks.Run)
		shown  string
		from   string
	}{
		"the weak line":       {func(*checks.Run) {}, "weak = md5", "commit"},
		"nobody looked":       {func(r *checks.Run) { r.Steps = nil }, "weak = md5", ""},
		"the check failed":    {func(r *checks.Run) { r.Steps[0].Status = checks.Partial }, "weak = md5", ""},
		"changed since":       {func(r *checks.Run) { r.Target.Dirty = true }, "weak = md5", ""},
		"the repository went": {func(r *checks.Run) { r.Target.Path = filepath.Join(dir, "gone") }, "weak = md5", ""},
	} {
		r := run
		r.Steps = slices.Clone(run.Steps)
		c.change(&r)
		s := k.source(t.Context(), r, weak)
		text := strings.Join(s.Lines, "\n")
		if strings.Contains(text, value) || !strings.Contains(text, c.shown) || !strings.HasPrefix(s.From, c.from) || (c.from == "") != (s.From == "") {
			t.Errorf("%s: from %q, withheld %v:\n%s", name, s.From, s.Withheld, text)
		}
		if s.From == "" && s.Why == "" {
			t.Errorf("%s: it does not say why there is no more", name)
		}
	}
	// Of the secret itself what the run kept is shown.
	if s := k.source(t.Context(), run, secret); !slices.Contains(s.Lines, "key = [redacted]") || strings.Contains(strings.Join(s.Lines, "\n"), value) {
		t.Errorf("%q", s.Lines)
	}
}

// An export says what it is a part of, and what comes from a target is harmless
// in it.
func TestExport(t *testing.T) {
	a, kept := testApp(t)
	k := keptFindings{app: a, kept: kept}
	b := search.NewBuilder(0)
	b.Add(search.Row{Repo: "clinic/api", Severity: checks.High, Rule: "G201", Title: "a | b <script> [x](y)", Path: "x`y.go", Line: 3, Fingerprint: strings.Repeat("a", 64)})
	b.Add(search.Row{Repo: "clinic/api", Severity: checks.Low, Rule: "G104", Fingerprint: strings.Repeat("b", 64)})
	x := b.Index()
	dir := t.TempDir()
	for _, name := range []string{"f.md", "f.json"} {
		if _, err := k.Export(t.Context(), x, x.All()[:1], "sev:high", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(got), "G104") || !strings.Contains(string(got), "G201") || !strings.Contains(string(got), "sev:high") {
			t.Errorf("%s: %s", name, got)
		}
		if name == "f.md" && (strings.Contains(string(got), "<script>") || !strings.Contains(string(got), "1 of 2")) {
			t.Errorf("%s", got)
		}
	}
	for _, bad := range []string{"f.exe", "f", dir} {
		if _, err := k.Export(context.Background(), x, nil, "", filepath.Join(dir, bad)); err == nil {
			t.Errorf("%s was written", bad)
		}
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "link.md")); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Export(t.Context(), x, nil, "", filepath.Join(dir, "link.md")); err == nil {
		t.Error("a link was written through")
	}
}
