package fleet

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/store"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "runs.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// An interrupted scan is gone on with: what was done stays, what failed is
// tried again, and the list may have changed.
func TestResume(t *testing.T) {
	s := openStore(t)
	fresh := func(id string) store.FleetScan { return store.FleetScan{ID: id, Started: clock()} }
	scan, resumed, err := Begin(t.Context(), s, fresh("one"), []string{"a", "b", "c", "d"}, false)
	if err != nil || resumed || len(scan.Items) != 4 {
		t.Fatalf("%+v, %v, %v", scan, resumed, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	items, err := Run(ctx, s, scan, 1, clock, func(ctx context.Context, name string) store.FleetItem {
		switch name {
		case "a":
			return store.FleetItem{State: store.FleetDone, RunID: "r-a", Exit: 1}
		case "b":
			return store.FleetItem{State: store.FleetFailed, Reason: "no network", Exit: 3}
		}
		cancel()
		return store.FleetItem{State: store.FleetPending}
	})
	if err != nil || items[0].State != store.FleetDone || items[1].State != store.FleetFailed || items[2].State != store.FleetPending || items[3].State != store.FleetPending {
		t.Fatalf("%+v, %v", items, err)
	}
	scan, resumed, err = Begin(t.Context(), s, fresh("two"), []string{"a", "b", "d", "e"}, false)
	if err != nil || !resumed || scan.ID != "one" {
		t.Fatalf("%+v, %v, %v", scan, resumed, err)
	}
	var mu sync.Mutex
	var worked []string
	items, err = Run(t.Context(), s, scan, 3, clock, func(_ context.Context, name string) store.FleetItem {
		mu.Lock()
		defer mu.Unlock()
		worked = append(worked, name)
		return store.FleetItem{State: store.FleetDone, RunID: "r-" + name}
	})
	slices.Sort(worked)
	if err != nil || !slices.Equal(worked, []string{"b", "d", "e"}) || len(items) != 4 || items[0].RunID != "r-a" || items[0].Exit != 1 {
		t.Fatalf("worked on %q, %+v, %v", worked, items, err)
	}
	if _, resumed, err = Begin(t.Context(), s, fresh("three"), []string{"a"}, false); err != nil || resumed {
		t.Errorf("a finished scan was resumed: %v", err)
	}
	if scan, resumed, err = Begin(t.Context(), s, fresh("four"), []string{"a"}, true); err != nil || resumed || scan.ID != "four" {
		t.Errorf("restart: %+v, %v, %v", scan, resumed, err)
	}
}

func TestRunIsBounded(t *testing.T) {
	s := openStore(t)
	var all []string
	for i := range 40 {
		all = append(all, string(rune('A'+i)))
	}
	scan, _, err := Begin(t.Context(), s, store.FleetScan{ID: "one", Started: clock()}, all, false)
	if err != nil {
		t.Fatal(err)
	}
	var now, most atomic.Int64
	items, err := Run(t.Context(), s, scan, 3, clock, func(context.Context, string) store.FleetItem {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(time.Millisecond)
		now.Add(-1)
		return store.FleetItem{State: store.FleetDone}
	})
	if err != nil || len(items) != 40 || most.Load() != 3 {
		t.Errorf("%d items, %d at once, %v", len(items), most.Load(), err)
	}
}

type deafJournal struct{}

func (deafJournal) PutFleetItem(context.Context, string, store.FleetItem) error {
	return errors.New("disk full")
}
func (deafJournal) EndFleetScan(context.Context, string, time.Time) error {
	panic("a scan that was not written down has not ended")
}

func TestJournalThatFails(t *testing.T) {
	scan := store.FleetScan{ID: "x", Items: []store.FleetItem{{Name: "a", State: store.FleetPending}}}
	_, err := Run(t.Context(), deafJournal{}, scan, 1, clock, func(context.Context, string) store.FleetItem { return store.FleetItem{State: store.FleetDone} })
	if err == nil {
		t.Error("nobody was told")
	}
}

func TestSelection(t *testing.T) {
	if Selection(nil) != "" || Selection([]string{"b", "a", "b"}) != "a\nb" {
		t.Errorf("%q", Selection([]string{"b", "a", "b"}))
	}
}
