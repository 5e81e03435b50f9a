package dagger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"dagger.io/dagger"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/supervise"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Places inside of a container, under names that an image will not have: one
// mount with the program and room to write, and one for each thing to read.
const (
	kitPath     = "/.vitalsign"
	programPath = kitPath + "/bin/vitalsign-check"
	outPath     = kitPath + "/out"
	tempPath    = kitPath + "/tmp"
	readPath    = "/.vitalsign-read"
	targetPath  = readPath + "/target"
	jobPath     = readPath + "/job"
	dataPath    = readPath + "/data"
)

// lostError says that it was the engine that failed and not the check, so that
// another engine may do better.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

// exec runs a job. An answer that was kept from an earlier run and is a
// failure is asked for once more: what failed then may not fail now.
func (b bound) exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (pipelines.Usage, error) {
	// What runs on this machine is reached from this machine.
	if job.Tool != nil && job.Tool.Image == "" || job.Live != nil && job.Service == nil {
		usage, err := b.config.Local.Exec(ctx, job, key, out)
		usage.Where = b.config.Local.Name()
		return usage, err
	}
	desk, usage, err := b.once(ctx, job, key)
	if err != nil {
		return usage, err
	}
	if end, err := supervise.End(desk); usage.Cached && (err != nil || end.Reason != "") {
		job.Attempt = pipelines.NewAttempt()
		if desk, usage, err = b.once(ctx, job, key); err != nil {
			return usage, err
		}
	}
	_, err = supervise.Answer(desk, out)
	return usage, err
}

// once has the engine run the job and brings the answer into a directory here.
func (b bound) once(ctx context.Context, job checks.Job, key checks.IdentityKey) (answer string, usage pipelines.Usage, err error) {
	desk, err := b.stage.desk()
	if err != nil {
		return "", usage, err
	}
	usage.Where = b.config.name()
	nonce := pipelines.NewID()
	ctr, image, err := b.container(ctx, desk, job, key, nonce)
	if err != nil {
		return "", usage, err
	}
	usage.Image = image
	ctx, cancel := context.WithTimeoutCause(ctx, patience(job), errPatience)
	defer cancel()
	answer = filepath.Join(desk, "answer")
	if _, err := ctr.Directory(outPath).Export(ctx, answer); err != nil {
		return "", usage, b.why(ctx, err)
	}
	end, err := supervise.End(answer)
	if errors.Is(err, fs.ErrNotExist) {
		code, err := ctr.ExitCode(ctx)
		if err != nil {
			return "", usage, b.why(ctx, err)
		}
		return "", usage, exitWords(code)
	}
	// Words that cannot be read are told when the records are.
	usage.CPU, usage.PeakBytes = time.Duration(end.CPUMS)*time.Millisecond, end.PeakBytes
	usage.Cached = end.Nonce != nonce
	return answer, usage, nil
}

var errPatience = errors.New("the engine did not answer in time")

// patience is how long to wait for an engine: the program ends the check by
// itself, so this is for an engine that is stuck.
func patience(job checks.Job) time.Duration {
	wall := time.Duration(job.Limits.WallMS) * time.Millisecond
	if job.Live != nil {
		wall = max(wall, time.Duration(job.Live.WallMS)*time.Millisecond)
	}
	if job.Tool != nil {
		wall += max(wall, time.Duration(job.Tool.TimeoutMS)*time.Millisecond)
	}
	return wall + 5*time.Minute
}

// why tells apart who failed: the user's wish, the engine, or the container.
func (b bound) why(ctx context.Context, err error) error {
	var exec *dagger.ExecError
	switch {
	case errors.Is(context.Cause(ctx), errPatience):
		return lostError{errPatience}
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case errors.As(err, &exec):
		return exitWords(exec.ExitCode)
	case !b.alive(ctx):
		return lostError{errors.New("it does not answer any more")}
	}
	return fmt.Errorf("the engine could not run it: %s", firstLine(err))
}

// exitWords name how a container ended that left no answer.
func exitWords(code int) error {
	if code == 137 { // 128 + SIGKILL
		return errors.New("its container was killed, most likely for want of memory (exit code 137)")
	}
	return fmt.Errorf("its container left no answer (exit code %d)", code)
}

