package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
)

// CopyTo writes a consistent copy of the store to a file that is not there yet,
// readable by its owner only. Whoever saves meanwhile is not held up, and is in
// the copy or not. The copy is read through before it is called one.
func (s *Store) CopyTo(ctx context.Context, file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // SQLite takes an empty file, and its mode
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, `VACUUM INTO ?`, file); err != nil {
		return err
	}
	_, err = Examine(ctx, file)
	return err
}

// Examine reads a copy of a store through, without changing it, and gives its
// number of runs. A copy that a later vitalsign wrote is ErrNewer.
func Examine(ctx context.Context, file string) (runs int, err error) {
	if _, err := os.Stat(file); err != nil {
		return 0, err
	}
	db, err := sql.Open("sqlite", "file:"+escape(file)+"?mode=ro&immutable=1")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	v, err := version(ctx, db)
	if err != nil {
		return 0, err
	}
	switch known := len(migrations()); {
	case v > known:
		return 0, fmt.Errorf("%w: it has format %d, this vitalsign knows %d", ErrNewer, v, known)
	case v == 0:
		return 0, errors.New("it is no store of runs")
	}
	word, dangling := "", 0
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&word); err != nil {
		return 0, err
	}
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM pragma_foreign_key_check`).Scan(&dangling); err != nil {
		return 0, err
	}
	if word != "ok" || dangling > 0 {
		return 0, fmt.Errorf("it is damaged: %s, %d rows that refer to nothing", word, dangling)
	}
	return runs, db.QueryRowContext(ctx, `SELECT count(*) FROM runs`).Scan(&runs)
}

// escape writes a path so that SQLite reads it back from a URI
// (sqlite.org/uri.html).
func escape(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}
