//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refusal is a probe that the filter refuses with EPERM.
func refusal(name string, run func(world) error) probe {
	return probe{name: name, run: run, want: "EPERM", bare: "ok"}
}

// nonsense is a refusal whose arguments are chosen so that without the filter
// the kernel refuses it with another error, because doing it would do harm.
func nonsense(name string, run func(world) error) probe {
	return probe{name: name, run: run, want: "EPERM"}
}

// raw makes a system call.
func raw(call uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.Syscall6(call, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

// callProbes are about what the filter stops, on files and on the kernel.
func callProbes() []probe {
	privileged := func(p probe) probe { p.privileged = true; return p }
	type w = world
	return []probe{
		socketProbe("AF_INET", unix.AF_INET), socketProbe("AF_INET6", unix.AF_INET6),
		socketProbe("AF_UNIX", unix.AF_UNIX), socketProbe("AF_NETLINK", unix.AF_NETLINK),
		refusal("make a pair of sockets", func(w) error {
			_, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			return err
		}),
		refusal("connect to a socket", connectSocket),
		refusal("chmod", func(w w) error { return unix.Chmod(w.outside()+"/decoy", 0o600) }),
		refusal("fchmod in scratch", func(w w) error { return os.Chmod(w.scratch()+"/decoy", 0o600) }),
		refusal("chown to oneself", func(w w) error { return unix.Chown(w.outside()+"/decoy", os.Getuid(), os.Getgid()) }),
		nonsense("setxattr", func(w w) error { return unix.Setxattr(w.outside()+"/decoy", "user.probe", []byte("1"), 0) }),
		refusal("change times", func(w w) error { return os.Chtimes(w.outside()+"/decoy", time.Unix(1, 0), time.Unix(1, 0)) }),
		refusal("link in scratch", func(w w) error { return os.Link(w.scratch()+"/file", w.scratch()+"/hard") }),
		refusal("symlink in scratch", func(w w) error { return os.Symlink("/etc/passwd", w.scratch()+"/soft") }),
		refusal("mknod in scratch", func(w w) error { return unix.Mknod(w.scratch()+"/pipe", unix.S_IFIFO|0o600, 0) }),
		refusal("watch a directory", func(w w) error { return watch(w.outside()) }),
		privileged(nonsense("mount", func(w w) error { return unix.Mount("none", w.outside()+"/sub", "no-such-type", 0, "") })),
		refusal("unshare nothing", func(w) error { return unix.Unshare(0) }),
		nonsense("setns", func(w) error { return unix.Setns(-1, 0) }),
		refusal("memfd_create", func(w) error { _, err := unix.MemfdCreate("probe", 0); return err }),
		privileged(nonsense("bpf", func(w) error { return raw(unix.SYS_BPF, 9999, 0, 0) })),
		privileged(nonsense("userfaultfd", func(w) error { return raw(unix.SYS_USERFAULTFD, 0xFFFF) })),
		privileged(nonsense("perf_event_open", func(w) error { return raw(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0xFFFF) })),
		nonsense("keyctl", func(w) error { return raw(unix.SYS_KEYCTL, 9999) }),
		{name: "io_uring_setup", want: "ENOSYS", mayLack: true, run: func(w) error { return raw(unix.SYS_IO_URING_SETUP) }},
		{name: "clone3", want: "ENOSYS", mayLack: true, run: func(w) error { return raw(unix.SYS_CLONE3) }},
		{name: "the canary", want: "ok", bare: "EINVAL", run: func(w) error { return unix.Prctl(canaryOption, 0, 0, 0, 0) }},
		refusal("unshare from old threads", func(w w) error {
			return onAll(w.old, func() error { return unix.Unshare(0) })
		}),
		refusal("unshare from new threads", func(w) error {
			return onAll(startThreads(8), func() error { return unix.Unshare(0) })
		}),
		privileged(refusal("have capabilities", haveCapabilities)),
	}
}

func socketProbe(name string, family int) probe {
	return refusal("make a socket "+name, func(world) error {
		_, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
		return err
	})
}

// connectSocket connects to the test's own server.
func connectSocket(w world) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return unix.Connect(fd, &unix.SockaddrUnix{Name: w.socket()})
}

// haveCapabilities returns EPERM when no set holds any.
func haveCapabilities(world) error {
	sets, err := capabilities()
	if err != nil || sets != [2]unix.CapUserData{} {
		return err
	}
	for c := range uintptr(unix.CAP_LAST_CAP + 1) {
		bounding, _ := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		ambient, _ := unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, c, 0, 0)
		if ambient > 0 || bounding > 0 && os.Geteuid() == 0 { // only root may empty the bounding set
			return nil
		}
	}
	return unix.EPERM
}

