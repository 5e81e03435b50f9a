package tui

import (
	"context"
	"sync"

	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Feed carries events from running scans to the dashboard. It never makes a
// scan wait: of progress only the newest of each step is kept, and everything
// else is kept in its order, so that what waits is bounded by how many steps
// there are. Its zero value is ready.
type Feed struct {
	mu    sync.Mutex
	queue []pipelines.Event
	ready chan struct{} // closed when there is something
}

// Put adds an event.
func (f *Feed) Put(e pipelines.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Kind == pipelines.StepProgress {
		for i := len(f.queue) - 1; i >= 0; i-- {
			if q := &f.queue[i]; q.Target == e.Target && q.Check == e.Check {
				if q.Kind == pipelines.StepProgress {
					*q = e
					return
				}
				break
			}
		}
	}
	f.queue = append(f.queue, e)
	if f.ready != nil {
		close(f.ready)
		f.ready = nil
	}
}

// Take gives all events since the last call; it waits for the first, or until
// ctx ends.
func (f *Feed) Take(ctx context.Context) []pipelines.Event {
	for {
		f.mu.Lock()
		if len(f.queue) > 0 {
			out := f.queue
			f.queue = nil
			f.mu.Unlock()
			return out
		}
		if f.ready == nil {
			f.ready = make(chan struct{})
		}
		ready := f.ready
		f.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
			return nil
		}
	}
}
