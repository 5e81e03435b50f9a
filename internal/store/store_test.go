package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func run(id string, n int) checks.Run {
	at := time.Date(2026, 1, 2, 3, 4, 5, n, time.UTC)
	r := checks.Run{ID: id, Target: checks.Target{Kind: "tree", Path: "/src"}, Started: at, Ended: at.Add(time.Second), Waivers: []checks.Waiver{}, Steps: []checks.Step{{Check: "secrets", Status: checks.OK}},
		Verdict: checks.Verdict{Findings: checks.Fail, Complete: true, Exit: 1, Reasons: []string{"x"}}}
	for i := range n {
		r.Findings = append(r.Findings, checks.Finding{Fingerprint: fmt.Sprintf("%064x", i), Check: "secrets", Rule: checks.Rule{ID: "r", Severity: checks.High}, Location: checks.Location{Path: "a"}})
	}
	return r
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "a%b?c#d.db")
	s := open(t, path)
	for i, id := range []string{"aa11", "aa22", "bb33"} {
		if err := s.Save(t.Context(), run(id, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Load(t.Context(), "aa2")
	if err != nil || !reflect.DeepEqual(got, run("aa22", 2)) {
		t.Errorf("Load: %+v, %v", got, err)
	}
	if last, err := s.Load(t.Context(), "last"); err != nil || last.ID != "bb33" {
		t.Errorf("last: %s, %v", last.ID, err)
	}
	for _, bad := range []string{"aa", "zz", "", "%"} {
		if _, err := s.Load(t.Context(), bad); !errors.Is(err, ErrNoRun) {
			t.Errorf("Load(%q): %v", bad, err)
		}
	}
	if list, err := s.List(t.Context(), 2); err != nil || len(list) != 2 || list[0].Findings != 3 {
		t.Errorf("List: %+v, %v", list, err)
	}
	if r, err := s.RunWith(t.Context(), fmt.Sprintf("%064x", 2)); err != nil || r.ID != "bb33" {
		t.Errorf("RunWith: %s, %v", r.ID, err)
	}
	if r, err := s.RunWithRule(t.Context(), "R"); err != nil || r.ID != "bb33" {
		t.Errorf("RunWithRule: %s, %v", r.ID, err)
	}
	if _, err := s.RunWithRule(t.Context(), "nowhere"); !errors.Is(err, ErrNoRun) {
		t.Errorf("RunWithRule of none: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the store's mode is %v, %v", info.Mode(), err)
	}
	if err := s.Save(t.Context(), run("aa11", 1)); err == nil {
		t.Error("one id was saved twice")
	}
}

// olderStore makes a store as the first release wrote it.
func olderStore(t *testing.T, path string, version int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, m := range migrations()[:min(version, len(migrations()))] {
		if _, err := db.Exec(m.sql); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		t.Fatal(err)
	}
}

func TestOlderStoreIsMigratedAfterACopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.db")
	olderStore(t, path, 1)
	s := open(t, path)
	if err := s.Save(t.Context(), run("aa", 1)); err != nil {
		t.Fatal(err)
	}
	copied, err := sql.Open("sqlite", CopyName(path, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if v, err := version(t.Context(), copied); err != nil || v != 1 {
		t.Errorf("the copy has format %d, %v", v, err)
	}
}

func TestNewerStoreIsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.db")
	olderStore(t, path, len(migrations())+1)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), path)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), path) {
		t.Errorf("Open: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || len(after) != len(before) {
		t.Errorf("it was changed: %v", err)
	}
}

func TestDamagedStoreIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil {
		t.Error("it was opened")
	}
}

// Several processes are several stores on one file.
func TestManyWritersAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.db")
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for w := range 8 {
		wg.Go(func() {
			s, err := Open(context.Background(), path)
			if err != nil {
				errs <- err
				return
			}
			defer s.Close()
			for i := range 5 {
				if err := s.Save(context.Background(), run(fmt.Sprintf("%d-%d", w, i), 20)); err != nil {
					errs <- err
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	if list, err := open(t, path).List(t.Context(), 100); err != nil || len(list) != 40 {
		t.Errorf("%d runs, %v", len(list), err)
	}
}