func watch(dir string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return err
	}
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_OPEN)
	return err
}

// processProbes are about other programs and other processes.
func processProbes() []probe {
	type w = world
	return []probe{
		refusal("execve a script outside", func(w w) error { return execute(w.outside() + "/tool") }),
		refusal("execve a script of the target", func(w w) error { return execute(w.target() + "/tool") }),
		refusal("execve a script in scratch", func(w w) error { return execute(w.scratch() + "/tool") }),
		refusal("start a process", func(w w) error {
			_, err := os.StartProcess(w.outside()+"/tool", nil, &os.ProcAttr{})
			return err
		}),
		refusal("fork", func(w) error { return fork(0) }),
		nonsense("clone with a namespace", func(w) error {
			return raw(unix.SYS_CLONE, unix.CLONE_THREAD|unix.CLONE_NEWNET) // no CLONE_SIGHAND: EINVAL
		}),
		refusal("signal another process", func(w w) error { return unix.Kill(w.Other, 0) }),
		refusal("signal the process group", func(w) error { return unix.Kill(0, 0) }),
		refusal("tgkill another process", func(w w) error { return unix.Tgkill(w.Other, w.Other, 0) }),
		refusal("tkill another process", func(w w) error { return raw(unix.SYS_TKILL, uintptr(w.Other), 0) }),
		refusal("send signals by a descriptor", func(w w) error { return own(w.Other) }),
		refusal("open another process", func(w w) error { _, err := unix.PidfdOpen(w.Other, 0); return err }),
		refusal("trace another process", func(w w) error { return trace(w.Other) }),
		refusal("read the own memory as if another's", readSelf),
		refusal("limit another process", func(w w) error { return unix.Prlimit(w.Other, unix.RLIMIT_CORE, nil, &unix.Rlimit{}) }),
		refusal("leave the process group", func(w) error { _, err := unix.Setsid(); return err }),
		refusal("outlive the parent", func(w) error { return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) }),
		refusal("set the own user id", func(w) error { return raw(unix.SYS_SETUID, uintptr(os.Getuid())) }),
		refusal("share memory by id", shareMemory),
	}
}

// execute replaces the process by a script that prints "ok".
func execute(path string) error {
	return unix.Exec(path, []string{path}, nil)
}

// fork makes a process that ends at once, and waits for it.
func fork(flags uintptr) error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}

// own makes another process the receiver of a pipe's signals, of which there
// are none.
func own(pid int) error {
	var ends [2]int
	if err := unix.Pipe2(ends[:], 0); err != nil {
		return err
	}
	_, err := unix.FcntlInt(uintptr(ends[0]), unix.F_SETOWN, pid)
	return err
}

// trace becomes the tracer of a process without stopping it, until this one
// ends.
func trace(pid int) error {
	runtime.LockOSThread()
	return raw(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid))
}

func readSelf(world) error {
	from, to := []byte("decoy"), make([]byte, 5)
	local := []unix.Iovec{{Base: &to[0], Len: 5}}
	remote := []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&from[0])), Len: 5}}
	_, err := unix.ProcessVMReadv(os.Getpid(), local, remote, 0)
	return err
}

