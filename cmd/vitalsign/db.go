package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/version"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

const (
	// osvName is the name of the advisory data in a job.
	osvName = "osv"
	// osvMaxAge is how old advisories may be unless the user says otherwise:
	// osv.dev changes daily, and two weeks bridge a holiday.
	osvMaxAge = 14 * 24 * time.Hour
	dbEnv     = "VITALSIGN_DB"
	// headerTimeout bounds the wait for a server's answer, not its download.
	headerTimeout = time.Minute
)

func (a *app) dbCommand() *cobra.Command {
	db := &cobra.Command{
		Use: "db", Short: "Get and show advisory data",
		Example: "  vitalsign db update Go npm      from osv.dev\n  vitalsign db import all.zip     from a file, without a network\n  vitalsign db status",
		Long: "The deps check matches your lock files against advisories on this machine. Nothing is\n" +
			"downloaded unasked: db update asks osv.dev, db import takes a copy of its exports.\n\n" +
			"The data lies in --db, else " + dbEnv + ", else the user's cache directory.",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	db.PersistentFlags().String("db", "", "directory of the advisory data (default: "+dbEnv+", or the cache directory)")
	db.AddCommand(a.dbImportCommand(), a.dbUpdateCommand(), a.dbStatusCommand())
	return db
}

// dbDir is where the advisory data lies: flag, environment, cache directory.
// It is "" when there is no place for it.
func (a *app) dbDir(cmd *cobra.Command) string {
	if dir, _ := cmd.Flags().GetString("db"); dir != "" {
		return dir
	}
	if dir := a.getenv(dbEnv); dir != "" {
		return dir
	}
	if dir := a.cacheDir(); dir != "" {
		return filepath.Join(dir, osvName)
	}
	return ""
}

func (a *app) needDBDir(cmd *cobra.Command) (string, error) {
	dir := a.dbDir(cmd)
	if dir == "" {
		return "", usageError("there is no directory for the data: set --db, %s, HOME or XDG_CACHE_HOME", dbEnv)
	}
	return dir, nil
}

func (a *app) dbImportCommand() *cobra.Command {
	asOf := ""
	c := &cobra.Command{
		Use: "import DIR|ZIP", Short: "Take advisories from a copy of osv.dev's exports",
		Long: "Reads a directory in the layout of osv.dev's exports (ECOSYSTEM/all.zip), one all.zip, a\n" +
			"zip of such a directory, or a directory of OSV JSON files. Every record is checked; one\n" +
			"that is malformed refuses the import. What is imported replaces the same ecosystem's data.",
		Example: "  vitalsign db import /media/usb/osv\n  vitalsign db import npm/all.zip --as-of 2026-09-01",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.dbImport(cmd, args[0], asOf) },
	}
	c.Flags().StringVar(&asOf, "as-of", "", "day on which the export was taken, YYYY-MM-DD (default: the newest date in its records)")
	return c
}

func (a *app) dbImport(cmd *cobra.Command, src, asOf string) error {
	dir, err := a.needDBDir(cmd)
	if err != nil {
		return err
	}
	var taken time.Time
	if asOf != "" {
		if taken, err = time.Parse(time.DateOnly, asOf); err != nil {
			return usageError("--as-of %q is not a day such as 2026-09-01", asOf)
		}
		if taken.After(a.now()) {
			return usageError("--as-of %s lies in the future", asOf)
		}
	}
	done, err := osvdb.Import(cmd.Context(), dir, src, a.now(), taken)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usageError("there is nothing to import: %w", err)
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		return exitError{judge.ExitInternal, fmt.Errorf("nothing was imported: %w", err)}
	}
	for _, e := range done {
		fmt.Fprintf(a.err, "%s: %d records, as of %s\n", safetext.Line(e.Name), e.Records, day(e.AsOf))
	}
	return nil
}

