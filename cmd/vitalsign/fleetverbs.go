package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/fleet"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

func (a *app) fleetScanCommand() *cobra.Command {
	r := fleetRequest{}
	c := &cobra.Command{
		Use: "scan [NAME ...]", Short: "Bring every watched repository here, scan it and keep the run",
		Long: "Scans all that is watched, or the repositories and sources that are named. A scan that was\n" +
			"interrupted is gone on with. Each repository's own configuration counts for it, as in\n" +
			"vitalsign scan. The exit code is the largest of all.\n\n" + exitHelp(),
		Example: "  vitalsign fleet scan\n  vitalsign fleet scan acme-health/portal --fail-on critical\n  vitalsign fleet scan --jobs 4 --restart -f json",
		RunE: func(cmd *cobra.Command, args []string) error {
			r.names = args
			return a.fleetScan(cmd, r)
		},
	}
	fl := c.Flags()
	fl.StringVarP(&r.flags.format, "format", "f", "table", "table or json")
	fl.BoolVarP(&r.flags.quiet, "quiet", "q", false, "no progress, only the summary")
	fl.BoolVarP(&r.flags.verbose, "verbose", "v", false, "a line for each step, too")
	fl.IntVar(&r.jobs, "jobs", 0, "how many repositories to work on at once (default: as many as checks can run)")
	fl.BoolVar(&r.restart, "restart", false, "begin anew instead of going on with a scan that was interrupted")
	fl.String("db", "", "where the advisory data is (default: the cache; see vitalsign db)")
	fl.BoolVar(&r.flags.noIgnore, "no-ignore", false, "read what .gitignore names, too")
	fl.StringSliceVar(&r.flags.only, "check", nil, "only these checks; the rest is named as not asked")
	fl.StringVar(&r.flags.policy, "policy", "", "policy that says whose waivers count, and tightens the gate")
	settingsFlags(fl)
	return c
}

// fleetScan shows what scanFleet does.
func (a *app) fleetScan(cmd *cobra.Command, r fleetRequest) error {
	if err := oneOfFormats(r.flags.format, "table", "json"); err != nil {
		return err
	}
	if r.jobs < 0 || r.jobs > maxJobs {
		return usageError("--jobs is 1 to %d, not %d", maxJobs, r.jobs)
	}
	if h := cmd.Flags().Lookup("history"); h != nil && h.Changed && h.Value.String() == "true" {
		return usageError("the fleet is brought here without its history\nScan a full clone with: vitalsign scan --history")
	}
	r.events, r.say = func(pipelines.Event) {}, a.sayErr
	if r.flags.verbose {
		plain := a.plainProgress(cmd)
		r.events = plain.Event
	}
	if r.flags.quiet {
		r.say = func(string) {}
	}
	ans, err := a.scanFleet(cmd, r)
	if err != nil {
		return err
	}
	lines, err := a.fleetLines(cmd, func(l fleetLine) (fleetLine, bool) {
		n := slices.IndexFunc(ans.items, func(i store.FleetItem) bool { return i.Name == l.Name })
		if n < 0 {
			return l, false
		}
		i := ans.items[n]
		l.Gate, l.Exit, l.Reason = gateWords(i.Exit), &i.Exit, i.Reason
		return l, true
	})
	if err != nil {
		return err
	}
	a.code = ans.exit
	if r.flags.format == "json" {
		return writeJSON(a.out, fleetScanDocument{ID: ans.id, Started: ans.started, Resumed: ans.resumed, Repositories: lines, Exit: ans.exit})
	}
	if err := a.fleetTable(a.out, lines); err != nil {
		return err
	}
	fmt.Fprintln(a.out, fleetSummary(lines, ans.exit))
	return nil
}

// fleetScanDocument is what fleet scan -f json prints.
type fleetScanDocument struct {
	ID           string      `json:"id"`
	Started      time.Time   `json:"started"`
	Resumed      bool        `json:"resumed"`
	Repositories []fleetLine `json:"repositories"`
	Exit         int         `json:"exit"`
}

// fleetLine is what is known of one repository.
type fleetLine struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	// Gate is pass, fail, cannot tell, or never scanned.
	Gate     string     `json:"gate"`
	Exit     *int       `json:"exit,omitempty"`
	Findings int        `json:"findings"`
	Commit   string     `json:"commit,omitempty"`
	Run      string     `json:"run,omitempty"`
	At       *time.Time `json:"at,omitempty"`
	AgeMS    int64      `json:"age_ms"`
	Reason   string     `json:"reason,omitempty"`
}

