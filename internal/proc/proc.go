// Package proc runs one program to its end within limits of time and memory,
// and ends it with all that it started when a limit is passed, when the
// context ends, or when nobody takes its output any more.
package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// watchEvery is how often the memory of a child is looked at. A child that
// allocates at full speed gains about 35 MB over its limit in that time.
const watchEvery = 20 * time.Millisecond

// Limits bound one child; zero means none.
type Limits struct {
	Wall        time.Duration
	MemoryBytes int64 // resident
	// Grace is how long a child that is asked to end (SIGTERM) may take to end
	// what it started itself, before it is killed.
	Grace time.Duration
}

// Usage is what a child took.
type Usage struct {
	CPU       time.Duration
	PeakBytes int64
}

var (
	errWall   = errors.New("wall-clock limit")
	errMemory = errors.New("memory limit")
)

// Run starts cmd, copies its standard output to out as it comes, and returns
// when it and everything in its process group is gone. An error of out ends
// the child and is returned. The error says in words for the user how the
// child ended; nil says that it ended by itself with success. cmd must not
// have Stdout, Stderr or SysProcAttr set.
func Run(ctx context.Context, cmd *exec.Cmd, limits Limits, out io.Writer) (Usage, error) {
	Group(cmd)
	if limits.Wall > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limits.Wall, errWall)
		defer cancel()
	}
	c := &child{limits: limits, out: out, tail: &Tail{}, ended: make(chan struct{})}
	return c.run(ctx, cmd)
}

// Kill ends a process that was started with Group, and all of its group.
func Kill(cmd *exec.Cmd) { killGroup(cmd) }

// child is one running process.
type child struct {
	limits Limits
	out    io.Writer
	tail   *Tail
	peak   int64
	ended  chan struct{} // closed when the child is gone
}

func (c *child) run(ctx context.Context, cmd *exec.Cmd) (Usage, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd.Stderr = c.tail
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return Usage{}, err
	}
	if err := cmd.Start(); err != nil {
		return Usage{}, fmt.Errorf("%s could not be started: %w", filepath.Base(cmd.Path), err)
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
	close(c.ended)
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
			if c.limits.Grace > 0 {
				c.ask(cmd)
			}
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

// ask wishes the child to end and waits for that, at most for the grace.
func (c *child) ask(cmd *exec.Cmd) {
	if terminate(cmd) != nil {
		return // gone already, or a system without such a wish
	}
	select {
	case <-c.ended:
	case <-time.After(c.limits.Grace):
	}
}

func (c *child) usage(s *os.ProcessState) Usage {
	if s == nil {
		return Usage{}
	}
	return Usage{CPU: s.UserTime() + s.SystemTime(), PeakBytes: max(c.peak, maxResident(s))}
}

// reason turns the way a child ended into words.
func (c *child) reason(cause, copyErr, waitErr error) error {
	words := c.tail.String()
	switch {
	case errors.Is(cause, errWall):
		return fmt.Errorf("stopped after %d s (limit check_timeout)", int64(c.limits.Wall.Seconds()))
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
