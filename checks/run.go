package checks

import (
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// Target is what a run looked at.
type Target struct {
	Kind    string `json:"kind"` // "tree"
	Path    string `json:"path"`
	Commit  string `json:"commit,omitempty"`
	Tree    string `json:"tree,omitempty"`
	Dirty   bool   `json:"dirty,omitempty"`
	Remote  string `json:"remote,omitempty"`
	Project string `json:"project,omitempty"`
	// Owner answers for the project.
	Owner string `json:"owner,omitempty"`
	// Except are the projects' directories that were left out, since each is a
	// target of its own.
	Except  []string `json:"except,omitempty"`
	Shallow bool     `json:"shallow,omitempty"`
	// Branch is the one that was checked out, empty when there was none.
	Branch string `json:"branch,omitempty"`
}

// Data is a set of advisories or rules that a step read.
type Data struct {
	Name   string    `json:"name"`
	Digest string    `json:"digest"`
	AsOf   time.Time `json:"as_of"`
}

// Step is one check's part of a run.
type Step struct {
	Check   string `json:"check"`
	Version string `json:"version,omitempty"`
	Status  Status `json:"status"`
	Reason  string `json:"reason,omitempty"`
	// Advice says what to do about a step that is not complete.
	Advice      string   `json:"advice,omitempty"`
	DurationMS  int64    `json:"duration_ms"`
	CPUMS       int64    `json:"cpu_ms,omitempty"`
	PeakBytes   int64    `json:"peak_bytes,omitempty"`
	Cached      bool     `json:"cached"`
	Coverage    Coverage `json:"coverage"`
	ToolDigest  string   `json:"tool_digest,omitempty"`
	RulesDigest string   `json:"rules_digest,omitempty"`
	// ReportDigest is the SHA-256 of the bytes the child wrote before done.
	ReportDigest string          `json:"report_digest,omitempty"`
	Data         []Data          `json:"data,omitempty"`
	Sandbox      *sandbox.Report `json:"sandbox,omitempty"`
	// Tool is the program of an external tool that ran.
	Tool *ToolRun `json:"tool,omitempty"`
	// Live says that it looked at a running application.
	Live bool `json:"live,omitempty"`
	// Where names the engine that ran the step, where a run has several.
	Where string `json:"where,omitempty"`
}

// Unit is what a step counts: files, or operations of a running application.
func (s Step) Unit() string {
	if s.Live {
		return "operations"
	}
	return "files"
}

// Run is what happened: one target, one plan.
type Run struct {
	ID            string    `json:"id"`
	Target        Target    `json:"target"`
	Started       time.Time `json:"started"`
	Ended         time.Time `json:"ended"`
	Engine        string    `json:"engine"`
	Sandbox       string    `json:"sandbox"`
	Version       string    `json:"version"`
	IdentityKeyID string    `json:"identity_key_id"`
	// IdentityKeyThrowaway says that the key served this run only, so that
	// value-bound identities cannot be compared with other runs.
	IdentityKeyThrowaway bool      `json:"identity_key_throwaway,omitempty"`
	Steps                []Step    `json:"steps"`
	Findings             []Finding `json:"findings"`
	// Components are the packages that the target names. They are all of them
	// only if the step that lists them is complete.
	Components []Component `json:"components,omitempty"`
	// Baseline is what the findings were compared with, nil when with nothing.
	Baseline *Baseline `json:"baseline,omitempty"`
	// Unread says what no check of the plan can read.
	Unread []Unread `json:"unread,omitempty"`
	// Waivers are all that were there, and what became of each.
	Waivers []Waiver `json:"waivers"`
	// Notes says what was asked for and did not count, and why: ignores that
	// are unused, expired or not allowed, settings that lost.
	Notes   []string `json:"notes,omitempty"`
	Verdict Verdict  `json:"verdict"`
}

// Baseline is the commit that a change starts from, seen by the same checks, or
// a file of findings.
type Baseline struct {
	Commit string `json:"commit,omitempty"`
	File   string `json:"file,omitempty"`
	// Why it is this one: a flag, a CI system's event, the default branch.
	Why string `json:"why"`
	// Unknown says why nobody could tell what was there before, or in which
	// checks: what they found is new.
	Unknown string `json:"unknown,omitempty"`
}

// Outcome is one half of a verdict. Its zero value is unknown, which blocks.
type Outcome string

// The outcomes.
const (
	Unknown Outcome = "unknown"
	Pass    Outcome = "pass"
	Fail    Outcome = "fail"
)

// Verdict is the decision over a run. Its zero value passes nothing: Findings
// is not Pass, Complete is false and Exit must be computed (see internal/judge).
type Verdict struct {
	Findings Outcome  `json:"findings"`
	Complete bool     `json:"complete"`
	Verified bool     `json:"verified"`
	Exit     int      `json:"exit"`
	Reasons  []string `json:"reasons"`
}
