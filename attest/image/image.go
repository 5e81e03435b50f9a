// Package image stores signatures and attestations of images beside them in
// their registry, the way cosign v2 does, and brings them from there: in tags
// (sha256-DIGEST.sig and .att), and as referrers that hold a bundle. It works
// on bytes and verifies nothing.
package image

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/loopback"
)

// Bounds of what is brought of one image.
const (
	maxStored   = 1000
	maxResponse = attest.MaxBundle + 1<<20
)

// Registry is how registries are asked.
type Registry struct {
	// Keychain gives credentials; nil asks as nobody.
	Keychain authn.Keychain
	// Transport is nil for the usual one.
	Transport http.RoundTripper
}

func (r Registry) options(ctx context.Context) []remote.Option {
	o := []remote.Option{remote.WithContext(ctx), remote.WithTransport(loopback.Transport(r.Transport, maxResponse))}
	if r.Keychain != nil {
		o = append(o, remote.WithAuthFromKeychain(r.Keychain))
	}
	return o
}

func (r Registry) cosign(ctx context.Context) ociremote.Option {
	return ociremote.WithRemoteOptions(r.options(ctx)...)
}

// Digest gives the manifest's SHA-256 that a reference has in hex: the one that
// it names, without asking anybody; "" for one that has a tag only.
func Digest(ref string) (string, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "", err
	}
	d, ok := parsed.(name.Digest)
	if !ok {
		return "", nil
	}
	return hexOf(d.DigestStr())
}

func hexOf(digest string) (string, error) {
	const algorithm = "sha256:"
	b, err := hex.DecodeString(digest[min(len(algorithm), len(digest)):])
	if err != nil || len(b) != 32 {
		return "", fmt.Errorf("%.80q is no SHA-256 digest", digest)
	}
	return hex.EncodeToString(b), nil
}

// LayoutDigest is the SHA-256 of the one image in an OCI layout on disk.
func LayoutDigest(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close() // read only
	var m v1.IndexManifest
	if err := (layoutReader{root}).json("index.json", "", &m); err != nil {
		return "", fmt.Errorf("no OCI layout: %w", err)
	}
	found := ""
	for _, d := range m.Manifests {
		// cosign save puts signatures beside the image, and says what is what.
		kind := d.Annotations["kind"]
		if kind != "" && kind != "dev.cosignproject.cosign/image" && kind != "dev.cosignproject.cosign/imageIndex" {
			continue
		}
		if found != "" {
			return "", errors.New("the layout holds more than one image: name the digest")
		}
		found = d.Digest.String()
	}
	if found == "" {
		return "", errors.New("the layout holds no image")
	}
	return hexOf(found)
}

// Resolve asks the registry which manifest a reference has now.
func (r Registry) Resolve(ctx context.Context, ref string) (name.Digest, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return name.Digest{}, err
	}
	d, err := remote.Get(parsed, r.options(ctx)...)
	if err != nil {
		return name.Digest{}, err
	}
	return parsed.Context().Digest(d.Digest.String()), nil
}

// PutSignature stores a signature over a simple signing payload, as cosign sign
// does. Where one of the same payload is there already that mine recognises (as
// a bundle), nothing changes: an ECDSA signature is another one each time.
func (r Registry) PutSignature(ctx context.Context, d name.Digest, payload, sig []byte, mine func(bundle []byte) bool) error {
	s, err := static.NewSignature(payload, base64.StdEncoding.EncodeToString(sig))
	if err != nil {
		return err
	}
	there := func(old oci.Signature) bool {
		stored, err := signature(old)
		return err == nil && bytes.Equal(stored.Payload, payload) && mine(stored.Bundle)
	}
	return r.attach(ctx, d, s, there, oci.SignedEntity.Signatures, mutate.AttachSignatureToEntity, ociremote.WriteSignatures)
}

// PutAttestation stores a statement, as cosign attest does: the envelope in the
// image's .att tag.
func (r Registry) PutAttestation(ctx context.Context, d name.Digest, bundle []byte, predicateType string) error {
	e, err := attest.Envelope(bundle)
	if err != nil {
		return err
	}
	s, err := static.NewAttestation(e, static.WithLayerMediaType(types.DssePayloadType), static.WithAnnotations(map[string]string{"predicateType": predicateType}))
	if err != nil {
		return err
	}
	return r.attach(ctx, d, s, nobody, oci.SignedEntity.Attestations, mutate.AttachAttestationToEntity, ociremote.WriteAttestations)
}

// PutBundle stores a statement's bundle as a referrer, as cosign does with
// --new-bundle-format. Where an image has one, cosign v2.6 looks at bundles only.
func (r Registry) PutBundle(ctx context.Context, d name.Digest, bundle []byte, predicateType string) error {
	return ociremote.WriteAttestationNewBundleFormat(d, bundle, predicateType, r.cosign(ctx))
}

// nobody recognises anything.
func nobody(oci.Signature) bool { return false }

// tries is how often a tag is written against other writers: a registry has no
// way to write one only where nobody else did.
const tries = 8

