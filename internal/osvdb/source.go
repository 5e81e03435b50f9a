package osvdb

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Bounds on one import.
const (
	maxExports   = 1000
	maxRecords   = 4 << 20
	maxUnpacked  = 32 << 30 // bytes of all records of one export
	maxArchive   = 2 << 30  // bytes of a zip within a zip, or of a download
	maxDirDepth  = 4
	exportName   = "all.zip"
	recordSuffix = ".json"
)

// export is a set of records that belong together: one all.zip of osv.dev.
type export struct {
	// label is what messages call it; ecosystem the folder it lay in, "" for none.
	label, ecosystem string
	read             func(ctx context.Context, c *collection) error
}

// sources finds the exports in src: a folder in osv.dev's layout, a folder of
// records, one all.zip, or a zip that holds either. The function closes them.
func sources(src string) ([]export, func() error, error) {
	info, err := os.Stat(src)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		exports, err := dirSources(src)
		return exports, func() error { return nil }, err
	}
	z, err := zip.OpenReader(src)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is neither a directory nor a zip archive: %w", src, err)
	}
	return zipSources(filepath.Base(src), &z.Reader), z.Close, nil
}

func zipSources(label string, z *zip.Reader) []export {
	var exports []export
	for _, f := range z.File {
		if path.Base(f.Name) == exportName && len(exports) < maxExports {
			exports = append(exports, export{label + ":" + f.Name, folder(f.Name), func(ctx context.Context, c *collection) error {
				return readNested(ctx, f, c)
			}})
		}
	}
	if len(exports) == 0 {
		exports = append(exports, export{label, "", func(ctx context.Context, c *collection) error { return readZip(ctx, z, c) }})
	}
	return exports
}

// folder is the name of the folder that p lies in, "" for none.
func folder(p string) string {
	if dir := path.Base(path.Dir(p)); dir != "." && dir != "/" {
		return dir
	}
	return ""
}

func dirSources(dir string) ([]export, error) {
	var exports []export
	var records []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir() && strings.Count(rel, "/") >= maxDirDepth:
			return fs.SkipDir
		case d.Name() == exportName && len(exports) < maxExports:
			exports = append(exports, export{rel, folder(rel), func(ctx context.Context, c *collection) error {
				return readZipFile(ctx, p, c)
			}})
		case d.Type().IsRegular() && strings.HasSuffix(d.Name(), recordSuffix) && len(records) < maxRecords:
			records = append(records, p)
		}
		return nil
	})
	if len(exports) == 0 {
		exports = append(exports, export{dir, "", func(ctx context.Context, c *collection) error { return readFiles(ctx, records, c) }})
	}
	return exports, err
}

func readFiles(ctx context.Context, paths []string, c *collection) error {
	return each(ctx, len(paths), c, func(i int) (string, io.ReadCloser, error) {
		f, err := os.Open(paths[i])
		return filepath.Base(paths[i]), f, err
	})
}

func readZipFile(ctx context.Context, p string, c *collection) error {
	z, err := zip.OpenReader(p)
	if err != nil {
		return err
	}
	return errors.Join(readZip(ctx, &z.Reader, c), z.Close())
}

func readZip(ctx context.Context, z *zip.Reader, c *collection) error {
	var files []*zip.File
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, recordSuffix) && !f.FileInfo().IsDir() {
			files = append(files, f)
		}
	}
	return each(ctx, len(files), c, func(i int) (string, io.ReadCloser, error) {
		r, err := files[i].Open()
		return path.Base(files[i].Name), r, err
	})
}

// readNested unpacks a zip within a zip to a temporary file: an archive can
// only be read with random access.
func readNested(ctx context.Context, f *zip.File, c *collection) (err error) {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close() // read only
	tmp, err := os.CreateTemp("", "vitalsign-osv-*.zip")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name())) }()
	n, err := copyBounded(tmp, r)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(tmp, n)
	if err != nil {
		return err
	}
	return readZip(ctx, z, c)
}

func copyBounded(w io.Writer, r io.Reader) (int64, error) {
	n, err := io.Copy(w, io.LimitReader(r, maxArchive+1))
	if err == nil && n > maxArchive {
		err = fmt.Errorf("larger than %d bytes", int64(maxArchive))
	}
	return n, err
}

// each reads n records on all processors. The first error ends it: an export
// with a record that cannot be read is not taken in part.
func each(ctx context.Context, n int, c *collection, open func(int) (string, io.ReadCloser, error)) error {
	if n > maxRecords {
		return fmt.Errorf("more than %d records", maxRecords)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, unpacked atomic.Int64
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				name, r, err := open(i)
				if err == nil {
					err = take(r, c, &unpacked)
				}
				if err != nil {
					cancel(fmt.Errorf("%s: %w", name, err))
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func take(r io.ReadCloser, c *collection, unpacked *atomic.Int64) error {
	b, err := io.ReadAll(io.LimitReader(r, maxRecord+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if unpacked.Add(int64(len(b))) > maxUnpacked {
		return fmt.Errorf("the records take more than %d bytes", int64(maxUnpacked))
	}
	return c.add(b)
}
