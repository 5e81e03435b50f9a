package osvdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Import takes advisories from src into the store in dir: a directory in the
// layout of osv.dev's exports (ECOSYSTEM/all.zip), one all.zip, a zip with
// ECOSYSTEM/all.zip in it, or a directory of OSV JSON files. Ecosystems are
// those of the records. The data speaks for asOf, the time at which the export
// was taken; zero when nobody knows, then for the newest date in the records.
//
// Every record is checked; one that is malformed, or an export without
// records, is an error and changes nothing. ErrBusy means that another import
// is at work.
func Import(ctx context.Context, dir, src string, now, asOf time.Time) (done []Ecosystem, err error) {
	if asOf.After(now) {
		return nil, errors.New("an export cannot have been taken in the future")
	}
	exports, closeAll, err := sources(src)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	s, err := lockStore(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var files []built
	for _, e := range exports {
		more, err := e.build(ctx, now)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.label, err)
		}
		files = append(files, more...)
	}
	if !asOf.IsZero() {
		for i := range files {
			files[i].ecosystem.AsOf, files[i].ecosystem.AsOfIs = asOf.UTC(), AsOfStated
		}
	}
	if err := twice(files); err != nil {
		return nil, err
	}
	if err := s.commit(files); err != nil {
		return nil, err
	}
	for _, f := range files {
		done = append(done, f.ecosystem)
	}
	slices.SortFunc(done, func(a, b Ecosystem) int { return strings.Compare(a.Name, b.Name) })
	return done, nil
}

// build reads an export and writes the ecosystems that it covers.
func (e export) build(ctx context.Context, now time.Time) ([]built, error) {
	c := newCollection(now)
	if err := e.read(ctx, c); err != nil {
		return nil, err
	}
	names := c.covered()
	if len(names) == 0 {
		return nil, errors.New("there is no advisory of a package in it")
	}
	// A folder named after an ecosystem says what the export is of.
	if want, known := FindEcosystem(e.ecosystem); known && slices.Contains(Usual(), want) {
		if !slices.Contains(names, want) {
			return nil, fmt.Errorf("its records are about %s, not %s", strings.Join(names, ", "), want)
		}
		names = []string{want}
	}
	var out []built
	for _, n := range names {
		b, err := c.build(n)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// twice refuses two exports of one ecosystem: neither would be all of it.
func twice(files []built) error {
	seen := map[string]bool{}
	for _, f := range files {
		if seen[f.ecosystem.Name] {
			return fmt.Errorf("there are two exports of %s: import one of them", f.ecosystem.Name)
		}
		seen[f.ecosystem.Name] = true
	}
	return nil
}
