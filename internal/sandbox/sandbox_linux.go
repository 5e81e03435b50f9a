//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// A kernel is what this package finds different from one machine to another.
type kernel struct {
	landlockABI   int                              // version of Landlock, 0 for none
	installFilter func([]bpf.RawInstruction) error // an error means that nothing was installed
}

// applyHere is Apply with what this kernel offers.
func applyHere(p Policy) (Report, error) {
	return apply(p, kernel{landlockABI: kernelLandlockABI(), installFilter: installFilter})
}

// apply is Apply with the kernel given, so that a test can pretend to be on an
// older one.
func apply(p Policy, k kernel) (Report, error) {
	// The filter is handed to the other threads by the one that installs it,
	// which therefore has to be the one that prepared itself.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	if filtered() {
		return Report{}, errors.New("sandbox: is already in force, and cannot be applied again")
	}
	g, err := resolve(p)
	if err != nil {
		return Report{}, fmt.Errorf("sandbox: %w", err)
	}
	var r Report
	for _, layer := range []struct {
		name  string
		apply func(*Report) error
	}{
		{"limits", func(r *Report) error { return limit(p.Limits, r) }},
		{"files (Landlock)", func(r *Report) error { return restrictFiles(g, k.landlockABI, r) }},
		{"capabilities", dropCapabilities},
		{"no_new_privs", forbidPrivileges},
		{"system calls (seccomp)", func(r *Report) error { return restrictCalls(k.installFilter, r) }},
	} {
		if err := layer.apply(&r); err != nil {
			return Report{}, fmt.Errorf("sandbox: %s: %w", layer.name, err)
		}
	}
	r.judge()
	return r, nil
}

// limit is the first layer.
func limit(l Limits, r *Report) error {
	if err := setLimits(l); err != nil {
		return err
	}
	r.Rlimits = true
	return nil
}

// forbidPrivileges is the fourth layer: no_new_privs on every thread, see
// PR_SET_NO_NEW_PRIVS in prctl(2). The seccomp filter needs it where there is
// no CAP_SYS_ADMIN, which by now is everywhere.
func forbidPrivileges(r *Report) error {
	if _, err := prctlAll(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return err
	}
	set, err := prctlAll(unix.PR_GET_NO_NEW_PRIVS, 0)
	if err != nil {
		return err
	}
	if set != 1 {
		return fmt.Errorf("was set, but the kernel says %d", set)
	}
	r.NoNewPrivs = true
	return nil
}

// prctlAll calls prctl(2) on every thread and returns its result. The program
// is ended, by the Go runtime or by libpsx, when two threads answer
// differently, so that one answer speaks for all of them.
func prctlAll(option int, arg uintptr) (int, error) {
	v, _, errno := psx.Syscall6(unix.SYS_PRCTL, uintptr(option), arg, 0, 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(v), nil
}
