package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
)

func decision() Decision {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	hostile := "a\x1b[2J\n::error::x\u202e.bin"
	a := Answer{Result: chain.Result{Subject: chain.Subject{Kind: "file", Name: hostile}, At: at, Links: []chain.Link{
		{Name: chain.LinkPolicy, State: chain.OK, Detail: "version 1"},
		{Name: chain.LinkBill, State: chain.OK, Detail: "of run x", By: &policy.Speaker{Name: hostile, Role: "builder"}, Proven: []attest.Proof{{Time: at, By: "timestamp authority"}}},
		{Name: chain.LinkTime, State: chain.Info, Detail: "no time is proven"},
		{Name: chain.LinkComplete, State: chain.Unknown, Detail: "deps: missing"},
		{Name: chain.LinkGate, State: chain.Failed, Detail: "1 finding " + hostile},
		{Name: chain.LinkFindings, Detail: "a link without a state"},
	}, Verdict: checks.Verdict{Findings: checks.Unknown, Exit: 4, Reasons: []string{"findings: " + hostile}}}}
	today := a.Result
	a.Today = &today
	return Decision{Schema: DecisionSchemaID, ID: "0123456789ab", Answers: []Answer{a}, Verdict: a.Verdict}
}

func TestDecisionTable(t *testing.T) {
	var b bytes.Buffer
	if err := DecisionTable(&b, decision(), NewStyle(&b, false)); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	for _, want := range []string{"  ok  policy", "  ??  completeness", "  no  gate", "  NO  findings", "by a", "timestamp authority 2026-11-24", "NOT VERIFIED", "today: ", "vitalsign explain 0123456789ab"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") || strings.Contains(out, "\n::error::") || strings.Contains(out, "\u202e") {
		t.Errorf("hostile text reached the terminal: %q", out)
	}
	b.Reset()
	if err := DecisionTable(&b, Decision{}, NewStyle(&b, false)); err != nil || !strings.HasPrefix(b.String(), "NOT VERIFIED") {
		t.Errorf("the zero decision says %q, %v", b.String(), err)
	}
}

func TestDecisionSARIFIsOfItsSchema(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("testdata", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := DecisionSARIF(&b, decision(), "test"); err != nil {
		t.Fatal(err)
	}
	valid(t, compile(t, doc, sarifSchemaURI), b.Bytes())
	if n := strings.Count(b.String(), `"ruleId"`); n != 3 {
		t.Errorf("%d results, want 3: what does not hold", n)
	}
}
