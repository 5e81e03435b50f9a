package external

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/proc"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

const (
	// watchEvery is how often memory and number of the tool's processes are
	// looked at.
	watchEvery = 100 * time.Millisecond
	// maxProcesses is more than any tool needs on a large machine.
	maxProcesses = 1024
	// drain is how long a process that outlives its parent may hold the pipes.
	drain = 2 * time.Second
)

// call is one run of a program behind the walls of a tool.
type call struct {
	self, dir string
	spec      spec
	timeout   time.Duration
	limit     string // what names the timeout
	memory    int64  // of all its processes together, in bytes; 0 for none
	stdout    string // file to write, "" for none
}

// ended is how it ended by itself.
type ended struct {
	exit  int
	walls *sandbox.Report
	// words are the end of standard error, for looking at only.
	words string
}

var (
	errTime      = errors.New("time")
	errMemory    = errors.New("memory")
	errProcesses = errors.New("processes")
)

// run returns when the program and all in its process group is gone. The error
// says, as the rest of a sentence, why there is no exit code to judge.
func (c call) run(ctx context.Context) (ended, error) {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.timeout, errTime)
		defer cancel()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tail := &proc.Tail{}
	cmd, walls, err := c.start(ctx, tail)
	if err != nil {
		return ended{}, err
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.watch(ctx, cmd, cancel)
	}()
	waitErr := cmd.Wait()
	cause := context.Cause(ctx)
	cancel(nil)
	<-watched
	killGroup(cmd) // what outlived it
	end := ended{exit: cmd.ProcessState.ExitCode(), words: tail.String()}
	if cause != nil {
		return end, c.stopped(cause)
	}
	if end.walls, err = walls(); err != nil {
		return end, err
	}
	var exit *exec.ExitError
	switch {
	case waitErr == nil, errors.Is(waitErr, exec.ErrWaitDelay):
	case !errors.As(waitErr, &exit):
		return end, fmt.Errorf("could not be waited for: %w", waitErr)
	case end.exit < 0:
		return end, fmt.Errorf("was ended by %s", exit.ProcessState)
	}
	return end, nil
}

// start starts the command, with its output where it belongs.
func (c call) start(ctx context.Context, tail *proc.Tail) (*exec.Cmd, func() (*sandbox.Report, error), error) {
	cmd, err := c.command(ctx)
	if err != nil {
		return nil, nil, err
	}
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = c.dir, tail, drain
	cmd.Cancel = func() error { killGroup(cmd); return nil }
	if c.stdout != "" {
		f, err := os.OpenFile(c.stdout, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close() // the child has its own
		cmd.Stdout = f
	}
	walls, err := startWalled(cmd)
	if err != nil {
		return nil, nil, fmt.Errorf("could not be started: %w", err)
	}
	return cmd, walls, nil
}

// watch ends the program when its processes are too many or too large.
func (c call) watch(ctx context.Context, cmd *exec.Cmd, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n, bytes := groupUse(cmd.Process.Pid)
			switch {
			case c.memory > 0 && bytes > c.memory:
				cancel(errMemory)
			case n > maxProcesses:
				cancel(errProcesses)
			}
		}
	}
}

func (c call) stopped(cause error) error {
	switch {
	case errors.Is(cause, errTime):
		return fmt.Errorf("was stopped after %d s (limit %s)", int64(c.timeout.Seconds()), c.limit)
	case errors.Is(cause, errMemory):
		return fmt.Errorf("was stopped: it needed more than %d MB of memory (limit check_memory, of which a tool gets %d times as much)", c.memory>>20, memoryFactor)
	case errors.Is(cause, errProcesses):
		return fmt.Errorf("was stopped: it started more than %d processes", maxProcesses)
	}
	return errors.New("was interrupted")
}
