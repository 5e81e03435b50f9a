package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// randomRun makes a run of one of a few targets with a few of the same findings.
func randomRun(r *rand.Rand, id int) checks.Run {
	run := checks.Run{
		ID: fmt.Sprintf("run-%03d", id), Target: checks.Target{Kind: "tree", Path: fmt.Sprintf("/src/%d", r.IntN(3)), Commit: fmt.Sprint(id), Branch: "main", Dirty: r.IntN(2) == 0},
		// Few times, so that some are the same; fractions, since as texts they
		// order in another way than as times.
		Started: time.Date(2026, 1, 2, 3, 4, 5, r.IntN(12)*250_000_000, time.UTC), IdentityKeyID: []string{"one", "two", ""}[r.IntN(3)],
		Steps: []checks.Step{{Check: "secrets", Status: checks.OK}}, Verdict: checks.Verdict{Findings: checks.Fail, Complete: true, Exit: 1, Reasons: []string{"x"}},
	}
	if r.IntN(4) == 0 {
		run.Steps = append(run.Steps, checks.Step{Check: "deps", Status: checks.Missing})
		run.Verdict = checks.Verdict{Findings: checks.Unknown, Exit: 3}
	}
	for range r.IntN(9) {
		f := checks.Finding{Fingerprint: fmt.Sprintf("%064x", r.IntN(5)), Check: "secrets", ValueBound: r.IntN(4) == 0, Controls: []string{fmt.Sprint(r.IntN(3))},
			Rule: checks.Rule{ID: "r", Severity: checks.Severity(r.IntN(6))}, Location: checks.Location{Path: fmt.Sprint(r.IntN(3)), StartLine: r.IntN(9)}}
		if r.IntN(8) == 0 {
			f.Fingerprint = "of another form"
		}
		if r.IntN(5) == 0 {
			f.Ignored = &checks.Ignored{By: "x"}
		}
		if r.IntN(5) == 0 {
			f.Waived = &checks.Waived{ID: "x"}
		}
		if r.IntN(5) == 0 {
			isNew := r.IntN(2) == 0
			f.New = &isNew
		}
		run.Findings = append(run.Findings, f)
	}
	return run
}

