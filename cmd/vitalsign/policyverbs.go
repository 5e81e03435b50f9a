package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/keys"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// policyRoles are the roles that policy init knows, with what each may say.
func policyRoles() []struct{ name, help, may string } {
	return []struct{ name, help, may string }{
		{"builder", "public key of the build server: signs bills, provenance and artifacts", "{speaks: [bill-of-health, provenance, vulns, test-result, sbom, vex, vsa, signature]}"},
		{"developer", "public key of a developer: may waive up to medium", "{waive: {max_severity: medium, max_days: 30}}"},
		{"security", "public key of a security officer: may waive up to high, and approve", "{waive: {max_severity: high, max_days: 90}, approve: {max_severity: critical}}"},
		{"release-manager", "public key of a release manager: approves waivers, signs summaries", "{speaks: [vsa], approve: {max_severity: high}}"},
		{"auditor", "public key of an auditor: signs summaries", "{speaks: [vsa]}"},
	}
}

func (a *app) policyCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "policy", Short: "Write, show and test the policy that says whose word counts",
		Example: "  vitalsign policy init --builder ci.pub --out policy.yaml\n  vitalsign policy show --policy policy.yaml",
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(a.policyInit(), a.policyShow(), a.policyTest(), a.policyTrust())
	return c
}

func (a *app) policyInit() *cobra.Command {
	var out string
	people := map[string]*[]string{}
	c := &cobra.Command{
		Use: "init", Short: "Write a first policy for the keys that you name",
		Long: "Writes a commented policy. Each key file becomes an identity that is named after the file.\n" +
			"A policy in a repository (" + repoPolicy + ") counts only when somebody signed it whom\n" +
			"the user's trust file names: vitalsign sign " + repoPolicy + ", vitalsign policy trust.",
		Example: "  vitalsign policy init --builder ci.pub --security alice.pub --developer dev.pub --out policy.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := a.firstPolicy(cmd.Context(), people)
			if err != nil {
				return err
			}
			if out == "" {
				_, err = fmt.Fprint(a.out, text)
				return err
			}
			if fileExists(out) {
				return usageError("%s is there already and was left alone", out)
			}
			if err := wholefile.WriteBytes(out, []byte(text), 0o644); err != nil {
				return err
			}
			fmt.Fprintf(a.err, "policy written to %s; read it, then: vitalsign verify SUBJECT --policy %s\n", out, out)
			return nil
		},
	}
	for _, r := range policyRoles() {
		people[r.name] = c.Flags().StringArray(r.name, nil, r.help+" (repeatable)")
	}
	c.Flags().StringVar(&out, "out", "", "file to write (default: standard output)")
	return c
}

// firstPolicy writes a policy and reads it again: what init writes is sound.
func (a *app) firstPolicy(ctx context.Context, people map[string]*[]string) (string, error) {
	var ids strings.Builder
	seen := map[string]bool{}
	for _, r := range policyRoles() {
		for _, ref := range *people[r.name] {
			key, err := publicKey(ctx, ref)
			if err != nil {
				return "", err
			}
			pem, err := keys.PEM(key)
			if err != nil {
				return "", err
			}
			name := strings.TrimSuffix(filepath.Base(ref), filepath.Ext(ref))
			if seen[name] {
				return "", usageError("two keys are named %q: name the files after their holders", name)
			}
			seen[name] = true
			fmt.Fprintf(&ids, "  - name: %q\n    person: %q\n    roles: [%s]\n    key: |\n      %s\n", name, name, r.name,
				strings.ReplaceAll(strings.TrimSpace(string(pem)), "\n", "\n      "))
		}
	}
	if ids.Len() == 0 {
		return "", usageError("a policy without identities believes nobody: name at least --builder KEY.pub")
	}
	var roles strings.Builder
	for _, r := range policyRoles() {
		fmt.Fprintf(&roles, "  %s: %s\n", r.name, r.may)
	}
	text := fmt.Sprintf(policyTemplate, policy.Schema, a.now().UTC().AddDate(1, 0, 0).Format(time.DateOnly), ids.String(), roles.String())
	_, err := policy.Parse([]byte(text), nil)
	return text, err
}

