//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// ask runs the filter of process 7 in the interpreter of golang.org/x/net/bpf,
// which reads its input in big endian, over struct seccomp_data; seccomp(2).
func ask(t *testing.T, arch, call uint32, args ...uint64) uint32 {
	t.Helper()
	raw, err := filter(7)
	check(t, err)
	prog, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the filter holds an unknown instruction")
	}
	vm, err := bpf.NewVM(prog)
	check(t, err)
	data := make([]byte, offArgs+6*8)
	binary.BigEndian.PutUint32(data[offCall:], call)
	binary.BigEndian.PutUint32(data[offArch:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[offArgs+8*i:], uint32(a)) // low half first
		binary.BigEndian.PutUint32(data[offArgs+8*i+4:], uint32(a>>32))
	}
	n, err := vm.Run(data)
	check(t, err)
	return uint32(n)
}

func answer(errno unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(errno) }

const (
	kill  = unix.SECCOMP_RET_KILL_PROCESS
	allow = unix.SECCOMP_RET_ALLOW
)

func TestFilterArguments(t *testing.T) {
	eperm, enosys, enotty := answer(unix.EPERM), answer(unix.ENOSYS), answer(unix.ENOTTY)
	const runtimeThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND |
		unix.CLONE_SYSVSEM | unix.CLONE_THREAD // runtime/os_linux.go
	const high = 1 << 32 // what the kernel cuts off an int
	for _, c := range []struct {
		name string
		call uint32
		args []uint64
		want uint32
	}{
		{"own thread", unix.SYS_TGKILL, []uint64{7, 8, 23}, allow},
		{"other's thread", unix.SYS_TGKILL, []uint64{8, 8, 23}, eperm},
		{"self", unix.SYS_KILL, []uint64{7, 9}, allow},
		{"other", unix.SYS_KILL, []uint64{8, 9}, eperm},
		{"group", unix.SYS_KILL, []uint64{0, 9}, eperm},
		{"all", unix.SYS_KILL, []uint64{1<<64 - 1, 9}, eperm},
		{"other's group", unix.SYS_KILL, []uint64{1<<64 - 7, 9}, eperm},
		{"own limits", unix.SYS_PRLIMIT64, []uint64{0, 7}, allow},
		{"other's limits", unix.SYS_PRLIMIT64, []uint64{8, 7}, eperm},
		{"other's processors", unix.SYS_SCHED_SETAFFINITY, []uint64{8, 8}, eperm},
		{"a thread of the Go runtime", unix.SYS_CLONE, []uint64{runtimeThread}, allow},
		{"a thread with a namespace", unix.SYS_CLONE, []uint64{runtimeThread | unix.CLONE_NEWUSER}, eperm},
		{"a process", unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, eperm},
		{"vfork", unix.SYS_CLONE, []uint64{unix.CLONE_VFORK | unix.CLONE_VM}, eperm},
		{"terminal?", unix.SYS_IOCTL, []uint64{1, unix.TCGETS}, allow},
		{"type into the terminal", unix.SYS_IOCTL, []uint64{0, unix.TIOCSTI}, enotty},
		{"type, high bits set", unix.SYS_IOCTL, []uint64{0, high | unix.TIOCSTI}, enotty},
		{"change a file's flags", unix.SYS_IOCTL, []uint64{3, unix.FS_IOC_SETFLAGS}, enotty},
		{"copy a descriptor", unix.SYS_FCNTL, []uint64{3, unix.F_DUPFD_CLOEXEC}, allow},
		{"lock", unix.SYS_FCNTL, []uint64{3, unix.F_SETLK}, allow},
		{"own a descriptor", unix.SYS_FCNTL, []uint64{3, unix.F_SETOWN}, eperm},
		{"lease", unix.SYS_FCNTL, []uint64{3, unix.F_SETLEASE}, eperm},
		{"private memory", unix.SYS_MMAP, []uint64{0, 4096, 3, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS}, allow},
		{"a shared file", unix.SYS_MMAP, []uint64{0, 4096, 3, unix.MAP_SHARED, 3}, allow},
		{"shared memory", unix.SYS_MMAP, []uint64{0, 4096, 3, unix.MAP_SHARED | unix.MAP_ANONYMOUS}, eperm},
		{"shared memory, checked", unix.SYS_MMAP, []uint64{0, 4096, 3, unix.MAP_SHARED_VALIDATE | unix.MAP_ANONYMOUS}, eperm},
		{"a growing stack", unix.SYS_MMAP, []uint64{0, 4096, 3, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_GROWSDOWN}, eperm},
		{"name memory", unix.SYS_PRCTL, []uint64{unix.PR_SET_VMA}, allow},
		{"the canary", unix.SYS_PRCTL, []uint64{canaryOption}, answer(0)},
		{"outlive the parent", unix.SYS_PRCTL, []uint64{unix.PR_SET_PDEATHSIG}, eperm},
		{"a call after all arguments", unix.SYS_GETPID, nil, allow},
		{"the newest known", newestKnown, nil, allow},
		{"one newer", newestKnown + 1, nil, enosys},
	} {
		if got := ask(t, auditArch, c.call, c.args...); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
}

func TestFilterArchitecture(t *testing.T) {
	for _, arch := range []uint32{0, unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_RISCV64} {
		if got := ask(t, arch, unix.SYS_READ); got != kill {
			t.Errorf("architecture %#x: %#x, want %#x", arch, got, uint32(kill))
		}
	}
	if got := ask(t, auditArch, 0xFFFFFFFF); got != kill {
		t.Errorf("call -1: %#x, want %#x", got, uint32(kill))
	}
}

// TestFilterLists names again what must be refused and what must not, so that
// a line lost from the lists is missed.
func TestFilterLists(t *testing.T) {
	for want, calls := range map[uint32][]uint32{
		answer(unix.EPERM): {
			unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_SOCKET, unix.SYS_SOCKETPAIR,
			unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
			unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_TKILL,
			unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
			unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_UNSHARE,
			unix.SYS_SETNS, unix.SYS_FSOPEN, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_MOUNT_SETATTR,
			unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET,
			unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT,
			unix.SYS_SETXATTR, unix.SYS_SETXATTRAT, unix.SYS_REMOVEXATTR, unix.SYS_REMOVEXATTRAT,
			unix.SYS_GETXATTRAT, unix.SYS_LISTXATTRAT, unix.SYS_FILE_SETATTR,
			unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_MKNODAT, unix.SYS_OPEN_BY_HANDLE_AT,
			unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE,
			unix.SYS_DELETE_MODULE, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_SHMGET, unix.SYS_MSGGET,
		},
		answer(unix.ENOSYS): {
			unix.SYS_CLONE3, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		},
		allow: {
			unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PREAD64, unix.SYS_CLOSE, unix.SYS_OPENAT, unix.SYS_OPENAT2,
			unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_GETDENTS64, unix.SYS_READLINKAT, unix.SYS_FACCESSAT,
			unix.SYS_UNLINKAT, unix.SYS_MKDIRAT, unix.SYS_RENAMEAT, unix.SYS_FTRUNCATE, unix.SYS_FSYNC,
			unix.SYS_FUTEX, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_BRK,
			unix.SYS_SIGALTSTACK, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN,
			unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2,
			unix.SYS_NANOSLEEP, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETTID,
			unix.SYS_GETRANDOM, unix.SYS_CLOCK_GETTIME, unix.SYS_TIMER_CREATE, unix.SYS_COPY_FILE_RANGE,
			unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_RSEQ, unix.SYS_SET_ROBUST_LIST, unix.SYS_FLOCK,
		},
	} {
		for _, c := range calls {
			if got := ask(t, auditArch, c); got != want {
				t.Errorf("call %d: %#x, want %#x", c, got, want)
			}
		}
	}
}

// TestFilterSize holds the filter to BPF_MAXINSNS; bpf(2).
func TestFilterSize(t *testing.T) {
	prog, err := filter(7)
	check(t, err)
	if len(prog) > 4096 {
		t.Errorf("%d instructions", len(prog))
	}
}
