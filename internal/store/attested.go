package store

import (
	"context"
	"time"
)

// Attested is what a verification said about the evidence of a commit. It is
// kept so that a board can show it with its age; who decides verifies again.
type Attested struct {
	Target, Commit string
	// State is the caller's word, "" when nobody could look; Reason says why.
	State, Reason string
	At            time.Time
}

// attestedTable is the migration that this file needs.
const attestedTable = `CREATE TABLE attested (
	target TEXT PRIMARY KEY, commit_id TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL)`

// PutAttested keeps answers, each in the place of an older one about its
// target.
func (s *Store) PutAttested(ctx context.Context, all []Attested) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing to roll back after a commit
	for _, a := range all {
		if _, err := tx.ExecContext(ctx, `INSERT INTO attested VALUES (?,?,?,?,?)
			ON CONFLICT (target) DO UPDATE SET commit_id = excluded.commit_id, state = excluded.state, reason = excluded.reason, at = excluded.at
			WHERE excluded.at >= attested.at`, a.Target, a.Commit, a.State, a.Reason, a.At.UnixMilli()); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Attested gives what is kept, by target.
func (s *Store) Attested(ctx context.Context) (map[string]Attested, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT target, commit_id, state, reason, at FROM attested`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // read only
	out := map[string]Attested{}
	for rows.Next() {
		var a Attested
		var at int64
		if err := rows.Scan(&a.Target, &a.Commit, &a.State, &a.Reason, &at); err != nil {
			return nil, err
		}
		a.At = time.UnixMilli(at).UTC()
		out[a.Target] = a
	}
	return out, rows.Err()
}