// policyTemplate is a first policy: schema, last day, identities, roles.
const policyTemplate = `# Whose word counts, and what must be there before anything ships.
schema: %s
# The number grows with each change: an older policy is refused.
version: 1
expires: %s
# What certificates and timestamps are held against, where there are any:
# trusted_root: public-good
# trusted_root: {file: trusted-root.json, sha256: ...}

# Two keys of one person (same "person") are one voice. Instead of a key, an
# identity may have issuer and subject of a certificate.
identities:
%s
roles:
%s
gate: {fail_on: high, unrated_as: high}

require:
  # Each of these must have run to its end.
  checks: [secrets, deps, iac, sast]
  bill_max_age: 7d
  data_max_age: 7d
  # no_skip: true              no check may be left out
  # timestamp: true            a time must be proven (RFC 3161), not only said
  # sandbox: true              every step ran behind full walls
  # previous: required         a bill names the one before it
  # repositories: ['git+https://git.example/app']

# How many other people must approve a waiver.
waivers: {approvals: 1}
# Ignores written in the code; off honours none.
inline: {max_severity: low, max_days: 90}
# Whether a repository may keep files from being read (.vitalsignignore).
ignore_files: off

# Further conditions, in CEL, over bill, artifact and provenance:
# conditions:
#   - rule: bill.findings.by_severity.critical == 0.0
#     says: no critical finding, waived or not
`

func (a *app) policyShow() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "show", Short: "Show the policy that counts here, and who may say what",
		Example: "  vitalsign policy show --policy policy.yaml", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.policyHere(cmd.Context(), ".", name)
			if err != nil {
				return err
			}
			switch {
			case p.refused != nil:
				return exitError{judge.ExitNotVerified, p.refused}
			case p.policy == nil:
				fmt.Fprintln(a.err, "there is no policy here: unsigned waivers count, and verify needs --policy")
				return nil
			}
			a.showPolicy(p)
			return nil
		},
	}
	c.Flags().StringVar(&name, "policy", "", "policy file")
	return c
}

func (a *app) showPolicy(p foundPolicy) {
	a.printf("%s\n  sha256    %s\n  version   %d, until %s\n", safetext.Line(p.from), p.policy.Digest(), p.policy.Version(), p.policy.Expires().AddDate(0, 0, -1).Format(time.DateOnly))
	if err := p.policy.InForce(a.now()); err != nil {
		a.printf("  NOT IN FORCE: %v\n", err)
	}
	req := p.policy.Require()
	a.printf("  requires  %s; bills of at most %s\n  gate      fails on %s\n  waivers   %d approvals\n\n", strings.Join(req.Checks, ", "), req.BillAge, p.policy.Gate().FailOn, p.policy.Approvals())
	who := p.policy.Who()
	names := make([]string, 0, len(who))
	for n := range who {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		a.printf("  %-20s %s\n", safetext.Line(n), safetext.Line(strings.Join(who[n], ", ")))
	}
}

// policyCase is one question with the answer that a policy should give.
type policyCase struct {
	Name    string `yaml:"name"`
	Subject string `yaml:"subject"`
	Bundle  string `yaml:"bundle"`
	At      string `yaml:"at"`
	Project string `yaml:"project"`
	// Want is pass, fail, unknown or not-verified.
	Want string `yaml:"want"`
	// Says must be part of a reason.
	Says string `yaml:"says"`
}

func wantExits() map[string]int {
	return map[string]int{"pass": judge.ExitPass, "fail": judge.ExitFail, "unknown": judge.ExitUnknown, "not-verified": judge.ExitNotVerified}
}

func (a *app) policyTest() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "test CASES", Short: "Run a policy against recorded evidence",
		Long: "CASES is a YAML file with cases: each a subject, a directory of evidence (relative to the\n" +
			"file), a time, and the answer that is wanted: pass, fail, unknown or not-verified.\n" +
			"Exit 0 when every answer is as wanted, 1 when one is not.",
		Example: "  vitalsign policy test --policy policy.yaml cases.yaml\n\n" +
			"  # cases.yaml\n  cases:\n    - name: release 1.2 ships\n      subject: sha256:...\n      bundle: evidence/1.2\n      at: 2026-11-24T12:00:00Z\n      want: pass",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.testPolicy(cmd, name, args[0]) },
	}
	c.Flags().StringVar(&name, "policy", "", "policy file")
	return c
}

