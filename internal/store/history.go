package store

import (
	"context"
	"database/sql"
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
