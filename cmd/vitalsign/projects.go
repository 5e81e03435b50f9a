package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/codeowners"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Why a project is not scanned.
const (
	leftNotAsked   = "not asked"
	leftNotTouched = "not touched by the change"
)

// restOf is what the part of a repository is called that is in no project.
const restOf = "the rest of the repository"

func projectFlags(fl *pflag.FlagSet, f *scanFlags) {
	fl.StringArrayVar(&f.projects, "project", nil, "only this project of vitalsign.yaml (repeatable); the rest is named as not asked")
	fl.BoolVar(&f.allProjects, "all-projects", false, "projects, too, that the change does not touch")
}

// openParts opens a target and adds it to those of the command: one that has
// projects as each of these and the rest of it, all others as they are.
func (s *scanner) openParts(ctx context.Context, target string) error {
	whole, err := s.ready(ctx, target)
	if err != nil {
		return err
	}
	var parts []config.Project
	if s.flags.byProject {
		parts = projectsIn(whole)
	}
	if len(parts) == 0 {
		s.openWhole(whole)
		return nil
	}
	untouched := s.untouched(ctx, &whole, parts)
	owners := s.codeowners(ctx, &whole)
	var scanned []opened
	for _, p := range parts {
		s.known = append(s.known, p.Name)
		why := ""
		switch {
		case len(s.flags.projects) > 0 && !slices.Contains(s.flags.projects, p.Name):
			why = leftNotAsked
		case untouched[p.Path]:
			why = leftNotTouched
		}
		owner := s.ownerOf(p, owners)
		if why != "" {
			s.left = append(s.left, checks.NotScanned{Target: whole.tree.Target.Path, Project: p.Name, Path: p.Path, Owner: owner, Why: why})
			continue
		}
		o, err := s.openProject(ctx, whole, p)
		if err != nil {
			return err
		}
		o.tree.Target.Owner = owner
		scanned = append(scanned, o)
	}
	if len(s.flags.projects) > 0 {
		s.left = append(s.left, checks.NotScanned{Target: whole.tree.Target.Path, Why: leftNotAsked})
	} else {
		scanned = divide(whole, parts, scanned)
	}
	s.trees = append(s.trees, scanned...)
	return nil
}

// openWhole adds a target that is not divided.
func (s *scanner) openWhole(o opened) {
	asked := s.flags.projects
	if o.project.Path != "" {
		s.known = append(s.known, o.project.Name)
	}
	if len(asked) > 0 && !slices.Contains(asked, o.project.Name) {
		s.left = append(s.left, checks.NotScanned{Target: o.tree.Target.Path, Project: o.project.Name, Path: o.project.Path, Owner: o.tree.Target.Owner, Why: leftNotAsked})
		return
	}
	s.trees = append(s.trees, o)
}

// projectsIn are the projects that lie in a target and are not all of it.
func projectsIn(o opened) []config.Project {
	if o.project.Path != "" || o.tree.Target.Kind == kindURL {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(o.settings.Projects), func(p config.Project) bool { return !o.tree.Covers(p.Path) })
}

// openProject opens a project of a repository as a scan of its directory would.
func (s *scanner) openProject(ctx context.Context, whole opened, p config.Project) (opened, error) {
	tree := *whole.tree
	tree.Only, tree.Target.Path = p.Path, filepath.Join(tree.Root, filepath.FromSlash(p.Path))
	o, err := s.settled(ctx, &tree)
	if err != nil {
		return o, err
	}
	o.trusted.touched = whole.trusted.touched // of the same base
	return s.equipped(o)
}

// divide adds the rest of a repository to its projects, and gives it what is
// said of all of them, so that it is done and told once: the history, the
// running application, and what the change loosens outside of projects.
func divide(whole opened, parts []config.Project, scanned []opened) []opened {
	tree := *whole.tree
	for _, p := range parts {
		tree.Except = append(tree.Except, p.Path)
	}
	tree.Target.Except = tree.Except
	whole.tree = &tree
	var told []checks.Finding
	for i := range scanned {
		o := &scanned[i]
		o.settings.History, o.settings.Dast = false, config.Dast{}
		o.trusted.loosened = slices.DeleteFunc(slices.Clone(o.trusted.loosened), func(f checks.Finding) bool { return !concerns(f, o.project) })
		told = append(told, o.trusted.loosened...)
	}
	whole.trusted.loosened = slices.DeleteFunc(slices.Clone(whole.trusted.loosened), func(f checks.Finding) bool {
		return slices.ContainsFunc(told, func(t checks.Finding) bool { return t.Fingerprint == f.Fingerprint })
	})
	return append(scanned, whole)
}

