package store

import (
	"context"
	"slices"
)

// Merge adds the runs of another store that are missing here, and what is
// watched there and not here, and gives the number of runs. What is here stays
// as it is: a run with an id that is known is the run that is here. The other
// store is one of this format, as Open leaves it.
func (s *Store) Merge(ctx context.Context, from *Store) (added int, err error) {
	if added, err = s.mergeRuns(ctx, from); err != nil {
		return 0, err
	}
	attested, err := from.Attested(ctx)
	if err != nil {
		return added, err
	}
	for _, a := range attested {
		if err := s.PutAttested(ctx, []Attested{a}); err != nil {
			return added, err
		}
	}
	return added, s.mergeFleet(ctx, from)
}

// mergeRuns brings rows as they are, so that a document that cannot be read is
// not lost either, and makes anew what is made of them.
func (s *Store) mergeRuns(ctx context.Context, from *Store) (added int, err error) {
	all, err := from.Runs(ctx)
	if err != nil {
		return 0, err
	}
	slices.Reverse(all) // each target from its oldest on: no neighbour is made twice
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // nothing to roll back after a commit
	for _, run := range all {
		row, target := make([]any, 10), make([]any, 10)
		for i := range row {
			target[i] = &row[i]
		}
		if err := from.db.QueryRowContext(ctx, `SELECT id, target, remote, commit_id, started, ended, exit, findings, complete, document FROM runs WHERE id = ?`, run.ID).Scan(target...); err != nil {
			return 0, err
		}
		result, err := tx.ExecContext(ctx, `INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING`, row...)
		if err != nil {
			return 0, err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			if err != nil {
				return 0, err
			}
			continue
		}
		k, err := older(ctx, tx, run.ID)
		if err != nil {
			return 0, err
		}
		if err := keep(ctx, tx, k); err != nil {
			return 0, err
		}
		added++
	}
	return added, tx.Commit()
}

func (s *Store) mergeFleet(ctx context.Context, from *Store) error {
	here, err := s.FleetSources(ctx)
	if err != nil {
		return err
	}
	sources, err := from.FleetSources(ctx)
	if err != nil {
		return err
	}
	repositories, err := from.FleetRepositories(ctx)
	if err != nil {
		return err
	}
	for _, src := range sources {
		if slices.ContainsFunc(here, func(h FleetSource) bool { return h.Name == src.Name }) {
			continue
		}
		of := slices.DeleteFunc(slices.Clone(repositories), func(r FleetRepository) bool { return r.Source != src.Name })
		if err := s.PutFleetSource(ctx, src, of); err != nil {
			return err
		}
	}
	return nil
}
