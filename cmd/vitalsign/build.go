package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/pipelines/build"
)

// buildFlags are what the command line says about a build.
type buildFlags struct {
	scanFlags
	out   string
	force bool
}

func (a *app) buildCommand() *cobra.Command {
	var f buildFlags
	c := &cobra.Command{
		Use: "build [NAME ...]", Short: "Scan the sources, build the artifacts of a release, scan those",
		Long: "Makes what vitalsign.yaml declares as artifacts of this repository (all, or those named):\n" +
			"scans the sources, builds, scans what was built, and writes it only when all of that\n" +
			"passed, with SLSA provenance and SHA256SUMS, signed with --sign. Files and images that are\n" +
			"there need no engine; a Dockerfile and commands in a container need a Dagger engine.\n\n" + exitHelp(),
		Example: "  vitalsign build                             everything that is declared\n" +
			"  vitalsign build cli --out release           one of it, to another directory\n" +
			"  vitalsign build --allow-exec cli            let the repository say what is run for cli\n" +
			"  vitalsign build --engine dagger -f json > build.json",
		RunE: func(cmd *cobra.Command, args []string) error { return a.build(cmd, args, f) },
	}
	fl := c.Flags()
	fl.StringVarP(&f.format, "format", "f", "table", "what to print: table, json")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress, only the verdict")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "every place, digests, unread files")
	fl.StringVar(&f.out, "out", "", "where it is written (default: "+defaultOut+", or "+otherOut+" where an artifact takes files from there)")
	fl.BoolVar(&f.force, "force", false, "replace files there that no vitalsign build has made")
	fl.String("db", "", "where the advisory data is (default: the cache; see vitalsign db)")
	evidenceFlags(fl, &f.scanFlags)
	fl.StringVar(&f.baseline, "baseline", "", "commit or branch that the change starts from: its configuration and ignores count (default: what the CI event says)")
	settingsFlags(fl)
	return c
}

// build makes artifacts of the repository that this directory is in.
func (a *app) build(cmd *cobra.Command, names []string, f buildFlags) error {
	if err := oneOfFormats(f.format, "table", "json"); err != nil {
		return err
	}
	s, err := a.newScanner(cmd, f.scanFlags)
	if err != nil {
		return err
	}
	b, err := s.openBuild(names, f)
	if err != nil {
		return err
	}
	if err := s.openSigner(); err != nil {
		return err
	}
	kept, err := a.storeForScan(cmd.Context(), s.progress)
	if err != nil {
		return err
	}
	s.engine = a.openEngine(cmd.Context(), b.o.settings.Engine, s.tool, s.progress)
	err = b.withWork(func() error { return b.run(cmd.Context(), kept) })
	if closed := s.engine.close(); closed != nil {
		s.progress.Say("the engine did not end as it should: " + closed.Error())
	}
	if err == nil {
		err = b.sign(cmd.Context())
	}
	s.progress.Close()
	if err != nil {
		return err
	}
	return a.writeRelease(b, f)
}

// openBuild decides, before anything runs, what is built and whether it may be.
func (s *scanner) openBuild(names []string, f buildFlags) (*building, error) {
	ctx := s.cmd.Context()
	// The paths of artifacts start at the top, wherever in the repository we are.
	tree, err := pipelines.OpenTree(ctx, ".", s.app.gitProgram())
	if err != nil {
		return nil, exitError{judge.ExitUsage, err}
	}
	if err := s.open(ctx, tree.Root); err != nil {
		return nil, err
	}
	o := s.trees[0]
	chosen, err := choose(o.settings.Artifacts, names)
	if err != nil {
		return nil, err
	}
	for _, r := range o.settings.Refused() {
		if r.Block == "artifacts" && slices.ContainsFunc(chosen, func(a config.Artifact) bool { return a.Name == r.Name }) {
			return nil, usageError("%s", r)
		}
	}
	b := &building{scanner: s, o: o, invocation: pipelines.NewID()}
	for _, c := range chosen {
		b.makes = append(b.makes, &made{artifact: c})
	}
	b.out, err = openOutput(o, f)
	if err != nil {
		return nil, err
	}
	return b, b.out.check(ctx, chosen)
}