// shareMemory makes a shared memory segment and removes it.
func shareMemory(world) error {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, 0o600)
	if err != nil {
		return err
	}
	_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	return err
}

// archProbes are about calls of another architecture.
func archProbes() []probe {
	if runtime.GOARCH != "amd64" {
		return nil
	}
	return []probe{{name: "call as x32", want: "died", run: func(world) error {
		return raw(foreignCalls | unix.SYS_GETPID)
	}}}
}

// allowedProbes are what a check does all day.
func allowedProbes() []probe {
	yes := func(name string, run func(world) error) probe {
		return probe{name: name, run: run, want: "ok", bare: "ok"}
	}
	return []probe{
		yes("read the target", func(w world) error { _, err := os.ReadFile(w.target() + "/file"); return err }),
		yes("walk the target", walk),
		yes("read the target through a root", readRoot),
		yes("read the target with openat2", readOpenat2),
		yes("map a file of the target", mapFile),
		yes("write scratch", writeScratch),
		yes("start threads", func(world) error {
			return onAll(startThreads(8), func() error { return nil })
		}),
		yes("collect garbage on busy threads", collect),
		yes("allocate under the memory limit", func(world) error { return hold(64) }),
		yes("signal oneself", func(world) error { return unix.Kill(os.Getpid(), 0) }),
		yes("ask for a terminal's size", func(world) error {
			if _, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err != nil && !errors.Is(err, unix.ENOTTY) {
				return err
			}
			return nil
		}),
		yes("read and write a pipe", pipe),
	}
}

func walk(w world) error {
	var n int
	err := filepath.WalkDir(w.target(), func(_ string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		n++
		_, err = e.Info()
		return err
	})
	if n < 5 {
		return errors.New("too few files")
	}
	return err
}

func readRoot(w world) error {
	root, err := os.OpenRoot(w.target())
	if err != nil {
		return err
	}
	defer root.Close()
	if f, err := root.Open("link"); err == nil {
		return errors.Join(errors.New("the link was followed"), f.Close())
	}
	f, err := root.Open("sub/file")
	if err != nil {
		return err
	}
	return f.Close()
}

func readOpenat2(w world) error {
	dir, err := unix.Open(w.target(), unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH}
	fd, err := unix.Openat2(dir, "sub/file", &how)
	if errors.Is(err, unix.ENOSYS) {
		return nil // before Linux 5.6
	}
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func mapFile(w world) error {
	f, err := os.Open(w.target() + "/file")
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := unix.Mmap(int(f.Fd()), 0, 6, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return unix.Munmap(b)
}

// writeScratch makes, writes, shortens, moves and removes files.
func writeScratch(w world) error {
	dir, err := os.MkdirTemp(w.scratch(), "probe")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "probe")
	if err != nil {
		return err
	}
	_, err = f.WriteString("hello")
	err = errors.Join(err, f.Sync(), f.Truncate(2), f.Close())
	err = errors.Join(err, os.Truncate(f.Name(), 1))
	moved := os.Rename(f.Name(), w.scratch()+"/moved")
	if errors.Is(moved, unix.EXDEV) { // Landlock 1 keeps files in their directory
		moved = nil
	}
	return errors.Join(err, moved, os.RemoveAll(dir))
}

// collect runs the collector while threads are in loops that only a signal can
// interrupt.
func collect(world) error {
	stop := time.Now().Add(50 * time.Millisecond)
	done := make(chan bool)
	for range 4 {
		go func() {
			for n := 0; n >= 0 && time.Now().Before(stop); n++ {
				for range 1 << 20 {
				}
			}
			done <- true
		}()
	}
	for time.Now().Before(stop) {
		runtime.GC()
	}
	for range 4 {
		<-done
	}
	return nil
}

func pipe(world) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	if _, err := w.WriteString("hello"); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err = r.Read(make([]byte, 5))
	return errors.Join(err, r.Close())
}
