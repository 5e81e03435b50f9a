package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/attest/archive"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/keepsafe"
	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/store"
)

const (
	// retentionYears is how long 45 CFR 164.316(b)(2)(i) has documentation kept.
	retentionYears = 6
	// settling is how long a run stays that was made just now: it may be about to
	// be signed.
	settling = time.Hour
)

type pruneFlags struct {
	olderThan   string
	keep        int
	dryRun, yes bool
}

func (a *app) storePruneCommand() *cobra.Command {
	var f pruneFlags
	c := &cobra.Command{
		Use: "prune", Short: "Remove old runs, and what the cache holds beyond its bound",
		Long: "Without --older-than and --keep no run is removed: only the cache is brought within\n" +
			"cache_size, and what killed processes left is swept up.\n\n" +
			"With them a run goes when each of the two that is given lets it go. There always stay the\n" +
			"newest run of each target, runs with a signed bill of health, the last run in which a waiver\n" +
			"counted, runs whose commit was verified, and runs that a scan of the fleet names. Signed\n" +
			"evidence is never removed. Where nobody can tell whether a run is referred to, it stays.\n\n" +
			"HIPAA has documentation kept six years (45 CFR 164.316(b)(2)(i)). Before runs go that are\n" +
			"younger it is said how many; vitalsign store backup keeps them.",
		Example: "  vitalsign store prune                                  the cache only\n" +
			"  vitalsign store prune --older-than 2200d --dry-run     what would go, and how much\n" +
			"  vitalsign store prune --older-than 90d --keep 20 --yes",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return a.storePrune(cmd, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.olderThan, "older-than", "", "remove runs that began earlier: a number of days (90d), or a date (2020-01-31)")
	fl.IntVar(&f.keep, "keep", 0, "remove runs beyond the newest so many of each target")
	fl.BoolVar(&f.dryRun, "dry-run", false, "only say what would go")
	fl.BoolVarP(&f.yes, "yes", "y", false, "do not ask before runs are removed")
	settingsFlags(fl, "cache_size", "evidence")
	return c
}

func (a *app) storePrune(cmd *cobra.Command, f pruneFlags) error {
	r, any, err := a.retention(cmd, f)
	if err != nil {
		return err
	}
	settings, err := a.settingsHere(cmd)
	if err != nil {
		return err
	}
	if any {
		if err := a.pruneRuns(cmd, f, r, settings); err != nil {
			return err
		}
	}
	return a.pruneCache(f.dryRun, settings.CacheSize)
}

// retention reads what may go; any says whether runs are asked for at all.
func (a *app) retention(cmd *cobra.Command, f pruneFlags) (r store.Retention, any bool, err error) {
	if cmd.Flags().Changed("keep") {
		if f.keep < 1 {
			return r, false, usageError("--keep: %d is not allowed; allowed: 1 or more (the newest run of a target always stays)", f.keep)
		}
		r.Keep, any = f.keep, true
	}
	if f.olderThan == "" {
		return r, any, nil
	}
	now := a.now().UTC()
	if days, err := strconv.Atoi(strings.TrimSuffix(f.olderThan, "d")); err == nil && strings.HasSuffix(f.olderThan, "d") && days >= 1 && days <= 36500 {
		r.Before = now.AddDate(0, 0, -days)
	} else if r.Before, err = time.Parse(time.DateOnly, f.olderThan); err != nil || r.Before.After(now) {
		return r, false, usageError("--older-than: %q is neither a number of days (90d) nor a date that is over (2020-01-31)", f.olderThan)
	}
	return r, true, nil
}

func (a *app) pruneRuns(cmd *cobra.Command, f pruneFlags, r store.Retention, settings config.Settings) error {
	dir := a.stateDir()
	if dir == "" || !fileExists(filepath.Join(dir, runsFile)) {
		a.printf("runs: none is kept\n")
		return nil
	}
	ctx := cmd.Context()
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close() // what was removed is removed
	all, err := s.Runs(ctx)
	if err != nil {
		return err
	}
	r.Hold = a.holds(ctx, settings.Evidence, all)
	p, err := s.Prune(ctx, r, true)
	if err != nil {
		return err
	}
	a.tellPruned(p, len(all), f.dryRun)
	if f.dryRun || len(p.Runs) == 0 {
		return nil
	}
	if err := a.confirm(fmt.Sprintf("Remove %s?", plural(len(p.Runs), "run", "runs")), f.yes); err != nil {
		return err
	}
	done, err := s.Prune(ctx, r, false)
	if err != nil {
		return err
	}
	a.printf("runs: %s removed\n", plural(len(done.Runs), "run", "runs"))
	if err := s.Shrink(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintf(a.err, "the runs are gone, and their room is used again; it could not be given back now: %s\n", safetext.Line(err.Error()))
	}
	return nil
}

// tellPruned says what goes, what stays and why.
func (a *app) tellPruned(p store.Pruned, of int, dry bool) {
	verb := "go"
	if dry {
		verb = "would go"
	}
	a.printf("runs: %d of %d %s (%s)\n", len(p.Runs), of, verb, bytesText(p.Bytes()))
	for _, why := range slices.Sorted(maps.Keys(p.Held)) {
		a.printf("  %d more stay: %s\n", p.Held[why], safetext.Line(why))
	}
	young, limit := 0, a.now().UTC().AddDate(-retentionYears, 0, 0)
	for _, r := range p.Runs {
		if r.Started.After(limit) {
			young++
		}
	}
	if young > 0 {
		a.printf("  %d of them younger than six years, for which HIPAA has documentation kept (45 CFR 164.316(b)(2)(i));\n"+
			"  vitalsign store backup FILE keeps a copy\n", young)
	}
}

// holds says of a run why it stays: signed evidence is about it, or nobody can
// tell. Only runs that were there when it was asked are let go.
func (a *app) holds(ctx context.Context, evidence string, runs []store.RunInfo) func(store.RunInfo) string {
	why, looked := map[string]string{}, map[string]map[string]string{}
	for _, r := range runs {
		where := "" // a directory, a registry and a bucket are the same for all targets
		if l, err := archive.Parse(a.evidencePlace(evidence)); err != nil || l.Kind == archive.GitRef {
			where = r.Target
		}
		if looked[where] == nil {
			looked[where] = a.billed(ctx, where, config.EvidenceDefault, evidence)
		}
		why[r.ID] = looked[where][r.ID]
		if trouble := looked[where][""]; trouble != "" {
			why[r.ID] = trouble
		}
	}
	return func(r store.RunInfo) string {
		reason, known := why[r.ID]
		if !known || a.now().Sub(r.Started) < settling {
			return "made just now"
		}
		return reason
	}
}

// billed finds the runs that have a bill of health in any of the places, each
// with the reason to stay. That of "" holds for every run.
func (a *app) billed(ctx context.Context, dir string, places ...string) map[string]string {
	found := map[string]string{}
	slices.Sort(places)
	for _, place := range slices.Compact(places) {
		kept, err := a.archive(ctx, place, dir)
		var names []string
		if err == nil {
			names, err = kept.List(ctx, "")
		}
		if err != nil {
			found[""] = "nobody can tell whether evidence is about it: " + err.Error()
			continue
		}
		for _, name := range names {
			if id, ok := strings.CutSuffix(path.Base(name), "."+billFile); ok {
				found[id] = "a signed bill of health is about it"
			}
		}
	}
	return found
}

// pruneCache brings the caches within their bounds.
func (a *app) pruneCache(dry bool, bound int64) error {
	dir := a.cacheDir()
	if dir == "" {
		return nil
	}
	verb := "removed"
	if dry {
		verb = "would go"
	}
	answers, err := ownDirectory(dir, cacheName)
	if err != nil {
		return err
	}
	if answers != "" {
		prune := keepsafe.Prune
		if dry {
			prune = keepsafe.Surplus
		}
		gone, err := prune(answers, bound, a.now())
		if err != nil {
			return err
		}
		a.printf("answers: %s %s (%s); allowed are %s (cache_size)\n", plural(gone.Files, "file", "files"), verb, bytesText(gone.Bytes), bytesText(bound))
	}
	data, err := ownDirectory(dir, osvName)
	if err != nil || data == "" {
		return err
	}
	gone, err := osvdb.Prune(data, dry)
	switch {
	case errors.Is(err, osvdb.ErrBusy):
		a.sayErr("advisories: another vitalsign writes to them; left alone")
	case errors.Is(err, osvdb.ErrCorrupt):
		a.sayErr("advisories: " + err.Error() + "; get them again with vitalsign db update")
	case err != nil:
		return err
	default:
		a.printf("advisories: %s of data that is no longer in use %s\n", bytesText(gone), verb)
	}
	return nil
}

// ownDirectory gives one of vitalsign's directories, "" when it is not there. One
// that is a link, or is reached over a link in vitalsign's own directory, is
// refused: nothing is removed where a link leads.
func ownDirectory(parts ...string) (string, error) {
	dir := ""
	for _, part := range parts {
		dir = filepath.Join(dir, part)
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if !info.IsDir() {
			return "", usageError("%s is not a directory but a link or a file: nothing is removed through it\nRemove by hand what it leads to.", dir)
		}
	}
	return dir, nil
}

// confirm asks a yes-or-no question, or takes --yes for the answer. Without a
// terminal to ask, and without a yes, nothing may be done.
func (a *app) confirm(question string, yes bool) error {
	if yes {
		return nil
	}
	switch agreed, asked := a.ask(question); {
	case !asked:
		return usageError("nothing was removed: there is no terminal to ask; say --yes")
	case !agreed:
		return exitError{judge.ExitUsage, errors.New("nothing was removed")}
	}
	return nil
}
