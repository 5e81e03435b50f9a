package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/debt"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// debtFlags are what the command line says about accepted debt.
type debtFlags struct {
	owner, until, reason, output string
	// ask says that a person is asked once it is known what there is.
	ask bool
}

// Defaults of a debt: half a year is what a team can plan.
const (
	debtUntil  = "180d"
	debtReason = "found by the first scan"
)

func (a *app) baselineCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "baseline", Short: "Accept today's findings as dated, owned debt that may only shrink",
		Long: "Accepted findings lie in " + debt.File + ", reviewed like code. They stay listed and do\n" +
			"not fail the gate until their day; whatever is more is new. Under a policy they do not count.\n" +
			"To compare with a commit or a branch, use scan --new-only --baseline.",
		Example: "  vitalsign baseline create --owner 'Team Portal' --until 2027-03-31\n  vitalsign baseline show\n  vitalsign baseline prune",
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var d debtFlags
	var f scanFlags
	create := &cobra.Command{
		Use: "create [DIRECTORY]", Short: "Scan, and accept what was found",
		Long: "Scans, and writes every finding that can be accepted to " + debt.File + ". Credentials can\n" +
			"not: they work for whoever reads them until they are revoked. A file that is there is left\n" +
			"alone, since a debt may only shrink.",
		Example: "  vitalsign baseline create --owner 'Team Portal'\n  vitalsign baseline create --until 90d --reason 'before the audit' services",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.createDebt(cmd, target(args), d, f) },
	}
	create.Flags().StringVar(&d.owner, "owner", "", "who answers for it (default: USER)")
	create.Flags().StringVar(&d.until, "until", debtUntil, fmt.Sprintf("last day: YYYY-MM-DD, or a number of days; %d days at most", debt.MaxDays))
	create.Flags().StringVar(&d.reason, "reason", debtReason, "why it is accepted")
	create.Flags().StringVar(&d.output, "output", "", "write to this file instead, to compare with by scan --baseline FILE")
	prune := &cobra.Command{
		Use: "prune [DIRECTORY]", Short: "Scan, and take off what is not found any more",
		Example: "  vitalsign baseline prune", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.pruneDebt(cmd, target(args), f) },
	}
	show := &cobra.Command{
		Use: "show [DIRECTORY]", Short: "Say what is accepted, by whom and until when",
		Example: "  vitalsign baseline show", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showDebt(cmd, target(args)) },
	}
	for _, sub := range []*cobra.Command{create, prune} {
		fl := sub.Flags()
		fl.String("db", "", "where the advisory data is (default: the cache; see vitalsign db)")
		fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
		fl.StringVar(&f.policy, "policy", "", "policy that is asked whether debt counts")
		settingsFlags(fl)
	}
	c.AddCommand(create, prune, show)
	return c
}