func (a *app) dbUpdateCommand() *cobra.Command {
	all := false
	c := &cobra.Command{
		Use: "update [ECOSYSTEM ...]", Short: "Bring advisories from osv.dev",
		Long: "Downloads osv.dev's exports of the named ecosystems, or of those that are here already.\n" +
			"An ecosystem that did not change is only asked about. One that fails keeps its data.\n\n" +
			"Ecosystems: " + strings.Join(osvdb.Usual(), ", ") + ".",
		Example: "  vitalsign db update npm PyPI\n  vitalsign db update\n  HTTPS_PROXY=http://proxy.clinic.example:3128 vitalsign db update --all",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.dbUpdate(cmd, args, all) },
	}
	c.Flags().BoolVar(&all, "all", false, "every ecosystem whose lock files can be read")
	return c
}

func (a *app) dbUpdate(cmd *cobra.Command, args []string, all bool) error {
	dir, err := a.needDBDir(cmd)
	if err != nil {
		return err
	}
	names, err := ecosystemsToUpdate(dir, args, all)
	if err != nil {
		return err
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return errors.New("the default transport is not net/http's own")
	}
	transport = transport.Clone() // with the proxies of the environment
	transport.ResponseHeaderTimeout = headerTimeout
	bar := a.dbProgress()
	u := osvdb.Updater{
		Client: &http.Client{Transport: transport}, URL: osvdb.ExportURL,
		Agent: "vitalsign/" + version.Version, Progress: bar.tell,
	}
	done, err := u.Update(cmd.Context(), dir, names, a.now())
	bar.clear()
	a.sayUpdated(done)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		return exitError{judge.ExitInternal, fmt.Errorf("not everything was updated: %w", err)}
	}
	return nil
}

func (a *app) sayUpdated(done []osvdb.Updated) {
	for _, u := range done {
		e := u.Ecosystem
		switch {
		case u.Err != nil && e.Name == "":
			fmt.Fprintf(a.err, "%s: failed, and there is no older data\n", u.Name)
		case u.Err != nil:
			fmt.Fprintf(a.err, "%s: failed; the data of %s was kept\n", u.Name, day(e.AsOf))
		case u.Unchanged:
			fmt.Fprintf(a.err, "%s: unchanged, %d records\n", u.Name, e.Records)
		default:
			fmt.Fprintf(a.err, "%s: %d records\n", u.Name, e.Records)
		}
	}
}

// ecosystemsToUpdate: the named ones, all, or those that are there.
func ecosystemsToUpdate(dir string, args []string, all bool) ([]string, error) {
	if all {
		if len(args) > 0 {
			return nil, usageError("--all and names exclude each other")
		}
		return osvdb.Usual(), nil
	}
	var names []string
	for _, arg := range args {
		name, ok := osvdb.FindEcosystem(arg)
		if !ok || !slices.Contains(osvdb.Usual(), name) {
			return nil, usageError("there is no ecosystem %q; the ecosystems are %s", arg, strings.Join(osvdb.Usual(), ", "))
		}
		names = append(names, name)
	}
	if len(names) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(names))), nil
	}
	state, err := osvdb.Status(dir)
	if errors.Is(err, osvdb.ErrNoData) || errors.Is(err, osvdb.ErrCorrupt) {
		return nil, usageError("%w: name the ecosystems, such as 'vitalsign db update npm PyPI', or use --all", err)
	}
	for _, e := range state.Ecosystems {
		names = append(names, e.Name)
	}
	return names, err
}

// dbBar shows a download on one line of a terminal, and nothing elsewhere.
type dbBar struct {
	app  *app
	live bool
	last string
}

func (a *app) dbProgress() *dbBar {
	return &dbBar{app: a, live: a.columns(a.err) > 0 && a.getenv("CI") == "" && a.getenv("TERM") != "dumb"}
}

func (b *dbBar) tell(p osvdb.Progress) {
	const megabyte = 1e6
	s := fmt.Sprintf("%s %.0f MB", p.Ecosystem, float64(p.Done)/megabyte)
	if p.Total > 0 {
		s = fmt.Sprintf("%s of %.0f MB", s, float64(p.Total)/megabyte)
	}
	if b.live && s != b.last {
		b.last = s
		fmt.Fprint(b.app.err, "\r\x1b[K"+s)
	}
}

