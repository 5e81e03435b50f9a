//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A probe is one thing that a program in the sandbox tries.
type probe struct {
	name string
	run  func(world) error
	want string // the child's word in the sandbox; "ok" for what must work
	bare string // its word without; "" for any but want

	privileged bool    // without a sandbox too, only root gets past the kernel
	mayLack    bool    // this kernel or machine may not have it at all
	memory     bool    // needs the memory limit
	limits     *Limits // instead of testLimits
}

// An arena is a directory of decoys, and a process.
type arena struct {
	Dir   string
	Other int // process id
}

func (a arena) target() string  { return filepath.Join(a.Dir, "target") }
func (a arena) scratch() string { return filepath.Join(a.Dir, "scratch") }
func (a arena) outside() string { return filepath.Join(a.Dir, "outside") }

// make makes the decoys.
func (a arena) make(t testing.TB) {
	t.Helper()
	const script = "#!/bin/sh\necho ok\n"
	for _, d := range []string{a.target() + "/sub", a.scratch() + "/sub", a.outside() + "/sub"} {
		check(t, os.MkdirAll(d, 0o755))
	}
	for _, d := range []string{a.target(), a.outside(), a.scratch()} {
		for _, f := range []string{"file", "decoy", "old", "sub/file"} {
			check(t, os.WriteFile(filepath.Join(d, f), []byte("decoy\n"), 0o644))
		}
		check(t, os.WriteFile(filepath.Join(d, "tool"), []byte(script), 0o755))
	}
	check(t, os.Symlink("../outside/file", a.target()+"/link"))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: a.socket(), Net: "unix"})
	check(t, err)
	t.Cleanup(func() { check(t, l.Close()) })
}

func (a arena) socket() string { return a.outside() + "/sock" }

// A world is what a probe is given.
type world struct {
	arena
	old []chan<- func() // threads from before the sandbox
}

// startThreads starts threads that do what they are sent.
func startThreads(n int) []chan<- func() {
	var all []chan<- func()
	for range n {
		c := make(chan func())
		all = append(all, c)
		ready := make(chan bool)
		go func() {
			runtime.LockOSThread()
			ready <- true
			for f := range c {
				f()
			}
		}()
		<-ready
	}
	// One more is inside a system call, where it stays.
	var ends [2]int
	must(unix.Pipe2(ends[:], unix.O_CLOEXEC))
	go func() { _, _ = unix.Read(ends[0], make([]byte, 1)) }()
	return all
}

// word is the child's answer for an error.
func word(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno) && errno != 0:
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func findProbe(name string) (probe, bool) {
	all := slices.Concat(probes(), extraToolProbes())
	i := slices.IndexFunc(all, func(p probe) bool { return p.name == name })
	if i < 0 {
		return probe{}, false
	}
	return all[i], true
}

// probes are all probes.
func probes() []probe {
	return slices.Concat(allowedProbes(), fileProbes(), callProbes(), processProbes(), limitProbes(), archProbes())
}

// open opens a file and closes it.
func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// fileProbes are about what Landlock stops; limits of the rights are there.
func fileProbes() []probe {
	type w = world
	no := func(name string, run func(w) error) probe {
		return probe{name: name, run: run, want: "EACCES", bare: "ok"}
	}
	return []probe{
		no("read a file outside", func(w w) error { return open(w.outside()+"/file", unix.O_RDONLY) }),
		no("read a file outside by ..", func(w w) error { return open(w.scratch()+"/../outside/file", unix.O_RDONLY) }),
		no("read by a link in the target", func(w w) error { return open(w.target()+"/link", unix.O_RDONLY) }),
		no("read /etc/passwd", func(w) error { return open("/etc/passwd", unix.O_RDONLY) }),
		no("read the own environment", func(w) error { return open("/proc/self/environ", unix.O_RDONLY) }),
		no("list a directory outside", func(w w) error { return open(w.outside(), unix.O_RDONLY|unix.O_DIRECTORY) }),
		no("list the parent of the target", func(w w) error { return open(w.Dir, unix.O_RDONLY|unix.O_DIRECTORY) }),
		no("write a file outside", func(w w) error { return open(w.outside()+"/file", unix.O_WRONLY) }),
		no("make a file outside", func(w w) error { return open(w.outside()+"/new", unix.O_WRONLY|unix.O_CREAT) }),
		no("write the target", func(w w) error { return open(w.target()+"/decoy", unix.O_WRONLY) }),
		no("make a file in the target", func(w w) error { return open(w.target()+"/new", unix.O_WRONLY|unix.O_CREAT) }),
		no("make a directory in the target", func(w w) error { return unix.Mkdir(w.target()+"/newdir", 0o755) }),
		no("remove a file of the target", func(w w) error { return unix.Unlink(w.target() + "/old") }),
		no("rename in the target", func(w w) error { return unix.Rename(w.target()+"/sub/file", w.target()+"/sub/other") }),
		no("empty a file of the target by opening", func(w w) error { return open(w.target()+"/decoy", unix.O_RDONLY|unix.O_TRUNC) }),
		no("empty a file of the target by name", func(w w) error { return unix.Truncate(w.target()+"/decoy", 0) }),
		no("read outside from old threads", func(w w) error {
			return onAll(w.old, func() error { return open(w.outside()+"/file", unix.O_RDONLY) })
		}),
		no("read outside from new threads", func(w w) error {
			return onAll(startThreads(8), func() error { return open(w.outside()+"/file", unix.O_RDONLY) })
		}),
	}
}

// onAll runs f on every thread and returns the answer, if it is the same.
func onAll(threads []chan<- func(), f func() error) error {
	answers := make(chan error)
	for _, c := range threads {
		c <- func() { answers <- f() }
	}
	first := <-answers
	for range threads[1:] {
		if next := <-answers; word(next) != word(first) {
			return errors.New(word(first) + " on one thread, " + word(next) + " on another")
		}
	}
	return first
}

// limitProbes run into the resource limits.
func limitProbes() []probe {
	second := testLimits()
	second.CPUSeconds = 1
	return []probe{
		{name: "write more than the file limit", want: "EFBIG", bare: "ok", run: func(w world) error {
			return os.WriteFile(w.scratch()+"/big", make([]byte, 2<<20), 0o600)
		}},
		{name: "open more files than the limit", want: "EMFILE", bare: "ok", run: func(w world) error {
			for range 200 {
				if _, err := unix.Open(w.target()+"/file", unix.O_RDONLY, 0); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "allocate twice the memory limit", want: "died", bare: "ok", memory: true, run: func(world) error {
			return hold(512)
		}},
		{name: "share more memory than the limit", want: "EPERM", bare: "ok", run: func(world) error {
			_, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
			return err
		}},
		{name: "use more processor time than the limit", want: "died", bare: "ok", limits: &second, run: func(world) error {
			return spin(1500)
		}},
		{name: "leave a core file", want: "EPERM", bare: "ok", mayLack: true, run: func(world) error {
			var l unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err != nil {
				return err
			}
			if l.Max == 0 {
				return unix.EPERM
			}
			return nil
		}},
	}
}

// hold allocates and keeps so many MiB, touching each page.
func hold(mib int) error {
	var kept [][]byte
	for range mib {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		kept = append(kept, b)
	}
	runtime.KeepAlive(kept)
	return nil
}

// spin uses the processor for so many milliseconds of its own time.
func spin(ms int64) error {
	for {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			return err
		}
		if u.Utime.Nano()+u.Stime.Nano() > ms*1e6 {
			return nil
		}
	}
}
