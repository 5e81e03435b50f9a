package attest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/bundle"
)

// Bundle's media type and file name ending (Sigstore protobuf-specs, Bundle v0.3).
const (
	BundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	BundleSuffix    = ".sigstore.json"
)

// MaxBundle bounds a bundle, in bytes: a signed bill lists steps and digests,
// and no finding; a signed SBOM of a large program has some megabytes.
const MaxBundle = 64 << 20

// parseBundle reads a bundle. Certificate chains are allowed in any version:
// private authorities need them.
func parseBundle(raw []byte, foreign bool) (*bundle.Bundle, *Rejection) {
	if len(raw) > MaxBundle {
		return nil, reject(Malformed, "a bundle has at most %d bytes", MaxBundle)
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(raw); err != nil {
		bundle.AllowCertificateChain()(&b)
		if err := b.UnmarshalJSON(raw); err != nil {
			return nil, reject(Malformed, "no Sigstore bundle: %v", err)
		}
	}
	if e := b.GetDsseEnvelope(); e != nil && len(e.Signatures) != 1 {
		// DSSE allows several; then one bundle would speak with two voices, and
		// an approver could stand beside the author in the same file.
		return nil, reject(Malformed, "the envelope has %d signatures; a bundle has exactly one", len(e.Signatures))
	}
	if foreign {
		return &b, nil
	}
	return &b, checkForm(raw, &b)
}

// checkForm refuses other spellings of the same bundle (another base64, another
// version's media type), so that no byte of a bundle can be changed unseen.
func checkForm(raw []byte, b *bundle.Bundle) *Rejection {
	if !b.MinVersion("v0.3") && len(b.VerificationMaterial.GetTlogEntries()) == 0 {
		return reject(Malformed, "a bundle of a version before 0.3 without a log entry")
	}
	again, err := b.MarshalJSON()
	if err != nil {
		return reject(Malformed, "%v", err)
	}
	one, err := plain(raw)
	if err != nil {
		return reject(Malformed, "%v", err)
	}
	if two, err := plain(again); err != nil || !bytes.Equal(one, two) {
		return reject(Malformed, "the bundle is not in the form in which bundles are written")
	}
	return nil
}

// plain is a JSON document without white space and without what is empty.
func plain(raw []byte) ([]byte, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("more than one JSON document")
	}
	return json.Marshal(pruned(v))
}

// pruned leaves out what protobuf does not write: null, and what a field is
// when nobody set it.
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if p := pruned(e); p == nil {
				delete(v, k)
			} else {
				v[k] = p
			}
		}
		return v
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = pruned(v[i])
		}
	case string:
		if v == "" || v == "0" {
			return nil
		}
	case json.Number:
		if v == "0" {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return v
}

// Claim is what a bundle says of itself. Nothing of it has been verified: it
// only tells whether a bundle is worth verifying for a question, and which
// question to ask of it. A bundle that lies about it is not asked.
type Claim struct {
	// Statement says that it holds a statement and no signature over bytes.
	Statement bool
	// PredicateType is the statement's.
	PredicateType string
	// Payload is the statement's bytes.
	Payload []byte
}

// Subjects are those that the statement names; none when it cannot be read.
func (c Claim) Subjects() []Subject {
	var s struct {
		Subject []Subject `json:"subject"`
	}
	if json.Unmarshal(c.Payload, &s) != nil {
		return nil
	}
	return s.Subject
}

// ClaimOf reads what a bundle says of itself; zero when that cannot be read.
func ClaimOf(raw []byte) Claim {
	var b struct {
		DSSE *struct {
			Payload []byte `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	if len(raw) > MaxBundle || json.Unmarshal(raw, &b) != nil || b.DSSE == nil {
		return Claim{}
	}
	var s struct {
		PredicateType string `json:"predicateType"`
	}
	if json.Unmarshal(b.DSSE.Payload, &s) != nil {
		return Claim{Statement: true, Payload: b.DSSE.Payload}
	}
	return Claim{Statement: true, PredicateType: s.PredicateType, Payload: b.DSSE.Payload}
}
