package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/store"
)

func (a *app) reportCommand() *cobra.Command {
	var f scanFlags
	c := &cobra.Command{
		Use: "report [RUN]", Short: "Write a stored run again, in any format; without RUN, list them",
		Long: "Writes the report of a run that was kept. RUN is the beginning of its id, or last.\nThe exit code says only whether the report was written; the verdict is in it.",
		Example: "  vitalsign report                        the newest runs\n  vitalsign report last\n" +
			"  vitalsign report 3fa9 -f sarif > r.sarif",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.report(cmd, args, f) },
	}
	reportFlags(c.Flags(), &f)
	return c
}

func (a *app) report(cmd *cobra.Command, args []string, f scanFlags) error {
	outputs, err := parseOutputs(f)
	if err != nil {
		return err
	}
	s, err := a.openStore(cmd.Context())
	if err != nil {
		return err
	}
	defer s.Close() // read only
	if len(args) == 0 {
		return a.listRuns(cmd.Context(), s)
	}
	run, err := s.Load(cmd.Context(), args[0])
	if errors.Is(err, store.ErrNoRun) {
		return usageError("%w\nRun 'vitalsign report' for the runs that are kept.", err)
	}
	if err != nil {
		return err
	}
	doc := checks.Document{Schema: checks.DocumentSchema, Runs: []checks.Run{run}, Verdict: run.Verdict}
	return a.write(cmd, doc, f, outputs, noHashes)
}

// noHashes: a stored run does not hold the source that GitHub's line hashes are
// made of; GitHub computes them itself where they are absent.
func noHashes(checks.Run, checks.Finding) string { return "" }

const listed = 20

func (a *app) listRuns(ctx context.Context, s *store.Store) error {
	runs, err := s.List(ctx, listed)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		fmt.Fprintln(a.err, "no run is kept yet: vitalsign scan makes one")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tWHEN\tEXIT\tFINDINGS\tTARGET")
	for _, r := range runs {
		target := r.Target
		if r.Commit != "" {
			target += " at " + r.Commit[:min(12, len(r.Commit))]
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", r.ID[:min(12, len(r.ID))], r.Started.Format(time.RFC3339), r.Exit, r.Findings, safetext.Line(target))
	}
	return w.Flush()
}

// openStore opens the user's store of runs.
func (a *app) openStore(ctx context.Context) (*store.Store, error) {
	dir := a.stateDir()
	if dir == "" {
		return nil, usageError("there is no directory for runs: set HOME or XDG_STATE_HOME")
	}
	s, err := store.Open(ctx, filepath.Join(dir, "runs.db"))
	if errors.Is(err, store.ErrNewer) {
		return nil, exitError{judge.ExitUsage, err}
	}
	return s, err
}
