package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// Lay copies the files of an inventory, under their names, into the directory
// dir, which exists and is empty: what is built is what was scanned, with the
// bytes that the scan saw. Links that stay within the tree are made again;
// other links, and what the inventory passed over, are not there. A file that
// has changed since, or whose name no engine carries, is an error.
func Lay(ctx context.Context, root string, inv *inventory.Inventory, dir string) (err error) {
	from, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer from.Close() // read only
	to, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	for _, f := range inv.Files {
		if err := layFile(ctx, from, to, f); err != nil {
			return fmt.Errorf("%s: %w", safetext.Line(f.Path), reason(err))
		}
	}
	for _, s := range inv.Skipped {
		if s.Reason == inventory.Symlink {
			if err := layLink(from, to, s.Path); err != nil {
				return fmt.Errorf("%s: %w", safetext.Line(s.Path), reason(err))
			}
		}
	}
	return settle(dir)
}

func layFile(ctx context.Context, from, to *os.Root, f inventory.File) error {
	// Engines take names as UTF-8, in messages and in patterns.
	if len(f.Raw) > 0 || safetext.Line(f.Path) != f.Path || strings.Contains(f.Path, `\`) {
		return errors.New("its name has characters that cannot be carried to a build; rename it")
	}
	in, err := from.Open(f.Name())
	if err != nil {
		return err
	}
	defer in.Close() // read only
	info, err := in.Stat()
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	got, err := gather.Copy(ctx, in, to, f.Path, mode, f.Size)
	if errors.Is(err, gather.ErrTooLarge) || err == nil && got.SHA256 != f.SHA256 {
		return errors.New("it has changed since it was scanned")
	}
	return err
}

// layLink makes a link that stays within the tree. One that has gone, or
// leads out, is left out.
func layLink(from, to *os.Root, name string) error {
	if safetext.Line(name) != name {
		return nil
	}
	target, err := from.Readlink(name)
	if err != nil || path.IsAbs(target) || safetext.Line(target) != target || !filepath.IsLocal(path.Join(path.Dir(name), target)) {
		return nil
	}
	if err := to.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return to.Symlink(target, name)
}

// settle gives everything the same time.
func settle(dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(p, epoch(), epoch())
	})
}
