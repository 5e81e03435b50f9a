package chain_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest/bill"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// BenchmarkVerify is a chain of 10 bills, the newest with 5,000 findings.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	var previous []bill.Previous
	for i := range 9 {
		r := run()
		r.ID, r.Ended = fmt.Sprint("older", i), now.Add(-time.Duration(20-i)*time.Minute)
		r.Target.Commit, r.Target.Tree = strings.Repeat(fmt.Sprint(i), 40), strings.Repeat(fmt.Sprint(i), 40)
		before := previous
		id := w.bill(fmt.Sprint("older", i), "ci", r, func(b *bill.Bill) { b.Previous = before })
		previous = []bill.Previous{{ID: id, Commit: r.Target.Commit}}
	}
	r := run()
	r.Findings = nil
	for i := range 5000 {
		sum := sha256.Sum256([]byte(fmt.Sprint(i)))
		r.Findings = append(r.Findings, checks.Finding{Fingerprint: hex.EncodeToString(sum[:]), Check: "secrets",
			Rule:     checks.Rule{ID: "G104", Title: "Errors unhandled", Severity: checks.Low, Class: "errors", Advice: "Handle the error.", CWE: []string{"CWE-703"}},
			Location: checks.Location{Path: fmt.Sprintf("pkg/p%d/file.go", i%300), StartLine: i}, SeenBy: []checks.Witness{{Check: "sast", Rule: "G104"}},
			Evidence: checks.Evidence{Excerpt: "\t\tdefer f.Close() // and what if it fails", ExcerptLine: i}})
	}
	w.bill("bill", "ci", r, func(b *bill.Bill) { b.Previous = previous })
	q := w.question()
	for b.Loop() {
		if res := chain.Verify(context.Background(), q); res.Verdict.Exit != judge.ExitPass {
			b.Fatal(text(res))
		}
	}
}
