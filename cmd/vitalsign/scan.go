package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/inline"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/internal/version"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/pipelines/local"
)

// scanFlags are what the command line says about a scan.
type scanFlags struct {
	format         string
	outputs        []string
	quiet, verbose bool
	noIgnore       bool
	noCache        bool
	staged, watch  bool
	only           []string
	baseline       string
	policy         string
	sign           string
	// dast is a file that says how to look at a running application; active
	// and safe say whether state may be changed in it.
	dast         string
	active, safe bool
	// watched, where somebody waits for changes, is told what is read.
	watched func(root string, inv *inventory.Inventory)
	// byProject scans each project of a target by itself: those of projects
	// where some are named, and with allProjects those, too, that a change does
	// not touch. writes is what the many runs are then written as.
	byProject   bool
	writes      []output
	projects    []string
	allProjects bool
}

func (a *app) scanCommand() *cobra.Command {
	var f scanFlags
	c := &cobra.Command{
		Use: "scan [TARGET ...]", Short: "Scan repositories, directories, files or running applications, report and decide",
		Long: "Plans the checks for each target (default: the current directory), runs each in a\n" +
			"sandboxed child process, reports, and ends with one of the exit codes.\n\n" + exitHelp(),
		Example: "  vitalsign scan                                   this directory's repository\n" +
			"  vitalsign scan --fail-on critical services/api   a part of it, a higher threshold\n" +
			"  vitalsign scan -f json > result.json             for machines\n" +
			"  vitalsign scan --output sarif=result.sarif       a table here, SARIF in a file\n" +
			"  vitalsign scan --new-only                        fail on what this branch adds, list the rest\n" +
			"  vitalsign scan --staged                          what the next commit adds, within a second\n" +
			"  vitalsign scan --watch --new-only                again whenever a file changes\n" +
			"  vitalsign scan --history                         secrets in every commit, too\n" +
			"  vitalsign scan --project api                     one of the projects in vitalsign.yaml\n" +
			"  vitalsign scan --sign --key ci.key               and sign a bill of health\n" +
			"  vitalsign scan https://portal.example.org        a running application, asked only what is safe\n" +
			"  vitalsign scan --allow-exec dast                 start what vitalsign.yaml names, too",
		RunE: func(cmd *cobra.Command, args []string) error { return a.scan(cmd, args, f) },
	}
	fl := c.Flags()
	reportFlags(fl, &f)
	fl.String("db", "", "where the advisory data is (default: the cache; see vitalsign db)")
	fl.BoolVar(&f.noIgnore, "no-ignore", false, "read what .gitignore names, too")
	fl.BoolVar(&f.noCache, "no-cache", false, "ask every check anew, and keep no answer for the next scan")
	fl.StringSliceVar(&f.only, "check", nil, "only these checks; the rest is named as not asked")
	evidenceFlags(fl, &f)
	fl.BoolVar(&f.staged, "staged", false, "only what is staged for the next commit, held against HEAD, by the checks that can judge a file by itself: for a pre-commit hook")
	fl.BoolVarP(&f.watch, "watch", "w", false, "scan again whenever something changes, until interrupted")
	fl.StringVar(&f.baseline, "baseline", "", "commit or branch that the change starts from: its configuration and ignores count, and --new-only compares with it; or a FILE.json of findings to compare with, from scan -f json or baseline create (default: what the CI event says, and for --new-only else the default branch)")
	fl.StringVar(&f.dast, "dast", "", "file with dast: for a target that is a URL (identities, specifications, limits)")
	fl.BoolVar(&f.active, "active", false, "dast: send requests that change state, too")
	fl.BoolVar(&f.safe, "safe", false, "dast: send only what changes nothing, whatever a configuration says")
	projectFlags(fl, &f)
	settingsFlags(fl)
	c.MarkFlagsMutuallyExclusive("active", "safe")
	c.MarkFlagsMutuallyExclusive("project", "all-projects")
	for _, other := range []string{"baseline", "sign", "watch", "new-only", "history", "project", "all-projects"} {
		c.MarkFlagsMutuallyExclusive("staged", other)
	}
	c.MarkFlagsMutuallyExclusive("watch", "sign")
	return c
}

