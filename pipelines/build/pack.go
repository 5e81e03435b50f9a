package build

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// epoch is the time of every file that is laid out or packed, so that the same
// content gives the same bytes: the first that ZIP can say.
func epoch() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

// pack writes a directory as a tarball: in order of name, without owners and
// times; files, directories and links, which are not followed.
func pack(ctx context.Context, from, to *os.Root, name string, most int64) (f gather.File, err error) {
	out, err := to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	h := sha256.New()
	w := &counter{w: io.MultiWriter(out, h), left: most}
	err = Tar(ctx, from, w)
	return gather.File{Path: name, SHA256: hex.EncodeToString(h.Sum(nil)), Size: most - w.left}, err
}

// Tar writes what pack writes.
func Tar(ctx context.Context, from *os.Root, w io.Writer) error {
	t := tar.NewWriter(w)
	err := fs.WalkDir(from.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return entry(ctx, t, from, name, info)
	})
	return errors.Join(err, t.Close())
}

func entry(ctx context.Context, t *tar.Writer, from *os.Root, name string, info fs.FileInfo) error {
	h := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), ModTime: epoch(), Format: tar.FormatPAX}
	switch {
	case info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
		return t.WriteHeader(h)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := from.Readlink(name)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, target
		return t.WriteHeader(h)
	case !info.Mode().IsRegular():
		return errors.New(safetext.Line(name) + " is neither a file, a directory nor a link")
	}
	in, err := from.Open(name)
	if err != nil {
		return err
	}
	defer in.Close() // read only
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.CopyN(t, gather.Reader(ctx, in), info.Size())
	return err
}

// counter fails when too much is written.
type counter struct {
	w    io.Writer
	left int64
}

func (c *counter) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, gather.ErrTooLarge
	}
	return c.w.Write(p)
}
