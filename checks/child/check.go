// Package child is the inside of vitalsign-check: what a check is given (a
// Tree, a Sink), and the program around it that reads a job, puts itself
// behind walls, runs one check and writes the records of the protocol.
//
// A check reports hits: a rule, a place, and the values that must not be seen.
// Everything that must be right for every check is here and only here: reading
// is accounted for, evidence is redacted, identity is computed, output is
// counted and closed with done.
package child

import (
	"context"
	"net"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Check is one analysis.
type Check interface {
	// Name is Describe().Name, without the work of describing: each child is
	// asked for one check's description only.
	Name() string
	// Describe says what the check is; the answer is the same every time.
	Describe() checks.Description
	// Run reads in.Tree and reports to out. An error fails the step; a file
	// that could not be read is a Skip, not an error. It must return soon
	// after ctx ends, and must not read the clock, the environment, or
	// anything outside in.
	Run(ctx context.Context, in Input, out *Sink) error
}

// Input is what a check may use.
type Input struct {
	Tree *Tree
	// Data maps the names of Description.Needs to files or directories.
	Data    map[string]string
	Options map[string]string
	Limits  checks.Limits
	// Leaning are parts that an earlier answer may cover (see checks.Part.Face).
	Leaning []checks.Part
	// Scratch is the only directory that may be written.
	Scratch string
	// Live is the running application, nil for a check of files, and Network
	// the only way to it.
	Live    *checks.Live
	Network Network
	// Credentials are for the application, by name.
	Credentials map[string]string
	// Now is the wall clock, for a check of a running application only: what it
	// sees depends on the time anyway.
	Now func() time.Time
}

// Network reaches the hosts that the job allows, and no others.
type Network interface {
	// Dial opens a connection to "HOST:PORT".
	Dial(ctx context.Context, address string) (net.Conn, error)
	// Listen waits for the application to call back, where the job allows it.
	Listen(ctx context.Context) (net.Listener, error)
}

// Hit is a finding as a check sees it: before redaction and identity.
type Hit struct {
	// Rule is the id of a static rule or of one given to Sink.Rule.
	Rule string
	checks.Location
	Message    string
	Confidence string // high, medium or low
	// Values are secrets within the flagged text, each cut out of everything
	// that leaves the child and keyed in the identity.
	Values []string
	// AllValues says that Values holds every secret of the flagged text, so
	// that nobody needs to look for more.
	AllValues bool
	// Anchor is what identity is computed over; empty means the flagged lines.
	Anchor string
	// Text is the flagged lines, where the check has them at hand (a commit,
	// a very large file); empty means that they are read from the tree.
	Text string
	// Hidden leaves the excerpt out: the text shows a value in a form that
	// Values does not hold (encoded).
	Hidden  bool
	Fix     string
	Package *checks.Package
	// Flow is the way of a value; what it says is redacted like the rest.
	Flow []checks.FlowStep
	// Routes, Exchanges and Replay are of a running application; what they say
	// is redacted like the rest.
	Routes    []string
	Exchanges []checks.Exchange
	Replay    string
}

// Redactor finds secrets in a piece of text. The secrets check is the one.
type Redactor interface {
	// Values returns every secret in text, a piece of the file at path.
	Values(ctx context.Context, path, text string) []string
}
