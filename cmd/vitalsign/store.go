package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

const runsFile = "runs.db"

func (a *app) storeCommand() *cobra.Command {
	format := "table"
	status := func(cmd *cobra.Command, _ []string) error { return a.storeStatus(cmd, format) }
	c := &cobra.Command{
		Use: "store", Short: "What is kept on this machine: where, how much; back up, restore, prune, purge",
		Long: "Runs, signed evidence, decisions and logs are kept in the state directory, what only saves\n" +
			"time in the cache directory. Nothing that says who you are or whom you trust is there, and\n" +
			"no verb here touches it: the identity key and the trust file are configuration.\n\n" +
			"Runs are kept until you prune them. Documentation that HIPAA asks for is kept six years\n" +
			"(45 CFR 164.316(b)(2)(i)); whether a scan is a part of yours, vitalsign cannot know.",
		Example: "  vitalsign store                                  what is where, and how large\n" +
			"  vitalsign store backup /mnt/backup/vitalsign.tar.gz\n" +
			"  vitalsign store prune --older-than 2200d --dry-run",
		Args: cobra.NoArgs, RunE: status,
	}
	show := &cobra.Command{
		Use: "status", Short: "Say what is kept where, and how much of it",
		Example: "  vitalsign store status\n  vitalsign store status -f json",
		Args:    cobra.NoArgs, RunE: status,
	}
	for _, cmd := range []*cobra.Command{c, show} {
		cmd.Flags().StringVarP(&format, "format", "f", "table", "what to print: table, json")
	}
	c.AddCommand(show, a.storeBackupCommand(), a.storeRestoreCommand(), a.storePruneCommand(), a.storePurgeCommand())
	return c
}

// holding is one thing that is kept on this machine.
type holding struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	// Note says what else there is to know of it.
	Note string `json:"note,omitempty"`

	dir, pattern string
}

// holdings is all that is kept, as it lies: what is not there has no bytes. What
// is not in this list no verb removes.
func (a *app) holdings() []holding {
	var all []holding
	add := func(dir, name, pattern, note string) {
		if dir != "" {
			all = append(all, holding{Name: name, Path: filepath.Join(dir, pattern), Note: note, dir: dir, pattern: pattern})
		}
	}
	state, cache := a.stateDir(), a.cacheDir()
	add(state, "runs", runsFile, "")
	add(state, "older copies", runsFile+".v*.bak", "of the runs, from before their format changed")
	add(state, "evidence", "evidence", "signed; only grows, and no verb removes it")
	add(state, decisionDir, decisionDir, "for vitalsign explain")
	add(state, "logs", "logs", "of builds and engines")
	add(state, "policies", versionFile, "the newest version seen of each; no verb removes it")
	add(cache, cacheName, cacheName, "")
	add(cache, "advisories", osvName, "see vitalsign db status")
	add(cache, "copies", "fleet", "of the repositories of the fleet")
	add(cache, "descriptions", "describe-*.json", "of checks")
	return all
}

// measure counts the files of a holding, without following a link.
func (h *holding) measure() error {
	root, err := os.OpenRoot(h.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close() // read only
	names, err := fs.Glob(root.FS(), h.pattern)
	if err != nil {
		return err
	}
	if h.pattern == runsFile {
		names = append(names, runsFile+"-wal", runsFile+"-shm", runsFile+".lock")
	}
	for _, name := range names {
		err := fs.WalkDir(root.FS(), name, func(_ string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // gone since, as the files beside a database go
			}
			if err != nil || e.IsDir() {
				return err
			}
			info, err := e.Info()
			if err == nil {
				h.Files++
				h.Bytes += info.Size()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// storeDocument is the answer of store status for machines.
type storeDocument struct {
	Holdings []holding `json:"holdings"`
	Runs     int       `json:"runs"`
	Targets  int       `json:"targets"`
	Oldest   time.Time `json:"oldest,omitzero"`
	Newest   time.Time `json:"newest,omitzero"`
	// CacheBound is cache_size, in bytes.
	CacheBound int64 `json:"cache_bound"`
}

func (a *app) storeStatus(cmd *cobra.Command, format string) error {
	if err := oneOfFormats(format, "table", "json"); err != nil {
		return err
	}
	settings, err := a.settingsHere(cmd)
	if err != nil {
		return err
	}
	doc := storeDocument{Holdings: a.holdings(), CacheBound: settings.CacheSize}
	if len(doc.Holdings) == 0 {
		return usageError("there is no directory where anything could be kept: set HOME or XDG_STATE_HOME")
	}
	if err := a.countRuns(cmd.Context(), &doc); err != nil {
		return err
	}
	for i := range doc.Holdings {
		h := &doc.Holdings[i]
		if err := h.measure(); err != nil {
			return fmt.Errorf("%s: %w", h.Path, err)
		}
		switch h.pattern {
		case runsFile:
			h.Note = doc.span()
		case cacheName:
			h.Note = "of steps, for later scans; at most " + bytesText(doc.CacheBound) + " (cache_size)"
		}
	}
	if format == "json" {
		return writeJSON(a.out, doc)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEPT\tSIZE\tFILES\tWHERE")
	for _, h := range doc.Holdings {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", h.Name, bytesText(h.Bytes), h.Files, safetext.Line(h.Path))
		if h.Note != "" {
			fmt.Fprintf(w, "\t\t\t  %s\n", h.Note)
		}
	}
	return w.Flush()
}

// countRuns opens the store only where there is one: to look makes none.
func (a *app) countRuns(ctx context.Context, doc *storeDocument) error {
	if dir := a.stateDir(); dir == "" || !fileExists(filepath.Join(dir, runsFile)) {
		return nil
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close() // read only
	runs, err := s.Runs(ctx)
	if err != nil {
		return err
	}
	targets := map[string]bool{}
	for _, r := range runs {
		targets[r.Target] = true
		if doc.Oldest.IsZero() || r.Started.Before(doc.Oldest) {
			doc.Oldest = r.Started
		}
		if r.Started.After(doc.Newest) {
			doc.Newest = r.Started
		}
	}
	doc.Runs, doc.Targets = len(runs), len(targets)
	return nil
}

// span says in words which runs there are.
func (d storeDocument) span() string {
	if d.Runs == 0 {
		return "no run is kept yet"
	}
	return fmt.Sprintf("%s of %s, %s to %s", plural(d.Runs, "run", "runs"), plural(d.Targets, "target", "targets"), day(d.Oldest), day(d.Newest))
}

// bytesText is a size for people, in units of 1,024 as settings have them.
func bytesText(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%dB", n)
	}
	size, unit := float64(n)/(1<<10), 0
	for size >= 1023.95 && unit < len(units)-1 {
		size /= 1 << 10
		unit++
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", size), ".0") + units[unit:unit+1] + "B"
}
