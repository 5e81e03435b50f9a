package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
	"github.com/vitalsign-dev/vitalsign/internal/version"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/pipelines/local"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Say what would not run here, why, and how to get it",
		Long: "Tries each part that a scan needs, for real: the second program, the sandbox (every\n" +
			"check runs on its own canary), git, the identity key, data and the store.\n" +
			"Exit code 0 when a scan here can be complete, 3 when something stands in its way.",
		Example: "  vitalsign doctor",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd) },
	}
}

// diagnosis is one line of the doctor's answer.
type diagnosis struct {
	what   string
	status checks.Status // OK, Partial for "works without", Failed
	text   string
	advice string
}

func (a *app) doctor(cmd *cobra.Command) error {
	lines := []diagnosis{{"machine", checks.OK, fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()), ""}}
	lines = append(lines, a.doctorChecks(cmd)...)
	lines = append(lines, a.doctorEngine(cmd), a.doctorGit(cmd.Context()), a.doctorKey(), a.doctorStore(cmd.Context()))
	lines = append(lines, a.doctorData(cmd)...)
	style := report.NewStyle(a.out, a.colour(cmd, a.out))
	a.code = judge.ExitPass
	for _, l := range lines {
		fmt.Fprintln(a.out, report.StatusLine(style, l.status, l.what, safetext.Line(l.text)))
		if l.advice != "" {
			fmt.Fprintln(a.out, "      -> "+safetext.Line(l.advice))
		}
		if l.status == checks.Failed {
			a.code = judge.ExitUnknown
		}
	}
	return nil
}

// doctorChecks runs every check on nothing but its canary.
func (a *app) doctorChecks(cmd *cobra.Command) []diagnosis {
	program, err := a.checkProgram(cmd)
	if err != nil {
		return []diagnosis{{"checks", checks.Failed, err.Error(), "install vitalsign-check beside vitalsign, from the same release"}}
	}
	tool, err := local.Describe(cmd.Context(), program, version.Build(), "")
	if err != nil {
		return []diagnosis{{"checks", checks.Failed, err.Error(), "install vitalsign-check beside vitalsign, from the same release"}}
	}
	lines := []diagnosis{{"checks", checks.OK, fmt.Sprintf("%s, build %s", program, tool.Build), ""}}
	run, err := a.canaries(cmd.Context(), tool)
	if err != nil {
		return append(lines, diagnosis{"checks", checks.Failed, err.Error(), ""})
	}
	for _, s := range run.Steps {
		d := diagnosis{s.Check, checks.OK, fmt.Sprintf("found its canary in %d ms, %d MB", s.DurationMS, s.PeakBytes>>20), ""}
		if s.Status != checks.OK {
			d = diagnosis{s.Check, checks.Failed, s.Reason, s.Advice}
		}
		lines = append(lines, d)
	}
	return append(lines, sandboxLine(run))
}

// canaries scans a directory in which every check has a file to claim.
func (a *app) canaries(ctx context.Context, tool local.Tool) (run checks.Run, err error) {
	dir, err := os.MkdirTemp("", "vitalsign-doctor-")
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, d := range tool.Checks {
		for _, f := range d.Canary.Files {
			p := filepath.Join(dir, d.Name, f.Path)
			if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
				return run, err
			}
			if err := os.WriteFile(p, []byte(strings.Join(f.Parts, "")), 0o600); err != nil {
				return run, err
			}
		}
	}
	tree, err := pipelines.OpenTree(ctx, dir, "")
	if err != nil {
		return run, err
	}
	inv, err := tree.Inventory(ctx, pipelines.InventoryOptions{})
	if err != nil {
		return run, err
	}
	key, err := randomKey()
	if err != nil {
		return run, err
	}
	plan := pipelines.Plan{Target: tree.Target, Root: tree.Root, Inventory: inv, Build: tool.Build, ToolDigest: tool.Digest, Key: key, KeyThrowaway: true}
	for _, d := range tool.Checks {
		plan.Steps = append(plan.Steps, pipelines.PlannedStep{Check: d, Limits: checks.DefaultLimits(), Options: map[string]string{}})
	}
	run = pipelines.Execute(ctx, plan, local.Engine{Program: tool.Program, Temp: os.TempDir()}, pipelines.Options{Parallel: runtime.NumCPU(), Now: a.now})
	// The canary's package needs no data; that there is none is said apart.
	for i, s := range run.Steps {
		if s.Status == checks.Missing {
			run.Steps[i].Status = checks.OK
		}
	}
	return run, nil
}

