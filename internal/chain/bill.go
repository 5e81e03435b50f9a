package chain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/bill"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/checks"
)

// billed is a bill whose signer may sign one.
type billed struct {
	said
	bill bill.Bill
	who  policy.Speaker
}

// whole is what a bill is called that is of no part.
const whole = "all of it, without --project"

// bill finds the bill of a source. Of several the newest counts: it knows the
// most advisories. What could be gained by taking it away is bounded by the
// policy's maximum age.
func (w *walk) bill(s source) (billed, bool) {
	all, not := w.bills(s.about)
	var others []string
	all = slices.DeleteFunc(all, func(b billed) bool {
		if b.bill.Project != w.q.Project && !slices.Contains(others, cmp.Or(b.bill.Project, whole)) {
			others = append(others, cmp.Or(b.bill.Project, whole))
		}
		return b.bill.Project != w.q.Project
	})
	if len(all) == 0 {
		why := ""
		if len(others) > 0 {
			slices.Sort(others)
			why = "; there are bills of other parts of the repository: " + strings.Join(others, ", ") + " (--project names one)"
		}
		if why == "" || len(not) > 0 {
			why = w.missing(not) + why
		}
		w.broken(LinkBill, "no bill of health for %s%s", s, why)
		return billed{}, false
	}
	b := slices.MaxFunc(all, func(a, b billed) int {
		if c := a.bill.Run.Ended.Compare(b.bill.Run.Ended); c != 0 {
			return c
		}
		return strings.Compare(a.ID(), b.ID())
	})
	w.by(LinkBill, OK, b.said, b.who, fmt.Sprintf("of run %s, %s, for %s", b.bill.Run.ID, stamp(b.bill.Run.Ended), s))
	w.fact("bill", b.Verified)
	return b, true
}

// bills are the bills about something, by whoever may sign one.
func (w *walk) bills(about func(attest.Verified) bool) (all []billed, not []string) {
	allowed, who, not := w.speakers([]string{attest.PredicateBill}, about)
	for i, s := range allowed {
		b, err := bill.Of(s.Verified)
		if err != nil {
			not = append(not, s.file+": "+err.Error())
			continue
		}
		all = append(all, billed{s, b, who[i]})
	}
	return all, not
}

// time is when the bill is proven to have existed.
func (w *walk) time(b billed) {
	proofs := b.Proofs()
	switch {
	case len(proofs) > 0 && proofs[0].Time.Before(b.bill.Run.Ended.Add(-skew)):
		w.broken(LinkTime, "the bill is proven to exist since %s, before the run that it describes had ended (%s)", stamp(proofs[0].Time), stamp(b.bill.Run.Ended))
	case len(proofs) > 0:
		w.add(Link{Name: LinkTime, State: OK, Detail: "proven by a " + proofs[0].By + ": " + stamp(proofs[0].Time), Proven: proofs})
	case w.q.Policy.Require().Timestamp:
		w.broken(LinkTime, "the policy wants a proven time, and the bill has none")
	default:
		w.add(Link{Name: LinkTime, State: Info, Detail: "no time is proven; the signer says " + stamp(b.bill.Run.Ended)})
	}
}

// skew is how far two honest clocks may be apart.
const skew = 5 * time.Minute

// freshness holds the ages of bill and data against the policy.
func (w *walk) freshness(b billed) {
	most := time.Duration(w.q.Policy.Require().BillAge)
	old := w.q.At.Sub(b.bill.Run.Ended)
	switch {
	case old < -skew:
		w.broken(LinkFreshness, "the bill is from %s, after the time that is judged (%s)", stamp(b.bill.Run.Ended), stamp(w.q.At))
		return
	case old > most:
		w.broken(LinkFreshness, "the bill is %s old (%s), and the policy allows %s", policy.Age(old), stamp(b.bill.Run.Ended), policy.Age(most))
		return
	}
	oldest := time.Duration(0)
	limit := time.Duration(w.q.Policy.Require().DataAge)
	for _, s := range b.bill.Steps {
		for _, d := range s.Data {
			a := w.q.At.Sub(d.AsOf)
			oldest = max(oldest, a)
			if limit > 0 && (a > limit || d.AsOf.IsZero()) {
				w.broken(LinkFreshness, "%s read %s of %s, %s old, and the policy allows %s", s.Check, d.Name, stamp(d.AsOf), policy.Age(a), policy.Age(limit))
				return
			}
		}
	}
	detail := fmt.Sprintf("the bill is %s old, of %s allowed", policy.Age(max(old, 0)), policy.Age(most))
	if oldest > 0 {
		detail += fmt.Sprintf("; its oldest data %s", policy.Age(oldest))
	}
	w.ok(LinkFreshness, "%s", detail)
}

