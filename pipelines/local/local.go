// Package local is the embedded engine: each check is a child process of its
// own that locks itself in (internal/sandbox), watched from here for time,
// memory and output, and killed with all it started.
package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// watchEvery is how often the memory of a child is looked at. A child that
// allocates at full speed gains about 35 MB over its limit in that time.
const watchEvery = 20 * time.Millisecond

// stderrTail is how much of a child's words is kept to tell why it died.
const stderrTail = 16 << 10

// Engine starts one program. The zero value is not usable.
type Engine struct {
	// Program is the path of vitalsign-check.
	Program string
	// Temp is the directory in which scratch directories are made.
	Temp string
}

// Name implements pipelines.Engine.
func (Engine) Name() string { return "local" }

// Exec implements pipelines.Engine.
func (e Engine) Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (usage pipelines.Usage, err error) {
	scratch, err := os.MkdirTemp(e.Temp, "vitalsign-scratch-")
	if err != nil {
		return usage, fmt.Errorf("no scratch directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	job.Scratch, job.Sandbox = scratch, true
	if err := absolute(&job); err != nil {
		return usage, err
	}
	doc, err := json.Marshal(job)
	if err != nil {
		return usage, err
	}
	wall := time.Duration(job.Limits.WallMS) * time.Millisecond
	if wall > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, wall, errWall)
		defer cancel()
	}
	child := &child{limits: job.Limits, out: out, tail: &tailWriter{}}
	return child.run(ctx, e.command(job, key, doc))
}

var (
	errWall   = errors.New("wall-clock limit")
	errMemory = errors.New("memory limit")
)

// absolute resolves the paths that the walls are built around.
func absolute(job *checks.Job) error {
	paths := []*string{&job.Root, &job.Scratch}
	for _, p := range paths {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	for name, p := range job.Data {
		abs, err := filepath.Abs(p)
		if err != nil {
			return err
		}
		job.Data[name] = abs
	}
	return nil
}

// command gives the child its whole environment: nothing of ours but the key.
func (e Engine) command(job checks.Job, key checks.IdentityKey, doc []byte) *exec.Cmd {
	cmd := exec.Command(e.Program, job.Check)
	cmd.Dir = job.Scratch
	cmd.Stdin = bytes.NewReader(doc)
	cmd.Env = []string{
		checks.IdentityKeyEnv + "=" + key.Text(), "TZ=UTC", "LC_ALL=C", "TMPDIR=" + job.Scratch, "HOME=" + job.Scratch,
		"GOMAXPROCS=" + strconv.Itoa(max(1, job.Limits.Procs)), "GOTRACEBACK=none",
	}
	group(cmd)
	return cmd
}

// child is one running process.
type child struct {
	limits checks.Limits
	out    io.Writer
	tail   *tailWriter
	peak   int64
}

func (c *child) run(ctx context.Context, cmd *exec.Cmd) (pipelines.Usage, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd.Stderr = c.tail
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return pipelines.Usage{}, err
	}
	if err := cmd.Start(); err != nil {
		return pipelines.Usage{}, fmt.Errorf("%s could not be started: %w", filepath.Base(cmd.Path), err)
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.watch(ctx, cmd, cancel)
	}()
	_, copyErr := io.Copy(c.out, pipe)
	if copyErr != nil {
		cancel(copyErr) // the reader gave up: so must the writer
	}
	waitErr := cmd.Wait()
	cause := context.Cause(ctx)
	cancel(nil)
	<-watched
	killGroup(cmd) // a grandchild that outlived it
	return c.usage(cmd.ProcessState), c.reason(cause, copyErr, waitErr)
}

// watch ends the child when ctx ends or its memory passes the limit.
func (c *child) watch(ctx context.Context, cmd *exec.Cmd, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			killGroup(cmd)
			return
		case <-tick.C:
			rss := resident(cmd.Process.Pid)
			c.peak = max(c.peak, rss)
			if c.limits.MemoryBytes > 0 && rss > c.limits.MemoryBytes {
				cancel(errMemory)
			}
		}
	}
}

func (c *child) usage(s *os.ProcessState) pipelines.Usage {
	if s == nil {
		return pipelines.Usage{}
	}
	return pipelines.Usage{CPU: s.UserTime() + s.SystemTime(), PeakBytes: max(c.peak, maxResident(s))}
}

// reason turns the way a child ended into words.
func (c *child) reason(cause, copyErr, waitErr error) error {
	words := c.tail.String()
	switch {
	case errors.Is(cause, errWall):
		return fmt.Errorf("stopped after %d s (limit check_timeout)", c.limits.WallMS/1000)
	case errors.Is(cause, errMemory), strings.Contains(words, "out of memory"), strings.Contains(words, "cannot allocate memory"):
		return fmt.Errorf("stopped: it needed more than %d MB of memory (limit check_memory)", c.limits.MemoryBytes>>20)
	case errors.Is(cause, context.Canceled) && copyErr == nil:
		return errors.New("interrupted")
	case copyErr != nil:
		return copyErr
	case waitErr == nil:
		return nil
	case strings.Contains(words, "stack overflow"):
		return errors.New("it crashed: stack overflow")
	case strings.Contains(words, "fatal error:"), strings.Contains(words, "panic:"):
		return errors.New("it crashed")
	}
	var exit *exec.ExitError
	if errors.As(waitErr, &exit) {
		return fmt.Errorf("it ended with %s", exit.ProcessState.String())
	}
	return waitErr
}

// tailWriter keeps the last bytes. They are looked at for known words and
// never shown: a crash may quote the target.
type tailWriter struct{ b []byte }

func (t *tailWriter) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - stderrTail; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

func (t *tailWriter) String() string { return string(t.b) }