func sandboxLine(run checks.Run) diagnosis {
	for _, s := range run.Steps {
		if s.Sandbox != nil && s.Sandbox.Kind != sandbox.KindFull {
			return diagnosis{"sandbox", checks.Partial, s.Sandbox.Kind + ": " + strings.Join(s.Sandbox.Missing, "; "),
				"scans run, and record it; sandbox: required would refuse. Linux 6.2 or later has all layers"}
		}
	}
	if run.Sandbox == "" {
		return diagnosis{"sandbox", checks.Failed, "no check said which walls it is behind", ""}
	}
	return diagnosis{"sandbox", checks.OK, "resource limits, Landlock, no capabilities, seccomp", ""}
}

// doctorEngine connects to the Dagger engine that a scan would use.
func (a *app) doctorEngine(cmd *cobra.Command) diagnosis {
	layers, err := a.layers(cmd)
	if err != nil {
		return diagnosis{"engine", checks.Failed, err.Error(), ""}
	}
	settings, _ := config.Resolve(layers...)
	if choice := settings.Engine; choice.Kind == config.EngineLocal || choice.Kind == config.EngineAuto && a.getenv(daggerHostEnv) == "" {
		return diagnosis{"engine", checks.OK, "local (no Dagger engine is named)", ""}
	}
	e, err := a.openDagger(cmd.Context(), settings.Engine, local.Engine{Temp: os.TempDir()}, report.Silent())
	if err == nil {
		defer e.close()
		return diagnosis{"engine", checks.OK, e.versions, ""}
	}
	advice := "give its address with --engine dagger=ADDRESS or VITALSIGN_ENGINE, and see that it runs"
	if settings.Engine.Kind == config.EngineAuto {
		return diagnosis{"engine", checks.Partial, "local (" + err.Error() + ")", advice}
	}
	return diagnosis{"engine", checks.Failed, err.Error(), advice}
}

func (a *app) doctorGit(ctx context.Context) diagnosis {
	_, err := git.Open(ctx, a.gitProgram(), os.TempDir())
	if errors.Is(err, git.ErrNotFound) {
		return diagnosis{"git", checks.Partial, "not installed: commits are not recorded, history and pull requests cannot be scanned", "install git"}
	}
	return diagnosis{"git", checks.OK, a.gitProgram(), ""}
}

func (a *app) doctorKey() diagnosis {
	key, throwaway, err := a.identityKey()
	switch {
	case err != nil:
		return diagnosis{"key", checks.Failed, err.Error(), ""}
	case throwaway:
		return diagnosis{"key", checks.Partial, "no identity key: findings about values cannot be compared between runs", "vitalsign key identity"}
	}
	return diagnosis{"key", checks.OK, "identity key " + key.ID(), ""}
}

func (a *app) doctorStore(ctx context.Context) diagnosis {
	s, err := a.openStore(ctx)
	if err != nil {
		return diagnosis{"store", checks.Failed, err.Error(), ""}
	}
	if err := s.Close(); err != nil {
		return diagnosis{"store", checks.Failed, err.Error(), ""}
	}
	return diagnosis{"store", checks.OK, filepath.Join(a.stateDir(), "runs.db"), ""}
}

// doctorData says which data the checks would find.
func (a *app) doctorData(cmd *cobra.Command) []diagnosis {
	osv := a.advisories(cmd, config.Defaults().MaxDataAge)
	switch {
	case osv.trouble != "":
		return []diagnosis{{"data", checks.Failed, osv.trouble, ""}}
	case osv.set == nil:
		return []diagnosis{{"data", checks.Failed, "no advisories: dependencies cannot be judged", "vitalsign db update Go npm PyPI Maven (what you use), or vitalsign db import FILE without a network"}}
	case osv.stale != "":
		return []diagnosis{{"data", checks.Failed, osv.stale, ""}}
	}
	return []diagnosis{{"data", checks.OK, "advisories as of " + day(osv.set.AsOf), ""}}
}
