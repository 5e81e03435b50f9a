package sandbox

// A ToolPolicy is what another program, one that this one becomes by execve(2),
// may still reach after [ApplyTool].
type ToolPolicy struct {
	// Writable are the directories that may be written, with all below. Every
	// other file can be read and executed as far as its mode lets this user.
	Writable []string `json:"writable"`

	// Network lets the program open connections.
	Network bool `json:"network,omitempty"`

	// Limits as in Policy. MemoryBytes is for each process by itself.
	Limits Limits `json:"limits"`
}

// ApplyTool puts weaker walls than [Apply] around the calling process, for an
// external program that must be executed, must read its own libraries and may
// start others. What it starts is inside too. The layers are the same and in
// the same order, and differ in this:
//
//   - everything can be read and executed; only the directories of the policy,
//     /dev/null and /dev/shm (semaphores of a language's runtime) are written;
//   - without Network there are socket pairs, but no connection, no address and
//     no socket of a family other than AF_UNIX;
//   - changes of mode, owner and times are answered with success and not made,
//     because Landlock does not see them and programs do not live without;
//   - a new process group or session is refused, so that killing the group ends
//     all that was started.
//
// A [Report] that says KindFull means these layers, not those of Apply. The
// caller should become the program at once.
func ApplyTool(p ToolPolicy) (Report, error) {
	r, err := applyToolHere(p)
	if err != nil {
		return Report{Kind: KindNone, Missing: []string{"the sandbox failed: " + err.Error()}}, err
	}
	return r, nil
}
