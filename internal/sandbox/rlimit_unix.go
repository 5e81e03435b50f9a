//go:build darwin || (linux && (amd64 || arm64))

package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// setLimits sets the limits of l that are not zero, and the core limit to 0,
// and reads each back. An error means that some are set and some are not.
//
// The resources are those of setrlimit(2). RLIMIT_DATA and not RLIMIT_AS caps
// memory, because the Go runtime reserves far more address space than it uses.
func setLimits(l Limits) error {
	for _, x := range []struct {
		name     string
		resource int
		value    uint64
		always   bool
	}{
		{"memory", unix.RLIMIT_DATA, l.MemoryBytes, false},
		{"processor time", unix.RLIMIT_CPU, l.CPUSeconds, false},
		{"file size", unix.RLIMIT_FSIZE, l.FileBytes, false},
		{"open files", unix.RLIMIT_NOFILE, l.OpenFiles, false},
		{"core file", unix.RLIMIT_CORE, 0, true},
	} {
		if x.value == 0 && !x.always {
			continue
		}
		if err := setLimit(x.resource, x.value); err != nil {
			return fmt.Errorf("the limit on %s: %w", x.name, err)
		}
	}
	return nil
}

// setLimit lowers the soft and the hard limit of a resource to value, which is
// in the resource's own unit, and checks that they hold.
func setLimit(resource int, value uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil {
		return err
	}
	value = min(value, now.Max) // raising a hard limit needs a privilege, and is not asked for
	want := unix.Rlimit{Cur: value, Max: value}
	if err := unix.Setrlimit(resource, &want); err != nil {
		return err
	}
	if err := unix.Getrlimit(resource, &now); err != nil {
		return err
	}
	if now != want {
		return fmt.Errorf("set to %d, but the kernel says %d", want.Max, now.Max)
	}
	return nil
}
