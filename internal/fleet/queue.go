package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/store"
)

// Beginner finds the scan that was interrupted, or begins one.
type Beginner interface {
	UnfinishedFleetScan(ctx context.Context, selection string) (store.FleetScan, bool, error)
	BeginFleetScan(ctx context.Context, scan store.FleetScan) error
}

// Journal writes down how far a scan is, at once.
type Journal interface {
	PutFleetItem(ctx context.Context, scan string, i store.FleetItem) error
	EndFleetScan(ctx context.Context, scan string, at time.Time) error
}

// Begin gives the scan of these repositories: the one of the same selection
// that was interrupted, or fresh, which is used otherwise and on restart. What
// has come to be watched since is added, what is watched no more is left out,
// and what failed is tried again.
func Begin(ctx context.Context, b Beginner, fresh store.FleetScan, names []string, restart bool) (scan store.FleetScan, resumed bool, err error) {
	if !restart {
		if scan, resumed, err = b.UnfinishedFleetScan(ctx, fresh.Selection); err != nil {
			return scan, false, err
		}
	}
	if !resumed {
		for _, n := range names {
			fresh.Items = append(fresh.Items, store.FleetItem{Name: n, State: store.FleetPending})
		}
		return fresh, false, b.BeginFleetScan(ctx, fresh)
	}
	before := map[string]store.FleetItem{}
	for _, i := range scan.Items {
		before[i.Name] = i
	}
	scan.Items = nil
	for _, n := range names {
		i := before[n]
		if i.State != store.FleetDone {
			i = store.FleetItem{Name: n, State: store.FleetPending}
		}
		scan.Items = append(scan.Items, i)
	}
	return scan, true, nil
}

// Selection names a choice of repositories, "" for all.
func Selection(names []string) string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(names))), "\n")
}

// Run works on what is pending, so many at once, and writes down each as soon
// as it is done. What work leaves pending was interrupted, and the scan stays
// unfinished. It gives every item, in the scan's order.
func Run(ctx context.Context, j Journal, scan store.FleetScan, jobs int, now func() time.Time,
	work func(context.Context, string) store.FleetItem) ([]store.FleetItem, error) {
	items := slices.Clone(scan.Items)
	errs := make([]error, len(items))
	turn := make(chan struct{}, max(1, jobs))
	var wg sync.WaitGroup
	for n := range items {
		if items[n].State == store.FleetDone {
			continue
		}
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		wg.Go(func() {
			defer func() { <-turn }()
			if ctx.Err() != nil {
				return
			}
			i := work(ctx, items[n].Name)
			i.Name, i.At = items[n].Name, now().UTC()
			items[n] = i
			if i.State != store.FleetPending {
				errs[n] = j.PutFleetItem(context.WithoutCancel(ctx), scan.ID, i)
			}
		})
	}
	wg.Wait()
	err := errors.Join(errs...)
	pending := slices.ContainsFunc(items, func(i store.FleetItem) bool { return i.State == store.FleetPending })
	if !pending && err == nil {
		err = j.EndFleetScan(context.WithoutCancel(ctx), scan.ID, now().UTC())
	}
	return items, err
}
