package build

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/klauspost/compress/zstd"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// Open lays out for the checks what an artifact is made of, below the directory
// into, which exists and is empty: files as they are, and tarballs opened, each
// as a directory of its name. Of an image every layer is there by itself, with
// what a later one deletes, since a reader can get at it; and its
// configuration, which holds variables and commands. Links and devices are left
// out. What cannot be opened whole and within bounds is an error: nobody could
// tell what is in it.
func Open(ctx context.Context, artifact *os.Root, files []gather.File, into *os.Root) error {
	o := &opener{ctx: ctx, from: artifact, into: into, left: gather.Limits{Files: maxOpened, Bytes: maxOpenedBytes}}
	for _, f := range files {
		if err := o.file(f.Path); err != nil {
			return fmt.Errorf("%s cannot be looked into: %w", safetext.Line(f.Path), err)
		}
	}
	return nil
}

// Bounds of what one artifact's tarballs may unpack to.
const (
	maxOpened      = 1_000_000
	maxOpenedBytes = 32 << 30
)

type opener struct {
	ctx  context.Context
	from *os.Root
	into *os.Root
	left gather.Limits
	// again counts names that came twice.
	again int
}

func (o *opener) file(name string) error {
	f, err := o.from.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // read only
	r, isTar, err := unwrap(f)
	if err != nil {
		return err
	}
	if !isTar {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return o.put(name, f)
	}
	plain, done, err := o.seekable(f, r)
	if err != nil {
		return err
	}
	defer done()
	a, err := indexTar(o.ctx, plain, o.left.Files)
	if err != nil {
		return err
	}
	return o.archive(a, name)
}

// seekable gives a tarball without its compression: f itself, or an unpacked
// copy that done removes.
func (o *opener) seekable(f *os.File, r io.Reader) (plain *os.File, done func(), err error) {
	if r == nil {
		return f, func() {}, nil
	}
	t, err := os.CreateTemp("", "vitalsign-open-")
	if err != nil {
		return nil, nil, err
	}
	done = func() {
		_ = t.Close()           // read again or given up
		_ = os.Remove(t.Name()) // nothing more can be done about a file that stays
	}
	n, err := io.Copy(t, io.LimitReader(gather.Reader(o.ctx, r), o.left.Bytes+1))
	if err == nil && n > o.left.Bytes {
		err = gather.ErrTooLarge
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return t, done, nil
}

// unwrap says whether something is a tarball, by its first bytes, and gives a
// reader without compression; nil where there is none.
func unwrap(f io.ReadSeeker) (r io.Reader, isTar bool, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, false, err
	}
	b := bufio.NewReader(f)
	r, err = plainly(b)
	if err != nil {
		return nil, false, nil // compressed in name only: a file like any other
	}
	if r == nil {
		return nil, looksLikeTar(b), nil
	}
	inner := bufio.NewReaderSize(r, tarBlock)
	return inner, looksLikeTar(inner), nil
}

// Magic numbers: RFC 1952 2.3.1; RFC 8878 3.1.1.
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// maxWindow bounds what a zstd stream may ask for, in bytes.
const maxWindow = 128 << 20

// plainly gives a reader of what is compressed, nil where nothing is.
func plainly(b *bufio.Reader) (io.Reader, error) {
	head, _ := b.Peek(len(zstdMagic)) // a shorter file is none of them
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return gzip.NewReader(b)
	case bytes.HasPrefix(head, zstdMagic):
		d, err := zstd.NewReader(b, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, nil
}

// A tar header is one block, with "ustar" at 257 (POSIX.1-2017, pax).
const (
	tarBlock = 512
	tarMagic = 257
)

// looksLikeTar goes by the magic, or by a header's checksum: the oldest form
// has no magic.
func looksLikeTar(b *bufio.Reader) bool {
	head, _ := b.Peek(tarBlock) // a shorter file is none
	if len(head) < tarBlock {
		return false
	}
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil || bytes.HasPrefix(head[tarMagic:], []byte("ustar"))
}

// put writes a file under a name that may have come before, or may be in the
// way of one that has: then it goes to a directory of its own.
func (o *opener) put(name string, r io.Reader) error {
	if o.left.Files--; o.left.Files < 0 {
		return fmt.Errorf("it holds more than %d files", maxOpened)
	}
	f, err := gather.Copy(o.ctx, r, o.into, name, 0o600, o.left.Bytes)
	if errors.Is(err, gather.ErrPlace) {
		o.again++
		f, err = gather.Copy(o.ctx, r, o.into, path.Join(fmt.Sprintf("again-%d", o.again), name), 0o600, o.left.Bytes)
	}
	o.left.Bytes -= f.Size
	return err
}
