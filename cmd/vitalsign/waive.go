package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/waiver"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// waiveFlags are what the command line says about a waiver.
type waiveFlags struct {
	until, reason, ticket, author, notAffected string
	rule, path, severity, policy               string
}

func (a *app) waiveCommand() *cobra.Command {
	var f waiveFlags
	c := &cobra.Command{
		Use: "waive FINGERPRINT", Short: "Accept the risk of a finding for a while, owned and dated",
		Long: "Writes a risk acceptance to " + waiverDir + ", to be reviewed like code. It is bound to the\n" +
			"finding's fingerprint and rule, to the files it is in, and to how often it is there: whatever\n" +
			"is more is new. FINGERPRINT is the beginning of one, as a scan prints it in brackets.\n" +
			"Without a policy unsigned waivers count, and are called so; with one they must be signed\n" +
			"(--key) by somebody whose role may, and approved as it says (vitalsign waivers approve).",
		Example: "  vitalsign waive 376c6cc022c3 --until 2027-01-31 --reason 'replaced in January' --ticket SEC-12\n" +
			"  vitalsign waive 376c6cc022c3 --until 90d --reason '...' --key alice.key\n" +
			"  vitalsign waive --rule G104 --path 'tools/**' --severity low --until 30d --reason '...'",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.waive(cmd, args, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.until, "until", "", "last day: YYYY-MM-DD, or a number of days (90d); required")
	fl.StringVar(&f.reason, "reason", "", "why the risk is accepted; required")
	fl.StringVar(&f.ticket, "ticket", "", "where it is followed")
	fl.StringVar(&f.author, "author", "", "who accepts it (default: USER); only a signature proves it")
	fl.StringVar(&f.notAffected, "not-affected", "", "the product is not affected, with OpenVEX's justification (vulnerable_code_not_in_execute_path, ...)")
	fl.StringVar(&f.rule, "rule", "", "with --path: every finding of this rule")
	fl.StringVar(&f.path, "path", "", "with --rule: in files that match this pattern (**, *, {a,b})")
	fl.StringVar(&f.severity, "severity", "", "with --rule: the worst severity that is covered")
	fl.StringVar(&f.policy, "policy", "", "policy that is asked whether the waiver will count")
	signerFlags(fl)
	return c
}

func (a *app) waive(cmd *cobra.Command, args []string, f waiveFlags) error {
	ctx := cmd.Context()
	w, err := a.waiverOf(f)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && f.rule+f.path == "":
		var run checks.Run
		if run, err = a.runWith(ctx, args[0]); err == nil {
			err = bindFinding(run, &w, args[0])
		}
	case len(args) == 0 && f.rule != "" && f.path != "" && f.severity != "":
		w.Rule, w.Path, w.Severity = f.rule, f.path, f.severity
		if _, err := checks.ParseSeverity(f.severity); err != nil {
			return usageError("--severity: %w", err)
		}
	default:
		return usageError("name a fingerprint, or --rule, --path and --severity together")
	}
	if err != nil {
		return err
	}
	said, err := a.writeWaiver(ctx, ".", w, f.policy, func() (attest.Signer, error) { return a.signer(cmd) })
	for _, line := range said {
		fmt.Fprintln(a.err, safetext.Line(line))
	}
	return err
}

// waiverOf is a waiver with all but what it covers.
func (a *app) waiverOf(f waiveFlags) (w waiver.Waiver, err error) {
	if strings.TrimSpace(f.reason) == "" || f.until == "" {
		return w, usageError("a waiver needs --until and --reason: somebody answers for it, for a time")
	}
	w = waiver.Waiver{Kind: waiver.KindWaiver, Reason: f.reason, Ticket: f.ticket, NotAffected: f.notAffected,
		Author: cmp.Or(f.author, a.getenv("USER")), Created: a.now().UTC().Format(time.DateOnly)}
	w.Until, err = a.lastDay(f.until)
	return w, err
}

// lastDay reads --until.
func (a *app) lastDay(text string) (string, error) {
	if days, err := strconv.Atoi(strings.TrimSuffix(text, "d")); err == nil && strings.HasSuffix(text, "d") && days >= 0 {
		return a.now().UTC().AddDate(0, 0, days).Format(time.DateOnly), nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return "", usageError("--until: %q is neither a date (2027-01-31) nor a number of days (90d)", text)
	}
	if !t.AddDate(0, 0, 1).After(a.now()) {
		return "", usageError("--until: %s is over", text)
	}
	return text, nil
}

