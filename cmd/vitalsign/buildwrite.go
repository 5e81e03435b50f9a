package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/pipelines/build"
)

// write copies what passed to the output directory: into a directory of its
// own there, which is read again and held to the digests, and only then in its
// place.
func (b *building) write(ctx context.Context) (err error) {
	source, tracked, err := b.whence(ctx)
	if err != nil {
		b.failure = err
		return nil
	}
	staged, err := b.out.stage()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staged)) }()
	root, err := os.OpenRoot(staged)
	if err != nil {
		return err
	}
	defer root.Close() // all files in it are closed
	names, err := b.stageAll(ctx, root, source, tracked)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if err := b.out.swap(staged, append(names, build.SumsFile)); err != nil {
		return err
	}
	b.written = b.out.path
	return nil
}

// stageAll fills the directory staged and reads it again. It gives the names of
// what is there besides SHA256SUMS.
func (b *building) stageAll(ctx context.Context, staged *os.Root, source build.Source, tracked map[string]bool) (names []string, err error) {
	var all []gather.File
	for _, m := range b.makes {
		files, err := b.stageArtifact(ctx, staged, m, source, tracked)
		if err != nil {
			return nil, fmt.Errorf("artifact %s: %w", m.artifact.Name, err)
		}
		all = append(all, files...)
		names = append(names, m.artifact.Name, build.ProvenanceFile(m.artifact.Name))
	}
	got, err := gather.Hash(ctx, staged, gather.Limits{Files: len(all) + 1})
	if err != nil || !slices.Equal(got, sorted(all)) {
		return nil, errors.Join(errors.New("what was written is not what was built"), err)
	}
	return names, staged.WriteFile(build.SumsFile, build.Sums(b.out.sums(all, names)), 0o644)
}

func sorted(files []gather.File) []gather.File {
	return slices.SortedFunc(slices.Values(files), func(a, b gather.File) int { return strings.Compare(a.Path, b.Path) })
}

// stageArtifact copies one artifact's files and writes its provenance.
func (b *building) stageArtifact(ctx context.Context, to *os.Root, m *made, source build.Source, tracked map[string]bool) ([]gather.File, error) {
	from, err := os.OpenRoot(b.dir(filesDir, m.artifact.Name))
	if err != nil {
		return nil, err
	}
	defer from.Close() // read only
	var out []gather.File
	for _, f := range m.files {
		in, err := from.Open(f.Path)
		if err != nil {
			return nil, err
		}
		info, err := in.Stat()
		if err == nil {
			var w gather.File
			w, err = gather.Copy(ctx, in, to, path.Join(m.artifact.Name, f.Path), info.Mode().Perm(), f.Size)
			out = append(out, w)
			if err == nil && w.SHA256 != f.SHA256 {
				err = errors.New(f.Path + " has changed since it was scanned")
			}
		}
		if err = errors.Join(err, in.Close()); err != nil {
			return nil, err
		}
	}
	doc, err := b.provenance(ctx, m, source, tracked)
	if err != nil {
		return nil, err
	}
	f, err := gather.Copy(ctx, strings.NewReader(string(doc)), to, build.ProvenanceFile(m.artifact.Name), 0o644, int64(len(doc)))
	return append(out, f), err
}

// whence says what tree it was all made of, and which files git tracks. The
// repository is asked again: it may have moved on during the build.
func (b *building) whence(ctx context.Context) (build.Source, map[string]bool, error) {
	t := b.o.tree
	s := build.Source{Commit: t.Target.Commit, Tree: t.Target.Tree, Remote: t.Target.Remote, Inventory: b.inventory}
	if t.Repo == nil {
		return s, nil, nil
	}
	head, err := t.Repo.Head(ctx)
	if err != nil {
		return s, nil, fmt.Errorf("git could not be asked again: %w", err)
	}
	if head.Commit != s.Commit || head.Tree != s.Tree {
		return s, nil, errors.New("another commit was checked out during the build; nobody can tell which one it is of")
	}
	entries, err := t.Repo.Tracked(ctx)
	if err != nil {
		return s, nil, fmt.Errorf("git could not be asked again: %w", err)
	}
	tracked := map[string]bool{}
	for _, e := range entries {
		tracked[e.Path] = true
	}
	s.Clean = !t.Target.Dirty && !head.Dirty
	for _, f := range b.inventory.Files {
		s.Clean = s.Clean && tracked[f.Name()]
	}
	return s, tracked, nil
}

