// Package bill is the bill of health: the predicate that says of a commit, a
// tree or files what every expected check saw of it. It lists what must be
// there, because a directory of statements cannot: one of them may be missing
// unseen. A bill that lacks something is no clean one; its zero value says
// that nothing was looked at.
//
// The predicate's type is attest.PredicateBill. Digests are SHA-256 in
// lower-case hex, times RFC 3339 in UTC, durations absent.
package bill

import (
	"errors"
	"fmt"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
)

// Bill is the predicate.
type Bill struct {
	// Repository is the remote's address as SPDX writes it, e.g.
	// "git+https://host/path" (SPDX 2.3, 7.7); "" where there is none.
	Repository string `json:"repository,omitempty"`
	Branch     string `json:"branch,omitempty"`
	// Project is a part of the repository with a gate of its own.
	Project string `json:"project,omitempty"`
	Target  Target `json:"target"`
	Run     Run    `json:"run"`
	// IdentityKeyID names the key under which fingerprints were made.
	IdentityKeyID string `json:"identity_key_id"`
	// Throwaway says that nobody keeps that key, so that value-bound
	// fingerprints cannot be compared with another run's.
	Throwaway bool     `json:"identity_key_throwaway,omitempty"`
	Steps     []Step   `json:"steps"`
	Findings  Findings `json:"findings"`
	// Waivers are all that were there, with what became of them.
	Waivers []Waiver `json:"waivers"`
	// Inline are the ignores in the code that counted.
	Inline []Inline `json:"inline_ignores,omitempty"`
	// Inputs are the files that decided what was looked at and what counted:
	// configuration, ignore files, waivers, policy.
	Inputs []Input `json:"inputs"`
	// Base is the commit whose inputs counted, where a change was judged.
	Base    string  `json:"base,omitempty"`
	Policy  *Policy `json:"policy,omitempty"`
	Gate    Gate    `json:"gate"`
	Verdict Verdict `json:"verdict"`
	// Previous are the bills of the parent commits that were found.
	Previous []Previous `json:"previous"`
}

// Target is what was looked at.
type Target struct {
	Kind   string `json:"kind"`
	Commit string `json:"commit,omitempty"`
	Tree   string `json:"tree,omitempty"`
	// Dirty says that the files were not the commit's; then the subject is
	// their dirHash, and neither commit nor tree.
	Dirty bool `json:"dirty,omitempty"`
	// Parents are the commit's parents.
	Parents []string `json:"parents,omitempty"`
	Files   int      `json:"files"`
}

// Run is who looked, when and how.
type Run struct {
	ID      string    `json:"id"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Engine  string    `json:"engine"`
	Sandbox string    `json:"sandbox"`
	Version string    `json:"version"`
}

// Step is one expected check.
type Step struct {
	Check   string `json:"check"`
	Version string `json:"version,omitempty"`
	// Status is one of ok, partial, failed, missing, stale, excluded,
	// not-applicable; anything else is none of them.
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	Tool   string `json:"tool_digest,omitempty"`
	// Program is the external tool or image that ran, where one did.
	Program string `json:"program_digest,omitempty"`
	Rules   string `json:"rules_digest,omitempty"`
	Report  string `json:"report_digest,omitempty"`
	Data    []Data `json:"data,omitempty"`
	Cached  bool   `json:"cached,omitempty"`
	// Live says that the check looks at a running application: it is
	// not-applicable where nobody named one, which no file can prove.
	Live  bool `json:"live,omitempty"`
	Read  int  `json:"files_read"`
	Skip  int  `json:"files_skipped"`
	Found int  `json:"findings"`
}

// Data is a set of advisories or rules that a step read.
type Data struct {
	Name   string    `json:"name"`
	Digest string    `json:"digest"`
	AsOf   time.Time `json:"as_of"`
}

// Findings commits to every finding (see Set) and names the document that
// holds them.
type Findings struct {
	// Size and Root are those of the RFC 6962 tree.
	Size int    `json:"size"`
	Root string `json:"root"`
	// Document is the SHA-256 of the findings document (see
	// internal/evidence), which lies beside the bill.
	Document string `json:"document_digest"`
	// BySeverity counts findings, not fingerprints.
	BySeverity map[string]int `json:"by_severity"`
}

// Waiver is a risk acceptance that the run had before it.
type Waiver struct {
	ID string `json:"id"`
	// State is applied, unused, expired, refused or unconfirmed.
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	Signed bool   `json:"signed"`
	// Covers counts the findings that it set aside.
	Covers int `json:"covers"`
}

// Inline is an ignore that is written beside the code.
type Inline struct {
	Rule   string `json:"rule"`
	Path   string `json:"path"`
	Line   int    `json:"line"`
	Until  string `json:"until"`
	Reason string `json:"reason"`
	// Author is the name in the commit that the line is from, "" when it is
	// not committed or git could not say.
	Author string `json:"author,omitempty"`
	Commit string `json:"commit,omitempty"`
}

// Input is a file that decided something.
type Input struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Policy is the policy that the run was judged by.
type Policy struct {
	Digest  string `json:"digest"`
	Version int    `json:"version"`
}

// Gate is the threshold that held.
type Gate struct {
	FailOn    string `json:"fail_on"`
	UnratedAs string `json:"unrated_as"`
}

// Verdict is what the run decided. Its zero value is not a pass.
type Verdict struct {
	Findings string   `json:"findings"` // pass, fail, unknown
	Complete bool     `json:"complete"`
	Reasons  []string `json:"reasons"`
}

// Previous is an earlier bill, by its statement's id (attest.Verified.ID).
type Previous struct {
	ID     string `json:"id"`
	Commit string `json:"commit,omitempty"`
}

// ErrNotABill says that a predicate of the right type lacks what every bill has.
var ErrNotABill = errors.New("not a bill of health")

// Of reads a bill out of a verified statement.
func Of(v attest.Verified) (Bill, error) {
	var b Bill
	if err := v.Decode(attest.PredicateBill, &b); err != nil {
		return Bill{}, fmt.Errorf("%w: %w", ErrNotABill, err)
	}
	switch {
	case len(b.Steps) == 0:
		return Bill{}, fmt.Errorf("%w: it lists no step", ErrNotABill)
	case b.Run.Ended.IsZero() || b.Run.Started.IsZero():
		return Bill{}, fmt.Errorf("%w: it has no time", ErrNotABill)
	case len(b.Findings.Root) != 64 || len(b.Findings.Document) != 64 || b.Findings.Size < 0:
		return Bill{}, fmt.Errorf("%w: it commits to no findings", ErrNotABill)
	}
	seen := map[string]bool{}
	for _, s := range b.Steps {
		if s.Check == "" || seen[s.Check] {
			return Bill{}, fmt.Errorf("%w: the step %q is there twice, or has no name", ErrNotABill, s.Check)
		}
		seen[s.Check] = true
	}
	return b, nil
}

// Subjects are what a bill is about: the commit and the tree, each by itself,
// so that a squashed commit with the same content still matches; or the files'
// dirHash where they are no commit's.
func (b Bill) Subjects(dirHash string) []attest.Subject {
	if b.Target.Commit == "" || b.Target.Dirty {
		return []attest.Subject{{Name: "files", Digest: map[string]string{attest.DirHash: dirHash}}}
	}
	return []attest.Subject{
		{Name: "commit", URI: b.Repository, Digest: map[string]string{attest.GitCommit: b.Target.Commit}},
		{Name: "tree", URI: b.Repository, Digest: map[string]string{attest.GitTree: b.Target.Tree}},
	}
}
