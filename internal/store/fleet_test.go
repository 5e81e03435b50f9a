package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestFleetSources(t *testing.T) {
	s, ctx := open(t, filepath.Join(t.TempDir(), "runs.db")), t.Context()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	src := FleetSource{Name: "gh:acme", API: "https://api.github.com/", Filter: []byte(`{"forks":true}`), Added: at, Refreshed: at}
	a := FleetRepository{Name: "acme/a", Source: src.Name, Target: "/c/acme/a", CloneURL: "https://github.com/acme/a.git", Topics: []string{"phi"}, Seen: at}
	b := FleetRepository{Name: "acme/b", Source: src.Name, Target: "/c/acme/b", Seen: at, Gone: "deleted"}
	if err := s.PutFleetSource(ctx, src, []FleetRepository{b, a}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.FleetRepositories(ctx); err != nil || !reflect.DeepEqual(got, []FleetRepository{a, b}) {
		t.Errorf("%+v, %v", got, err)
	}
	// Half of a list is none: the old one stays.
	later := src
	later.Refreshed = at.Add(time.Hour)
	if err := s.PutFleetSource(ctx, later, []FleetRepository{a, a}); err == nil {
		t.Error("the same repository twice was taken")
	}
	if got, err := s.FleetSources(ctx); err != nil || !reflect.DeepEqual(got, []FleetSource{src}) {
		t.Errorf("%+v, %v", got, err)
	}
	later.Added = later.Refreshed // when it was added does not change
	if err := s.PutFleetSource(ctx, later, []FleetRepository{a}); err != nil {
		t.Fatal(err)
	}
	later.Added = at
	if got, err := s.FleetSources(ctx); err != nil || !reflect.DeepEqual(got, []FleetSource{later}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, want := range []bool{true, false} {
		if ok, err := s.RemoveFleetSource(ctx, src.Name); err != nil || ok != want {
			t.Errorf("removed: %v, %v", ok, err)
		}
	}
	if got, err := s.FleetRepositories(ctx); err != nil || len(got) != 0 {
		t.Errorf("left: %+v, %v", got, err)
	}
}

func TestFleetScans(t *testing.T) {
	s, ctx := open(t, filepath.Join(t.TempDir(), "runs.db")), t.Context()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	scan := FleetScan{ID: "one", Started: at, Items: []FleetItem{{Name: "z", State: FleetPending}, {Name: "a", State: FleetPending}}}
	if _, ok, err := s.UnfinishedFleetScan(ctx, ""); ok || err != nil {
		t.Errorf("there is one: %v", err)
	}
	if err := s.BeginFleetScan(ctx, scan); err != nil {
		t.Fatal(err)
	}
	done := FleetItem{Name: "z", State: FleetDone, RunID: "r1", Exit: 1, At: at.Add(time.Minute)}
	if err := s.PutFleetItem(ctx, "one", done); err != nil {
		t.Fatal(err)
	}
	scan.Items[0] = done
	if got, ok, err := s.UnfinishedFleetScan(ctx, ""); !ok || err != nil || !reflect.DeepEqual(got, scan) {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if _, ok, err := s.UnfinishedFleetScan(ctx, "a"); ok || err != nil {
		t.Errorf("one of another selection: %v", err)
	}
	// Begun anew: the old one is given up.
	scan.ID, scan.Items = "two", []FleetItem{{Name: "a", State: FleetPending}}
	if err := s.BeginFleetScan(ctx, scan); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.UnfinishedFleetScan(ctx, ""); err != nil || got.ID != "two" || len(got.Items) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	failed := FleetItem{Name: "a", State: FleetFailed, Reason: "gone", Exit: 3, At: at.Add(time.Hour)}
	if err := s.PutFleetItem(ctx, "two", failed); err != nil {
		t.Fatal(err)
	}
	if err := s.EndFleetScan(ctx, "two", at); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.UnfinishedFleetScan(ctx, ""); ok || err != nil {
		t.Errorf("it did not end: %v", err)
	}
	if got, err := s.LastFleetItems(ctx); err != nil || !reflect.DeepEqual(got, map[string]FleetItem{"a": failed}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// What a fleet shows of the newest run of each target.
func TestLastRuns(t *testing.T) {
	s, ctx := open(t, filepath.Join(t.TempDir(), "runs.db")), t.Context()
	for i, id := range []string{"a1", "a2", "b1"} {
		r := run(id, i+1)
		r.Target.Path = "/src/" + id[:1]
		if err := s.Save(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Board(ctx)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if a, b := got[0], got[1]; a.Target != "/src/a" || a.RunID != "a2" || a.Findings != 2 || !a.Verdict.Complete || b.Verdict.Findings != "fail" {
		t.Errorf("%+v", got)
	}
}

func TestFleetAnswers(t *testing.T) {
	s, ctx := open(t, filepath.Join(t.TempDir(), "runs.db")), t.Context()
	a := s.FleetAnswers()
	for i := range 4 {
		if err := a.Put(ctx, fmt.Sprint(i), "me", bytes.Repeat([]byte{byte(i)}, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := a.Get(ctx, "3", "me"); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{3}, 1000)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, other := range [][2]string{{"3", "you"}, {"4", "me"}} {
		if got, err := a.Get(ctx, other[0], other[1]); err != nil || got != nil {
			t.Errorf("%v: %d bytes, %v", other, len(got), err)
		}
	}
	if _, err := s.db.Exec(`INSERT INTO fleet_answers SELECT value || 'x', 'me', x'00' FROM json_each('[` + many(maxAnswers) + `]')`); err != nil {
		t.Fatal(err)
	}
	if err := a.Put(ctx, "new", "me", []byte("x")); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.db.QueryRow(`SELECT count(*) FROM fleet_answers`).Scan(&n); err != nil || n != maxAnswers {
		t.Errorf("%d answers, %v", n, err)
	}
	if got, err := a.Get(ctx, "new", "me"); err != nil || string(got) != "x" {
		t.Errorf("the newest: %q, %v", got, err)
	}
}

func many(n int) string {
	var b bytes.Buffer
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, i)
	}
	return b.String()
}
