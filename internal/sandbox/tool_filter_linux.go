//go:build amd64 || arm64

package sandbox

import (
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// restrictToolCalls is the last layer: as restrictCalls, with another filter.
func restrictToolCalls(network bool, install func([]bpf.RawInstruction) error, r *Report) error {
	prog, err := toolFilter(network)
	if err != nil {
		return err
	}
	if err := install(prog); err != nil {
		r.miss("system calls: the kernel did not take a seccomp filter (" + err.Error() + "), so that network and the kernel's rarer doors are not refused")
		return nil
	}
	if err := askCanary(); err != nil {
		return fmt.Errorf("the filter was installed, but does not answer: %w", err)
	}
	r.Seccomp = true
	return nil
}

// toolFilter returns the program that the kernel runs before each system call
// of a tool and of all that it starts.
func toolFilter(network bool) ([]bpf.RawInstruction, error) {
	var sockets []bpf.Instruction
	if !network {
		sockets = slices.Concat(
			refuse(unix.EPERM, toolSockets()...),
			onlyWith(unix.SYS_SOCKET, 0, unix.EAFNOSUPPORT, unix.AF_UNIX),
			onlyWith(unix.SYS_SOCKETPAIR, 0, unix.EAFNOSUPPORT, unix.AF_UNIX),
		)
	}
	return bpf.Assemble(slices.Concat(
		preamble(),
		refuse(unix.ENOSYS, unsupported()...),
		refuse(unix.EPERM, toolRefused()...),
		refuse(unix.EPERM, toolRefusedHere()...),
		refuse(0, slices.Concat(toolPretended(), toolPretendedHere())...),
		sockets,
		toolByArgument(),
		[]bpf.Instruction{bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}},
	))
}

// toolByArgument returns the rules for calls that are refused by an argument.
func toolByArgument() []bpf.Instruction {
	return slices.Concat(
		onArgument(unix.SYS_PRCTL, 0, []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: canaryOption, SkipFalse: 1},
			fail(0),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PR_SET_PDEATHSIG, SkipFalse: 1},
			fail(0), // that it ends with its parent is kept, and nobody misses the other
		}),
		onArgument(unix.SYS_CLONE, 0, []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: namespaces, SkipFalse: 1},
			fail(unix.EPERM),
		}),
		// Typing into a terminal that was inherited.
		onArgument(unix.SYS_IOCTL, 1, []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.TIOCSTI, SkipTrue: 1},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.TIOCLINUX, SkipFalse: 1},
			fail(unix.ENOTTY),
		}),
	)
}

// toolSockets are the calls by which a socket gets an address or a peer. A pair
// of sockets does without.
func toolSockets() []uint32 {
	return []uint32{unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4}
}

// toolPretended are answered with success and not made: they reach any file
// that the user owns, Landlock does not see them, and copying a file or making
// a temporary directory does not work in most languages when they fail.
func toolPretended() []uint32 {
	return []uint32{
		unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2,
		unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
	}
}

// toolRefused are the calls that fail whatever their arguments are. It is the
// list of refused, less what starts programs, talks within the tool's own
// processes, or names files in directories that Landlock grants.
func toolRefused() []uint32 {
	granted := slices.Concat(toolPretended(), toolSockets(), []uint32{
		unix.SYS_EXECVE, unix.SYS_EXECVEAT,
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_SETSOCKOPT,
		unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG,
		unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_RECVMMSG,
		// Signals to others are refused by Landlock's scope.
		unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO,
		unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL,
		unix.SYS_GET_ROBUST_LIST, unix.SYS_PROCESS_MADVISE, unix.SYS_SETPRIORITY,
		unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETATTR,
		unix.SYS_MEMFD_CREATE,
		unix.SYS_GETXATTR, unix.SYS_LGETXATTR, unix.SYS_FGETXATTR, unix.SYS_GETXATTRAT,
		unix.SYS_LISTXATTR, unix.SYS_LLISTXATTR, unix.SYS_FLISTXATTR, unix.SYS_LISTXATTRAT,
		unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_MKNODAT,
		unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_ADD_WATCH,
		unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT,
		unix.SYS_PERSONALITY, // some runtimes ask with it
	})
	return slices.DeleteFunc(refused(), func(c uint32) bool { return slices.Contains(granted, c) })
}
