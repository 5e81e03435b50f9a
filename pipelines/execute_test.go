package pipelines

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// hanging is an engine whose children never end by themselves.
type hanging struct{}

func (hanging) Name() string { return "hanging" }

func (hanging) Exec(ctx context.Context, _ checks.Job, _ checks.IdentityKey, _ io.Writer) (Usage, error) {
	<-ctx.Done()
	return Usage{}, ctx.Err()
}

// One step is cancelled, the rest when the whole run is: each says which it
// was, and neither is taken for done.
func TestOneStepIsCancelledAlone(t *testing.T) {
	key, err := checks.NewIdentityKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	plan := Plan{Inventory: &inventory.Inventory{Files: []inventory.File{{Path: "a.go"}}}, Key: key}
	for _, name := range []string{"one", "two"} {
		plan.Steps = append(plan.Steps, PlannedStep{Check: checks.Description{Name: name, Claims: []checks.Claim{{Pattern: "**/*.go"}}}})
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	started := make(chan string, 2)
	cancels := make(chan context.CancelCauseFunc, 1)
	var kinds []EventKind
	go func() {
		<-started
		<-started
		(<-cancels)(ErrCancelled)
	}()
	run := Execute(ctx, plan, hanging{}, Options{
		Parallel: 2, Now: func() time.Time { return time.Unix(1, 0) },
		Events: func(e Event) {
			kinds = append(kinds, e.Kind)
			if e.At.IsZero() {
				t.Errorf("%s has no time", e.Kind)
			}
			switch {
			case e.Kind == StepStarted:
				started <- e.Check
			case e.Kind == StepEnded && e.Check == "one":
				stop() // now the whole run
			}
		},
		Within: func(ctx context.Context, check string) (context.Context, context.CancelFunc) {
			within, cancel := context.WithCancelCause(ctx)
			if check == "one" {
				cancels <- cancel
			}
			return within, func() { cancel(nil) }
		},
	})
	for i, want := range []string{ErrCancelled.Error(), "interrupted"} {
		if s := run.Steps[i]; s.Status != checks.Failed || s.Reason != want {
			t.Errorf("step %s: %s, %q", s.Check, s.Status, s.Reason)
		}
	}
	if n := slices.Index(kinds, StepStarted); n != 2 || kinds[0] != StepPlanned || kinds[1] != StepPlanned {
		t.Errorf("events: %v", kinds)
	}
	if errors.Is(ctx.Err(), ErrCancelled) {
		t.Error("the run was cancelled with the step")
	}
}
