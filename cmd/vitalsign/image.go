package main

import (
	"context"
	"fmt"
	"os"
	"path"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/archive"
	"github.com/vitalsign-dev/vitalsign/attest/image"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
)

// registries asks them as the user's docker configuration says.
func registries() image.Registry { return image.Registry{Keychain: authn.DefaultKeychain} }

// imageSubject is an image by the digest in its reference, or the one in an OCI
// layout on disk. Nobody is asked: a tag alone has no digest here.
func (a *app) imageSubject(ref string) (chain.Subject, error) {
	s := chain.Subject{Kind: "image", Name: ref, Digests: map[string]string{}}
	find := image.Digest
	if info, err := os.Stat(ref); err == nil && info.IsDir() {
		find = image.LayoutDigest
	}
	digest, err := find(ref)
	if err != nil {
		return s, usageError("image:%s: %w", ref, err)
	}
	if digest != "" {
		s.Digests[attest.SHA256] = digest
	}
	return s, nil
}

// resolveImage asks the registry what an image's reference is now, for verbs
// that write there anyway.
func (a *app) resolveImage(ctx context.Context, s *chain.Subject) error {
	if s.Kind != "image" || s.Digests[attest.SHA256] != "" {
		return nil
	}
	d, err := registries().Resolve(ctx, s.Name)
	if err != nil {
		return fmt.Errorf("image:%s: %w", s.Name, err)
	}
	s.Digests[attest.SHA256], err = image.Digest(d.String())
	return err
}

// imageDigest is an image's place in its registry.
func imageDigest(s chain.Subject) (name.Digest, error) {
	ref, err := name.ParseReference(s.Name)
	if err != nil {
		return name.Digest{}, usageError("image:%s is in no registry: %w", s.Name, err)
	}
	return ref.Context().Digest("sha256:" + s.Digests[attest.SHA256]), nil
}

// newBundleFlag is cosign's flag, and means the same.
const newBundleFlag = "new-bundle-format"

// signImage signs an image as cosign sign does, and stores that beside it.
func (a *app) signImage(ctx context.Context, s attest.Signer, sub chain.Subject, asBundle bool) error {
	d, err := imageDigest(sub)
	if err != nil {
		return err
	}
	if asBundle {
		st, err := attest.NewStatement(attest.PredicateImageSigned, struct{}{}, attest.Subject{Digest: sub.Digests})
		if err != nil {
			return err
		}
		return a.attestImage(ctx, s, sub, st, true)
	}
	payload, err := attest.SimpleSigning(d.Context().Name(), sub.Digests[attest.SHA256])
	if err != nil {
		return err
	}
	raw, err := s.Artifact(ctx, attest.Digest(payload))
	if err != nil {
		return err
	}
	sig, err := attest.MessageSignature(raw)
	if err != nil {
		return err
	}
	mine := func(bundle []byte) bool { return s.Made(bundle, attest.Digest(payload)) }
	if err := registries().PutSignature(ctx, d, payload, sig, mine); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%s: signed, verified; the signature is beside it in the registry\n", d)
	return nil
}

// attestImage stores a signed statement beside an image.
func (a *app) attestImage(ctx context.Context, s attest.Signer, sub chain.Subject, st attest.Statement, asBundle bool) error {
	d, err := imageDigest(sub)
	if err != nil {
		return err
	}
	raw, err := s.Statement(ctx, st)
	if err != nil {
		return err
	}
	put := registries().PutAttestation
	if asBundle {
		put = registries().PutBundle
	}
	if err := put(ctx, d, raw, st.PredicateType); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%s: statement of type %s signed, verified; it is beside it in the registry\n", d, st.PredicateType)
	return nil
}

// pullImage copies what lies beside an image to an archive.
func (a *app) pullImage(ctx context.Context, ref string, to archive.Archive) (int, error) {
	sub, err := a.imageSubject(ref)
	if err == nil {
		err = a.resolveImage(ctx, &sub)
	}
	if err != nil {
		return 0, err
	}
	d, err := imageDigest(sub)
	if err != nil {
		return 0, err
	}
	all, err := registries().Fetch(ctx, d)
	if err != nil {
		return 0, fmt.Errorf("image:%s: %w", ref, err)
	}
	files := map[string][]byte{}
	for _, s := range all {
		name := path.Join("image-"+sub.Digests[attest.SHA256], attest.Digest(s.Bundle)[:16])
		if s.Payload != nil {
			name += attest.SimpleSigningSuffix
			files[name] = s.Payload
		}
		files[name+attest.BundleSuffix] = s.Bundle
	}
	if len(files) == 0 {
		return 0, nil
	}
	fmt.Fprintf(a.err, "%s\n", d)
	return len(files), archive.PutAll(ctx, to, files)
}
