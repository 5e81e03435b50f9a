package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/archive"
	"github.com/vitalsign-dev/vitalsign/attest/bill"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/evidence"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// proveCommand shows one finding without the others.
func (a *app) proveCommand() *cobra.Command {
	var document string
	c := &cobra.Command{
		Use: "prove FINGERPRINT", Short: "Prove that one finding is, or is not, among those of a bill, without the others",
		Long: "Prints an RFC 6962 audit path from a findings document. Whoever has the signed bill checks it\n" +
			"with vitalsign verify finding:FINGERPRINT --proof FILE, and learns of no other finding than\n" +
			"the two beside it, where it is absent.",
		Example: "  vitalsign attest prove 376c...64-digits --document DIGEST.findings.json > proof.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args[0]) != 64 {
				return usageError("a proof is about a whole fingerprint: 64 hex digits")
			}
			raw, err := readFile(document, evidence.MaxDocument)
			if err != nil {
				return usageError("--document: %w", err)
			}
			run, err := evidence.Read(raw)
			if err != nil {
				return usageError("--document: %w", err)
			}
			set, err := bill.NewSet(evidence.Leaves(run.Findings))
			if err != nil {
				return err
			}
			p, err := set.Prove(strings.ToLower(args[0]))
			if err != nil {
				return err
			}
			return writeJSON(a.out, p)
		},
	}
	c.Flags().StringVar(&document, "document", "", "findings document (DIGEST.findings.json)")
	return c
}

// maxProof bounds a proof, in bytes.
const maxProof = 1 << 20

// verifyProof holds a proof to the signed bill that it is about.
func (a *app) verifyProof(cmd *cobra.Command, subject string, f verifyFlags) error {
	fingerprint := strings.TrimPrefix(subject, findingSubject)
	raw, err := readFile(f.proof, maxProof)
	if err != nil {
		return usageError("--proof: %w", err)
	}
	var p bill.Proof
	if err := json.Unmarshal(raw, &p); err != nil || p.Fingerprint != fingerprint {
		return exitError{judge.ExitNotVerified, fmt.Errorf("%s is no proof about %.12s", f.proof, fingerprint)}
	}
	var t attest.Trust
	if f.bare() {
		t, err = a.bareTrust(cmd, f)
	} else {
		var found foundPolicy
		if found, err = a.policyHere(cmd.Context(), ".", f.policy); err == nil && found.policy == nil {
			err = usageError("whose bill is believed? give --policy or --key")
		}
		if err == nil {
			t = found.policy.Trust()
		}
	}
	if err != nil {
		return err
	}
	var g gathered
	for _, b := range f.bundles {
		if err := g.place(b); err != nil {
			return exitError{judge.ExitNotVerified, err}
		}
	}
	last := errors.New("no bill: give --bundle FILE")
	for _, b := range g.bundles {
		v, err := attest.Verify(b.Raw, t, a.now())
		var signed bill.Bill
		if err == nil {
			signed, err = bill.Of(v)
		}
		var present bool
		if err == nil {
			present, err = p.Check(signed.Findings.Size, signed.Findings.Root)
		}
		if err != nil {
			last = fmt.Errorf("%s: %w", b.Name, err)
			continue
		}
		word := "ABSENT"
		if present {
			word = "PRESENT"
		}
		a.printf("%s: %.12s among the %d findings of the bill %.12s, run %s, signed by %s\n", word, fingerprint, signed.Findings.Size, v.ID(),
			safetext.Line(signed.Run.ID), safetext.Line(v.Signers()[0].Name))
		return nil
	}
	return exitError{judge.ExitNotVerified, fmt.Errorf("the proof does not hold: %w", last)}
}

// findingSubject begins a subject that is one finding.
const findingSubject = "finding:"

// pullCommand brings evidence from where it is kept, for whoever verifies
// without a network afterwards.
func (a *app) pullCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "pull [COMMIT | image:REFERENCE ...]", Short: "Bring signed evidence from where it is kept into a directory",
		Long: "Copies the evidence of the commits, or all of it, and what lies beside images in their\n" +
			"registry, so that vitalsign verify --bundle DIR can judge it with no network. Nothing is\n" +
			"believed by being copied.",
		Example: "  vitalsign attest pull --evidence oci://registry.example/app/evidence --out evidence\n" +
			"  vitalsign attest pull image:registry.example/app@sha256:... --out evidence\n" +
			"  vitalsign attest pull HEAD --evidence git:refs/vitalsign/evidence@origin --out evidence",
		RunE: func(cmd *cobra.Command, args []string) error { return a.pull(cmd, args, out) },
	}
	c.Flags().String("evidence", "", "where it is kept (default: VITALSIGN_EVIDENCE, else what the user's file says)")
	c.Flags().StringVar(&out, "out", "evidence", "directory to copy to")
	return c
}

func (a *app) pull(cmd *cobra.Command, commits []string, out string) error {
	ctx := cmd.Context()
	tree, err := pipelines.OpenTree(ctx, ".", a.gitProgram())
	if err != nil {
		return err
	}
	layers, err := a.layers(cmd) // its flag is the setting's
	if err != nil {
		return err
	}
	settings, _ := config.Resolve(layers...)
	kept, err := a.archive(ctx, settings.Evidence, tree.Root)
	if err != nil {
		return exitError{judge.ExitUsage, err}
	}
	to, err := archive.Open(ctx, out, archive.Options{})
	if err != nil {
		return usageError("--out: %w", err)
	}
	n := 0
	prefixes := []string{""}
	if len(commits) > 0 {
		prefixes = nil
	}
	for _, rev := range commits {
		if ref, ok := strings.CutPrefix(rev, "image:"); ok {
			m, err := a.pullImage(ctx, ref, to)
			if err != nil {
				return err
			}
			n += m
			continue
		}
		s, err := a.commitSubject(ctx, ".", rev)
		if err != nil {
			return err
		}
		prefixes = append(prefixes, s.Digests[attest.GitCommit]+"/")
	}
	for _, p := range prefixes {
		names, err := kept.List(ctx, p)
		if err != nil {
			return err
		}
		for _, name := range names {
			b, err := kept.Get(ctx, name)
			if err == nil {
				err = to.Put(ctx, name, b)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			n++
		}
	}
	if n == 0 {
		return exitError{judge.ExitNotVerified, fmt.Errorf("there is no evidence of that (in %s)", a.evidencePlace(settings.Evidence))}
	}
	fmt.Fprintf(a.err, "%d files copied to %s; vitalsign verify SUBJECT --bundle %s\n", n, out, out)
	return nil
}
