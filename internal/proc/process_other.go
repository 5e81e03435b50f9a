//go:build !linux

package proc

import (
	"os"
	"os/exec"
)

// Group does nothing where the system has no process groups to kill as one.
func Group(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = cmd.Process.Kill() // gone already is fine
	}
}

func terminate(cmd *exec.Cmd) error { return cmd.Process.Signal(os.Interrupt) }

func resident(int) int64 { return 0 }

func maxResident(*os.ProcessState) int64 { return 0 }
