package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/tui"
)

// proofs answers the dashboard's questions about evidence, as the verb verify
// does, for any repository on this machine.
type proofs struct {
	app  *app
	cmd  *cobra.Command
	kept *store.Store
}

// The kinds of subject, as the dashboard names them.
const (
	kindCommit   = "commit"
	kindArtifact = "artifact"
	kindRelease  = "release"
)

// keptCommits is how many commits of one repository are offered.
const keptCommits = 20

// Subjects are the commits that were scanned, and the artifacts and releases
// that the evidence at hand names. Nothing about them has been verified yet.
func (p proofs) Subjects(ctx context.Context, target string) ([]tui.Subject, error) {
	g, err := p.app.evidence(p.cmd, here(target), nil)
	if err != nil {
		return nil, fmt.Errorf("the evidence: %w", err)
	}
	out := artifactsOf(g, target)
	commits, err := p.commits(ctx, target)
	return append(out, commits...), err
}

func (p proofs) commits(ctx context.Context, target string) ([]tui.Subject, error) {
	var out []tui.Subject
	seen := map[string]bool{}
	add := func(target, commit string, ended time.Time, exit int) {
		if commit == "" || seen[target+commit] {
			return
		}
		seen[target+commit] = true
		out = append(out, tui.Subject{Target: target, Kind: kindCommit, Name: commit[:min(12, len(commit))], Ask: []string{"commit:" + commit},
			Detail: fmt.Sprintf("scanned %s, exit code %d", ended.UTC().Format("2006-01-02 15:04"), exit)})
	}
	if target != "" {
		runs, err := p.kept.RunsOf(ctx, target, keptCommits)
		for _, r := range runs {
			add(target, r.Commit, r.Ended, r.Verdict.Exit)
		}
		return out, err
	}
	board, err := p.kept.Board(ctx)
	for _, t := range board {
		add(t.Target, t.Commit, t.Ended, t.Verdict.Exit)
	}
	return out, err
}

// artifactsOf lists what statements of provenance say that was built. A
// statement about several artifacts is a release.
func artifactsOf(g *gathered, target string) []tui.Subject {
	var out []tui.Subject
	seen := map[string]bool{}
	for _, b := range g.bundles {
		c := attest.ClaimOf(b.Raw)
		if c.PredicateType != attest.PredicateProvenance {
			continue
		}
		var all []string
		var artifacts []tui.Subject
		for _, s := range c.Subjects() {
			sum := s.Digest[attest.SHA256]
			if sum == "" || seen[sum] {
				continue
			}
			seen[sum] = true
			all = append(all, attest.SHA256+":"+sum)
			artifacts = append(artifacts, tui.Subject{Target: target, Kind: kindArtifact, Name: s.Name, Ask: all[len(all)-1:], Detail: fmt.Sprintf("sha256:%.12s, named in %s", sum, b.Name)})
		}
		if len(all) > 1 {
			out = append(out, tui.Subject{Target: target, Kind: kindRelease, Name: b.Name, Ask: slices.Clone(all), Detail: fmt.Sprintf("%d artifacts", len(all))})
		}
		out = append(out, artifacts...)
	}
	return out
}

// Verify walks the chain now, under the policy that counts in the repository.
func (p proofs) Verify(ctx context.Context, s tui.Subject) (report.Decision, error) {
	kept, err := p.app.evidence(p.cmd, here(s.Target), nil)
	if err != nil {
		return report.Decision{}, fmt.Errorf("the evidence: %w", err)
	}
	found, err := p.app.policyHere(ctx, here(s.Target), "")
	if err != nil {
		return report.Decision{}, err
	}
	var subjects []chain.Subject
	for _, name := range s.Ask {
		sub, err := p.subject(ctx, here(s.Target), name)
		if err != nil {
			return report.Decision{}, err
		}
		subjects = append(subjects, sub)
	}
	d, err := p.decide(ctx, kept, found, subjects...)
	if err == nil {
		d.ID = p.app.keepDecision(d)
	}
	return d, err
}

func (p proofs) decide(ctx context.Context, kept *gathered, found foundPolicy, subjects ...chain.Subject) (report.Decision, error) {
	if found.policy == nil && found.refused == nil {
		return report.Decision{}, fmt.Errorf("%w; or put one into %s", errNoPolicy, filepath.Join(p.app.configDir(), userPolicy))
	}
	return p.app.decide(ctx, kept, found, subjects, chain.Question{At: p.app.now()})
}

