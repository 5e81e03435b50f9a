package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// Sighting is a run of a target, and how often it had a finding.
type Sighting struct {
	Run   TargetSummary
	Count int
}

// FindingHistory says when a target had a finding.
type FindingHistory struct {
	// Runs are the target's runs, newest first, with the finding and without.
	Runs []Sighting
	// First and Last are the places in Runs where it was first and last seen,
	// -1 where it never was.
	First, Last int
	// Older says that there are runs before these, so that it may have been
	// there earlier than First.
	Older bool
	// Gone says that a run after the last one that had it was complete and did
	// not. A run that is not complete may have missed it.
	Gone bool
}

// History looks for a finding, by its whole fingerprint, in the newest runs of
// a target, at most limit.
func (s *Store) History(ctx context.Context, target, fingerprint string, limit int) (FindingHistory, error) {
	h := FindingHistory{First: -1, Last: -1}
	rows, err := s.db.QueryContext(ctx, `SELECT findings, summary, prints FROM kept WHERE target = ? ORDER BY at DESC, run_id DESC LIMIT ?`, target, limit+1)
	if err != nil {
		return h, err
	}
	defer rows.Close() // read only
	for rows.Next() {
		if len(h.Runs) == limit {
			h.Older = true
			break
		}
		var n int
		var summary, prints sql.RawBytes
		if err := rows.Scan(&n, &summary, &prints); err != nil {
			return h, err
		}
		run, err := readRecord(summary)
		if err != nil {
			return h, err
		}
		h.add(Sighting{Run: run, Count: countPrints(n, prints, fingerprint)})
	}
	h.Gone = h.Gone && h.Last >= 0
	return h, rows.Err()
}

// add takes the next older run.
func (h *FindingHistory) add(s Sighting) {
	if s.Count > 0 {
		h.First = len(h.Runs)
		if h.Last < 0 {
			h.Last = len(h.Runs)
		}
	}
	if h.Last < 0 && s.Run.Verdict.Complete {
		h.Gone = true
	}
	h.Runs = append(h.Runs, s)
}

// FirstSeen is when each of a run's findings was first seen in its target by
// the runs that are kept, at most limit of them up to and with that run. since
// is when the oldest of these began, zero where no earlier run is kept: what that
// one has may be older. A finding of no earlier run was first seen by this one,
// but where its identity hangs on a key and an earlier run had another, nobody
// knows, and it is not in first.
func (s *Store) FirstSeen(ctx context.Context, run checks.Run, limit int) (first map[string]time.Time, since time.Time, err error) {
	first, wanted := map[string]time.Time{}, map[search.Print]string{}
	for _, f := range run.Findings {
		if p, ok := search.ParsePrint(f.Fingerprint); ok {
			wanted[p], first[f.Fingerprint] = f.Fingerprint, run.Started
		}
	}
	rows, err := s.db.QueryContext(ctx, `SELECT at, key_id, findings, prints FROM kept WHERE target = ? AND at < ? ORDER BY at DESC, run_id DESC LIMIT ?`, run.Target.Path, instant(run.Started), limit)
	if err != nil {
		return nil, since, err
	}
	defer rows.Close() // read only
	otherKey := false
	for rows.Next() {
		var at int64
		var key string
		var n int
		var prints sql.RawBytes
		if err := rows.Scan(&at, &key, &n, &prints); err != nil {
			return nil, since, err
		}
		otherKey = otherKey || key != run.IdentityKeyID
		since = time.Unix(0, at).UTC()
		for i := range min(n, len(prints)/len(search.Print{})) {
			if text, ok := wanted[search.Print(prints[i*len(search.Print{}):])]; ok {
				first[text] = since
			}
		}
	}
	for _, f := range run.Findings {
		if otherKey && f.ValueBound && first[f.Fingerprint].Equal(run.Started) {
			delete(first, f.Fingerprint)
		}
	}
	return first, since, rows.Err()
}
