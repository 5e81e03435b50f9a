package dagger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dagger.io/dagger"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/supervise"
	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// noncePath is where a build finds a file that no other build has: without it
// the engine would answer from its cache, and who built would have built
// nothing.
const noncePath = readPath + "/invocation"

// Build implements pipelines.Builder. A build whose engine is lost is done
// again by another one.
func (p *Pool) Build(ctx context.Context, r pipelines.Recipe, outDir string) (pipelines.Built, error) {
	for {
		m, err := p.take()
		if err != nil {
			return pipelines.Built{}, err
		}
		built, err := builder{bound{Engine: m.Engine}, r}.build(ctx, outDir)
		lost := lostError{}
		if !errors.As(err, &lost) {
			p.give(m, nil)
			return built, err
		}
		p.give(m, fmt.Errorf("the engine at %s was lost: %w", m.config.name(), lost.error))
		if err := empty(outDir); err != nil {
			return built, err
		}
	}
}

// empty removes what a lost engine has left.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// builder is one build on one engine.
type builder struct {
	bound
	recipe pipelines.Recipe
}

func (b builder) build(ctx context.Context, outDir string) (pipelines.Built, error) {
	built := pipelines.Built{Engine: "dagger", EngineVersion: b.version}
	var err error
	switch kind := b.recipe.Kind(); kind {
	case pipelines.KindImage:
		err = b.pulled(ctx, &built, outDir)
	case pipelines.KindDockerfile:
		built.Network = true // Dagger has no switch for it
		err = b.dockerfile(ctx, outDir)
	case pipelines.KindContainer:
		built.Network = b.recipe.Container.Network
		err = b.commands(ctx, &built, outDir)
	default:
		err = fmt.Errorf("an artifact of the kind %s is not built", kind)
	}
	return built, err
}

// pulled has the engine fetch an image.
func (b builder) pulled(ctx context.Context, built *pipelines.Built, outDir string) error {
	ctr, sum, err := b.image(ctx, b.recipe.Image)
	if err != nil {
		return err
	}
	if sum == "" {
		ref, err := ctr.ImageRef(ctx)
		if err != nil {
			return b.why(ctx, err)
		}
		_, sum, _ = strings.Cut(ref, "@")
	}
	built.Images = []pipelines.Material{material(b.recipe.Image, sum)}
	return b.tarball(ctx, ctr, outDir)
}

// material takes an image's digest, "" or with its algorithm in front. Dagger's
// own digest of a directory is no SHA-256 of bytes that others could compute,
// and is not told as one.
func material(image, digest string) pipelines.Material {
	m := pipelines.Material{Name: image}
	if sum, ok := strings.CutPrefix(digest, "sha256:"); ok && !strings.HasPrefix(image, checks.ImageRootfs) {
		m.SHA256 = sum
	}
	return m
}

// tarball exports a container as an OCI image layout.
func (b builder) tarball(ctx context.Context, ctr *dagger.Container, outDir string) error {
	file := ctr.AsTarball()
	size, err := file.Size(ctx)
	if err != nil {
		return b.why(ctx, err)
	}
	if int64(size) > gather.DefaultLimits().Bytes {
		return gather.ErrTooLarge
	}
	if _, err := file.Export(ctx, filepath.Join(outDir, b.recipe.Name+".tar")); err != nil {
		return b.why(ctx, err)
	}
	return nil
}

// dockerfile builds a Dockerfile.
func (b builder) dockerfile(ctx context.Context, outDir string) error {
	dir := filepath.Join(b.recipe.Source, filepath.FromSlash(b.recipe.Context))
	inside, err := filepath.Rel(dir, filepath.Join(b.recipe.Source, filepath.FromSlash(b.recipe.Dockerfile)))
	if err != nil {
		return err
	}
	if !filepath.IsLocal(inside) {
		return fmt.Errorf("its Dockerfile %s is not within its context %s", b.recipe.Dockerfile, b.recipe.Context)
	}
	ctr := b.client.Host().Directory(dir).DockerBuild(dagger.DirectoryDockerBuildOpts{Dockerfile: filepath.ToSlash(inside)})
	_, err = ctr.Sync(ctx)
	var failed *dagger.ExecError
	switch {
	case errors.As(err, &failed):
		b.log(failed.Cmd, failed.ExitCode, failed.Stdout, failed.Stderr)
		return fmt.Errorf("a command of %s failed with exit code %d", b.recipe.Dockerfile, failed.ExitCode)
	case err != nil:
		fmt.Fprintln(b.recipe.Log, err) // a log that cannot be written is no reason to stop
		return b.refused(ctx, b.recipe.Dockerfile+" could not be built", err)
	}
	return b.tarball(ctx, ctr, outDir)
}