// reportFlags say what is written, and where.
func reportFlags(fl *pflag.FlagSet, f *scanFlags) {
	fl.StringVarP(&f.format, "format", "f", "table", "what to print: "+strings.Join(report.FormatNames(), ", "))
	fl.StringArrayVar(&f.outputs, "output", nil, "also write FORMAT=FILE (repeatable)")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress, only the verdict")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "every place, digests, unread files")
}

// scan runs every target and prints one document.
func (a *app) scan(cmd *cobra.Command, targets []string, f scanFlags) error {
	outputs, err := parseOutputs(f)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		targets = []string{"."}
	}
	if err := single(outputs, len(targets)); err != nil {
		return err
	}
	f.byProject, f.writes = !f.staged, outputs // a commit is looked at as one
	if f.watch {
		return a.watch(cmd, targets, f, outputs)
	}
	s, doc, err := a.scanTargets(cmd, targets, f)
	if err != nil {
		return err
	}
	defer s.cleanUp()
	a.code = doc.Verdict.Exit
	return a.write(cmd, doc, f, outputs, s.lineHash)
}

// scanTargets opens, scans and judges the targets, and keeps and signs what
// came of it. The scanner is for the caller to clean up.
func (a *app) scanTargets(cmd *cobra.Command, targets []string, f scanFlags) (*scanner, checks.Document, error) {
	ctx := cmd.Context()
	var doc checks.Document
	s, err := a.newScanner(cmd, f)
	if err != nil {
		return nil, doc, err
	}
	// Every target is opened before the first is scanned: a wrong name is
	// found out in the first second, not after an hour.
	for _, t := range targets {
		if err := s.openParts(ctx, t); err != nil {
			return nil, doc, err
		}
	}
	if err := s.knownProjects(); err != nil {
		return nil, doc, err
	}
	if f.byProject {
		if err := single(f.writes, len(s.trees)); err != nil {
			return nil, doc, err
		}
	}
	if err := s.openSigner(); err != nil {
		return nil, doc, err
	}
	kept, err := a.storeForScan(ctx, s.progress)
	if err != nil {
		return nil, doc, err
	}
	if kept != nil {
		defer kept.Close() // each run was saved; who watches scans again
	}
	s.engine = a.openEngine(ctx, s.trees[0].settings.Engine, s.tool, s.progress)
	doc = checks.Document{Schema: checks.DocumentSchema, Runs: s.scanAll(ctx, kept)}
	s.closeEngine(doc.Runs)
	s.signAll(ctx, doc.Runs)
	s.progress.Close()
	var exits []int
	for _, run := range doc.Runs {
		exits = append(exits, run.Verdict.Exit)
	}
	doc.Verdict = overall(doc.Runs, judge.Worst(exits...))
	s.nameLeftOut(&doc)
	return s, doc, nil
}

// newScanner finds the program that checks, and the identity key.
func (a *app) newScanner(cmd *cobra.Command, f scanFlags) (*scanner, error) {
	program, err := a.checkProgram(cmd)
	if err != nil {
		return nil, err
	}
	tool, err := local.Describe(cmd.Context(), program, version.Build(), a.cacheDir())
	if err != nil {
		return nil, exitError{judge.ExitUsage, err}
	}
	key, throwaway, err := a.identityKey()
	if err != nil {
		return nil, err
	}
	return &scanner{app: a, cmd: cmd, flags: f, tool: tool, key: key, throwaway: throwaway, progress: a.progress(cmd, f)}, nil
}

// overall is the verdict over several runs; over one it is that one's.
func overall(runs []checks.Run, exit int) checks.Verdict {
	if len(runs) == 1 {
		return runs[0].Verdict
	}
	v := checks.Verdict{Findings: checks.Pass, Complete: len(runs) > 0, Exit: exit, Reasons: []string{}}
	for _, r := range runs {
		v.Complete = v.Complete && r.Verdict.Complete
		switch {
		case r.Verdict.Findings == checks.Fail:
			v.Findings = checks.Fail
		case r.Verdict.Findings != checks.Pass && v.Findings == checks.Pass:
			v.Findings = checks.Unknown
		}
		for _, why := range r.Verdict.Reasons {
			v.Reasons = append(v.Reasons, cmp.Or(r.Target.Project, r.Target.Path)+": "+why)
		}
	}
	return v
}

