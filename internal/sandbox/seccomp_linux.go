//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// restrictCalls is the last layer: it puts the filter on every thread, and
// checks, on every thread where that can be done, that the answers are its own.
//
// A kernel or container that does not let a filter in leaves the layer missing.
// That is never half: with SECCOMP_FILTER_FLAG_TSYNC all threads get it or none
// does; seccomp(2).
func restrictCalls(install func([]bpf.RawInstruction) error, r *Report) error {
	prog, err := filter(os.Getpid())
	if err != nil {
		return err
	}
	if err := install(prog); err != nil {
		r.miss("system calls: the kernel did not take a seccomp filter (" + err.Error() + "), so that network, programs and signals to other processes are not refused")
		return nil
	}
	if err := askCanary(); err != nil {
		return fmt.Errorf("the filter was installed, but does not answer: %w", err)
	}
	r.Seccomp = true
	return nil
}

// askCanary returns nil when this package's filter is on every thread. When it
// is on some only, the Go runtime ends the program.
func askCanary() error {
	if libpsx {
		// It cannot be used under the filter: this thread alone is asked, and for
		// the others the kernel's word stands.
		return unix.Prctl(canaryOption, 0, 0, 0, 0)
	}
	_, err := prctlAll(canaryOption, 0)
	return err
}

// filtered reports whether the calling thread has this package's filter.
func filtered() bool {
	return unix.Prctl(canaryOption, 0, 0, 0, 0) == nil
}

// installFilter gives the program to the kernel, for all threads at once. An error
// means that no thread has it.
func installFilter(prog []bpf.RawInstruction) error {
	insns := make([]unix.SockFilter, len(prog))
	for i, p := range prog {
		insns[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(insns)), Filter: &insns[0]}
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return errno
	}
	if tid != 0 {
		return errors.New("a thread has a filter of its own")
	}
	return nil
}
