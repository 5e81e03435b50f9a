package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// kindSignature is the kind of our statement that signs a directory: it has no
// bytes of its own to sign.
const kindSignature = "signature"

func (a *app) signCommand() *cobra.Command {
	var out string
	var asBundle bool
	c := &cobra.Command{
		Use: "sign ARTIFACT ...", Short: "Sign files, directories and images",
		Long: "Signs each artifact with a cosign key and writes ARTIFACT" + attest.BundleSuffix + ", a Sigstore\n" +
			"bundle that cosign verify-blob reads, too. An image gets its signature in its registry,\n" +
			"as cosign sign stores it. What was signed is verified before this says so.\n\n" + subjectHelp,
		Example: "  vitalsign sign dist/app.tar.gz --key vitalsign.key\n" +
			"  vitalsign sign dist/*.zip --key awskms:///alias/release --timestamp-url https://tsa.example\n" +
			"  vitalsign sign image:registry.example/app@sha256:... --key vitalsign.key",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.signer(cmd)
			if err != nil {
				return notSigned(err)
			}
			for _, name := range args {
				if err := a.signOne(cmd.Context(), s, name, out, asBundle); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		},
	}
	signerFlags(c.Flags())
	c.Flags().StringVar(&out, "out", "", "directory for the bundles (default: beside the artifact)")
	c.Flags().BoolVar(&asBundle, newBundleFlag, false, "store an image's signature as a bundle, as cosign does with this flag")
	return c
}

// notSigned is wrong usage where nobody said with what to sign.
func notSigned(err error) error {
	if err == errNoKey {
		return usageError("%w", err)
	}
	return err
}

func (a *app) signOne(ctx context.Context, s attest.Signer, name, out string, asBundle bool) error {
	sub, err := a.subject(ctx, name)
	if err == nil {
		err = a.resolveImage(ctx, &sub)
	}
	if err != nil {
		return err
	}
	var raw []byte
	switch sub.Kind {
	case "file", "digest":
		raw, err = s.Artifact(ctx, sub.Digests[attest.SHA256])
	case "image":
		return a.signImage(ctx, s, sub, asBundle)
	default:
		var st attest.Statement
		if st, err = attest.NewStatement(attest.PredicateOurs, map[string]string{"kind": kindSignature}, statementSubject(sub)); err == nil {
			raw, err = s.Statement(ctx, st)
		}
	}
	if err != nil {
		return err
	}
	return a.writeBundle(bundlePath(sub, out, ""), raw, sub)
}

// bundlePath is where a bundle about a subject goes: NAME[.WHAT].sigstore.json.
func bundlePath(sub chain.Subject, out, what string) string {
	name := filepath.Clean(sub.Name)
	if sub.Kind == "commit" || sub.Kind == "digest" || sub.Kind == "image" {
		name = strings.NewReplacer(":", "-", "/", "-", "@", "-").Replace(sub.Name)
	}
	if out != "" {
		name = filepath.Join(out, filepath.Base(name))
	}
	if what != "" {
		name += "." + what
	}
	return name + attest.BundleSuffix
}