// here is the directory of a target, the one that the dashboard was opened in
// for none.
func here(target string) string {
	if target == "" {
		return "."
	}
	return target
}

func (p proofs) subject(ctx context.Context, dir, name string) (chain.Subject, error) {
	if rev, ok := strings.CutPrefix(name, "commit:"); ok {
		return p.app.commitSubject(ctx, dir, rev)
	}
	return p.app.subject(ctx, name)
}

// maxRaw bounds how much of a statement is shown, in bytes.
const maxRaw = 1 << 20

// Raw is a statement as it was signed, indented. It is found by its id.
func (p proofs) Raw(_ context.Context, s tui.Subject, id string) (string, error) {
	g, err := p.app.evidence(p.cmd, here(s.Target), nil)
	if err != nil {
		return "", err
	}
	for _, b := range g.bundles {
		c := attest.ClaimOf(b.Raw)
		if attest.Digest(c.Payload) != id {
			continue
		}
		var out bytes.Buffer
		if err := json.Indent(&out, c.Payload, "", "  "); err != nil {
			return "", err
		}
		if out.Len() > maxRaw {
			return "", fmt.Errorf("the statement has %d bytes: read it in %s", out.Len(), b.Name)
		}
		return out.String(), nil
	}
	return "", errors.New("the statement is not among the evidence any more")
}

// attested says in a word what is known of the evidence of a commit, of what
// is kept. policyOf gives the policy that counts in a directory.
func (p proofs) attested(ctx context.Context, target, commit string, kept *gathered, policyOf func(dir string) (foundPolicy, error)) store.Attested {
	out := store.Attested{Target: target, Commit: commit, At: p.app.now().UTC()}
	state, why, err := p.judged(ctx, target, commit, kept, policyOf)
	if err != nil {
		why = err.Error()
	}
	out.State, out.Reason = string(state), why
	return out
}

func (p proofs) judged(ctx context.Context, target, commit string, kept *gathered, policyOf func(dir string) (foundPolicy, error)) (state tui.AttestState, why string, err error) {
	if commit == "" {
		return "", "", errors.New("the newest run was of no commit")
	}
	// One that is not here is known by its id, and only what is kept elsewhere
	// speaks for it.
	sub, dir := chain.Subject{Kind: kindCommit, Name: commit, Digests: map[string]string{attest.GitCommit: commit}}, here("")
	if fileExists(target) {
		dir = target
		if sub, err = p.app.commitSubject(ctx, dir, commit); err != nil {
			return "", "", err
		}
	}
	all, err := kept.of(dir)
	if err != nil {
		return "", "", err
	}
	found, err := policyOf(dir)
	if err != nil {
		return "", "", err
	}
	d, err := p.decide(ctx, all, found, sub)
	if err != nil {
		return "", "", err
	}
	return attestState(d, all, commit), strings.Join(d.Verdict.Reasons, "; "), nil
}

// attestState maps a decision to a word. What was verified is, whatever the
// gate said; the first link that does not hold says what is wrong.
func attestState(d report.Decision, kept *gathered, commit string) tui.AttestState {
	if len(d.Answers) == 0 {
		return tui.AttestUnchecked
	}
	a := d.Answers[0]
	if a.Verdict.Verified {
		return tui.AttestVerified
	}
	for _, l := range a.Links {
		switch {
		case l.State == chain.OK || l.State == chain.Info:
		case l.Name == chain.LinkFreshness:
			return tui.AttestStale
		case l.Name == chain.LinkBill && !kept.claims(attest.PredicateBill, commit):
			return tui.AttestUnsigned
		default:
			return tui.AttestBroken
		}
	}
	return tui.AttestBroken
}

// claims says whether any bundle says of itself to be a statement of that type
// about a commit. Nobody has verified it: absence is all that this can tell.
func (g *gathered) claims(predicate, commit string) bool {
	return slices.ContainsFunc(g.bundles, func(b chain.Bundle) bool {
		c := attest.ClaimOf(b.Raw)
		return c.PredicateType == predicate && slices.ContainsFunc(c.Subjects(), func(s attest.Subject) bool { return s.Has(attest.GitCommit, commit) })
	})
}
