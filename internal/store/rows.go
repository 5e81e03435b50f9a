package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// Rows hands over the findings of the newest run of each target, a run at a
// time, in no order that means something; nil is all targets. What was handed over is not changed later.
func (s *Store) Rows(ctx context.Context, targets []string, each func(search.Batch) error) error {
	const from = `SELECT t.target, t.run_id, t.remote, k.findings, k.prints, k.rows FROM targets t JOIN kept k ON k.run_id = t.run_id`
	if targets == nil {
		return s.rows(ctx, each, from+` ORDER BY k.rowid`) // as they lie in the file
	}
	wanted, err := json.Marshal(targets)
	if err != nil {
		return err
	}
	return s.rows(ctx, each, from+` WHERE t.target IN (SELECT value FROM json_each(?)) ORDER BY k.rowid`, string(wanted))
}

// ahead is how many runs are read before they are asked for.
const ahead = 8

// rows reads and unpacks on one processor while each works on another.
func (s *Store) rows(ctx context.Context, each func(search.Batch) error, query string, args ...any) error {
	ctx, cancel := context.WithCancel(ctx)
	batches, failed := make(chan search.Batch, ahead), make(chan error, 1)
	go func() {
		defer close(batches)
		failed <- s.read(ctx, batches, query, args...)
	}()
	var err error
	for b := range batches {
		if err == nil {
			if err = each(b); err != nil {
				cancel() // and drain what is on its way
			}
		}
	}
	cancel()
	if e := <-failed; err == nil {
		err = e
	}
	return err
}

func (s *Store) read(ctx context.Context, to chan<- search.Batch, query string, args ...any) error {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDocument))
	if err != nil {
		return err
	}
	defer z.Close()
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() // read only
	for rows.Next() {
		var target, run, remote string
		var n int
		var prints, packed sql.RawBytes
		if err := rows.Scan(&target, &run, &remote, &n, &prints, &packed); err != nil {
			return err
		}
		plain, err := expandWith(z, packed)
		if err != nil {
			return fmt.Errorf("run %s: %w", run, err)
		}
		t, err := decodeColumns(n, prints, plain)
		if err != nil {
			return fmt.Errorf("run %s: %w", run, err)
		}
		select {
		case to <- t.batch(RepoName(remote, target), target, run):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return rows.Err()
}