// attach adds one layer to a tag's image, beside what is there, unless one of
// those is recognised. It reads back what it wrote: two writers who come at the
// same time overwrite one another, and whose layer is gone does it again. (A
// writer who is slower than the pause can still be lost, as with cosign.)
func (r Registry) attach(ctx context.Context, d name.Digest, s oci.Signature, known func(oci.Signature) bool, have func(oci.SignedEntity) (oci.Signatures, error),
	add func(oci.SignedEntity, oci.Signature, ...mutate.SignOption) (oci.SignedEntity, error),
	write func(name.Repository, oci.SignedEntity, ...ociremote.Option) error,
) error {
	mine, err := s.Digest()
	if err != nil {
		return err
	}
	signed, err := s.Base64Signature()
	if err != nil {
		return err
	}
	ours := func(o oci.Signature) bool {
		digest, err := o.Digest()
		text, err2 := o.Base64Signature()
		return err == nil && err2 == nil && digest == mine && text == signed
	}
	for try := range tries {
		entity, err := ociremote.SignedEntity(d, r.cosign(ctx))
		if err != nil {
			return err
		}
		there, err := layersOf(entity, have)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(there, ours) || try == 0 && slices.ContainsFunc(there, known) {
			return nil
		}
		more, err := add(entity, s)
		if err != nil {
			return err
		}
		if err := write(d.Repository, more, r.cosign(ctx)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(20+try*rand.IntN(100)) * time.Millisecond):
		}
	}
	return fmt.Errorf("%s: others write to the same tag all the time", d)
}

func layersOf(e oci.SignedEntity, have func(oci.SignedEntity) (oci.Signatures, error)) ([]oci.Signature, error) {
	sigs, err := have(e)
	if err != nil {
		return nil, err
	}
	all, err := sigs.Get()
	if len(all) > maxStored {
		return nil, fmt.Errorf("more than %d signatures of one image", maxStored)
	}
	return all, err
}

// Stored is one thing that lies beside an image, as a bundle. Payload is set
// for a signature: what was signed, which names the image.
type Stored struct {
	Bundle, Payload []byte
}

// Fetch brings all that lies beside an image.
func (r Registry) Fetch(ctx context.Context, d name.Digest) ([]Stored, error) {
	entity, err := ociremote.SignedEntity(d, r.cosign(ctx))
	if err != nil {
		return nil, err
	}
	out, err := fetchTags(entity)
	if err != nil {
		return nil, err
	}
	bundles, err := r.fetchReferrers(ctx, d)
	return append(out, bundles...), err
}

func fetchTags(entity oci.SignedEntity) ([]Stored, error) {
	var out []Stored
	sigs, err := layersOf(entity, oci.SignedEntity.Signatures)
	if err != nil {
		return nil, err
	}
	for _, s := range sigs {
		stored, err := signature(s)
		if err != nil {
			return nil, err
		}
		out = append(out, stored)
	}
	atts, err := layersOf(entity, oci.SignedEntity.Attestations)
	if err != nil {
		return nil, err
	}
	for _, s := range atts {
		stored, err := attestation(s)
		if err != nil {
			return nil, err
		}
		out = append(out, stored)
	}
	return out, nil
}

func signature(s oci.Signature) (Stored, error) {
	payload, cert, err := parts(s)
	if err != nil {
		return Stored{}, err
	}
	text, err := s.Base64Signature()
	if err != nil {
		return Stored{}, err
	}
	sig, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Stored{}, err
	}
	digest, err := hex.DecodeString(attest.Digest(payload))
	if err != nil {
		return Stored{}, err
	}
	b, err := attest.BundleOfSignature(sig, digest, cert)
	return Stored{Bundle: b, Payload: payload}, err
}

// parts are a layer's payload and the certificate that its annotations hold.
func parts(s oci.Signature) (payload, certificate []byte, err error) {
	if payload, err = s.Payload(); err != nil {
		return nil, nil, err
	}
	cert, err := s.Cert()
	if err != nil || cert == nil {
		return payload, nil, err
	}
	certificate, err = cryptoutils.MarshalCertificateToPEM(cert)
	return payload, certificate, err
}

// fetchReferrers brings bundles by the referrers API, or the tag that stands
// for it (OCI distribution specification 1.1, "Referrers tag schema").
func (r Registry) fetchReferrers(ctx context.Context, d name.Digest) ([]Stored, error) {
	index, err := ociremote.Referrers(d, attest.BundleMediaType, r.cosign(ctx))
	var te *transport.Error
	if errors.As(err, &te) && te.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(index.Manifests) > maxStored {
		return nil, fmt.Errorf("more than %d bundles of one image", maxStored)
	}
	var out []Stored
	for _, m := range index.Manifests {
		b, err := r.bundle(ctx, d.Context().Digest(m.Digest.String()))
		if err != nil {
			return nil, err
		}
		if b != nil {
			out = append(out, Stored{Bundle: b})
		}
	}
	return out, nil
}

// bundle is the one layer of a referrer, nil when it holds something else.
func (r Registry) bundle(ctx context.Context, d name.Digest) ([]byte, error) {
	img, err := remote.Image(d, r.options(ctx)...)
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		return nil, err
	}
	if kind, err := layers[0].MediaType(); err != nil || string(kind) != attest.BundleMediaType {
		return nil, err
	}
	in, err := layers[0].Compressed() // its bytes as they are
	if err != nil {
		return nil, err
	}
	defer in.Close() // read only
	b, err := io.ReadAll(io.LimitReader(in, attest.MaxBundle+1))
	if err == nil && len(b) > attest.MaxBundle {
		err = fmt.Errorf("a bundle of more than %d bytes", attest.MaxBundle)
	}
	return b, err
}
