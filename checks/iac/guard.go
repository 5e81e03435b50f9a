package iac

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// How much of the job's limits a run may use before it stops by itself. A run
// that stops by itself names the file and keeps what it found; one that is
// killed does neither.
const (
	wallShare   = 0.85
	unitShare   = 0.2  // of the wall-clock limit, for one file or root module
	memoryShare = 0.55 // of live memory; garbage comes on top
	watchEvery  = 5 * time.Millisecond
)

var (
	errMemory  = errors.New("evaluating it takes too much memory")
	errTime    = errors.New("evaluating it takes too long")
	errStopped = errors.New("not reached: the scan stopped before")
)

// panicError is a panic of a scanner. The value may quote the target, so only
// its type is kept.
type panicError struct{ kind string }

func (e panicError) Error() string { return "the scanner broke off (" + e.kind + ")" }

// withBudget bounds a run by its share of the wall-clock limit.
func withBudget(ctx context.Context, l checks.Limits) (context.Context, context.CancelFunc) {
	if l.WallMS <= 0 {
		return context.WithCancel(ctx)
	}
	wall := time.Duration(float64(l.WallMS)*wallShare) * time.Millisecond
	return context.WithTimeoutCause(ctx, wall, errTime)
}

// guard runs scanners, which neither return when told to nor bound what they
// hold. A goroutine cannot be killed, so the first one that goes too far ends
// all work: guard runs nothing after it.
type guard struct {
	limit   uint64        // bytes of live heap, 0 for none
	unit    time.Duration // of one call of run, 0 for no limit
	stopped bool
}

func newGuard(l checks.Limits) *guard {
	return &guard{
		limit: uint64(float64(max(l.MemoryBytes, 0)) * memoryShare),
		unit:  time.Duration(float64(max(l.WallMS, 0))*unitShare) * time.Millisecond,
	}
}

// run calls f, and returns its error, a panicError, errMemory, errTime, or the
// error of a context that was cancelled. After the last three f may still be
// running, and must not share what the caller goes on to use.
func (g *guard) run(ctx context.Context, f func() error) error {
	if g.stopped {
		return errStopped
	}
	if g.unit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, g.unit, errTime)
		defer cancel()
	}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- panicError{fmt.Sprintf("%T", v)}
			}
		}()
		done <- f()
	}()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			g.stopped = true
			return context.Cause(ctx)
		case <-tick.C:
			if g.limit > 0 && liveHeap() > g.limit {
				g.stopped = true
				return errMemory
			}
		}
	}
}

// liveHeap is what the last collection found reachable, in bytes
// (runtime/metrics, "Supported metrics").
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// skipReason gives the reason that an error of guard means.
func skipReason(err error) checks.SkipReason {
	switch {
	case errors.Is(err, errMemory):
		return checks.SkipTooLarge
	case errors.Is(err, errTime), errors.Is(err, errStopped):
		return checks.SkipTimeout
	}
	return checks.SkipUnparsable
}

// async starts f and returns a function that waits for it. A panic of f is an
// error there.
func async[T any](f func() (T, error)) func() (T, error) {
	var value T
	done := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- panicError{fmt.Sprintf("%T", v)}
			}
		}()
		var err error
		value, err = f()
		done <- err
	}()
	return func() (T, error) {
		err := <-done
		return value, err
	}
}
