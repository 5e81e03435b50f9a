//go:build unix

package supervise

import "syscall"

func become(program string, args, environ []string) error {
	return syscall.Exec(program, args, environ)
}
