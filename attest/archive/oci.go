package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/loopback"
)

// Media types and annotations of what is kept in a registry.
const (
	evidenceType = "application/vnd.vitalsign.evidence.v1+json"
	bundleType   = attest.BundleMediaType
	// nameAnnotation says the name, on the manifest.
	nameAnnotation = "dev.vitalsign.evidence.name"
	// titleAnnotation is the file's name for tools such as oras (OCI image
	// specification, annotations.md).
	titleAnnotation = "org.opencontainers.image.title"

	maxManifest = 1 << 20
)

// repository is an archive in a repository of an OCI registry. Each name is one
// artifact (OCI image specification 1.1, "Guidelines for Artifact Usage"): a
// manifest with the empty configuration and one layer, the bytes. Its tag is
// the name, see tagOf; so List needs the list of tags only, and it works where
// there is no referrers API. Only of names longer than about 120 bytes, whose
// first part is the one asked for, the manifest is read as well.
//
// No registry can be asked to add a tag unless it is there. Put looks first and
// reads back afterwards; two writers of different bytes under one name who
// come in the same moment can end with one of them, who learns ErrExists,
// replaced. Turn on immutable tags where the registry has them.
type repository struct {
	repo name.Repository
	opts []remote.Option
	mu   sync.Mutex // look, write and read back as one, within a process
}

var _ Archive = (*repository)(nil)

func openOCI(l Location, o Options) (Archive, error) {
	repo, err := name.NewRepository(l.Repository, name.StrictValidation)
	if err != nil {
		return nil, err
	}
	opts := []remote.Option{remote.WithTransport(loopback.Transport(o.Transport, MaxSize+maxManifest))}
	if o.Keychain != nil {
		opts = append(opts, remote.WithAuthFromKeychain(o.Keychain))
	}
	return &repository{repo: repo, opts: opts}, nil
}

func (r *repository) with(ctx context.Context) []remote.Option {
	return append(r.opts[:len(r.opts):len(r.opts)], remote.WithContext(ctx))
}

// List implements Archive.
func (r *repository) List(ctx context.Context, prefix string) ([]string, error) {
	if err := errors.Join(ctx.Err(), checkPrefix(prefix)); err != nil {
		return nil, err
	}
	names := listing{prefix: prefix}
	err := r.tags(ctx, func(tag string) error {
		n, err := r.named(ctx, tag, prefix)
		if err != nil || n == "" {
			return err
		}
		return names.add(n)
	})
	if err != nil {
		return nil, err
	}
	return names.sorted(), nil
}

// tags gives every tag of the repository; one that is not there has none.
func (r *repository) tags(ctx context.Context, do func(tag string) error) error {
	puller, err := remote.NewPuller(r.with(ctx)...)
	if err != nil {
		return err
	}
	pages, err := puller.Lister(ctx, r.repo)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for n := 1; pages.HasNext(); n++ {
		if n > maxPages {
			return errPages
		}
		page, err := pages.Next(ctx)
		if err != nil {
			return err
		}
		for _, tag := range page.Tags {
			if err := do(tag); err != nil {
				return err
			}
		}
	}
	return nil
}

// named is the name that a tag stands for, "" for none or for one that does not
// begin with prefix. Only where the tag does not say it a manifest is read.
func (r *repository) named(ctx context.Context, tag, prefix string) (string, error) {
	if n, ok := nameOf(tag); ok {
		return n, nil
	}
	if !mayBegin(tag, prefix) {
		return "", nil
	}
	m, err := r.manifest(ctx, tag)
	if err != nil {
		return "", err
	}
	if n := m.Annotations[nameAnnotation]; tagOf(n) == tag {
		return n, nil
	}
	return "", nil
}

