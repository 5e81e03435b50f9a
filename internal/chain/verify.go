package chain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// MaxBundles bounds how many bundles one question may bring.
const MaxBundles = 20_000

// Verify answers a question.
func Verify(ctx context.Context, q Question) Result {
	w := walk{q: q, r: Result{Subject: q.Subject, At: q.At.UTC(), Inputs: map[string]string{}, Links: []Link{}}}
	w.do(ctx)
	w.conclude()
	return w.r
}

// walk is one answer in the making.
type walk struct {
	q        Question
	r        Result
	verified []said
	refused  []refusal
	// facts are what conditions are asked about.
	facts map[string]any
}

// said is a verified bundle.
type said struct {
	attest.Verified
	file string
}

// refusal is a bundle that is not believed.
type refusal struct {
	file string
	err  error
}

func (w *walk) add(l Link) { w.r.Links = append(w.r.Links, l) }

// broken adds a link that is not verified.
func (w *walk) broken(link, format string, args ...any) {
	w.add(Link{Name: link, State: Broken, Detail: fmt.Sprintf(format, args...)})
}

func (w *walk) ok(link, format string, args ...any) {
	w.add(Link{Name: link, State: OK, Detail: fmt.Sprintf(format, args...)})
}

// by adds a link that somebody said.
func (w *walk) by(link string, state State, s said, who policy.Speaker, detail string) {
	w.add(Link{Name: link, State: state, Detail: detail, By: &who, Statement: s.ID(), File: s.file, Proven: s.Proofs()})
	w.r.Inputs["statement "+s.ID()] = s.file
}

func (w *walk) do(ctx context.Context) {
	if !w.policy() || !w.subject() {
		return
	}
	w.verifyAll()
	source, ok := w.source()
	if !ok {
		return
	}
	b, ok := w.bill(source)
	if !ok {
		return
	}
	w.time(b)
	w.freshness(b)
	w.completeness(b)
	w.previous(b)
	w.judge(b)
	if err := w.q.Policy.Conditions(ctx, w.facts); err != nil {
		w.broken(LinkConditions, "the policy's conditions do not hold: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

func (w *walk) policy() bool {
	p := w.q.Policy
	if p == nil {
		w.broken(LinkPolicy, "no policy was given: nobody is believed")
		return false
	}
	w.r.Policy = p.Digest()
	w.r.Inputs["policy"] = p.Digest()
	if err := p.InForce(w.q.At); err != nil {
		w.broken(LinkPolicy, "%v", err)
		return false
	}
	w.ok(LinkPolicy, "version %d, %d identities, until %s", p.Version(), len(p.Who()), p.Expires().AddDate(0, 0, -1).Format("2006-01-02"))
	return true
}

func (w *walk) subject() bool {
	// The same digest is named every time, where there are two.
	for _, alg := range slices.Sorted(maps.Keys(w.q.Subject.Digests)) {
		if d := w.q.Subject.Digests[alg]; d != "" {
			w.ok(LinkArtifact, "%s %s has the %s %s", w.q.Subject.Kind, w.q.Subject.Name, alg, d)
			w.r.Inputs["subject "+alg] = d
			return true
		}
	}
	w.broken(LinkArtifact, "%s has no digest: name one (an image by REFERENCE@sha256:..., since nobody is asked)", w.q.Subject.Name)
	return false
}

// verifyAll verifies every bundle once, except those about other things. What is not believed is remembered with its reason, for
// whoever misses it.
func (w *walk) verifyAll() {
	bundles := w.q.Bundles
	if len(bundles) > MaxBundles {
		w.refused = append(w.refused, refusal{bundles[MaxBundles].Name, fmt.Errorf("more than %d bundles", MaxBundles)})
		bundles = bundles[:MaxBundles]
	}
	verified, errs := make([]attest.Verified, len(bundles)), make([]error, len(bundles))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(bundles)); i = next.Add(1) - 1 {
				verified[i], errs[i] = w.verifyOne(bundles[i])
			}
		})
	}
	wg.Wait()
	for i, b := range bundles {
		switch {
		case errors.Is(errs[i], errNotAsked):
		case errs[i] != nil:
			w.refused = append(w.refused, refusal{b.Name, errs[i]})
		default:
			w.verified = append(w.verified, said{verified[i], b.Name})
		}
	}
	// The same answer whatever order a directory has.
	slices.SortStableFunc(w.verified, func(a, b said) int { return strings.Compare(a.ID()+a.file, b.ID()+b.file) })
}

