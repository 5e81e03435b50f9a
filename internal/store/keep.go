package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// kept is a run about to be kept, or one that is brought over from an older
// store and may not be readable.
type kept struct {
	run      checks.Run
	readable bool
}

// listed is what lists need of a run: its row in the table kept.
type listed struct {
	id, target, key string
	at              int64
	summary         TargetSummary
	table           *table
}

// keep writes what is read from a run. Runs may come in any order, since
// several processes save: what depends on a run's neighbours in time is made
// anew for the one after it, too, and the result is the same for every order.
func keep(ctx context.Context, tx *sql.Tx, k kept) error {
	l := listed{id: k.run.ID, target: k.run.Target.Path, key: k.run.IdentityKeyID, at: instant(k.run.Started), table: tabulate(k.run.Findings)}
	l.summary = summarize(k)
	before, err := neighbour(ctx, tx, l, `(at, run_id) < (?, ?) ORDER BY at DESC, run_id DESC`)
	if err != nil {
		return err
	}
	l.compare(before)
	if err := l.insert(ctx, tx); err != nil {
		return err
	}
	after, err := neighbour(ctx, tx, l, `(at, run_id) > (?, ?) ORDER BY at, run_id`)
	if err != nil {
		return err
	}
	if after != nil {
		after.compare(&l)
		if err := after.update(ctx, tx); err != nil {
			return err
		}
	}
	return refresh(ctx, tx, l.target)
}

// instant is a time as a number that orders as times do.
func instant(t time.Time) int64 {
	switch y := t.UTC().Year(); { // the years that fit into 64 bits of nanoseconds
	case y < 1678:
		return math.MinInt64
	case y > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// neighbour is the run of the same target just before or after l, nil for none.
// One that cannot be read is nothing to compare with, and hides what was before
// it: that was longer ago.
func neighbour(ctx context.Context, tx *sql.Tx, l listed, which string) (*listed, error) {
	o := listed{target: l.target}
	var summary, prints, rows []byte
	var count int
	err := tx.QueryRowContext(ctx, `SELECT run_id, at, key_id, findings, summary, prints, rows FROM kept WHERE target = ? AND `+which+` LIMIT 1`, l.target, l.at, l.id).
		Scan(&o.id, &o.at, &o.key, &count, &summary, &prints, &rows)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if o.summary, err = readRecord(summary); err != nil {
		return nil, err
	}
	o.table, err = decodeTable(count, prints, rows)
	return &o, err
}

// compare says of each finding whether the run before had it, and counts.
func (l *listed) compare(before *listed) {
	known := before != nil && !before.summary.Unreadable
	left := map[string]int{}
	if known {
		for i := range before.table.items {
			left[before.table.identity(i)]++
		}
	}
	for i := range l.table.items {
		it, f := &l.table.items[i], l.table.flags[i]
		id := l.table.identity(i)
		had := left[id] > 0
		left[id]--
		switch {
		case f&flagTold != 0:
			it.NewKnown, it.New = true, f&flagToldNew != 0
		case !known:
			it.NewKnown, it.New = false, false
		case f&flagBound != 0 && (l.key != before.key || l.key == ""):
			it.NewKnown, it.New = true, true // identities of two keys cannot be compared
		default:
			it.NewKnown, it.New = true, !had
		}
	}
	l.summary.count(l.table, known && !l.summary.Unreadable)
}

func (l *listed) insert(ctx context.Context, tx *sql.Tx) error {
	prints, rows, err := l.table.encode()
	if err != nil {
		return err
	}
	open := any(l.summary.Open.Total())
	if l.summary.Unreadable {
		open = nil
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO kept VALUES (?,?,?,?,?,?,?,?,?,?)`,
		l.id, l.target, l.at, l.key, len(l.table.items), open, l.summary.Verdict.Complete, l.summary.record(), prints, rows)
	return err
}

func (l *listed) update(ctx context.Context, tx *sql.Tx) error {
	_, rows, err := l.table.encode()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE kept SET summary = ?, rows = ? WHERE run_id = ?`, l.summary.record(), rows, l.id)
	return err
}

// trendLength is how many runs a target's trend has.
const trendLength = 8

// refresh makes a target's row anew from its newest run. That one stays the
// newest whatever its verdict is: an older run says nothing about today.
func refresh(ctx context.Context, tx *sql.Tx, target string) error {
	var id string
	var raw []byte
	err := tx.QueryRowContext(ctx, `SELECT run_id, summary FROM kept WHERE target = ? ORDER BY at DESC, run_id DESC LIMIT 1`, target).Scan(&id, &raw)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.ExecContext(ctx, `DELETE FROM targets WHERE target = ?`, target)
		return err
	}
	if err != nil {
		return err
	}
	s, err := readRecord(raw)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT open, complete FROM kept WHERE target = ? ORDER BY at DESC, run_id DESC LIMIT ?`, target, trendLength)
	if err != nil {
		return err
	}
	if s.Trend, err = trend(rows); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO targets VALUES (?,?,?,?)
		ON CONFLICT (target) DO UPDATE SET run_id = excluded.run_id, remote = excluded.remote, summary = excluded.summary`, target, id, s.Remote, s.record())
	return err
}

// trend reads totals, newest first, and turns them around.
func trend(rows *sql.Rows) (all []Total, err error) {
	defer rows.Close() // read only
	for rows.Next() {
		var open sql.NullInt64
		t := Total{}
		if err := rows.Scan(&open, &t.Complete); err != nil {
			return nil, err
		}
		t.Open, t.Known = int(open.Int64), open.Valid
		all = append([]Total{t}, all...)
	}
	return all, rows.Err()
}