// choose picks artifacts by name; all without one.
func choose(declared []config.Artifact, names []string) ([]config.Artifact, error) {
	if len(declared) == 0 {
		return nil, usageError("vitalsign.yaml declares no artifacts; for example:\n\n" +
			"artifacts:\n  - {name: cli, files: [\"bin/*\"]}\n  - {name: server, dockerfile: Dockerfile}")
	}
	var known []string
	for _, d := range declared {
		known = append(known, d.Name)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, usageError("there is no artifact %q; the artifacts are %s", n, strings.Join(known, ", "))
		}
	}
	if len(names) == 0 {
		return declared, nil
	}
	return slices.DeleteFunc(slices.Clone(declared), func(d config.Artifact) bool { return !slices.Contains(names, d.Name) }), nil
}

// recipe is what an artifact's declaration asks of a builder.
func recipe(a config.Artifact, root, source, invocation string) pipelines.Recipe {
	r := pipelines.Recipe{
		Name: a.Name, Root: root, Source: source, Files: a.Files, Image: a.Image,
		Dockerfile: a.Dockerfile, Context: a.Context, Invocation: invocation,
	}
	if c := a.Container; c != nil {
		r.Container = &pipelines.ContainerRecipe{
			Image: c.Image, Commands: c.Commands, Workdir: c.Workdir, Output: c.Output, Network: c.Network, Env: c.Env,
		}
	}
	return r
}

// writeRelease prints what happened and sets the exit code.
func (a *app) writeRelease(b *building, f buildFlags) error {
	r := report.Release{
		Schema: report.ReleaseSchemaID, Out: b.written, SourceRun: b.source.ID, Verdict: b.verdict(), Artifacts: []report.Artifact{},
	}
	runs := []checks.Run{b.source}
	for _, m := range b.makes {
		if m.result != nil {
			runs = append(runs, *m.result)
		}
		if len(m.files) > 0 {
			made := m.report(b.written != "")
			if b.signed {
				made.Bundle = provenanceBundle(m.artifact.Name)
			}
			r.Artifacts = append(r.Artifacts, made)
		}
	}
	a.code = r.Verdict.Exit
	var err error
	if f.format == "json" {
		err = report.ReleaseJSON(a.out, r)
	} else {
		err = report.ReleaseTable(a.out, r, runs, report.TableOptions{
			Style: report.NewStyle(a.out, a.colour(b.cmd, a.out)), Verbose: f.verbose, Quiet: f.quiet,
		})
	}
	if err != nil {
		return exitError{judge.ExitInternal, fmt.Errorf("the report could not be written: %w", err)}
	}
	return nil
}

func (m *made) report(written bool) report.Artifact {
	a := report.Artifact{Name: m.artifact.Name, Kind: m.recipe.Kind()}
	for _, f := range m.files {
		a.Files = append(a.Files, report.ArtifactFile{Path: m.artifact.Name + "/" + f.Path, SHA256: f.SHA256, Size: f.Size})
	}
	if written {
		a.Provenance = build.ProvenanceFile(m.artifact.Name)
	}
	if m.result != nil {
		a.ResultRun = m.result.ID
	}
	return a
}

// verdict is the one over all scans and builds. What was not built, or not
// written, cannot pass.
func (b *building) verdict() checks.Verdict {
	runs, exits := []checks.Run{b.source}, []int{b.source.Verdict.Exit}
	for _, m := range b.makes {
		if m.result != nil {
			runs, exits = append(runs, *m.result), append(exits, m.result.Verdict.Exit)
		}
	}
	v := overall(runs, judge.Worst(exits...))
	v.Reasons = slices.Clone(v.Reasons)
	switch {
	case b.failure != nil:
		v.Complete, v.Exit = false, max(v.Exit, judge.ExitUnknown)
		v.Reasons = append(v.Reasons, b.failure.Error())
	case b.written == "" && v.Exit == judge.ExitPass:
		v.Complete, v.Exit = false, judge.ExitUnknown
	case b.source.Verdict.Exit != judge.ExitPass:
		v.Reasons = append(v.Reasons, "the sources did not pass, so that nothing was built")
	}
	if b.interrupted {
		v.Complete, v.Exit = false, judge.ExitInterrupted
	}
	v.Exit, v.Reasons = b.signedVerdict(v.Exit, v.Reasons)
	return v
}

// interrupt notes that the user has had enough before everything was there.
func (b *building) interrupt(ctx context.Context) {
	b.interrupted = b.written == "" && ctx.Err() != nil
}
