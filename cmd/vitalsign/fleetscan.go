package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/fleet"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

const (
	// maxJobs bounds the repositories that are worked on at once.
	maxJobs = 64
	// oldList is how old a list of repositories is when that is worth a line.
	oldList = 7 * 24 * time.Hour
)

// fleetRequest is what a scan of the fleet is asked for.
type fleetRequest struct {
	flags   scanFlags
	names   []string // repositories or sources; none for all
	jobs    int      // 0: as many as there are children
	restart bool
	// events hears what happens to each repository, by its name as the target,
	// and say what else is news. Neither is called twice at a time.
	events func(pipelines.Event)
	say    func(string)
	// within, where it is set, gives the context of a repository's scan (check
	// ""), and of each of its steps.
	within func(ctx context.Context, name, check string) (context.Context, context.CancelFunc)
}

// context is that of a repository's scan, or of one of its steps.
func (r fleetRequest) context(ctx context.Context, name, check string) (context.Context, context.CancelFunc) {
	if r.within == nil {
		return ctx, func() {}
	}
	return r.within(ctx, name, check)
}

// fleetAnswer is what came of it.
type fleetAnswer struct {
	id      string
	started time.Time
	resumed bool
	items   []store.FleetItem
	exit    int
	// targets are the paths under which runs are kept, by name.
	targets map[string]string
}

// fleetScan works through repositories: each is brought here, scanned, and its
// run kept before the next one of its turn.
type fleetScan struct {
	world   *fleetWorld
	scanner *scanner
	request fleetRequest
	events  func(pipelines.Event)
	known   map[string]store.FleetRepository
	mu      sync.Mutex // of opening: what is known of policies is one file
}

// scanFleet scans what is watched, or a part of it. It prints nothing.
func (a *app) scanFleet(cmd *cobra.Command, r fleetRequest) (fleetAnswer, error) {
	var mu sync.Mutex
	events, say := r.events, r.say
	r.events = func(e pipelines.Event) { mu.Lock(); defer mu.Unlock(); events(e) }
	r.say = func(s string) { mu.Lock(); defer mu.Unlock(); say(s) }
	w, err := a.openFleet(cmd, r.say)
	if err != nil {
		return fleetAnswer{}, err
	}
	defer w.store.Close() // every run is kept already
	chosen, selection, err := w.choose(cmd.Context(), r.names)
	if err != nil {
		return fleetAnswer{}, err
	}
	return w.scan(cmd, r, chosen, selection)
}

// scan works through what was chosen.
func (w *fleetWorld) scan(cmd *cobra.Command, r fleetRequest, chosen []store.FleetRepository, selection string) (fleetAnswer, error) {
	unlock, err := w.app.fleetTurn()
	if err != nil {
		return fleetAnswer{}, err
	}
	defer unlock()
	f, err := w.openScan(cmd, r, chosen)
	if err != nil {
		return fleetAnswer{}, err
	}
	defer f.scanner.closeEngine(nil)
	return f.run(cmd.Context(), r, chosen, selection)
}

// fleetTurn lets one process at a time work through the queue: a second one
// would go on with the scan of the first.
func (a *app) fleetTurn() (unlock func(), err error) {
	l := flock.New(filepath.Join(a.stateDir(), "fleet.lock"), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, usageError("another scan of the fleet is under way\nWait for it, or stop it: what it has done is kept.")
	}
	return func() { _ = l.Unlock() }, nil // the system lets go of it with the process
}

// choose finds what was named among what is watched.
func (w *fleetWorld) choose(ctx context.Context, names []string) (chosen []store.FleetRepository, selection string, err error) {
	all, err := w.store.FleetRepositories(ctx)
	if err != nil {
		return nil, "", err
	}
	if len(all) == 0 {
		return nil, "", nothingWatched()
	}
	if len(names) == 0 {
		w.sayOld(ctx)
		return fleet.Unique(all), "", nil
	}
	for _, n := range names {
		srcs, err := w.candidates(n)
		if err != nil {
			return nil, "", err
		}
		before := len(chosen)
		for _, r := range all {
			isSource := slices.ContainsFunc(srcs, func(s fleet.Source) bool { return strings.EqualFold(s.String(), r.Source) })
			if isSource || named(r, srcs) {
				chosen = append(chosen, r)
			}
		}
		if len(chosen) == before {
			return nil, "", usageError("%s is not watched\nRun 'vitalsign fleet list' for what is, or add it.", n)
		}
	}
	chosen = fleet.Unique(chosen)
	var of []string
	for _, r := range chosen {
		of = append(of, r.Name)
	}
	return chosen, fleet.Selection(of), nil
}

// sayOld says when a list of repositories was asked for long ago.
func (w *fleetWorld) sayOld(ctx context.Context) {
	sources, err := w.store.FleetSources(ctx)
	if err != nil {
		return // what matters is read elsewhere
	}
	for _, s := range sources {
		if age := w.app.now().Sub(s.Refreshed); s.API != "" && age > oldList {
			w.say(fmt.Sprintf("what there is of %s was asked %s ago; run: vitalsign fleet refresh", s.Name, words(age.Milliseconds())))
		}
	}
}

// openScan opens what all repositories share.
func (w *fleetWorld) openScan(cmd *cobra.Command, r fleetRequest, chosen []store.FleetRepository) (*fleetScan, error) {
	s, err := w.app.newScanner(cmd, r.flags)
	if err != nil {
		return nil, err
	}
	s.progress, s.elsewhere = heard{r.events, r.say}, true
	// The engine is for all of them, so none of them has a say in it.
	layers, err := w.app.layers(cmd)
	if err != nil {
		return nil, err
	}
	if err := knownChecks(s.tool.Checks, r.flags.only, "--check"); err != nil {
		return nil, err
	}
	settings, _ := config.Resolve(layers...)
	s.engine = w.app.openEngine(cmd.Context(), settings.Engine, s.tool, s.progress)
	s.slots = pipelines.NewSlots(s.fits())
	f := &fleetScan{world: w, scanner: s, request: r, events: r.events, known: map[string]store.FleetRepository{}}
	for _, c := range chosen {
		f.known[c.Name] = c
	}
	return f, nil
}