func (a *app) writeBundle(path string, raw []byte, sub chain.Subject) error {
	if err := wholefile.WriteBytes(path, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	for _, alg := range slices.Sorted(maps.Keys(sub.Digests)) {
		fmt.Fprintf(a.err, "%s: signed %s %s, verified\n", path, alg, sub.Digests[alg])
		break
	}
	return nil
}

// predicateNames are the words that cosign users know for predicate types, and
// ours.
func predicateNames() map[string]string {
	return map[string]string{
		"slsaprovenance1": attest.PredicateProvenance, "slsaprovenance02": attest.PredicateProvenance02, "provenance": attest.PredicateProvenance,
		"cyclonedx": attest.PredicateCycloneDX, "spdxjson": attest.PredicateSPDX, "spdx": attest.PredicateSPDX,
		"openvex": attest.PredicateOpenVEX, "vex": attest.PredicateOpenVEX, "vulns": attest.PredicateVulns,
		"test-result": attest.PredicateTestResult, "vsa": attest.PredicateVSA,
	}
}

// maxPredicate bounds a predicate that is signed, in bytes.
const maxPredicate = 32 << 20

func (a *app) attestCommand() *cobra.Command {
	var kind, predicate, out string
	var asBundle bool
	c := &cobra.Command{
		Use: "attest SUBJECT", Short: "Make a signed statement about a file, directory, image or commit",
		Long: "Signs an in-toto statement (DSSE, in a Sigstore bundle) with the predicate in a file:\n" +
			"a bill of materials, a provenance, VEX. A file that is a whole statement, as vitalsign\n" +
			"build writes NAME.provenance.json, is signed as it is, if it is about the subject.\n" +
			"An image's statement goes to its registry, as cosign attest stores it.\n\n" + subjectHelp,
		Example: "  vitalsign attest dist/app --predicate dist/app.provenance.json --key vitalsign.key\n" +
			"  vitalsign attest dist/app --type cyclonedx --predicate bom.json --key vitalsign.key\n" +
			"  vitalsign attest commit:HEAD --type https://hospital.example/review/v1 --predicate review.json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			sub, err := a.subject(ctx, args[0])
			if err == nil {
				err = a.resolveImage(ctx, &sub)
			}
			if err != nil {
				return err
			}
			st, err := readStatement(predicate, kind, sub)
			if err != nil {
				return err
			}
			s, err := a.signer(cmd)
			if err != nil {
				return notSigned(err)
			}
			if sub.Kind == "image" {
				return a.attestImage(ctx, s, sub, st, asBundle)
			}
			raw, err := s.Statement(ctx, st)
			if err != nil {
				return err
			}
			return a.writeBundle(bundlePath(sub, out, shortName(st.PredicateType)), raw, sub)
		},
	}
	c.AddCommand(a.proveCommand(), a.pullCommand())
	signerFlags(c.Flags())
	fl := c.Flags()
	fl.StringVar(&kind, "type", "", "predicate type: a word ("+strings.Join(sortedNames(predicateNames()), ", ")+") or a URI")
	fl.StringVar(&predicate, "predicate", "", "file with the predicate, or a whole in-toto statement")
	fl.StringVar(&out, "out", "", "directory for the bundle (default: beside the subject)")
	fl.BoolVar(&asBundle, newBundleFlag, false, "store an image's statement as a bundle, as cosign does with this flag")
	return c
}

// readStatement reads what is to be said of a subject.
func readStatement(file, kind string, sub chain.Subject) (attest.Statement, error) {
	if file == "" {
		return attest.Statement{}, usageError("--predicate is missing: the file with what is to be said")
	}
	b, err := readFile(file, maxPredicate)
	if err != nil {
		return attest.Statement{}, usageError("--predicate: %w", err)
	}
	var st attest.Statement
	if err := json.Unmarshal(b, &st); err == nil && st.Type != "" {
		return st, isAbout(st, sub, kind)
	}
	if !json.Valid(b) {
		return st, usageError("--predicate: %s is no JSON", file)
	}
	if full, ok := predicateNames()[kind]; ok {
		kind = full
	}
	if !strings.Contains(kind, "://") {
		return st, usageError("--type %q is neither a URI nor one of %s", kind, strings.Join(sortedNames(predicateNames()), ", "))
	}
	return attest.NewStatement(kind, json.RawMessage(b), statementSubject(sub))
}

// isAbout refuses a whole statement that is about something else.
func isAbout(st attest.Statement, sub chain.Subject, kind string) error {
	if full, ok := predicateNames()[kind]; ok {
		kind = full
	}
	if kind != "" && kind != st.PredicateType {
		return usageError("the statement is of type %s, not %s", st.PredicateType, kind)
	}
	for _, s := range st.Subject {
		for alg, d := range sub.Digests {
			if s.Has(alg, d) {
				return nil
			}
		}
	}
	return usageError("the statement is not about %s: none of its subjects has that digest", sub.Name)
}

// shortName is the word for a predicate type in a file's name.
func shortName(predicateType string) string {
	for _, n := range sortedNames(predicateNames()) {
		if predicateNames()[n] == predicateType && n != "slsaprovenance1" && n != "spdx" && n != "openvex" {
			return n
		}
	}
	return "statement"
}
