package external

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// dieWithParent has the kernel kill the tool when we die without a chance to.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

// groupUse counts the processes of a group and adds up their resident memory.
// Pages that they share count for each.
func groupUse(group int) (processes int, memory int64) {
	dir, err := os.Open("/proc")
	if err != nil {
		return 0, 0
	}
	defer dir.Close() // read only
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0, 0
	}
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		if g, pages := stat(name); g == group {
			processes++
			memory += pages * int64(os.Getpagesize())
		}
	}
	return processes, memory
}

// stat gives group and resident pages of a process: fields 5 and 24 of
// proc_pid_stat(5), which are the 3rd and 22nd after the name in brackets.
func stat(pid string) (group int, pages int64) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, 0
	}
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 22 {
		return 0, 0
	}
	group, err = strconv.Atoi(string(f[2]))
	if err != nil {
		return 0, 0
	}
	pages, err = strconv.ParseInt(string(f[21]), 10, 64)
	if err != nil {
		return 0, 0
	}
	return group, pages
}
