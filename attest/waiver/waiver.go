// Package waiver is risk acceptances: somebody accepts a finding, or a class
// of findings, until a day and for a reason, and others may have to approve.
// Both are in-toto statements of type attest.PredicateOurs; until a policy
// exists they may lie unsigned beside the code.
package waiver

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
)

// Kinds of our statements that are about waivers.
const (
	KindWaiver   = "waiver"
	KindApproval = "waiver-approval"
)

// Waiver is the predicate of a risk acceptance. Either Fingerprint or Path is
// set; Rule always is.
type Waiver struct {
	Kind string `json:"kind"`
	// Fingerprint binds to one finding's identity.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Rule is the rule's id.
	Rule string `json:"rule"`
	// Path covers a class: every finding of Rule in files that match
	// (doublestar pattern).
	Path string `json:"path,omitempty"`
	// Places are where the finding was, and how often: what is more is new.
	Places []Place `json:"places,omitempty"`
	// Severity is the worst that it covers, so that a rule which becomes worse
	// is not waived any more.
	Severity string `json:"severity"`
	// IdentityKeyID is the key under which a value-bound fingerprint was made.
	IdentityKeyID string `json:"identity_key_id,omitempty"`
	// Created and Until are dates; Until ends at 24:00 UTC.
	Created string `json:"created"`
	Until   string `json:"until"`
	Reason  string `json:"reason"`
	Ticket  string `json:"ticket,omitempty"`
	// Author is who says so; only a signature proves it.
	Author string `json:"author,omitempty"`
	// NotAffected says that the vulnerability does not concern the product,
	// with a justification of OpenVEX ("vulnerable_code_not_in_execute_path").
	NotAffected string `json:"not_affected,omitempty"`
}

// Place is a path and how many findings it had.
type Place struct {
	Path  string `json:"path"`
	Count int    `json:"count"`
}

// Approval is the predicate of an approval.
type Approval struct {
	Kind string `json:"kind"`
	// Of is the id of the waiver (the SHA-256 of its statement).
	Of       string `json:"of"`
	Approved string `json:"approved"` // date
	Approver string `json:"approver,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

// Bounds of what a waiver file may hold.
const (
	MaxSize   = 256 << 10
	maxText   = 2000
	maxPlaces = 2000
)

// ErrMalformed says that a waiver lacks what every waiver has.
var ErrMalformed = errors.New("malformed")

// Check refuses a waiver that is not owned, not dated or not bound.
func (w Waiver) Check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	switch {
	case w.Kind != KindWaiver:
		return fail("its kind is %q", w.Kind)
	case w.Rule == "" || w.Severity == "":
		return fail("it names no rule or no severity")
	case (w.Fingerprint == "") == (w.Path == ""):
		return fail("it needs a fingerprint, or a path with the rule")
	case w.Fingerprint != "" && (len(w.Fingerprint) != 64 || len(w.Places) == 0):
		return fail("it is bound to no finding")
	case strings.TrimSpace(w.Reason) == "" || len(w.Reason) > maxText || len(w.Ticket) > maxText || len(w.Places) > maxPlaces:
		return fail("it has no reason, or too much of something")
	}
	for _, p := range w.Places {
		if p.Count < 1 {
			return fail("it covers %d findings in %s", p.Count, p.Path)
		}
	}
	created, err := time.Parse(time.DateOnly, w.Created)
	if err != nil {
		return fail("created is no date")
	}
	until, err := time.Parse(time.DateOnly, w.Until)
	if err != nil || until.Before(created) {
		return fail("until is no date, or before it was created")
	}
	return nil
}

// Ends is the end of its last day.
func (w Waiver) Ends() time.Time { return endOf(w.Until) }

// Days is for how many days it was made.
func (w Waiver) Days() int {
	return int(endOf(w.Until).Sub(endOf(w.Created)) / (24 * time.Hour))
}

// Begins is the start of the day on which it was created.
func (w Waiver) Begins() time.Time { return endOf(w.Created).AddDate(0, 0, -1) }

func endOf(date string) time.Time {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return time.Time{} // long over
	}
	return t.AddDate(0, 0, 1)
}

// Statement makes a waiver into what is signed, or stored as it is.
func (w Waiver) Statement() (attest.Statement, error) {
	if err := w.Check(); err != nil {
		return attest.Statement{}, err
	}
	digest := w.Fingerprint
	if digest == "" {
		digest = attest.Digest([]byte("rule " + w.Rule + "\npath " + w.Path + "\n"))
	}
	return attest.NewStatement(attest.PredicateOurs, w, attest.Subject{Name: "finding " + w.Rule, Digest: map[string]string{attest.SHA256: digest}})
}

// Approve makes an approval into what is signed.
func (a Approval) Statement() (attest.Statement, error) {
	if len(a.Of) != 64 || a.Kind != KindApproval {
		return attest.Statement{}, fmt.Errorf("%w: an approval of nothing", ErrMalformed)
	}
	return attest.NewStatement(attest.PredicateOurs, a, attest.Subject{Name: "waiver", Digest: map[string]string{attest.SHA256: a.Of}})
}

// Read reads a waiver out of a statement of which nobody has verified
// anything: for listing, and for projects that have no policy yet.
func Read(statement []byte) (Waiver, string, error) {
	var w Waiver
	if len(statement) > MaxSize {
		return w, "", fmt.Errorf("%w: larger than %d bytes", ErrMalformed, MaxSize)
	}
	var s attest.Statement
	if err := json.Unmarshal(statement, &s); err != nil {
		return w, "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if s.Type != attest.StatementType || s.PredicateType != attest.PredicateOurs {
		return w, "", fmt.Errorf("%w: no statement of ours", ErrMalformed)
	}
	return of(s, statement)
}

func of(s attest.Statement, payload []byte) (w Waiver, id string, err error) {
	if err := json.Unmarshal(s.Predicate, &w); err != nil {
		return w, "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return w, attest.Digest(payload), w.Check()
}

// Of reads a waiver out of a verified statement.
func Of(v attest.Verified) (Waiver, error) {
	var w Waiver
	if err := v.Decode(attest.PredicateOurs, &w); err != nil {
		return w, err
	}
	return w, w.Check()
}

// ApprovalOf reads an approval out of a verified statement, which must be
// about the waiver that it names.
func ApprovalOf(v attest.Verified) (Approval, error) {
	var a Approval
	if err := v.Decode(attest.PredicateOurs, &a); err != nil {
		return a, err
	}
	if a.Kind != KindApproval || !v.About(attest.SHA256, a.Of) {
		return a, fmt.Errorf("%w: no approval", ErrMalformed)
	}
	return a, nil
}

// KindOf says what kind of our statements a verified one is.
func KindOf(v attest.Verified) string {
	var k struct {
		Kind string `json:"kind"`
	}
	if err := v.Decode(attest.PredicateOurs, &k); err != nil {
		return ""
	}
	return k.Kind
}

// ShortID is the part of an id that people type and that names the file.
func ShortID(id string) string { return id[:min(12, len(id))] }
