package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/fleet"
	"github.com/vitalsign-dev/vitalsign/internal/forge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/store"
)

func (a *app) fleetAddCommand() *cobra.Command {
	var f forge.Filter
	c := &cobra.Command{
		Use: "add OWNER/REPO|ACCOUNT|PATH ...", Short: "Watch a repository, all of an account, or a directory",
		Long: "A name that is there on disk is a path; gh:NAME is always one at GitHub. HOST/NAME is one\n" +
			"at a GitHub Enterprise server. Of an account (organisation or user) all repositories are\n" +
			"watched, but those that are archived and forks; adding it again replaces what was chosen.\n" +
			"A bare repository on disk is copied like one at GitHub.",
		Example: "  vitalsign fleet add acme-health/portal ../billing\n" +
			"  vitalsign fleet add acme-health --topic phi --exclude '*-sandbox'\n" +
			"  vitalsign fleet add github.clinic.example/radiology --match 'dicom-*'",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.fleetAdd(cmd, args, f) },
	}
	fl := c.Flags()
	fl.StringSliceVar(&f.Topics, "topic", nil, "of an account, only repositories with one of these topics")
	fl.BoolVar(&f.Archived, "include-archived", false, "archived repositories, too")
	fl.BoolVar(&f.Forks, "include-forks", false, "forks, too")
	fl.StringSliceVar(&f.Match, "match", nil, "only names that fit one of these globs; OWNER/REPO where there is a slash in it")
	fl.StringSliceVar(&f.Exclude, "exclude", nil, "not the names that fit one of these globs")
	return c
}

// fleetAdd asks about every source before it keeps one: a wrong name adds none.
func (a *app) fleetAdd(cmd *cobra.Command, args []string, f forge.Filter) error {
	if err := f.Check(); err != nil {
		return usageError("%w", err)
	}
	w, err := a.openFleet(cmd, a.sayErr)
	if err != nil {
		return err
	}
	defer w.store.Close() // what was kept is kept
	var sources []store.FleetSource
	var found []fleet.Expansion
	for _, arg := range args {
		src, err := w.parseSource(arg)
		if err != nil {
			return err
		}
		s, x, err := w.expand(cmd.Context(), src, f, "")
		if err != nil {
			return asked(err)
		}
		sources, found = append(sources, s), append(found, x)
	}
	for i, s := range sources {
		if err := w.store.PutFleetSource(cmd.Context(), s, found[i].Repositories); err != nil {
			return err
		}
		a.sayFound(s.Name, found[i])
	}
	return nil
}

// expand asks what a source stands for, and compares with what is known of it.
func (w *fleetWorld) expand(ctx context.Context, src fleet.Source, f forge.Filter, api string) (store.FleetSource, fleet.Expansion, error) {
	name := src.String()
	known, err := w.store.FleetRepositories(ctx)
	if err != nil {
		return store.FleetSource{}, fleet.Expansion{}, err
	}
	before := slices.DeleteFunc(known, func(r store.FleetRepository) bool { return r.Source != name })
	x, err := w.expander(ctx, api).Expand(ctx, src, f, before)
	if err != nil {
		if src.Path != "" && ctx.Err() == nil {
			err = usageError("%w", err)
		}
		return store.FleetSource{}, x, err
	}
	filter, err := json.Marshal(f)
	if err != nil {
		return store.FleetSource{}, x, err
	}
	if src.Path == "" && api == "" {
		api, err = w.apiOf(src)
	}
	now := w.app.now().UTC()
	return store.FleetSource{Name: name, API: api, Filter: filter, Added: now, Refreshed: now}, x, err
}

func (a *app) sayFound(name string, x fleet.Expansion) {
	n := 0
	for _, r := range x.Repositories {
		if r.Gone == "" {
			n++
		}
	}
	a.sayErr(fmt.Sprintf("%s: %s watched", name, plural(n, "repository", "repositories")))
	for _, note := range x.Notes {
		a.sayErr("  note: " + note)
	}
	for _, left := range x.Left {
		a.sayErr("  left out from now on: " + left)
	}
	for _, gone := range x.Gone {
		a.sayErr("  gone: " + gone + "; every scan says so until: vitalsign fleet remove " + gone)
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (a *app) fleetRefreshCommand() *cobra.Command {
	return &cobra.Command{
		Use: "refresh", Short: "Ask again which repositories there are",
		Long: "Asks GitHub again for every source. An answer that did not change costs nothing (ETags).\n" +
			"A source that fails keeps what is known of it.",
		Example: "  vitalsign fleet refresh",
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return a.fleetRefresh(cmd) },
	}
}

func (a *app) fleetRefresh(cmd *cobra.Command) error {
	w, err := a.openFleet(cmd, a.sayErr)
	if err != nil {
		return err
	}
	defer w.store.Close() // what was kept is kept
	sources, err := w.store.FleetSources(cmd.Context())
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return nothingWatched()
	}
	var failed []string
	for _, s := range sources {
		err := w.refresh(cmd.Context(), s)
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		if err != nil {
			failed = append(failed, s.Name+": "+err.Error())
		}
	}
	if len(failed) > 0 {
		return asked(fmt.Errorf("not everything was refreshed, and what is known of the rest was kept:\n%s", strings.Join(failed, "\n")))
	}
	return nil
}

func (w *fleetWorld) refresh(ctx context.Context, s store.FleetSource) error {
	src, err := fleet.Parse(s.Name, func(string) bool { return false })
	if err != nil {
		return err
	}
	var f forge.Filter
	if len(s.Filter) > 0 {
		if err := json.Unmarshal(s.Filter, &f); err != nil {
			return err
		}
	}
	now, x, err := w.expand(ctx, src, f, s.API)
	if err != nil {
		return err
	}
	if err := w.store.PutFleetSource(ctx, now, x.Repositories); err != nil {
		return err
	}
	w.app.sayFound(s.Name, x)
	return nil
}

