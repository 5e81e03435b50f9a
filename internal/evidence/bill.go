// Package evidence makes statements of a run: the bill of health, what others
// read of it, and the findings document that lies beside them. It is pure: who
// signs is for others to say.
package evidence

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/bill"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// Facts are what a bill says besides the run.
type Facts struct {
	Repository, Branch, Base string
	Parents                  []string
	Files                    int
	Gate                     judge.Gate
	// Policy is the one that the run was judged by, nil for none.
	Policy   *policy.Policy
	Inputs   []bill.Input
	Inline   []bill.Inline
	Previous []bill.Previous
}

// Rest is what a bill calls the part of a repository that is in no project. No
// project can have the name: such a bill must not be taken for one of all.
const Rest = "."

// Project is what a bill calls the part that a target is, "" for all of it.
func Project(t checks.Target) string {
	if t.Project == "" && len(t.Except) > 0 {
		return Rest
	}
	return t.Project
}

// Leaves are the findings as a bill commits to them: one leaf a fingerprint,
// with the worst of its rules, and all its places in order.
func Leaves(findings []checks.Finding) []bill.Leaf {
	sorted := make([]*checks.Finding, len(findings)) // they are large to move
	for i := range findings {
		sorted[i] = &findings[i]
	}
	inOrder := func(a, b *checks.Finding) int { return checks.Compare(*a, *b) }
	if !slices.IsSortedFunc(sorted, inOrder) { // a run's are
		slices.SortStableFunc(sorted, inOrder)
	}
	at := make(map[string]int, len(sorted))
	out := make([]bill.Leaf, 0, len(sorted))
	for _, f := range sorted {
		i, ok := at[f.Fingerprint]
		if !ok {
			i = len(out)
			at[f.Fingerprint] = i
			out = append(out, bill.Leaf{Fingerprint: f.Fingerprint, Rule: f.Rule.ID, Class: f.Rule.Class, Severity: f.Rule.Severity.String()})
		}
		out[i].Count++
		out[i].Locations = append(out[i].Locations, bill.Place{Path: f.Location.Path, StartLine: f.Location.StartLine,
			StartColumn: f.Location.StartColumn, EndLine: f.Location.EndLine, EndColumn: f.Location.EndColumn, Commit: f.Location.Commit})
	}
	return out
}

// Bill is the bill of health of a run whose findings document is given.
func Bill(run checks.Run, document []byte, f Facts) (bill.Bill, error) {
	set, err := bill.NewSet(Leaves(run.Findings))
	if err != nil {
		return bill.Bill{}, err
	}
	b := bill.Bill{
		Repository: f.Repository, Branch: f.Branch, Project: Project(run.Target), Base: f.Base,
		Target:        bill.Target{Kind: run.Target.Kind, Commit: run.Target.Commit, Tree: run.Target.Tree, Dirty: run.Target.Dirty, Parents: f.Parents, Files: f.Files},
		Run:           bill.Run{ID: run.ID, Started: run.Started.UTC(), Ended: run.Ended.UTC(), Engine: run.Engine, Sandbox: run.Sandbox, Version: run.Version},
		IdentityKeyID: run.IdentityKeyID, Throwaway: run.IdentityKeyThrowaway,
		Findings: bill.Findings{Size: set.Size(), Root: set.Root(), Document: attest.Digest(document), BySeverity: bySeverity(run.Findings)},
		Waivers:  []bill.Waiver{}, Inline: f.Inline, Inputs: f.Inputs,
		Gate:     bill.Gate{FailOn: f.Gate.FailOn.String(), UnratedAs: f.Gate.UnratedAs.String()},
		Verdict:  bill.Verdict{Findings: string(run.Verdict.Findings), Complete: run.Verdict.Complete, Reasons: run.Verdict.Reasons},
		Previous: f.Previous,
	}
	for _, s := range run.Steps {
		b.Steps = append(b.Steps, step(s, run.Findings))
	}
	for _, w := range run.Waivers {
		b.Waivers = append(b.Waivers, bill.Waiver{ID: w.ID, State: string(w.State), Reason: w.Reason, Signed: w.Signed, Covers: w.Covers})
	}
	if f.Policy != nil {
		b.Policy = &bill.Policy{Digest: f.Policy.Digest(), Version: f.Policy.Version()}
	}
	if b.Inputs == nil {
		b.Inputs = []bill.Input{}
	}
	if b.Previous == nil {
		b.Previous = []bill.Previous{}
	}
	return b, nil
}

func step(s checks.Step, findings []checks.Finding) bill.Step {
	out := bill.Step{Check: s.Check, Version: s.Version, Status: string(s.Status), Reason: s.Reason,
		Tool: s.ToolDigest, Rules: s.RulesDigest, Report: s.ReportDigest, Cached: s.Cached, Live: s.Live, Read: s.Coverage.Read}
	if s.Tool != nil {
		out.Program = cmp.Or(s.Tool.Image, s.Tool.SHA256)
	}
	for _, n := range s.Coverage.Skipped {
		out.Skip += n
	}
	for _, d := range s.Data {
		out.Data = append(out.Data, bill.Data{Name: d.Name, Digest: d.Digest, AsOf: d.AsOf.UTC()})
	}
	for _, f := range findings {
		if f.Check == s.Check {
			out.Found++
		}
	}
	return out
}

func bySeverity(findings []checks.Finding) map[string]int {
	out := map[string]int{}
	for _, s := range checks.Severities() {
		out[s.String()] = 0 // a condition may ask for any of them
	}
	for _, f := range findings {
		out[f.Rule.Severity.String()]++
	}
	return out
}

// Agree says whether a findings document is the one that a bill commits to:
// its digest, the root over its findings, and every step's status.
func Agree(b bill.Bill, document []byte) (checks.Run, error) {
	digest := make(chan string, 1)
	go func() { digest <- attest.Digest(document) }()
	run, err := Read(document)
	// Nothing that was read is used before the digest is right.
	if got := <-digest; got != b.Findings.Document {
		return checks.Run{}, fmt.Errorf("the findings document has the SHA-256 %.16s, and the bill names %.16s", got, b.Findings.Document)
	}
	if err != nil {
		return run, err
	}
	set, err := bill.NewSet(Leaves(run.Findings))
	if err != nil {
		return run, err
	}
	if set.Size() != b.Findings.Size || set.Root() != b.Findings.Root {
		return run, fmt.Errorf("the findings in the document are not those that the bill commits to (%d with root %.16s, not %d with %.16s)",
			set.Size(), set.Root(), b.Findings.Size, b.Findings.Root)
	}
	if len(run.Steps) != len(b.Steps) || run.ID != b.Run.ID || run.Target.Commit != b.Target.Commit {
		return run, errors.New("the findings document is of another run than the bill")
	}
	for i, s := range run.Steps {
		if s.Check != b.Steps[i].Check || string(s.Status) != b.Steps[i].Status {
			return run, fmt.Errorf("the document says %s: %s, and the bill says %s: %s", s.Check, s.Status, b.Steps[i].Check, b.Steps[i].Status)
		}
	}
	return run, nil
}
