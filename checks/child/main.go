package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// Program is vitalsign-check without its surroundings.
type Program struct {
	Checks []Check
	// External makes the check that reads an external tool's report; nil means
	// that there are none.
	External func(checks.Tool) Check
	// Presets are the external tools that are known by name.
	Presets []checks.Tool
	// Redactor serves every check.
	Redactor Redactor
	// Build names the build; parent and child must have the same.
	Build string
	// Key is the text of the identity key, Credentials the JSON of those of a
	// running application, both from the environment.
	Key, Credentials string
	// Pipe opens what leads to the gate through which a running application is
	// reached.
	Pipe func() (io.ReadWriteCloser, error)
	// Now is the wall clock (Input.Now).
	Now func() time.Time
}

// maxJob bounds the job document: an inventory of two million long paths.
const maxJob = 1 << 30

// Describe writes the DescribeDocument.
func (p Program) Describe(out io.Writer) error {
	doc := checks.DescribeDocument{Protocol: checks.Protocol, Build: p.Build, Presets: p.Presets}
	for _, c := range p.Checks {
		doc.Checks = append(doc.Checks, c.Describe())
	}
	return json.NewEncoder(out).Encode(doc)
}

// Run reads the job of the named check from in and writes records to out. An
// error means that the output was not closed with done, which the parent sees
// by itself; its text is for standard error.
func (p Program) Run(ctx context.Context, name string, in io.Reader, out io.Writer) error {
	var job checks.Job
	if err := json.NewDecoder(io.LimitReader(in, maxJob)).Decode(&job); err != nil {
		return fmt.Errorf("the job on standard input is not readable: %w", err)
	}
	c, err := p.find(name, job.Tool)
	if err != nil {
		return err
	}
	key, err := p.validate(job, name)
	if err != nil {
		return err
	}
	d := c.Describe()
	live, err := p.live(job)
	if err != nil {
		return err
	}
	walls, err := wall(job)
	if err != nil {
		return err
	}
	w := &writer{out: newLineWriter(out), open: true}
	err = w.record(checks.Record{Type: checks.RecordHello, Hello: &checks.Hello{
		Protocol: checks.Protocol, Check: name, Version: d.Version, Build: p.Build, RulesDigest: d.RulesDigest, Sandbox: walls, Tool: job.ToolRun,
	}})
	if err != nil {
		return err
	}
	tree, err := NewTree(job, d)
	if err != nil {
		return fail(w, fmt.Errorf("the target could not be opened: %w", err))
	}
	sink := &Sink{
		ctx: ctx, w: w, tree: tree, key: key, redact: p.Redactor, check: name, limit: job.Limits.Findings,
		componentLimit: job.Limits.Components,
		rules:          map[string]checks.Rule{}, foreign: job.Tool != nil, never: secrets(live),
	}
	for _, r := range d.Rules {
		sink.rules[r.ID] = r
	}
	reportProgress(tree, sink)
	input := Input{Tree: tree, Data: job.Data, Options: job.Options, Limits: job.Limits, Leaning: job.Leaning, Scratch: job.Scratch,
		Live: live.Live, Network: live.Network, Credentials: live.Credentials, Now: live.Now}
	if err := guarded(ctx, c, input, sink); err != nil {
		return fail(w, errors.New(redactAll(err.Error(), slices.Concat(sink.never, p.Redactor.Values(ctx, "", err.Error())))))
	}
	return finish(w, tree, sink)
}

// secrets are the credentials of a running application. An account that is called
// as its identity is, is in the configuration anyway.
func secrets(in Input) []string {
	var out []string
	for _, v := range in.Credentials {
		named := in.Live != nil && slices.ContainsFunc(in.Live.Identities, func(i checks.Identity) bool { return i.Name == v })
		if !named {
			out = append(out, v)
		}
	}
	return out
}

