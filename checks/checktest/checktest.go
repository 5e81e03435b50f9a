// Package checktest is the acceptance suite that every check passes: on clean
// and on guilty trees, cancelled, and with every way of giving no answer. A
// check is run as the real child does, in this process and without walls, and
// its output is judged by the real collector.
package checktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Suite is what a check brings.
type Suite struct {
	Check    child.Check
	Redactor child.Redactor
	// Clean is a tree of files that the check claims and finds nothing in.
	Clean map[string]string
	// One holds one finding, of the rule and at the place named.
	One     map[string]string
	OneRule string
	OnePath string
	// Many holds at least three findings.
	Many map[string]string
	// Values must show in no output.
	Values []string
	// Data is what the check needs, as name to path.
	Data    map[string]string
	Options map[string]string
}

// Accept runs the suite.
func Accept(t *testing.T, s Suite) {
	t.Helper()
	t.Run("clean tree", func(t *testing.T) {
		run, out := s.run(t, s.Clean, nil)
		wantStatus(t, run, checks.OK)
		if len(run.Findings) != 0 {
			t.Errorf("%d findings in a clean tree, first %+v", len(run.Findings), run.Findings[0])
		}
		s.noValues(t, out)
	})
	t.Run("one hit", s.oneHit)
	t.Run("many hits", s.manyHits)
	t.Run("no file of its kind", s.nothingClaimed)
	t.Run("cancelled", s.cancelled)
	for name, f := range s.faults() {
		t.Run(name, func(t *testing.T) {
			run, _ := s.run(t, s.One, f.wrap)
			wantStatus(t, run, checks.Failed)
			if !strings.Contains(run.Steps[0].Reason, f.reason) {
				t.Errorf("reason %q does not say %q", run.Steps[0].Reason, f.reason)
			}
		})
	}
	t.Run("changed while scanned", s.changed)
	t.Run("findings limit", s.limited)
	t.Run("description", s.described)
}

func wantStatus(t *testing.T, run checks.Run, want checks.Status) {
	t.Helper()
	if got := run.Steps[0]; got.Status != want {
		t.Fatalf("step is %s (%s), want %s", got.Status, got.Reason, want)
	}
}

func (s Suite) noValues(t *testing.T, out []byte) {
	t.Helper()
	for i, v := range s.Values {
		if bytes.Contains(out, []byte(v)) {
			t.Errorf("value %d shows in the output", i)
		}
	}
}

func (s Suite) oneHit(t *testing.T) {
	run, out := s.run(t, s.One, nil)
	wantStatus(t, run, checks.OK)
	if len(run.Findings) != 1 {
		t.Fatalf("%d findings, want one: %+v", len(run.Findings), run.Findings)
	}
	f := run.Findings[0]
	if f.Rule.ID != s.OneRule || f.Location.Path != s.OnePath {
		t.Errorf("rule %s in %s, want %s in %s", f.Rule.ID, f.Location.Path, s.OneRule, s.OnePath)
	}
	if f.Rule.Title == "" || f.Rule.Advice == "" || f.Rule.Class == "" || len(f.SeenBy) != 1 {
		t.Errorf("the finding does not say what, why or who: %+v", f)
	}
	s.noValues(t, out)
	// The lines above it move; the finding is the same one.
	again, _ := s.run(t, s.One, nil)
	if !reflect.DeepEqual(again.Findings, run.Findings) {
		t.Error("two runs of one tree differ")
	}
}

func (s Suite) manyHits(t *testing.T) {
	run, out := s.run(t, s.Many, nil)
	wantStatus(t, run, checks.OK)
	if len(run.Findings) < 3 {
		t.Errorf("%d findings, want at least three", len(run.Findings))
	}
	s.noValues(t, out)
}

func (s Suite) nothingClaimed(t *testing.T) {
	run, _ := s.run(t, nil, nil)
	wantStatus(t, run, checks.NotApplicable)
}

func (s Suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := s.engine(func(p child.Program) child.Program {
		p.Checks = []child.Check{stopper{p.Checks[0], cancel}}
		return p
	})
	run := pipelines.Execute(ctx, s.plan(t, s.Many, checks.DefaultLimits()), e, options())
	wantStatus(t, run, checks.Failed)
	if run.Steps[0].Reason != "interrupted" {
		t.Errorf("reason %q", run.Steps[0].Reason)
	}
}

// stopper cancels before the check begins.
type stopper struct {
	child.Check
	cancel func()
}

func (c stopper) Run(ctx context.Context, in child.Input, out *child.Sink) error {
	c.cancel()
	return c.Check.Run(ctx, in, out)
}

