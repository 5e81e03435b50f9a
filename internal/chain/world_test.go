package chain_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/attesttest"
	"github.com/vitalsign-dev/vitalsign/attest/bill"
	"github.com/vitalsign-dev/vitalsign/attest/keys"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/attest/waiver"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/evidence"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	tree   = "89abcdef0123456789abcdef0123456789abcdef"
)

var (
	artifact = attest.Digest([]byte("the artifact"))
	sum      = strings.Repeat("5", 64)
	now      = time.Now().UTC().Truncate(time.Second)
)

// world is a hospital supplier: who signs, what was scanned and built, and
// what lies in the directory of evidence.
type world struct {
	t         testing.TB
	people    map[string]attest.Signer
	authority *attesttest.Authority
	policy    string
	read      *policy.Policy
	files     map[string][]byte
	documents map[string][]byte
	run       checks.Run
}

const roles = `roles:
  builder: {speaks: [bill-of-health, provenance, signature]}
  security: {waive: {max_severity: high, max_days: 90}, approve: {max_severity: critical}}
  developer: {waive: {max_severity: high, max_days: 30}}
  auditor: {speaks: [vsa]}
gate: {fail_on: high}
require:
  checks: [secrets, deps]
  bill_max_age: 3d
  data_max_age: 2d
waivers: {approvals: 1}
inline: {max_severity: high, max_days: 90}
`

// newWorld has everything as it should be: one finding of severity high, waived
// by alice and approved by bob.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, people: map[string]attest.Signer{}, authority: attesttest.New(t), files: map[string][]byte{}, documents: map[string][]byte{}}
	var ids strings.Builder
	for name, who := range map[string][2]string{
		"ci": {"ci", "builder"}, "alice": {"alice", "developer"}, "alice-laptop": {"alice", "security"}, "bob": {"bob", "security"}, "eve": {"eve", "auditor"},
	} {
		sv, _, err := signature.NewDefaultECDSASignerVerifier()
		w.must(err)
		key, err := sv.PublicKey()
		w.must(err)
		pem, err := keys.PEM(key)
		w.must(err)
		w.people[name] = attest.Signer{Key: sv}
		fmt.Fprintf(&ids, "  - name: %s\n    person: %s\n    roles: [%s]\n    key: |\n      %s\n", name, who[0], who[1],
			strings.ReplaceAll(strings.TrimSpace(string(pem)), "\n", "\n      "))
	}
	ids.WriteString("  - {name: release, roles: [builder], issuer: 'https://issuer.example', subject: 'ci@supplier.example'}\n")
	w.policy = "schema: " + policy.Schema + "\nversion: 1\nexpires: 2099-12-31\ntrusted_root: {file: root.json, sha256: " +
		attest.Digest(w.authority.RootJSON(true)) + "}\nidentities:\n" + ids.String() + roles
	w.run = run()
	w.bill("bill", "ci", w.run, nil)
	w.provenance("ci", commit)
	id := w.waive("alice", func(*waiver.Waiver) {})
	w.approve("bob", id)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func run() checks.Run {
	rule := checks.Rule{ID: "G402", Title: "TLS", Severity: checks.High, Class: "weak-tls"}
	step := func(check string) checks.Step {
		return checks.Step{Check: check, Version: "1", Status: checks.OK, ToolDigest: sum, RulesDigest: sum, ReportDigest: sum}
	}
	deps := step("deps")
	deps.Data = []checks.Data{{Name: "osv", Digest: sum, AsOf: now.Add(-24 * time.Hour)}}
	return checks.Run{ID: "20261124T120000-aaaa", Target: checks.Target{Kind: "tree", Path: ".", Commit: commit, Tree: tree},
		Started: now.Add(-2 * time.Minute), Ended: now.Add(-time.Minute), Engine: "local", Sandbox: "full", Version: "test", IdentityKeyID: "aaaaaaaaaaaaaaaa",
		Steps: []checks.Step{step("secrets"), deps},
		Findings: []checks.Finding{
			{Fingerprint: strings.Repeat("a", 64), Rule: rule, Check: "secrets", Location: checks.Location{Path: "a.go", StartLine: 3}},
			{Fingerprint: strings.Repeat("b", 64), Rule: checks.Rule{ID: "G104", Severity: checks.Low, Class: "errors"}, Check: "secrets", Location: checks.Location{Path: "b.go", StartLine: 1}},
		},
		Waivers: []checks.Waiver{}, Verdict: checks.Verdict{Findings: checks.Pass, Complete: true, Reasons: []string{}}}
}