// errNotAsked is a bundle that claims to be about something else.
var errNotAsked = errors.New("not asked")

func (w *walk) verifyOne(b Bundle) (v attest.Verified, err error) {
	trust := w.q.Policy.Trust()
	raw := b.Raw
	claim := attest.ClaimOf(raw)
	sum := w.q.Subject.Digests[attest.SHA256]
	switch {
	case b.Payload != nil:
		v, err = attest.VerifyImage(raw, b.Payload, sum, trust, w.q.At)
	case !claim.Statement && sum != "":
		v, err = attest.VerifyArtifact(raw, attest.Artifact{SHA256: sum}, trust, w.q.At)
	case slices.Contains(notAsked(), claim.PredicateType):
		return v, errNotAsked
	default:
		v, err = attest.Verify(raw, trust, w.q.At)
	}
	if err == nil && w.q.Released {
		err = existedAt(v, w.q)
	}
	if err != nil {
		return attest.Verified{}, err
	}
	return v, nil
}

// notAsked are predicates that decide nothing here. Whatever else a bundle
// claims, it is verified: what was changed must be told as changed.
func notAsked() []string {
	return []string{attest.PredicateVSA, attest.PredicateVulns, attest.PredicateTestResult, attest.PredicateCycloneDX, attest.PredicateSPDX, attest.PredicateOpenVEX}
}

// existedAt says whether a statement is proven to have existed at the time
// that is asked about.
func existedAt(v attest.Verified, q Question) error {
	proofs := v.Proofs()
	if len(proofs) == 0 {
		return &attest.Rejection{Kind: attest.Time, Detail: "nothing proves that it existed at " + stamp(q.At) + ": it has no timestamp"}
	}
	if first := proofs[0].Time; first.After(q.At) {
		return &attest.Rejection{Kind: attest.Time, Detail: "it is proven to exist since " + stamp(first) + " only, after " + stamp(q.At)}
	}
	return nil
}

// speakers are the verified statements of a predicate about a digest, with who
// may say so; others are named with why not.
func (w *walk) speakers(predicates []string, about func(attest.Verified) bool) (allowed []said, who []policy.Speaker, not []string) {
	for _, s := range w.verified {
		if !slices.Contains(predicates, s.Statement().PredicateType) || !about(s.Verified) {
			continue
		}
		p, err := w.q.Policy.Speaker(s.Verified, s.Statement().PredicateType)
		if err != nil {
			not = append(not, s.file+": "+err.Error())
			continue
		}
		allowed, who = append(allowed, s), append(who, p)
	}
	return allowed, who, not
}

// missing is why a link has nobody who says it: what there was and is not
// believed, at most a few.
func (w *walk) missing(not []string) string {
	why := slices.Clone(not)
	for _, r := range w.refused {
		why = append(why, r.file+": "+r.err.Error())
	}
	const shown = 5
	if len(why) > shown {
		why = append(why[:shown:shown], fmt.Sprintf("and %d more", len(why)-shown))
	}
	if len(why) == 0 {
		return "; there is no other evidence"
	}
	return "; not believed: " + strings.Join(why, "; ")
}

// conclude makes the verdict out of the links.
func (w *walk) conclude() {
	v := &w.r.Verdict
	state := w.r.worst()
	for _, l := range w.r.Links {
		if l.State != OK && l.State != Info {
			v.Reasons = append(v.Reasons, l.Name+": "+l.Detail)
		}
	}
	if v.Reasons == nil {
		v.Reasons = []string{}
	}
	gated := slices.ContainsFunc(w.r.Links, func(l Link) bool { return l.Name == LinkGate })
	if state == OK && !gated {
		// The walk ended before the gate and nobody said why: never a pass.
		state = Broken
		v.Reasons = append(v.Reasons, LinkGate+": not reached")
	}
	switch state {
	case OK:
		v.Findings, v.Complete, v.Verified, v.Exit = checks.Pass, true, true, judge.ExitPass
	case Failed:
		v.Findings, v.Complete, v.Verified, v.Exit = checks.Fail, true, true, judge.ExitFail
	case Unknown:
		v.Verified, v.Exit = true, judge.ExitUnknown
		if v.Findings == "" {
			v.Findings = checks.Unknown
		}
	default:
		v.Findings, v.Exit = checks.Unknown, judge.ExitNotVerified
	}
}

// errAbsent is what Document says when there is none.
var errAbsent = errors.New("it is not there")
