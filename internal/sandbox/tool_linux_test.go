//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A toolProbe is a probe, its word behind a tool's walls without network, and
// with it where that differs.
type toolProbe struct{ name, want, online string }

// toolTable says what each probe answers behind a tool's walls. The probes are
// those of Apply and the few of extraToolProbes.
func toolTable() []toolProbe {
	return []toolProbe{
		{"execve a script outside", "ok", ""},
		{"execve a script in scratch", "ok", ""},
		{"execve a script in a shell in a shell", "ok", ""},
		{"fork", "ok", ""},
		{"read a file outside", "ok", ""},
		{"read /etc/passwd", "ok", ""},
		{"write scratch", "ok", ""},
		{"write /dev/null", "ok", ""},
		{"symlink in scratch", "ok", "-"}, // there from the first time
		{"read and write a pipe", "ok", ""},
		{"make a pair of sockets", "ok", ""},
		{"watch a directory", "ok", ""},
		{"fchmod in scratch", "ok", ""},
		{"write a file outside", "EACCES", ""},
		{"make a file outside", "EACCES", ""},
		{"write a file outside through a link in scratch", "EACCES", ""},
		{"write a file outside by a shell", "EACCES", ""},
		{"write the target", "EACCES", ""},
		{"remove a file of the target", "EACCES", ""},
		{"empty a file of the target by name", "EACCES", ""},
		{"chmod that changes nothing", "ok", ""},
		{"read the environment of another process", "EACCES", ""},
		{"make a socket AF_INET", "EAFNOSUPPORT", "ok"},
		{"make a socket AF_INET6", "EAFNOSUPPORT", "ok"},
		{"make a socket AF_NETLINK", "EAFNOSUPPORT", "ok"},
		{"make a socket AF_UNIX", "ok", ""},
		{"connect to a socket", "EPERM", "-"}, // online: as the kernel's Landlock can
		{"leave the process group", "EPERM", ""},
		{"make a process group", "EPERM", ""},
		{"signal another process", "EPERM", ""},
		{"trace another process", "EPERM", ""},
		{"mount", "EPERM", ""},
		{"unshare nothing", "EPERM", ""},
		{"setns", "EPERM", ""},
		{"clone with a namespace", "EPERM", ""},
		{"bpf", "EPERM", ""},
		{"keyctl", "EPERM", ""},
		{"io_uring_setup", "ENOSYS", ""},
		{"clone3", "ENOSYS", ""},
		{"have capabilities", "EPERM", ""},
		{"have capabilities after execve", "EPERM", ""},
		{"write more than the file limit", "EFBIG", ""},
	}
}

// extraToolProbes are about what only a tool may do, and what it may not.
func extraToolProbes() []probe {
	type w = world
	return []probe{
		{name: "execve a script in a shell in a shell", run: func(w w) error { return shell("/bin/sh -c 'exec " + w.outside() + "/tool'") }},
		{name: "write /dev/null", run: func(w) error { return open("/dev/null", unix.O_WRONLY) }},
		{name: "write a file outside through a link in scratch", run: func(w w) error {
			_ = os.Symlink(w.outside()+"/decoy", w.scratch()+"/out") // there from another run
			return open(w.scratch()+"/out", unix.O_WRONLY)
		}},
		{name: "write a file outside by a shell", run: func(w w) error {
			return shell("(echo x >>" + w.outside() + "/decoy) 2>/dev/null && echo ok || echo EACCES")
		}},
		{name: "chmod that changes nothing", run: chmodChangesNothing},
		{name: "read the environment of another process", run: func(w w) error {
			return open("/proc/"+strconv.Itoa(w.Other)+"/environ", unix.O_RDONLY)
		}},
		{name: "make a process group", run: func(w) error { return unix.Setpgid(0, 0) }},
		{name: "have capabilities after execve", run: func(w) error {
			return shell("grep -q '^CapEff:.*[1-9a-f]' /proc/self/status && echo ok || echo EPERM")
		}},
	}
}

