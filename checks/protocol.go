package checks

import (
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// Protocol is the number of the job protocol; both programs must have the same.
// Every change of what may be said makes another one: a parent refuses records
// that it does not know.
const Protocol = 6

// IdentityKeyEnv is the environment variable in which a child gets the
// identity key (its text form). It is the only secret a child ever holds, and
// kept out of the job because engines cache and log jobs.
const IdentityKeyEnv = "VITALSIGN_IDENTITY_KEY"

// Limits bound one step. Zero means the default of DefaultLimits.
type Limits struct {
	// WallMS is enforced by the parent, in milliseconds.
	WallMS int64 `json:"wall_ms"`
	// MemoryBytes is enforced by both.
	MemoryBytes int64 `json:"memory_bytes"`
	CPUSeconds  int64 `json:"cpu_seconds"`
	// FileBytes is the largest file a check may be asked to hold in memory.
	FileBytes int64 `json:"file_bytes"`
	// ScratchBytes is the largest file a child may write.
	ScratchBytes int64 `json:"scratch_bytes"`
	// OutputBytes is the most a child may say.
	OutputBytes int64 `json:"output_bytes"`
	// Findings is how many findings a step may have before it is cut (and partial).
	Findings int `json:"findings"`
	// Components is the same for components.
	Components int `json:"components"`
	// Procs is how many processors the child should use.
	Procs int `json:"procs"`
}

// streamFactor: a file that is streamed and not held may be this many times
// larger than what a check may hold in memory.
const streamFactor = 5

// StreamBytes is the largest file that a check may be asked to stream.
func (l Limits) StreamBytes() int64 { return l.FileBytes * streamFactor }

// DefaultLimits are sane for a repository of a hundred thousand files on two
// processors, and keep every child within half a gigabyte.
func DefaultLimits() Limits {
	return Limits{
		WallMS:       10 * 60 * 1000,
		MemoryBytes:  500 << 20,
		CPUSeconds:   20 * 60,
		FileBytes:    20 << 20,
		ScratchBytes: 256 << 20,
		OutputBytes:  512 << 20,
		Findings:     50000,
		Components:   100000,
		Procs:        2,
	}
}

// Job is what a child reads on standard input: one JSON document.
type Job struct {
	Protocol int    `json:"protocol"`
	Check    string `json:"check"`
	// Root is the directory of the target; Scratch the one that may be written.
	Root    string            `json:"root"`
	Scratch string            `json:"scratch"`
	Data    map[string]string `json:"data,omitempty"` // name to file or directory
	Options map[string]string `json:"options,omitempty"`
	Limits  Limits            `json:"limits"`
	// Attempt makes a retry a different job.
	Attempt int `json:"attempt,omitempty"`
	// Sandbox is false only where an engine brings its own walls.
	Sandbox bool `json:"sandbox"`
	// CanaryDir is a directory name that does not exist in the target.
	CanaryDir string           `json:"canary_dir"`
	Inventory []inventory.File `json:"inventory"`
	// Settled are claimed files that an earlier answer covers: they may be read
	// to understand others, and need no account.
	Settled []string `json:"settled,omitempty"`
	// Leaning are parts of which an earlier answer holds if their faces are what
	// they were (see Part.Face); if not, their files are asked about like any.
	Leaning []Part `json:"leaning,omitempty"`
	// KeyID is the id of the identity key, so that an answer that was computed
	// under another key is a different job to an engine that keeps answers.
	KeyID string `json:"key_id"`
	// ByDigest says that Root holds each file under its SHA-256 (see
	// internal/inventory.DigestPath) and not under its name.
	ByDigest bool `json:"by_digest,omitempty"`
	// Tool is set when the check is an external tool, and ToolRun once that has
	// run and its report is among the data.
	Tool    *Tool    `json:"tool,omitempty"`
	ToolRun *ToolRun `json:"tool_run,omitempty"`
	// Live is set when the check looks at a running application; Credentials
	// are for it, by name. They never leave this process in a job's text.
	Live        *Live             `json:"live,omitempty"`
	Credentials map[string]string `json:"-"`
	// Service runs beside the check, for an engine that can do that.
	Service *Service `json:"-"`
}

// RecordType says what a line of the child's output is.
type RecordType string

// The record types, in the order in which they may appear. Hello is first,
// Done or Failure last; nothing may follow.
const (
	RecordHello     RecordType = "hello"
	RecordProgress  RecordType = "progress"
	RecordComponent RecordType = "component"
	RecordRule      RecordType = "rule"
	RecordFinding   RecordType = "finding"
	RecordRoutes    RecordType = "routes"
	RecordPart      RecordType = "part"
	RecordCoverage  RecordType = "coverage"
	RecordDone      RecordType = "done"
	RecordFailure   RecordType = "failure"
)

// Record is one line of a child's output. Exactly the part that Type names is set.
type Record struct {
	Type     RecordType `json:"type"`
	Hello    *Hello     `json:"hello,omitempty"`
	Progress *Progress  `json:"progress,omitempty"`
	// Component records come in the order of CompareComponents, each once.
	Component *Component `json:"component,omitempty"`
	Rule      *Rule      `json:"rule,omitempty"`
	Finding   *Finding   `json:"finding,omitempty"`
	Routes    *RouteSpan `json:"routes,omitempty"`
	// Part records say what an answer hangs on (Description.Grain is GrainPart).
	Part     *Part           `json:"part,omitempty"`
	Coverage *CoverageRecord `json:"coverage,omitempty"`
	Done     *Done           `json:"done,omitempty"`
	Failure  *Failure        `json:"failure,omitempty"`
}

// Hello says who speaks, and behind which walls.
type Hello struct {
	Protocol    int            `json:"protocol"`
	Check       string         `json:"check"`
	Version     string         `json:"version"`
	Build       string         `json:"build"`
	RulesDigest string         `json:"rules_digest"`
	Sandbox     sandbox.Report `json:"sandbox"`
	// Tool is the program that ran before, of an external tool.
	Tool *ToolRun `json:"tool,omitempty"`
}

// Progress counts files.
type Progress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// ReadFile is one file that a check was given whole: the digest is over the
// bytes it got, so that it can be held against the inventory.
type ReadFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// CoverageRecord carries a part of the coverage.
type CoverageRecord struct {
	Read    []ReadFile `json:"read,omitempty"`
	Skipped []Skip     `json:"skipped,omitempty"`
	Unread  []Unread   `json:"unread,omitempty"`
	// Missing names data that was not there for a part of the target (an
	// ecosystem without advisories).
	Missing []MissingData `json:"missing,omitempty"`
}

// MissingData is a part of the target that could not be judged for want of data.
type MissingData struct {
	What    string `json:"what"`
	Count   int    `json:"count"`
	Command string `json:"command"`
}

// Done closes a child's output. Digest is the SHA-256 (hex) of all bytes
// written before this line.
type Done struct {
	Findings   int `json:"findings"`
	Components int `json:"components,omitempty"`
	Read       int `json:"read"`
	Skipped    int `json:"skipped"`
	// Truncated says that findings were cut at the limit.
	Truncated bool `json:"truncated,omitempty"`
	// TruncatedComponents says the same of components.
	TruncatedComponents bool   `json:"truncated_components,omitempty"`
	Digest              string `json:"digest"`
}

// Failure closes the output of a child that knows why it cannot answer.
type Failure struct {
	Reason string `json:"reason"`
	Advice string `json:"advice,omitempty"`
}

// DescribeDocument is the answer of vitalsign-check --describe.
type DescribeDocument struct {
	Protocol int           `json:"protocol"`
	Build    string        `json:"build"`
	Checks   []Description `json:"checks"`
	// Presets are the external tools that a configuration may name by name only.
	Presets []Tool `json:"presets,omitempty"`
}

// Ended is what a supervisor writes beside a child's records: how the child
// ended, in words for the user ("" when it ended by itself), and what it took.
type Ended struct {
	Reason    string `json:"reason,omitempty"`
	CPUMS     int64  `json:"cpu_ms"`
	PeakBytes int64  `json:"peak_bytes"`
	// Nonce is what the parent gave it for this one call: another one says that
	// the answer was kept from an earlier call.
	Nonce string `json:"nonce,omitempty"`
}