func (a *app) testPolicy(cmd *cobra.Command, name, file string) error {
	p, err := a.policyHere(cmd.Context(), ".", name)
	if err == nil && p.policy == nil {
		err = usageError("there is no policy to test: give --policy")
	}
	if err != nil {
		return err
	}
	b, err := readFile(file, policy.MaxSize)
	if err != nil {
		return usageError("%w", err)
	}
	var all struct {
		Cases []policyCase `yaml:"cases"`
	}
	d := yaml.NewDecoder(strings.NewReader(string(b)))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil || len(all.Cases) == 0 {
		return usageError("%s holds no cases: %v", file, err)
	}
	wrong := 0
	for _, c := range all.Cases {
		got, err := a.askCase(cmd, p.policy, filepath.Dir(file), c)
		if err != nil {
			return fmt.Errorf("case %q: %w", c.Name, err)
		}
		reasons := strings.Join(got.Verdict.Reasons, "; ")
		want, ok := wantExits()[c.Want]
		if !ok {
			return usageError("case %q: want is pass, fail, unknown or not-verified, not %q", c.Name, c.Want)
		}
		if got.Verdict.Exit == want && strings.Contains(reasons, c.Says) {
			a.printf("ok    %s\n", safetext.Line(c.Name))
			continue
		}
		wrong++
		a.printf("WRONG %s: exit %d, wanted %s %s\n      %s\n", safetext.Line(c.Name), got.Verdict.Exit, c.Want, safetext.Line(c.Says), safetext.Line(reasons))
	}
	a.printf("%d of %d as wanted\n", len(all.Cases)-wrong, len(all.Cases))
	if wrong > 0 {
		a.code = judge.ExitFail
	}
	return nil
}

// askCase asks one question. Its time is not "when released": evidence that is
// recorded for a test need not carry timestamps.
func (a *app) askCase(cmd *cobra.Command, p *policy.Policy, dir string, c policyCase) (chain.Result, error) {
	ctx, name := cmd.Context(), c.Subject
	if !isNamed(name) {
		name = filepath.Join(dir, filepath.FromSlash(name))
	}
	s, err := a.subject(ctx, name)
	if err != nil {
		return chain.Result{}, err
	}
	at := a.now()
	if c.At != "" {
		if at, err = time.Parse(time.RFC3339, c.At); err != nil {
			return chain.Result{}, usageError("at: %w", err)
		}
	}
	kept, err := a.evidence(cmd, ".", []string{filepath.Join(dir, filepath.FromSlash(c.Bundle))})
	if err != nil {
		return chain.Result{}, err
	}
	e, err := kept.with(s)
	if err != nil {
		return chain.Result{}, err
	}
	return chain.Verify(ctx, chain.Question{Subject: s, Policy: p, Bundles: e.bundles, Document: e.document, Project: c.Project, At: at}), nil
}

func (a *app) policyTrust() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "trust KEY.pub", Short: "Believe policies in repositories that this key has signed",
		Long: "Adds the key to the user's trust file. A policy that lies in a repository counts only when\n" +
			"it is signed by somebody in that file, is not older than one seen before, and has not expired.",
		Example: "  vitalsign policy trust security.pub --name security", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.trustKey(cmd.Context(), args[0], name) },
	}
	c.Flags().StringVar(&name, "name", "", "how to call the holder (default: the file's name)")
	return c
}

func (a *app) trustKey(ctx context.Context, ref, name string) error {
	key, err := publicKey(ctx, ref)
	if err != nil {
		return err
	}
	pem, err := keys.PEM(key)
	if err != nil {
		return err
	}
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(ref), filepath.Ext(ref))
	}
	if a.configDir() == "" {
		return usageError("there is no directory for the trust file: set HOME or XDG_CONFIG_HOME")
	}
	file := filepath.Join(a.configDir(), trustFile)
	b, err := readFile(file, policy.MaxSize)
	switch {
	case err == nil:
		if _, err := a.userTrust(); err != nil {
			return err
		}
	case os.IsNotExist(err):
		b = []byte("# Whose signature makes a repository's policy count.\nschema: " + trustSchema + "\nidentities:\n")
	default:
		return err
	}
	entry := fmt.Sprintf("  - name: %q\n    key: |\n      %s\n", name, strings.ReplaceAll(strings.TrimSpace(string(pem)), "\n", "\n      "))
	if err := os.MkdirAll(a.configDir(), 0o700); err != nil {
		return err
	}
	if err := wholefile.WriteBytes(file, append(b, entry...), fs.FileMode(0o600)); err != nil {
		return err
	}
	if _, err := a.userTrust(); err != nil {
		return fmt.Errorf("the trust file does not read any more: %w", err)
	}
	fmt.Fprintf(a.err, "policies signed by %q (key %s) are believed; %s\n", name, shortHint(key), file)
	return nil
}

// shortHint names a key for people.
func shortHint(key any) string {
	hint, err := attest.KeyHint(key)
	if err != nil {
		return "?"
	}
	return hint[:12]
}
