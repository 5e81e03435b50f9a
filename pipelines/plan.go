// Package pipelines turns a plan into a run: which checks on which target with
// which limits, then what each of them said. It decides what may be believed:
// a child's output counts only when it is whole, speaks for this build and
// these rules, accounts for every file that the check claims, and found the
// canary.
package pipelines

import (
	"context"
	"io"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// Plan is what shall happen to one target.
type Plan struct {
	Target    checks.Target
	Root      string // absolute directory
	Inventory *inventory.Inventory
	Steps     []PlannedStep
	// Build is what every child must say it is; ToolDigest is the SHA-256 of
	// the program, in hex.
	Build, ToolDigest string
	Key               checks.IdentityKey
	KeyThrowaway      bool
	// RequireSandbox fails a step whose child was not fully walled in.
	RequireSandbox bool
	// Cache, where there is one, keeps the answers of steps under KeptAs, which
	// names the target for that, and Slot, "" for the tree itself and another
	// word for one that is scanned beside it: that one may take over answers
	// about files that both have.
	Cache        Cache
	KeptAs, Slot string
	// Fresh says that no answer may come from what an engine has kept: who
	// signs an answer must have seen it come about.
	Fresh bool
}

// PlannedStep is one check of a plan.
type PlannedStep struct {
	Check checks.Description
	// Decided is set when the step ends before it starts: excluded, missing,
	// stale. Reason and Advice say why.
	Decided        checks.Status
	Reason, Advice string
	Options        map[string]string
	Data           []DataSet
	Limits         checks.Limits
	// Tool is set when the check is an external tool.
	Tool *checks.Tool
	// Live is the running application of a check that looks at one, Credentials
	// what it takes to be let in, and Start what brings it up before the step and
	// down after it, nil where it runs by itself.
	Live        *checks.Live
	Credentials map[string]string
	Start       Application
	// Service is an application that the engine itself runs beside the step.
	Service *checks.Service
}

// DataSet is data on disk that a step reads.
type DataSet struct {
	checks.Data
	Path string
}

// Engine runs children. Implementations must give the child nothing but the
// job, the key, the target and the data, and must not return before every
// process they started is gone.
type Engine interface {
	// Name is recorded in the run, e.g. "local".
	Name() string
	// Exec runs vitalsign-check with the job, copies its standard output to
	// out as it comes, and returns when it has ended. An error of out ends the
	// child. The error says why an answer is not to be believed, in words for
	// the user; nil only says that the child ended by itself.
	Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (Usage, error)
}

// Preparer is an Engine that has something to do once for a plan, before its
// steps. It gives the engine that they run on, and what ends it: that is called
// once, when no step runs any more. An error fails every step with its words.
type Preparer interface {
	Prepare(ctx context.Context, plan Plan) (Engine, func() error, error)
}

// Application is what is started to be looked at.
type Application interface {
	// Start brings it up and waits until it is ready. It gives the URL under which
	// it answers, "" where that is the one that was asked for, and what ends it
	// with all that it started; that is called once. say takes lines worth telling.
	Start(ctx context.Context, say func(string)) (url string, stop func() error, err error)
}

// Usage is what a child took, and where.
type Usage struct {
	CPU       time.Duration
	PeakBytes int64
	// Cached says that the engine had the answer from an earlier run.
	Cached bool
	// Where names the engine, where there are several.
	Where string
	// Image is the digest of an external tool's image, if it ran in one.
	Image string
}

// EventKind says what an event is about.
type EventKind string

// The kinds of event, in the order in which a run sends them. The first and
// the last are sent by whoever runs plans: only they know of a run before it
// begins, and judge it.
const (
	RunQueued    EventKind = "queued"
	StepPlanned  EventKind = "planned"
	StepStarted  EventKind = "started"
	StepProgress EventKind = "progress"
	StepEnded    EventKind = "ended"
	RunEnded     EventKind = "run-ended"
	// News is a line worth telling, about no step.
	News EventKind = "news"
)

// Event is one thing that happened to a step or a run. A run is the fold of its
// events.
type Event struct {
	Kind        EventKind
	At          time.Time
	Target      string // "" where there is one only
	Check       string
	Done, Total int          // of a progress
	Step        *checks.Step // of an end
	Run         *checks.Run  // of a run's end, judged
	Text        string       // of news
}
