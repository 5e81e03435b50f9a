package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/backup"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// backedUp are the directories of the state directory that are in a backup.
func backedUp() []string { return []string{"evidence", decisionDir} }

func (a *app) storeBackupCommand() *cobra.Command {
	force := false
	c := &cobra.Command{
		Use: "backup FILE", Short: "Copy runs, signed evidence and decisions into one file",
		Long: "Writes a gzip'd tar archive: a consistent copy of the runs, also while scans are under way,\n" +
			"signed evidence, decisions, and the versions of policies that were seen. Its last entry,\n" +
			"SHA256SUMS, names all the others, so that tar and sha256sum can check it without vitalsign.\n" +
			"The copy of the runs is read through before it is called one.\n\n" +
			"Keys, trust file and configuration are not in it, nor is the cache. Evidence that is kept\n" +
			"elsewhere (evidence: git, oci, s3) is kept there.",
		Example: "  vitalsign store backup /mnt/backup/vitalsign.tar.gz\n" +
			"  vitalsign store backup --force /mnt/backup/newest.tar.gz",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error { return a.storeBackup(cmd, args[0], force) },
	}
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return c
}

func (a *app) storeBackup(cmd *cobra.Command, file string, force bool) error {
	state := a.stateDir()
	switch info, err := os.Lstat(file); {
	case err == nil && !info.Mode().IsRegular():
		return usageError("%s is there and is not a file", file)
	case err == nil && !force:
		return usageError("%s is there already and was left alone\nName another file, or say --force.", file)
	}
	if state == "" || !fileExists(filepath.Join(state, runsFile)) {
		return usageError("there is nothing to back up: no run was kept yet in %s", state)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return usageError("there is no directory %s", filepath.Dir(file))
	}
	tmp, err := os.MkdirTemp(state, ".vitalsign-backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // nothing more can be done about one that stays
	runs, err := a.copyRuns(cmd.Context(), filepath.Join(tmp, runsFile))
	if err != nil {
		return err
	}
	files := 0
	err = wholefile.Write(file, 0o600, func(w io.Writer) error {
		b := backup.NewWriter(w)
		var err error
		if files, err = fillBackup(b, tmp, state); err != nil {
			return err
		}
		return b.Close()
	})
	if err != nil {
		return fmt.Errorf("no backup was made: %w", err)
	}
	a.sayErr(fmt.Sprintf("%s and %s of evidence and decisions are in %s", plural(runs, "run", "runs"), plural(files-1, "file", "files"), file))
	return nil
}

func (a *app) copyRuns(ctx context.Context, to string) (runs int, err error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return 0, err
	}
	defer s.Close() // read only
	if err := s.CopyTo(ctx, to); err != nil {
		return 0, fmt.Errorf("the runs could not be copied: %w", err)
	}
	return store.Examine(ctx, to)
}

// fillBackup adds the copy of the runs and what lies beside them, and counts
// the files.
func fillBackup(b *backup.Writer, tmp, state string) (n int, err error) {
	if err := addTree(b, tmp, runsFile, &n); err != nil {
		return n, err
	}
	for _, name := range append(backedUp(), versionFile) {
		if err := addTree(b, state, name, &n); err != nil {
			return n, err
		}
	}
	return n, nil
}

// addTree adds a file, or the files below a directory. A link among them is an
// error: what it leads to would be missing, and nobody would know.
func addTree(b *backup.Writer, dir, name string, n *int) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() // read only
	err = fs.WalkDir(root.FS(), name, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if !e.Type().IsRegular() {
			return fmt.Errorf("%s is not a file", filepath.Join(dir, p))
		}
		f, err := root.Open(filepath.FromSlash(p))
		if err != nil {
			return err
		}
		defer f.Close() // read only
		info, err := f.Stat()
		if err != nil {
			return err
		}
		*n++
		return b.Add(p, info.Size(), info.ModTime(), f)
	})
	if errors.Is(err, fs.ErrNotExist) && !fileExists(filepath.Join(dir, name)) {
		return nil
	}
	return err
}

