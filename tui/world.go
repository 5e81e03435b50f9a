package tui

import (
	"context"
	"os/exec"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/search"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// World is what the dashboard reads and asks for. Every method is called from
// commands, beside the loop that draws: it may take its time, and must end when
// its context does. Errors are shown as they are, so they say what to do.
type World struct {
	Fleet    Fleet
	Findings Findings
	Scans    Scans
	Evidence Evidence
	Waivers  Waivers
	Desk     Desk
}

// Fleet gives the repositories.
type Fleet interface {
	// Repositories are those that are watched and those that have runs.
	Repositories(ctx context.Context) ([]Repository, error)
	// Attest verifies again what is known about the newest commits of these
	// targets, and keeps the answers for Repositories.
	Attest(ctx context.Context, targets []string) error
}

// Repository is one row of the fleet.
type Repository struct {
	// Target is the path that its runs are kept under; Name is for people.
	Target, Name   string
	Branch, Commit string
	Dirty          bool
	Watched        bool
	// Run is the id of the newest run, "" when there is none: then nothing
	// below says anything.
	Run     string
	Ended   time.Time
	Verdict checks.Verdict
	// Open and New count findings by checks.Severity. NewKnown says that there
	// was something to compare with.
	Open, New       [checks.Critical + 1]int
	NewKnown        bool
	Waived, Ignored int
	Findings        int // all of them
	// Trend is how many were open in the last runs, oldest first.
	Trend []int
	// Unwell are the steps that are not complete, with their reasons.
	Unwell []string
	// Controls are the ids of controls that a finding speaks about.
	Controls []string
	Attested Attested
}

// AttestState says what is known about the evidence of a commit.
type AttestState string

// The states. The zero value is that nobody has looked.
const (
	AttestUnchecked AttestState = ""
	AttestVerified  AttestState = "verified"
	AttestUnsigned  AttestState = "unsigned"
	AttestStale     AttestState = "stale"
	AttestBroken    AttestState = "broken"
)

// Attested is what a verification said, and when.
type Attested struct {
	State  AttestState
	Reason string
	Commit string
	At     time.Time
}

// Findings gives the findings of kept runs.
type Findings interface {
	// Index holds the newest run of each of these targets, or of all.
	Index(ctx context.Context, targets []string) (*search.Index, error)
	// Detail is all about one finding of a run.
	Detail(ctx context.Context, run string, ordinal int) (Detail, error)
	// Export writes the findings of an index to a file, whose ending says how:
	// .md or .json. It gives the whole path.
	Export(ctx context.Context, x *search.Index, ids []uint32, filter, file string) (string, error)
}

// Detail is all about one finding.
type Detail struct {
	Finding checks.Finding
	Target  checks.Target
	Run     string
	Ended   time.Time
	Source  Source
	// History is what earlier runs of the target said, newest first.
	History []Seen
}

// Source is the text around a finding.
type Source struct {
	// From says where it was read: "commit 3fa9c1d", "work tree". "" is the
	// excerpt that the run kept, and Why says why there is no more.
	From, Why string
	// First is the number of the first line.
	First int
	Lines []string
	// Withheld are lines (numbers) that are not shown, because they hold a
	// value that nobody should see.
	Withheld []int
}

// Seen is one run's word about a finding.
type Seen struct {
	Run    string
	Ended  time.Time
	Commit string
	There  bool
}

// Scans starts and ends scans.
type Scans interface {
	// Start queues scans of these targets and returns at once.
	Start(ctx context.Context, targets []string) error
	// Cancel ends one step of a target's scan, all of it (check ""), or all
	// scans (both "").
	Cancel(target, check string)
	// Events gives what happened since the last call; it waits until something
	// has, or ctx ends (then there is nothing).
	Events(ctx context.Context) []pipelines.Event
}

// Evidence answers what may ship, and why.
type Evidence interface {
	// Subjects are what could be asked about: commits of kept runs, artifacts
	// and releases that the evidence at hand names. Nothing about them has been
	// verified.
	Subjects(ctx context.Context, target string) ([]Subject, error)
	// Verify walks the chain of each artifact now.
	Verify(ctx context.Context, s Subject) (report.Decision, error)
	// Raw is a statement as it was signed, by its id.
	Raw(ctx context.Context, s Subject, statement string) (string, error)
}

// Subject is something that evidence may be about.
type Subject struct {
	Target string // the repository, "" where none is known
	Kind   string // commit, artifact, release
	Name   string
	Detail string
	// Ask is how vitalsign verify names it.
	Ask []string
}

// Waivers lists and makes risk acceptances.
type Waivers interface {
	Waivers(ctx context.Context, targets []string) ([]Waiver, error)
	// Waive writes one waiver for each finding and says what came of it.
	Waive(ctx context.Context, w Waive) (string, error)
}

// Waiver is a risk acceptance in a repository.
type Waiver struct {
	Target, Repository string
	File               string
	checks.Waiver
	Severity string
	Why      string // the reason that its author gave
	Ticket   string
	Created  string
	Path     string
	// Approvals are what the policy wants, in words.
	Approvals string
}

// Waive is what somebody says who accepts findings.
type Waive struct {
	Findings              []search.Row
	Until, Reason, Ticket string
	// Key signs, with its passphrase; "" leaves it to the environment.
	Key        string
	Passphrase []byte
}

// Desk is what stands around the terminal.
type Desk interface {
	// Copy puts text on the clipboard of the terminal.
	Copy(text string) error
	// Editor is the command that opens a file of a target at a line, in the
	// user's own editor.
	Editor(target, path string, line int) (*exec.Cmd, error)
}
