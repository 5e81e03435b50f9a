package chain_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/bill"
	"github.com/vitalsign-dev/vitalsign/attest/waiver"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

func TestAGoodChainPasses(t *testing.T) {
	w := newWorld(t)
	r := w.ask()
	if r.Verdict.Exit != judge.ExitPass || !r.Verdict.Verified || r.Commit != commit {
		t.Fatalf("%s", text(r))
	}
	for _, want := range []string{chain.LinkPolicy, chain.LinkArtifact, chain.LinkProvenance, chain.LinkSource, chain.LinkBill, chain.LinkFreshness,
		chain.LinkComplete, chain.LinkFindings, chain.LinkWaivers, chain.LinkGate} {
		if !slices.ContainsFunc(r.Links, func(l chain.Link) bool { return l.Name == want }) {
			t.Errorf("no link %q", want)
		}
	}
	if len(r.Waivers) != 1 || r.Waivers[0].State != checks.WaiverApplied || !strings.Contains(r.Waivers[0].By, "bob (security)") {
		t.Errorf("waivers %+v", r.Waivers)
	}
}

// broken is everything that must not pass, each with its own exit code and words.
func broken() map[string]struct {
	change func(*world)
	exit   int
	says   string
} {
	type c = struct {
		change func(*world)
		exit   int
		says   string
	}
	const four = judge.ExitNotVerified
	file := func(name string) string { return name + attest.BundleSuffix }
	policyWith := func(from, to string) func(*world) {
		return func(w *world) {
			if !strings.Contains(w.policy, from) {
				w.t.Fatalf("%q is not in the policy", from)
			}
			w.policy = strings.Replace(w.policy, from, to, 1)
		}
	}
	rebill := func(change func(*checks.Run)) func(*world) {
		return func(w *world) { r := run(); change(&r); w.bill("bill", "ci", r, nil) }
	}
	return map[string]c{
		"subjects swapped":       {func(w *world) { w.files[file("provenance")] = resign(w, "ci", provenanceOf(w.t, sum, commit)) }, four, "nothing says this was built from a scanned commit"},
		"bill of another commit": {func(w *world) { w.provenance("ci", tree) }, four, "no bill of health for commit " + tree},
		"provenance names two":   {func(w *world) { w.provenance("ci", commit, tree) }, four, "2 commits"},
		"provenance names none":  {func(w *world) { w.provenance("ci") }, four, "names no commit"},
		"a step is dropped":      {rebill(func(r *checks.Run) { r.Steps = r.Steps[:1] }), four, "deps is not in the bill"},
		"a step was left out":    {rebill(func(r *checks.Run) { r.Steps[1].Status = checks.Excluded }), four, "deps was left out"},
		"a step failed":          {rebill(func(r *checks.Run) { r.Steps[0].Status, r.Steps[0].Reason = checks.Failed, "killed" }), judge.ExitUnknown, "secrets: failed: killed"},
		"a step has no status":   {rebill(func(r *checks.Run) { r.Steps[0].Status = "" }), judge.ExitUnknown, "secrets"},
		"a step without digests": {rebill(func(r *checks.Run) { r.Steps[0].RulesDigest = "" }), four, "names no tool, rules or report"},
		"last week's":            {rebill(func(r *checks.Run) { r.Ended = now.AddDate(0, 0, -7) }), four, "the bill is 7 d old"},
		"from the future":        {rebill(func(r *checks.Run) { r.Ended = now.Add(time.Hour) }), four, "after the time that is judged"},
		"stale data":             {rebill(func(r *checks.Run) { r.Steps[1].Data[0].AsOf = now.AddDate(0, 0, -5) }), four, "deps read osv"},
		"data without a time":    {rebill(func(r *checks.Run) { r.Steps[1].Data[0].AsOf = time.Time{} }), four, "deps read osv"},
		"another finding":        {rebill(func(r *checks.Run) { r.Findings[0].Fingerprint = strings.Repeat("c", 64) }), judge.ExitFail, "1 finding at or above high"},
		"one more of the waived": {rebill(func(r *checks.Run) {
			r.Findings = append(r.Findings, r.Findings[0])
			r.Findings[2].Location.StartLine = 9
		}), judge.ExitFail, "1 finding at or above high"},
		"the waived one is worse": {rebill(func(r *checks.Run) { r.Findings[0].Rule.Severity = checks.Critical }), judge.ExitFail, "1 finding at or above high"},
		"another document": {func(w *world) {
			spoil(w, func(b []byte) []byte { return bytes.Replace(b, []byte("a.go"), []byte("c.go"), 1) })
		}, four, "the findings document has the SHA-256"},
		"no document":              {func(w *world) { clear(w.documents) }, four, "is not here"},
		"root of other findings":   {func(w *world) { w.bill("bill", "ci", run(), func(b *bill.Bill) { b.Findings.Root = sum }) }, four, "not those that the bill commits to"},
		"signed by the wrong role": {func(w *world) { w.bill("bill", "eve", run(), nil) }, four, "eve ([auditor]) may not sign a bill-of-health"},
		"signed by a stranger":     {func(w *world) { w.bill("bill", "stranger", run(), nil) }, four, "signed by a key that is not trusted"},
		"provenance by the wrong":  {func(w *world) { w.provenance("eve", commit) }, four, "eve ([auditor]) may not sign a provenance"},
		"an expired certificate":   {func(w *world) { certified(w, now.Add(-time.Hour), true) }, four, "the certificate is good from"},
		"no timestamp":             {func(w *world) { certified(w, now.Add(-time.Minute), false) }, four, "timestamp"},
		"waiver by its author":     {func(w *world) { w.approve("alice-laptop", w.waive("alice", same)) }, judge.ExitFail, "alice-laptop is the author"},
		"waiver without approval":  {func(w *world) { delete(w.files, file("approval")) }, judge.ExitFail, "0 of 1 approvals"},
		"approval of another":      {func(w *world) { w.approve("bob", sum) }, judge.ExitFail, "0 of 1 approvals"},
		"approved by a developer":  {func(w *world) { w.approve("alice", w.waive("bob", same)) }, judge.ExitFail, "alice ([developer]) may not approve"},
		"waiver for too long":      {func(w *world) { w.approve("bob", w.waive("alice", until(60))) }, judge.ExitFail, "alice (developer) may waive for 30"},
		"waiver over":              {func(w *world) { w.approve("bob", w.waive("alice", past)) }, judge.ExitFail, "it ended on"},
		"waiver by an auditor":     {func(w *world) { w.approve("bob", w.waive("eve", same)) }, judge.ExitFail, "eve ([auditor]) may not waive high"},
		"waiver of another rule":   {func(w *world) { w.approve("bob", w.waive("alice", func(v *waiver.Waiver) { v.Rule = "G101" })) }, judge.ExitFail, "no finding needs it"},
		"waiver under another key": {func(w *world) {
			w.approve("bob", w.waive("alice", func(v *waiver.Waiver) { v.IdentityKeyID = "bbbb" }))
		}, judge.ExitFail, "identity key bbbb"},
		"the policy has expired": {policyWith("2099-12-31", "2020-01-01"), four, "the policy has expired"},
		"a check nobody ran":     {policyWith("[secrets, deps]", "[secrets, deps, iac]"), four, "iac is not in the bill"},
		"no application to look at": {func(w *world) {
			policyWith("[secrets, deps]", "[secrets, deps, dast]")(w)
			rebill(func(r *checks.Run) {
				r.Steps = append(r.Steps, checks.Step{Check: "dast", Version: "1", Status: checks.NotApplicable, Live: true})
			})(w)
		}, four, "dast had no running application to look at"},
		"a lower threshold":     {policyWith("fail_on: high", "fail_on: low"), judge.ExitFail, "at or above low"},
		"a timestamp is wanted": {policyWith("require:", "require:\n  timestamp: true"), four, "wants a proven time"},
		"a previous bill is wanted": {func(w *world) {
			policyWith("require:", "require:\n  previous: required")(w)
			w.bill("bill", "ci", run(), parents)
		}, four, "names no previous one"},
		"the previous one is away": {func(w *world) {
			policyWith("require:", "require:\n  previous: required")(w)
			w.bill("bill", "ci", run(), follows(sum))
		}, four, "a gap"},
		"walls are wanted": {func(w *world) {
			policyWith("require:", "require:\n  sandbox: true")(w)
			rebill(func(r *checks.Run) { r.Sandbox = "none" })(w)
		}, four, "sandbox \"none\""},
		"another identity key": {policyWith("require:", "require:\n  identity_keys: [bbbb]"), four, "which the policy does not name"},
		"another repository":   {policyWith("require:", "require:\n  repositories: ['git+https://git.example/other']"), four, "which the policy does not name"},
		"files were ignored": {func(w *world) {
			w.bill("bill", "ci", run(), func(b *bill.Bill) { b.Inputs = []bill.Input{{Name: ".vitalsignignore", Digest: sum}} })
		}, four, "kept files from being read"},
		"a condition does not hold": {func(w *world) {
			w.policy += "conditions: [{rule: 'bill.findings.by_severity.high == 0', says: no high finding}]\n"
		}, four, "no high finding"},
		"an ignore that is over":  {func(w *world) { ignored(w, "2020-01-01", checks.High) }, judge.ExitFail, "it ended on 2020-01-01"},
		"an ignore of a critical": {func(w *world) { ignored(w, "2099-01-01", checks.Critical) }, judge.ExitFail, "allows high at most"},
		"no evidence at all":      {func(w *world) { clear(w.files) }, four, "there is no other evidence"},
		"all subjects are other":  {func(w *world) { w.bill("bill", "ci", run(), func(b *bill.Bill) { b.Target.Dirty = true }) }, four, "no bill of health"},
		"of a project":            {rebill(func(r *checks.Run) { r.Target.Project = "api" }), four, "no bill of health"},
	}
}