// knownChecks refuses a check that does not exist: leaving one out by a
// misspelt name would otherwise pass in silence.
func knownChecks(described []checks.Description, names []string, from string) error {
	var known []string
	for _, d := range described {
		known = append(known, d.Name)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return usageError("%s: there is no check %q%s; the checks are %s", from, n, misspell.Hint(n, known), strings.Join(known, ", "))
		}
	}
	return nil
}

// scanner carries what all targets of one command share.
type scanner struct {
	app       *app
	cmd       *cobra.Command
	flags     scanFlags
	tool      local.Tool
	key       checks.IdentityKey
	throwaway bool
	progress  report.Progress
	trees     []opened
	// known are the projects that the targets have, and left what of the
	// targets is not looked at.
	known  []string
	left   []checks.NotScanned
	hashed hashedFile
	engine openedEngine
	// signer signs what was seen, unless unsigned says why nobody can.
	signer   attest.Signer
	unsigned error
	slots    pipelines.Slots
	// elsewhere says that the targets are not what a CI system's event is about.
	elsewhere bool
	// empty is a directory for targets without files, once there is one.
	empty string
}

// fits is how many children the engine can run at once.
func (s *scanner) fits() int { return runtime.NumCPU() * s.engine.factor }

// scanAll scans the targets, as many at once as there are children: each of
// them spends part of its time waiting for a last slow check.
func (s *scanner) scanAll(ctx context.Context, kept *store.Store) []checks.Run {
	s.slots = pipelines.NewSlots(s.fits())
	runs := make([]checks.Run, len(s.trees))
	turn := make(chan struct{}, s.fits())
	var mu sync.Mutex // of progress and store
	var wg sync.WaitGroup
	for i, o := range s.trees {
		o.events = func(e pipelines.Event) {
			mu.Lock()
			defer mu.Unlock()
			if len(s.trees) > 1 {
				e.Target = cmp.Or(o.tree.Target.Project, filepath.Base(o.tree.Target.Path))
			}
			s.progress.Event(e)
		}
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			run := s.scanOne(ctx, o)
			mu.Lock()
			defer mu.Unlock()
			// What is staged is no state of the target that anybody asks for later.
			if !s.flags.staged {
				s.keep(kept, run)
			}
			runs[i] = run
		})
	}
	wg.Wait()
	return runs
}

func (s *scanner) scanOne(ctx context.Context, o opened) checks.Run {
	if s.flags.staged {
		return s.scanStaged(ctx, o)
	}
	return s.scanTree(ctx, o)
}

// opened is a target with all that is decided about it before it is scanned.
type opened struct {
	tree *pipelines.Tree
	// project is the one that all of the target lies in; its Path is "" where
	// there is none.
	project    config.Project
	trusted    trusted
	settings   config.Settings
	resolution config.Resolution
	// policy is whose word counts, and waivers the files that it is about.
	policy  foundPolicy
	waivers []waiverFile
	// debt is what the repository accepted all at once, nil where nothing was.
	debt *judge.AcceptedDebt
	// files are what was scanned, once it was; nil where nothing is signed.
	files *scannedFiles
	// tools are the external tools by their names.
	tools map[string]*checks.Tool
	// events takes what happens to this target.
	events func(pipelines.Event)
	// within, where there is one, gives the context of each step.
	within func(ctx context.Context, check string) (context.Context, context.CancelFunc)
	// took, where there is one, is given the inventory.
	took func(*inventory.Inventory)
	// staged is what there was before, where only what is staged is looked at.
	staged *stagedBase
	// artifact says that this is what was built: nothing in it says what is
	// not read, or ignored.
	artifact bool
}

// role is what trusted configuration says of a path: the project's own file
// first, then linguist's attributes.
func (o opened) role(path string) string {
	if r := o.settings.Roles(path); r != "" {
		return r
	}
	r := o.trusted.attributes.Role(path)
	if o.trusted.base != "" && o.trusted.own.Role(path) != r {
		return "" // the change takes it away, which tightens
	}
	return r
}

// open adds a target to those of the command.
func (s *scanner) open(ctx context.Context, target string) error {
	o, err := s.ready(ctx, target)
	if err == nil {
		s.trees = append(s.trees, o)
	}
	return err
}

// ready opens a target, and refuses one that asks for a check that there is not.
func (s *scanner) ready(ctx context.Context, target string) (opened, error) {
	open := s.openTarget
	if isURL(target) {
		open = s.openURL
	}
	o, err := open(ctx, target)
	if err != nil {
		return o, err
	}
	return s.equipped(o)
}

