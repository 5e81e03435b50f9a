package judge

import (
	"fmt"
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/debt"
)

// AcceptedDebt is a debt with what is known of who stands behind it.
type AcceptedDebt struct {
	// ID is the digest of its file.
	ID   string
	Debt debt.Debt
	// Refused, when set, says why it does not count.
	Refused string
}

// Accept sets aside the findings that a debt accepts: as many of a fingerprint
// and rule in a file as there were when it was made, or where that file is
// gone, as many elsewhere. Whatever is more is new. paid are its entries, with
// their counts, that no finding needs any more.
func Accept(findings []checks.Finding, a AcceptedDebt, c WaiverContext) (out []checks.Finding, w checks.Waiver, paid []debt.Entry) {
	out = slices.Clone(findings)
	w = checks.Waiver{ID: a.ID, Rule: "*", Debt: true, Until: a.Debt.Until, By: a.Debt.Owner}
	switch {
	case a.Refused != "":
		w.State, w.Reason = checks.WaiverRefused, a.Refused
	case a.Debt.Check() != nil:
		w.State, w.Reason = checks.WaiverRefused, a.Debt.Check().Error()
	case !c.At.Before(a.Debt.Ends()):
		w.State, w.Reason = checks.WaiverExpired, "it ended on "+a.Debt.Until
	case c.At.Before(a.Debt.Begins()):
		w.State, w.Reason = checks.WaiverRefused, "it was made on "+a.Debt.Created+", which is later than what is judged"
	}
	if w.State != "" {
		return out, w, nil
	}
	key := c.keyTrouble(a.Debt.IdentityKeyID)
	// What a running application showed has a route, which no file tells of.
	gone := func(path string) bool {
		return c.There != nil && !(checks.Location{Path: path}).Live() && !c.There(path)
	}
	type named struct{ fingerprint, rule string }
	left, elsewhere, most := map[debt.Place]int{}, map[named]int{}, map[named]checks.Severity{}
	unconfirmed := 0
	for _, e := range a.Debt.Entries {
		if e.ValueBound && key != "" {
			unconfirmed += e.Count
			continue
		}
		n := named{e.Fingerprint, e.Rule}
		left[e.Place()] = e.Count
		if s, err := checks.ParseSeverity(e.Severity); err == nil {
			// The least of several, where a finding lies in several files.
			if was, ok := most[n]; !ok || s < was {
				most[n] = s
			}
		}
		if gone(e.Path) {
			elsewhere[n] += e.Count
		}
	}
	for _, samePath := range []bool{true, false} {
		for i := range out {
			f := &out[i]
			at := debt.Place{Fingerprint: f.Fingerprint, Rule: f.Rule.ID, Path: f.Location.Path}
			n := named{f.Fingerprint, f.Rule.ID}
			if _, ok := debt.Acceptable(*f); !ok || f.Waived != nil || f.Ignored != nil ||
				(Gate{UnratedAs: c.UnratedAs}).effective(f.Rule.Severity) > most[n] {
				continue
			}
			switch {
			case samePath && left[at] > 0:
				left[at]--
			case !samePath && elsewhere[n] > 0:
				elsewhere[n]--
			default:
				continue
			}
			f.Waived = &checks.Waived{ID: a.ID, By: a.Debt.Owner, Until: a.Debt.Until, Reason: a.Debt.Reason, Debt: true}
			w.Covers++
		}
	}
	for _, e := range a.Debt.Entries {
		n := named{e.Fingerprint, e.Rule}
		e.Count = left[e.Place()]
		if gone(e.Path) {
			e.Count = min(e.Count, elsewhere[n])
			elsewhere[n] -= e.Count
		}
		if e.Count > 0 {
			paid = append(paid, e)
		}
	}
	w.State = checks.WaiverApplied
	switch {
	case unconfirmed > 0:
		w.State, w.Reason = checks.WaiverUnconfirmed, fmt.Sprintf("%s: %s not counted", key, count(unconfirmed, "finding"))
	case w.Covers == 0:
		w.State, w.Reason = checks.WaiverUnused, "no finding needs it"
	}
	return out, w, paid
}