func TestNothingBrokenPasses(t *testing.T) {
	for name, c := range broken() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if name == "signed by a stranger" {
				w.people["stranger"] = newWorld(t).people["ci"]
			}
			c.change(w)
			r := w.ask()
			if r.Verdict.Exit != c.exit {
				t.Errorf("exit %d, want %d", r.Verdict.Exit, c.exit)
			}
			var all strings.Builder
			for _, l := range r.Links {
				all.WriteString(l.Detail + "\n")
			}
			if !strings.Contains(all.String(), c.says) {
				t.Errorf("nothing says %q:\n%s", c.says, all.String())
			}
			if len(r.Verdict.Reasons) == 0 {
				t.Error("no reason")
			}
		})
	}
}

func resign(w *world, who string, st attest.Statement) []byte {
	w.sign("again", who, st)
	raw := w.files["again"+attest.BundleSuffix]
	delete(w.files, "again"+attest.BundleSuffix)
	return raw
}

func spoil(w *world, change func([]byte) []byte) {
	for d, b := range w.documents {
		w.documents[d] = change(b)
	}
}

// certified signs the bill with a certificate instead of a key.
func certified(w *world, from time.Time, stamped bool) {
	w.files["bill"+attest.BundleSuffix] = w.authority.Sign(w.billOf(w.run, nil), "ci@supplier.example", "https://issuer.example", from, stamped)
}