// recompute says from the runs alone what the board must be, and which rows of
// the newest runs are new ("new", "known", "").
func recompute(runs []checks.Run) (map[string]TargetSummary, map[string][]string) {
	sorted := slices.Clone(runs)
	slices.SortFunc(sorted, func(a, b checks.Run) int {
		if c := a.Started.Compare(b.Started); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	board, news := map[string]TargetSummary{}, map[string][]string{}
	last := map[string]*checks.Run{}
	for _, run := range sorted {
		target := run.Target.Path
		news[target] = newness(run, last[target])
		s := expected(run, news[target], last[target] != nil)
		s.Trend = append(slices.Clone(board[target].Trend), Total{Open: s.Open.Total(), Complete: run.Verdict.Complete, Known: true})
		s.Trend = s.Trend[max(0, len(s.Trend)-8):]
		board[target] = s
		last[target] = &run
	}
	return board, news
}

func newness(run checks.Run, before *checks.Run) []string {
	var out []string
	for i, f := range run.Findings {
		switch {
		case f.New != nil && *f.New:
			out = append(out, "new")
		case f.New != nil:
			out = append(out, "known")
		case before == nil:
			out = append(out, "")
		case f.ValueBound && (run.IdentityKeyID == "" || run.IdentityKeyID != before.IdentityKeyID):
			out = append(out, "new")
		default:
			place, had := 0, 0
			for _, g := range run.Findings[:i+1] {
				if g.Fingerprint == f.Fingerprint {
					place++
				}
			}
			for _, g := range before.Findings {
				if g.Fingerprint == f.Fingerprint {
					had++
				}
			}
			out = append(out, map[bool]string{true: "new", false: "known"}[place > had])
		}
	}
	return out
}

func expected(run checks.Run, news []string, compared bool) TargetSummary {
	s := TargetSummary{Target: run.Target.Path, Repo: filepath.Base(run.Target.Path), Kind: "tree", RunID: run.ID, Commit: run.Target.Commit, Branch: "main", Dirty: run.Target.Dirty,
		Started: run.Started, Ended: run.Ended, Verdict: run.Verdict, Findings: len(run.Findings), StepCount: len(run.Steps)}
	s.NewKnown = (compared || len(news) > 0) && !slices.Contains(news, "")
	controls := map[string]bool{}
	for i, f := range run.Findings {
		if f.Waived != nil {
			s.Waived++
		}
		if f.Ignored != nil {
			s.Ignored++
		}
		if f.Waived == nil && f.Ignored == nil {
			s.Open[f.Rule.Severity]++
			controls[f.Controls[0]] = true
			if news[i] == "new" {
				s.New[f.Rule.Severity]++
			}
		}
	}
	s.Controls = slices.Sorted(maps.Keys(controls))
	for _, st := range run.Steps[1:] {
		s.Steps = append(s.Steps, StepState{st.Check, st.Status})
	}
	return s
}

// holdsTo compares what the store says with what the runs say.
func holdsTo(t *testing.T, s *Store, runs []checks.Run) {
	t.Helper()
	want, news := recompute(runs)
	board, err := s.Board(t.Context())
	if err != nil || len(board) != len(want) {
		t.Fatalf("%d targets of %d, %v", len(board), len(want), err)
	}
	for _, got := range board {
		if !reflect.DeepEqual(got, want[got.Target]) {
			t.Fatalf("%s is\n%+v\nnot\n%+v", got.Target, got, want[got.Target])
		}
	}
	err = s.Rows(t.Context(), nil, func(b search.Batch) error {
		var got []string
		for _, it := range b.Items {
			got = append(got, map[[2]bool]string{{true, true}: "new", {false, true}: "known"}[[2]bool{it.New, it.NewKnown}])
		}
		if !slices.Equal(got, news[b.Target]) || b.Run != want[b.Target].RunID {
			t.Fatalf("run %s of %s has %v, not %v", b.Run, b.Target, got, news[b.Target])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The summaries are what the documents say, in whatever order runs are saved.
func TestSummariesAreTheDocuments(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := open(t, filepath.Join(t.TempDir(), "runs.db"))
		var runs []checks.Run
		for i := range 40 {
			run := randomRun(r, r.IntN(10)*100+i)
			if err := s.Save(t.Context(), run); err != nil {
				t.Fatal(err)
			}
			runs = append(runs, run)
			if i%5 == 0 {
				holdsTo(t, s, runs)
			}
		}
		holdsTo(t, s, runs)
	}
}

// saveAs writes runs as an older vitalsign did.
func saveAs(t *testing.T, path string, version int, runs []checks.Run) {
	t.Helper()
	olderStore(t, path, version)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, run := range runs {
		doc, err := pack(run)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(`INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,?)`,
			run.ID, run.Target.Path, run.Target.Remote, run.Target.Commit, run.Started.UTC().Format(time.RFC3339Nano), run.Ended.UTC().Format(time.RFC3339Nano),
			run.Verdict.Exit, string(run.Verdict.Findings), run.Verdict.Complete, doc); err != nil {
			t.Fatal(err)
		}
		for _, f := range run.Findings {
			if version < 2 {
				break
			}
			if _, err := db.Exec(`INSERT INTO findings VALUES (?,?,?,?,?,?,?)`, run.ID, f.Fingerprint, f.Check, f.Rule.ID, int(f.Rule.Severity), f.Location.Path, f.Location.StartLine); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A store of any version is brought over whole.
func TestOlderRunsAreBroughtOver(t *testing.T) {
	for _, version := range []int{1, 2} {
		r := rand.New(rand.NewPCG(7, uint64(version)))
		var runs []checks.Run
		for i := range 25 {
			runs = append(runs, randomRun(r, i))
		}
		path := filepath.Join(t.TempDir(), "runs.db")
		saveAs(t, path, version, runs)
		s := open(t, path)
		holdsTo(t, s, runs)
		for _, run := range runs {
			if got, err := s.Load(t.Context(), run.ID); err != nil || len(got.Findings) != len(run.Findings) {
				t.Errorf("version %d: %s: %v", version, run.ID, err)
			}
		}
		later := randomRun(r, 99)
		if err := s.Save(t.Context(), later); err != nil {
			t.Fatal(err)
		}
		holdsTo(t, s, append(runs, later))
	}
}

// A run that cannot be read is neither lost nor clean, and the store is usable.
func TestUnreadableRunIsNotClean(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.db")
	first, second := run("aa", 2), run("bb", 3)
	saveAs(t, path, 2, []checks.Run{first, second})
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE runs SET document = x'00', exit = 0 WHERE id = 'bb'`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	s := open(t, path)
	board, err := s.Board(t.Context())
	if err != nil || len(board) != 1 {
		t.Fatal(board, err)
	}
	b := board[0]
	if b.RunID != "bb" || !b.Unreadable || b.Verdict.Exit != 3 || b.Verdict.Complete || b.NewKnown || len(b.Trend) != 2 || b.Trend[1].Known || !b.Trend[0].Known || !b.Started.Equal(second.Started) {
		t.Errorf("%+v", b)
	}
	third := run("cc", 4)
	if err := s.Save(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	if board, err = s.Board(t.Context()); err != nil || board[0].RunID != "cc" || board[0].NewKnown {
		t.Errorf("nothing is known against a run that cannot be read: %+v, %v", board, err)
	}
}

// The newest run stays the newest when it is cut short or comes first.
func TestNewestStaysNewest(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "runs.db"))
	cut, whole := run("cut", 9), run("whole", 5)
	cut.Verdict = checks.Verdict{Findings: checks.Unknown, Exit: 130, Reasons: []string{"interrupted"}}
	cut.Findings = nil
	for _, r := range []checks.Run{cut, whole} { // the older one is saved later
		if err := s.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	board, err := s.Board(t.Context())
	if err != nil || len(board) != 1 || board[0].RunID != "cut" || board[0].Verdict.Exit != 130 {
		t.Errorf("%+v, %v", board, err)
	}
	runs, err := s.RunsOf(t.Context(), "/src", 5)
	if err != nil || len(runs) != 2 || runs[0].RunID != "cut" || runs[1].Open[checks.High] != 5 {
		t.Errorf("%+v, %v", runs, err)
	}
}

func TestHistory(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "runs.db"))
	// The finding numbered 2 is there while a run has three or more.
	for i, n := range []int{1, 3, 4, 0, 2} {
		r := run(fmt.Sprintf("r%d", i), n)
		r.Started = r.Started.Add(time.Duration(i) * time.Hour)
		r.Verdict.Complete = i != 3 // one that is not complete may have missed it
		if err := s.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		h, err := s.History(t.Context(), "/src", fmt.Sprintf("%064x", 2), 10)
		want := []FindingHistory{{First: -1, Last: -1}, {First: 0, Last: 0}, {First: 1, Last: 0}, {First: 2, Last: 1}, {First: 3, Last: 2, Gone: true}}[i]
		if err != nil || len(h.Runs) != i+1 || h.First != want.First || h.Last != want.Last || h.Gone != want.Gone || h.Older {
			t.Errorf("after %d runs: %+v, %v", i+1, h, err)
		}
	}
	if h, err := s.History(t.Context(), "/src", fmt.Sprintf("%064x", 2), 3); err != nil || !h.Older || len(h.Runs) != 3 || h.First != 2 || h.Runs[2].Count != 1 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestPartsOfADocument(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "runs.db"))
	many, none := run("many", 3), run("none", 0)
	for i := range many.Findings {
		many.Findings[i].Evidence.Message = fmt.Sprintf("\"waivers\": \"%d\" [}", i)
	}
	many.Waivers = []checks.Waiver{{ID: "w", Rule: "r", State: checks.WaiverApplied, Covers: 2}, {ID: "v", State: checks.WaiverExpired}}
	for _, r := range []checks.Run{many, none} {
		if err := s.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Waivers(t.Context(), "nowhere"); !errors.Is(err, ErrNoRun) {
		t.Error(err)
	}
	for _, r := range []checks.Run{many, none} {
		if got, err := s.Waivers(t.Context(), r.ID); err != nil || !reflect.DeepEqual(got, r.Waivers) {
			t.Errorf("%s: %+v, %v", r.ID, got, err)
		}
	}
}

func TestRowsOfSome(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "runs.db"))
	for i := range 30 {
		r := run(fmt.Sprint(i), i)
		r.Target.Path, r.Target.Remote = fmt.Sprintf("/src/%d", i), "git@forge.example:clinic/"+fmt.Sprint(i)+".git"
		if err := s.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	each := func(b search.Batch) error {
		got = append(got, fmt.Sprintf("%s %d", b.Repo, len(b.Items)))
		return nil
	}
	if err := s.Rows(t.Context(), []string{"/src/3", "/nowhere", "/src/21"}, each); err != nil || !slices.Equal(got, []string{"clinic/3 3", "clinic/21 21"}) {
		t.Errorf("%v, %v", got, err)
	}
	stop := errors.New("enough")
	if err := s.Rows(t.Context(), nil, func(search.Batch) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Rows(ctx, nil, each); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRepoName(t *testing.T) {
	for remote, want := range map[string]string{
		"https://forge.example/clinic/portal.git": "clinic/portal", "https://user:secret@forge.example/a/b/c": "a/b/c",
		"git@forge.example:clinic/portal.git": "clinic/portal", "ssh://git@forge.example:22/x/y.git": "x/y", "": "here", "/mirrors/p.git": "mirrors/p",
	} {
		if got := RepoName(remote, "/some/where/here"); got != want {
			t.Errorf("%q is %q, not %q", remote, got, want)
		}
	}
}

func TestFirstSeen(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "runs.db"))
	var at []time.Time
	var last checks.Run
	for i, n := range []int{1, 3, 2, 4} {
		last = run(fmt.Sprintf("r%d", i), n)
		last.Started = last.Started.Add(time.Duration(i) * time.Hour)
		at = append(at, last.Started.UTC())
		if err := s.Save(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if first, since, err := s.FirstSeen(t.Context(), last, 10); err != nil || !since.IsZero() || len(first) != 1 {
				t.Errorf("the first run: %v since %v, %v", first, since, err)
			}
		}
	}
	print := func(i int) string { return last.Findings[i].Fingerprint }
	for limit, want := range map[int]map[string]time.Time{
		10: {print(0): at[0], print(1): at[1], print(2): at[1], print(3): at[3]},
		1:  {print(0): at[2], print(1): at[2], print(2): at[3], print(3): at[3]},
	} {
		first, since, err := s.FirstSeen(t.Context(), last, limit)
		if err != nil || len(first) != 4 || !since.Equal(at[max(0, 3-limit)]) {
			t.Errorf("%v since %v, %v", first, since, err)
		}
		for f, when := range want {
			if !first[f].Equal(when) {
				t.Errorf("limit %d: %s was first seen %v, want %v", limit, f, first[f], when)
			}
		}
	}
	// Under another key a finding that holds a value cannot be told from a new one.
	rekeyed := last
	rekeyed.IdentityKeyID = "another"
	rekeyed.Findings = slices.Clone(last.Findings)
	rekeyed.Findings[3].ValueBound = true
	if first, _, err := s.FirstSeen(t.Context(), rekeyed, 10); err != nil || len(first) != 3 || !first[print(3)].IsZero() {
		t.Errorf("under another key: %v, %v", first, err)
	}
	// What came later says nothing of an earlier run, nor another target's runs.
	early := last
	early.Started = at[0]
	other := last
	other.Target.Path = "/other"
	for _, r := range []checks.Run{early, other} {
		if first, since, err := s.FirstSeen(t.Context(), r, 10); err != nil || !since.IsZero() || !first[print(0)].Equal(r.Started) {
			t.Errorf("%v since %v, %v", first, since, err)
		}
	}
}
