package chain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/attest/waiver"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/evidence"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// judge decides over the findings again, under the verifier's own policy.
func (w *walk) judge(b billed) {
	run, err := w.document(b)
	if err != nil {
		w.withoutFindings(b, err)
		return
	}
	w.ok(LinkFindings, "%s, root %.16s: the document is the one that the bill commits to", count(len(run.Findings), "finding"), b.bill.Findings.Root)
	w.r.Inputs["findings document"] = b.bill.Findings.Document
	gate, err := GateOf(w.q.Policy.Gate())
	if err != nil {
		w.broken(LinkGate, "%v", err)
		return
	}
	w.ignores(&run, gate)
	gone := map[string]bool{} // as the run saw its files
	for _, o := range run.Waivers {
		for _, p := range o.Gone {
			gone[p] = true
		}
	}
	run.Findings, run.Waivers = judge.Waive(run.Findings, w.acceptances(), judge.WaiverContext{
		At: w.q.At, IdentityKeyID: run.IdentityKeyID, Throwaway: run.IdentityKeyThrowaway, UnratedAs: gate.UnratedAs,
		There: func(path string) bool { return !gone[path] },
	})
	w.waivers(run)
	w.r.Findings, w.r.Waivers = run.Findings, run.Waivers
	w.gate(judge.Judge(run, gate, false), gate)
}

// document reads the findings document and holds it to the bill.
func (w *walk) document(b billed) (checks.Run, error) {
	if w.q.Document == nil {
		return checks.Run{}, errAbsent
	}
	raw, err := w.q.Document(b.bill.Findings.Document)
	if err != nil {
		return checks.Run{}, err
	}
	return evidence.Agree(b.bill, raw)
}

// withoutFindings believes the signer's own verdict, where the policy lets
// that role give it and it was made under exactly this policy. A document that
// is there and is another one is never passed over.
func (w *walk) withoutFindings(b billed, err error) {
	if !errors.Is(err, errAbsent) && !errors.Is(err, ErrNoDocument) {
		w.broken(LinkFindings, "%v", err)
		return
	}
	who, no := w.q.Policy.Verdict(b.Verified)
	switch {
	case no != nil:
		w.broken(LinkFindings, "the findings document %.16s is not here: %v", b.bill.Findings.Document, no)
		return
	case b.bill.Policy == nil || b.bill.Policy.Digest != w.q.Policy.Digest():
		w.broken(LinkFindings, "the findings document %.16s is not here, and the bill's verdict was not made under this policy", b.bill.Findings.Document)
		return
	}
	w.add(Link{Name: LinkFindings, State: OK, Detail: "not here; the policy believes this role's verdict under exactly this policy", By: &who, Statement: b.ID()})
	switch v := b.bill.Verdict; {
	case !v.Complete:
		w.add(Link{Name: LinkGate, State: Unknown, Detail: "the bill says: " + strings.Join(v.Reasons, "; ")})
	case v.Findings == string(checks.Pass):
		w.ok(LinkGate, "the bill says: pass")
	case v.Findings == string(checks.Fail):
		w.add(Link{Name: LinkGate, State: Failed, Detail: "the bill says: " + strings.Join(v.Reasons, "; ")})
	default:
		w.add(Link{Name: LinkGate, State: Unknown, Detail: "the bill gives no verdict"})
	}
}

// ErrNoDocument says that a findings document is not at hand.
var ErrNoDocument = errors.New("no findings document")

// GateOf is a policy's threshold.
func GateOf(g policy.Gate) (judge.Gate, error) {
	out := judge.Gate{UnratedAs: checks.High}
	var err error
	if out.FailOn, err = checks.ParseSeverity(g.FailOn); err != nil {
		return judge.Gate{}, err
	}
	if g.UnratedAs != "" {
		out.UnratedAs, err = checks.ParseSeverity(g.UnratedAs)
	}
	return out, err
}

// gate turns the judge's verdict into the last link.
func (w *walk) gate(v checks.Verdict, gate judge.Gate) {
	reasons := strings.Join(v.Reasons, "; ")
	switch {
	case v.Exit == judge.ExitPass:
		if reasons != "" {
			reasons = " (" + reasons + ")"
		}
		w.ok(LinkGate, "no finding at or above %s blocks%s", gate.FailOn, reasons)
	case v.Exit == judge.ExitFail:
		w.add(Link{Name: LinkGate, State: Failed, Detail: reasons})
	default:
		w.r.Verdict.Findings = v.Findings
		w.add(Link{Name: LinkGate, State: Unknown, Detail: reasons})
	}
}