// equipped finds the tools of a target, and refuses one that asks for a check
// that there is not.
func (s *scanner) equipped(o opened) (_ opened, err error) {
	if o.tools, err = s.externalTools(o); err != nil {
		return o, err
	}
	known := s.described(o)
	if err := knownChecks(known, s.flags.only, "--check"); err != nil {
		return o, err
	}
	return o, knownChecks(known, o.settings.Skip, o.resolution.Origin("skip").String())
}

// openTarget finds a target and resolves its settings.
func (s *scanner) openTarget(ctx context.Context, target string) (o opened, err error) {
	o.tree, err = pipelines.OpenTree(ctx, target, s.app.gitProgram())
	if errors.Is(err, pipelines.ErrTarget) {
		return o, exitError{judge.ExitUsage, err}
	}
	if err != nil {
		return o, err
	}
	if o, err = s.settled(ctx, o.tree); err == nil && o.project.Path != "" {
		o.tree.Target.Owner = s.ownerOf(o.project, s.codeowners(ctx, &o))
	}
	return o, err
}

// settled decides how a tree is judged: by whose word, by which settings, and
// what of it is accepted.
func (s *scanner) settled(ctx context.Context, tree *pipelines.Tree) (o opened, err error) {
	o.tree = tree
	layers, err := s.app.layers(s.cmd)
	if err != nil {
		return o, err
	}
	if o.trusted, err = s.trust(ctx, o.tree); err != nil {
		return o, err
	}
	o.project, _ = o.trusted.repo.ProjectOf(o.tree.Only)
	o.tree.Target.Project = o.project.Name
	o.settings, o.resolution = config.Resolve(append(layers, o.trusted.repo.ForProject(o.project.Path))...)
	if !s.flags.byProject {
		o.strictest(slices.Clip(layers))
	}
	if err := s.underPolicy(ctx, &o); err != nil {
		return o, err
	}
	if s.flags.sign != "" {
		o.files = &scannedFiles{}
	}
	if o.waivers, err = s.waiversOf(ctx, o.tree, &o.trusted); err != nil {
		return o, err
	}
	o.debt, err = s.debtOf(ctx, &o)
	return o, err
}

// scanTree takes the inventory, makes the plan, runs and judges it.
func (s *scanner) scanTree(ctx context.Context, o opened) checks.Run {
	if o.tree.GitTrouble != "" {
		s.progress.Say("git could not be asked about " + o.tree.Target.Path + " (" + o.tree.GitTrouble + "); everything is read")
	}
	inv, err := s.inventory(ctx, o)
	if err != nil {
		return s.lost(o, fmt.Errorf("the inventory could not be taken: %w", err))
	}
	if err := s.guard(ctx, &o, inv); err != nil {
		return s.lost(o, err)
	}
	if o.took != nil {
		o.took(inv)
	}
	if s.flags.watched != nil {
		s.flags.watched(o.tree.Root, inv)
	}
	o.files.take(inv)
	plan := pipelines.Plan{
		Target: o.tree.Target, Root: o.tree.Root, Inventory: inv, Build: s.tool.Build, ToolDigest: s.tool.Digest,
		Key: s.key, KeyThrowaway: s.throwaway, RequireSandbox: o.settings.RequireSandbox,
		Fresh: s.flags.sign != "", Cache: s.openAnswers(o.settings.CacheSize), KeptAs: keptAs(o),
	}
	history, cleanup, err := s.history(ctx, o)
	if err != nil {
		return s.lost(o, err)
	}
	defer cleanup()
	osv := s.app.advisories(s.cmd, o.settings.MaxDataAge)
	plan.Steps = s.steps(o, inv, history, osv)
	// A repository's file may ask for fewer children, not for more than fit.
	parallel := s.fits()
	if o.settings.Parallel > 0 {
		parallel = min(parallel, o.settings.Parallel)
	}
	run := pipelines.Execute(ctx, plan, s.engine.engine, pipelines.Options{Parallel: parallel, Slots: s.slots, Now: s.app.now, Events: o.events, Within: o.within})
	shallowHistory(o, &run)
	ageReasons := osv.judgeAge(run.Steps)
	run.Unread = pipelines.Unread(inv, s.described(o))
	run.Steps = append(run.Steps, o.trusted.step()...)
	roles, marked := map[string]string{}, []string{}
	for _, f := range inv.Files {
		roles[f.Path] = f.Role
		if f.Marked {
			marked = append(marked, f.Path)
		}
	}
	for i := range run.Findings {
		run.Findings[i].Role = roles[run.Findings[i].Location.Path]
	}
	for _, n := range o.resolution.Notices {
		run.Notes = append(run.Notes, n.String())
	}
	s.inlineIgnores(ctx, o, marked, &run)
	run.Findings = checks.Confirm(checks.Merge(run.Findings))
	s.compare(ctx, o, plan, &run)
	s.waive(o, &run, func(path string) bool { _, ok := roles[path]; return ok })
	if o.policy.refused != nil {
		run.Notes = append(run.Notes, o.policy.refused.Error())
	}
	run.Verdict = judge.Judge(run, judge.Gate{FailOn: o.settings.FailOn, UnratedAs: o.settings.UnratedAs, NewOnly: o.settings.NewOnly}, ctx.Err() != nil)
	run.Verdict.Reasons = append(run.Verdict.Reasons, ageReasons...)
	return run
}

