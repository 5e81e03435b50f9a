package policy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/keys"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
)

// person is somebody with a key.
type person struct {
	signer attest.Signer
	pem    string
}

func newPerson(t testing.TB) person {
	t.Helper()
	sv, _, err := signature.NewDefaultECDSASignerVerifier()
	if err != nil {
		t.Fatal(err)
	}
	key, err := sv.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	pem, err := keys.PEM(key)
	if err != nil {
		t.Fatal(err)
	}
	return person{attest.Signer{Key: sv}, string(pem)}
}

func indent(pem string) string {
	return "|\n      " + strings.ReplaceAll(strings.TrimSpace(pem), "\n", "\n      ")
}

// text is a policy with a build server, a security officer with two keys, and
// a developer.
func text(ci, alice, alice2, dev person) string {
	return `schema: ` + policy.Schema + `
version: 3
expires: 2027-11-24
identities:
  - name: ci
    roles: [builder]
    key: ` + indent(ci.pem) + `
  - name: alice
    person: alice@hospital.example
    roles: [security]
    key: ` + indent(alice.pem) + `
  - name: alice-laptop
    person: alice@hospital.example
    roles: [security]
    key: ` + indent(alice2.pem) + `
  - name: dev
    roles: [developer]
    key: ` + indent(dev.pem) + `
roles:
  builder: {speaks: [bill-of-health, provenance], verdict: true}
  security: {waive: {max_severity: high, max_days: 90}, approve: {max_severity: critical}}
  developer: {waive: {max_severity: medium, max_days: 30}}
gate: {fail_on: high}
require:
  checks: [secrets, deps]
  bill_max_age: 7d
  data_max_age: 36h
waivers: {approvals: 1}
inline: {max_severity: low, max_days: 90}
conditions:
  - rule: bill.findings.by_severity.critical == 0
    says: no critical finding, waived or not
`
}

func people(t testing.TB) (ci, alice, alice2, dev person) {
	return newPerson(t), newPerson(t), newPerson(t), newPerson(t)
}

