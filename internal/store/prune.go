package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// RunInfo is what is needed to say whether a run may go.
type RunInfo struct {
	ID, Target, Commit string
	Started            time.Time
	// Bytes is what its rows take, without what an index adds.
	Bytes int64
}

// Retention says which runs may go: those that every part of it lets go. Its
// zero value lets all go but the newest of each target.
type Retention struct {
	// Before lets go only what began earlier; zero is any time.
	Before time.Time
	// Keep is how many of a target's newest runs stay; one always does.
	Keep int
	// Hold gives the reason for which a run stays that the rest lets go, "" for
	// none. It is asked while the store is locked, so it must not wait.
	Hold func(RunInfo) string
}

// Pruned is what went, or would, and why others stay that the bounds let go:
// reasons with their number of runs.
type Pruned struct {
	Runs []RunInfo
	Held map[string]int
}

// Bytes is what went.
func (p Pruned) Bytes() (n int64) {
	for _, r := range p.Runs {
		n += r.Bytes
	}
	return n
}

// Why a run stays whatever the caller says.
const (
	heldWaiver   = "the last that a waiver counted in"
	heldAttested = "a verification is remembered of its commit"
	heldFleet    = "a scan of the fleet names it"
	heldDamaged  = "the document is damaged, so that nobody can tell what it was evidence of"
)

// Prune removes runs, all of them or none. With dry it says only what would go.
// The newest run of a target stays, and so do runs that something refers to:
// the last one that a waiver counted in, those of a commit whose verification is
// remembered, and those that a scan of the fleet names. What was said of the
// runs that stay (what was new in them) was true then, and stays too.
func (s *Store) Prune(ctx context.Context, r Retention, dry bool) (Pruned, error) {
	held, err := s.waiversHold(ctx)
	if err != nil {
		return Pruned{}, err
	}
	tx, err := s.db.BeginTx(ctx, nil) // takes the lock: nothing is saved meanwhile
	if err != nil {
		return Pruned{}, err
	}
	defer tx.Rollback() // nothing to roll back after a commit
	if err := refersTo(ctx, tx, held); err != nil {
		return Pruned{}, err
	}
	p, err := choose(ctx, tx, r, held)
	if err != nil || dry || len(p.Runs) == 0 {
		return p, err
	}
	touched := map[string]bool{}
	for _, run := range p.Runs {
		if _, err := tx.ExecContext(ctx, `DELETE FROM runs WHERE id = ?`, run.ID); err != nil {
			return Pruned{}, err
		}
		touched[run.Target] = true
	}
	for target := range touched {
		if err := refresh(ctx, tx, target); err != nil {
			return Pruned{}, err
		}
	}
	return p, tx.Commit()
}

// waiversHold finds, for each waiver of each target, the newest run in which it
// counted; and the runs of which nobody can tell.
func (s *Store) waiversHold(ctx context.Context) (map[string]string, error) {
	all, err := s.summaries(ctx, `SELECT summary FROM kept ORDER BY at DESC, run_id DESC`)
	if err != nil {
		return nil, err
	}
	held, found := map[string]string{}, map[[2]string]bool{}
	for _, run := range all {
		if run.Unreadable {
			held[run.RunID] = heldDamaged
		}
		if run.Waived == 0 || run.Unreadable {
			continue
		}
		waivers, err := s.Waivers(ctx, run.RunID)
		if err != nil {
			held[run.RunID] = heldDamaged
			continue
		}
		for _, w := range waivers {
			if id := [2]string{run.Target, w.ID}; w.State == checks.WaiverApplied && !found[id] {
				found[id] = true
				held[run.RunID] = heldWaiver
			}
		}
	}
	return held, nil
}

// refersTo adds the runs that other tables name.
func refersTo(ctx context.Context, tx *sql.Tx, held map[string]string) error {
	for query, why := range map[string]string{
		`SELECT id FROM runs JOIN attested ON attested.target = runs.target AND attested.commit_id = runs.commit_id`: heldAttested,
		`SELECT run_id FROM fleet_items WHERE scan_id IN (SELECT id FROM fleet_scans WHERE ended = '')
			UNION SELECT run_id FROM (SELECT run_id, max(at) FROM fleet_items WHERE state <> 'pending' GROUP BY name)`: heldFleet,
	} {
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		ids, err := texts(rows)
		if err != nil {
			return err
		}
		for _, id := range ids {
			held[id] = why
		}
	}
	return nil
}

// choose goes through the runs of each target, newest first.
func choose(ctx context.Context, tx *sql.Tx, r Retention, held map[string]string) (Pruned, error) {
	p := Pruned{Held: map[string]int{}}
	all, err := infos(ctx, tx)
	if err != nil {
		return p, err
	}
	target, place := "", 0
	for i, run := range all {
		if i == 0 || run.Target != target {
			target, place = run.Target, 0
		}
		place++
		if place <= max(r.Keep, 1) || !r.Before.IsZero() && !run.Started.Before(r.Before) {
			continue
		}
		why := held[run.ID]
		if why == "" && r.Hold != nil {
			why = r.Hold(run)
		}
		if why != "" {
			p.Held[why]++
			continue
		}
		p.Runs = append(p.Runs, run)
	}
	return p, nil
}

// queryer reads rows, in a transaction or without one.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// infos gives all runs by target, the newest of each first.
func infos(ctx context.Context, q queryer) ([]RunInfo, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, runs.target, commit_id, started, length(document) + length(summary) + length(prints) + length(rows)
		FROM runs JOIN kept ON run_id = id ORDER BY runs.target, at DESC, run_id DESC`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // read only
	var all []RunInfo
	for rows.Next() {
		var run RunInfo
		var started string
		if err := rows.Scan(&run.ID, &run.Target, &run.Commit, &started, &run.Bytes); err != nil {
			return nil, err
		}
		// One that cannot be read is the beginning of time, as in what was
		// brought over from an older store.
		run.Started, _ = time.Parse(time.RFC3339Nano, started)
		all = append(all, run)
	}
	return all, rows.Err()
}

// Runs gives all runs by target, the newest of each first.
func (s *Store) Runs(ctx context.Context) ([]RunInfo, error) { return infos(ctx, s.db) }

// Clear removes every run and what was made of runs, and with fleet also what is
// watched. It gives the number of runs. The store stays one that a scan which is
// under way can save to: a file that is taken away from under it could not.
func (s *Store) Clear(ctx context.Context, fleet bool) (runs int, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // nothing to roll back after a commit
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM runs`).Scan(&runs); err != nil {
		return 0, err
	}
	tables := []string{"targets", "kept", "runs", "attested", "fleet_items", "fleet_scans"}
	if fleet {
		tables = append(tables, "fleet_repositories", "fleet_sources", "fleet_answers")
	}
	for _, t := range tables {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+t); err != nil {
			return 0, err
		}
	}
	return runs, tx.Commit()
}

// Shrink gives back the room of what was removed, and overwrites it by that. It
// needs as much free room as the store is large, and fails beside a writer that
// does not end: then the room is used again, and given back another time.
func (s *Store) Shrink(ctx context.Context) error {
	for _, do := range []string{`VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		if _, err := s.db.ExecContext(ctx, do); err != nil {
			return err
		}
	}
	return nil
}