func (w *world) sign(file, who string, st attest.Statement) string {
	w.t.Helper()
	raw, err := w.people[who].Statement(context.Background(), st)
	w.must(err)
	w.files[file+attest.BundleSuffix] = raw
	payload, err := st.Bytes()
	w.must(err)
	return attest.Digest(payload)
}

// billOf makes a bill's statement and keeps its document.
func (w *world) billOf(r checks.Run, change func(*bill.Bill)) attest.Statement {
	w.t.Helper()
	doc, err := evidence.Document(r)
	w.must(err)
	b, err := evidence.Bill(r, doc, evidence.Facts{Repository: "git+https://git.example/app", Branch: "main", Gate: judge.Gate{FailOn: checks.High}})
	w.must(err)
	if change != nil {
		change(&b)
	}
	w.documents[attest.Digest(doc)] = doc
	st, err := attest.NewStatement(attest.PredicateBill, b, b.Subjects(sum)...)
	w.must(err)
	return st
}

func (w *world) bill(file, who string, r checks.Run, change func(*bill.Bill)) string {
	w.t.Helper()
	return w.sign(file, who, w.billOf(r, change))
}

func provenanceOf(t testing.TB, digest string, sources ...string) attest.Statement {
	t.Helper()
	var deps []map[string]any
	for _, s := range sources {
		deps = append(deps, map[string]any{"uri": "git+https://git.example/app@refs/heads/main", "digest": map[string]string{"gitCommit": s}})
	}
	st, err := attest.NewStatement(attest.PredicateProvenance, map[string]any{"buildDefinition": map[string]any{"resolvedDependencies": deps}},
		attest.Subject{Name: "app", Digest: map[string]string{attest.SHA256: digest}})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func (w *world) provenance(who string, sources ...string) {
	w.t.Helper()
	w.sign("provenance", who, provenanceOf(w.t, artifact, sources...))
}

func (w *world) waive(who string, change func(*waiver.Waiver)) string {
	w.t.Helper()
	v := waiver.Waiver{Kind: waiver.KindWaiver, Fingerprint: strings.Repeat("a", 64), Rule: "G402", Severity: "high",
		Places: []waiver.Place{{Path: "a.go", Count: 1}}, Created: now.Format(time.DateOnly), Until: now.AddDate(0, 0, 20).Format(time.DateOnly), Reason: "legacy device"}
	change(&v)
	st, err := v.Statement()
	w.must(err)
	return w.sign("waiver", who, st)
}

func (w *world) approve(who, id string) {
	w.t.Helper()
	st, err := waiver.Approval{Kind: waiver.KindApproval, Of: id, Approved: now.Format(time.DateOnly)}.Statement()
	w.must(err)
	w.sign("approval", who, st)
}

func (w *world) parsed() *policy.Policy {
	w.t.Helper()
	if w.read != nil && w.read.Digest() == attest.Digest([]byte(w.policy)) {
		return w.read
	}
	p, err := policy.Parse([]byte(w.policy), func(string) ([]byte, error) { return w.authority.RootJSON(true), nil })
	w.must(err)
	w.read = p
	return p
}

func (w *world) question() chain.Question {
	w.t.Helper()
	q := chain.Question{Subject: chain.Subject{Kind: "file", Name: "app.bin", Digests: map[string]string{attest.SHA256: artifact}},
		Policy: w.parsed(), At: now, Document: func(d string) ([]byte, error) {
			if b, ok := w.documents[d]; ok {
				return b, nil
			}
			return nil, chain.ErrNoDocument
		}}
	for name, raw := range w.files {
		q.Bundles = append(q.Bundles, chain.Bundle{Name: name, Raw: raw})
	}
	return q
}

func (w *world) ask() chain.Result {
	w.t.Helper()
	return chain.Verify(context.Background(), w.question())
}

// text is the answer for whoever debugs a test.
func text(r chain.Result) string {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
