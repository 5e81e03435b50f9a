package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// stagedBase is what the staged files were before.
type stagedBase struct {
	dir     string
	renamed map[string]string
}

// byFile says whether a check judges each file by itself and at once, so that a
// hook can wait for it.
func byFile(d checks.Description) bool { return d.Grain == checks.GrainFile && d.Closed }

// scanStaged looks at what is staged, as the index holds it (the work tree may
// have something else), and holds it against HEAD.
func (s *scanner) scanStaged(ctx context.Context, o opened) (run checks.Run) {
	if o.tree.Repo == nil || o.tree.Only != "" {
		return s.lost(o, errors.New("--staged needs a whole repository that git can read"))
	}
	index := s.app.getenv("GIT_INDEX_FILE")
	if index != "" {
		var err error
		if index, err = filepath.Abs(index); err != nil {
			return s.lost(o, err)
		}
	}
	changes, err := o.tree.Repo.Staged(ctx, index)
	if err != nil {
		return s.lost(o, fmt.Errorf("what is staged cannot be told: %w", err))
	}
	dir, err := os.MkdirTemp("", "vitalsign-staged-")
	if err != nil {
		return s.lost(o, err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			s.progress.Say("left behind: " + err.Error())
		}
	}()
	now, was := filepath.Join(dir, "now"), filepath.Join(dir, "was")
	if err := exportStaged(ctx, o.tree.Repo, changes, now, was); err != nil {
		return s.lost(o, fmt.Errorf("what is staged cannot be read: %w", err))
	}
	o.staged = &stagedBase{dir: was, renamed: map[string]string{}}
	var notes []string
	for _, c := range changes {
		if c.Path != c.WasPath {
			o.staged.renamed[c.Path] = c.WasPath
		}
		if c.Mode == git.ModeSubmodule {
			notes = append(notes, fmt.Sprintf("%s: the submodule moves to %.12s, which --staged does not look into", c.Path, c.Object))
		}
	}
	o.tree = &pipelines.Tree{Root: now, Target: o.tree.Target, Repo: nil}
	// What the commit does not touch is none of its hook's business.
	o.settings.NewOnly, o.settings.History = true, false
	run = s.scanTree(ctx, o)
	run.Notes = append(run.Notes, notes...)
	return run
}

func exportStaged(ctx context.Context, repo *git.Repo, changes []git.Staged, now, was string) error {
	var roots [2]*os.Root
	for i, dir := range []string{now, was} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		defer root.Close() // what was written is closed already
		roots[i] = root
	}
	return repo.ExportStaged(ctx, changes, roots[0], roots[1])
}

// beforeStaged asks the same checks about what the staged files were.
func (s *scanner) beforeStaged(ctx context.Context, o opened, plan pipelines.Plan, b *checks.Baseline) (before judge.Before, err error) {
	inv, err := writtenTree{dir: o.staged.dir}.inventory(ctx, o)
	if err != nil {
		return before, err
	}
	before.Findings = s.askBefore(ctx, plan, o.staged.dir, inv, b).Findings
	before.Renamed = o.staged.renamed
	return before, nil
}