func (b *dbBar) clear() {
	if b.last != "" {
		fmt.Fprint(b.app.err, "\r\x1b[K")
	}
}

func (a *app) dbStatusCommand() *cobra.Command {
	format := "table"
	c := &cobra.Command{
		Use: "status", Short: "Show which advisories are here, and how old they are",
		Example: "  vitalsign db status\n  vitalsign db status -f json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.dbStatus(cmd, format) },
	}
	c.Flags().StringVarP(&format, "format", "f", format, "table or json")
	return c
}

// dbStatusDocument is what db status -f json prints.
type dbStatusDocument struct {
	Path       string         `json:"path"`
	Digest     string         `json:"digest,omitempty"`
	MaxAgeMS   int64          `json:"max_age_ms"`
	Ecosystems []dbStatusLine `json:"ecosystems"`
	Problem    string         `json:"problem,omitempty"`
}

type dbStatusLine struct {
	osvdb.Ecosystem
	AgeMS int64 `json:"age_ms"`
	Stale bool  `json:"stale"`
}

// dbStatus informs; whether data is good enough is decided by scan.
func (a *app) dbStatus(cmd *cobra.Command, format string) error {
	if err := oneOfFormats(format, "table", "json"); err != nil {
		return err
	}
	dir, err := a.needDBDir(cmd)
	if err != nil {
		return err
	}
	doc := dbStatusDocument{Path: dir, MaxAgeMS: osvMaxAge.Milliseconds(), Ecosystems: []dbStatusLine{}}
	state, err := osvdb.Status(dir)
	if err == nil {
		doc.Digest = state.Digest()
		err = osvdb.Verify(dir, state)
	}
	if err != nil {
		doc.Problem = err.Error()
	}
	for _, e := range state.Ecosystems {
		age := a.now().Sub(e.AsOf)
		doc.Ecosystems = append(doc.Ecosystems, dbStatusLine{e, age.Milliseconds(), age > osvMaxAge})
	}
	if format == "json" {
		return writeJSON(a.out, doc)
	}
	return a.dbStatusTable(doc)
}

func (a *app) dbStatusTable(doc dbStatusDocument) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	if len(doc.Ecosystems) > 0 {
		fmt.Fprintln(w, "ECOSYSTEM\tRECORDS\tAS OF\tAGE\tDIGEST")
	}
	for _, e := range doc.Ecosystems {
		stale := ""
		if e.Stale {
			stale = " (stale)"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s%s\t%.12s\n", safetext.Line(e.Name), e.Records, day(e.AsOf), words(e.AgeMS), stale, safetext.Line(e.SHA256))
	}
	if doc.Problem != "" {
		fmt.Fprintf(w, "%s\nGet it with: vitalsign db update ECOSYSTEM ...\n", safetext.Line(doc.Problem))
	}
	return w.Flush()
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func words(ms int64) string {
	switch days := ms / (24 * time.Hour).Milliseconds(); days {
	case 0:
		return "today"
	case 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", days)
	}
}

// osvData gives the advisory data for a scan: nil without any, and in stale,
// when it is older than maxAge, the reason in words. Its as_of is the oldest of
// all ecosystems: a scan may not call itself fresher than its oldest part.
func (a *app) osvData(cmd *cobra.Command, maxAge time.Duration) (set *pipelines.DataSet, stale string, err error) {
	dir := a.dbDir(cmd)
	if dir == "" {
		return nil, "", nil
	}
	state, err := osvdb.Status(dir)
	if errors.Is(err, osvdb.ErrNoData) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("%w; get it again with vitalsign db update", err)
	}
	oldest, name := state.Oldest()
	if age := a.now().Sub(oldest); age > maxAge {
		stale = fmt.Sprintf("the advisories of %s are %s old (as of %s, allowed are %s); run: vitalsign db update",
			name, words(age.Milliseconds()), day(oldest), words(maxAge.Milliseconds()))
	}
	return &pipelines.DataSet{Data: checks.Data{Name: osvName, Digest: state.Digest(), AsOf: oldest}, Path: dir}, stale, nil
}