// Get implements Archive.
func (r *repository) Get(ctx context.Context, name string) ([]byte, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return nil, err
	}
	m, err := r.manifest(ctx, tagOf(name))
	if absent(err) {
		return nil, fmt.Errorf("%s: %w", name, ErrAbsent)
	}
	if err != nil {
		return nil, err
	}
	if m.Annotations[nameAnnotation] != name {
		return nil, fmt.Errorf("%s: the artifact says that it is %q", name, m.Annotations[nameAnnotation])
	}
	return r.layer(ctx, name, m.Layers[0])
}

// manifest reads the manifest under a tag, if it is one of ours.
func (r *repository) manifest(ctx context.Context, tag string) (*v1.Manifest, error) {
	d, err := remote.Get(r.repo.Tag(tag), r.with(ctx)...)
	if err != nil {
		return nil, err
	}
	return parseManifest(tag, d.Manifest)
}

func parseManifest(tag string, raw []byte) (*v1.Manifest, error) {
	if len(raw) > maxManifest {
		return nil, fmt.Errorf("the manifest %s has %d bytes", tag, len(raw))
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the manifest %s cannot be read: %w", tag, err)
	case len(m.Layers) != 1 || m.ArtifactType != evidenceType && m.ArtifactType != bundleType:
		return nil, fmt.Errorf("the artifact %s is not evidence", tag)
	}
	return m, nil
}

func (r *repository) layer(ctx context.Context, name string, d v1.Descriptor) ([]byte, error) {
	if d.Size > MaxSize {
		return nil, fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	l, err := remote.Layer(r.repo.Digest(d.Digest.String()), r.with(ctx)...)
	if err != nil {
		return nil, err
	}
	in, err := l.Compressed() // its bytes as they are, held to their digest
	if err != nil {
		return nil, err
	}
	defer in.Close() // read only
	content, err := io.ReadAll(io.LimitReader(in, MaxSize+1))
	if err == nil && len(content) > MaxSize {
		err = fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	return content, err
}

// Put implements Archive.
func (r *repository) Put(ctx context.Context, name string, content []byte) error {
	if err := errors.Join(ctx.Err(), checkFile(name, content)); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	there, err := r.Get(ctx, name)
	if err == nil {
		return same(name, there, content)
	}
	if !errors.Is(err, ErrAbsent) {
		return err
	}
	if err := r.push(ctx, name, content); err != nil {
		return err
	}
	if there, err = r.Get(ctx, name); err != nil {
		return err
	}
	return same(name, there, content)
}

// push writes the blobs and then the manifest. Nothing in it is of the time or
// the place, so the same bytes under the same name are the same artifact.
func (r *repository) push(ctx context.Context, name string, content []byte) error {
	kind := types.MediaType(evidenceType)
	if isBundle(name) > 0 {
		kind = bundleType
	}
	m := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: string(kind),
		Annotations: map[string]string{nameAnnotation: name},
	}
	var err error
	// The empty descriptor, from the same section of the specification.
	if m.Config, err = r.blob(ctx, []byte("{}"), "application/vnd.oci.empty.v1+json"); err != nil {
		return err
	}
	layer, err := r.blob(ctx, content, kind)
	if err != nil {
		return err
	}
	layer.Annotations = map[string]string{titleAnnotation: name[strings.LastIndexByte(name, '/')+1:]}
	m.Layers = []v1.Descriptor{layer}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return remote.Put(r.repo.Tag(tagOf(name)), manifest(raw), r.with(ctx)...)
}

func (r *repository) blob(ctx context.Context, content []byte, kind types.MediaType) (v1.Descriptor, error) {
	l := static.NewLayer(content, kind)
	digest, err := l.Digest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: kind, Size: int64(len(content)), Digest: digest}, remote.WriteLayer(r.repo, l, r.with(ctx)...)
}

// manifest is one as go-containerregistry takes it.
type manifest []byte

// RawManifest implements remote.Taggable.
func (m manifest) RawManifest() ([]byte, error) { return m, nil }

// MediaType tells remote.Put what it is.
func (m manifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// absent says that a registry has no such manifest, or no such repository yet.
func absent(err error) bool {
	var te *transport.Error
	return errors.As(err, &te) && te.StatusCode == http.StatusNotFound
}