// maxWords bounds what is shown of the engine's own errors.
const maxWords = 300

func firstLine(err error) string {
	s := err.Error()
	for i, r := range s {
		if r == '\n' || i > maxWords {
			return s[:i]
		}
	}
	return s
}

// container describes the exec of a job.
func (b bound) container(ctx context.Context, desk string, job checks.Job, key checks.IdentityKey, nonce string) (*dagger.Container, string, error) {
	c := b.client
	ctr, image, err := b.base(ctx, job.Tool)
	if err != nil {
		return nil, "", err
	}
	job.Root, job.ByDigest, job.Scratch, job.Sandbox = targetPath, true, "", true
	data := job.Data
	job.Data = make(map[string]string, len(data))
	for _, name := range slices.Sorted(maps.Keys(data)) {
		job.Data[name] = path.Join(dataPath, name)
		dir, err := isDir(data[name])
		if err != nil {
			return nil, "", err
		}
		if dir {
			ctr = ctr.WithMountedDirectory(job.Data[name], c.Host().Directory(data[name]))
		} else {
			ctr = ctr.WithMountedFile(job.Data[name], c.Host().File(data[name]))
		}
	}
	if job.Service != nil {
		if ctr, err = b.beside(ctx, ctr, &job); err != nil {
			return nil, "", err
		}
	}
	doc, err := json.Marshal(job)
	if err != nil {
		return nil, "", err
	}
	in := filepath.Join(desk, "job")
	if err := errors.Join(os.Mkdir(in, 0o700), os.WriteFile(filepath.Join(in, supervise.JobFile), doc, 0o600)); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(doc)
	// A secret is known by its name, which is a part of what is cached.
	id := hex.EncodeToString(sum[:8])
	ctr = ctr.
		WithMountedDirectory(targetPath, c.Host().Directory(b.stage.target())).
		WithMountedDirectory(jobPath, c.Host().Directory(in)).
		WithSecretVariable(checks.IdentityKeyEnv, c.SetSecret("vitalsign-identity-"+key.ID(), key.Text())).
		WithSecretVariable(supervise.NonceEnv, c.SetSecret("vitalsign-nonce-"+id, nonce)).
		WithEnvVariable("TMPDIR", tempPath)
	if len(job.Credentials) > 0 {
		secret, err := json.Marshal(job.Credentials)
		if err != nil {
			return nil, "", err
		}
		ctr = ctr.WithSecretVariable(checks.CredentialsEnv, c.SetSecret("vitalsign-credentials-"+id, string(secret)))
	}
	ctr = ctr.WithExec([]string{programPath, "--supervise", jobPath, outPath}, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
	return ctr, image, nil
}

// base is the container of a check: nothing but the program, or the image of
// an external tool with the program laid in.
func (b bound) base(ctx context.Context, tool *checks.Tool) (*dagger.Container, string, error) {
	c := b.client
	// A tool is root without power over other users' files: the directories
	// must let it in.
	open := dagger.DirectoryWithNewDirectoryOpts{Permissions: 0o755}
	kit := c.Directory().
		WithFile("bin/vitalsign-check", c.Host().File(b.config.Program), dagger.DirectoryWithFileOpts{Permissions: 0o755}).
		WithNewDirectory("out", open).WithNewDirectory("tmp", open)
	ctr, image, err := c.Container().WithRootfs(c.Directory().WithNewDirectory("tmp", open)), "", error(nil)
	if tool != nil {
		if ctr, image, err = b.image(ctx, tool.Image); err != nil {
			return nil, "", err
		}
		if ctr, err = b.asRoot(ctx, ctr); err != nil {
			return nil, "", err
		}
	}
	return ctr.WithMountedDirectory(kitPath, kit), image, nil
}

// asRoot undoes the user that an image names, who could not write the answer.
// It is done only where one is named: an image without a list of users knows
// no user 0 either.
func (b bound) asRoot(ctx context.Context, ctr *dagger.Container) (*dagger.Container, error) {
	user, err := ctr.User(ctx)
	if err != nil {
		return nil, b.why(ctx, err)
	}
	if user == "" {
		return ctr, nil
	}
	return ctr.WithUser("0"), nil
}