// completeness holds the steps against what the policy expects. A step that
// the bill itself calls incomplete is "cannot tell"; one that is not there, or
// was left out though required, is missing evidence.
func (w *walk) completeness(b billed) {
	req := w.q.Policy.Require()
	var broken, unknown []string
	status, unnamed := map[string]checks.Status{}, map[string]bool{}
	for _, s := range b.bill.Steps {
		st := checks.Status(s.Status)
		status[s.Check] = st
		unnamed[s.Check] = s.Live && st == checks.NotApplicable
		switch {
		case st == checks.Excluded && req.NoSkip:
			broken = append(broken, s.Check+" was left out, and the policy forbids that")
		case !st.Complete():
			unknown = append(unknown, strings.TrimSuffix(fmt.Sprintf("%s: %s: %s", s.Check, s.Status, s.Reason), ": "))
		case st == checks.OK && (s.Tool == "" || s.Rules == "" || s.Report == "") && s.Check != trustStep:
			broken = append(broken, s.Check+" names no tool, rules or report")
		}
	}
	for _, c := range req.Checks {
		switch st, ok := status[c]; {
		case !ok:
			broken = append(broken, c+" is not in the bill, and the policy requires it")
		case st == checks.Excluded:
			broken = append(broken, c+" was left out, and the policy requires it")
		case unnamed[c]:
			broken = append(broken, c+" had no running application to look at, and the policy requires it")
		}
	}
	if req.Sandbox && b.bill.Run.Sandbox != "full" {
		broken = append(broken, fmt.Sprintf("the checks ran with sandbox %q, and the policy requires full", b.bill.Run.Sandbox))
	}
	if len(req.IdentityKeys) > 0 && (b.bill.Throwaway || !slices.Contains(req.IdentityKeys, b.bill.IdentityKeyID)) {
		broken = append(broken, "fingerprints were made under the identity key "+b.bill.IdentityKeyID+", which the policy does not name")
	}
	if !w.q.Policy.IgnoreFiles() {
		for _, in := range b.bill.Inputs {
			if in.Name == ignoreFile {
				broken = append(broken, ignoreFile+" kept files from being read, and the policy allows none")
			}
		}
	}
	switch {
	case len(broken) > 0:
		w.broken(LinkComplete, "%s", strings.Join(broken, "; "))
	case len(unknown) > 0:
		w.add(Link{Name: LinkComplete, State: Unknown, Detail: strings.Join(unknown, "; ")})
	default:
		w.ok(LinkComplete, "%s, each complete; required: %s", count(len(b.bill.Steps), "step"), strings.Join(req.Checks, ", "))
	}
}

// Names that the scan gives; the vocabulary of cmd/vitalsign.
const (
	trustStep  = "trust"
	ignoreFile = ".vitalsignignore"
)

// previous follows the chain of bills back, and shows its gaps and forks.
func (w *walk) previous(b billed) {
	all, _ := w.bills(func(attest.Verified) bool { return true })
	byID, after := map[string]billed{}, map[string][]string{}
	for _, o := range all {
		byID[o.ID()] = o
		if o.bill.Project == b.bill.Project && o.bill.Branch == b.bill.Branch {
			for _, p := range o.bill.Previous {
				after[p.ID] = append(after[p.ID], o.ID())
			}
		}
	}
	seen := map[string]bool{b.ID(): true}
	var gaps, forks []string
	for todo := []billed{b}; len(todo) > 0; todo = todo[1:] {
		for _, p := range todo[0].bill.Previous {
			if len(after[p.ID]) > 1 && !slices.Contains(forks, p.ID) {
				forks = append(forks, p.ID)
			}
			o, ok := byID[p.ID]
			if !ok && !slices.Contains(gaps, p.ID) {
				gaps = append(gaps, p.ID)
			}
			if ok && !seen[p.ID] {
				seen[p.ID] = true
				todo = append(todo, o)
			}
		}
	}
	detail := fmt.Sprintf("%s before this one", count(len(seen)-1, "bill"))
	for _, g := range gaps {
		detail += fmt.Sprintf("; a gap: the bill %.12s that one of them names is not here", g)
	}
	for _, f := range forks {
		detail += fmt.Sprintf("; a fork: more than one bill of this branch follows %.12s", f)
	}
	first := len(b.bill.Previous) == 0
	state := Info
	if w.q.Policy.Require().Previous == "required" {
		state = OK
		switch {
		case first && (len(b.bill.Target.Parents) > 0 || b.bill.Target.Commit == ""):
			state, detail = Broken, "the bill names no previous one, though its commit has parents, and the policy requires one"
		case len(gaps) > 0:
			state = Broken
		}
	}
	w.add(Link{Name: LinkPrevious, State: state, Detail: detail})
}
