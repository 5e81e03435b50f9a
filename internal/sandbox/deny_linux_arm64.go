package sandbox

import "golang.org/x/sys/unix"

const (
	// auditArch is the only architecture whose calls are let in; 32-bit calls
	// come with another one.
	auditArch = unix.AUDIT_ARCH_AARCH64

	// foreignCalls is past any number: this architecture has one table.
	foreignCalls = 0xFFFFFFFF
)

// refusedHere is empty: this architecture never had the older forms.
func refusedHere() []uint32 { return nil }
