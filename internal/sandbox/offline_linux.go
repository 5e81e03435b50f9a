//go:build amd64 || arm64

package sandbox

import (
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// offlineHere is Offline. A kernel that does not take the filter is an error
// and not a missing layer: there is no other wall behind this one.
func offlineHere() error {
	runtime.LockOSThread() // as in apply
	defer runtime.UnlockOSThread()
	prog, err := offlineFilter()
	if err != nil {
		return err
	}
	if err := forbidPrivileges(&Report{}); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := installFilter(prog); err != nil {
		return fmt.Errorf("the kernel did not take a seccomp filter: %w", err)
	}
	if err := askCanary(); err != nil {
		return fmt.Errorf("the filter was installed, but does not answer: %w", err)
	}
	return nil
}

// offlineFilter refuses sockets with an address family, and the doors around
// system calls by which one could be had (io_uring).
func offlineFilter() ([]bpf.RawInstruction, error) {
	return bpf.Assemble(slices.Concat(
		preamble(),
		refuse(unix.ENOSYS, unsupported()...),
		onlyWith(unix.SYS_SOCKET, 0, unix.EAFNOSUPPORT, unix.AF_UNIX),
		onlyWith(unix.SYS_SOCKETPAIR, 0, unix.EAFNOSUPPORT, unix.AF_UNIX),
		onArgument(unix.SYS_PRCTL, 0, []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: canaryOption, SkipFalse: 1},
			fail(0),
		}),
		[]bpf.Instruction{bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}},
	))
}
