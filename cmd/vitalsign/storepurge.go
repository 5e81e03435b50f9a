package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/keepsafe"
	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

type purgeFlags struct{ cache, runs, all, dryRun, yes bool }

func (a *app) storePurgeCommand() *cobra.Command {
	var f purgeFlags
	c := &cobra.Command{
		Use: "purge", Short: "Remove the cache, the runs, or both",
		Long: "--cache removes what only saves time: answers, advisories, copies of the fleet's\n" +
			"repositories. --runs removes every run, the copies of the store from before its format\n" +
			"changed, decisions and logs. --all removes both, and what the fleet watches.\n\n" +
			"Never removed are the identity key, the trust file and other configuration, the versions of\n" +
			"policies that were seen, signed evidence, and whatever vitalsign did not make. Links are not\n" +
			"followed. Scans that are under way are kept when they end.",
		Example: "  vitalsign store purge --cache\n" +
			"  vitalsign store purge --runs --dry-run       what would go\n" +
			"  vitalsign store purge --all --yes            without a question",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return a.storePurge(cmd, f) },
	}
	fl := c.Flags()
	fl.BoolVar(&f.cache, "cache", false, "remove what only saves time")
	fl.BoolVar(&f.runs, "runs", false, "remove every run, decisions and logs")
	fl.BoolVar(&f.all, "all", false, "remove both, and what the fleet watches")
	fl.BoolVar(&f.dryRun, "dry-run", false, "only say what would go")
	fl.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return c
}

func (a *app) storePurge(cmd *cobra.Command, f purgeFlags) error {
	if !f.cache && !f.runs && !f.all {
		return usageError("say what is to go: --cache, --runs or --all\nRun 'vitalsign store' for what there is.")
	}
	f.cache, f.runs = f.cache || f.all, f.runs || f.all
	state, err := ownDirectory(a.stateDir())
	if err != nil {
		return err
	}
	cache, err := ownDirectory(a.cacheDir())
	if err != nil {
		return err
	}
	goes := map[string]bool{"runs": f.runs, "older copies": f.runs, decisionDir: f.runs, "logs": f.runs,
		cacheName: f.cache, "advisories": f.cache, "copies": f.cache, "descriptions": f.cache}
	var total int64
	for _, h := range a.holdings() {
		if !goes[h.Name] {
			continue
		}
		if err := h.measure(); err != nil {
			return fmt.Errorf("%s: %w", h.Path, err)
		}
		total += h.Bytes
		a.printf("%s: %s in %s, %s\n", h.Name, bytesText(h.Bytes), plural(h.Files, "file", "files"), safetext.Line(h.Path))
	}
	if f.dryRun {
		a.printf("%s would go; nothing was removed\n", bytesText(total))
		return nil
	}
	if err := a.confirm("Remove all of this?", f.yes); err != nil {
		return err
	}
	if err := a.purge(cmd, f, state, cache); err != nil {
		return err
	}
	a.printf("removed\n")
	return nil
}

// purge does all that it can and tells everything that it could not.
func (a *app) purge(cmd *cobra.Command, f purgeFlags, state, cache string) (err error) {
	if state != "" && fileExists(filepath.Join(state, runsFile)) {
		unlock, err := a.fleetTurn() // a scan of the fleet writes down in the store how far it is
		if err != nil {
			return err
		}
		defer unlock()
	}
	if f.cache && cache != "" {
		err = errors.Join(a.purgeCopies(cmd, state, cache), a.purgeCache(cache))
	}
	if f.runs && state != "" {
		err = errors.Join(err, a.purgeRuns(cmd, f.all, state))
	}
	return err
}

func (a *app) purgeRuns(cmd *cobra.Command, fleet bool, state string) error {
	if fileExists(filepath.Join(state, runsFile)) {
		s, err := a.openStore(cmd.Context())
		if err != nil {
			return err
		}
		_, err = s.Clear(cmd.Context(), fleet)
		if err == nil {
			err = s.Shrink(cmd.Context())
		}
		if err = errors.Join(err, s.Close()); err != nil {
			return err
		}
	}
	return removeIn(state, runsFile+".v*.bak", decisionDir, "logs")
}

// purgeCache empties what other processes may be using: each part by those who
// know how it is used.
func (a *app) purgeCache(cache string) error {
	answers, err := ownDirectory(cache, cacheName)
	if err == nil && answers != "" {
		_, err = keepsafe.Prune(answers, 0, a.now())
	}
	data, dataErr := ownDirectory(cache, osvName)
	if dataErr == nil && data != "" {
		dataErr = osvdb.Clear(data)
	}
	return errors.Join(err, dataErr, removeIn(cache, "describe-*.json"))
}

// purgeCopies takes away the copies of the fleet's repositories, waiting for
// whoever works on one.
func (a *app) purgeCopies(cmd *cobra.Command, state, cache string) error {
	copies, err := ownDirectory(cache, "fleet")
	if err != nil || copies == "" || state == "" {
		return err
	}
	w, err := a.openFleet(cmd, a.sayErr)
	if err != nil {
		return err
	}
	defer w.store.Close() // read only
	all, err := w.repositories(cmd.Context())
	if err != nil {
		return err
	}
	sync := w.syncer()
	sync.LockWait = removeWait
	for _, r := range all {
		err = errors.Join(err, sync.Remove(cmd.Context(), r))
	}
	return err
}

// removeIn removes what patterns match in a directory, whole. It cannot leave
// the directory, and of a link it removes the link.
func removeIn(dir string, patterns ...string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() // what was removed is removed
	entries, err := fs.ReadDir(root.FS(), ".")
	errs := []error{err}
	for _, e := range entries { // and not fs.Glob, which looks through links
		for _, p := range patterns {
			if ok, err := path.Match(p, e.Name()); err == nil && ok { // each is well formed
				errs = append(errs, root.RemoveAll(e.Name()))
			}
		}
	}
	return errors.Join(errs...)
}
