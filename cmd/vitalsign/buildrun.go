package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/pipelines/build"
)

// kindBuilt is the kind of target that what was built is.
const kindBuilt = "artifact"

// building is one vitalsign build.
type building struct {
	*scanner
	o          opened
	out        outputDir
	invocation string
	// work is a temporary directory: the sources laid out, and of each
	// artifact its files and what is in them for the checks.
	work      string
	inventory *inventory.Inventory
	source    checks.Run
	makes     []*made
	// failure is what went wrong besides the scans.
	failure     error
	interrupted bool
	// notSigned says why what had to be signed was not.
	notSigned string
	signed    bool
	// written is the output directory once everything is there.
	written string
}

// made is one artifact on its way.
type made struct {
	artifact          config.Artifact
	recipe            pipelines.Recipe
	built             pipelines.Built
	files             []gather.File
	started, finished time.Time
	result            *checks.Run
}

// Names in the directory work.
const (
	sourceDir = "source"
	filesDir  = "files"
	insideDir = "inside"
)

func (b *building) dir(kind, name string) string { return filepath.Join(b.work, kind, name) }

// withWork does something with a temporary directory.
func (b *building) withWork(do func() error) (err error) {
	if b.work, err = os.MkdirTemp("", "vitalsign-build-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	return do()
}

// run scans, builds, scans and writes; the first thing that is not well ends
// it. An error is one of our own; what keeps an artifact from being built is
// in failure.
func (b *building) run(ctx context.Context, kept *store.Store) error {
	defer b.interrupt(ctx)
	b.trees[0].took = func(inv *inventory.Inventory) { b.inventory = inv }
	b.source = b.scanAll(ctx, kept)[0]
	if b.source.Verdict.Exit != judge.ExitPass {
		return nil
	}
	for _, step := range []func(context.Context) error{b.makeAll, b.openAll} {
		if b.failure = step(ctx); b.failure != nil || ctx.Err() != nil {
			return nil
		}
	}
	results := b.forResults().scanAll(ctx, kept)
	for i, m := range b.makes {
		m.result = &results[i]
	}
	if ctx.Err() != nil || b.verdictOfScans() != judge.ExitPass {
		return nil
	}
	return b.write(ctx)
}

func (b *building) verdictOfScans() int {
	var exits []int
	for _, m := range b.makes {
		exits = append(exits, m.result.Verdict.Exit)
	}
	return judge.Worst(exits...)
}

// makeAll makes one artifact after the other.
func (b *building) makeAll(ctx context.Context) error {
	for _, m := range b.makes {
		if err := b.lay(ctx, m); err != nil {
			return fmt.Errorf("artifact %s: %w", m.artifact.Name, err)
		}
		b.progress.Say("building " + m.artifact.Name)
		if err := b.make(ctx, m); err != nil {
			return fmt.Errorf("artifact %s: %w", m.artifact.Name, err)
		}
	}
	return nil
}

// lay lays the sources out, once, for what is built of them.
func (b *building) lay(ctx context.Context, m *made) error {
	source := b.dir(sourceDir, "")
	m.recipe = recipe(m.artifact, b.o.tree.Root, source, b.invocation)
	m.recipe.Avoid = b.out.below
	if build.Taken(m.recipe) || m.recipe.Kind() == pipelines.KindImage || b.builder(m) == nil || fileExists(source) {
		return nil
	}
	if err := os.Mkdir(source, 0o700); err != nil {
		return err
	}
	return build.Lay(ctx, b.o.tree.Root, b.inventory, source)
}

// builder is what can make an artifact, nil without a Dagger engine for one
// that needs it.
func (b *building) builder(m *made) pipelines.Builder {
	if build.Taken(m.recipe) {
		return build.Here{}
	}
	e, _ := b.engine.engine.(pipelines.Builder)
	return e
}

// buildTime bounds one artifact.
const buildTime = 2 * time.Hour

var errBuildTime = errors.New("it took more than 2 hours")

// make has one artifact made, and believes its files, not the builder.
func (b *building) make(ctx context.Context, m *made) (err error) {
	builder := b.builder(m)
	if builder == nil {
		return errors.New("it needs a Dagger engine: name one with --engine dagger")
	}
	if m.recipe, err = b.atHome(m.recipe); err != nil {
		return err
	}
	log := b.app.buildLog(m.artifact.Name)
	m.recipe.Log = log
	ctx, cancel := context.WithTimeoutCause(ctx, buildTime, errBuildTime)
	defer cancel()
	dir := b.dir(filesDir, m.artifact.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	m.started = b.app.now()
	m.built, err = builder.Build(ctx, m.recipe, dir)
	m.finished = b.app.now()
	switch logged := log.close(); {
	case errors.Is(context.Cause(ctx), errBuildTime):
		return errBuildTime
	case err != nil && logged != "":
		return fmt.Errorf("%w; what it said is in %s", err, logged)
	case err != nil:
		return err
	}
	return b.count(ctx, m, dir)
}

// count takes the digests. An artifact without files is none.
func (b *building) count(ctx context.Context, m *made, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() // read only
	if m.files, err = gather.Hash(ctx, root, gather.DefaultLimits()); err == nil && len(m.files) == 0 {
		err = errors.New("it has no files")
	}
	return err
}

// atHome gives the image that commands run in its absolute path, for an
// engine, when it is a place of this machine.
func (b *building) atHome(r pipelines.Recipe) (pipelines.Recipe, error) {
	if r.Container == nil {
		return r, nil
	}
	path, ok := checks.ImagePlace(r.Container.Image)
	if !ok {
		return r, nil
	}
	real, err := build.Resolve(r.Root, path)
	if err != nil {
		return r, fmt.Errorf("its image %s: %w", path, err)
	}
	c := *r.Container
	c.Image = strings.TrimSuffix(c.Image, path) + real
	r.Container = &c
	return r, nil
}

// openAll lays out for the checks what is in the artifacts.
func (b *building) openAll(ctx context.Context) error {
	for _, m := range b.makes {
		if err := b.openOne(ctx, m); err != nil {
			return fmt.Errorf("artifact %s: %w", m.artifact.Name, err)
		}
	}
	return nil
}

func (b *building) openOne(ctx context.Context, m *made) (err error) {
	inside := b.dir(insideDir, m.artifact.Name)
	if err := os.MkdirAll(inside, 0o700); err != nil {
		return err
	}
	from, err := os.OpenRoot(b.dir(filesDir, m.artifact.Name))
	if err != nil {
		return err
	}
	defer from.Close() // read only
	into, err := os.OpenRoot(inside)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.Close()) }()
	return build.Open(ctx, from, m.files, into)
}

// forResults is a scanner of what was built: with the same settings, checks and
// gate, and with nothing that a built file says counting for itself.
func (b *building) forResults() *scanner {
	s := *b.scanner
	s.trees = nil
	for _, m := range b.makes {
		o := opened{
			tree: &pipelines.Tree{
				Root:   b.dir(insideDir, m.artifact.Name),
				Target: checks.Target{Kind: kindBuilt, Path: filepath.Join(b.out.path, m.artifact.Name)},
			},
			trusted: trusted{attributes: b.o.trusted.attributes}, settings: b.o.settings, tools: b.o.tools, artifact: true,
		}
		o.settings.History = false // it has none
		// The application was looked at with the sources; what was built is files.
		o.settings.Dast = config.Dast{}
		s.trees = append(s.trees, o)
	}
	return &s
}

// rootfsSum is the digest of a root filesystem: of the tarball that it makes.
func rootfsSum(ctx context.Context, root, image string) (string, error) {
	path, _ := checks.ImagePlace(image)
	real, err := build.Resolve(root, path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	dir, err := os.OpenRoot(real)
	if err != nil {
		return "", err
	}
	defer dir.Close() // read only
	if err := build.Tar(ctx, dir, h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
