package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/waiver"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

func (a *app) waiversCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "waivers", Short: "List, approve, check and remove risk acceptances",
		Example: "  vitalsign waivers list                          who stands behind each, and whether it counts\n" +
			"  vitalsign waivers approve 3f2a91c0b7de --key bob.key",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var policy, comment string
	list := &cobra.Command{
		Use: "list", Short: "List the waivers here, who stands behind each, and whether it counts",
		Example: "  vitalsign waivers list --policy policy.yaml", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { _, err := a.listWaivers(cmd, policy); return err },
	}
	check := &cobra.Command{
		Use: "check", Short: "The same; exit 4 if any of them does not count",
		Long:    "Exit 0 when every waiver counts, 4 when one is expired, not signed by whoever the\npolicy wants, or cannot be read.",
		Example: "  vitalsign waivers check --policy policy.yaml", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			bad, err := a.listWaivers(cmd, policy)
			if err == nil && bad > 0 {
				a.code = judge.ExitNotVerified
			}
			return err
		},
	}
	approve := &cobra.Command{
		Use: "approve ID", Short: "Approve somebody else's waiver with your own key",
		Long:    "Writes a second statement over the waiver's digest, in a bundle of its own. The author and\nthe approver must be two people: a policy counts two keys of one person once.",
		Example: "  vitalsign waivers approve 3f2a91c0b7de --key bob.key", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.approveWaiver(cmd, args[0], comment, policy) },
	}
	expire := &cobra.Command{
		Use: "expire [ID]", Short: "Remove the waivers that have ended, or one",
		Example: "  vitalsign waivers expire", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.expireWaivers(cmd, args) },
	}
	for _, sub := range []*cobra.Command{list, check, approve} {
		sub.Flags().StringVar(&policy, "policy", "", "policy that says whose signature counts")
	}
	approve.Flags().StringVar(&comment, "comment", "", "what the approver says")
	signerFlags(approve.Flags())
	c.AddCommand(list, check, approve, expire)
	return c
}

// waiversHere are the waivers of the repository in a directory, as a policy
// sees them.
func (a *app) waiversHere(ctx context.Context, dir, policyFlag string) (root string, files []waiverFile, p foundPolicy, err error) {
	tree, p, err := a.treeAndPolicy(ctx, dir, policyFlag)
	if err != nil {
		return "", nil, p, err
	}
	files, err = waiverFiles(tree.Root)
	return tree.Root, files, p, err
}

func (a *app) listWaivers(cmd *cobra.Command, policyFlag string) (bad int, err error) {
	_, files, p, err := a.waiversHere(cmd.Context(), ".", policyFlag)
	if err != nil {
		return 0, err
	}
	all := a.acceptances(files, p)
	for _, acc := range all {
		state, why := standing(acc, a.now())
		if state != "" {
			bad++
		}
		what := acc.Waiver.Rule
		if acc.Waiver.Path != "" {
			what += " in " + acc.Waiver.Path
		} else if len(acc.Waiver.Places) > 0 {
			what += " in " + acc.Waiver.Places[0].Path
		}
		a.printf("%-8s %-12s until %s  %s: %s\n", cmp.Or(string(state), "counts"), safetext.Line(waiver.ShortID(acc.ID)), safetext.Line(acc.Waiver.Until), safetext.Line(what), safetext.Line(acc.Waiver.Reason))
		if acc.By != "" {
			a.printf("%22sby %s\n", "", safetext.Line(strings.TrimSpace(acc.By)))
		}
		if why != "" {
			a.printf("%22s%s\n", "", safetext.Line(why))
		}
	}
	if len(all) == 0 {
		a.printf("no waivers in %s\n", waiverDir)
	}
	return bad, nil
}

// standing says why a waiver does not count at a time; both are "" when it does.
func standing(acc judge.Acceptance, at time.Time) (state checks.WaiverState, why string) {
	switch {
	case acc.Refused != "":
		return checks.WaiverRefused, acc.Refused
	case !at.Before(acc.Waiver.Ends()):
		return checks.WaiverExpired, "it ended on " + acc.Waiver.Until
	}
	return "", ""
}

func (a *app) approveWaiver(cmd *cobra.Command, id, comment, policyFlag string) error {
	root, files, p, err := a.waiversHere(cmd.Context(), ".", policyFlag)
	if err != nil {
		return err
	}
	if p.policy == nil {
		if p.refused != nil {
			return usageError("%w", p.refused)
		}
		return usageError("an approval counts under a policy, and there is none: give --policy")
	}
	var found []waiver.Signed
	for _, f := range files {
		if !strings.HasSuffix(f.name, attest.BundleSuffix) {
			continue
		}
		w, v, kind, err := a.openWaiver(f, p)
		if err == nil && kind == waiver.KindWaiver && strings.HasPrefix(v.ID(), id) {
			found = append(found, waiver.Signed{Waiver: w, By: v})
		}
	}
	if len(found) != 1 || len(id) < 6 {
		return usageError("%d signed waivers begin with %q; vitalsign waivers list shows them", len(found), id)
	}
	s, err := a.signer(cmd)
	if err != nil {
		return notSigned(err)
	}
	st, err := waiver.Approval{Kind: waiver.KindApproval, Of: found[0].By.ID(), Approved: a.now().UTC().Format(time.DateOnly),
		Approver: a.getenv("USER"), Comment: comment}.Statement()
	if err != nil {
		return err
	}
	raw, err := s.Statement(cmd.Context(), st)
	if err != nil {
		return err
	}
	name := waiver.ShortID(found[0].By.ID()) + ".approval-" + attest.Digest(raw)[:8] + attest.BundleSuffix
	if err := a.putWaiver(root, name, raw); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "approval of %s written to %s\n", waiver.ShortID(found[0].By.ID()), path.Join(waiverDir, name))
	for _, acc := range a.acceptances(append(files, waiverFile{name: name, raw: raw}), p) {
		if acc.ID != found[0].By.ID() {
			continue
		}
		if acc.Refused != "" {
			fmt.Fprintf(a.err, "the waiver does not count yet: %s\n", safetext.Line(acc.Refused))
		} else {
			fmt.Fprintf(a.err, "the waiver counts: %s\n", safetext.Line(acc.By))
		}
	}
	return nil
}

// expireWaivers removes files. Nobody's word is needed for that: it only
// tightens.
func (a *app) expireWaivers(cmd *cobra.Command, args []string) error {
	root, files, p, err := a.waiversHere(cmd.Context(), ".", "")
	if err != nil {
		return err
	}
	removed := 0
	for _, f := range files {
		ended := false
		for _, acc := range a.acceptances([]waiverFile{f}, p) {
			ended = acc.Waiver.Until != "" && !a.now().Before(acc.Waiver.Ends())
		}
		if len(args) == 1 {
			ended = strings.HasPrefix(path.Base(f.name), args[0])
		}
		if ended {
			err = errors.Join(err, os.Remove(filepath.Join(root, filepath.FromSlash(f.name))))
			fmt.Fprintf(a.err, "removed %s\n", f.name)
			removed++
		}
	}
	if removed == 0 {
		fmt.Fprintln(a.err, "nothing to remove")
	}
	return err
}