func same(*waiver.Waiver) {}
func until(days int) func(*waiver.Waiver) {
	return func(v *waiver.Waiver) { v.Until = now.AddDate(0, 0, days).Format(time.DateOnly) }
}
func past(v *waiver.Waiver) {
	v.Created, v.Until = now.AddDate(0, 0, -20).Format(time.DateOnly), now.AddDate(0, 0, -1).Format(time.DateOnly)
}
func parents(b *bill.Bill) { b.Target.Parents = []string{tree} }
func follows(id string) func(*bill.Bill) {
	return func(b *bill.Bill) { b.Previous = []bill.Previous{{ID: id, Commit: tree}} }
}

func ignored(w *world, date string, s checks.Severity) {
	clear(w.files)
	r := run()
	r.Findings[0].Rule.Severity = s
	r.Findings[0].Ignored = &checks.Ignored{By: "inline a.go:2", Until: date, Reason: "x"}
	w.bill("bill", "ci", r, nil)
	w.provenance("ci", commit)
}

func TestIgnoresWithinBounds(t *testing.T) {
	w := newWorld(t)
	ignored(w, now.AddDate(0, 0, 10).Format(time.DateOnly), checks.High)
	if r := w.ask(); r.Verdict.Exit != judge.ExitPass {
		t.Errorf("%s", text(r))
	}
}

