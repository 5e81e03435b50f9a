package attest

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

// Proof is a time at which the signature is proven to have existed.
type Proof struct {
	Time time.Time `json:"time"`
	// By is "timestamp authority" (RFC 3161) or "transparency log".
	By string `json:"by"`
	// URI names who says so, as the trusted root calls it.
	URI string `json:"uri,omitempty"`
}

// Verified is a bundle whose signature, signer and times have been verified.
// Only Verify and VerifyArtifact make one; the zero value says nothing.
type Verified struct {
	ok        bool
	statement Statement
	payload   []byte
	artifact  string
	signers   []Identity
	subject   string
	issuer    string
	proofs    []Proof
}

// Valid is false for the zero value only.
func (v Verified) Valid() bool { return v.ok }

// Statement is what was said; zero for a signature over an artifact.
func (v Verified) Statement() Statement { return v.statement }

// ID names the statement: the SHA-256 of the signed payload, in hex. It is
// the same in every bundle that holds the statement.
func (v Verified) ID() string {
	if len(v.payload) == 0 {
		return ""
	}
	return Digest(v.payload)
}

// Payload is the bytes that were signed.
func (v Verified) Payload() []byte { return slices.Clone(v.payload) }

// Artifact is the SHA-256 of the signed artifact, "" for a statement.
func (v Verified) Artifact() string { return v.artifact }

// Signers are the trusted identities that the signature is by: one, or several
// that are written for the same key or certificate.
func (v Verified) Signers() []Identity { return slices.Clone(v.signers) }

// Certificate gives subject and issuer of the signer's certificate, both empty
// where a key signed.
func (v Verified) Certificate() (subject, issuer string) { return v.subject, v.issuer }

// Proofs are the proven times, earliest first.
func (v Verified) Proofs() []Proof { return slices.Clone(v.proofs) }

// Decode reads the predicate into p. The predicate must be of this type.
func (v Verified) Decode(predicateType string, p any) error {
	if !v.ok || v.statement.PredicateType != predicateType {
		return fmt.Errorf("the statement is of type %q, not %q", v.statement.PredicateType, predicateType)
	}
	if len(v.statement.Predicate) == 0 || string(v.statement.Predicate) == "null" {
		return fmt.Errorf("the statement of type %q has no predicate", predicateType)
	}
	return jsonv2.Unmarshal(v.statement.Predicate, p)
}

// About says whether the statement has a subject with this digest.
func (v Verified) About(algorithm, digest string) bool {
	return v.ok && slices.ContainsFunc(v.statement.Subject, func(s Subject) bool { return s.Has(algorithm, digest) })
}

// Artifact is what a signature should be over.
type Artifact struct {
	// SHA256 is the digest in hex.
	SHA256 string
	// Content, where there is one, is needed by the few kinds of keys that sign
	// no digest (Ed25519).
	Content io.Reader
}

// Verify verifies a bundle that holds a statement. The time is needed for
// certificates without a proven time only: they must be valid now.
func Verify(raw []byte, t Trust, now time.Time) (Verified, error) {
	v, r := verifyBundle(raw, t, nil, now)
	if r != nil {
		return Verified{}, r
	}
	return v, nil
}

// VerifyArtifact verifies a bundle that holds a signature over an artifact, or
// a statement about it.
func VerifyArtifact(raw []byte, a Artifact, t Trust, now time.Time) (Verified, error) {
	v, r := verifyBundle(raw, t, &a, now)
	if r != nil {
		return Verified{}, r
	}
	return v, nil
}

func verifyBundle(raw []byte, t Trust, a *Artifact, now time.Time) (Verified, *Rejection) {
	if err := t.check(); err != nil {
		return Verified{}, reject(Unknown, "%v", err)
	}
	b, r := parseBundle(raw, t.Foreign)
	if r != nil {
		return Verified{}, r
	}
	e := b.GetDsseEnvelope()
	switch {
	case e != nil && e.PayloadType != PayloadType:
		return Verified{}, reject(Malformed, "the envelope holds %q, not %q", e.PayloadType, PayloadType)
	case e == nil && a == nil:
		return Verified{}, reject(Malformed, "the bundle holds a signature over an artifact, not a statement")
	}
	c := checker{bundle: b, trust: t, artifact: a, now: now}
	v, r := c.signer()
	if r != nil {
		return Verified{}, r
	}
	if e != nil {
		var err error
		if v.statement, err = parseStatement(e.Payload); err != nil {
			return Verified{}, reject(Malformed, "signed, but no in-toto statement: %v", err)
		}
		v.payload = e.Payload
	} else {
		v.artifact = strings.ToLower(a.SHA256)
	}
	slices.SortFunc(v.proofs, func(a, b Proof) int { return a.Time.Compare(b.Time) })
	v.ok = true
	return v, nil
}

