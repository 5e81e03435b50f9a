package pipelines

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// Options are how a plan is run.
type Options struct {
	// Parallel is how many children of this plan run at once, at least 1.
	Parallel int
	// Slots, where there are any, are shared with other plans: each child
	// takes one.
	Slots Slots
	// Now is the wall clock; Events takes what happens, from several
	// goroutines but never two at a time.
	Now    func() time.Time
	Events func(Event)
	// Within, where it is set, gives the context that a step runs in: a step
	// can end without the others, with ErrCancelled as the cause.
	Within func(ctx context.Context, check string) (context.Context, context.CancelFunc)
}

// ErrCancelled is why a step ended that somebody did not want any more.
var ErrCancelled = errors.New("cancelled by the user")

// Slots bound how much runs at once over several plans. The zero value is no
// bound.
type Slots struct{ c chan struct{} }

// NewSlots makes n of them, at least one.
func NewSlots(n int) Slots { return Slots{make(chan struct{}, max(1, n))} }

func (s Slots) take() {
	if s.c != nil {
		s.c <- struct{}{}
	}
}

func (s Slots) give() {
	if s.c != nil {
		<-s.c
	}
}

// Execute runs the steps of a plan. It always returns a run with one step for
// each of the plan's; when ctx ends, what had finished is kept and the rest is
// failed.
func Execute(ctx context.Context, plan Plan, engine Engine, o Options) checks.Run {
	run := checks.Run{
		ID: NewID(), Target: plan.Target, Started: o.Now().UTC(), Engine: engine.Name(),
		IdentityKeyID: plan.Key.ID(), IdentityKeyThrowaway: plan.KeyThrowaway,
		Steps: make([]checks.Step, len(plan.Steps)), Version: plan.Build, Waivers: []checks.Waiver{},
		Findings: []checks.Finding{},
	}
	var mu sync.Mutex
	emit := func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if o.Events != nil {
			e.At = o.Now().UTC()
			o.Events(e)
		}
	}
	for _, s := range plan.Steps {
		emit(Event{Kind: StepPlanned, Check: s.Check.Name})
	}
	prepared, release, err := prepare(ctx, plan, engine)
	if err != nil {
		prepared = Unavailable(engine.Name(), err)
	}
	found := make([]said, len(plan.Steps))
	slots := NewSlots(o.Parallel)
	var wg sync.WaitGroup
	for i := range plan.Steps {
		wg.Go(func() {
			slots.take()
			defer slots.give()
			o.Slots.take()
			defer o.Slots.give()
			run.Steps[i], found[i] = o.step(ctx, plan, i, prepared, emit)
			emit(Event{Kind: StepEnded, Check: plan.Steps[i].Check.Name, Step: &run.Steps[i]})
		})
	}
	wg.Wait()
	if err := release(); err != nil {
		run.Notes = append(run.Notes, "the engine left something behind: "+err.Error())
	}
	for _, f := range found {
		run.Findings = append(run.Findings, f.findings...)
		run.Components = append(run.Components, f.components...)
	}
	run.Findings = checks.Merge(run.Findings)
	run.Components = checks.MergeComponents(run.Components)
	run.Sandbox = weakest(run.Steps)
	run.Ended = o.Now().UTC()
	return run
}

// step runs a step within its own context, if there is such a thing.
func (o Options) step(ctx context.Context, plan Plan, i int, engine Engine, emit func(Event)) (checks.Step, said) {
	if o.Within != nil {
		within, end := o.Within(ctx, plan.Steps[i].Check.Name)
		defer end()
		ctx = within
	}
	return runStep(ctx, plan, i, engine, o.Now, emit)
}

// interrupted is why a context ended, in words for the user.
func interrupted(ctx context.Context, when string) error {
	if cause := context.Cause(ctx); errors.Is(cause, ErrCancelled) {
		return cause
	}
	return errors.New("interrupted" + when)
}

// prepare asks the engine for what it does once, if it does such a thing.
func prepare(ctx context.Context, plan Plan, engine Engine) (Engine, func() error, error) {
	nothing := func() error { return nil }
	p, ok := engine.(Preparer)
	wanted := slices.ContainsFunc(plan.Steps, func(s PlannedStep) bool { return s.Decided == "" })
	if !ok || !wanted {
		return engine, nothing, nil
	}
	prepared, release, err := p.Prepare(ctx, plan)
	if err != nil {
		return nil, nothing, err
	}
	return prepared, release, nil
}

