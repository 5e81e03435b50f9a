//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// What is granted, in the rights of landlock(7). Nothing is ever executed, and
// scratch gets no symbolic links, sockets, pipes or devices. "Refer" lets a
// file be renamed from one directory of scratch to another; links are refused
// by the filter.
const (
	readFile = landlock.AccessFSSet(ll.AccessFSReadFile)
	readDir  = landlock.AccessFSSet(ll.AccessFSReadFile | ll.AccessFSReadDir)
	listDir  = landlock.AccessFSSet(ll.AccessFSReadDir)
	scratch  = readDir | landlock.AccessFSSet(ll.AccessFSWriteFile|ll.AccessFSTruncate|ll.AccessFSRefer|
		ll.AccessFSMakeReg|ll.AccessFSMakeDir|ll.AccessFSRemoveFile|ll.AccessFSRemoveDir)
)

const (
	// truncateABI is the first version that stops truncating; landlock(7).
	truncateABI = 3
	// signalABI is the first version with scopes for signals; landlock(7).
	signalABI = 6
	// signalErratum is the bit of LANDLOCK_CREATE_RULESET_ERRATA that says that
	// a scoped process can signal its own threads, without which the Go runtime
	// cannot work; "Landlock errata" in the kernel's userspace API documents.
	signalErratum = 1 << 1
)

// kernelLandlockABI returns the version of Landlock that can be used here, 0
// for none.
func kernelLandlockABI() int {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return 0
	}
	if abi < signalABI {
		return abi
	}
	if errata, err := ll.LandlockGetErrata(); err != nil || errata&signalErratum == 0 {
		return signalABI - 1
	}
	return abi
}

// restrictFiles is the second layer: Landlock of the given version on every
// thread, and then a try to open something that is not granted. Where the
// version has them, TCP and UDP ports, abstract sockets and signals to others
// are refused too, besides what the filter does about them.
func restrictFiles(g grants, abi int, r *Report) error {
	if abi == 0 {
		r.miss("files: the kernel does not offer Landlock (Linux 5.13 or later, with landlock among its security modules), so that any file of this user can be read and written")
		return nil
	}
	config, abi := landlockConfig(abi)
	canary := findCanary(g)
	if err := config.Restrict(landlockRules(g, config)...); err != nil {
		return err
	}
	r.LandlockABI = abi
	if abi < truncateABI {
		r.miss("files: Landlock version " + strconv.Itoa(abi) + " cannot stop emptying files that may only be read (Linux 6.2 or later can)")
	}
	if canary == "" {
		r.miss("files: Landlock could not be checked, because there is no well-known directory that the policy does not grant")
		return nil
	}
	if err := openDir(canary); !errors.Is(err, unix.EACCES) {
		return fmt.Errorf("is in force, but %s could be opened (error %v)", canary, err)
	}
	return nil
}

// landlockConfig returns everything that the given version, or the newest one
// known if that is older, can restrict; and the version it took.
func landlockConfig(abi int) (landlock.Config, int) {
	known := []landlock.Config{
		landlock.V1, landlock.V2, landlock.V3, landlock.V4, landlock.V5, landlock.V6,
		landlock.V7, landlock.V8, landlock.V9, landlock.V10, landlock.V11,
	}
	abi = min(abi, len(known))
	return known[abi-1], abi
}

// landlockRules turns grants into rules, leaving out of the scratch directory's
// rights those that the version does not know and therefore does not restrict.
func landlockRules(g grants, config landlock.Config) []landlock.Rule {
	var rules []landlock.Rule
	if len(g.files) > 0 {
		rules = append(rules, landlock.PathAccess(readFile, g.files...))
	}
	if len(g.dirs) > 0 {
		rules = append(rules, landlock.PathAccess(readDir, g.dirs...))
	}
	if g.scratch != "" {
		rules = append(rules, landlock.PathAccess(scratch&config.HandledAccessFS, g.scratch))
	}
	if libpsx {
		rules = append(rules, landlock.PathAccess(listDir, "/proc/"+strconv.Itoa(os.Getpid())+"/task"))
	}
	return rules
}

// findCanary returns a directory that can be opened now and must not be
// afterwards, "" if there is none. The names are those of hier(7).
func findCanary(g grants) string {
	for _, dir := range []string{"/", "/proc", "/dev", "/etc", "/usr"} {
		if !g.cover(dir) && openDir(dir) == nil {
			return dir
		}
	}
	return ""
}

// openDir tries to open a directory for reading.
func openDir(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
