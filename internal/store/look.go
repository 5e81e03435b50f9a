package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// RunWith gives the newest run that holds a finding whose fingerprint begins
// with prefix.
func (s *Store) RunWith(ctx context.Context, prefix string) (checks.Run, error) {
	return s.newest(ctx, prefix, `SELECT run_id, findings, prints FROM kept ORDER BY at DESC, run_id DESC`, func(n int, prints []byte) (bool, error) {
		return hasPrint(n, prints, prefix), nil
	})
}

// RunWithRule gives the newest run that holds a finding of a rule, in any case:
// an advisory is a rule that only a run knows.
func (s *Store) RunWithRule(ctx context.Context, rule string) (checks.Run, error) {
	return s.newest(ctx, rule, `SELECT run_id, findings, rows FROM kept ORDER BY at DESC, run_id DESC`, func(_ int, rows []byte) (bool, error) {
		plain, err := expand(rows)
		if err != nil {
			return false, err
		}
		for _, k := range (&reader{rest: string(plain)}).kinds() {
			if strings.EqualFold(k.Rule, rule) {
				return true, nil
			}
		}
		return false, nil
	})
}

// newest loads the first run of a query that has what is looked for.
func (s *Store) newest(ctx context.Context, what, query string, has func(n int, packed []byte) (bool, error)) (checks.Run, error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return checks.Run{}, err
	}
	defer rows.Close() // read only
	for rows.Next() {
		var id string
		var n int
		var packed sql.RawBytes
		if err := rows.Scan(&id, &n, &packed); err != nil {
			return checks.Run{}, err
		}
		switch ok, err := has(n, packed); {
		case err != nil:
			return checks.Run{}, fmt.Errorf("run %s: %w", id, err)
		case ok:
			doc, err := s.document(ctx, id)
			if err != nil {
				return checks.Run{}, err
			}
			return unpack(doc)
		}
	}
	if err := rows.Err(); err != nil {
		return checks.Run{}, err
	}
	return checks.Run{}, fmt.Errorf("%w holds a finding %q", ErrNoRun, what)
}

// document reads a run's document by its whole id.
func (s *Store) document(ctx context.Context, id string) (doc []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT document FROM runs WHERE id = ?`, id).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: %q", ErrNoRun, id)
	}
	return doc, err
}

// Waivers gives what a run made of the waivers that were there, by its whole id.
// Findings, which are most of a document, are passed over.
func (s *Store) Waivers(ctx context.Context, runID string) (waivers []checks.Waiver, err error) {
	err = s.part(ctx, runID, "waivers", func(d *jsontext.Decoder) error {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &waivers)
	})
	return waivers, err
}

// part reads one field of a run's document, and nothing of what follows it.
func (s *Store) part(ctx context.Context, runID, field string, read func(*jsontext.Decoder) error) error {
	doc, err := s.document(ctx, runID)
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(bytes.NewReader(doc), zstd.WithDecoderMaxMemory(maxDocument), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	d := jsontext.NewDecoder(io.LimitReader(z, maxDocument), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if name.String() == field {
			return read(d)
		}
		if err := d.SkipValue(); err != nil {
			return err
		}
	}
	return nil
}
