// Package build makes a release's artifacts out of what is there, lays the
// sources out for engines that build, opens what was built for the checks, and
// writes down how it came about (SLSA provenance).
package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Here takes what is there, without an engine: files, image tarballs and root
// filesystems. It implements pipelines.Builder.
type Here struct{}

// Taken says that a recipe takes what is there and has nothing built.
func Taken(r pipelines.Recipe) bool {
	_, place := checks.ImagePlace(r.Image)
	return place || r.Kind() == pipelines.KindFiles
}

// Build implements pipelines.Builder.
func (Here) Build(ctx context.Context, r pipelines.Recipe, outDir string) (built pipelines.Built, err error) {
	built.Engine = "local"
	if !Taken(r) {
		return built, errors.New("it needs a Dagger engine (--engine dagger)")
	}
	to, err := os.OpenRoot(outDir)
	if err != nil {
		return built, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if r.Kind() == pipelines.KindFiles {
		return built, files(ctx, r, to)
	}
	sum, err := take(ctx, r, to)
	built.Images = []pipelines.Material{{Name: r.Image, SHA256: sum}}
	return built, err
}

func files(ctx context.Context, r pipelines.Recipe, to *os.Root) error {
	from, err := os.OpenRoot(r.Root)
	if err != nil {
		return err
	}
	defer from.Close() // read only
	_, err = gather.Files(ctx, from, r.Files, r.Avoid, to, gather.DefaultLimits())
	return err
}

// take copies a tarball as it is, and packs a root filesystem into one.
func take(ctx context.Context, r pipelines.Recipe, to *os.Root) (sum string, err error) {
	path, _ := checks.ImagePlace(r.Image)
	from, info, err := open(r.Root, path)
	if err != nil {
		return "", fmt.Errorf("its image %s: %w", path, reason(err))
	}
	defer from.Close() // read only
	name := r.Name + ".tar"
	most := gather.DefaultLimits().Bytes
	if strings.HasPrefix(r.Image, checks.ImageTarball) {
		if !info.Mode().IsRegular() {
			return "", fmt.Errorf("its image %s is not a file", path)
		}
		f, err := gather.Copy(ctx, from, to, name, 0o644, most)
		return f.SHA256, err
	}
	if !info.IsDir() {
		return "", fmt.Errorf("its image %s is not a directory", path)
	}
	root, err := os.OpenRoot(from.Name())
	if err != nil {
		return "", err
	}
	defer root.Close() // read only
	f, err := pack(ctx, root, to, name, most)
	return f.SHA256, err
}

// open opens a place. A relative one is the repository's word, and must not
// lead out of it; an absolute one is the user's.
func open(root, path string) (*os.File, fs.FileInfo, error) {
	real, err := Resolve(root, path)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.Open(real)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// Resolve gives the absolute path of a place, links followed. A relative one is
// below root, and an error where a link leads out of it.
func Resolve(root, path string) (string, error) {
	if filepath.IsAbs(path) {
		return filepath.EvalSymlinks(path)
	}
	top, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(filepath.Join(top, filepath.FromSlash(path)))
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(top, real); err != nil || !filepath.IsLocal(rel) {
		return "", errors.New("it leads out of the repository")
	}
	return real, nil
}

// reason is what is wrong, without the path that was said already.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
