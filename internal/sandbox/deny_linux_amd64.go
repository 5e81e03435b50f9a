package sandbox

import "golang.org/x/sys/unix"

const (
	// auditArch is the only architecture whose calls are let in; 32-bit calls
	// come with another one.
	auditArch = unix.AUDIT_ARCH_X86_64

	// foreignCalls is where the numbers of the x32 calls begin
	// (__X32_SYSCALL_BIT of asm/unistd.h), which share the architecture.
	foreignCalls = 0x40000000
)

// refusedHere are the older forms that arm64 never had, of calls that are
// refused, and a few that only this architecture has.
func refusedHere() []uint32 {
	return []uint32{
		unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_USELIB,
		unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN,
		unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT,
		unix.SYS_LINK, unix.SYS_SYMLINK, unix.SYS_MKNOD, unix.SYS_INOTIFY_INIT,
		unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT,
		unix.SYS_CREATE_MODULE, unix.SYS_QUERY_MODULE, unix.SYS_GET_KERNEL_SYMS,
		unix.SYS__SYSCTL, unix.SYS_SYSFS,
	}
}
