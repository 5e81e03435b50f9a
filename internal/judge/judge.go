// Package judge decides over a run. It is pure: a run and a policy go in, a
// verdict comes out, and the same input gives the same answer on every
// machine and at every time.
package judge

import (
	"fmt"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Gate is the threshold that a run is held against. Its zero value fails on
// everything, since every severity is at or above Unrated.
type Gate struct {
	// FailOn is the lowest severity that fails.
	FailOn checks.Severity
	// UnratedAs is what a finding without a severity counts as; the zero
	// value counts as High.
	UnratedAs checks.Severity
	// NewOnly lets pass what is known to have been there before. What nobody
	// compared is not.
	NewOnly bool
}

// effective is the severity a finding is judged by.
func (g Gate) effective(s checks.Severity) checks.Severity {
	if s != checks.Unrated {
		return s
	}
	if g.UnratedAs == checks.Unrated {
		return checks.High
	}
	return g.UnratedAs
}

// Blocks says whether a finding fails the gate. Generated and vendored code is
// reported and does not block; a credential does wherever it lies.
func (g Gate) Blocks(f checks.Finding) bool {
	switch {
	case f.Ignored != nil, f.Waived != nil:
		return false
	case g.effective(f.Rule.Severity) < g.FailOn:
		return false
	case g.NewOnly && f.New != nil && !*f.New:
		return false
	case f.Rule.Class == checks.ClassCredential:
		return true
	}
	return f.Role != "generated" && f.Role != "vendored"
}

func (g Gate) noun() string {
	if g.NewOnly {
		return "new finding"
	}
	return "finding"
}

// Judge gives the verdict of a scan. Interrupted says that the run was cut
// short by the user.
func Judge(run checks.Run, gate Gate, interrupted bool) checks.Verdict {
	v := checks.Verdict{Findings: checks.Unknown, Exit: ExitUnknown, Reasons: []string{}}
	blocking, before := 0, 0
	all := gate
	all.NewOnly = false
	for _, f := range run.Findings {
		switch {
		case gate.Blocks(f):
			blocking++
		case all.Blocks(f):
			before++
		}
	}
	v.Complete = complete(run.Steps)
	switch {
	case blocking > 0:
		v.Findings = checks.Fail
		v.Reasons = append(v.Reasons, fmt.Sprintf("%s at or above %s", count(blocking, gate.noun()), gate.FailOn))
	case len(run.Steps) > 0:
		v.Findings = checks.Pass
	}
	if before > 0 {
		v.Reasons = append(v.Reasons, "not counted: "+count(before, "finding")+" that the baseline has")
	}
	for _, w := range run.Waivers {
		if w.Debt && w.Covers > 0 {
			v.Reasons = append(v.Reasons, fmt.Sprintf("not counted: %s accepted as debt until %s by %s", count(w.Covers, "finding"), w.Until, w.By))
		}
	}
	v.Reasons = append(v.Reasons, stepReasons(run.Steps)...)
	switch {
	case interrupted:
		v.Complete, v.Exit = false, ExitInterrupted
		v.Reasons = append(v.Reasons, "interrupted")
	case !v.Complete:
		v.Exit = ExitUnknown
	case v.Findings == checks.Fail:
		v.Exit = ExitFail
	case v.Findings == checks.Pass:
		v.Exit = ExitPass
	}
	return v
}

// complete says whether every step is. A run in which nothing was asked, or
// everything was left out, has seen nothing.
func complete(steps []checks.Step) bool {
	asked := false
	for _, s := range steps {
		if !s.Status.Complete() {
			return false
		}
		asked = asked || s.Status != checks.Excluded
	}
	return asked
}

// stepReasons names every step that is not complete, and what was not asked.
func stepReasons(steps []checks.Step) []string {
	var reasons, notAsked []string
	for _, s := range steps {
		switch {
		case s.Status == checks.Excluded:
			notAsked = append(notAsked, s.Check)
		case !s.Status.Complete():
			status := string(s.Status)
			if status == "" {
				status = "no status"
			}
			why := strings.TrimSuffix(fmt.Sprintf("%s: %s: %s", s.Check, status, s.Reason), ": ")
			if s.Status == checks.Missing && s.Advice != "" {
				why += "; " + s.Advice // the last line names the one command
			}
			reasons = append(reasons, why)
		}
	}
	if len(steps) == 0 {
		reasons = append(reasons, "no check was asked")
	} else if len(notAsked) == len(steps) {
		reasons = append(reasons, "every check was left out")
	}
	if len(notAsked) > 0 {
		reasons = append(reasons, "not asked: "+strings.Join(notAsked, ", "))
	}
	return reasons
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