// checker verifies one parsed bundle.
type checker struct {
	bundle   *bundle.Bundle
	trust    Trust
	artifact *Artifact
	now      time.Time
}

func (c checker) signer() (Verified, *Rejection) {
	content, err := c.bundle.VerificationContent()
	if err != nil {
		return Verified{}, reject(Malformed, "%v", err)
	}
	if cert := content.Certificate(); cert != nil {
		return c.byCertificate(cert)
	}
	return c.byKey()
}

// byKey finds the trusted key that signed. The hint is not signed, so it only
// decides which words the refusal has.
func (c checker) byKey() (Verified, *Rejection) {
	hint := c.bundle.VerificationMaterial.GetPublicKey().GetHint()
	var v Verified
	named := false
	var last error
	for _, i := range c.trust.Identities {
		if i.Key == nil {
			continue
		}
		own, err := KeyHint(i.Key)
		if err != nil {
			return Verified{}, reject(Unknown, "the key of %q: %v", i.Name, err)
		}
		named = named || own == hint
		if own != hint && hint != "" && !c.trust.Foreign {
			continue
		}
		if err := c.holds(keyMaterial(i.Key), verify.WithNoObserverTimestamps()); err != nil {
			last = err
			continue
		}
		v.signers = append(v.signers, i)
	}
	switch {
	case len(v.signers) > 0:
		return v, c.prove(&v)
	case named || last != nil && c.trust.Foreign:
		return v, reject(c.signatureKind(last), "%s", plainError(last))
	}
	return v, reject(Unknown, "signed by a key that is not trusted (hint %.60q)", hint)
}

// signatureKind tells a changed signature from one over something else.
func (c checker) signatureKind(err error) Kind {
	s := fmt.Sprint(err)
	if strings.Contains(s, "failed to fetch envelope statement") {
		return Malformed // signed, and not to be read
	}
	if strings.Contains(s, "artifact does not match digest") || strings.Contains(s, "provided artifact digest") {
		return Digest256
	}
	return Signature
}

// holds verifies the signature by one kind of material.
func (c checker) holds(m root.TrustedMaterial, o ...verify.VerifierOption) error {
	_, err := c.run(m, o...)
	return err
}

func (c checker) run(m root.TrustedMaterial, o ...verify.VerifierOption) (*verify.VerificationResult, error) {
	v, err := verify.NewVerifier(m, o...)
	if err != nil {
		return nil, err
	}
	over := verify.WithoutArtifactUnsafe()
	if c.artifact != nil {
		if over, err = c.artifact.policy(); err != nil {
			return nil, err
		}
	}
	return v.Verify(c.bundle, verify.NewPolicy(over, verify.WithoutIdentitiesUnsafe()))
}

func (a *Artifact) policy() (verify.ArtifactPolicyOption, error) {
	if a.Content != nil {
		return verify.WithArtifact(a.Content), nil
	}
	sum, err := hex.DecodeString(a.SHA256)
	if err != nil || len(sum) != 32 {
		return nil, fmt.Errorf("%q is no SHA-256 in hex", a.SHA256)
	}
	return verify.WithArtifactDigest(SHA256, sum), nil
}

func keyMaterial(key crypto.PublicKey) root.TrustedMaterial {
	return root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		v, err := signature.LoadDefaultVerifier(key)
		if err != nil {
			return nil, err
		}
		return root.NewExpiringKey(v, time.Time{}, time.Time{}), nil
	})
}

