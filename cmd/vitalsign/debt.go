package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/debt"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// debtOf is what a target accepted all at once: where a change is judged, what
// its base accepted, and of that what the head still does. What the head would
// add is recorded as a loosening.
func (s *scanner) debtOf(ctx context.Context, o *opened) (*judge.AcceptedDebt, error) {
	head, err := readFile(filepath.Join(o.tree.Root, filepath.FromSlash(debt.File)), debt.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing is accepted, whatever the base says
	}
	a := &judge.AcceptedDebt{ID: attest.Digest(head)}
	switch {
	case err != nil:
		a.Refused = debt.File + " cannot be read: " + err.Error()
		return a, nil
	case o.policy.refused != nil:
		a.Refused = o.policy.refused.Error()
	case o.policy.policy != nil:
		a.Refused = "a policy exists (" + o.policy.from + "), and debt is not signed: waive what is left"
	}
	now, err := debt.Read(head)
	if err != nil {
		a.Refused = debt.File + ": " + err.Error()
		return a, nil
	}
	a.Debt = now
	if o.trusted.base == "" {
		return a, nil
	}
	base, err := o.tree.Repo.Show(ctx, o.trusted.base, debt.File, debt.MaxSize)
	if errors.Is(err, git.ErrAbsent) {
		o.trusted.loosen("loosened-baseline", debt.File, 0, fmt.Sprintf("%d findings would be accepted as debt", now.Findings()))
		a.Refused = "it is not on the base branch yet"
		return a, nil
	}
	if err != nil {
		return nil, exitError{judge.ExitUnknown, fmt.Errorf("%s at %.12s: %w", debt.File, o.trusted.base, err)}
	}
	was, err := debt.Read(base)
	if err != nil {
		a.Refused = fmt.Sprintf("%s at %.12s: %v", debt.File, o.trusted.base, err)
		return a, nil
	}
	kept, grown := was.Less(now)
	a.Debt = kept
	for _, g := range grown {
		o.trusted.loosen("loosened-baseline", debt.File, 0, g)
	}
	return a, nil
}

// acceptDebt sets aside what is accepted, and says what of it is not needed.
func (s *scanner) acceptDebt(o opened, run *checks.Run, c judge.WaiverContext) {
	if o.debt == nil {
		return
	}
	var w checks.Waiver
	var paid []debt.Entry
	run.Findings, w, paid = judge.Accept(run.Findings, *o.debt, c)
	run.Waivers = append(run.Waivers, w)
	if w.State != checks.WaiverApplied && (w.State != checks.WaiverUnused || o.staged == nil && o.tree.Whole()) {
		run.Notes = append(run.Notes, fmt.Sprintf("accepted debt (%s): %s: %s", debt.File, w.State, w.Reason))
	}
	if n := (debt.Debt{Entries: paid}).Findings(); n > 0 && everyStepOK(run.Steps) && s.flags.whole(o) {
		run.Notes = append(run.Notes, fmt.Sprintf("accepted debt: %d of %d accepted findings are gone; vitalsign baseline prune takes them off", n, o.debt.Debt.Findings()))
	}
}

// everyStepOK says whether what was not found is not there.
func everyStepOK(steps []checks.Step) bool {
	for _, st := range steps {
		if st.Status != checks.OK && st.Status != checks.NotApplicable {
			return false
		}
	}
	return len(steps) > 0
}

// whole says whether a scan looks at all of a target that there is.
func (f scanFlags) whole(o opened) bool { return len(f.only) == 0 && !f.staged && o.tree.Whole() }

// isBaselineFile says whether --baseline names a file of findings, and not a
// commit or a branch.
func isBaselineFile(name string) bool { return strings.HasSuffix(name, ".json") && fileExists(name) }

// maxDocument bounds a document of findings that is read, in bytes.
const maxDocument = 1 << 30

// beforeFrom is what was there before, from a file: what scan -f json wrote, or
// baseline create. What was found under another identity key, where a value is
// part of the identity, cannot be compared: it is left out, and so is new.
func beforeFrom(name string, run checks.Run) (b judge.Before, err error) {
	raw, err := readFile(name, maxDocument)
	if err != nil {
		return b, err
	}
	var kind struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return b, fmt.Errorf("%s: %w", name, err)
	}
	switch kind.Schema {
	case debt.Schema:
		d, err := debt.Read(raw)
		if err != nil {
			return b, fmt.Errorf("%s: %w", name, err)
		}
		var found []checks.Finding
		for _, e := range d.Entries {
			f := checks.Finding{Fingerprint: e.Fingerprint, ValueBound: e.ValueBound, Location: checks.Location{Path: e.Path}}
			for range e.Count {
				found = append(found, f)
			}
		}
		return comparable(found, d.IdentityKeyID, run)
	case checks.DocumentSchema:
		var doc checks.Document
		if err := json.Unmarshal(raw, &doc); err != nil {
			return b, fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range doc.Runs {
			if len(doc.Runs) == 1 || r.Target.Path == run.Target.Path {
				return comparable(r.Findings, r.IdentityKeyID, run)
			}
		}
		return b, fmt.Errorf("%s says nothing about %s", name, run.Target.Path)
	}
	return b, fmt.Errorf("%s is neither what scan -f json writes nor what baseline create does (its schema is %.100q)", name, kind.Schema)
}

// comparable leaves out what cannot be compared with a run, and says so.
func comparable(found []checks.Finding, key string, run checks.Run) (b judge.Before, err error) {
	same := key == run.IdentityKeyID && !run.IdentityKeyThrowaway
	left := 0
	for _, f := range found {
		if f.ValueBound && !same {
			left++
			continue
		}
		b.Findings = append(b.Findings, f)
	}
	if left > 0 {
		err = fmt.Errorf("%d findings of the baseline are bound to values under the identity key %s, and this run has %s", left, cmp.Or(key, "none"), run.IdentityKeyID)
	}
	return b, err
}
