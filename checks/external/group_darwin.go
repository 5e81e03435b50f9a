package external

import "syscall"

// dieWithParent: macOS has no such thing.
func dieWithParent(*syscall.SysProcAttr) {}