// target is the directory that is named, or this one.
func target(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

func (a *app) createDebt(cmd *cobra.Command, dir string, d debtFlags, f scanFlags) error {
	until, err := a.lastDay(d.until)
	if err != nil {
		return err
	}
	w := debt.Debt{Owner: cmp.Or(d.owner, a.getenv("USER")), Reason: d.reason, Created: a.now().UTC().Format(time.DateOnly), Until: until, Schema: debt.Schema}
	if err := w.Check(); err != nil {
		return usageError("%w; --owner, --until and --reason say it", err)
	}
	s, run, err := a.scanWhole(cmd, dir, f)
	if err != nil {
		return err
	}
	defer s.cleanUp()
	o := s.trees[0]
	to := d.output
	if to == "" {
		to = filepath.Join(o.tree.Root, filepath.FromSlash(debt.File))
		if fileExists(to) {
			return usageError("%s is there, and may only shrink: vitalsign baseline prune takes off what is gone; what is new is waived one by one (vitalsign waive)", to)
		}
	}
	made, refused, err := s.accept(run, w)
	if err != nil {
		return err
	}
	if d.ask {
		a.sayBlocking(run, o, refused)
		question := fmt.Sprintf("Accept %s as debt until %s, owned by %s?", plural(made.Findings(), "finding", "findings"), made.Until, safetext.Line(made.Owner))
		if yes, _ := a.ask(question); !yes {
			fmt.Fprintf(a.err, "Nothing was accepted. Next: vitalsign scan %s lists what was found.\n", dir)
			return nil
		}
	}
	if err := writeDebt(to, made); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%s written: %s accepted until %s by %s\n", to, plural(made.Findings(), "finding", "findings"), made.Until, safetext.Line(made.Owner))
	if !d.ask {
		a.sayBlocking(run, o, refused)
	}
	for _, st := range run.Steps {
		if !st.Status.Complete() {
			fmt.Fprintf(a.err, "%s was not complete (%s): what it finds later is new\n", st.Check, safetext.Line(orWord(string(st.Status)+": ", st.Reason)))
		}
	}
	fmt.Fprintln(a.err, "Next: have it reviewed and committed; vitalsign scan lists what is accepted and fails on what is new.")
	return nil
}

// accept makes a debt of a run's findings.
func (s *scanner) accept(run checks.Run, w debt.Debt) (made debt.Debt, refused []checks.Finding, err error) {
	made, refused = debt.Of(run.Findings, run.IdentityKeyID, w)
	if made.IdentityKeyID != "" && run.IdentityKeyThrowaway {
		return made, refused, usageError("some findings are bound to values, and there is no identity key that is kept: vitalsign key identity, then again")
	}
	return made, refused, nil
}

// sayBlocking names what cannot be accepted and still fails the gate.
func (a *app) sayBlocking(run checks.Run, o opened, refused []checks.Finding) {
	gate := judge.Gate{FailOn: o.settings.FailOn, UnratedAs: o.settings.UnratedAs}
	refused = slices.DeleteFunc(refused, func(f checks.Finding) bool { return !gate.Blocks(f) })
	if len(refused) == 0 {
		return
	}
	fmt.Fprintf(a.err, "Still blocking, since it cannot be accepted this way:\n")
	const most = 20
	for i, f := range refused {
		if i == most {
			fmt.Fprintf(a.err, "  and %d more (vitalsign scan lists them)\n", len(refused)-most)
			break
		}
		why, _ := debt.Acceptable(f)
		fmt.Fprintf(a.err, "  %s  %s: %s (%s)\n", safetext.Line(f.Location.String()), f.Fingerprint[:12], safetext.Line(f.Rule.Title), why)
	}
}

// scanWhole scans a whole target once, for what is accepted of it.
func (a *app) scanWhole(cmd *cobra.Command, dir string, f scanFlags) (*scanner, checks.Run, error) {
	s, doc, err := a.scanTargets(cmd, []string{dir}, f)
	if err != nil {
		return nil, checks.Run{}, err
	}
	run, o := doc.Runs[0], s.trees[0]
	switch {
	case run.Verdict.Exit == judge.ExitInterrupted:
		err = exitError{judge.ExitInterrupted, errors.New("interrupted: nothing was written")}
	case o.tree.Only != "" || o.tree.Target.Kind == kindURL:
		err = usageError("%s is a part: debt is accepted for a whole repository or directory", dir)
	case o.policy.policy != nil || o.policy.refused != nil:
		err = usageError("a policy exists (%s), so accepted debt would not count: waive what is left, signed (vitalsign waive --key)", o.policy.from)
	}
	if err != nil {
		s.cleanUp()
		return nil, run, err
	}
	return s, run, nil
}

// writeDebt writes the file, with its directory.
func writeDebt(to string, d debt.Debt) error {
	b, err := d.Bytes()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return wholefile.WriteBytes(to, b, 0o644)
}

// readDebt reads the file of a repository.
func readDebt(root string) (debt.Debt, error) {
	name := filepath.Join(root, filepath.FromSlash(debt.File))
	b, err := readFile(name, debt.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return debt.Debt{}, usageError("there is no %s: vitalsign baseline create writes one", name)
	}
	if err != nil {
		return debt.Debt{}, err
	}
	d, err := debt.Read(b)
	if err != nil {
		return d, usageError("%s: %w", name, err)
	}
	return d, nil
}

func (a *app) pruneDebt(cmd *cobra.Command, dir string, f scanFlags) error {
	s, run, err := a.scanWhole(cmd, dir, f)
	if err != nil {
		return err
	}
	defer s.cleanUp()
	root := s.trees[0].tree.Root
	was, err := readDebt(root)
	if err != nil {
		return err
	}
	if !everyStepOK(run.Steps) {
		return exitError{judge.ExitUnknown, fmt.Errorf("nothing was taken off: what was not seen may still be there (%s)", strings.Join(run.Verdict.Reasons, "; "))}
	}
	for i, f := range run.Findings {
		if f.Waived != nil && f.Waived.Debt {
			run.Findings[i].Waived = nil
		}
	}
	_, w, paid := judge.Accept(run.Findings, judge.AcceptedDebt{Debt: was}, judge.WaiverContext{
		At: a.now(), IdentityKeyID: run.IdentityKeyID, Throwaway: run.IdentityKeyThrowaway, UnratedAs: s.trees[0].settings.UnratedAs,
		There: func(path string) bool { return fileExists(filepath.Join(root, filepath.FromSlash(path))) },
	})
	if w.State == checks.WaiverExpired || w.State == checks.WaiverRefused {
		return usageError("%s: %s", debt.File, w.Reason)
	}
	kept := was.Without(paid)
	if err := writeDebt(filepath.Join(root, filepath.FromSlash(debt.File)), kept); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%s taken off, %s left until %s\n", plural(was.Findings()-kept.Findings(), "finding", "findings"), plural(kept.Findings(), "finding", "findings"), kept.Until)
	return nil
}

func (a *app) showDebt(cmd *cobra.Command, dir string) error {
	tree, err := pipelines.OpenTree(cmd.Context(), dir, a.gitProgram())
	if err != nil {
		return usageError("%w", err)
	}
	d, err := readDebt(tree.Root)
	if err != nil {
		return err
	}
	left := "ended"
	if days := int(d.Ends().Sub(a.now()) / (24 * time.Hour)); a.now().Before(d.Ends()) {
		left = plural(days, "day", "days") + " left"
	}
	fmt.Fprintf(a.out, "%s accepted on %s until %s (%s) by %s: %s\n\n", plural(d.Findings(), "finding", "findings"), d.Created, d.Until, left, safetext.Line(d.Owner), safetext.Line(d.Reason))
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SEVERITY\tRULE\tFINDINGS\tPATH\tFINGERPRINT")
	for _, e := range d.Entries {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", e.Severity, safetext.Line(e.Rule), e.Count, safetext.Line(e.Path), e.Fingerprint[:12])
	}
	return w.Flush()
}