// refused is the engine's answer that something cannot be done. Its words hold
// the words of commands, so that they are in the log only.
func (b builder) refused(ctx context.Context, what string, err error) error {
	lost := lostError{}
	if why := b.why(ctx, err); errors.As(why, &lost) || ctx.Err() != nil {
		return why
	}
	return errors.New(what)
}

func (b builder) log(cmd []string, code int, stdout, stderr string) {
	fmt.Fprintf(b.recipe.Log, "$ %s\n%s\n%s\nexit code %d\n", strings.Join(cmd, " "), stdout, stderr, code)
}

// commands runs the commands of a container, and takes what they made.
func (b builder) commands(ctx context.Context, built *pipelines.Built, outDir string) error {
	c := b.recipe.Container
	ctr, sum, err := b.image(ctx, c.Image)
	if err != nil {
		return err
	}
	built.Images = []pipelines.Material{material(c.Image, sum)}
	if ctr, err = b.furnish(ctx, ctr); err != nil {
		return err
	}
	for i, args := range c.Commands {
		if !c.Network {
			args = append([]string{programPath, "--offline"}, args...)
		}
		ctr = b.exec(ctr, args)
		if err := b.ended(ctx, ctr, i, c.Commands[i]); err != nil {
			return err
		}
	}
	return b.output(ctx, ctr, outDir)
}

// furnish lays source and environment into a container. Values of
// variables are secrets to the engine: it neither logs nor keeps them.
func (b builder) furnish(ctx context.Context, ctr *dagger.Container) (*dagger.Container, error) {
	r, c := b.recipe, b.client
	ctr = ctr.WithUser("0:0").
		WithMountedFile(noncePath, c.Directory().WithNewFile("invocation", r.Invocation).File("invocation")).
		WithMountedDirectory(r.Container.Workdir, c.Host().Directory(r.Source)).
		WithWorkdir(r.Container.Workdir)
	for _, name := range slices.Sorted(maps.Keys(r.Container.Env)) {
		value := r.Container.Env[name]
		if value == "" {
			ctr = ctr.WithEnvVariable(name, "")
			continue
		}
		ctr = ctr.WithSecretVariable(name, c.SetSecret("vitalsign-build-"+r.Invocation+"-"+name, value))
	}
	return ctr, ctx.Err()
}

// exec runs a command with our own program laid in anew: the command before it
// may have changed the old one.
func (b builder) exec(ctr *dagger.Container, args []string) *dagger.Container {
	c := b.client
	kit := c.Directory().
		WithFile("bin/vitalsign-check", c.Host().File(b.config.Program), dagger.DirectoryWithFileOpts{Permissions: 0o755}).
		WithNewDirectory("out").WithNewDirectory("tmp")
	return ctr.WithMountedDirectory(kitPath, kit).WithExec(args, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
}

// ended waits for a command and says how it failed.
func (b builder) ended(ctx context.Context, ctr *dagger.Container, i int, args []string) error {
	code, err := ctr.ExitCode(ctx)
	which := fmt.Sprintf("command %d of %d (%s)", i+1, len(b.recipe.Container.Commands), args[0])
	if err != nil {
		fmt.Fprintln(b.recipe.Log, err) // as above
		return b.refused(ctx, which+" could not be run by the engine", err)
	}
	if code == 0 {
		return nil
	}
	stdout, outErr := ctr.Stdout(ctx)
	stderr, errErr := ctr.Stderr(ctx)
	if err := errors.Join(outErr, errErr); err != nil {
		fmt.Fprintln(b.recipe.Log, "what it said could not be had:", err)
	}
	b.log(args, code, stdout, stderr)
	if code == supervise.NotStarted && !b.recipe.Container.Network {
		return fmt.Errorf("%s was not started, or ended with exit code %d", which, code)
	}
	return fmt.Errorf("%s failed with exit code %d", which, code)
}

// output has the patterns matched inside of the container, where nothing leads
// out, and exports the copies: plain files, bounded.
func (b builder) output(ctx context.Context, ctr *dagger.Container, outDir string) error {
	args := append([]string{programPath, "--gather", b.recipe.Container.Workdir, outPath}, b.recipe.Container.Output...)
	ctr = b.exec(ctr, args)
	code, err := ctr.ExitCode(ctx)
	if err != nil {
		return b.why(ctx, err)
	}
	if code != 0 {
		said, err := ctr.Stderr(ctx)
		if err != nil {
			return b.why(ctx, err)
		}
		// These are the words of our own program.
		return fmt.Errorf("its output: %s", strings.TrimSpace(strings.TrimPrefix(cut(said), "vitalsign-check: ")))
	}
	if _, err := ctr.Directory(outPath).Export(ctx, outDir); err != nil {
		return b.why(ctx, err)
	}
	return nil
}

// cut keeps what is shown to a line.
func cut(s string) string { return firstLine(errors.New(s)) }
