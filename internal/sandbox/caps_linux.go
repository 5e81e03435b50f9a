//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// maxCapability is one more than any capability there can be: the sets of
// capabilities(7) are 64 bits wide. The kernel says where they really end.
const maxCapability = 64

// dropCapabilities is the third layer: it empties the bounding, ambient,
// effective, permitted and inheritable sets of every thread; see
// capabilities(7).
//
// Without CAP_SETPCAP the bounding set cannot be emptied. That is no gap: it
// only limits what a program can win by execve(2), which no_new_privs and the
// filter forbid as well.
func dropCapabilities(r *Report) error {
	if err := dropBounding(); err != nil {
		return fmt.Errorf("bounding set: %w", err)
	}
	// EINVAL: a kernel before 4.3 has no ambient set.
	if _, err := prctlAll(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("ambient set: %w", err)
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3} // capget(2); pid 0 is the calling thread
	var empty [2]unix.CapUserData
	_, _, errno := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&empty[0])), 0)
	if errno != 0 {
		return errno
	}
	left, err := capabilities()
	if err != nil {
		return err
	}
	if left != empty {
		return fmt.Errorf("were dropped, but the kernel says %+v", left)
	}
	r.NoCapabilities = true
	return nil
}

// dropBounding empties the bounding set of every thread, if the process may.
func dropBounding() error {
	have, err := capabilities()
	if err != nil {
		return err
	}
	if have[0].Effective&(1<<unix.CAP_SETPCAP) == 0 {
		return nil
	}
	for c := range uintptr(maxCapability) {
		in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			return nil // past the kernel's last capability
		}
		if err != nil {
			return err
		}
		if in == 0 {
			continue
		}
		if _, err := prctlAll(unix.PR_CAPBSET_DROP, c); err != nil {
			return err
		}
	}
	return nil
}

// capabilities returns the calling thread's sets, low and high 32 bits.
func capabilities() ([2]unix.CapUserData, error) {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	err := unix.Capget(&head, &sets[0])
	return sets, err
}
