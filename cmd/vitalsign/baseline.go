package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// slotBase keeps the answers about a baseline apart from those about the tree.
const slotBase = "base"

// compare says of each finding of a run whether the baseline has it. That
// nobody could tell makes all of them new, and is said.
func (s *scanner) compare(ctx context.Context, o opened, plan pipelines.Plan, run *checks.Run) {
	if !o.settings.NewOnly {
		return
	}
	var before judge.Before
	var err error
	switch {
	case o.staged != nil:
		run.Baseline = &checks.Baseline{Commit: o.tree.Target.Commit, Why: "--staged"}
		if len(run.Findings) > 0 { // nothing can be new of nothing
			before, err = s.beforeStaged(ctx, o, plan, run.Baseline)
		}
	case isBaselineFile(s.flags.baseline):
		run.Baseline = &checks.Baseline{File: s.flags.baseline, Why: "--baseline"}
		before, err = beforeFrom(s.flags.baseline, *run)
	default:
		run.Baseline = &checks.Baseline{}
		run.Baseline.Commit, run.Baseline.Why, err = s.baseline(ctx, o)
		if err == nil {
			before, err = s.before(ctx, o, plan, run.Baseline)
		}
	}
	if err != nil {
		run.Baseline.Unknown = err.Error()
	}
	run.Findings = judge.MarkNew(run.Findings, before)
	if run.Baseline.Unknown != "" {
		run.Notes = append(run.Notes, "new findings only: what is not known to have been there counts as new: "+run.Baseline.Unknown)
	}
}

// baseline is the commit to compare with: the one whose configuration counts,
// else where the default branch and the tree part.
func (s *scanner) baseline(ctx context.Context, o opened) (commit, why string, err error) {
	if o.trusted.base != "" {
		return o.trusted.base, o.trusted.why, nil
	}
	const full = "; name one with --baseline, and in CI check out with fetch-depth: 0"
	repo := o.tree.Repo
	if repo == nil {
		return "", "the default branch", errors.New("the target is no repository that git can read" + full)
	}
	name := repo.DefaultBranch(ctx)
	if name == "" {
		return "", "the default branch", errors.New("there is no default branch (origin/HEAD, main or master)" + full)
	}
	why = "the default branch, " + strings.TrimPrefix(strings.TrimPrefix(name, "refs/remotes/"), "refs/heads/")
	tip, err := repo.Resolve(ctx, name)
	if err != nil {
		return "", why, fmt.Errorf("%w%s", err, full)
	}
	commit, err = repo.MergeBase(ctx, tip, "HEAD")
	return commit, why, err
}

// before asks the checks of a plan about the baseline: written out by git's
// plumbing, under the same identity key and against the same data. What its
// files share with the tree's is not looked at again.
func (s *scanner) before(ctx context.Context, o opened, plan pipelines.Plan, b *checks.Baseline) (before judge.Before, err error) {
	dir, err := os.MkdirTemp("", "vitalsign-base-")
	if err != nil {
		return before, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tree, err := baseTree(ctx, o, b.Commit, dir)
	if err != nil {
		return before, err
	}
	inv, err := tree.inventory(ctx, o)
	if err != nil {
		return before, err
	}
	s.progress.Say("looking at what was there before, at " + b.Commit[:min(12, len(b.Commit))])
	run := s.askBefore(ctx, plan, dir, inv, b)
	before.Findings = run.Findings
	if before.Renamed, err = o.tree.Repo.Renames(ctx, b.Commit); err != nil {
		return before, err
	}
	before.Reached = func(commit string) bool {
		in, err := o.tree.Repo.IsAncestor(ctx, commit, b.Commit)
		return err == nil && in
	}
	return before, nil
}

// askBefore asks the checks of a plan about what was there before, and notes in b
// what they could not tell.
func (s *scanner) askBefore(ctx context.Context, plan pipelines.Plan, dir string, inv *inventory.Inventory, b *checks.Baseline) checks.Run {
	base := plan
	base.Root, base.Inventory, base.Slot = dir, inv, slotBase
	base.Target = checks.Target{Kind: plan.Target.Kind, Path: plan.Target.Path, Commit: b.Commit}
	base.Steps = nil
	for _, p := range plan.Steps {
		// A history is that of the whole repository, and an application runs in
		// the state that it is in now.
		if p.Check.Live || p.Decided != "" {
			continue
		}
		p.Data = slices.DeleteFunc(slices.Clone(p.Data), func(d pipelines.DataSet) bool { return d.Name == dataHistory })
		p.Options = withoutHistory(p.Options)
		base.Steps = append(base.Steps, p)
	}
	run := pipelines.Execute(ctx, base, s.engine.engine, pipelines.Options{Parallel: s.fits(), Slots: s.slots, Now: s.app.now})
	b.Unknown = strings.Join(incomplete(run.Steps), "; ")
	return run
}

// incomplete names the steps whose findings of before may not be all.
func incomplete(steps []checks.Step) (out []string) {
	for _, st := range steps {
		if !st.Status.Complete() {
			out = append(out, fmt.Sprintf("%s of the baseline is %s: %s", st.Check, st.Status, st.Reason))
		}
	}
	return out
}

func withoutHistory(in map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range in {
		if k != dataHistory {
			out[k] = v
		}
	}
	return out
}

// writtenTree is a commit's files in a directory.
type writtenTree struct {
	dir     string
	only    string
	except  []string
	tracked []git.Entry
}

func baseTree(ctx context.Context, o opened, commit, dir string) (writtenTree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return writtenTree{}, err
	}
	defer root.Close() // what was written is closed already
	entries, err := o.tree.Repo.Export(ctx, commit, root)
	return writtenTree{dir, o.tree.Only, o.tree.Except, entries}, err
}

// inventory lists what the tree's own inventory would have listed then. A part
// of the repository that was not there yet has no files.
func (w writtenTree) inventory(ctx context.Context, o opened) (*inventory.Inventory, error) {
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() // read only
	opts := inventory.Options{Except: w.except, Ignore: o.trusted.ignore, Roles: o.role, Tracked: map[string]inventory.Tracked{}}
	if w.only != "" {
		opts.Only = []string{w.only}
	}
	for _, e := range w.tracked {
		opts.Tracked[e.Path] = inventory.Tracked{Submodule: e.Mode == git.ModeSubmodule, Link: e.Mode == git.ModeLink}
	}
	return inventory.Take(ctx, root, opts)
}
