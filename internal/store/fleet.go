package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"
)

// fleetTables hold which repositories are watched, how far a scan of them is,
// and what the forge answered before. They know nothing of other tables: a run
// is named by its id.
const fleetTables = `CREATE TABLE fleet_sources (
		name TEXT PRIMARY KEY, api TEXT NOT NULL, filter TEXT NOT NULL, added TEXT NOT NULL, refreshed TEXT NOT NULL);
	 CREATE TABLE fleet_repositories (
		source TEXT NOT NULL REFERENCES fleet_sources (name) ON DELETE CASCADE,
		name TEXT NOT NULL, target TEXT NOT NULL, document TEXT NOT NULL,
		PRIMARY KEY (source, name));
	 CREATE TABLE fleet_scans (
		id TEXT PRIMARY KEY, selection TEXT NOT NULL, started TEXT NOT NULL, ended TEXT NOT NULL);
	 CREATE TABLE fleet_items (
		scan_id TEXT NOT NULL REFERENCES fleet_scans (id) ON DELETE CASCADE,
		name TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, run_id TEXT NOT NULL, exit INTEGER NOT NULL,
		at TEXT NOT NULL, PRIMARY KEY (scan_id, name));
	 CREATE TABLE fleet_answers (
		address TEXT NOT NULL, who TEXT NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (address, who));`

// FleetSource is what somebody asked to be watched.
type FleetSource struct {
	Name string `json:"name"`
	// API is the forge's address, "" for a path.
	API string `json:"api,omitempty"`
	// Filter is kept as it was given, for who knows its form.
	Filter    json.RawMessage `json:"filter,omitempty"`
	Added     time.Time       `json:"added"`
	Refreshed time.Time       `json:"refreshed"`
}

// FleetRepository is one that a source gave.
type FleetRepository struct {
	// Name is its name in the fleet: OWNER/REPO, with the host before it where
	// that is not GitHub's, or a path.
	Name   string `json:"name"`
	Source string `json:"source"`
	// Target is the path under which its runs are kept.
	Target string `json:"target"`
	// CloneURL is where it is brought from, "" for one that is scanned in place.
	CloneURL string    `json:"clone_url,omitempty"`
	API      string    `json:"api,omitempty"`
	Branch   string    `json:"default_branch,omitempty"`
	Archived bool      `json:"archived,omitempty"`
	Private  bool      `json:"private,omitempty"`
	Topics   []string  `json:"topics,omitempty"`
	Seen     time.Time `json:"seen"`
	// Gone says why it is scanned no more, "" while it is.
	Gone string `json:"gone,omitempty"`
}

// FleetState is how far an item of a scan is. Its zero value is none of them.
type FleetState string

// The states of an item.
const (
	FleetPending FleetState = "pending"
	FleetDone    FleetState = "done"
	FleetFailed  FleetState = "failed"
)

// FleetItem is one repository in a scan.
type FleetItem struct {
	Name   string     `json:"name"`
	State  FleetState `json:"state"`
	Reason string     `json:"reason,omitempty"` // of a failure
	RunID  string     `json:"run,omitempty"`
	Exit   int        `json:"exit"` // of what is done or failed
	At     time.Time  `json:"at"`
}

// FleetScan is one scan of the fleet, or of a selection.
type FleetScan struct {
	ID        string
	Selection string // "" for all
	Started   time.Time
	Ended     time.Time // zero while it is not finished
	Items     []FleetItem
}

// stamp writes a time so that the order of the texts is that of the times: in
// RFC 3339, and always to the nanosecond.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z07:00")
}

func unstamp(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, s)
}

// PutFleetSource keeps a source with all repositories that it has now, whole or
// not at all: what is not among them is known no more.
func (s *Store) PutFleetSource(ctx context.Context, src FleetSource, repositories []FleetRepository) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing to roll back after a commit
	_, err = tx.ExecContext(ctx, `INSERT INTO fleet_sources VALUES (?,?,?,?,?)
		ON CONFLICT (name) DO UPDATE SET api = excluded.api, filter = excluded.filter, refreshed = excluded.refreshed`,
		src.Name, src.API, string(src.Filter), stamp(src.Added), stamp(src.Refreshed))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM fleet_repositories WHERE source = ?`, src.Name); err != nil {
		return err
	}
	for _, r := range repositories {
		doc, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO fleet_repositories VALUES (?,?,?,?)`, src.Name, r.Name, r.Target, string(doc)); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	return tx.Commit()
}

