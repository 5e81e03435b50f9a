// Package debt is the findings that somebody accepted all at once: a file that
// is reviewed like code, is owned, ends on a day, and may only shrink.
package debt

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// File is where it lies in a repository.
const File = ".vitalsign/baseline.json"

// Schema names the format of the file.
const Schema = "https://github.com/vitalsign-dev/vitalsign/baseline/v1"

// Bounds of the file. A year is the longest that a debt may run: what is not
// looked at again in that time is not managed (compare 45 CFR 164.308(a)(8),
// periodic evaluation).
const (
	MaxSize    = 32 << 20 // bytes
	MaxDays    = 366
	maxEntries = 200_000
	maxText    = 2000 // bytes
)

// ErrMalformed says that a file lacks what every one has.
var ErrMalformed = errors.New("malformed")

// Debt is the content of the file.
type Debt struct {
	Schema string `json:"schema"`
	// Owner is who answers for it.
	Owner  string `json:"owner"`
	Reason string `json:"reason"`
	// Created and Until are dates (2006-01-02); Until ends at 24:00 UTC.
	Created string `json:"created"`
	Until   string `json:"until"`
	// IdentityKeyID is the key under which value-bound fingerprints were made,
	// "" where there are none.
	IdentityKeyID string  `json:"identity_key_id,omitempty"`
	Entries       []Entry `json:"findings"`
}

// Entry is findings of one fingerprint and rule in one file.
type Entry struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	// Severity is the worst that is accepted, so that a rule which becomes worse
	// is not accepted any more.
	Severity string `json:"severity"`
	Path     string `json:"path"`
	Count    int    `json:"count"`
	// ValueBound says that the fingerprint holds a keyed value.
	ValueBound bool `json:"value_bound,omitempty"`
}

// Place is what an entry is about.
type Place struct{ Fingerprint, Rule, Path string }

// Place gives what an entry is about, without how often.
func (e Entry) Place() Place { return Place{e.Fingerprint, e.Rule, e.Path} }

// Acceptable says whether a finding can be debt, and if not, why not. A
// credential works for whoever reads it until it is revoked, so its risk is not
// one that time pays off; a step of the run's own trust is no finding of code.
func Acceptable(f checks.Finding) (why string, ok bool) {
	switch {
	case f.Rule.Class == checks.ClassCredential:
		return "a credential: revoke it, or waive it by itself", false
	case strings.HasPrefix(f.Rule.Class, checks.ClassJudging):
		return "about how the scan is judged", false
	case f.Location.Commit != "":
		return "in history: it does not go away by paying it off", false
	}
	return "", true
}

// Of makes a debt of the findings that are open and can be one; refused are the
// others. The key is the id of the identity key that they were found under.
func Of(findings []checks.Finding, key string, d Debt) (debt Debt, refused []checks.Finding) {
	d.Schema = Schema
	count := map[Entry]int{}
	for _, f := range findings {
		if f.Ignored != nil || f.Waived != nil && !f.Waived.Debt {
			continue
		}
		if _, ok := Acceptable(f); !ok {
			refused = append(refused, f)
			continue
		}
		if f.ValueBound {
			d.IdentityKeyID = key
		}
		sev := f.Rule.Severity
		if sev == checks.Unrated {
			sev = checks.High // what unrated counts as
		}
		count[Entry{f.Fingerprint, f.Rule.ID, sev.String(), f.Location.Path, 0, f.ValueBound}]++
	}
	d.Entries = []Entry{}
	for e, n := range count {
		e.Count = n
		d.Entries = append(d.Entries, e)
	}
	d.sort()
	return d, refused
}

func (d Debt) sort() {
	slices.SortFunc(d.Entries, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Fingerprint, b.Fingerprint), strings.Compare(a.Severity, b.Severity))
	})
}

// Findings counts how many findings it accepts.
func (d Debt) Findings() (n int) {
	for _, e := range d.Entries {
		n += e.Count
	}
	return n
}

// Bytes is the file's content: an entry a block, sorted, so that a review shows
// what goes.
func (d Debt) Bytes() ([]byte, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(d, "", "  ")
	return append(b, '\n'), err
}