const neverScanned = "never scanned"

// fleetLines reads what was last seen of each repository that keep takes: its
// last run, or why a later scan had none.
func (a *app) fleetLines(cmd *cobra.Command, keep func(fleetLine) (fleetLine, bool)) ([]fleetLine, error) {
	s, err := a.openStore(cmd.Context())
	if err != nil {
		return nil, err
	}
	defer s.Close() // read only
	all, err := s.FleetRepositories(cmd.Context())
	if err != nil {
		return nil, err
	}
	board, err := s.Board(cmd.Context())
	if err != nil {
		return nil, err
	}
	runs := map[string]store.TargetSummary{}
	for _, t := range board {
		runs[t.Target] = t
	}
	items, err := s.LastFleetItems(cmd.Context())
	if err != nil {
		return nil, err
	}
	lines := []fleetLine{}
	for _, r := range fleet.Unique(all) {
		if l, ok := keep(lineOf(r, runs[r.Target], items[r.Name], a.now())); ok {
			lines = append(lines, l)
		}
	}
	return lines, nil
}

func lineOf(r store.FleetRepository, run store.TargetSummary, item store.FleetItem, now time.Time) fleetLine {
	l := fleetLine{Name: r.Name, Target: r.Target, Gate: neverScanned, Reason: r.Gone}
	at := run.Started
	switch {
	case item.State == store.FleetFailed && item.At.After(run.Started):
		unknown := judge.ExitUnknown
		l.Gate, l.Exit, l.Reason, at = gateWords(unknown), &unknown, item.Reason, item.At
	case run.RunID != "":
		l.Gate, l.Exit, l.Findings, l.Commit, l.Run = gateWords(run.Verdict.Exit), &run.Verdict.Exit, run.Findings, run.Commit, run.RunID
		if item.RunID == run.RunID {
			l.Reason = item.Reason
		}
	default:
		return l
	}
	l.At, l.AgeMS = &at, now.Sub(at).Milliseconds()
	return l
}

func (a *app) fleetTable(out io.Writer, lines []fleetLine) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "REPOSITORY\tGATE\tFINDINGS\tAGE\tCOMMIT\tRUN\tREASON")
	for _, l := range lines {
		age, findings := "", ""
		if l.At != nil {
			age = words(l.AgeMS)
		}
		if l.Run != "" {
			findings = fmt.Sprint(l.Findings)
		}
		reason, _, _ := strings.Cut(l.Reason, "\n")
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.12s\t%.12s\t%s\n", safetext.Line(l.Name), l.Gate, findings, age, l.Commit, l.Run, safetext.Line(reason))
	}
	return t.Flush()
}

// fleetSummary is the last line.
func fleetSummary(lines []fleetLine, exit int) string {
	n := map[string]int{}
	for _, l := range lines {
		n[l.Gate]++
	}
	return fmt.Sprintf("\n%s: %d pass, %d fail, %d cannot tell (exit %d)", plural(len(lines), "repository", "repositories"),
		n[gateWords(judge.ExitPass)], n[gateWords(judge.ExitFail)], n[gateWords(judge.ExitUnknown)], exit)
}

func (a *app) fleetStatusCommand() *cobra.Command {
	format := "table"
	c := &cobra.Command{
		Use: "status", Short: "Show the last run of each watched repository",
		Long:    "Informs about what was last seen; the exit code says only whether that could be read.",
		Example: "  vitalsign fleet status\n  vitalsign fleet status -f json",
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return a.fleetStatus(cmd, format) },
	}
	c.Flags().StringVarP(&format, "format", "f", format, "table or json")
	return c
}

func (a *app) fleetStatus(cmd *cobra.Command, format string) error {
	if err := oneOfFormats(format, "table", "json"); err != nil {
		return err
	}
	lines, err := a.fleetLines(cmd, func(l fleetLine) (fleetLine, bool) { return l, true })
	if err != nil {
		return err
	}
	if format == "json" {
		return writeJSON(a.out, struct {
			Repositories []fleetLine `json:"repositories"`
		}{lines})
	}
	if len(lines) == 0 {
		a.sayErr("nothing is watched yet: vitalsign fleet add OWNER/REPO, an account, or a directory")
		return nil
	}
	return a.fleetTable(a.out, lines)
}
