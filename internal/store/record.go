package store

import (
	"encoding/binary"
	"time"
)

// coder reads or writes: one list of fields does for both directions. A count
// is a number of things that follow.
type coder interface {
	number(v *int64)
	text(s *string)
	count(n *int)
}

// recordVersion is the first number of a summary's record.
const recordVersion = 1

// record writes a summary in few bytes. A board reads a thousand of them before
// its first frame, which JSON makes ten times as long.
func (s TargetSummary) record() []byte {
	w := &recordWriter{}
	version := int64(recordVersion)
	w.number(&version)
	s.code(w)
	return w.out
}

// readRecord is record's inverse.
func readRecord(b []byte) (s TargetSummary, err error) {
	r := &recordReader{reader{rest: string(b)}}
	version := int64(0)
	if r.number(&version); version != recordVersion {
		return s, errTable
	}
	s.code(r)
	if r.bad || r.rest != "" {
		return TargetSummary{}, errTable
	}
	return s, nil
}

// code names the fields in the order of the record.
func (s *TargetSummary) code(c coder) {
	for _, t := range []*string{&s.Target, &s.Repo, &s.Kind, &s.RunID, &s.Remote, &s.Commit, &s.Branch, &s.Project, (*string)(&s.Verdict.Findings)} {
		c.text(t)
	}
	for _, f := range []*bool{&s.Dirty, &s.Verdict.Complete, &s.Verdict.Verified, &s.Unreadable, &s.NewKnown} {
		flag(c, f)
	}
	moment(c, &s.Started)
	moment(c, &s.Ended)
	for _, n := range []*int{&s.Verdict.Exit, &s.Findings, &s.Waived, &s.Ignored, &s.StepCount} {
		whole(c, n)
	}
	for i := range s.Open {
		whole(c, &s.Open[i])
		whole(c, &s.New[i])
	}
	sequence(c, &s.Verdict.Reasons, func(t *string) { c.text(t) })
	sequence(c, &s.Controls, func(t *string) { c.text(t) })
	sequence(c, &s.Steps, func(st *StepState) { c.text(&st.Check); c.text((*string)(&st.Status)) })
	sequence(c, &s.Trend, func(t *Total) { whole(c, &t.Open); flag(c, &t.Complete); flag(c, &t.Known) })
}

func whole(c coder, n *int) {
	v := int64(*n)
	c.number(&v)
	*n = int(v)
}

func flag(c coder, f *bool) {
	v := int64(0)
	if *f {
		v = 1
	}
	c.number(&v)
	*f = v != 0
}

// moment is a time to the nanosecond, in any year.
func moment(c coder, t *time.Time) {
	seconds, nanoseconds := t.Unix(), int64(t.Nanosecond())
	c.number(&seconds)
	c.number(&nanoseconds)
	*t = time.Unix(seconds, nanoseconds).UTC()
}

// sequence is a list; one that is empty comes back as nil.
func sequence[T any](c coder, all *[]T, each func(*T)) {
	n := len(*all)
	if c.count(&n); n != len(*all) {
		*all = make([]T, n)
	}
	for i := range *all {
		each(&(*all)[i])
	}
}

type recordWriter struct{ out []byte }

func (w *recordWriter) number(v *int64) { w.out = binary.AppendVarint(w.out, *v) }
func (w *recordWriter) text(s *string)  { w.out = appendText(w.out, *s) }
func (w *recordWriter) count(n *int)    { w.out = binary.AppendUvarint(w.out, uint64(*n)) }

type recordReader struct{ reader }

func (r *recordReader) number(v *int64) {
	u := r.reader.number()
	*v = int64(u>>1) ^ -int64(u&1) // as binary.Varint
}
func (r *recordReader) text(s *string) { *s = r.reader.text() }
func (r *recordReader) count(n *int)   { *n = r.reader.count() }