// find gives the check of that name: the external tool that the job declares,
// or one of ours.
func (p Program) find(name string, tool *checks.Tool) (Check, error) {
	switch {
	case tool == nil:
	case p.External == nil:
		return nil, errors.New("this program runs no external tools")
	case tool.Name != name:
		return nil, fmt.Errorf("the job is for %q, but declares the tool %q", name, tool.Name)
	default:
		return p.External(*tool), nil
	}
	for _, c := range p.Checks {
		if c.Name() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("there is no check named %q", name)
}

func (p Program) validate(job checks.Job, name string) (checks.IdentityKey, error) {
	switch {
	case job.Protocol != checks.Protocol:
		return checks.IdentityKey{}, fmt.Errorf("the job speaks protocol %d, this program %d", job.Protocol, checks.Protocol)
	case job.Check != name:
		return checks.IdentityKey{}, fmt.Errorf("the job is for %q, not %q", job.Check, name)
	case job.Root == "" || job.CanaryDir == "":
		return checks.IdentityKey{}, errors.New("the job names no root or no canary directory")
	}
	key, err := checks.ParseIdentityKey(p.Key)
	if err != nil {
		return key, fmt.Errorf("%s: %w", checks.IdentityKeyEnv, err)
	}
	if job.KeyID != "" && job.KeyID != key.ID() {
		return key, fmt.Errorf("the job was made for the identity key %s, and %s holds %s", job.KeyID, checks.IdentityKeyEnv, key.ID())
	}
	return key, nil
}

// wall puts the process behind its walls, if the engine asks for that.
func wall(job checks.Job) (sandbox.Report, error) {
	l := job.Limits
	if l.MemoryBytes > 0 {
		// The collector should work harder before the hard limit kills us.
		debug.SetMemoryLimit(l.MemoryBytes / 10 * 8)
	}
	if !job.Sandbox {
		return sandbox.Report{Kind: sandbox.KindNone, Missing: []string{"not asked for by the engine"}}, nil
	}
	policy := sandbox.Policy{ReadOnly: []string{job.Root}, Scratch: job.Scratch, Limits: sandbox.Limits{
		MemoryBytes: unsigned(l.MemoryBytes), CPUSeconds: unsigned(l.CPUSeconds), FileBytes: unsigned(l.ScratchBytes), OpenFiles: 512,
	}}
	for _, name := range slices.Sorted(maps.Keys(job.Data)) {
		policy.ReadOnly = append(policy.ReadOnly, job.Data[name])
	}
	report, err := sandbox.Apply(policy)
	if err != nil {
		return report, fmt.Errorf("the sandbox could not be put in force: %w", err)
	}
	return report, nil
}

func unsigned(n int64) uint64 {
	if n <= 0 {
		return 0
	}
	return uint64(min(n, math.MaxInt64))
}

// guarded runs the check; a panic is an answer like any other error. The
// panic's value may quote the target, so only its type is said.
func guarded(ctx context.Context, c Check, in Input, out *Sink) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic (%T) in the check", v)
		}
	}()
	if err := c.Run(ctx, in, out); err != nil {
		return err
	}
	return ctx.Err()
}

// reportProgress passes on every hundredth or so file read.
func reportProgress(t *Tree, s *Sink) {
	var last atomic.Int64
	t.onRead = func(done, total int) {
		step := max(1, total/100)
		if at := int64(done / step); last.Swap(at) != at {
			s.Progress(done, max(done, total))
		}
	}
}

func fail(w *writer, err error) error {
	closing := w.close(func(string) checks.Record {
		return checks.Record{Type: checks.RecordFailure, Failure: &checks.Failure{Reason: clip(err.Error(), maxMessage)}}
	})
	return errors.Join(err, closing)
}

// coverageBatch keeps a record within a line that the parent will take.
const coverageBatch = 1000

// finish writes the accounting and closes the output.
func finish(w *writer, t *Tree, s *Sink) error {
	c := t.coverage()
	for i, skip := range c.Skipped {
		// A parser's words may quote the file.
		c.Skipped[i].Detail = clip(redactAll(skip.Detail, slices.Concat(s.never, s.redact.Values(s.ctx, skip.Path, skip.Detail))), maxDetail)
	}
	for batch := range slices.Chunk(c.Read, coverageBatch) {
		if err := w.record(checks.Record{Type: checks.RecordCoverage, Coverage: &checks.CoverageRecord{Read: batch}}); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(c.Skipped, coverageBatch) {
		if err := w.record(checks.Record{Type: checks.RecordCoverage, Coverage: &checks.CoverageRecord{Skipped: batch}}); err != nil {
			return err
		}
	}
	return w.close(func(digest string) checks.Record {
		return checks.Record{Type: checks.RecordDone, Done: &checks.Done{
			Findings: s.findings, Components: s.components, Read: len(c.Read), Skipped: len(c.Skipped),
			Truncated: s.truncated, TruncatedComponents: s.truncatedComponents, Digest: digest,
		}}
	})
}