// provenance writes down how an artifact came about.
func (b *building) provenance(ctx context.Context, m *made, source build.Source, tracked map[string]bool) ([]byte, error) {
	deps, err := b.dependencies(ctx, m, source, tracked)
	if err != nil {
		return nil, err
	}
	how := build.MadeBuilt
	if build.Taken(m.recipe) || m.recipe.Kind() == pipelines.KindImage {
		how = build.MadeTaken
	}
	return build.NewStatement(m.artifact.Name, m.files, build.Provenance{
		BuildDefinition: build.BuildDefinition{
			BuildType: build.BuildType, ExternalParameters: external(m), ResolvedDependencies: deps,
			InternalParameters: build.Internal{
				Made: how, Engine: m.built.Engine, EngineVersion: m.built.EngineVersion, Network: m.built.Network,
				SourceRun: b.source.ID, ResultRun: m.result.ID,
			},
		},
		RunDetails: build.RunDetails{
			Builder: build.BuilderRun{ID: build.BuilderID, Version: map[string]string{"vitalsign": b.tool.Build}},
			Metadata: build.Metadata{
				InvocationID: b.invocation + "/" + m.artifact.Name, StartedOn: build.Time(m.started), FinishedOn: build.Time(m.finished),
			},
		},
	}).JSON()
}

// external is the declaration, as it stands.
func external(m *made) build.External {
	a := m.artifact
	e := build.External{Artifact: a.Name, Kind: m.recipe.Kind(), Files: a.Files, Image: a.Image, Dockerfile: a.Dockerfile, Context: a.Context}
	if c := a.Container; c != nil {
		e.Image, e.Commands, e.Workdir, e.Output, e.Network = c.Image, c.Commands, c.Workdir, c.Output, c.Network
		e.Env = slices.Sorted(maps.Keys(c.Env))
	}
	return e
}

// dependencies are what went in: the source, unless files were taken that are
// not its own, then the Dockerfile, then images.
func (b *building) dependencies(ctx context.Context, m *made, source build.Source, tracked map[string]bool) ([]build.Resource, error) {
	var deps []build.Resource
	ours := source.Clean && m.recipe.Kind() == pipelines.KindFiles
	for _, f := range m.files {
		ours = ours && tracked[f.Path]
	}
	kind := m.recipe.Kind()
	if kind == pipelines.KindDockerfile || kind == pipelines.KindContainer || ours {
		deps = append(deps, source.Resource())
	}
	if kind == pipelines.KindDockerfile {
		text, err := os.ReadFile(filepath.Join(m.recipe.Source, filepath.FromSlash(m.artifact.Dockerfile)))
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(b.inventory.Files, func(f inventory.File) bool { return f.Path == path.Clean(m.artifact.Dockerfile) })
		if i < 0 {
			return nil, errors.New("its Dockerfile is not among the files that were scanned")
		}
		deps = append(deps, build.Resource{Name: m.artifact.Dockerfile, Digest: build.SHA256(b.inventory.Files[i].SHA256)})
		deps = append(deps, build.BaseImages(text)...)
	}
	for _, image := range m.built.Images {
		r, err := b.imageDependency(ctx, m, image)
		if err != nil {
			return nil, err
		}
		deps = append(deps, r)
	}
	return deps, nil
}

// imageDependency names an image as it was declared: what the engine was given
// is a path of this machine.
func (b *building) imageDependency(ctx context.Context, m *made, image pipelines.Material) (build.Resource, error) {
	declared := external(m).Image
	sum := image.SHA256
	if strings.HasPrefix(declared, checks.ImageRootfs) && sum == "" {
		var err error
		if sum, err = rootfsSum(ctx, b.o.tree.Root, declared); err != nil {
			return build.Resource{}, err
		}
	}
	return build.ImageResource(declared, sum), nil
}
