// Package supervise starts one vitalsign-check for one job and watches it: a
// scratch directory of its own, an environment with nothing of ours but the
// identity key, limits of time and memory. It is used on both sides of a
// container's wall: by the local engine, and by vitalsign-check --supervise
// inside a container or around an external tool.
package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/egress"
	"github.com/vitalsign-dev/vitalsign/internal/proc"
)

// A Supervisor starts one program. The zero value is not usable.
type Supervisor struct {
	// Program is the path of vitalsign-check.
	Program string
	// Temp is the directory in which scratch directories are made.
	Temp string
	// Tool runs a job's external tool in the directory work and returns the
	// path of its report. Only vitalsign-check has one.
	Tool func(ctx context.Context, job checks.Job, work string) (report string, run checks.ToolRun, err error)
	// Credentials are for running applications, where the job came without any
	// because it lay in a file.
	Credentials map[string]string
	// Proxy, where there is one, connects to the hosts of running applications
	// (egress.Gate).
	Proxy func(ctx context.Context, host egress.Host) (net.Conn, bool, error)
}

// Exec runs the job's check in a child, copies its records to out as they
// come, and returns when it is gone. An error of out ends the child. The error
// says in words for the user why the answer is not to be believed; nil only
// says that the child ended by itself.
func (s Supervisor) Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (usage proc.Usage, err error) {
	scratch, err := os.MkdirTemp(s.Temp, "vitalsign-scratch-")
	if err != nil {
		return usage, fmt.Errorf("no scratch directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	job.Scratch, job.Sandbox = scratch, true
	if err := absolute(&job); err != nil {
		return usage, err
	}
	if job.Tool != nil {
		if err := s.tool(ctx, &job, scratch); err != nil {
			return usage, err
		}
	}
	doc, err := json.Marshal(job)
	if err != nil {
		return usage, err
	}
	limits := proc.Limits{Wall: time.Duration(job.Limits.WallMS) * time.Millisecond, MemoryBytes: job.Limits.MemoryBytes}
	cmd := s.command(job, key, doc)
	if job.Live == nil {
		return proc.Run(ctx, cmd, limits, out)
	}
	return s.live(ctx, job, cmd, limits, out)
}

// tool runs the external tool. The child gets a scratch directory beside its
// work, so that what the tool left behind cannot be written to.
func (s Supervisor) tool(ctx context.Context, job *checks.Job, scratch string) error {
	if s.Tool == nil {
		return errors.New("an external tool can only be run by vitalsign-check")
	}
	work, own := filepath.Join(scratch, "tool"), filepath.Join(scratch, "check")
	if err := errors.Join(os.Mkdir(work, 0o700), os.Mkdir(own, 0o700)); err != nil {
		return err
	}
	report, run, err := s.Tool(ctx, *job, work)
	if err != nil {
		return err
	}
	job.Scratch, job.ToolRun = own, &run
	if job.Data == nil {
		job.Data = map[string]string{}
	}
	job.Data[checks.ToolReport] = report
	return nil
}

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
func (s Supervisor) command(job checks.Job, key checks.IdentityKey, doc []byte) *exec.Cmd {
	cmd := exec.Command(s.Program, job.Check)
	cmd.Dir = job.Scratch
	cmd.Stdin = bytes.NewReader(doc)
	cmd.Env = []string{
		checks.IdentityKeyEnv + "=" + key.Text(), "TZ=UTC", "LC_ALL=C", "TMPDIR=" + job.Scratch, "HOME=" + job.Scratch,
		"GOMAXPROCS=" + strconv.Itoa(max(1, job.Limits.Procs)), "GOTRACEBACK=none",
	}
	return cmd
}