// Read reads the file strictly: an unknown field, or what follows the document,
// is an error, as is anything that Check refuses.
func Read(b []byte) (d Debt, err error) {
	if len(b) > MaxSize {
		return d, fmt.Errorf("%w: larger than %d bytes", ErrMalformed, MaxSize)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Debt{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if dec.More() {
		return Debt{}, fmt.Errorf("%w: something follows the document", ErrMalformed)
	}
	if err := d.Check(); err != nil {
		return Debt{}, err
	}
	return d, nil
}

// Check refuses a debt that is not owned, not dated, too long or not bound.
func (d Debt) Check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	created, err := time.Parse(time.DateOnly, d.Created)
	if err != nil {
		return fail("created is no date")
	}
	until, err := time.Parse(time.DateOnly, d.Until)
	switch {
	case d.Schema != Schema:
		return fail("its schema is %.100q, not %s", d.Schema, Schema)
	case strings.TrimSpace(d.Owner) == "" || len(d.Owner) > maxText:
		return fail("nobody owns it")
	case strings.TrimSpace(d.Reason) == "" || len(d.Reason) > maxText:
		return fail("it has no reason, or too much of one")
	case err != nil || until.Before(created):
		return fail("until is no date, or before it was created")
	case until.Sub(created) > MaxDays*24*time.Hour:
		return fail("it runs for more than %d days", MaxDays)
	case len(d.Entries) > maxEntries:
		return fail("it accepts more than %d findings", maxEntries)
	}
	seen := map[Place]bool{}
	for _, e := range d.Entries {
		_, err := checks.ParseSeverity(e.Severity)
		switch {
		case len(e.Fingerprint) != 64 || e.Rule == "" || e.Path == "" || path.Clean(e.Path) != e.Path:
			return fail("an entry is bound to no finding")
		case e.Count < 1:
			return fail("it accepts %d findings in %.200q", e.Count, e.Path)
		case err != nil || e.Severity == checks.Unrated.String():
			return fail("an entry has no severity")
		case seen[e.Place()]:
			return fail("it names a finding in %.200q twice", e.Path)
		case e.ValueBound && d.IdentityKeyID == "":
			return fail("an entry is bound to a value, and it names no identity key")
		}
		seen[e.Place()] = true
	}
	return nil
}

// Begins and Ends bound the time in which it counts.
func (d Debt) Begins() time.Time { return day(d.Created, 0) }

// Ends is the end of its last day.
func (d Debt) Ends() time.Time { return day(d.Until, 1) }

func day(date string, plus int) time.Time {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return time.Time{} // long over
	}
	return t.AddDate(0, 0, plus)
}

// Without takes entries off, each as often as it says.
func (d Debt) Without(paid []Entry) Debt {
	off := map[Place]int{}
	for _, e := range paid {
		off[e.Place()] += e.Count
	}
	out := d
	out.Entries = []Entry{}
	for _, e := range d.Entries {
		if e.Count -= off[e.Place()]; e.Count > 0 {
			out.Entries = append(out.Entries, e)
		}
	}
	return out
}

// Less keeps of a debt what another accepts, too: in each place the smaller
// count and the lesser severity, and until the earlier day. grown says what
// the other would add. It is how a change can shrink a debt and not grow it.
func (d Debt) Less(other Debt) (kept Debt, grown []string) {
	kept = d
	kept.Entries = []Entry{}
	if other.Until > d.Until {
		grown = append(grown, fmt.Sprintf("until %s would become %s", d.Until, other.Until))
	}
	kept.Until = min(d.Until, other.Until)
	if other.IdentityKeyID != d.IdentityKeyID && other.IdentityKeyID != "" {
		grown = append(grown, "the identity key would become another")
	}
	was := map[Place]Entry{}
	for _, e := range d.Entries {
		was[e.Place()] = e
	}
	for _, e := range other.Entries {
		b := was[e.Place()]
		if e.Count > b.Count {
			grown = append(grown, fmt.Sprintf("%s in %s: %d accepted would become %d", e.Rule, e.Path, b.Count, e.Count))
		}
		if b.Count == 0 {
			continue
		}
		if severity(e) > severity(b) {
			grown = append(grown, fmt.Sprintf("%s in %s: accepted as %s would become %s", e.Rule, e.Path, b.Severity, e.Severity))
		} else {
			b.Severity = e.Severity
		}
		if b.ValueBound && !e.ValueBound {
			grown = append(grown, fmt.Sprintf("%s in %s would not be bound to the identity key any more", e.Rule, e.Path))
		}
		b.Count = min(b.Count, e.Count)
		kept.Entries = append(kept.Entries, b)
	}
	kept.sort()
	return kept, grown
}

// severity is that of an entry that Check let pass.
func severity(e Entry) checks.Severity {
	s, err := checks.ParseSeverity(e.Severity)
	if err != nil {
		return checks.Unrated
	}
	return s
}
