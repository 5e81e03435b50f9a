package main

import (
	"context"
	"slices"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/fleet"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/tui"
)

// watched are those of the targets that the fleet has.
func (s *scans) watched(ctx context.Context, targets []string) (map[string]store.FleetRepository, error) {
	all, err := s.kept.FleetRepositories(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]store.FleetRepository{}
	for _, r := range all {
		if slices.Contains(targets, r.Target) {
			out[r.Target] = r
		}
	}
	return out, nil
}

// fleet brings and scans what is watched, as fleet scan does it.
func (s *scans) fleet(ctx context.Context, group []store.FleetRepository) {
	s.queue.Lock()
	defer s.queue.Unlock()
	target := map[string]string{}
	var names []string
	for _, r := range group {
		target[r.Name] = r.Target
		names = append(names, r.Name)
	}
	err := s.queued(ctx, group, names, fleetRequest{
		flags:  scanFlags{quiet: true},
		events: func(e pipelines.Event) { s.heard(e, target) },
		say:    func(string) {}, // every repository's end is told as an event
		within: func(ctx context.Context, name, check string) (context.Context, context.CancelFunc) {
			return s.of(ctx, target[name], check)
		},
	})
	// What is left over has not run: it was done before, or nothing could.
	for _, t := range target {
		if err != nil && ctx.Err() == nil {
			s.lost(t, err)
		}
		s.end(t, nil)
	}
}

// queued works through the fleet's queue.
func (s *scans) queued(ctx context.Context, group []store.FleetRepository, names []string, r fleetRequest) error {
	cmd := *s.cmd
	cmd.SetContext(ctx)
	w, err := s.app.openFleet(&cmd, r.say)
	if err != nil {
		return err
	}
	defer w.store.Close() // every run is kept already
	all, err := w.store.FleetRepositories(ctx)
	if err != nil {
		return err
	}
	selection := fleet.Selection(names)
	if len(fleet.Unique(all)) == len(group) {
		selection = "" // the same as fleet scan without names
	}
	ans, err := w.scan(&cmd, r, group, selection)
	if ans.resumed && err == nil {
		s.feed.Put(pipelines.Event{Kind: pipelines.News, At: s.app.now().UTC(),
			Text: "that was what had been left of the scan of " + ans.started.Format(time.RFC3339)})
	}
	return err
}

// heard hands an event on, with the target instead of the name.
func (s *scans) heard(e pipelines.Event, target map[string]string) {
	e.Target = target[e.Target]
	switch e.Kind {
	case pipelines.RunQueued: // it was told when it was asked for
	case pipelines.RunEnded:
		s.end(e.Target, e.Run)
	default:
		s.feed.Put(e)
	}
}

// of is the context of a target's scan, or of one of its steps.
func (s *scans) of(ctx context.Context, target, check string) (context.Context, context.CancelFunc) {
	if check != "" {
		return s.step(ctx, target, check)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	within, cancel := context.WithCancelCause(ctx)
	if r := s.running[target]; r != nil {
		stop := context.AfterFunc(r.ctx, func() { cancel(context.Cause(r.ctx)) })
		return within, func() { stop(); cancel(nil) }
	}
	return within, func() { cancel(nil) }
}

// watchedRepositories adds what is watched to what has runs: one that was never
// scanned, or could not be brought the last time, is there and does not pass.
func (b *board) watchedRepositories(ctx context.Context, out []tui.Repository) ([]tui.Repository, error) {
	all, err := b.kept.FleetRepositories(ctx)
	if err != nil {
		return nil, err
	}
	last, err := b.kept.LastFleetItems(ctx)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, r := range out {
		at[r.Target] = i
	}
	for _, f := range fleet.Unique(all) {
		i, ok := at[f.Target]
		if !ok {
			i = len(out)
			out = append(out, tui.Repository{Target: f.Target, Branch: f.Branch})
		}
		r := &out[i]
		r.Name, r.Watched = f.Name, true
		why := f.Gone
		if item, ok := last[f.Name]; ok && item.State == store.FleetFailed && item.At.After(r.Ended) && why == "" {
			why = item.Reason
		}
		if why != "" {
			r.Verdict = checks.Verdict{Findings: checks.Unknown, Exit: judge.ExitUnknown, Reasons: []string{"it could not be scanned: " + why}}
			r.Unwell = append(r.Unwell, "brought here: "+why)
		}
	}
	return out, nil
}
