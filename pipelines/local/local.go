// Package local is the embedded engine: each check is a child process of its
// own that locks itself in (internal/sandbox), watched from here for time,
// memory and output, and killed with all it started.
package local

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/supervise"
	"github.com/vitalsign-dev/vitalsign/internal/egress"
	"github.com/vitalsign-dev/vitalsign/internal/proc"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Engine starts one program. The zero value is not usable.
type Engine struct {
	// Program is the path of vitalsign-check.
	Program string
	// Temp is the directory in which scratch directories are made.
	Temp string
	// Path is where the programs of external tools are looked up, in the form
	// of the environment's PATH.
	Path string
	// Proxy connects to the hosts of running applications (egress.Gate).
	Proxy func(ctx context.Context, host egress.Host) (net.Conn, bool, error)
}

// Name implements pipelines.Engine.
func (Engine) Name() string { return "local" }

// Exec implements pipelines.Engine.
func (e Engine) Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (pipelines.Usage, error) {
	if job.Service != nil {
		return pipelines.Usage{}, errors.New("the application runs in a container, which the local engine cannot start: use --engine dagger, or name a command")
	}
	if job.Tool != nil {
		return e.around(ctx, job, key, out)
	}
	took, err := supervise.Supervisor{Program: e.Program, Temp: e.Temp, Proxy: e.Proxy}.Exec(ctx, job, key, out)
	return pipelines.Usage{CPU: took.CPU, PeakBytes: took.PeakBytes}, err
}

// grace is how long a supervisor may take to end the tool that it started.
const grace = 5 * time.Second

// around runs a job with an external tool: vitalsign-check --supervise starts
// the tool behind the walls that it can stand, and then the check that reads
// the tool's report.
func (e Engine) around(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (usage pipelines.Usage, err error) {
	desk, err := os.MkdirTemp(e.Temp, "vitalsign-desk-")
	if err != nil {
		return usage, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(desk)) }()
	if job.Tool.Image != "" {
		return usage, errors.New("it is declared with an image, which the local engine cannot run: use --engine dagger")
	}
	doc, err := json.Marshal(job)
	if err != nil {
		return usage, err
	}
	if err := os.WriteFile(filepath.Join(desk, supervise.JobFile), doc, 0o600); err != nil {
		return usage, err
	}
	cmd := exec.Command(e.Program, "--supervise", desk, desk)
	cmd.Dir = desk
	cmd.Env = []string{
		checks.IdentityKeyEnv + "=" + key.Text(), "PATH=" + e.Path, "TMPDIR=" + desk, "TZ=UTC", "LC_ALL=C",
		"GOMAXPROCS=" + strconv.Itoa(max(1, job.Limits.Procs)), "GOTRACEBACK=none",
	}
	// The supervisor bounds the tool and the check; this bound is for its own
	// work around them.
	wall := 2*time.Duration(max(job.Limits.WallMS, job.Tool.TimeoutMS))*time.Millisecond + time.Minute
	if _, err := proc.Run(ctx, cmd, proc.Limits{Wall: wall, Grace: grace}, io.Discard); err != nil {
		return usage, err
	}
	end, err := supervise.Answer(desk, out)
	return pipelines.Usage{CPU: time.Duration(end.CPUMS) * time.Millisecond, PeakBytes: end.PeakBytes}, err
}
