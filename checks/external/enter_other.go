//go:build !linux && !darwin

package external

import (
	"context"
	"errors"
	"os/exec"

	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// Enter is for systems where a process can become another.
func Enter([]byte) error { return errors.New("there are no walls for tools on this system") }

// command starts the tool itself.
func (c call) command(ctx context.Context) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, c.spec.Program, c.spec.Args[1:]...)
	cmd.Env = c.spec.Env
	return cmd, nil
}

func startWalled(cmd *exec.Cmd) (func() (*sandbox.Report, error), error) {
	return func() (*sandbox.Report, error) {
		return &sandbox.Report{Kind: sandbox.KindNone, Missing: []string{"sandbox: there is none for tools on this system"}}, nil
	}, cmd.Start()
}

func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = cmd.Process.Kill() // gone already is fine
	}
}
