package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/vitalsign-dev/vitalsign/attest/waiver"
	"github.com/vitalsign-dev/vitalsign/checks"
)

// Acceptance is a waiver with what is known of who stands behind it.
type Acceptance struct {
	ID     string
	Waiver waiver.Waiver
	// By names them, for people; Signed says that a policy believes them.
	By     string
	Signed bool
	// Refused, when set, says why the waiver does not count.
	Refused string
}

// WaiverContext is what waivers are held against.
type WaiverContext struct {
	At            time.Time
	IdentityKeyID string
	Throwaway     bool
	// There says whether the target has a file; a waiver's place that is gone
	// may have been renamed. Nil means that nobody knows: then nothing is.
	There     func(path string) bool
	UnratedAs checks.Severity
}

// Waive sets Waived on the findings that an acceptance covers, and says what
// became of each acceptance. A waiver covers as many findings of its
// fingerprint and rule in a file as there were when it was made; where the
// file is gone, as many elsewhere. Whatever is more is new.
func Waive(findings []checks.Finding, acceptances []Acceptance, c WaiverContext) ([]checks.Finding, []checks.Waiver) {
	out := slices.Clone(findings)
	for i := range out {
		out[i].Waived = nil
	}
	states := []checks.Waiver{}
	for _, a := range acceptances {
		states = append(states, c.apply(out, a))
	}
	return out, states
}

func (c WaiverContext) apply(findings []checks.Finding, a Acceptance) checks.Waiver {
	w := checks.Waiver{ID: a.ID, Rule: a.Waiver.Rule, Until: a.Waiver.Until, By: a.By, Signed: a.Signed}
	w.State, w.Reason = c.refuse(a)
	if w.State != "" {
		return w
	}
	var refused string
	w.Gone = c.gone(a)
	w.Covers, refused = c.cover(findings, a, w.Gone)
	w.State = checks.WaiverApplied
	if w.Covers == 0 {
		w.State, w.Reason = checks.WaiverUnused, "no finding needs it"
		if refused != "" {
			w.State, w.Reason = checks.WaiverRefused, refused
		}
	}
	return w
}

// refuse says why an acceptance cannot count, whatever it covers.
func (c WaiverContext) refuse(a Acceptance) (checks.WaiverState, string) {
	err := a.Waiver.Check()
	switch {
	case err != nil:
		return checks.WaiverRefused, err.Error()
	case a.Refused != "":
		return checks.WaiverRefused, a.Refused
	case !c.At.Before(a.Waiver.Ends()):
		return checks.WaiverExpired, "it ended on " + a.Waiver.Until
	case c.At.Before(a.Waiver.Begins()):
		return checks.WaiverRefused, "it was made on " + a.Waiver.Created + ", which is later than what is judged"
	}
	if why := c.keyTrouble(a.Waiver.IdentityKeyID); why != "" {
		return checks.WaiverUnconfirmed, why
	}
	return "", ""
}

// keyTrouble says why what was made under an identity key cannot be compared
// with what was found; "" where it can, or where no key was needed.
func (c WaiverContext) keyTrouble(key string) string {
	switch {
	case key == "":
		return ""
	case c.Throwaway || c.IdentityKeyID == "":
		return "identity key missing: the finding's value cannot be compared"
	case key != c.IdentityKeyID:
		return "it was made under the identity key " + key + ", not " + c.IdentityKeyID
	}
	return ""
}

// gone are a waiver's places that the target does not have.
func (c WaiverContext) gone(a Acceptance) []string {
	var out []string
	for _, p := range a.Waiver.Places {
		if c.There != nil && !c.There(p.Path) && !slices.Contains(out, p.Path) {
			out = append(out, p.Path)
		}
	}
	return out
}

// cover sets aside what a waiver covers and counts it; refused says why
// something that it names was not.
func (c WaiverContext) cover(findings []checks.Finding, a Acceptance, gone []string) (n int, refused string) {
	left := map[string]int{}
	elsewhere := 0
	for _, p := range a.Waiver.Places {
		left[p.Path] += p.Count
		if slices.Contains(gone, p.Path) {
			elsewhere += p.Count
		}
	}
	for _, samePath := range []bool{true, false} {
		for i := range findings {
			f := &findings[i]
			if f.Waived != nil || !matches(a.Waiver, *f) {
				continue
			}
			if why := c.tooMuch(a.Waiver, *f); why != "" {
				refused = why
				continue
			}
			switch {
			case a.Waiver.Fingerprint == "": // a class
			case samePath && left[f.Location.Path] > 0:
				left[f.Location.Path]--
			case !samePath && elsewhere > 0:
				elsewhere--
			default:
				continue
			}
			f.Waived = &checks.Waived{ID: a.ID, By: a.By, Until: a.Waiver.Until, Signed: a.Signed, Reason: a.Waiver.Reason}
			n++
		}
	}
	return n, refused
}

// matches says whether a waiver names a finding.
func matches(w waiver.Waiver, f checks.Finding) bool {
	if w.Rule != f.Rule.ID {
		return false
	}
	if w.Fingerprint != "" {
		return w.Fingerprint == f.Fingerprint
	}
	ok, err := doublestar.Match(w.Path, f.Location.Path)
	return ok && err == nil
}

// tooMuch says what a finding is beyond the waiver.
func (c WaiverContext) tooMuch(w waiver.Waiver, f checks.Finding) string {
	most, err := checks.ParseSeverity(w.Severity)
	if err != nil {
		return err.Error()
	}
	if s := (Gate{UnratedAs: c.UnratedAs}).effective(f.Rule.Severity); s > most {
		return fmt.Sprintf("the finding counts as %s now, and the waiver covers %s at most", s, most)
	}
	if f.ValueBound && w.Fingerprint != "" && w.IdentityKeyID == "" {
		return "the finding is bound to a value, and the waiver names no identity key"
	}
	return ""
}