func TestCertificatesSignToo(t *testing.T) {
	w := newWorld(t)
	certified(w, now.Add(-time.Minute), true)
	r := w.ask()
	if r.Verdict.Exit != judge.ExitPass {
		t.Fatalf("%s", text(r))
	}
	i := slices.IndexFunc(r.Links, func(l chain.Link) bool { return l.Name == chain.LinkTime })
	if i < 0 || r.Links[i].State != chain.OK || !strings.Contains(r.Links[i].Detail, "timestamp authority") {
		t.Errorf("time %+v", r.Links[i])
	}
}

// The tree is enough: a squashed commit has another id and the same content.
func TestATreeMatches(t *testing.T) {
	w := newWorld(t)
	q := w.question()
	q.Subject = chain.Subject{Kind: "commit", Name: "HEAD", Digests: map[string]string{attest.GitCommit: strings.Repeat("9", 40), attest.GitTree: tree}}
	if r := chain.Verify(context.Background(), q); r.Verdict.Exit != judge.ExitPass {
		t.Errorf("%s", text(r))
	}
}

// Whatever is taken away from the directory, a chain that does not pass does
// not begin to, and one that passes says why it stops.
func TestDeletingNeverAllows(t *testing.T) {
	cases := broken()
	cases["good"] = cases["no evidence at all"]
	for name, c := range cases {
		w := newWorld(t)
		if name == "signed by a stranger" {
			w.people["stranger"] = newWorld(t).people["ci"]
		}
		if name != "good" {
			c.change(w)
		}
		before := w.ask().Verdict.Exit
		names := slices.Sorted(maps.Keys(w.files))
		for subset := range 1 << len(names) {
			kept := maps.Clone(w.files)
			for i, n := range names {
				if subset&(1<<i) != 0 {
					delete(kept, n)
				}
			}
			all := w.files
			w.files = kept
			r := w.ask()
			w.files = all
			if before != judge.ExitPass && r.Verdict.Exit == judge.ExitPass {
				t.Errorf("%s: passes without %v", name, missing(names, kept))
			}
			if r.Verdict.Exit != judge.ExitPass && len(r.Verdict.Reasons) == 0 {
				t.Errorf("%s: exit %d without a reason", name, r.Verdict.Exit)
			}
		}
	}
}

func missing(names []string, kept map[string][]byte) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { _, ok := kept[n]; return ok })
}

// No byte of a bundle that the answer depends on can be changed: it is not
// believed then, which is to say not there (see TestDeletingNeverAllows).
func TestEveryFlippedByteIsSeen(t *testing.T) {
	w := newWorld(t)
	trust := w.parsed().Trust()
	for name, raw := range w.files {
		for i := range raw {
			bad := bytes.Clone(raw)
			bad[i] ^= 1
			if _, err := attest.Verify(bad, trust, now); err == nil {
				t.Fatalf("%s: byte %d of %d changed unseen", name, i, len(raw))
			}
			if i%50 != 0 {
				continue
			}
			w.files[name] = bad
			if r := w.ask(); r.Verdict.Exit == judge.ExitPass || !strings.Contains(text(r), name) && !strings.Contains(name, "approval") && !strings.Contains(name, "waiver") {
				t.Errorf("%s: byte %d: %s", name, i, text(r))
			}
		}
		w.files[name] = raw
	}
	for d, raw := range w.documents {
		for i := range raw {
			bad := bytes.Clone(raw)
			bad[i] ^= 1
			if i%20 != 0 {
				continue // one digest over all of it
			}
			w.documents[d] = bad
			if r := w.ask(); r.Verdict.Exit != judge.ExitNotVerified {
				t.Fatalf("document: byte %d of %d changed unseen: exit %d", i, len(raw), r.Verdict.Exit)
			}
		}
		w.documents[d] = raw
	}
}

func TestTheNewestBillCounts(t *testing.T) {
	w := newWorld(t)
	r := run()
	r.ID, r.Ended = "newer", now
	r.Findings[1].Rule.Severity = checks.Critical
	w.bill("newer", "ci", r, nil)
	if got := w.ask().Verdict.Exit; got != judge.ExitFail {
		t.Errorf("exit %d: the older bill decided", got)
	}
}