// runWith is the newest run that is kept and has a finding.
func (a *app) runWith(ctx context.Context, prefix string) (run checks.Run, err error) {
	if !fingerprintPrefix.MatchString(prefix) {
		return run, usageError("%q is no fingerprint: a scan prints them in brackets", prefix)
	}
	kept, err := a.openStore(ctx)
	if err != nil {
		return run, err
	}
	defer kept.Close() // read only
	if run, err = kept.RunWith(ctx, prefix); err != nil {
		return run, usageError("no kept run has a finding %s: scan first", prefix)
	}
	return run, nil
}

// bindFinding binds a waiver to a finding of a run.
func bindFinding(run checks.Run, w *waiver.Waiver, prefix string) error {
	places := map[string]int{}
	for _, f := range run.Findings {
		if !strings.HasPrefix(f.Fingerprint, prefix) {
			continue
		}
		if w.Fingerprint != "" && w.Fingerprint != f.Fingerprint {
			return usageError("%s is the beginning of more than one fingerprint", prefix)
		}
		if f.ValueBound {
			if run.IdentityKeyThrowaway {
				return usageError("the finding is bound to a secret value, and the run had no identity key that is kept: vitalsign key identity, then scan again")
			}
			w.IdentityKeyID = run.IdentityKeyID
		}
		if s := f.Rule.Severity.String(); w.Rule == "" {
			w.Fingerprint, w.Rule, w.Severity = f.Fingerprint, f.Rule.ID, s
		}
		if f.Rule.ID == w.Rule {
			places[f.Location.Path]++
		}
	}
	for p, n := range places {
		w.Places = append(w.Places, waiver.Place{Path: p, Count: n})
	}
	slices.SortFunc(w.Places, func(a, b waiver.Place) int { return strings.Compare(a.Path, b.Path) })
	if w.Severity == checks.Unrated.String() {
		w.Severity = checks.High.String() // what unrated counts as
	}
	return nil
}

// writeWaiver writes a waiver into the repository in a directory, signed where
// there is a key, and says whether it will count.
func (a *app) writeWaiver(ctx context.Context, dir string, w waiver.Waiver, policyFlag string, signer func() (attest.Signer, error)) (said []string, err error) {
	st, err := w.Statement()
	if err != nil {
		return nil, usageError("%w", err)
	}
	payload, err := st.Bytes()
	if err != nil {
		return nil, err
	}
	id := attest.Digest(payload)
	tree, p, err := a.treeAndPolicy(ctx, dir, policyFlag)
	if err != nil {
		return nil, err
	}
	name, content := waiver.ShortID(id)+".json", append(payload, '\n')
	s, err := signer()
	signed := err == nil
	switch {
	case signed:
		if content, err = s.Statement(ctx, st); err != nil {
			return nil, err
		}
		name = waiver.ShortID(id) + attest.BundleSuffix
	case !errors.Is(err, errNoKey):
		return nil, err
	case p.policy != nil:
		return nil, usageError("a policy exists (%s), so an unsigned waiver would not count: give --key", p.from)
	}
	if err := a.putWaiver(tree.Root, name, content); err != nil {
		return nil, err
	}
	said = append(said, fmt.Sprintf("waiver %s of %s until %s written to %s", waiver.ShortID(id), w.Rule, w.Until, path.Join(waiverDir, name)))
	switch {
	case !signed:
		return append(said, "it is not signed: it counts until there is a policy, and is called unsigned"), nil
	case p.policy == nil:
		return append(said, "it is signed, and counts under a policy that names the key; there is none here yet"), nil
	}
	for _, acc := range a.acceptances([]waiverFile{{name: name, raw: content}}, p) {
		if acc.Refused != "" {
			said = append(said, "it does not count yet: "+acc.Refused)
		}
	}
	return said, nil
}

// putWaiver writes a file of waiverDir that was not there.
func (a *app) putWaiver(root, name string, content []byte) error {
	dir := filepath.Join(root, filepath.FromSlash(waiverDir))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	to := filepath.Join(dir, name)
	if fileExists(to) {
		return usageError("%s is there already", path.Join(waiverDir, name))
	}
	return wholefile.WriteBytes(to, content, 0o644)
}
