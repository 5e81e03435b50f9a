package main

import (
	"context"
	"errors"
	"sync"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/tui"
)

// scans are those that the dashboard has begun. They are scanned as the verb
// scan does it, with one engine for all of them, and each run is kept as soon
// as it has ended.
type scans struct {
	app  *app
	cmd  *cobra.Command
	kept *store.Store
	feed tui.Feed
	// opening lets one of them open the engine.
	opening sync.Mutex
	scanner *scanner
	turn    chan struct{}

	// queue lets one group of the fleet at a time work: it is one queue.
	queue sync.Mutex

	mu      sync.Mutex
	running map[string]*running
	done    sync.WaitGroup
	closed  bool
}

// running is the scan of one target.
type running struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	steps  map[string]context.CancelCauseFunc
}

func newScans(a *app, cmd *cobra.Command, kept *store.Store) *scans {
	return &scans{app: a, cmd: cmd, kept: kept, running: map[string]*running{}}
}

// Events gives what happened since it was asked last.
func (s *scans) Events(ctx context.Context) []pipelines.Event { return s.feed.Take(ctx) }

// Start queues scans and returns. A target that is scanned already is left
// alone. What is watched goes through the fleet's queue, so that a scan of many
// goes on where it was interrupted; the rest is scanned where it is.
func (s *scans) Start(ctx context.Context, targets []string) error {
	watched, err := s.watched(ctx, targets)
	if err != nil {
		return err
	}
	var shared *scanner
	if len(watched) < len(targets) {
		if shared, err = s.open(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the dashboard is being left: nothing more is scanned")
	}
	var group []store.FleetRepository
	for _, t := range targets {
		if s.running[t] != nil {
			continue
		}
		within, cancel := context.WithCancelCause(ctx)
		s.running[t] = &running{ctx: within, cancel: cancel, steps: map[string]context.CancelCauseFunc{}}
		s.feed.Put(pipelines.Event{Kind: pipelines.RunQueued, Target: t, At: s.app.now().UTC()})
		if r, ok := watched[t]; ok {
			group = append(group, r)
		} else {
			s.done.Go(func() { s.one(within, shared, t) })
		}
	}
	if len(group) > 0 {
		s.done.Go(func() { s.fleet(ctx, group) })
	}
	return nil
}

// end takes a target from those that run, and tells of it.
func (s *scans) end(target string, run *checks.Run) {
	s.mu.Lock()
	r := s.running[target]
	delete(s.running, target)
	s.mu.Unlock()
	if r == nil {
		return
	}
	r.cancel(nil)
	s.feed.Put(pipelines.Event{Kind: pipelines.RunEnded, Target: target, At: s.app.now().UTC(), Run: run})
}

// open finds the program that checks and opens the engine, once.
func (s *scans) open(ctx context.Context) (*scanner, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.scanner != nil {
		return s.scanner, nil
	}
	sc, err := s.app.newScanner(s.cmd, scanFlags{quiet: true})
	if err != nil {
		return nil, err
	}
	settings, err := s.app.settingsHere(s.cmd)
	if err != nil {
		return nil, err
	}
	sc.progress = report.Silent()
	sc.engine = s.app.openEngine(ctx, settings.Engine, sc.tool, sc.progress)
	sc.slots = pipelines.NewSlots(sc.fits())
	s.turn = make(chan struct{}, sc.fits())
	s.scanner = sc
	return sc, nil
}

// one scans a target and keeps the run. It has its own scanner, since two
// targets at once would share what each finds out about itself.
func (s *scans) one(ctx context.Context, shared *scanner, target string) {
	var ended *checks.Run
	defer func() { s.end(target, ended) }()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return // it has not begun: a run that saw nothing would stand for the newest
	}
	own := *shared
	own.trees = nil
	s.opening.Lock() // one at a time: what is known of policies is one file
	o, err := own.ready(ctx, target)
	s.opening.Unlock()
	if err != nil {
		s.lost(target, err)
		return
	}
	o.events = func(e pipelines.Event) {
		e.Target = target
		s.feed.Put(e)
	}
	o.within = func(ctx context.Context, check string) (context.Context, context.CancelFunc) {
		return s.step(ctx, target, check)
	}
	run := own.scanTree(ctx, o)
	ended = &run
	if err := s.kept.Save(context.WithoutCancel(ctx), run); err != nil {
		run.Notes = append(run.Notes, "this run could not be kept: "+err.Error())
	}
}

// lost tells of a target that could not be opened: a step without an answer.
func (s *scans) lost(target string, err error) {
	s.feed.Put(pipelines.Event{Kind: pipelines.StepEnded, Target: target, Check: "target", At: s.app.now().UTC(),
		Step: &checks.Step{Check: "target", Status: checks.Failed, Reason: err.Error()}})
}

// step is the context of one step, so that it can be ended by itself.
func (s *scans) step(ctx context.Context, target, check string) (context.Context, context.CancelFunc) {
	within, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.running[target]; r != nil {
		r.steps[check] = cancel
	}
	return within, func() { cancel(nil) }
}

// Cancel ends a step, a target's scan, or all.
func (s *scans) Cancel(target, check string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, r := range s.running {
		switch {
		case target != "" && t != target:
		case check == "":
			r.cancel(pipelines.ErrCancelled)
		case r.steps[check] != nil:
			r.steps[check](pipelines.ErrCancelled)
		}
	}
}

// close ends every scan and waits until each is kept and its children are gone.
func (s *scans) close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Cancel("", "")
	s.done.Wait()
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.scanner == nil {
		return nil
	}
	return s.scanner.engine.close()
}
