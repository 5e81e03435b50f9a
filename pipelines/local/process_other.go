//go:build !linux

package local

import (
	"os"
	"os/exec"
)

func group(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = cmd.Process.Kill() // gone already is fine
	}
}

func resident(int) int64 { return 0 }

func maxResident(*os.ProcessState) int64 { return 0 }
