package attest

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// Identity is somebody who can sign: the holder of a key, or whoever an issuer
// gave a certificate with this subject. Exactly one of the two is set; the zero
// value is nobody.
type Identity struct {
	// Name is how the verifier calls the identity; it is no part of any bundle.
	Name string
	// Key is the public key.
	Key crypto.PublicKey
	// Issuer and Subject are those of a certificate, compared whole; the
	// patterns must match whole as well.
	Issuer, Subject               string
	IssuerPattern, SubjectPattern *regexp.Regexp
}

// PublicKey reads a public key in PEM (PKIX).
func PublicKey(pem []byte) (crypto.PublicKey, error) {
	key, err := cryptoutils.UnmarshalPEMToPublicKey(pem)
	if err != nil {
		return nil, fmt.Errorf("no public key in PEM: %w", err)
	}
	return key, nil
}

// KeyHint is what a bundle calls a key: the SHA-256 of its PKIX form in
// standard base64, as cosign, gh and sigstore-go write it.
func KeyHint(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}

// Pattern is a regular expression that must match whole, as everybody expects
// who writes one for an identity.
func Pattern(expr string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(expr); err != nil { // alone, so that ")(" cannot break out
		return nil, err
	}
	return regexp.Compile(`\A(?:` + expr + `)\z`)
}

// Valid says whether the identity is somebody.
func (i Identity) Valid() bool {
	issuer, subject := i.Issuer != "" || i.IssuerPattern != nil, i.Subject != "" || i.SubjectPattern != nil
	return (i.Key != nil) != (issuer && subject) && issuer == subject
}

// matches says whether a certificate is this identity's.
func (i Identity) matches(c certificate.Summary) bool {
	if !i.Valid() || i.Key != nil {
		return false
	}
	is := func(whole string, pattern *regexp.Regexp, actual string) bool {
		if actual == "" || whole == "" && pattern == nil {
			return false
		}
		return (whole == "" || whole == actual) && (pattern == nil || pattern.MatchString(actual))
	}
	return is(i.Issuer, i.IssuerPattern, c.Issuer) && is(i.Subject, i.SubjectPattern, c.SubjectAlternativeName)
}

// Root is what certificates, timestamps and log entries are held against: a
// Sigstore trusted root (protobuf-specs, TrustedRoot). A nil Root trusts none.
type Root struct {
	material root.TrustedMaterial
	// Origin says where it comes from.
	Origin string
}

// maxRoot bounds a trusted root, in bytes.
const maxRoot = 4 << 20

// ParseRoot reads a trusted root in JSON.
func ParseRoot(b []byte, origin string) (*Root, error) {
	if len(b) > maxRoot {
		return nil, fmt.Errorf("%s: a trusted root has at most %d bytes", origin, maxRoot)
	}
	r, err := root.NewTrustedRootFromJSON(b)
	if err != nil {
		return nil, fmt.Errorf("%s is no Sigstore trusted root: %w", origin, err)
	}
	return &Root{r, origin}, nil
}

// has says which kinds of proof the root can check.
func (r *Root) has() (certificates, timestamps, logs, scts bool) {
	if r == nil || r.material == nil {
		return false, false, false, false
	}
	return len(r.material.FulcioCertificateAuthorities()) > 0, len(r.material.TimestampingAuthorities()) > 0,
		len(r.material.RekorLogs()) > 0, len(r.material.CTLogs()) > 0
}

// Trust is whom a verifier believes. Its zero value believes nobody.
type Trust struct {
	Identities []Identity
	Root       *Root
	// Foreign also takes bundles as other programs write them: with a key hint
	// of another form, and with a timestamp or log entry that the root cannot
	// check (which then proves nothing). It is for a question about one
	// signature, never for a chain of evidence.
	Foreign bool
}

var errNobody = errors.New("nobody is trusted: no key and no identity was given")

func (t Trust) check() error {
	if len(t.Identities) == 0 {
		return errNobody
	}
	for _, i := range t.Identities {
		if !i.Valid() {
			return fmt.Errorf("the identity %q is neither a key nor an issuer and a subject", i.Name)
		}
	}
	return nil
}
