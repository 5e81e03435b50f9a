package store

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// TargetSummary is one run of a target as a board shows it, without opening
// its document.
type TargetSummary struct {
	// Target is the path, Repo what a person calls it.
	Target  string
	Repo    string
	Kind    string
	RunID   string
	Remote  string
	Commit  string
	Branch  string
	Project string
	Dirty   bool
	Started time.Time
	Ended   time.Time
	// Verdict is the run's own, under the gate of its time.
	Verdict checks.Verdict
	// Unreadable says that the run's document is damaged: its counts are no
	// counts, and its verdict is that nobody can tell.
	Unreadable bool
	// Findings counts all, Open those that nothing sets aside, New the open
	// ones that the run before did not have. New means something only where
	// NewKnown is set. A finding that is both waived and ignored is in both.
	Findings int
	Open     search.Counts
	New      search.Counts
	NewKnown bool
	Waived   int
	Ignored  int
	// Trend holds the last runs of the target, the oldest first and this one
	// last; only a board has it.
	Trend []Total
	// Steps are those that are not ok, of StepCount.
	Steps     []StepState
	StepCount int
	// Controls are those that open findings touch, each once, in order.
	Controls []string
}

// Total is how many findings were open in a run. One that is not complete may
// have missed some, and of one that is not known nobody can tell.
type Total struct {
	Open     int
	Complete bool
	Known    bool
}

// StepState is how a step ended.
type StepState struct {
	Check  string
	Status checks.Status
}

// summarize says of a run what does not hang on other runs.
func summarize(k kept) TargetSummary {
	run := k.run
	s := TargetSummary{
		Target: run.Target.Path, Repo: RepoName(run.Target.Remote, run.Target.Path), Kind: run.Target.Kind, RunID: run.ID,
		Remote: run.Target.Remote, Commit: run.Target.Commit, Branch: run.Target.Branch, Project: run.Target.Project, Dirty: run.Target.Dirty,
		Started: run.Started.UTC(), Ended: run.Ended.UTC(), Verdict: run.Verdict, Unreadable: !k.readable, StepCount: len(run.Steps),
	}
	for _, st := range run.Steps {
		if st.Status != checks.OK {
			s.Steps = append(s.Steps, StepState{st.Check, st.Status})
		}
	}
	touched := map[string]bool{}
	for i := range run.Findings {
		if f := &run.Findings[i]; f.Waived == nil && f.Ignored == nil {
			for _, c := range f.Controls {
				touched[c] = true
			}
		}
	}
	for c := range touched {
		s.Controls = append(s.Controls, c)
	}
	slices.Sort(s.Controls)
	return s
}

// count counts a table; compared says whether there was a run to compare with.
func (s *TargetSummary) count(t *table, compared bool) {
	s.Findings, s.Open, s.New, s.Waived, s.Ignored = len(t.items), search.Counts{}, search.Counts{}, 0, 0
	known := true
	for i := range t.items {
		it := &t.items[i]
		known = known && it.NewKnown
		if it.Waived {
			s.Waived++
		}
		if it.Ignored {
			s.Ignored++
		}
		if it.Waived || it.Ignored {
			continue
		}
		sev := t.kinds[it.Kind].Severity
		if sev < checks.Unrated || sev > checks.Critical {
			sev = checks.Unrated
		}
		s.Open[sev]++
		if it.New {
			s.New[sev]++
		}
	}
	s.NewKnown = known && (compared || len(t.items) > 0)
}

// RepoName is what a person calls a target: the path of its remote without the
// host, or the name of its directory.
func RepoName(remote, target string) string {
	path := remote
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		path = u.Path
	} else if host, rest, ok := strings.Cut(remote, ":"); ok && !strings.Contains(host, "/") {
		path = rest // as git@host:path
	}
	if path = strings.TrimSuffix(strings.Trim(path, "/"), ".git"); path != "" {
		return path
	}
	return filepath.Base(target)
}

// Board gives the newest run of every target, by target.
func (s *Store) Board(ctx context.Context) ([]TargetSummary, error) {
	return s.summaries(ctx, `SELECT summary FROM targets ORDER BY target`)
}

// RunsOf gives a target's runs, newest first, at most limit.
func (s *Store) RunsOf(ctx context.Context, target string, limit int) ([]TargetSummary, error) {
	return s.summaries(ctx, `SELECT summary FROM kept WHERE target = ? ORDER BY at DESC, run_id DESC LIMIT ?`, target, limit)
}

func (s *Store) summaries(ctx context.Context, query string, args ...any) ([]TargetSummary, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // read only
	var all []TargetSummary
	for rows.Next() {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return nil, err
		}
		t, err := readRecord(raw)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}
