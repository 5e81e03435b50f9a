package main

import (
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// advisories is the advisory data as a scan finds it.
type advisories struct {
	set *pipelines.DataSet // nil without any
	// stale says why it is too old, trouble why it cannot be used at all.
	stale, trouble string
	// ageless: nobody asks how old it is.
	ageless bool
}

func (a *app) advisories(cmd *cobra.Command, maxAge time.Duration) advisories {
	limit := maxAge
	if maxAge <= 0 {
		limit = math.MaxInt64
	}
	set, stale, err := a.osvData(cmd, limit)
	v := advisories{set: set, stale: stale, ageless: maxAge <= 0}
	if err != nil {
		v.trouble = err.Error()
	}
	return v
}

// plan gives the data to a step that needs it. Data that cannot be used fails
// the step, if there is anything to judge by it.
func (v advisories) plan(p *pipelines.PlannedStep, inv *inventory.Inventory) {
	needs := slices.ContainsFunc(p.Check.Needs, func(n checks.Need) bool { return n.Name == osvName })
	if !needs || p.Decided != "" {
		return
	}
	if v.trouble != "" && claimsAny(p.Check, inv) {
		p.Decided, p.Reason = checks.Failed, v.trouble
		return
	}
	if v.set != nil {
		p.Data = append(p.Data, *v.set)
	}
}

func claimsAny(d checks.Description, inv *inventory.Inventory) bool {
	claims, err := checks.NewClaimSet(d.Claims)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(inv.Files, func(f inventory.File) bool { ok, _ := claims.Match(f.Path); return ok })
}

// judgeAge marks the steps that read data older than allowed: what they found
// is true, and what they did not find says nothing. No check reads the clock,
// so this is the parent's to say. What it returns belongs into the verdict.
func (v advisories) judgeAge(steps []checks.Step) (reasons []string) {
	for i, s := range steps {
		reads := slices.ContainsFunc(s.Data, func(d checks.Data) bool { return d.Name == osvName })
		if !reads || s.Status != checks.OK {
			continue
		}
		switch {
		case v.stale != "":
			steps[i].Status, steps[i].Reason, steps[i].Advice = checks.Stale, v.stale, "run: vitalsign db update"
		case v.ageless:
			steps[i].Reason = "data as of " + day(v.set.AsOf)
			reasons = append(reasons, "not asked: how old the data of "+s.Check+" may be (max_data_age off)")
		default:
			steps[i].Reason = "data as of " + day(v.set.AsOf)
		}
	}
	return reasons
}