// byCertificate verifies chain, log entry and times, then asks whose
// certificate it is. What the root can check must be there: a root with logs
// wants an entry, one with timestamp authorities or logs a proven time.
func (c checker) byCertificate(cert *x509.Certificate) (v Verified, r *Rejection) {
	certificates, timestamps, logs, scts := c.trust.Root.has()
	if !certificates {
		return v, reject(Certificate, "signed with a certificate, and no trusted root with certificate authorities was given")
	}
	var o []verify.VerifierOption
	if logs {
		o = append(o, verify.WithTransparencyLog(1))
	}
	if scts {
		o = append(o, verify.WithSignedCertificateTimestamps(1))
	}
	if logs || timestamps {
		o = append(o, verify.WithObserverTimestamps(1))
	} else {
		o = append(o, verify.WithCurrentTime())
		// The verifier asks the machine's clock; the caller's must agree.
		if _, err := verify.VerifyLeafCertificate(c.now, cert, c.trust.Root.material); err != nil {
			return v, reject(Certificate, "not valid at %s, and no other time is proven: %s", c.now.UTC().Format(time.RFC3339), plainError(err))
		}
	}
	result, err := c.run(c.trust.Root.material, o...)
	if err != nil {
		k := c.certificateKind(err)
		detail := plainError(err)
		if k == Certificate {
			detail += fmt.Sprintf(" (the certificate is good from %s until %s)", cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339))
		}
		return v, reject(k, "%s", detail)
	}
	summary := *result.Signature.Certificate
	v.subject, v.issuer = summary.SubjectAlternativeName, summary.Issuer
	for _, i := range c.trust.Identities {
		if i.matches(summary) {
			v.signers = append(v.signers, i)
		}
	}
	if len(v.signers) == 0 {
		return v, reject(Unknown, "signed by %q (issuer %q), who is not trusted", v.subject, v.issuer)
	}
	return v, c.prove(&v)
}

// certificateKind sorts the verifier's errors, which have no types, by the
// step whose name they begin with.
func (c checker) certificateKind(err error) Kind {
	for _, k := range []struct {
		prefix string
		kind   Kind
	}{
		{"failed to verify log inclusion", Log}, {"failed to verify timestamps", Time},
		{"failed to verify leaf certificate", Certificate}, {"failed to verify signed certificate timestamp", Certificate},
		{"failed to verify signature", c.signatureKind(err)},
	} {
		if strings.HasPrefix(err.Error(), k.prefix) {
			return k.kind
		}
	}
	return Malformed
}

// prove verifies every timestamp and log entry that the bundle carries. One
// that cannot be verified makes the bundle untrue, unless Foreign.
func (c checker) prove(v *Verified) *Rejection {
	_, timestamps, logs, _ := c.trust.Root.has()
	if given := len(c.bundle.VerificationMaterial.GetTimestampVerificationData().GetRfc3161Timestamps()); given > 0 {
		if r := c.proveTimestamps(v, given, timestamps); r != nil && !c.trust.Foreign {
			return r
		}
	}
	if given := len(c.bundle.VerificationMaterial.GetTlogEntries()); given > 0 {
		if r := c.proveLog(v, given, logs); r != nil && !c.trust.Foreign {
			return r
		}
	}
	return nil
}

func (c checker) proveTimestamps(v *Verified, given int, known bool) *Rejection {
	if !known {
		return reject(Time, "the bundle carries a timestamp, and no trusted root with timestamp authorities was given")
	}
	proven, errs, err := verify.VerifySignedTimestamp(c.bundle, c.trust.Root.material)
	if err != nil || len(proven) < given {
		return reject(Time, "a timestamp of the bundle is not true: %s", plainError(fmt.Errorf("%w%v", orNone(err), errs)))
	}
	for _, p := range proven {
		v.proofs = append(v.proofs, Proof{p.Time.UTC(), "timestamp authority", p.URI})
	}
	return nil
}

func (c checker) proveLog(v *Verified, given int, known bool) *Rejection {
	if !known {
		return reject(Log, "the bundle carries a log entry, and no trusted root with transparency logs was given")
	}
	proven, err := verify.VerifyTlogEntry(c.bundle, c.trust.Root.material, given, true)
	if err != nil {
		return reject(Log, "a log entry of the bundle is not true: %s", plainError(err))
	}
	for _, p := range proven {
		v.proofs = append(v.proofs, Proof{p.Time.UTC(), "transparency log", p.URI})
	}
	return nil
}
