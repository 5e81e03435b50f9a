//go:build amd64 || arm64

package sandbox

import (
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data; seccomp(2). Both architectures are little
// endian, so that the low half of an argument comes first. Only that half is
// read: the arguments looked at are ints or flags in it, and where the kernel
// takes an int it ignores the other half.
const (
	offCall = 0
	offArch = 4
	offArgs = 16
)

// canaryOption is an option of prctl(2) that no kernel has, "vsig" in ASCII. A
// kernel answers it with EINVAL and this filter with success, which tells it
// from a filter that a container brought along. It has to be success: a call on
// all threads goes no further than the first when that one fails.
const canaryOption = 0x76736967

// filter returns the program that the kernel runs before each system call of
// the process with the given id. It ends the process at a call of a foreign
// architecture, refuses what the lists in this package name and what is newer
// than they are, and lets the rest through.
func filter(pid int) ([]bpf.RawInstruction, error) {
	return bpf.Assemble(slices.Concat(
		preamble(),
		refuse(unix.ENOSYS, unsupported()...),
		refuse(unix.EPERM, refused()...),
		refuse(unix.EPERM, refusedHere()...),
		byArgument(uint32(pid)),
		[]bpf.Instruction{bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}},
	))
}

// preamble loads the number of the call, ends the process at one of a foreign
// architecture, and does not know one that is newer than this package's lists.
func preamble() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: offCall, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: foreignCalls, SkipFalse: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: newestKnown, SkipFalse: 1},
		fail(unix.ENOSYS),
	}
}

// byArgument returns the rules for calls that are refused by an argument.
func byArgument(pid uint32) []bpf.Instruction {
	return slices.Concat(
		// The Go runtime interrupts its own threads with tgkill. Process 0 in
		// kill(2) would be the process group, which the parent may be in.
		onlyWith(unix.SYS_TGKILL, 0, unix.EPERM, pid),
		onlyWith(unix.SYS_KILL, 0, unix.EPERM, pid),
		// Other processes of the same user have limits and processors too.
		onlyWith(unix.SYS_PRLIMIT64, 0, unix.EPERM, 0),
		onlyWith(unix.SYS_SCHED_SETAFFINITY, 0, unix.EPERM, 0),
		onlyWith(unix.SYS_FCNTL, 1, unix.EPERM, fcntls()...),
		onlyWith(unix.SYS_IOCTL, 1, unix.ENOTTY, ioctls()...),
		// The parent may have asked that this process ends with it.
		onArgument(unix.SYS_PRCTL, 0, []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: canaryOption, SkipFalse: 1},
			fail(0),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PR_SET_PDEATHSIG, SkipFalse: 1},
			fail(unix.EPERM),
		}),
		onArgument(unix.SYS_CLONE, 0, []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: namespaces, SkipTrue: 1},
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.CLONE_THREAD, SkipTrue: 1},
			fail(unix.EPERM),
		}),
		// RLIMIT_DATA counts neither shared memory nor stacks that grow.
		onArgument(unix.SYS_MMAP, 3, []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_GROWSDOWN, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_ANONYMOUS, SkipFalse: 2},
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_SHARED, SkipFalse: 1},
			fail(unix.EPERM),
		}),
	)
}

// refuse returns rules that answer each of the calls with errno.
func refuse(errno unix.Errno, calls ...uint32) []bpf.Instruction {
	prog := make([]bpf.Instruction, 0, 2*len(calls))
	for _, c := range calls {
		prog = append(prog, bpf.JumpIf{Cond: bpf.JumpEqual, Val: c, SkipFalse: 1}, fail(errno))
	}
	return prog
}

// onlyWith returns rules that answer a call with errno unless its argument arg,
// counted from 0, is one of the values.
func onlyWith(call uint32, arg uint32, errno unix.Errno, values ...uint32) []bpf.Instruction {
	body := make([]bpf.Instruction, 0, len(values)+1)
	for i, v := range values {
		over := uint8(len(values) - i) // the values that follow, and the answer
		body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: over})
	}
	return onArgument(call, arg, append(body, fail(errno)))
}

// onArgument returns rules that run body with the low half of an argument
// loaded when the call is the given one. Where body falls through, the number
// of the call is loaded again.
func onArgument(call, arg uint32, body []bpf.Instruction) []bpf.Instruction {
	return slices.Concat(
		[]bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: call, SkipFalse: uint8(len(body) + 2)},
			bpf.LoadAbsolute{Off: offArgs + 8*arg, Size: 4},
		},
		body,
		[]bpf.Instruction{bpf.LoadAbsolute{Off: offCall, Size: 4}},
	)
}

// fail answers the call with an error, or 0 for success, instead of doing it.
func fail(errno unix.Errno) bpf.Instruction {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)}
}
