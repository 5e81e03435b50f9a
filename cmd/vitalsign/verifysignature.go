package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// bare says whether the question is about one signature: a key or an identity
// was given, and no policy.
func (f verifyFlags) bare() bool { return f.policy == "" && f.named() }

// named says whether a signer was given on the command line.
func (f verifyFlags) named() bool {
	return f.key != "" || f.identity != "" || f.identityRegexp != "" || f.issuer != "" || f.issuerRegexp != ""
}

// trust is whom the flags name.
func (a *app) bareTrust(cmd *cobra.Command, f verifyFlags) (attest.Trust, error) {
	t := attest.Trust{Foreign: true}
	var err error
	if t.Root, err = a.trustedRoot(cmd); err != nil {
		return t, err
	}
	if f.key != "" {
		key, err := publicKey(cmd.Context(), f.key)
		if err != nil {
			return t, err
		}
		t.Identities = append(t.Identities, attest.Identity{Name: f.key, Key: key})
		if f.identity+f.identityRegexp+f.issuer+f.issuerRegexp != "" {
			return t, usageError("--key and --certificate-identity are two questions: ask one")
		}
		return t, nil
	}
	who := attest.Identity{Name: "the certificate", Issuer: f.issuer, Subject: f.identity}
	pattern := func(text string, into **regexp.Regexp) (err error) {
		if text != "" {
			if *into, err = attest.Pattern(text); err != nil {
				return usageError("%q is no pattern: %w", text, err)
			}
		}
		return nil
	}
	if err := errors.Join(pattern(f.identityRegexp, &who.SubjectPattern), pattern(f.issuerRegexp, &who.IssuerPattern)); err != nil {
		return t, err
	}
	if !who.Valid() {
		return t, usageError("a certificate is believed by --certificate-identity and --certificate-oidc-issuer (or their -regexp) together")
	}
	if t.Root == nil {
		if t.Root, err = attest.PublicGoodRoot(); err != nil {
			return t, err
		}
	}
	t.Identities = append(t.Identities, who)
	return t, nil
}

// signatureAnswer is the JSON answer about one signature.
type signatureAnswer struct {
	Schema  string `json:"schema"`
	Subject string `json:"subject"`
	// About says that nothing else was asked.
	About    string         `json:"about"`
	Verified bool           `json:"verified"`
	Bundle   string         `json:"bundle,omitempty"`
	Signer   string         `json:"signer,omitempty"`
	Issuer   string         `json:"issuer,omitempty"`
	Type     string         `json:"predicate_type,omitempty"`
	Proven   []attest.Proof `json:"proven"`
	Reasons  []string       `json:"reasons"`
}

const signatureOnly = "signature only: who signed these bytes. Not asked: what they were built from, whether they were scanned, and whether they may ship (give --policy)"

// verifySignatures asks of each subject whether any bundle of it is by the one
// who is trusted.
func (a *app) verifySignatures(cmd *cobra.Command, subjects []chain.Subject, f verifyFlags) error {
	if f.format == "sarif" || f.at != "" {
		return usageError("--format sarif and --at need --policy: they are about a chain, not about one signature")
	}
	t, err := a.bareTrust(cmd, f)
	if err != nil {
		return err
	}
	a.code = judge.ExitPass
	kept, err := a.evidence(cmd, ".", f.bundles)
	if err != nil {
		return exitError{judge.ExitNotVerified, fmt.Errorf("the bundle: %w", err)}
	}
	for _, s := range subjects {
		g, err := kept.with(s)
		if err != nil {
			return exitError{judge.ExitNotVerified, fmt.Errorf("the bundle: %w", err)}
		}
		ans := a.askSignature(s, g, t)
		if !ans.Verified {
			a.code = judge.ExitNotVerified
		}
		if err := a.tellSignature(ans, f.format); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) askSignature(s chain.Subject, g *gathered, t attest.Trust) signatureAnswer {
	ans := signatureAnswer{Schema: "https://github.com/vitalsign-dev/vitalsign/schema/signature/v1", Subject: s.Name, About: signatureOnly,
		Proven: []attest.Proof{}, Reasons: []string{}}
	for _, b := range g.bundles {
		v, err := a.verifyOne(s, b, t)
		if err != nil {
			ans.Reasons = append(ans.Reasons, b.Name+": "+err.Error())
			continue
		}
		ans.Verified, ans.Bundle, ans.Type = true, b.Name, v.Statement().PredicateType
		ans.Signer, ans.Issuer = v.Certificate()
		if ans.Signer == "" {
			ans.Signer = v.Signers()[0].Name
		}
		ans.Proven, ans.Reasons = append(ans.Proven, v.Proofs()...), []string{}
		return ans
	}
	if len(g.bundles) == 0 {
		ans.Reasons = append(ans.Reasons, "no bundle: give --bundle FILE, or put "+s.Name+attest.BundleSuffix+" beside it")
	}
	return ans
}

// verifyOne holds a bundle against a subject: a signature over its bytes, or a
// statement with its digest.
func (a *app) verifyOne(s chain.Subject, b chain.Bundle, t attest.Trust) (attest.Verified, error) {
	if attest.ClaimOf(b.Raw).Statement {
		v, err := attest.Verify(b.Raw, t, a.now())
		if err != nil {
			return v, err
		}
		for alg, d := range s.Digests {
			if v.About(alg, d) {
				return v, nil
			}
		}
		return attest.Verified{}, &attest.Rejection{Kind: attest.Digest256, Detail: "a statement about something else"}
	}
	if b.Payload != nil {
		return attest.VerifyImage(b.Raw, b.Payload, s.Digests[attest.SHA256], t, a.now())
	}
	artifact := attest.Artifact{SHA256: s.Digests[attest.SHA256]}
	v, err := attest.VerifyArtifact(b.Raw, artifact, t, a.now())
	if err == nil || s.Kind != "file" {
		return v, err
	}
	// Ed25519 signs no digest: it needs the bytes.
	f, openErr := os.Open(s.Name)
	if openErr != nil {
		return v, err
	}
	defer f.Close() // read only
	artifact.Content = f
	if again, err := attest.VerifyArtifact(b.Raw, artifact, t, a.now()); err == nil {
		return again, nil
	}
	return v, err
}

func (a *app) tellSignature(ans signatureAnswer, format string) error {
	if format == "json" {
		return writeJSON(a.out, ans)
	}
	if !ans.Verified {
		fmt.Fprintf(a.out, "NOT VERIFIED: %s: %s\n", safetext.Line(ans.Subject), safetext.Line(strings.Join(ans.Reasons, "; ")))
		return nil
	}
	fmt.Fprintf(a.out, "SIGNATURE VERIFIED: %s, signed by %s%s (%s)\n", safetext.Line(ans.Subject), safetext.Line(ans.Signer), orWord(" of ", safetext.Line(ans.Issuer)), safetext.Line(ans.Bundle))
	for _, p := range ans.Proven {
		fmt.Fprintf(a.out, "  proven at %s by a %s\n", p.Time.Format("2006-01-02 15:04:05Z"), p.By)
	}
	fmt.Fprintf(a.out, "  %s\n", ans.About)
	return nil
}

func orWord(before, word string) string {
	if word == "" {
		return ""
	}
	return before + word
}
