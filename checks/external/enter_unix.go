//go:build linux || darwin

package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// wallsFD is the descriptor on which a process says which walls it has put up,
// before it becomes the tool: the first of exec.Cmd.ExtraFiles.
const wallsFD = 3

// maxWalls bounds what it says.
const maxWalls = 64 << 10

// walls is what it says.
type walls struct {
	Report *sandbox.Report `json:"report,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// Enter puts the walls of a spec around this process and makes it the tool. It
// returns only with an error, and then the process must end.
func Enter(text []byte) error {
	say := os.NewFile(wallsFD, "walls")
	if say == nil {
		return errors.New("there is nobody to tell which walls are up")
	}
	syscall.CloseOnExec(wallsFD)
	var s spec
	if err := json.Unmarshal(text, &s); err != nil {
		return tell(say, fmt.Errorf("the tool to become is not readable: %w", err))
	}
	report, err := sandbox.ApplyTool(s.Walls)
	if err != nil {
		return tell(say, fmt.Errorf("the walls could not be put up: %w", err))
	}
	if err := json.NewEncoder(say).Encode(walls{Report: &report}); err != nil {
		return err
	}
	// Closed by the kernel when it has become the tool; until then an error
	// can still be told.
	if err := syscall.Exec(s.Program, s.Args, s.Env); err != nil {
		return tell(say, fmt.Errorf("could not be started: %w", err))
	}
	return nil
}

func tell(say *os.File, err error) error {
	return errors.Join(err, json.NewEncoder(say).Encode(walls{Error: err.Error()}), say.Close())
}

// command starts vitalsign-check again, which then becomes the tool: a process
// that was started by another cannot have walls put around it from outside.
func (c call) command(ctx context.Context) (*exec.Cmd, error) {
	text, err := c.spec.text()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, c.self, ToolFlag, text)
	cmd.Env = []string{"TZ=UTC", "LC_ALL=C", "GOTRACEBACK=none"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	return cmd, nil
}

// startWalled starts the command. The function that it returns is to be called
// when that has ended, and says which walls were up.
func startWalled(cmd *exec.Cmd) (func() (*sandbox.Report, error), error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Start()
	if closed := w.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return func() (*sandbox.Report, error) {
		defer r.Close() // read only
		return readWalls(r)
	}, nil
}

func readWalls(r io.Reader) (*sandbox.Report, error) {
	var report *sandbox.Report
	d := json.NewDecoder(io.LimitReader(r, maxWalls))
	for {
		var w walls
		err := d.Decode(&w)
		switch {
		case err == io.EOF && report != nil:
			return report, nil
		case err != nil:
			return nil, errors.New("was not started: no walls were put up")
		case w.Error != "":
			return nil, errors.New(w.Error)
		}
		report = w.Report
	}
}

func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // gone already is fine
	}
}