// ignores lets the ignores in the code count within the policy's bounds, as
// they are at the time that is judged.
func (w *walk) ignores(run *checks.Run, gate judge.Gate) {
	bounds := w.q.Policy.Inline()
	most, err := checks.ParseSeverity(bounds.MaxSeverity)
	honoured := 0
	var not []string
	for i := range run.Findings {
		f := &run.Findings[i]
		if f.Ignored == nil {
			continue
		}
		why := ""
		until, dateErr := time.Parse(time.DateOnly, f.Ignored.Until)
		ends := until.AddDate(0, 0, 1)
		severity := f.Rule.Severity
		if severity == checks.Unrated {
			severity = gate.UnratedAs
		}
		switch {
		case bounds.MaxDays == 0 || err != nil:
			why = "the policy honours none"
		case dateErr != nil || !w.q.At.Before(ends):
			why = "it ended on " + f.Ignored.Until
		case severity > most:
			why = fmt.Sprintf("it is %s, and the policy allows %s at most", severity, most)
		case ends.Sub(run.Ended) > time.Duration(bounds.MaxDays+1)*24*time.Hour:
			why = fmt.Sprintf("it reaches more than %d days", bounds.MaxDays)
		}
		if why != "" {
			not = append(not, fmt.Sprintf("%s:%d: %s", f.Location.Path, f.Location.StartLine, why))
			f.Ignored = nil
			continue
		}
		honoured++
	}
	if honoured+len(not) == 0 {
		return
	}
	detail := fmt.Sprintf("%s in the code counts", count(honoured, "ignore"))
	if len(not) > 0 {
		detail += fmt.Sprintf("; %d do not: %s", len(not), few(not))
	}
	w.add(Link{Name: LinkIgnores, State: Info, Detail: detail})
}

func few(list []string) string {
	const shown = 3
	if len(list) > shown {
		return strings.Join(list[:shown], "; ") + fmt.Sprintf("; and %d more", len(list)-shown)
	}
	return strings.Join(list, "; ")
}

// acceptances are the waivers among the verified statements, each with why it
// does or does not count.
func (w *walk) acceptances() []judge.Acceptance {
	var signed []waiver.Signed
	var approvals []attest.Verified
	for _, s := range w.verified {
		switch waiver.KindOf(s.Verified) {
		case waiver.KindApproval:
			approvals = append(approvals, s.Verified)
		case waiver.KindWaiver:
			wv, err := waiver.Of(s.Verified)
			if err == nil && !slices.ContainsFunc(signed, func(o waiver.Signed) bool { return o.By.ID() == s.ID() }) {
				signed = append(signed, waiver.Signed{Waiver: wv, By: s.Verified})
			}
		}
	}
	return Acceptances(signed, approvals, w.q.Policy, w.q.At)
}

// Acceptances judges signed waivers by a policy.
func Acceptances(signed []waiver.Signed, approvals []attest.Verified, p *policy.Policy, at time.Time) []judge.Acceptance {
	var out []judge.Acceptance
	for _, s := range signed {
		s.Approval = approvals
		a := judge.Acceptance{ID: s.By.ID(), Waiver: s.Waiver, Signed: true}
		by, err := s.Allowed(p, at)
		a.By = by
		if err != nil {
			a.Refused = err.Error()
		}
		out = append(out, a)
	}
	return out
}

// waivers shows what became of each.
func (w *walk) waivers(run checks.Run) {
	for _, v := range run.Waivers {
		w.r.Inputs["statement "+v.ID] = "waiver"
		detail := fmt.Sprintf("%s of %s until %s: %s", waiver.ShortID(v.ID), v.Rule, v.Until, v.State)
		if v.State == checks.WaiverApplied {
			detail += fmt.Sprintf(" to %s, by %s", count(v.Covers, "finding"), v.By)
		} else {
			detail += ": " + v.Reason
		}
		w.add(Link{Name: LinkWaivers, State: Info, Detail: detail, Statement: v.ID})
	}
}
