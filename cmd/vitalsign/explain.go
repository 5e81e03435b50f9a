package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/internal/version"
	"github.com/vitalsign-dev/vitalsign/pipelines/local"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain ID", Short: "Say what a finding, a rule, a check or a decision is about, and what to do",
		Long: "ID is a rule (G401), a check (secrets), an advisory (CVE-2021-44228), the beginning of\n" +
			"a finding's fingerprint as a scan prints it in brackets, or a decision as vitalsign verify\n" +
			"prints it. Findings are looked up in the runs that are kept.",
		Example: "  vitalsign explain aws-access-token\n  vitalsign explain sast\n  vitalsign explain 376c6cc022c3",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.explain(cmd, args[0]) },
	}
}

var fingerprintPrefix = regexp.MustCompile(`^[0-9a-f]{6,64}$`)

func (a *app) explain(cmd *cobra.Command, id string) error {
	if fingerprintPrefix.MatchString(id) {
		if found, err := a.explainDecision(id); found {
			return err
		}
	}
	program, err := a.checkProgram(cmd)
	if err != nil {
		return err
	}
	tool, err := local.Describe(cmd.Context(), program, version.Build(), a.cacheDir())
	if err != nil {
		return err
	}
	for _, d := range tool.Checks {
		if d.Name == id {
			a.explainCheck(d)
			return nil
		}
		for _, r := range d.Rules {
			if strings.EqualFold(r.ID, id) {
				a.explainRule(d.Name, r)
				return nil
			}
		}
	}
	return a.explainKept(cmd.Context(), id, nearest(tool, id))
}

// nearest suggests rules that hold the word.
func nearest(tool local.Tool, id string) string {
	var near []string
	for _, d := range tool.Checks {
		for _, r := range d.Rules {
			if strings.Contains(strings.ToLower(r.ID), strings.ToLower(id)) && len(near) < 5 {
				near = append(near, r.ID)
			}
		}
	}
	if len(near) == 0 {
		return ""
	}
	return "\nRules with that in their name: " + strings.Join(near, ", ")
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

func (a *app) explainCheck(d checks.Description) {
	a.printf("%s  %s\n\n  version  %s\n  rules    %d (digest %.16s)\n", d.Name, d.Title, d.Version, len(d.Rules), d.RulesDigest)
	var claims []string
	for _, c := range d.Claims {
		claims = append(claims, c.Pattern)
	}
	a.printf("  reads    %s\n", strings.Join(claims, ", "))
	for _, n := range d.Needs {
		a.printf("  needs    %s (%s)\n", n.Name, n.Command)
	}
	for name, text := range d.Options {
		a.printf("  option   %s: %s\n", name, text)
	}
}

func (a *app) explainRule(check string, r checks.Rule) {
	a.printf("%s  %s\n\n  check     %s\n  severity  %s\n  class     %s\n", safetext.Line(r.ID), safetext.Line(r.Title), check, r.Severity, r.Class)
	if len(r.CWE) > 0 {
		a.printf("  weakness  %s\n", strings.Join(r.CWE, ", "))
	}
	a.printf("\n  What to do: %s\n", safetext.Block(r.Advice))
	for _, ref := range r.References {
		a.printf("  See %s\n", safetext.Line(ref))
	}
}

// explainKept looks an id up in the runs that are kept: as a fingerprint, or as
// an advisory.
func (a *app) explainKept(ctx context.Context, id, near string) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close() // read only
	if fingerprintPrefix.MatchString(id) {
		run, err := s.RunWith(ctx, id)
		if err == nil {
			for _, f := range run.Findings {
				if strings.HasPrefix(f.Fingerprint, id) {
					a.explainOne(run, f)
				}
			}
			return nil
		}
		if !errors.Is(err, store.ErrNoRun) {
			return err
		}
	}
	run, err := s.RunWithRule(ctx, id)
	if errors.Is(err, store.ErrNoRun) {
		return usageError("there is no check, rule or kept finding %q (a fingerprint has 6 to 64 hex digits)%s\nAdvisories and fingerprints are looked up in kept runs: scan first.", id, near)
	}
	if err != nil {
		return err
	}
	return a.explainAdvisory(run, id)
}

// explainAdvisory says what a rule from data is, and where the run has it.
func (a *app) explainAdvisory(run checks.Run, id string) error {
	said := false
	for _, f := range run.Findings {
		if !strings.EqualFold(f.Rule.ID, id) {
			continue
		}
		if !said {
			a.explainRule(f.Check, f.Rule)
			a.printf("\n  In run %s of %s:\n", run.ID, run.Started.Format("2006-01-02 15:04 MST"))
			said = true
		}
		a.printf("  %s  %s  %s\n", safetext.Line(f.Location.String()), f.Fingerprint[:12], safetext.Line(f.Fix))
	}
	return nil
}

func (a *app) explainOne(run checks.Run, f checks.Finding) {
	a.printf("finding %s\n  in %s, run %s of %s\n", f.Fingerprint, safetext.Line(f.Location.String()), run.ID, run.Started.Format("2006-01-02 15:04 MST"))
	var by []string
	for _, w := range f.SeenBy {
		by = append(by, w.Check+" "+w.Rule)
	}
	a.printf("  seen by %s\n", safetext.Line(strings.Join(by, ", ")))
	if f.Evidence.Message != "" {
		a.printf("  %s\n", safetext.Line(f.Evidence.Message))
	}
	if f.ValueBound {
		a.printf("  its identity is bound to a value under identity key %s", run.IdentityKeyID)
		if run.IdentityKeyThrowaway {
			a.printf(", which served that run only (vitalsign key identity makes a lasting one)")
		}
		a.printf("\n")
	}
	for i, line := range strings.Split(safetext.Block(f.Evidence.Excerpt), "\n") {
		if f.Evidence.Excerpt != "" {
			a.printf("  %5d | %s\n", f.Evidence.ExcerptLine+i, line)
		}
	}
	for _, e := range f.Exchanges {
		a.printf("  -- %s\n", safetext.Line(e.Note))
		for _, text := range []string{e.Request, e.Response} {
			for line := range strings.SplitSeq(safetext.Block(text), "\n") {
				a.printf("  | %s\n", line)
			}
		}
	}
	if f.Replay != "" {
		a.printf("  To see it again:\n  $ %s\n", safetext.Line(f.Replay))
	}
	if f.Fix != "" {
		a.printf("  Fix: %s\n", safetext.Line(f.Fix))
	}
	a.printf("\n")
	a.explainRule(f.Check, f.Rule)
}