// heard hands on what a scanner has to say.
type heard struct {
	event func(pipelines.Event)
	say   func(string)
}

func (h heard) Event(e pipelines.Event) { h.event(e) }
func (h heard) Say(line string)         { h.say(line) }
func (h heard) Close()                  {}

// run works through the queue.
func (f *fleetScan) run(ctx context.Context, r fleetRequest, chosen []store.FleetRepository, selection string) (fleetAnswer, error) {
	w := f.world
	ans := fleetAnswer{targets: map[string]string{}}
	var names []string
	for _, c := range chosen {
		names = append(names, c.Name)
		ans.targets[c.Name] = c.Target
	}
	fresh := store.FleetScan{ID: pipelines.NewID(), Selection: selection, Started: w.app.now().UTC()}
	scan, resumed, err := fleet.Begin(ctx, w.store, fresh, names, r.restart)
	if err != nil {
		return ans, err
	}
	ans.id, ans.started, ans.resumed = scan.ID, scan.Started, resumed
	left := 0
	for _, i := range scan.Items {
		if i.State != store.FleetDone {
			left++
			f.events(pipelines.Event{Kind: pipelines.RunQueued, Target: i.Name, At: w.app.now().UTC()})
		}
	}
	if resumed {
		w.say(fmt.Sprintf("going on with the scan of %s: %d of %d are left (--restart begins anew)", scan.Started.Format(time.RFC3339), left, len(scan.Items)))
	}
	jobs := r.jobs
	if jobs <= 0 {
		jobs = f.scanner.fits()
	}
	done := len(scan.Items) - left
	ans.items, err = fleet.Run(ctx, w.store, scan, jobs, w.app.now, func(ctx context.Context, name string) store.FleetItem {
		return f.one(ctx, f.known[name], func(what string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			done++
			w.say(fmt.Sprintf("[%d/%d] %s: %s", done, len(scan.Items), name, what))
		})
	})
	if ctx.Err() != nil {
		return ans, exitError{judge.ExitInterrupted, errors.Join(errors.New("interrupted; what is done is kept, and the next fleet scan goes on with the rest"), err)}
	}
	var exits []int
	for _, i := range ans.items {
		exits = append(exits, i.Exit)
	}
	ans.exit = judge.Worst(exits...)
	return ans, err
}

// one brings a repository here, scans it, and keeps the run. tell hears how
// that ended, unless it was interrupted.
func (f *fleetScan) one(ctx context.Context, r store.FleetRepository, tell func(string)) store.FleetItem {
	ctx, end := f.request.context(ctx, r.Name, "")
	defer end()
	run, err := f.look(ctx, r)
	switch {
	case ctx.Err() != nil:
		f.events(pipelines.Event{Kind: pipelines.RunEnded, Target: r.Name, At: f.world.app.now().UTC()})
		return store.FleetItem{State: store.FleetPending}
	case err != nil:
		tell("cannot tell: " + err.Error())
		f.events(pipelines.Event{Kind: pipelines.RunEnded, Target: r.Name, At: f.world.app.now().UTC()})
		return store.FleetItem{State: store.FleetFailed, Reason: err.Error(), Exit: judge.ExitUnknown}
	}
	tell(gateWords(run.Verdict.Exit) + ", " + plural(len(run.Findings), "finding", "findings"))
	f.events(pipelines.Event{Kind: pipelines.RunEnded, Target: r.Name, At: run.Ended, Run: &run})
	i := store.FleetItem{State: store.FleetDone, RunID: run.ID, Exit: run.Verdict.Exit}
	if i.Exit == judge.ExitUnknown {
		i.Reason = strings.Join(run.Verdict.Reasons, "; ")
	}
	return i
}

// look gives the run, kept. An error is why there is none.
func (f *fleetScan) look(ctx context.Context, r store.FleetRepository) (run checks.Run, err error) {
	if r.Gone != "" {
		return run, fmt.Errorf("%s; if that is right: vitalsign fleet remove %s", r.Gone, r.Name)
	}
	c, err := f.world.syncer().Sync(ctx, r)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	o, err := f.open(ctx, c.Dir)
	if err != nil {
		return run, err
	}
	if o.tree.Target.Path != r.Target {
		return run, fmt.Errorf("it is at %s, and its runs are kept under %s; run: vitalsign fleet refresh", o.tree.Target.Path, r.Target)
	}
	o.events = func(e pipelines.Event) {
		e.Target = r.Name
		f.events(e)
	}
	o.within = func(ctx context.Context, check string) (context.Context, context.CancelFunc) {
		return f.request.context(ctx, r.Name, check)
	}
	run = f.scanner.scanTree(ctx, o)
	if ctx.Err() != nil {
		return run, ctx.Err()
	}
	// A run that is not kept is one that nobody can look at.
	return run, f.world.store.Save(context.WithoutCancel(ctx), run)
}

// open decides about one target at a time: what is known of policies is one file.
func (f *fleetScan) open(ctx context.Context, dir string) (opened, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.scanner.ready(ctx, dir)
}

func gateWords(exit int) string {
	switch exit {
	case judge.ExitPass:
		return "pass"
	case judge.ExitFail:
		return "fail"
	}
	return "cannot tell"
}
