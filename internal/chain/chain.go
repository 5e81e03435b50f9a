// Package chain answers a release manager's question: may this ship, who says
// so, and what would an auditor see? It walks from an artifact to the statement
// that says what it was built from, to the bill of health of that commit or
// tree, to the findings and the waivers, and judges them by the verifier's own
// policy. It is pure: bytes, a policy and a time go in, and every link comes
// out with what was checked and by whom it was said. It opens nothing.
//
// Denial comes from absence, age or policy, never from a statement that is
// there and could be taken away. The one exception is stated where it is made:
// of several bills of one commit the newest counts.
package chain

import (
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/checks"
)

// Subject is what is asked about.
type Subject struct {
	// Kind is file, directory, image, digest or commit.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Digests are by algorithm as attest names them.
	Digests map[string]string `json:"digests"`
}

// Bundle is untrusted bytes with the name they were found under.
type Bundle struct {
	Name string
	Raw  []byte
	// Payload is set for a signature of an image: the simple signing document
	// that it is over.
	Payload []byte
}

// Question is everything that an answer depends on.
type Question struct {
	Subject Subject
	Policy  *policy.Policy
	Bundles []Bundle
	// Document gives a findings document by its SHA-256 in hex.
	Document func(digest string) ([]byte, error)
	// Project names the part of the repository whose bill counts.
	Project string
	// At is the time that is judged. Released says that it is a time in the
	// past at which everything must be proven to have existed.
	At       time.Time
	Released bool
}

// State is how a link is.
type State string

// The states. The zero value is none of them, and not OK.
const (
	OK      State = "ok"
	Broken  State = "broken"  // not verified: exit 4
	Unknown State = "unknown" // verified, and says that nobody can tell: exit 3
	Failed  State = "failed"  // verified, and the gate failed: exit 1
	Info    State = "info"    // shown, decides nothing
)

// The links, in the order of the walk.
const (
	LinkPolicy     = "policy"
	LinkArtifact   = "artifact"
	LinkProvenance = "provenance"
	LinkSource     = "source"
	LinkBill       = "bill of health"
	LinkTime       = "timestamp"
	LinkFreshness  = "freshness"
	LinkComplete   = "completeness"
	LinkFindings   = "findings"
	LinkWaivers    = "waivers"
	LinkIgnores    = "ignores"
	LinkPrevious   = "previous bills"
	LinkConditions = "conditions"
	LinkGate       = "gate"
)

// Link is one thing that was checked.
type Link struct {
	Name  string `json:"link"`
	State State  `json:"state"`
	// Detail says what was checked, or what is wrong and with what.
	Detail string `json:"detail"`
	// By is whoever said so, in the role that lets them.
	By *policy.Speaker `json:"by,omitempty"`
	// Statement is the id of the statement, File where it was found.
	Statement string `json:"statement,omitempty"`
	File      string `json:"file,omitempty"`
	// Proven are the times at which it is proven to have existed.
	Proven []attest.Proof `json:"proven,omitempty"`
}

// Result is the answer. Its zero value is not verified.
type Result struct {
	Subject Subject   `json:"subject"`
	At      time.Time `json:"at"`
	// Policy is the digest of the policy that was used.
	Policy  string         `json:"policy_digest"`
	Links   []Link         `json:"links"`
	Verdict checks.Verdict `json:"verdict"`
	// Commit is what the chain led to.
	Commit string `json:"commit,omitempty"`
	// Findings are those that decided, with waivers and ignores applied. The
	// findings document holds them for machines.
	Findings []checks.Finding `json:"-"`
	Waivers  []checks.Waiver  `json:"waivers,omitempty"`
	// Inputs are the exact bytes that were used: file or statement to SHA-256.
	Inputs map[string]string `json:"inputs"`
}

// worst gives the state that decides over all links.
func (r *Result) worst() State {
	for _, s := range []State{Broken, Unknown, Failed} {
		for _, l := range r.Links {
			if l.State == s || s == Broken && l.State != OK && l.State != Unknown && l.State != Failed && l.State != Info {
				return s
			}
		}
	}
	return OK
}
