package sandbox

// Offline takes the network away from the calling process and from all that it
// becomes and starts: no socket of a family other than AF_UNIX can be made, no
// set-user-ID program gains rights, and a program of a foreign architecture is
// ended. Everything else stays as it was, so that a compiler works. It is for
// builds in containers whose engine has no switch for it. An error means that
// the network may still be reached; the caller must not go on.
func Offline() error { return offlineHere() }