// keptAs names a target for what is kept of it: the same repository in another
// place is the same target.
func keptAs(o opened) string {
	kind := ""
	if o.staged != nil {
		kind = "staged"
	}
	return strings.Join([]string{cmp.Or(o.tree.Target.Remote, o.tree.Target.Path), o.tree.Only, o.tree.Target.Project, kind}, "\n")
}

// inventory lists the files of a target; of a running application, those that
// describe it.
func (s *scanner) inventory(ctx context.Context, o opened) (*inventory.Inventory, error) {
	if o.tree.Target.Kind == kindURL {
		return namedFiles(o.tree.Root, o.settings.Dast.Live)
	}
	mark := inline.Marker
	if o.artifact {
		mark = ""
	}
	return o.tree.Inventory(ctx, pipelines.InventoryOptions{
		NoIgnore: s.flags.noIgnore || o.artifact || o.staged != nil, Ignore: o.trusted.ignore, Roles: o.role, Mark: mark,
		Progress: func(done, total int) {
			o.events(pipelines.Event{Kind: pipelines.StepProgress, Check: "files", Done: done, Total: total})
		},
	})
}

// steps plans every check that the tool has.
func (s *scanner) steps(o opened, inv *inventory.Inventory, history *pipelines.DataSet, osv advisories) []pipelines.PlannedStep {
	var steps []pipelines.PlannedStep
	for _, d := range s.described(o) {
		p := pipelines.PlannedStep{Check: d, Limits: o.settings.Limits, Options: map[string]string{}, Tool: o.tools[d.Name]}
		p.Limits.Procs = runtime.NumCPU()
		if slices.Contains(o.settings.Skip, d.Name) || len(s.flags.only) > 0 && !slices.Contains(s.flags.only, d.Name) {
			p.Decided, p.Reason = checks.Excluded, "not asked"
		}
		if o.staged != nil && len(s.flags.only) == 0 && !byFile(d) {
			p.Decided, p.Reason = checks.Excluded, "not asked: it needs more than the files that are staged"
		}
		if d.Live {
			s.live(o, &p)
		}
		osv.plan(&p, inv)
		if history != nil && d.Name == "secrets" {
			p.Data = append(p.Data, *history)
			p.Options[dataHistory] = "true"
		}
		steps = append(steps, p)
	}
	return steps
}

// lost is the run of a target that could not be looked at.
func (s *scanner) lost(o opened, err error) checks.Run {
	now := s.app.now().UTC()
	run := checks.Run{Target: o.tree.Target, Started: now, Ended: now, Engine: s.engine.engine.Name(), Version: s.tool.Build,
		IdentityKeyID: s.key.ID(), Findings: []checks.Finding{}, Waivers: []checks.Waiver{}}
	for _, d := range s.described(o) {
		run.Steps = append(run.Steps, checks.Step{Check: d.Name, Version: d.Version, Status: checks.Failed, Reason: err.Error()})
	}
	run.Verdict = judge.Judge(run, judge.Gate{FailOn: o.settings.FailOn}, errors.Is(err, context.Canceled))
	return run
}
