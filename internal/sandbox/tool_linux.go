//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// What a tool is granted, in the rights of landlock(7): no devices.
const (
	toolRead  = readDir | landlock.AccessFSSet(ll.AccessFSExecute)
	toolWrite = scratch | landlock.AccessFSSet(ll.AccessFSExecute|ll.AccessFSMakeSym|ll.AccessFSMakeFifo|ll.AccessFSMakeSock)
	toolNull  = landlock.AccessFSSet(ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSTruncate)
)

// unixABI is the first version that refuses to connect to sockets by their
// path, where it is not granted; landlock(7).
const unixABI = 9

// applyToolHere is ApplyTool with what this kernel offers.
func applyToolHere(p ToolPolicy) (Report, error) {
	return applyTool(p, kernel{landlockABI: kernelLandlockABI(), installFilter: installFilter})
}

// applyTool is ApplyTool with the kernel given.
func applyTool(p ToolPolicy, k kernel) (Report, error) {
	runtime.LockOSThread() // as in apply
	defer runtime.UnlockOSThread()
	if filtered() {
		return Report{}, errors.New("sandbox: is already in force, and cannot be applied again")
	}
	dirs, err := writableDirs(p.Writable)
	if err != nil {
		return Report{}, fmt.Errorf("sandbox: %w", err)
	}
	var r Report
	for _, layer := range []struct {
		name  string
		apply func(*Report) error
	}{
		{"limits", func(r *Report) error { return limit(p.Limits, r) }},
		{"files (Landlock)", func(r *Report) error { return restrictToolFiles(dirs, p.Network, k.landlockABI, r) }},
		{"capabilities", dropCapabilities},
		{"no_new_privs", forbidPrivileges},
		{"system calls (seccomp)", func(r *Report) error { return restrictToolCalls(p.Network, k.installFilter, r) }},
	} {
		if err := layer.apply(&r); err != nil {
			return Report{}, fmt.Errorf("sandbox: %s: %w", layer.name, err)
		}
	}
	r.judge()
	return r, nil
}

// writableDirs looks the directories up, and refuses one that is none.
func writableDirs(names []string) ([]string, error) {
	var dirs []string
	for _, name := range names {
		path, info, err := lookUp(name)
		if err != nil {
			return nil, fmt.Errorf("writable directory %q: %w", name, err)
		}
		if !info.IsDir() || path == "/" {
			return nil, fmt.Errorf("writable %q is not a directory, or is all of them", name)
		}
		dirs = append(dirs, path)
	}
	return dirs, nil
}

// restrictToolFiles is the second layer: Landlock on every thread, and then a
// try to make a file where none may be made.
func restrictToolFiles(dirs []string, network bool, abi int, r *Report) error {
	if abi == 0 {
		r.miss("files: the kernel does not offer Landlock (Linux 5.13 or later, with landlock among its security modules), so that the tool can write any file of this user")
		return nil
	}
	config, abi := landlockConfig(abi)
	if network {
		config.HandledAccessNet = 0
	}
	rules := []landlock.Rule{landlock.PathAccess(toolRead&config.HandledAccessFS, "/")}
	for _, d := range dirs {
		rules = append(rules, landlock.PathAccess(toolWrite&config.HandledAccessFS, d))
	}
	rules = append(rules, landlock.PathAccess(toolNull&config.HandledAccessFS, "/dev/null").IgnoreIfMissing(),
		landlock.PathAccess(toolWrite&config.HandledAccessFS, "/dev/shm").IgnoreIfMissing())
	outside, err := canaryBeside(dirs)
	if err != nil {
		return err
	}
	if err := config.Restrict(rules...); err != nil {
		return err
	}
	r.LandlockABI = abi
	if abi < truncateABI {
		r.miss("files: Landlock version " + strconv.Itoa(abi) + " cannot stop emptying files that may only be read (Linux 6.2 or later can)")
	}
	if network && abi < unixABI {
		r.miss("sockets: Landlock version " + strconv.Itoa(abi) + " cannot stop a tool with network from reaching local services by their sockets (version " + strconv.Itoa(unixABI) + " can)")
	}
	if outside == "" {
		r.miss("files: Landlock could not be checked, because there is no directory beside the writable ones that can be written now")
		return nil
	}
	if err := unix.Mkdir(outside, 0o700); !errors.Is(err, unix.EACCES) {
		return fmt.Errorf("is in force, but %s could be made (error %v)", outside, err)
	}
	return nil
}

// canaryBeside returns a name that could be made now, in the directory that
// holds the first writable one, and must not be afterwards; "" if there is none.
func canaryBeside(dirs []string) (string, error) {
	if len(dirs) == 0 {
		return "", nil
	}
	name, err := os.MkdirTemp(filepath.Dir(dirs[0]), "wall-")
	if err != nil {
		return "", nil // not writable before either: it would show nothing
	}
	return name, os.Remove(name)
}