func parse(t testing.TB, s string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(s), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func said(t testing.TB, p *policy.Policy, who person) attest.Verified {
	t.Helper()
	st, err := attest.NewStatement(attest.PredicateBill, map[string]string{"a": "b"}, attest.Subject{Digest: map[string]string{"sha256": "00"}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := who.signer.Statement(context.Background(), st)
	if err != nil {
		t.Fatal(err)
	}
	v, err := attest.Verify(raw, p.Trust(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRoles(t *testing.T) {
	ci, alice, alice2, dev := people(t)
	p := parse(t, text(ci, alice, alice2, dev))
	if s, err := p.Speaker(said(t, p, ci), attest.PredicateBill); err != nil || s.Role != "builder" || s.String() != "ci (builder)" {
		t.Errorf("the build server: %v, %v", s, err)
	}
	for name, who := range map[string]person{"alice": alice, "dev": dev} {
		if _, err := p.Speaker(said(t, p, who), attest.PredicateBill); !errors.Is(err, policy.ErrRole) || !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("%s signed a bill: %v", name, err)
		}
	}
	if _, err := p.Speaker(said(t, p, ci), attest.PredicateVSA); !errors.Is(err, policy.ErrRole) {
		t.Errorf("the build server gave a summary: %v", err)
	}
	for _, c := range []struct {
		who      person
		severity string
		days     int
	}{{alice, "high", 90}, {alice, "critical", -1}, {dev, "medium", 30}, {dev, "high", -1}, {ci, "info", -1}, {alice, "", -1}, {alice, "nonsense", -1}} {
		_, days, err := p.Waiver(said(t, p, c.who), c.severity)
		if (err == nil) != (c.days > 0) || err == nil && days != c.days {
			t.Errorf("a waiver of %q: %d days, %v", c.severity, days, err)
		}
	}
	one, err := p.Approver(said(t, p, alice), "critical")
	two, err2 := p.Approver(said(t, p, alice2), "critical")
	if err != nil || err2 != nil || one.Person != two.Person {
		t.Errorf("two keys of one person are %v and %v", one, two)
	}
	if _, err := p.Approver(said(t, p, dev), "low"); !errors.Is(err, policy.ErrRole) {
		t.Errorf("a developer approved: %v", err)
	}
	if _, err := p.Speaker(attest.Verified{}, attest.PredicateBill); !errors.Is(err, policy.ErrRole) {
		t.Errorf("nobody spoke: %v", err)
	}
}

func TestZeroPolicyBelievesNobody(t *testing.T) {
	var p policy.Policy
	ci, alice, alice2, dev := people(t)
	v := said(t, parse(t, text(ci, alice, alice2, dev)), ci)
	if _, err := p.Speaker(v, attest.PredicateBill); err == nil {
		t.Error("the zero policy believes a signer")
	}
	if _, err := attest.Verify(nil, p.Trust(), time.Now()); err == nil {
		t.Error("the zero policy verifies")
	}
	if p.InForce(time.Now()) == nil {
		t.Error("the zero policy is in force")
	}
	if p.IgnoreFiles() || p.Inline().MaxDays != 0 {
		t.Error("the zero policy lets something be ignored")
	}
}

func TestPoliciesThatAreRefused(t *testing.T) {
	ci, alice, alice2, dev := people(t)
	good := text(ci, alice, alice2, dev)
	parse(t, good)
	swap := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("%q is not in the policy", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	for want, bad := range map[string]string{
		"empty":                    "",
		"schema":                   swap("policy/v1", "policy/v9"),
		"version must":             swap("version: 3", "version: 0"),
		"expires":                  swap("expires: 2027-11-24\n", ""),
		"not a date":               swap("2027-11-24", "tomorrow"),
		"believes nobody":          good[:strings.Index(good, "identities:")] + "roles: {}\n" + good[strings.Index(good, "gate:"):],
		"require.checks":           swap("checks: [secrets, deps]", "checks: []"),
		"bill_max_age":             swap("  bill_max_age: 7d\n", ""),
		"no age":                   swap("bill_max_age: 7d", "bill_max_age: 7 weeks"),
		"gate.fail_on":             swap("fail_on: high", "fail_on: hgih"),
		"no role \"bilder\"":       swap("[builder]", "[bilder]"),
		"no predicate \"proof\"":   swap("provenance]", "proof]"),
		"there twice":              swap("name: dev", "name: ci"),
		"not found in type":        swap("gate:", "gaet:"),
		"no public key":            swap("-----BEGIN PUBLIC KEY-----", "-----BEGIN NOTHING-----"),
		"more than one document":   good + "---\na: b\n",
		"conditions[0]":            swap("bill.findings.by_severity.critical == 0", "bill.findings +"),
		"not true or false":        swap("bill.findings.by_severity.critical == 0", "1 + 1"),
		"trusted_root":             good + "trusted_root: everybody\n",
		"needs file and sha256":    good + "trusted_root: {file: a.json}\n",
		"waive.max_days":           swap("max_days: 30", "max_days: 0"),
		"roles.developer says":     swap("developer: {waive: {max_severity: medium, max_days: 30}}", "developer:"),
		"require.previous":         swap("  data_max_age", "  previous: maybe\n  data_max_age"),
		"at most":                  good + strings.Repeat("#", policy.MaxSize),
		"neither a key nor an iss": swap("    roles: [developer]\n    key:", "    roles: [developer]\n    issuer: i\n    key:"),
	} {
		if _, err := policy.Parse([]byte(bad), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestExpiry(t *testing.T) {
	ci, alice, alice2, dev := people(t)
	p := parse(t, text(ci, alice, alice2, dev))
	last := time.Date(2027, 11, 24, 23, 59, 59, 0, time.UTC)
	if err := p.InForce(last); err != nil {
		t.Error(err)
	}
	if err := p.InForce(last.Add(time.Second)); !errors.Is(err, policy.ErrExpired) {
		t.Error(err)
	}
}

func TestTrustedRootIsBoundByItsDigest(t *testing.T) {
	ci, alice, alice2, dev := people(t)
	good := text(ci, alice, alice2, dev)
	files := func(string) ([]byte, error) { return []byte("{}"), nil }
	_, err := policy.Parse([]byte(good+"trusted_root: {file: r.json, sha256: "+strings.Repeat("0", 64)+"}\n"), files)
	if err == nil || !strings.Contains(err.Error(), "the policy names") {
		t.Error(err)
	}
	if p := parse(t, good+"trusted_root: public-good\n"); p.Trust().Root == nil {
		t.Error("no root")
	}
}

func TestConditions(t *testing.T) {
	ci, alice, alice2, dev := people(t)
	p := parse(t, text(ci, alice, alice2, dev))
	ctx := context.Background()
	bill := func(critical any) map[string]any {
		return map[string]any{"bill": map[string]any{"findings": map[string]any{"by_severity": map[string]any{"critical": critical}}}}
	}
	if err := p.Conditions(ctx, bill(0.0)); err != nil {
		t.Error(err)
	}
	if err := p.Conditions(ctx, bill(2.0)); err == nil || !strings.Contains(err.Error(), "no critical finding") {
		t.Error(err)
	}
	if err := p.Conditions(ctx, nil); err == nil || !strings.Contains(err.Error(), "cannot tell") {
		t.Error(err)
	}
	loop := parse(t, strings.Replace(text(ci, alice, alice2, dev), "bill.findings.by_severity.critical == 0",
		"bill.l.all(a, bill.l.all(b, bill.l.all(c, a + b + c > -1.0)))", 1))
	var l []any
	for i := range 1000 {
		l = append(l, float64(i))
	}
	if err := loop.Conditions(ctx, map[string]any{"bill": map[string]any{"l": l}}); err == nil || !strings.Contains(err.Error(), "cannot tell") {
		t.Errorf("a condition without end: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	ci, alice, alice2, dev := people(f)
	f.Add([]byte(text(ci, alice, alice2, dev)))
	f.Add([]byte("schema: " + policy.Schema + "\nidentities: [&a {roles: [x]}, *a]\n"))
	f.Add([]byte("{"))
	// What parses is never a policy that believes nobody or asks for nothing.
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := policy.Parse(b, func(string) ([]byte, error) { return nil, errors.New("none") })
		if err != nil {
			return
		}
		if len(p.Trust().Identities) == 0 || len(p.Require().Checks) == 0 || p.Require().BillAge <= 0 || p.Gate().FailOn == "" {
			t.Fatalf("a policy that asks for nothing: %s", b)
		}
	})
}
