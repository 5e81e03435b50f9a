package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// dated is a run of a target that began some days after the first.
func dated(id, target string, day int) checks.Run {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day)
	return checks.Run{ID: id, Target: checks.Target{Path: target, Commit: "c" + id}, Started: at, Ended: at.Add(time.Minute),
		Findings: []checks.Finding{{Fingerprint: fmt.Sprintf("%064x", day), Rule: checks.Rule{ID: "r", Severity: checks.High}}},
		Waivers:  []checks.Waiver{}, Verdict: checks.Verdict{Findings: checks.Fail, Complete: true, Exit: 1}}
}

func saveAll(t *testing.T, s *Store, runs ...checks.Run) {
	t.Helper()
	for _, r := range runs {
		if err := s.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func idsOf(t *testing.T, s *Store) []string {
	t.Helper()
	all, err := s.List(t.Context(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestPrune(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }
	waived := func(r checks.Run, id string) checks.Run {
		r.Findings[0].Waived = &checks.Waived{ID: id}
		r.Waivers = []checks.Waiver{{ID: id, State: checks.WaiverApplied, Covers: 1}}
		return r
	}
	runs := []checks.Run{dated("a0", "/a", 0), waived(dated("a1", "/a", 1), "w"), waived(dated("a2", "/a", 2), "w"), dated("a3", "/a", 3), dated("a4", "/a", 4),
		dated("b0", "/b", 0), dated("c0", "/c", 0), dated("c1", "/c", 1)}
	for name, c := range map[string]struct {
		r    Retention
		gone []string
		held map[string]int
	}{
		"the newest stay":       {Retention{}, []string{"a0", "a1", "a3", "c0"}, map[string]int{heldWaiver: 1}},
		"two of each":           {Retention{Keep: 2}, []string{"a0", "a1"}, map[string]int{heldWaiver: 1}},
		"old ones":              {Retention{Before: day(1)}, []string{"a0", "c0"}, map[string]int{}},
		"old, and two of each":  {Retention{Before: day(1), Keep: 2}, []string{"a0"}, map[string]int{}},
		"none is old":           {Retention{Before: day(0)}, nil, map[string]int{}},
		"what the caller holds": {Retention{Hold: func(r RunInfo) string { return map[string]string{"a0": "why"}[r.ID] }}, []string{"a1", "a3", "c0"}, map[string]int{heldWaiver: 1, "why": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "runs.db"))
			saveAll(t, s, runs...)
			before := idsOf(t, s)
			for _, dry := range []bool{true, false} {
				p, err := s.Prune(t.Context(), c.r, dry)
				if err != nil {
					t.Fatal(err)
				}
				var gone []string
				for _, r := range p.Runs {
					gone = append(gone, r.ID)
				}
				slices.Sort(gone)
				if !slices.Equal(gone, c.gone) || !maps.Equal(p.Held, c.held) || (p.Bytes() > 0) != (len(gone) > 0) {
					t.Errorf("dry %v: gone %v, want %v; held %v, want %v; %d bytes", dry, gone, c.gone, p.Held, c.held, p.Bytes())
				}
				if dry && !slices.Equal(idsOf(t, s), before) {
					t.Error("a dry run removed something")
				}
			}
			want := slices.DeleteFunc(before, func(id string) bool { return slices.Contains(c.gone, id) })
			if got := idsOf(t, s); !slices.Equal(got, want) {
				t.Errorf("left %v, want %v", got, want)
			}
			if err := s.Shrink(t.Context()); err != nil {
				t.Error(err)
			}
			board, err := s.Board(t.Context())
			if err != nil || len(board) != 3 || board[0].RunID != "a4" {
				t.Errorf("%+v %v", board, err)
			}
			ofA := 0
			for _, id := range want {
				if id[0] == 'a' {
					ofA++
				}
			}
			if n := len(board[0].Trend); n != ofA {
				t.Errorf("a trend of %d runs, and there are %d", n, ofA)
			}
		})
	}
}

// A verification, a scan of the fleet and a document that nobody can read hold
// a run.
func TestPruneKeepsWhatIsReferredTo(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "runs.db"))
	for i := range 6 {
		saveAll(t, s, dated(fmt.Sprint("a", i), "/a", i))
	}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if err := s.PutAttested(t.Context(), []Attested{{Target: "/a", Commit: "ca0", State: "verified", At: at}}); err != nil {
		t.Fatal(err)
	}
	if err := s.BeginFleetScan(t.Context(), FleetScan{ID: "f", Started: at, Items: []FleetItem{{Name: "x", State: FleetDone, RunID: "a1", At: at}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.EndFleetScan(t.Context(), "f", at); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec(`UPDATE runs SET document = x'00' WHERE id = 'a2'`); err != nil {
		t.Fatal(err)
	}
	var k kept
	tx, err := s.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if k, err = older(t.Context(), tx, "a2"); err != nil || k.readable {
		t.Fatal(k.readable, err)
	}
	if _, err := tx.Exec(`DELETE FROM kept WHERE run_id = 'a2'`); err != nil {
		t.Fatal(err)
	}
	if err := keep(t.Context(), tx, k); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	p, err := s.Prune(t.Context(), Retention{}, false)
	if err != nil || !maps.Equal(p.Held, map[string]int{heldAttested: 1, heldFleet: 1, heldDamaged: 1}) {
		t.Errorf("%+v %v", p, err)
	}
	if got := idsOf(t, s); !slices.Equal(got, []string{"a0", "a1", "a2", "a5"}) {
		t.Errorf("left %v", got)
	}
}

// While others save, runs are pruned and the store is copied and shrunk: each
// run that was saved after the last prune is there, and every copy is whole.
func TestPruneAndCopyBesideSavers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "runs.db")
	s := open(t, path)
	var wg sync.WaitGroup
	for w := range 3 {
		other := open(t, path)
		wg.Go(func() {
			for i := range 40 {
				if err := other.Save(context.Background(), dated(fmt.Sprintf("%d-%d", w, i), fmt.Sprint("/", w), i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 8 {
		if _, err := s.Prune(t.Context(), Retention{Keep: 2}, false); err != nil {
			t.Error(err)
		}
		copied := filepath.Join(dir, fmt.Sprint("copy", i))
		if err := s.CopyTo(t.Context(), copied); err != nil {
			t.Error(err)
		}
		if err := s.Shrink(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if _, err := s.Prune(t.Context(), Retention{}, false); err != nil {
		t.Fatal(err)
	}
	if got := idsOf(t, s); !slices.Equal(got, []string{"0-39", "1-39", "2-39"}) {
		t.Errorf("left %v", got)
	}
}

// A copy is the store that it was made of, and one that is damaged, cut or of
// something else is none.
func TestCopyTo(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "a%b?c#d.db"))
	r := rand.New(rand.NewPCG(1, 2))
	var runs []checks.Run
	for i := range 60 {
		runs = append(runs, randomRun(r, i))
	}
	saveAll(t, s, runs...)
	file := filepath.Join(dir, "copy#1?.db")
	if err := s.CopyTo(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if err := s.CopyTo(t.Context(), file); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file that is there: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if n, err := Examine(t.Context(), file); err != nil || n != 60 {
		t.Errorf("%d runs, %v", n, err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := idsOf(t, open(t, file)); !slices.Equal(got, idsOf(t, s)) {
		t.Errorf("%d runs", len(got))
	}
	// Everything but the first page is noise: SQLite opens it and cannot read it.
	noise := slices.Clone(b)
	for i := 4096; i < len(noise); i++ {
		noise[i] = byte(r.IntN(256))
	}
	for name, bad := range map[string][]byte{"cut": b[:len(b)/2], "noise": noise, "empty": {}, "text": []byte("nothing of the kind\n")} {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := Examine(t.Context(), p); err == nil {
			t.Errorf("%s: a store with %d runs", name, n)
		}
	}
	if _, err := Examine(t.Context(), filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestClear(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "runs.db"))
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	saveAll(t, s, dated("a", "/a", 0), dated("b", "/b", 0))
	if err := s.PutFleetSource(t.Context(), FleetSource{Name: "acme", Added: at}, []FleetRepository{{Name: "acme/x", Source: "acme"}}); err != nil {
		t.Fatal(err)
	}
	for i, fleet := range []bool{false, true} {
		n, err := s.Clear(t.Context(), fleet)
		if err != nil || n != 2-2*i || len(idsOf(t, s)) != 0 {
			t.Errorf("%d runs, %v", n, err)
		}
		if sources, err := s.FleetSources(t.Context()); err != nil || len(sources) != 1-i {
			t.Errorf("%d sources, %v", len(sources), err)
		}
	}
	saveAll(t, s, dated("a", "/a", 0))
}