// changed: what the inventory saw is not what is there.
func (s Suite) changed(t *testing.T) {
	plan := s.plan(t, s.One, checks.DefaultLimits())
	if err := os.WriteFile(filepath.Join(plan.Root, s.OnePath), []byte("# something else now\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := pipelines.Execute(t.Context(), plan, s.engine(nil), options())
	wantStatus(t, run, checks.Partial)
	if !strings.Contains(run.Steps[0].Reason, string(checks.SkipChanged)) {
		t.Errorf("reason %q", run.Steps[0].Reason)
	}
}

func (s Suite) limited(t *testing.T) {
	limits := checks.DefaultLimits()
	limits.Findings = 1
	run := pipelines.Execute(t.Context(), s.plan(t, s.Many, limits), s.engine(nil), options())
	wantStatus(t, run, checks.Partial)
	if len(run.Findings) > 1 {
		t.Errorf("%d findings under a limit of one", len(run.Findings))
	}
}

// described: what planning, SARIF and explain are made from is all there.
func (s Suite) described(t *testing.T) {
	d := s.Check.Describe()
	if d.Name == "" || d.Title == "" || d.Version == "" || d.RulesDigest == "" || len(d.Claims) == 0 {
		t.Errorf("the description lacks something: %+v", d)
	}
	if len(d.Canary.Hits) == 0 || len(d.Canary.Files) == 0 {
		t.Error("there is no canary")
	}
	ids := map[string]bool{}
	for _, r := range d.Rules {
		if ids[r.ID] || r.ID == "" || r.Title == "" || r.Advice == "" || r.Class == "" {
			t.Errorf("rule %q is told twice or lacks title, advice or class", r.ID)
		}
		ids[r.ID] = true
	}
	if d.Name != s.Check.Name() {
		t.Errorf("it is named %q and describes itself as %q", s.Check.Name(), d.Name)
	}
	if !reflect.DeepEqual(s.Check.Describe(), d) {
		t.Error("two descriptions differ")
	}
}

type faultCase struct {
	wrap   func(child.Program) child.Program
	reason string
}

// faults are the ways of giving no answer that every check must not get away with.
func (s Suite) faults() map[string]faultCase {
	with := func(run func(context.Context, child.Input, *child.Sink) error) func(child.Program) child.Program {
		return func(p child.Program) child.Program {
			p.Checks = []child.Check{stand{p.Checks[0], run}}
			return p
		}
	}
	return map[string]faultCase{
		"reads nothing and says done": {with(func(context.Context, child.Input, *child.Sink) error { return nil }), "neither read nor skipped"},
		"reads all and sees nothing": {with(func(_ context.Context, in child.Input, _ *child.Sink) error {
			for _, p := range in.Tree.Claimed() {
				if _, err := in.Tree.ReadFile(p); err != nil {
					return err
				}
			}
			return nil
		}), "missed the canary"},
		"panic":         {with(func(context.Context, child.Input, *child.Sink) error { panic(s.Values) }), "panic"},
		"error":         {with(func(context.Context, child.Input, *child.Sink) error { return errors.New("no rules could be loaded") }), "no rules could be loaded"},
		"another check": {func(p child.Program) child.Program { p.Checks = nil; return p }, "it ended without a word"},
		"another build": {func(p child.Program) child.Program { p.Build = "other"; return p }, "another build"},
		"no key":        {func(p child.Program) child.Program { p.Key = ""; return p }, "it ended without a word"},
		"undeclared rule": {with(func(_ context.Context, _ child.Input, out *child.Sink) error {
			return out.Hit(child.Hit{Rule: "no-such-rule"})
		}), "never declared"},
	}
}

// stand runs something else in a check's name.
type stand struct {
	child.Check
	run func(context.Context, child.Input, *child.Sink) error
}

func (c stand) Run(ctx context.Context, in child.Input, out *child.Sink) error {
	return c.run(ctx, in, out)
}

func options() pipelines.Options {
	return pipelines.Options{Parallel: 1, Now: func() time.Time { return time.Unix(0, 0) }}
}

const build = "checktest"

// engine runs the check in this process.
func (s Suite) engine(wrap func(child.Program) child.Program) *engine {
	return &engine{program: child.Program{Checks: []child.Check{s.Check}, Redactor: s.Redactor, Build: build}, wrap: wrap}
}

type engine struct {
	program child.Program
	wrap    func(child.Program) child.Program
	out     bytes.Buffer
}

func (*engine) Name() string { return "checktest" }

func (e *engine) Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (pipelines.Usage, error) {
	p := e.program
	p.Key = key.Text()
	if e.wrap != nil {
		p = e.wrap(p)
	}
	scratch, err := os.MkdirTemp("", "checktest-")
	if err != nil {
		return pipelines.Usage{}, err
	}
	defer os.RemoveAll(scratch) // a test's leftovers are its own
	job.Scratch = scratch
	doc, err := json.Marshal(job)
	if err != nil {
		return pipelines.Usage{}, err
	}
	// How a child ends is not believed, so neither is this error.
	_ = p.Run(ctx, job.Check, bytes.NewReader(doc), io.MultiWriter(out, &e.out))
	return pipelines.Usage{}, ctx.Err()
}

// run scans a tree and returns the run and all bytes that left the child.
func (s Suite) run(t *testing.T, files map[string]string, wrap func(child.Program) child.Program) (checks.Run, []byte) {
	t.Helper()
	e := s.engine(wrap)
	run := pipelines.Execute(t.Context(), s.plan(t, files, checks.DefaultLimits()), e, options())
	return run, e.out.Bytes()
}

func (s Suite) plan(t *testing.T, files map[string]string, limits checks.Limits) pipelines.Plan {
	t.Helper()
	root := WriteTree(t, files)
	inv := Inventory(t, root)
	key, err := checks.NewIdentityKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	step := pipelines.PlannedStep{Check: s.Check.Describe(), Limits: limits, Options: s.Options}
	for name, path := range s.Data {
		step.Data = append(step.Data, pipelines.DataSet{Data: checks.Data{Name: name}, Path: path})
	}
	return pipelines.Plan{Root: root, Inventory: inv, Build: build, Key: key, Steps: []pipelines.PlannedStep{step},
		Target: checks.Target{Kind: "tree", Path: fmt.Sprintf("%d files", len(files))}}
}

// WriteTree writes files (slash-separated names to content) to a new directory.
func WriteTree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		p := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// Inventory takes the inventory of a directory, nothing ignored.
func Inventory(t testing.TB, root string) *inventory.Inventory {
	t.Helper()
	dir, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	inv, err := inventory.Take(t.Context(), dir, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}
