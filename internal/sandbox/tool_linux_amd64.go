package sandbox

import "golang.org/x/sys/unix"

// toolRefusedHere are older forms of calls, and calls that only this
// architecture has, which are refused to a tool.
func toolRefusedHere() []uint32 {
	return []uint32{
		unix.SYS_USELIB, unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT,
		unix.SYS_CREATE_MODULE, unix.SYS_QUERY_MODULE, unix.SYS_GET_KERNEL_SYMS,
		unix.SYS__SYSCTL, unix.SYS_SYSFS,
	}
}

// toolPretendedHere are the older forms of what toolPretended lists.
func toolPretendedHere() []uint32 {
	return []uint32{
		unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN,
		unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT,
	}
}