// RemoveFleetSource forgets a source and what it gave; its runs stay. ok is
// false when there is none of that name.
func (s *Store) RemoveFleetSource(ctx context.Context, name string) (ok bool, err error) {
	res, err := s.db.ExecContext(ctx, `DELETE FROM fleet_sources WHERE name = ?`, name)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// FleetSources gives the sources by name.
func (s *Store) FleetSources(ctx context.Context) ([]FleetSource, error) {
	return rows(ctx, s.db, func(r *sql.Rows) (f FleetSource, err error) {
		var filter, added, refreshed string
		if err := r.Scan(&f.Name, &f.API, &filter, &added, &refreshed); err != nil {
			return f, err
		}
		if filter != "" {
			f.Filter = json.RawMessage(filter)
		}
		f.Added, err = unstamp(added)
		if err == nil {
			f.Refreshed, err = unstamp(refreshed)
		}
		return f, err
	}, `SELECT name, api, filter, added, refreshed FROM fleet_sources ORDER BY name`)
}

// FleetRepositories gives what all sources gave, by name and source.
func (s *Store) FleetRepositories(ctx context.Context) ([]FleetRepository, error) {
	return rows(ctx, s.db, func(r *sql.Rows) (f FleetRepository, err error) {
		var doc string
		if err := r.Scan(&doc); err != nil {
			return f, err
		}
		return f, json.Unmarshal([]byte(doc), &f)
	}, `SELECT document FROM fleet_repositories ORDER BY name, source`)
}

// BeginFleetScan keeps a new scan with its items. One of the same selection
// that was not finished is given up.
func (s *Store) BeginFleetScan(ctx context.Context, scan FleetScan) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing to roll back after a commit
	if _, err := tx.ExecContext(ctx, `DELETE FROM fleet_scans WHERE selection = ? AND ended = ''`, scan.Selection); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO fleet_scans VALUES (?,?,?,'')`, scan.ID, scan.Selection, stamp(scan.Started)); err != nil {
		return err
	}
	for _, i := range scan.Items {
		if err := putItem(ctx, tx, scan.ID, i); err != nil {
			return err
		}
	}
	return tx.Commit()
}

type executer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func putItem(ctx context.Context, e executer, scan string, i FleetItem) error {
	_, err := e.ExecContext(ctx, `INSERT INTO fleet_items VALUES (?,?,?,?,?,?,?)
		ON CONFLICT (scan_id, name) DO UPDATE SET state = excluded.state, reason = excluded.reason, run_id = excluded.run_id, exit = excluded.exit, at = excluded.at`,
		scan, i.Name, string(i.State), i.Reason, i.RunID, i.Exit, stamp(i.At))
	return err
}

// PutFleetItem writes down how far one item of a scan is.
func (s *Store) PutFleetItem(ctx context.Context, scan string, i FleetItem) error {
	return putItem(ctx, s.db, scan, i)
}

// EndFleetScan says that a scan is finished.
func (s *Store) EndFleetScan(ctx context.Context, scan string, at time.Time) error {
	_, err := s.db.ExecContext(ctx, `UPDATE fleet_scans SET ended = ? WHERE id = ?`, stamp(at), scan)
	return err
}

// UnfinishedFleetScan gives the newest scan of a selection that did not end;
// ok is false without one.
func (s *Store) UnfinishedFleetScan(ctx context.Context, selection string) (scan FleetScan, ok bool, err error) {
	var started string
	err = s.db.QueryRowContext(ctx, `SELECT id, selection, started FROM fleet_scans WHERE selection = ? AND ended = ''
		ORDER BY started DESC, rowid DESC LIMIT 1`, selection).Scan(&scan.ID, &scan.Selection, &started)
	if errors.Is(err, sql.ErrNoRows) {
		return scan, false, nil
	}
	if err != nil {
		return scan, false, err
	}
	if scan.Started, err = unstamp(started); err != nil {
		return scan, false, err
	}
	scan.Items, err = rows(ctx, s.db, readItem, itemColumns+` WHERE scan_id = ? ORDER BY rowid`, scan.ID)
	return scan, err == nil, err
}

const itemColumns = `SELECT name, state, reason, run_id, exit, at FROM fleet_items`

func readItem(r *sql.Rows) (i FleetItem, err error) {
	var at string
	if err := r.Scan(&i.Name, &i.State, &i.Reason, &i.RunID, &i.Exit, &at); err != nil {
		return i, err
	}
	i.At, err = unstamp(at)
	return i, err
}

// LastFleetItems gives, for each name, the newest item that is done or failed.
func (s *Store) LastFleetItems(ctx context.Context) (map[string]FleetItem, error) {
	// Of a group SQLite gives the row that has the maximum ("Bare columns in an
	// aggregate query"); the others, of every scan there was, are not brought.
	all, err := rows(ctx, s.db, readItem, `SELECT name, state, reason, run_id, exit, max(at) FROM fleet_items WHERE state <> 'pending' GROUP BY name`)
	if err != nil {
		return nil, err
	}
	last := make(map[string]FleetItem, len(all))
	for _, i := range all {
		last[i.Name] = i
	}
	return last, nil
}

// maxAnswers bounds how many answers of forges are kept: the oldest go.
const maxAnswers = 5000

// FleetAnswers keeps what forges answered, for conditional requests.
type FleetAnswers struct{ s *Store }

// FleetAnswers gives the part of the store that keeps answers.
func (s *Store) FleetAnswers() *FleetAnswers { return &FleetAnswers{s} }

// Get gives what was kept, nil for nothing.
func (a *FleetAnswers) Get(ctx context.Context, address, who string) ([]byte, error) {
	var packed []byte
	err := a.s.db.QueryRowContext(ctx, `SELECT entry FROM fleet_answers WHERE address = ? AND who = ?`, address, who).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxDocument))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return z.DecodeAll(packed, nil)
}

// Put keeps an answer.
func (a *FleetAnswers) Put(ctx context.Context, address, who string, entry []byte) error {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		return err
	}
	_, err = a.s.db.ExecContext(ctx, `INSERT OR REPLACE INTO fleet_answers VALUES (?,?,?)`, address, who, z.EncodeAll(entry, nil))
	if err != nil {
		return err
	}
	_, err = a.s.db.ExecContext(ctx, `DELETE FROM fleet_answers WHERE rowid NOT IN (SELECT rowid FROM fleet_answers ORDER BY rowid DESC LIMIT ?)`, maxAnswers)
	return err
}

// rows reads every row of a query.
func rows[T any](ctx context.Context, db *sql.DB, read func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	r, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer r.Close() // read only
	out := []T{}
	for r.Next() {
		v, err := read(r)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, r.Err()
}
