package pipelines

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// Options are how a plan is run.
type Options struct {
	// Parallel is how many children run at once, at least 1.
	Parallel int
	// Now is the wall clock; Events takes what happens, from several
	// goroutines but never two at a time.
	Now    func() time.Time
	Events func(Event)
}

// Execute runs the steps of a plan. It always returns a run with one step for
// each of the plan's; when ctx ends, what had finished is kept and the rest is
// failed.
func Execute(ctx context.Context, plan Plan, engine Engine, o Options) checks.Run {
	run := checks.Run{
		ID: runID(), Target: plan.Target, Started: o.Now().UTC(), Engine: engine.Name(),
		IdentityKeyID: plan.Key.ID(), IdentityKeyThrowaway: plan.KeyThrowaway,
		Steps: make([]checks.Step, len(plan.Steps)), Version: plan.Build, Waivers: []string{},
		Findings: []checks.Finding{},
	}
	var mu sync.Mutex
	emit := func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if o.Events != nil {
			o.Events(e)
		}
	}
	found := make([][]checks.Finding, len(plan.Steps))
	slots := make(chan struct{}, max(1, o.Parallel))
	var wg sync.WaitGroup
	for i := range plan.Steps {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			run.Steps[i], found[i] = runStep(ctx, plan, i, engine, o.Now, emit)
			emit(Event{Kind: StepEnded, Check: plan.Steps[i].Check.Name, Step: &run.Steps[i]})
		})
	}
	wg.Wait()
	for _, f := range found {
		run.Findings = append(run.Findings, f...)
	}
	run.Findings = checks.Merge(run.Findings)
	run.Sandbox = weakest(run.Steps)
	run.Ended = o.Now().UTC()
	return run
}

// runID is random: two scans of one commit are two runs.
func runID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// weakest names the weakest walls that any child had.
func weakest(steps []checks.Step) string {
	rank := map[string]int{sandbox.KindNone: 1, sandbox.KindPartial: 2, sandbox.KindFull: 3}
	worst := ""
	for _, s := range steps {
		if s.Sandbox != nil && (worst == "" || rank[s.Sandbox.Kind] < rank[worst]) {
			worst = s.Sandbox.Kind
		}
	}
	return worst
}

func runStep(ctx context.Context, plan Plan, i int, engine Engine, now func() time.Time, emit func(Event)) (checks.Step, []checks.Finding) {
	p := plan.Steps[i]
	step := checks.Step{
		Check: p.Check.Name, Version: p.Check.Version, RulesDigest: p.Check.RulesDigest,
		ToolDigest: plan.ToolDigest, Status: p.Decided, Reason: p.Reason, Advice: p.Advice,
	}
	for _, d := range p.Data {
		step.Data = append(step.Data, d.Data)
	}
	if step.Status != "" {
		return step, nil
	}
	c, err := newCollector(plan, p, func(pr checks.Progress) {
		emit(Event{Kind: StepProgress, Check: p.Check.Name, Done: pr.Done, Total: pr.Total})
	})
	if err != nil {
		return failed(step, err), nil
	}
	step.Coverage = c.coverage()
	if c.claimed == 0 && len(c.partial) == 0 {
		step.Status, step.Reason = checks.NotApplicable, "no file of its kind"
		return step, nil
	}
	if err := ctx.Err(); err != nil {
		return failed(step, errors.New("interrupted before it started")), nil
	}
	emit(Event{Kind: StepStarted, Check: p.Check.Name, Total: c.claimed})
	began := now()
	usage, err := engine.Exec(ctx, c.job(plan, p), plan.Key, c)
	step.DurationMS = now().Sub(began).Milliseconds()
	step.CPUMS, step.PeakBytes = usage.CPU.Milliseconds(), usage.PeakBytes
	if ctx.Err() != nil {
		step.Coverage = c.coverage()
		return failed(step, errors.New("interrupted")), c.findings
	}
	return c.conclude(step, err, plan.RequireSandbox)
}

func failed(step checks.Step, err error) checks.Step {
	step.Status, step.Reason = checks.Failed, err.Error()
	return step
}
