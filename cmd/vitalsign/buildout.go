package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/pipelines/build"
)

// The output directories that are taken where none is named.
const (
	defaultOut = "dist"
	otherOut   = "dist-vitalsign"
)

// outputDir is where artifacts are written.
type outputDir struct {
	path  string // absolute
	force bool
	// below is its path in the tree, "" outside; inRepo says that git must keep
	// away from it.
	below  string
	inRepo bool
	// listed is what SHA256SUMS had, by path below the directory.
	listed map[string]string
}

// openOutput decides where. An artifact cannot be made of an earlier one of
// itself.
func openOutput(o opened, f buildFlags) (outputDir, error) {
	named := f.out
	if named == "" {
		named = filepath.Join(o.tree.Root, defaultOut)
		if takenFrom(o, named) != "" {
			named = filepath.Join(o.tree.Root, otherOut)
		}
	}
	abs, err := filepath.Abs(named)
	if err != nil {
		return outputDir{}, err
	}
	if a := takenFrom(o, abs); a != "" {
		return outputDir{}, usageError("artifact %s takes files from %s, which is where artifacts are written; name another directory with --out", a, named)
	}
	rel, err := filepath.Rel(o.tree.Root, abs)
	if err != nil || rel == "." {
		return outputDir{}, usageError("--out %s is the repository itself", named)
	}
	d := outputDir{path: abs, force: f.force}
	if filepath.IsLocal(rel) {
		d.below, d.inRepo = filepath.ToSlash(rel), o.tree.Repo != nil
	}
	return d, nil
}

// takenFrom names an artifact that says that its files lie in a directory.
func takenFrom(o opened, dir string) string {
	rel, err := filepath.Rel(o.tree.Root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	out := filepath.ToSlash(rel)
	for _, a := range o.settings.Artifacts {
		patterns := a.Files
		if place, ok := checks.ImagePlace(a.Image); ok && !filepath.IsAbs(place) {
			patterns = append(slices.Clone(patterns), place)
		}
		for _, p := range patterns {
			// One that only comes by, with a wildcard, is kept away from it.
			if base, _ := doublestar.SplitPattern(path.Clean(p)); strings.HasPrefix(base+"/", out+"/") {
				return a.Name
			}
		}
	}
	return ""
}

// check refuses to replace what no build has made.
func (d *outputDir) check(ctx context.Context, chosen []config.Artifact) error {
	info, err := os.Lstat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usageError("--out: %w", err)
	case !info.IsDir():
		return usageError("--out: %s is not a directory", d.path)
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return usageError("--out: %w", err)
	}
	defer root.Close() // read only
	sums, err := root.ReadFile(build.SumsFile)
	if err == nil {
		d.listed, err = build.ParseSums(sums)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !d.force {
		return d.refuse(build.SumsFile)
	}
	if d.force {
		return nil
	}
	for _, a := range chosen {
		for _, name := range []string{a.Name, build.ProvenanceFile(a.Name)} {
			if foreign := d.foreign(ctx, root, name); foreign != "" {
				return d.refuse(foreign)
			}
		}
	}
	return nil
}

func (d *outputDir) refuse(name string) error {
	return usageError("%s is not what a vitalsign build has written there; move it, name another directory with --out, or replace it with --force",
		filepath.Join(d.path, safetext.Line(name)))
}

// foreign names a file at or below name that is not as SHA256SUMS lists it.
func (d *outputDir) foreign(ctx context.Context, root *os.Root, name string) string {
	if info, err := root.Lstat(name); err != nil || !info.Mode().IsRegular() && !info.IsDir() {
		if errors.Is(err, fs.ErrNotExist) {
			return ""
		}
		return name
	}
	found := ""
	err := fs.WalkDir(root.FS(), name, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if sum, err := gather.Sum(ctx, root, p); err != nil || !e.Type().IsRegular() || d.listed[p] != sum {
			found = p
			return fs.SkipAll
		}
		return nil
	})
	if err != nil && found == "" {
		found = name
	}
	return found
}

// sums are the lines of the new SHA256SUMS: those of other artifacts that are
// still there, and the new ones, by path.
func (d *outputDir) sums(files []gather.File, replaced []string) []gather.File {
	all := slices.Clone(files)
	for _, p := range slices.Sorted(maps.Keys(d.listed)) {
		first, _, _ := strings.Cut(p, "/")
		if slices.Contains(replaced, first) || !fileExists(filepath.Join(d.path, filepath.FromSlash(p))) {
			continue
		}
		all = append(all, gather.File{Path: p, SHA256: d.listed[p]})
	}
	slices.SortFunc(all, func(a, b gather.File) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// swap puts the entries of the directory staged, which lies within the output
// directory, in the places of old ones; all or none of them.
func (d *outputDir) swap(staged string, names []string) (err error) {
	var undo []func() error
	defer func() {
		if err == nil {
			return
		}
		for _, u := range slices.Backward(undo) {
			err = errors.Join(err, u())
		}
	}()
	for _, name := range names {
		place, aside, fresh := filepath.Join(d.path, name), filepath.Join(staged, "old-"+name), filepath.Join(staged, name)
		if fileExists(place) {
			if err := os.Rename(place, aside); err != nil {
				return err
			}
			undo = append(undo, func() error { return os.Rename(aside, place) })
		}
		if err := os.Rename(fresh, place); err != nil {
			return err
		}
		undo = append(undo, func() error { return os.Rename(place, fresh) })
	}
	return nil
}

// stage makes the output directory and one within it for what is to come.
func (d *outputDir) stage() (staged string, err error) {
	fresh := !fileExists(d.path)
	if err := os.MkdirAll(d.path, 0o755); err != nil {
		return "", err
	}
	if fresh && d.inRepo {
		// What was built is no source: neither git nor the next scan looks at it.
		if err := os.WriteFile(filepath.Join(d.path, ".gitignore"), []byte("*\n"), 0o644); err != nil {
			return "", err
		}
	}
	if staged, err = os.MkdirTemp(d.path, ".vitalsign-new-"); err != nil {
		return "", fmt.Errorf("%s cannot be written to: %w", d.path, err)
	}
	return staged, nil
}