func (a *app) storeRestoreCommand() *cobra.Command {
	return &cobra.Command{
		Use: "restore FILE", Short: "Add what a backup holds and is missing here",
		Long: "Reads a backup through, and only then adds its runs, evidence and decisions that are not\n" +
			"here. What is here stays as it is, so a backup can be restored beside newer runs, twice, or\n" +
			"on another machine. The versions of policies that were seen come back only where none are\n" +
			"known. Keys are not in a backup: findings about values keep their identity only under the\n" +
			"same identity key.",
		Example: "  vitalsign store restore /mnt/backup/vitalsign.tar.gz",
		Args:    cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error { return a.storeRestore(cmd, args[0]) },
	}
}

func (a *app) storeRestore(cmd *cobra.Command, file string) error {
	state := a.stateDir()
	if state == "" {
		return usageError("there is no directory to restore to: set HOME or XDG_STATE_HOME")
	}
	f, err := os.Open(file)
	if err != nil {
		return usageError("no such backup: %w", err)
	}
	defer f.Close() // read only
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(state, ".vitalsign-restore-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // nothing more can be done about one that stays
	names, err := unpackBackup(cmd.Context(), f, tmp)
	if err != nil {
		return usageError("%s: %w\nNothing was restored.", file, err)
	}
	runs, err := a.mergeRuns(cmd.Context(), filepath.Join(tmp, runsFile))
	if err != nil {
		return err
	}
	added, other, err := mergeFiles(tmp, state, names)
	if err != nil {
		return err
	}
	a.sayErr(fmt.Sprintf("%s and %s were added", plural(runs, "run", "runs"), plural(added, "file", "files")))
	for _, name := range other {
		a.sayErr("kept as it is here, and not as in the backup: " + safetext.Line(filepath.Join(state, name)))
	}
	return nil
}

// unpackBackup holds a backup against its sums, and its runs against SQLite.
func unpackBackup(ctx context.Context, r io.Reader, dir string) ([]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() // what counts are its files
	names, err := backup.Extract(r, root)
	if err != nil {
		return nil, err
	}
	if _, err := store.Examine(ctx, filepath.Join(dir, runsFile)); err != nil {
		return nil, fmt.Errorf("its runs cannot be read: %w", err)
	}
	return names, nil
}

// mergeRuns opens the copy, which brings an older one up to date.
func (a *app) mergeRuns(ctx context.Context, file string) (added int, err error) {
	from, err := store.Open(ctx, file)
	if err != nil {
		return 0, err
	}
	defer from.Close() // a copy
	to, err := a.openStore(ctx)
	if err != nil {
		return 0, err
	}
	added, err = to.Merge(ctx, from)
	return added, errors.Join(err, to.Close())
}

// mergeFiles adds the files that are missing in the state directory, and names
// those that are there with another content.
func mergeFiles(from, state string, names []string) (added int, other []string, err error) {
	src, err := os.OpenRoot(from)
	if err != nil {
		return 0, nil, err
	}
	defer src.Close() // read only
	dst, err := os.OpenRoot(state)
	if err != nil {
		return 0, nil, err
	}
	defer dst.Close() // each file was closed
	for _, name := range names {
		if top, _, _ := strings.Cut(name, "/"); name != versionFile && !slices.Contains(backedUp(), top) {
			continue // the runs, and what a later vitalsign may add
		}
		b, err := src.ReadFile(name)
		if err != nil {
			return added, other, err
		}
		switch here, err := dst.ReadFile(name); {
		case err == nil && string(here) == string(b):
		case err == nil:
			other = append(other, name)
		case !errors.Is(err, fs.ErrNotExist):
			return added, other, err
		default:
			if err := putFile(dst, name, b); err != nil {
				return added, other, err
			}
			added++
		}
	}
	return added, other, nil
}

// putFile writes a file whole or not at all, without replacing one.
func putFile(dst *os.Root, name string, content []byte) error {
	if err := dst.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	half := path.Join(path.Dir(name), ".vitalsign-restore.tmp")
	if err := dst.WriteFile(half, content, 0o600); err != nil {
		return err
	}
	return dst.Rename(half, name)
}
