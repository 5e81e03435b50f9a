// Package attest makes and verifies signed statements: in-toto Statements in
// DSSE envelopes, and plain signatures over artifacts, both as Sigstore
// bundles. Nothing in a bundle can be read before it is verified: Verify is
// the only maker of a Verified, whose zero value says nothing. What is signed
// does not matter here: this package knows neither checks nor findings.
package attest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
)

// Types of statements and payloads (in-toto Attestation Framework, Statement
// v1 and v0.1; DSSE v1.0.2, "Protocol").
const (
	StatementType    = "https://in-toto.io/Statement/v1"
	StatementTypeV01 = "https://in-toto.io/Statement/v0.1" // what cosign v2 still writes
	PayloadType      = "application/vnd.in-toto+json"
)

// Types of predicates.
const (
	PredicateProvenance   = "https://slsa.dev/provenance/v1"
	PredicateProvenance02 = "https://slsa.dev/provenance/v0.2"
	PredicateVSA          = "https://slsa.dev/verification_summary/v1"
	PredicateVulns        = "https://in-toto.io/attestation/vulns/v0.2"
	PredicateTestResult   = "https://in-toto.io/attestation/test-result/v0.1"
	PredicateCycloneDX    = "https://cyclonedx.org/bom"
	PredicateSPDX         = "https://spdx.dev/Document"
	PredicateOpenVEX      = "https://openvex.dev/ns"
	PredicateImageSigned  = "https://sigstore.dev/cosign/sign/v1" // cosign sign --new-bundle-format
	PredicateBill         = "https://github.com/vitalsign-dev/vitalsign/bill-of-health/v1"
	PredicateOurs         = "https://github.com/vitalsign-dev/vitalsign/statement/v1"
)

// Algorithms of a DigestSet (in-toto Attestation Framework v1, DigestSet). All
// values are lower-case hex.
const (
	SHA256    = "sha256"
	DirHash   = "dirHash"   // Go's directory Hash1, in hex and without "h1:"
	GitCommit = "gitCommit" // the object id of a commit
	GitTree   = "gitTree"   // the object id of a tree
)

// Subject is what a statement is about (ResourceDescriptor). A name tells
// people; only a digest identifies.
type Subject struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

// Has says whether the subject has this digest.
func (s Subject) Has(algorithm, digest string) bool {
	return digest != "" && strings.EqualFold(s.Digest[algorithm], digest)
}

// Statement is an in-toto Statement v1 whose predicate is not looked into.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	// Predicate may be missing in what others say (cosign's signature of an
	// image is such a statement); nothing can be decoded of it then.
	Predicate json.RawMessage `json:"predicate,omitempty"`
}

// NewStatement says predicate of subjects.
func NewStatement(predicateType string, predicate any, subjects ...Subject) (Statement, error) {
	raw, err := encode(predicate)
	if err != nil {
		return Statement{}, fmt.Errorf("a predicate of type %s: %w", predicateType, err)
	}
	if string(raw) == "null" {
		return Statement{}, fmt.Errorf("a statement of type %s without a predicate", predicateType)
	}
	s := Statement{StatementType, subjects, predicateType, raw}
	return s, s.check()
}

// Bytes is the payload that is signed: one line of JSON, text as it is.
func (s Statement) Bytes() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return encode(s)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // nobody reads this as HTML
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// check holds what the format demands (in-toto Attestation Framework v1,
// Statement, "Fields"): a statement about nothing, or about something that only
// has a name, is none.
func (s Statement) check() error {
	switch {
	case s.Type != StatementType && s.Type != StatementTypeV01:
		return fmt.Errorf("%q is not the type of an in-toto statement", s.Type)
	case s.PredicateType == "":
		return errors.New("the statement has no predicateType")
	case len(s.Subject) == 0:
		return errors.New("the statement is about nothing: it has no subject")
	}
	for _, sub := range s.Subject {
		if len(sub.Digest) == 0 {
			return fmt.Errorf("the subject %q has no digest", sub.Name)
		}
		for algorithm, d := range sub.Digest {
			if d == "" {
				return fmt.Errorf("the subject %q has an empty digest %s", sub.Name, algorithm)
			}
		}
	}
	return nil
}

// parseStatement reads a payload whose signature has been verified. A name that
// is there twice is an error: two readers could take one statement in two ways.
func parseStatement(payload []byte) (Statement, error) {
	var s Statement
	if err := jsonv2.Unmarshal(payload, &s); err != nil {
		return Statement{}, err
	}
	return s, s.check()
}

// Digest is the SHA-256 of content in hex, as everything here names bytes.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
