// Package sandbox locks the calling process in before it reads a file that
// nobody vouches for. It is used by the program that runs checks, on itself,
// in one stage: there is no second program and no re-execution, so what the
// process opened and decoded before [Apply] stays usable after it.
//
// Five layers are laid over each other on Linux (amd64 and arm64), in this
// order, each on every thread:
//
//  1. resource limits: memory, processor time, file size, open files, no core;
//  2. Landlock: the paths of the [Policy] can be read, one directory can be
//     written, nothing can be executed, all else cannot be opened;
//  3. no capabilities, in any set;
//  4. no_new_privs, so that none can be won back;
//  5. a seccomp filter that refuses what the other layers do not see: sockets,
//     programs, signals to others, changes of mode, owner and attributes, and
//     the kernel's rarer doors.
//
// On any other system Apply sets what limits it can and says "none".
//
// An external program cannot live behind these: [ApplyTool] has weaker ones for
// a process that then becomes it.
//
// A layer that the kernel does not offer is not an error: it is named in
// [Report.Missing], and the caller decides whether that is good enough. A
// layer that claims to be in force and is not is an error, and so is one that
// stopped half way; after an error the process must end.
//
// What is not stopped: learning that a path exists (stat), filling the scratch
// directory with many files that each obey the limit, and using the processor
// up to the limit. A process run as root keeps the user id 0 but no power over
// other users' files: a private file of theirs cannot be read.
package sandbox

// What [Report.Kind] may be.
const (
	KindFull    = "full"    // every layer is in force and was checked
	KindPartial = "partial" // something is in Report.Missing
	KindNone    = "none"    // neither files nor system calls are restricted
)

// Limits are the resource limits set with setrlimit(2). Zero means: leave as
// it is. The soft and the hard limit are both set, and a lower hard limit that
// is already there stays. The core file limit is always 0.
type Limits struct {
	MemoryBytes uint64 // RLIMIT_DATA: private writable memory, in bytes; beyond it the Go runtime ends the process. With cgo the stack of each thread counts, often 8 MiB
	CPUSeconds  uint64 // RLIMIT_CPU: processor time of all threads since the process began, in seconds; beyond it SIGKILL
	FileBytes   uint64 // RLIMIT_FSIZE: size of any file written, in bytes; beyond it EFBIG
	OpenFiles   uint64 // RLIMIT_NOFILE: descriptors at once; beyond it EMFILE
}

// Policy is what the process may still reach after [Apply].
type Policy struct {
	// ReadOnly are files or directories (with all below) that may be read and
	// never executed. Symbolic links in these names themselves are followed
	// once, by Apply; one found inside leads nowhere else.
	ReadOnly []string

	// Scratch is the one directory that may be written, "" for none. It may
	// lie inside a ReadOnly directory, never the other way round.
	Scratch string

	Limits Limits
}

// Report says what is in force, to be recorded in the run. Its zero value
// claims nothing.
type Report struct {
	// Kind is KindFull, KindPartial or KindNone: full only when every layer is
	// in force and was checked.
	Kind string `json:"kind"`

	// LandlockABI is the version of Landlock's interface in use, which is the
	// kernel's or the newest one that this program knows; 0 when absent.
	LandlockABI int `json:"landlock_abi"`

	Seccomp        bool `json:"seccomp"`
	NoNewPrivs     bool `json:"no_new_privs"`
	NoCapabilities bool `json:"no_capabilities"`

	// Rlimits is true when every limit that the policy asks for is in force.
	Rlimits bool `json:"rlimits"`

	// Missing names each layer that is not in force, and why, in words for the
	// person who reads the run.
	Missing []string `json:"missing,omitempty"`
}

// Apply sandboxes every thread of the calling process, for good: there is no
// way back, and threads started later are inside. It takes about 2 ms, and as
// root up to 10 ms, since each capability is dropped on each thread by itself.
//
// It returns an error when the sandbox is already in force, when the policy
// names a path that is not there or would make a read-only path writable
// (nothing has been changed in these cases), when a layer was only half
// applied, or when a self-check shows that a layer which claims to be in force
// is not. After an error the process must not go on to read
// anything hostile. A layer that the kernel does not offer is no error: it is
// named in Report.Missing.
func Apply(p Policy) (Report, error) {
	r, err := applyHere(p)
	if err != nil {
		return Report{Kind: KindNone, Missing: []string{"the sandbox failed: " + err.Error()}}, err
	}
	return r, nil
}

// miss records that a layer is not in force, and why.
func (r *Report) miss(why string) {
	r.Missing = append(r.Missing, why)
}

// judge sets Kind from the layers. It trusts a layer only by its own flag, so
// that a layer somebody forgets to run cannot count.
func (r *Report) judge() {
	every := r.LandlockABI > 0 && r.Seccomp && r.NoNewPrivs && r.NoCapabilities && r.Rlimits
	switch {
	case every && len(r.Missing) == 0:
		r.Kind = KindFull
	case r.LandlockABI == 0 && !r.Seccomp:
		r.Kind = KindNone
	default:
		r.Kind = KindPartial
	}
}
