package sandbox

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestFilterOldForms is about the calls that only this architecture has; the
// libraries of Go use the newer forms.
func TestFilterOldForms(t *testing.T) {
	for _, c := range []uint32{
		unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN,
		unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT, unix.SYS_LINK, unix.SYS_SYMLINK, unix.SYS_MKNOD,
		unix.SYS_INOTIFY_INIT, unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_CREATE_MODULE,
	} {
		if got := ask(t, auditArch, c); got != answer(unix.EPERM) {
			t.Errorf("call %d: %#x", c, got)
		}
	}
	for _, c := range []uint32{unix.SYS_OPEN, unix.SYS_STAT, unix.SYS_ARCH_PRCTL, unix.SYS_DUP2} {
		if got := ask(t, auditArch, c); got != allow {
			t.Errorf("call %d: %#x", c, got)
		}
	}
	if got := ask(t, auditArch, foreignCalls|unix.SYS_GETPID); got != kill {
		t.Errorf("x32 call: %#x", got)
	}
}
