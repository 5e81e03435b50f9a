package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/sigstore/cosign/v2/pkg/oci"
	ocisignature "github.com/sigstore/cosign/v2/pkg/oci/signature"

	"github.com/vitalsign-dev/vitalsign/attest"
)

// maxManifest bounds a manifest, or a layout's list of what it holds.
const maxManifest = 4 << 20

// FetchLayout gives what lies beside the image in an OCI layout on disk, as
// cosign save writes it (which leaves referrers out). No network is asked, no
// link leads out of the directory, and what it gives is as little believed as
// what a registry says.
func FetchLayout(dir string) (out []Stored, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	l := layoutReader{root}
	var index v1.IndexManifest
	if err := l.json("index.json", "", &index); err != nil {
		return nil, fmt.Errorf("no OCI layout: %w", err)
	}
	for _, d := range index.Manifests {
		read := map[string]func(oci.Signature) (Stored, error){
			"dev.cosignproject.cosign/sigs": signature, "dev.cosignproject.cosign/atts": attestation,
		}[d.Annotations["kind"]]
		if read == nil {
			continue
		}
		if out, err = l.layers(d, read, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// attestation is one as a bundle.
func attestation(s oci.Signature) (Stored, error) {
	envelope, cert, err := parts(s)
	if err != nil {
		return Stored{}, err
	}
	b, err := attest.BundleOfEnvelope(envelope, cert)
	return Stored{Bundle: b}, err
}

// layoutReader reads an image layout (OCI image specification, image-layout.md)
// within bounds, each blob held to its digest.
type layoutReader struct{ root *os.Root }

// layers adds what the layers of one manifest are.
func (l layoutReader) layers(d v1.Descriptor, read func(oci.Signature) (Stored, error), out []Stored) ([]Stored, error) {
	var m v1.Manifest
	if err := l.json(blobName(d.Digest), d.Digest.Hex, &m); err != nil {
		return nil, err
	}
	if len(out)+len(m.Layers) > maxStored {
		return nil, fmt.Errorf("more than %d signatures of one image", maxStored)
	}
	for _, layer := range m.Layers {
		b, err := l.read(blobName(layer.Digest), layer.Digest.Hex, attest.MaxBundle)
		if err != nil {
			return nil, err
		}
		s, err := read(ocisignature.New(static.NewLayer(b, layer.MediaType), layer))
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func blobName(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

func (l layoutReader) json(name, digest string, v any) error {
	b, err := l.read(name, digest, maxManifest)
	if err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// read gives a file's bytes if their SHA-256 is digest, "" for any.
func (l layoutReader) read(name, digest string, most int64) (b []byte, err error) {
	if info, err := l.root.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a file", name)) // a pipe would not end
	}
	f, err := l.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	if b, err = io.ReadAll(io.LimitReader(f, most+1)); err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", name, most)
	}
	if sum := sha256.Sum256(b); digest != "" && hex.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("%s: its bytes are not those of its digest", name)
	}
	return b, nil
}
