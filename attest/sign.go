package attest

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"google.golang.org/protobuf/encoding/protojson"
)

// Signer signs with one key, and asks for a timestamp where it has been told
// of an authority. (Certificates and logs will be further fields.)
type Signer struct {
	// Key signs: a key file or a key management service (see attest/keys).
	Key signature.SignerVerifier
	// Timestamps is an RFC 3161 authority, nil for none: then no time is
	// proven, and the bundle says only who signed.
	Timestamps *sign.TimestampAuthority
	// Root verifies the timestamp that came back.
	Root *Root
}

// TimestampAuthority asks the RFC 3161 authority at a URL, through a transport
// (nil for the usual one).
func TimestampAuthority(url string, through http.RoundTripper) *sign.TimestampAuthority {
	return sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: url, Timeout: 30 * time.Second, Retries: 2, Transport: through})
}

// Public is the signer's public key.
func (s Signer) Public() (crypto.PublicKey, error) { return s.Key.PublicKey() }

// Statement signs a statement and gives the bundle. The bundle has been
// verified before it is given away.
func (s Signer) Statement(ctx context.Context, st Statement) ([]byte, error) {
	payload, err := st.Bytes()
	if err != nil {
		return nil, err
	}
	raw, err := s.bundle(ctx, &sign.DSSEData{Data: payload, PayloadType: PayloadType}, false)
	if err != nil {
		return nil, err
	}
	t, err := s.Trust()
	if err != nil {
		return nil, err
	}
	v, err := Verify(raw, t, time.Time{})
	if err == nil && !bytes.Equal(v.payload, payload) {
		err = errors.New("another statement came back")
	}
	return raw, own(err)
}

// Artifact signs an artifact by its SHA-256 and gives the bundle, verified.
func (s Signer) Artifact(ctx context.Context, sum string) ([]byte, error) {
	digest, err := hex.DecodeString(sum)
	if err != nil || len(digest) != 32 {
		return nil, fmt.Errorf("%q is no SHA-256 in hex", sum)
	}
	raw, err := s.bundle(ctx, &sign.PlainData{Data: digest}, true)
	if err != nil {
		return nil, err
	}
	return raw, own(s.made(raw, sum))
}

// Made says whether a bundle is this signer's signature over the artifact.
func (s Signer) Made(raw []byte, sum string) bool {
	return s.made(raw, sum) == nil
}

func (s Signer) made(raw []byte, sum string) error {
	t, err := s.Trust()
	if err == nil {
		_, err = VerifyArtifact(raw, Artifact{SHA256: sum}, t, time.Time{})
	}
	return err
}

func own(err error) error {
	if err != nil {
		return fmt.Errorf("what was signed does not verify: %w", err)
	}
	return nil
}

// Trust believes this signer only. Its error is one of asking for the key.
func (s Signer) Trust() (Trust, error) {
	key, err := s.Public()
	// Foreign where no root is at hand: the signature is asked about then, and
	// the timestamp by whoever has the root.
	return Trust{Identities: []Identity{{Name: "signer", Key: key}}, Root: s.Root, Foreign: s.Root == nil}, err
}

func (s Signer) bundle(ctx context.Context, content sign.Content, hashed bool) ([]byte, error) {
	o := sign.BundleOptions{Context: ctx}
	if s.Timestamps != nil {
		o.TimestampAuthorities = []*sign.TimestampAuthority{s.Timestamps}
	}
	k, err := newKeypair(ctx, s.Key, hashed)
	if err != nil {
		return nil, err
	}
	b, err := sign.Bundle(content, k, o)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	if b.GetMessageSignature() != nil && hashed {
		b.GetMessageSignature().MessageDigest.Digest = content.PreAuthEncoding()
	}
	return marshal(b)
}

// marshal writes a bundle on one line: protojson puts white space at random.
func marshal(b *protobundle.Bundle) ([]byte, error) {
	raw, err := protojson.Marshal(b)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Compact(&out, raw)
	return out.Bytes(), err
}

// keypair is sigstore-go's view of a cosign key.
type keypair struct {
	sv     signature.SignerVerifier
	public crypto.PublicKey
	hint   string
	algo   signature.AlgorithmDetails
	// hashed says that what is to be signed is the digest already.
	hashed bool
}

func newKeypair(ctx context.Context, sv signature.SignerVerifier, hashed bool) (*keypair, error) {
	public, err := sv.PublicKey(options.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("the public key: %w", err)
	}
	algo, err := signature.GetDefaultAlgorithmDetails(public)
	if err != nil {
		return nil, err
	}
	if algo.GetHashType() != crypto.SHA256 {
		// What cosign makes and what every KMS can do; others would need the
		// whole artifact in memory.
		return nil, fmt.Errorf("a key of type %s signs no SHA-256 digest; use ECDSA P-256 or RSA", algo.GetSignatureAlgorithm())
	}
	hint, err := KeyHint(public)
	return &keypair{sv, public, hint, algo, hashed}, err
}

func (k *keypair) GetHashAlgorithm() protocommon.HashAlgorithm {
	return protocommon.HashAlgorithm_SHA2_256
}
func (k *keypair) GetSigningAlgorithm() protocommon.PublicKeyDetails {
	return k.algo.GetSignatureAlgorithm()
}
func (k *keypair) GetHint() []byte                { return []byte(k.hint) }
func (k *keypair) GetKeyAlgorithm() string        { return k.algo.GetSignatureAlgorithm().String() }
func (k *keypair) GetPublicKey() crypto.PublicKey { return k.public }
func (k *keypair) GetPublicKeyPem() (string, error) {
	pem, err := cryptoutils.MarshalPublicKeyToPEM(k.public)
	return string(pem), err
}

// SignData signs data, or the digest that data is.
func (k *keypair) SignData(ctx context.Context, data []byte) (sig, digest []byte, err error) {
	o := []signature.SignOption{options.WithContext(ctx)}
	var message io.Reader = bytes.NewReader(data)
	if k.hashed {
		digest, message = data, nil
	} else {
		h := crypto.SHA256.New()
		h.Write(data) // a hash never fails
		digest = h.Sum(nil)
	}
	sig, err = k.sv.SignMessage(message, append(o, options.WithDigest(digest))...)
	return sig, digest, err
}