// concerns says whether a loosening is about a project: in a file of it, or of
// what the repository's file says of it.
func concerns(f checks.Finding, p config.Project) bool {
	key := "projects." + p.Path
	return config.Project{Path: p.Path}.Touches(f.Location.Path) ||
		strings.HasPrefix(f.Evidence.Message, key+":") || strings.HasPrefix(f.Evidence.Message, key+".")
}

// strictest judges a target that is looked at as one (a build, the fleet, a
// commit) by the tightest of its projects' thresholds: what would fail as a
// project must not pass as a part of the whole.
func (o *opened) strictest(layers []config.Layer) {
	for _, p := range projectsIn(*o) {
		own, _ := config.Resolve(append(layers, o.trusted.repo.ForProject(p.Path))...)
		o.settings.FailOn = min(o.settings.FailOn, own.FailOn)
		o.settings.UnratedAs = max(o.settings.UnratedAs, own.UnratedAs)
	}
}

// knownProjects refuses a project that no target has.
func (s *scanner) knownProjects() error {
	for _, name := range s.flags.projects {
		switch {
		case slices.Contains(s.known, name):
		case len(s.known) == 0:
			return usageError("--project %s: vitalsign.yaml names no projects here (projects: in the file at the repository's root)", name)
		default:
			return usageError("--project: there is no project %q%s; the projects are %s", name, misspell.Hint(name, s.known), strings.Join(s.known, ", "))
		}
	}
	return nil
}

// untouched finds the projects, by their paths, of which a change touches
// nothing: no file of them, and none that they use. Where there is no commit
// that a change starts from, where all was asked for, or where nobody can tell,
// there are none. A signed run is about what is there, whatever changed; and who
// watches, watches all.
func (s *scanner) untouched(ctx context.Context, o *opened, parts []config.Project) map[string]bool {
	f := s.flags
	if o.tree.Repo == nil || f.allProjects || len(f.projects) > 0 || f.sign != "" || f.watched != nil {
		return nil
	}
	base := o.trusted.base
	if base == "" {
		if !o.settings.NewOnly || isBaselineFile(f.baseline) {
			return nil
		}
		var err error
		if base, _, err = s.baseline(ctx, *o); err != nil {
			return nil // it is said where findings are compared
		}
	}
	changed, err := s.changes(ctx, o.tree, base)
	if err != nil {
		s.progress.Say("which projects the change touches cannot be told, so all of them are scanned: " + err.Error())
		return nil
	}
	if slices.ContainsFunc(changed, config.DecidesAll) {
		return nil
	}
	untouched := map[string]bool{}
	for _, p := range parts {
		untouched[p.Path] = !slices.ContainsFunc(changed, p.Touches)
	}
	return untouched
}

// changes are the paths at which a tree is not what a commit has, those among
// them that git does not track and a scan reads.
func (s *scanner) changes(ctx context.Context, tree *pipelines.Tree, base string) ([]string, error) {
	changed, err := tree.Repo.Changed(ctx, base)
	if err != nil {
		return nil, err
	}
	paths, err := tree.Repo.Untracked(ctx, s.flags.noIgnore)
	if err != nil {
		return nil, err
	}
	for path := range changed {
		paths = append(paths, path)
	}
	return paths, nil
}

// codeowners reads who owns what of a repository, as it is believed. Who owns
// something is told and decides nothing, so a file that cannot be read is said.
func (s *scanner) codeowners(ctx context.Context, o *opened) codeowners.Rules {
	at := s.trustedTree(ctx, o)
	for _, name := range codeowners.Files() {
		b, err := at.Read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			s.progress.Say("owners of projects are not known: " + name + ": " + err.Error())
			return nil
		default:
			return codeowners.Parse(b)
		}
	}
	return nil
}

// ownerOf is who answers for a project.
func (s *scanner) ownerOf(p config.Project, rules codeowners.Rules) string {
	return cmp.Or(p.Owner, rules.OfDirectory(p.Path))
}

// nameLeftOut says in a document what of the targets nobody looked at.
func (s *scanner) nameLeftOut(doc *checks.Document) {
	doc.NotScanned = s.left
	doc.Verdict.Reasons = slices.Clone(doc.Verdict.Reasons) // it may be the one run's
	for _, why := range []string{leftNotTouched, leftNotAsked} {
		var names []string
		for _, n := range s.left {
			if n.Why == why {
				names = append(names, cmp.Or(n.Project, restOf))
			}
		}
		if len(names) > 0 {
			line := why + ": " + strings.Join(names, ", ")
			doc.Verdict.Reasons = append(doc.Verdict.Reasons, line)
			s.progress.Say(line)
		}
	}
}
