// Package store keeps runs in a SQLite file: what was scanned, when, with which
// verdict, and the whole run as JSON. It holds no secret and no patient value,
// because a run holds none; the file is readable by its owner only all the
// same, since findings say where a system is weak.
package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	json2 "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/gofrs/flock"
	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite" // registers the driver: database/sql knows no other way

	"github.com/vitalsign-dev/vitalsign/checks"
)

// ErrNewer says that a store was written by a later vitalsign.
var ErrNewer = errors.New("the store was written by a later vitalsign")

// ErrNoRun says that no run, or more than one, answers to an id.
var ErrNoRun = errors.New("no such run")

// Store is an open store. It is safe for concurrent use, also by several
// processes.
type Store struct{ db *sql.DB }

// busy is how long a writer waits for another process, in milliseconds.
const busy = 30000

// lockRetry is how often an opener looks whether it is its turn.
const lockRetry = 5 * time.Millisecond

// Open opens the store at path and makes it when it is not there. An older
// store is brought up to date after a copy was put beside it; a newer one is
// ErrNewer and left alone.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// Made here, so that it is private from its first byte on.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the store cannot be opened: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	unlock, err := alone(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("the store cannot be opened: %w", err)
	}
	defer unlock()
	dsn := "file:" + escape(path) +
		fmt.Sprintf("?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_txlock=immediate", busy)
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	s := &Store{db}
	if err := s.migrate(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", path, err), db.Close())
	}
	return s, nil
}

// alone waits until no other process opens the store. A new file becomes one
// with a write-ahead log by its first opener, and SQLite does not wait when two
// try that at once: it calls no busy handler where that could be a deadlock
// (sqlite3_busy_handler).
func alone(ctx context.Context, path string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, busy*time.Millisecond)
	defer cancel()
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return nil, err
	}
	return func() { _ = lock.Unlock() }, nil // the system lets go of it with the file
}

// Close releases the file.
func (s *Store) Close() error { return s.db.Close() }

// migrate holds the write lock from reading the version to writing it, so that
// two processes do not both do it.
func (s *Store) migrate(ctx context.Context, path string) error {
	steps := migrations()
	if v, err := version(ctx, s.db); err != nil || v == len(steps) {
		return err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing to roll back after a commit
	v, err := version(ctx, tx)
	switch {
	case err != nil:
		return err
	case v > len(steps):
		return fmt.Errorf("%w: it has format %d, this vitalsign knows %d; install the later one, or name another store", ErrNewer, v, len(steps))
	case v == len(steps):
		return nil
	case v > 0:
		if err := keepCopy(ctx, path, v); err != nil {
			return fmt.Errorf("it was not migrated, because no copy could be made: %w", err)
		}
	}
	for _, step := range steps[v:] {
		if err := step.take(ctx, tx); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func version(ctx context.Context, q querier) (int, error) {
	v := 0
	err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
	return v, err
}

// CopyName is the file that an older store is kept in before it is migrated.
func CopyName(path string, version int) string { return fmt.Sprintf("%s.v%d.bak", path, version) }

// keepCopy reads the store through SQLite, so that what lies in the journal is
// in the copy too.
func keepCopy(ctx context.Context, path string, version int) error {
	to := CopyName(path, version)
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	return os.Chmod(to, 0o600)
}

// Save keeps a run with all that is read from it, whole or not at all.
func (s *Store) Save(ctx context.Context, run checks.Run) error {
	doc, err := pack(run)
	if err != nil {
		return err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing to roll back after a commit
	_, err = tx.ExecContext(ctx, `INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,?)`,
		run.ID, run.Target.Path, run.Target.Remote, run.Target.Commit, run.Started.UTC().Format(time.RFC3339Nano), run.Ended.UTC().Format(time.RFC3339Nano),
		run.Verdict.Exit, string(run.Verdict.Findings), run.Verdict.Complete, doc)
	if err != nil {
		return err
	}
	if err := keep(ctx, tx, kept{run: run, readable: true}); err != nil {
		return err
	}
	return tx.Commit()
}

// maxDocument bounds what a stored run may unpack to, in bytes.
const maxDocument = 1 << 30

func pack(run checks.Run) ([]byte, error) {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(json.NewEncoder(z).Encode(run), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpack(doc []byte) (run checks.Run, err error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDocument))
	if err != nil {
		return run, err
	}
	defer z.Close()
	plain, err := z.DecodeAll(doc, nil)
	if err != nil {
		return run, err
	}
	// Three times as fast as encoding/json, whose ways it keeps.
	return run, json2.Unmarshal(plain, &run, jsonv1.DefaultOptionsV1())
}

// Load reads the run whose id begins with prefix; "last" is the newest. None
// or several is ErrNoRun.
func (s *Store) Load(ctx context.Context, prefix string) (checks.Run, error) {
	query, args := `SELECT document FROM runs WHERE substr(id, 1, ?) = ? LIMIT 2`, []any{len(prefix), prefix}
	if prefix == "last" {
		query, args = `SELECT document FROM runs JOIN kept ON run_id = id ORDER BY at DESC, run_id DESC LIMIT 1`, nil
	}
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return checks.Run{}, err
	}
	defer rows.Close() // read only
	var docs [][]byte
	for rows.Next() {
		var doc []byte
		if err := rows.Scan(&doc); err != nil {
			return checks.Run{}, err
		}
		docs = append(docs, doc)
	}
	if err := rows.Err(); err != nil {
		return checks.Run{}, err
	}
	switch {
	case len(docs) == 0:
		return checks.Run{}, fmt.Errorf("%w: %q", ErrNoRun, prefix)
	case len(docs) > 1 || prefix == "":
		return checks.Run{}, fmt.Errorf("%w: %q fits several; give more of the id", ErrNoRun, prefix)
	}
	return unpack(docs[0])
}

// Summary is a run in one line.
type Summary struct {
	ID, Target, Commit string
	Started            time.Time
	Exit, Findings     int
}

// List gives the newest runs, at most limit.
func (s *Store) List(ctx context.Context, limit int) ([]Summary, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, runs.target, commit_id, started, exit,
		kept.findings FROM runs JOIN kept ON run_id = id ORDER BY at DESC, run_id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // read only
	var out []Summary
	for rows.Next() {
		var r Summary
		var started string
		if err := rows.Scan(&r.ID, &r.Target, &r.Commit, &started, &r.Exit, &r.Findings); err != nil {
			return nil, err
		}
		if r.Started, err = time.Parse(time.RFC3339Nano, started); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