// Unavailable is an engine that cannot be used: every step fails with err.
func Unavailable(name string, err error) Engine { return unavailable{name, err} }

type unavailable struct {
	name string
	err  error
}

func (u unavailable) Name() string { return u.name }

func (u unavailable) Exec(context.Context, checks.Job, checks.IdentityKey, io.Writer) (Usage, error) {
	return Usage{}, u.err
}

// NewID is random, 16 hex digits: two scans of one commit are two runs.
func NewID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// NewAttempt is an attempt's number that no earlier one had: it makes a job that
// was done before another job.
func NewAttempt() int {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return int(binary.BigEndian.Uint32(b[:])) + 1
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

// said is what a step found, whatever it is worth.
type said struct {
	findings   []checks.Finding
	components []checks.Component
}

func runStep(ctx context.Context, plan Plan, i int, engine Engine, now func() time.Time, emit func(Event)) (checks.Step, said) {
	p := plan.Steps[i]
	step := checks.Step{
		Check: p.Check.Name, Version: p.Check.Version, RulesDigest: p.Check.RulesDigest,
		Live: p.Check.Live, ToolDigest: plan.ToolDigest, Status: p.Decided, Reason: p.Reason, Advice: p.Advice,
	}
	for _, d := range p.Data {
		step.Data = append(step.Data, d.Data)
	}
	if step.Status != "" {
		return step, said{}
	}
	c, err := newCollector(plan, p, func(pr checks.Progress) {
		emit(Event{Kind: StepProgress, Check: p.Check.Name, Done: pr.Done, Total: pr.Total})
	})
	if err != nil {
		return failed(step, err), said{}
	}
	step.Coverage = c.coverage()
	if p.Check.Live && p.Live == nil {
		step.Status, step.Reason = checks.NotApplicable, "no running application is named"
		return step, said{}
	}
	if !p.Check.Live && c.claimed == 0 && len(c.partial) == 0 {
		step.Status, step.Reason = checks.NotApplicable, "no file of its kind"
		return step, said{}
	}
	if err := ctx.Err(); err != nil {
		return failed(step, interrupted(ctx, " before it started")), said{}
	}
	known := newMemory(plan, p, c)
	if w := known.whole(); w != nil {
		if done, ok := c.settleWhole(step, w); ok {
			return done, said{c.findings, c.components}
		}
	}
	hold, lean := known.parts()
	c.settleParts(hold)
	c.lean(lean)
	if done, ok := c.settledWhole(step, known); ok {
		known.keep(c, done)
		return done, said{c.findings, c.components}
	}
	emit(Event{Kind: StepStarted, Check: p.Check.Name, Total: c.claimed})
	began := now()
	usage, err := within(ctx, p, func(p PlannedStep) (Usage, error) { return engine.Exec(ctx, c.job(plan, p), plan.Key, c) }, emit)
	step.DurationMS = now().Sub(began).Milliseconds()
	step.CPUMS, step.PeakBytes = usage.CPU.Milliseconds(), usage.PeakBytes
	step.Cached, step.Where = usage.Cached, usage.Where
	if ctx.Err() != nil {
		step.Coverage = c.coverage()
		return failed(step, interrupted(ctx, "")), said{c.findings, c.components}
	}
	step, found := c.conclude(step, err, plan.RequireSandbox)
	known.keep(c, step)
	if step.Tool != nil {
		step.Tool.Image = usage.Image
	}
	return step, said{found, c.components}
}

// within runs a step while the application is up that it looks at. A step of
// files is only run.
func within(ctx context.Context, p PlannedStep, run func(PlannedStep) (Usage, error), emit func(Event)) (usage Usage, err error) {
	if p.Start == nil {
		return run(p)
	}
	url, stop, err := p.Start.Start(ctx, func(text string) { emit(Event{Kind: News, Check: p.Check.Name, Text: text}) })
	if err != nil {
		return usage, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if url != "" {
		live := *p.Live
		live.URL = url
		p.Live = &live
	}
	return run(p)
}

func failed(step checks.Step, err error) checks.Step {
	step.Status, step.Reason = checks.Failed, err.Error()
	return step
}