// Valid when released is one question, valid today another.
func TestAtATime(t *testing.T) {
	w := newWorld(t)
	q := w.question()
	q.Released = true
	r := chain.Verify(context.Background(), q)
	if r.Verdict.Exit != judge.ExitNotVerified || !strings.Contains(strings.Join(r.Verdict.Reasons, ""), "nothing proves that it existed at") {
		t.Errorf("without a timestamp: %s", text(r))
	}
}

func TestAtATimeWithTimestamps(t *testing.T) {
	w := newWorld(t)
	for name, s := range w.people {
		s.Timestamps, s.Root = attest.TimestampAuthority("http://tsa.example", w.authority), w.authority.Root(true)
		w.people[name] = s
	}
	w.policy = strings.Replace(w.policy, "require:", "require:\n  timestamp: true", 1)
	w.bill("bill", "ci", run(), nil)
	w.provenance("ci", commit)
	w.approve("bob", w.waive("alice", same))
	q := w.question()
	q.At, q.Released = time.Now().Add(time.Second), true
	if r := chain.Verify(context.Background(), q); r.Verdict.Exit != judge.ExitPass {
		t.Errorf("valid when released: %s", text(r))
	}
	q.At = now.AddDate(0, 0, 5)
	if r := chain.Verify(context.Background(), q); r.Verdict.Exit != judge.ExitNotVerified || !strings.Contains(strings.Join(r.Verdict.Reasons, ""), "the bill is 5 d old") {
		t.Errorf("some days later: %s", text(r))
	}
	q.At = now.Add(-30 * time.Second)
	if r := chain.Verify(context.Background(), q); r.Verdict.Exit != judge.ExitNotVerified || !strings.Contains(strings.Join(r.Verdict.Reasons, ""), "it is proven to exist since") {
		t.Errorf("before it was signed: %s", text(r))
	}
}

func TestHistoryIsShown(t *testing.T) {
	w := newWorld(t)
	older := run()
	older.ID, older.Target.Commit, older.Target.Tree = "older", strings.Repeat("1", 40), strings.Repeat("2", 40)
	id := w.bill("older", "ci", older, nil)
	w.bill("bill", "ci", run(), follows(id))
	detail := func() string {
		r := w.ask()
		i := slices.IndexFunc(r.Links, func(l chain.Link) bool { return l.Name == chain.LinkPrevious })
		return r.Links[i].Detail
	}
	if d := detail(); !strings.HasPrefix(d, "1 bill before") || strings.Contains(d, "gap") || strings.Contains(d, "fork") {
		t.Error(d)
	}
	other := run()
	other.ID, other.Target.Commit, other.Target.Tree = "other", strings.Repeat("3", 40), strings.Repeat("4", 40)
	w.bill("other", "ci", other, follows(id))
	if d := detail(); !strings.Contains(d, "a fork") {
		t.Error(d)
	}
	delete(w.files, "older"+attest.BundleSuffix)
	if d := detail(); !strings.Contains(d, "a gap") {
		t.Error(d)
	}
}

// The signer's verdict is believed without the findings only where the policy
// says so of that role, and only under exactly this policy.
func TestVerdictWithoutFindings(t *testing.T) {
	w := newWorld(t)
	w.policy = strings.Replace(w.policy, "builder: {", "builder: {verdict: true, ", 1)
	digest := attest.Digest([]byte(w.policy))
	under := func(d string, complete bool, findings string) int {
		w.bill("bill", "ci", run(), func(b *bill.Bill) {
			b.Policy = &bill.Policy{Digest: d, Version: 1}
			b.Verdict = bill.Verdict{Complete: complete, Findings: findings}
		})
		clear(w.documents)
		return w.ask().Verdict.Exit
	}
	for _, c := range []struct {
		digest   string
		complete bool
		findings string
		exit     int
	}{{digest, true, "pass", 0}, {sum, true, "pass", 4}, {digest, true, "fail", 1}, {digest, false, "pass", 3}, {digest, true, "", 3}} {
		if got := under(c.digest, c.complete, c.findings); got != c.exit {
			t.Errorf("%+v: exit %d", c, got)
		}
	}
}

func TestZeroQuestionIsNotVerified(t *testing.T) {
	r := chain.Verify(context.Background(), chain.Question{})
	if r.Verdict.Exit != judge.ExitNotVerified || len(r.Verdict.Reasons) == 0 {
		t.Errorf("%s", text(r))
	}
}
