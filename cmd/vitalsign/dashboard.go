package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/tui"
)

// dashboardFlags are what the command line says about the dashboard.
type dashboardFlags struct {
	theme string
	plain bool
}

func (f *dashboardFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.theme, "theme", "", "of the dashboard: "+strings.Join(tui.ThemeNames(), ", ")+" (default: VITALSIGN_THEME, else dark)")
	c.Flags().BoolVar(&f.plain, "plain", false, "the dashboard line by line, for screen readers: commands are typed by name")
}

// dashboard opens the dashboard in the terminal.
func (a *app) dashboard(cmd *cobra.Command, f dashboardFlags) error {
	theme, err := a.theme(cmd, f)
	if err != nil {
		return usageError("%w", err)
	}
	kept, err := a.openStore(cmd.Context())
	if err != nil {
		return err
	}
	defer kept.Close() // what it was told to keep is in it
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	running := newScans(a, cmd, kept)
	o := tui.Options{Theme: theme, Colour: a.colour(cmd, a.out), UTF8: a.utf8(), Now: a.now()}
	if !f.plain { // a list is read out from its first row on
		o.Start = startTarget()
	}
	m := tui.New(ctx, a.world(cmd, kept, running), o)
	if f.plain {
		err = tui.Plain(ctx, m, a.in, a.out, a.now)
	} else {
		err = a.draw(ctx, m)
	}
	// Scans are ended before the program is: what had finished is kept.
	return errors.Join(ended(err), running.close())
}

// ended is nil where the dashboard was left, or the program was told to end.
func ended(err error) error {
	if errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, tea.ErrInterrupted) {
		return context.Canceled
	}
	return err
}

// framesPerSecond is how often the screen is looked after at most. A key waits
// for the next time; at Bubble Tea's own 60 that is longer than its answer takes.
const framesPerSecond = 120

// draw runs the dashboard in the terminal's other screen. The terminal is as it
// was when it returns, however it does.
func (a *app) draw(ctx context.Context, m *tui.Model) error {
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithAltScreen(), tea.WithMouseCellMotion(),
		tea.WithInput(a.in), tea.WithOutput(a.out), tea.WithoutSignalHandler(), tea.WithFPS(framesPerSecond)).Run()
	return err
}

func (a *app) world(cmd *cobra.Command, kept *store.Store, running *scans) tui.World {
	b := &board{app: a, kept: kept, proofs: proofs{a, cmd, kept}}
	return tui.World{Fleet: b, Findings: keptFindings{a, kept, b.Repositories}, Scans: running, Evidence: b.proofs, Waivers: waivers{a, kept}, Desk: surroundings{a}}
}

// theme is the one that is asked for; NO_COLOR and --no-color make it look like
// "none".
func (a *app) theme(cmd *cobra.Command, f dashboardFlags) (tui.Theme, error) {
	name := f.theme
	if name == "" {
		name = a.getenv("VITALSIGN_THEME")
	}
	if name == "" {
		name = tui.ThemeNames()[0]
	}
	return tui.NewTheme(name, a.colour(cmd, a.out), a.utf8())
}

// utf8 says whether the locale is one with UTF-8 (POSIX.1-2017, 8.2: the first
// of these that is set and not empty decides).
func (a *app) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := a.getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true // containers often set none, and their terminals can all the same
}

// startTarget is the target of the directory that the dashboard is opened in.
// git is not asked: it would hold up the first frame.
func startTarget() string {
	abs, err := filepath.Abs(".")
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	return abs
}

// board gives the repositories.
type board struct {
	app    *app
	kept   *store.Store
	proofs proofs
}

// forgotten is how long the runs of a directory that nobody watches are shown.
const forgotten = 30 * 24 * time.Hour

// Repositories are what is watched, and the targets that have runs.
func (b *board) Repositories(ctx context.Context) ([]tui.Repository, error) {
	all, err := b.kept.Board(ctx)
	if err != nil {
		return nil, err
	}
	known, err := b.kept.Attested(ctx)
	if err != nil {
		return nil, err
	}
	var out []tui.Repository
	for _, t := range all {
		if t.Kind == kindBuilt {
			continue // what was built is no repository
		}
		r := repositoryOfSummary(t)
		if a, ok := known[t.Target]; ok && a.Commit == t.Commit {
			r.Attested = tui.Attested{State: tui.AttestState(a.State), Reason: a.Reason, Commit: a.Commit, At: a.At}
		}
		out = append(out, r)
	}
	if out, err = b.watchedRepositories(ctx, out); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(out, func(r tui.Repository) bool { return !r.Watched && b.app.now().Sub(r.Ended) > forgotten }), nil
}

// repositoryOfSummary is a run's summary as a row of the fleet.
func repositoryOfSummary(t store.TargetSummary) tui.Repository {
	r := tui.Repository{Target: t.Target, Name: t.Repo, Branch: t.Branch, Commit: t.Commit, Dirty: t.Dirty, Run: t.RunID, Ended: t.Ended, Verdict: t.Verdict,
		Open: t.Open, New: t.New, NewKnown: t.NewKnown, Findings: t.Findings, Waived: t.Waived, Ignored: t.Ignored, Controls: t.Controls}
	for _, n := range t.Trend {
		if n.Known { // a run that cannot be read had not none
			r.Trend = append(r.Trend, n.Open)
		}
	}
	for _, s := range t.Steps {
		if !s.Status.Complete() {
			r.Unwell = append(r.Unwell, fmt.Sprintf("%s: %s", s.Check, s.Status))
		}
	}
	return r
}

// Attest verifies what is known of the newest commits of targets, and keeps it.
func (b *board) Attest(ctx context.Context, targets []string) error {
	wanted := map[string]bool{}
	for _, t := range targets {
		wanted[t] = true
	}
	all, err := b.kept.Board(ctx)
	if err != nil {
		return err
	}
	kept, err := b.app.keptEvidence(b.proofs.cmd)
	if err != nil {
		return fmt.Errorf("the evidence: %w", err)
	}
	// The user's own policy is for all of them, and read once.
	named, from, err := b.app.namedPolicy("")
	if err != nil {
		return err
	}
	policyOf := func(dir string) (foundPolicy, error) {
		if named != nil {
			return foundPolicy{policy: named, from: from}, nil
		}
		return b.app.policyHere(ctx, dir, "")
	}
	var out []store.Attested
	for _, t := range all {
		if !wanted[t.Target] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		out = append(out, b.proofs.attested(ctx, t.Target, t.Commit, kept, policyOf))
	}
	if err := b.kept.PutAttested(ctx, out); err != nil {
		return err
	}
	for _, a := range out {
		if a.State == "" {
			return fmt.Errorf("%s: %s", filepath.Base(a.Target), a.Reason)
		}
	}
	return nil
}

// isTerminal says whether the dashboard can be drawn.
func (a *app) isTerminal() bool {
	_, ok := a.in.(*os.File)
	return ok && a.columns(a.in) > 0 && a.columns(a.out) > 0 && a.getenv("TERM") != "dumb"
}
