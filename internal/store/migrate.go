package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// migration brings a store from one version to the next: SQL, then a function,
// where either is given.
type migration struct {
	sql string
	do  func(ctx context.Context, tx *sql.Tx) error
}

func (m migration) take(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, m.sql); err != nil {
		return err
	}
	if m.do == nil {
		return nil
	}
	return m.do(ctx, tx)
}

// migrations bring a store from the version of their index to the next. They
// are never changed once released: a new one is added.
func migrations() []migration {
	return []migration{
		{sql: `CREATE TABLE runs (
			id TEXT PRIMARY KEY,
			target TEXT NOT NULL, remote TEXT NOT NULL, commit_id TEXT NOT NULL,
			started TEXT NOT NULL, ended TEXT NOT NULL,
			exit INTEGER NOT NULL, findings TEXT NOT NULL, complete INTEGER NOT NULL,
			document BLOB NOT NULL);
		 CREATE INDEX runs_target ON runs (target, started);`},
		{sql: `CREATE TABLE findings (
			run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
			fingerprint TEXT NOT NULL, check_name TEXT NOT NULL, rule TEXT NOT NULL,
			severity INTEGER NOT NULL, path TEXT NOT NULL, line INTEGER NOT NULL);
		 CREATE INDEX findings_run ON findings (run_id, severity);
		 CREATE INDEX findings_fingerprint ON findings (fingerprint);`},
		// What lists are made of: per run one row with its findings in columns,
		// per target one with its newest run. The table before it had no rows for
		// the runs that were there before it, and a run without rows would look
		// like a run without findings: all is made anew from the documents.
		{sql: `DROP TABLE findings;
		 CREATE TABLE kept (
			run_id TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
			target TEXT NOT NULL, at INTEGER NOT NULL,
			key_id TEXT NOT NULL, findings INTEGER NOT NULL, open INTEGER, complete INTEGER NOT NULL,
			summary BLOB NOT NULL, prints BLOB NOT NULL, rows BLOB NOT NULL);
		 CREATE INDEX kept_target ON kept (target, at, run_id);
		 CREATE INDEX kept_at ON kept (at, run_id);
		 CREATE TABLE targets (
			target TEXT PRIMARY KEY,
			run_id TEXT NOT NULL REFERENCES runs (id) DEFERRABLE INITIALLY DEFERRED,
			remote TEXT NOT NULL, summary BLOB NOT NULL);`, do: keepAll},
		{sql: attestedTable},
		{sql: fleetTables},
	}
}

// keepAll brings over the runs of an older store.
func keepAll(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM runs ORDER BY rowid`)
	if err != nil {
		return err
	}
	ids, err := texts(rows)
	if err != nil {
		return err
	}
	for _, id := range ids {
		k, err := older(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := keep(ctx, tx, k); err != nil {
			return fmt.Errorf("run %s: %w", id, err)
		}
	}
	return nil
}

// texts reads rows of one text and closes them.
func texts(rows *sql.Rows) (all []string, err error) {
	defer rows.Close() // read only
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// exitUnknown is what a run exits with that nobody can read: the number of
// internal/judge, which is above this package.
const exitUnknown = 3

// older reads a run from its document. One that cannot be read is kept as a run
// of which nobody can tell anything: neither lost nor without findings.
func older(ctx context.Context, tx *sql.Tx, id string) (kept, error) {
	var target, remote, commit, started, ended string
	var doc []byte
	err := tx.QueryRowContext(ctx, `SELECT target, remote, commit_id, started, ended, document FROM runs WHERE id = ?`, id).
		Scan(&target, &remote, &commit, &started, &ended, &doc)
	if err != nil {
		return kept{}, err
	}
	run, err := unpack(doc)
	if err == nil && (run.ID != id || run.Target.Path != target) {
		err = errors.New("it is of another run")
	}
	if err == nil {
		return kept{run: run, readable: true}, nil
	}
	run = checks.Run{ID: id, Target: checks.Target{Path: target, Remote: remote, Commit: commit}}
	// A time that cannot be read either is the beginning of time.
	run.Started, _ = time.Parse(time.RFC3339Nano, started)
	run.Ended, _ = time.Parse(time.RFC3339Nano, ended)
	run.Verdict = checks.Verdict{Findings: checks.Unknown, Exit: exitUnknown, Reasons: []string{"the document of this run cannot be read: " + err.Error()}}
	return kept{run: run}, nil
}