func nothingWatched() error {
	return usageError("nothing is watched yet\nBegin with: vitalsign fleet add OWNER/REPO, an account, or a directory.")
}

func (a *app) fleetRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME ...", Short: "Watch something no more",
		Long: "NAME is a source as it was added, or a repository that is gone. The runs that were kept\n" +
			"stay; the copy of a repository is removed.",
		Example: "  vitalsign fleet remove acme-health/portal\n  vitalsign fleet remove gh:acme-health",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.fleetRemove(cmd, args) },
	}
}

func (a *app) fleetRemove(cmd *cobra.Command, args []string) error {
	w, err := a.openFleet(cmd, a.sayErr)
	if err != nil {
		return err
	}
	defer w.store.Close() // what was kept is kept
	before, err := w.repositories(cmd.Context())
	if err != nil {
		return err
	}
	for _, arg := range args {
		if err := w.remove(cmd.Context(), arg); err != nil {
			return err
		}
	}
	left, err := w.repositories(cmd.Context())
	if err != nil {
		return err
	}
	copies := w.syncer()
	copies.LockWait = removeWait
	for _, r := range before {
		if !slices.ContainsFunc(left, func(l store.FleetRepository) bool { return l.Name == r.Name }) {
			err = errors.Join(err, copies.Remove(cmd.Context(), r))
			a.sayErr(r.Name + ": watched no more")
		}
	}
	return err
}

// remove takes a source away, or what is gone of one.
func (w *fleetWorld) remove(ctx context.Context, arg string) error {
	names, err := w.candidates(arg)
	if err != nil {
		return err
	}
	for _, src := range names {
		if ok, err := w.store.RemoveFleetSource(ctx, src.String()); ok || err != nil {
			return err
		}
	}
	sources, err := w.store.FleetSources(ctx)
	if err != nil {
		return err
	}
	found := false
	for _, s := range sources {
		forgot, err := w.forget(ctx, s, names)
		if err != nil {
			return err
		}
		found = found || forgot
	}
	if !found {
		return usageError("%s is not watched\nRun 'vitalsign fleet list' for what is.", arg)
	}
	return nil
}

// forget takes a repository that is gone out of a source. One that is there
// would come back with the next refresh.
func (w *fleetWorld) forget(ctx context.Context, s store.FleetSource, names []fleet.Source) (bool, error) {
	all, err := w.store.FleetRepositories(ctx)
	if err != nil {
		return false, err
	}
	before := 0
	var kept []store.FleetRepository
	for _, r := range all {
		if r.Source != s.Name {
			continue
		}
		before++
		meant := named(r, names)
		if meant && r.Gone == "" {
			return false, usageError("%s is one of %s\nLeave it out by adding that again, with --exclude %s and what was chosen before.", r.Name, s.Name, path.Base(r.Name))
		}
		if !meant {
			kept = append(kept, r)
		}
	}
	if len(kept) == before {
		return false, nil
	}
	return true, w.store.PutFleetSource(ctx, s, kept)
}

// named says whether a repository is one of these.
func named(r store.FleetRepository, names []fleet.Source) bool {
	return slices.ContainsFunc(names, func(src fleet.Source) bool {
		if src.Path != "" {
			return r.Name == src.Path
		}
		return strings.EqualFold("gh:"+r.Name, src.String())
	})
}

func (a *app) fleetListCommand() *cobra.Command {
	format := "table"
	c := &cobra.Command{
		Use: "list", Short: "Show what is watched",
		Example: "  vitalsign fleet list\n  vitalsign fleet list -f json",
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return a.fleetList(cmd, format) },
	}
	c.Flags().StringVarP(&format, "format", "f", format, "table or json")
	return c
}

// fleetListDocument is what fleet list -f json prints.
type fleetListDocument struct {
	Sources      []store.FleetSource     `json:"sources"`
	Repositories []store.FleetRepository `json:"repositories"`
}

func (a *app) fleetList(cmd *cobra.Command, format string) error {
	if err := oneOfFormats(format, "table", "json"); err != nil {
		return err
	}
	w, err := a.openFleet(cmd, a.sayErr)
	if err != nil {
		return err
	}
	defer w.store.Close() // read only
	var doc fleetListDocument
	if doc.Sources, err = w.store.FleetSources(cmd.Context()); err != nil {
		return err
	}
	if doc.Repositories, err = w.store.FleetRepositories(cmd.Context()); err != nil {
		return err
	}
	if format == "json" {
		return writeJSON(a.out, doc)
	}
	if len(doc.Sources) == 0 {
		a.sayErr("nothing is watched yet: vitalsign fleet add OWNER/REPO, an account, or a directory")
		return nil
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "REPOSITORY\tSOURCE\tBRANCH\tSEEN\tNOTES")
	for _, r := range doc.Repositories {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", safetext.Line(r.Name), safetext.Line(r.Source), safetext.Line(r.Branch), day(r.Seen), safetext.Line(remarks(r)))
	}
	return t.Flush()
}

func remarks(r store.FleetRepository) string {
	var n []string
	if r.Gone != "" {
		n = append(n, "gone: "+r.Gone)
	}
	if r.Archived {
		n = append(n, "archived")
	}
	if r.Private {
		n = append(n, "private")
	}
	if len(r.Topics) > 0 {
		n = append(n, "topics "+strings.Join(r.Topics, ","))
	}
	return strings.Join(n, "; ")
}
