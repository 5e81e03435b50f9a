package store

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// However runs are shared out over two stores, the one that the other is merged
// into is the store in which all of them were saved.
func TestMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		here, there := open(t, filepath.Join(t.TempDir(), "a.db")), open(t, filepath.Join(t.TempDir(), "b.db"))
		var runs []checks.Run
		missing := 0
		for i := range 25 {
			run := randomRun(r, i)
			runs = append(runs, run)
			where := r.IntN(3)
			if where != 0 {
				saveAll(t, here, run)
			} else {
				missing++
			}
			if where != 1 {
				saveAll(t, there, run)
			}
		}
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		if err := there.PutFleetSource(t.Context(), FleetSource{Name: "acme", Added: at}, []FleetRepository{{Name: "acme/x", Source: "acme"}}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{missing, 0} {
			if n, err := here.Merge(t.Context(), there); err != nil || n != want {
				t.Fatalf("%d runs were added, want %d; %v", n, want, err)
			}
			holdsTo(t, here, runs)
		}
		if all, err := here.FleetRepositories(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("%v %v", all, err)
		}
	}
}
