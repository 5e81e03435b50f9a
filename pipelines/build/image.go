package build

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// archive is a tarball on disk, by the places of its files.
type archive struct {
	file *os.File
	at   map[string]part
}

type part struct{ offset, size int64 }

func (a *archive) open(name string) (*io.SectionReader, bool) {
	p, ok := a.at[path.Clean(name)]
	return io.NewSectionReader(a.file, p.offset, p.size), ok
}

// indexTar reads the headers of a tarball without compression.
func indexTar(ctx context.Context, f *os.File, most int) (*archive, error) {
	a := &archive{file: f, at: map[string]part{}}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	t := tar.NewReader(f)
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return a, nil
		case err != nil:
			return nil, errors.New("its tarball is damaged")
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case n > most:
			return nil, fmt.Errorf("it holds more than %d files", most)
		case h.Typeflag != tar.TypeReg:
			continue
		}
		// The reader takes headers in whole blocks and nothing ahead, so that
		// the file stands at the content.
		offset, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		a.at[path.Clean(h.Name)] = part{offset, h.Size}
	}
}

// Names of the OCI image layout (image-spec v1.1, image-layout.md) and of
// docker save.
const (
	ociIndex    = "index.json"
	dockerIndex = "manifest.json"
)

// Bounds of an image's own documents.
const (
	maxDocument  = 16 << 20 // bytes
	maxManifests = 1000
)

// archive lays out an image by its layers, and any other tarball as it is.
func (o *opener) archive(a *archive, name string) error {
	im := &image{opener: o, archive: a, name: name, seen: map[string]bool{}}
	if _, ok := a.open(ociIndex); ok {
		return im.index(ociIndex)
	}
	if _, ok := a.open(dockerIndex); ok {
		return im.docker()
	}
	return o.unpack(io.NewSectionReader(a.file, 0, 1<<62), name)
}

// image is an image within a tarball.
type image struct {
	*opener
	archive *archive
	name    string
	seen    map[string]bool
	layers  int
}

// descriptor is what an image's documents name others by (image-spec v1.1,
// descriptor.md).
type descriptor struct {
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
}

// document is an image index or an image manifest: it has the first, or the
// other two.
type document struct {
	Manifests []descriptor `json:"manifests"`
	Config    *descriptor  `json:"config"`
	Layers    []descriptor `json:"layers"`
}

// index follows an index to its manifests, and lays those out.
func (im *image) index(name string) error {
	var d document
	if err := im.read(name, &d); err != nil {
		return err
	}
	for _, m := range d.Manifests {
		blob, err := im.blob(m)
		if err != nil {
			return err
		}
		if im.seen[blob] {
			continue
		}
		if im.seen[blob] = true; len(im.seen) > maxManifests {
			return errors.New("it holds too many manifests")
		}
		if err := im.index(blob); err != nil {
			return err
		}
	}
	if d.Config == nil {
		return nil
	}
	return im.manifest(d)
}

// manifest lays out configuration and layers.
func (im *image) manifest(d document) error {
	blob, err := im.blob(*d.Config)
	if err != nil {
		return err
	}
	if err := im.config(blob); err != nil {
		return err
	}
	for _, l := range d.Layers {
		blob, err := im.blob(l)
		if err != nil {
			return err
		}
		// All media types of layers of files have it (image-spec v1.1,
		// media-types.md); none at all is how old images say it.
		files := l.MediaType == "" || strings.Contains(l.MediaType, "tar")
		if err := im.layer(blob, files); err != nil {
			return err
		}
	}
	return nil
}

// docker follows the manifest of docker save.
func (im *image) docker() error {
	var list []struct {
		Config string
		Layers []string
	}
	if err := im.read(dockerIndex, &list); err != nil {
		return err
	}
	for _, m := range list {
		if err := im.config(m.Config); err != nil {
			return err
		}
		for _, l := range m.Layers {
			if err := im.layer(l, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// blob gives the name of a descriptor's content, which must have its digest.
func (im *image) blob(d descriptor) (string, error) {
	sum, ok := strings.CutPrefix(d.Digest, "sha256:")
	name := "blobs/sha256/" + sum
	r, there := im.archive.open(name)
	if !ok || strings.Contains(sum, "/") || !there {
		return "", fmt.Errorf("its image lacks %s", safetext.Line(d.Digest))
	}
	h := sha256.New()
	if _, err := io.Copy(h, gather.Reader(im.ctx, r)); err != nil {
		return "", err
	}
	if hex.EncodeToString(h.Sum(nil)) != sum {
		return "", fmt.Errorf("its image holds something else as %s", safetext.Line(d.Digest))
	}
	return name, nil
}

func (im *image) read(name string, into any) error {
	r, ok := im.archive.open(name)
	if !ok || r.Size() > maxDocument {
		return fmt.Errorf("its image lacks %s, or it is too large", safetext.Line(name))
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s of its image is not readable", safetext.Line(name))
	}
	return nil
}

func (im *image) config(name string) error {
	r, ok := im.archive.open(name)
	if !ok {
		return fmt.Errorf("its image lacks %s", safetext.Line(name))
	}
	if im.seen[name] {
		return nil
	}
	im.seen[name] = true
	return im.put(path.Join(im.name, fmt.Sprintf("config-%d.json", len(im.seen))), r)
}

// layer lays out a layer. One of files is a tarball, or the image is damaged:
// what does not look like one to us may to who runs the image.
func (im *image) layer(name string, files bool) error {
	r, ok := im.archive.open(name)
	if !ok {
		return fmt.Errorf("its image lacks %s", safetext.Line(name))
	}
	if im.seen[name] {
		return nil
	}
	im.seen[name] = true
	im.layers++
	into := path.Join(im.name, fmt.Sprintf("layer-%02d", im.layers))
	if !files {
		return im.put(into, r) // an attestation, a chart: looked at as it is
	}
	plain, err := plainly(bufio.NewReader(r))
	if err != nil {
		return errors.New("a layer of its image is damaged")
	}
	if plain == nil {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return err
		}
		plain = r
	}
	return im.unpack(plain, into)
}

// unpack writes the files of a tarball below a directory.
func (o *opener) unpack(r io.Reader, into string) error {
	t := tar.NewReader(gather.Reader(o.ctx, r))
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case o.ctx.Err() != nil:
			return o.ctx.Err()
		case err != nil:
			return errors.New("a tarball in it is damaged")
		case n > maxOpened:
			return fmt.Errorf("it holds more than %d entries", maxOpened)
		case !slices.Contains([]byte{tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont}, h.Typeflag):
			continue // directories come with their files; links and devices are not followed
		}
		// Rooted, .. leads nowhere.
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if name == "" {
			return errors.New("a tarball in it has a file without a name")
		}
		if err := o.put(path.Join(into, name), t); err != nil {
			return err
		}
	}
}
