//go:build unix

package inventory

import "golang.org/x/sys/unix"

const nonBlock = unix.O_NONBLOCK