// shell becomes a shell whose output is the word.
func shell(script string) error {
	return unix.Exec("/bin/sh", []string{"sh", "-c", script}, []string{"PATH=/bin:/usr/bin"})
}

// chmodChangesNothing: it is answered with success, and nothing has changed.
func chmodChangesNothing(w world) error {
	name := w.outside() + "/old"
	if err := os.Chmod(name, 0o600); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err == nil && info.Mode().Perm() == 0o600 {
		err = errors.New("the mode was changed")
	}
	return err
}

func TestToolProbes(t *testing.T) {
	if kernelLandlockABI() < signalABI {
		t.Skipf("this kernel's Landlock version is %d: signals are not scoped", kernelLandlockABI())
	}
	for name, user := range users() {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, user)
			for _, p := range toolTable() {
				t.Run(p.name, func(t *testing.T) { tryToolProbe(t, s, p) })
			}
		})
	}
}

func tryToolProbe(t *testing.T, s stage, p toolProbe) {
	if _, known := findProbe(p.name); !known {
		t.Fatal("there is no such probe")
	}
	if got, _ := s.do(t, job{Mode: "tool", Probe: p.name, ABI: -1}); got != p.want {
		t.Errorf("without network: %q, want %q", got, p.want)
	}
	if p.online == "-" {
		return
	}
	want := p.want
	if p.online != "" {
		want = p.online
	}
	if got, _ := s.do(t, job{Mode: "tool online", Probe: p.name, ABI: -1}); got != want {
		t.Errorf("with network: %q, want %q", got, want)
	}
}

// A bare run shows that what is refused would work, so that the walls refuse it.
func TestToolProbesWithoutWalls(t *testing.T) {
	s := newStage(t, nil)
	for _, name := range []string{
		"write a file outside through a link in scratch", "write a file outside by a shell",
		"read the environment of another process", "make a socket AF_INET", "connect to a socket",
	} {
		if got, _ := s.do(t, job{Mode: "bare", Probe: name}); got != "ok" {
			t.Errorf("%s: %q without walls: the probe shows nothing", name, got)
		}
	}
}

func TestToolReport(t *testing.T) {
	s := newStage(t, nil)
	if abi := kernelLandlockABI(); abi < truncateABI {
		t.Skipf("this kernel's Landlock version is %d: the walls cannot be full", abi)
	}
	if r := s.report(t, job{Mode: "tool report", ABI: -1}); r.Kind != KindFull {
		t.Errorf("%+v", r)
	}
	r := s.report(t, job{Mode: "tool report", ABI: 0, NoSeccomp: true})
	if r.Kind != KindNone || !slices.ContainsFunc(r.Missing, func(m string) bool { return strings.Contains(m, "write any file") }) {
		t.Errorf("%+v", r)
	}
}

func TestToolPolicyRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	for _, name := range []string{"", "/", file, file + "-none"} {
		if _, err := writableDirs([]string{name}); err == nil {
			t.Errorf("writable %q was taken", name)
		}
	}
}

// The lists of a tool's filter follow those of Apply, so that a call added
// there is refused here too.
func TestToolRefusedIsMost(t *testing.T) {
	got := toolRefused()
	for _, c := range []uint32{unix.SYS_PTRACE, unix.SYS_BPF, unix.SYS_MOUNT, unix.SYS_SETSID, unix.SYS_KEXEC_LOAD, unix.SYS_PERF_EVENT_OPEN, unix.SYS_SETXATTR} {
		if !slices.Contains(got, c) {
			t.Errorf("call %d is not refused", c)
		}
	}
	if len(got) < 90 {
		t.Errorf("only %d calls are refused", len(got))
	}
	for _, network := range []bool{false, true} {
		if prog, err := toolFilter(network); err != nil || len(prog) > 4096 {
			t.Errorf("%d instructions, %v", len(prog), err)
		}
	}
}
