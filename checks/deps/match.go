package deps

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/google/osv-scalibr/semantic"

	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
)

// outcome is what an advisory says of one version of its package.
type outcome struct {
	affected bool
	// unbounded says that the advisory names no version at all, so that every
	// one is taken for affected.
	unbounded bool
	// fixed holds the first fixed version after the one in question, per range.
	fixed []string
}

var errNotComparable = errors.New("versions that cannot be compared")

// affects evaluates an advisory by the algorithm of the OSV schema ("Evaluation"
// in https://ossf.github.io/osv-schema/): a version is affected if it is
// enumerated, or lies in one of the ranges. Versions are ordered by the rules of
// their ecosystem. An enumerated version that only orders equal (PyPI's 1.0 and
// 1.0.0) counts, too. A range with a version that cannot be ordered is an
// errNotComparable unless something else already affects.
func affects(ecosystem, version string, a osvdb.Advisory) (out outcome, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: panic (%T)", errNotComparable, v)
		}
	}()
	v, err := semantic.Parse(version, ecosystem)
	if err != nil {
		return out, errNotComparable
	}
	var trouble error
	for _, part := range a.Affected {
		if len(part.Ranges) == 0 && len(part.Versions) == 0 {
			out.affected, out.unbounded = true, true
			continue
		}
		if enumerated(v, version, part.Versions) {
			out.affected = true
		}
		for _, r := range part.Ranges {
			if r.Type == osvdb.RangeGit {
				continue
			}
			in, fixed, err := inRange(ecosystem, v, r)
			if err != nil {
				trouble = errNotComparable
				continue
			}
			out.affected = out.affected || in
			if fixed != "" && !slices.Contains(out.fixed, fixed) {
				out.fixed = append(out.fixed, fixed)
			}
		}
	}
	if out.affected {
		return out, nil
	}
	return outcome{}, trouble
}

func enumerated(v semantic.Version, version string, list []string) bool {
	if slices.Contains(list, version) {
		return true
	}
	return slices.ContainsFunc(list, func(l string) bool {
		order, err := v.CompareStr(l)
		return err == nil && order == 0
	})
}

// at is an event with its version parsed; nil is before or after everything.
type at struct {
	osvdb.Event
	version semantic.Version
}

// inRange walks the events in the order of their versions. Events of one
// version stay in the order of the record. fixed is the first fixed version
// after v, set only when v is in the range.
func inRange(ecosystem string, v semantic.Version, r osvdb.Range) (in bool, fixed string, err error) {
	events, err := timeline(ecosystem, r.Events)
	if err != nil {
		return false, "", err
	}
	inLimits, limited := false, false
	for _, e := range events {
		order, err := e.compare(v) // of v against the event
		if err != nil {
			return false, "", err
		}
		switch {
		case e.Introduced != "" && order >= 0:
			in = true
		case e.Fixed != "" && order >= 0, e.LastAffected != "" && order > 0:
			in = false
		case e.Limit != "":
			limited = true
			inLimits = inLimits || order < 0
		case e.Fixed != "" && fixed == "":
			fixed = e.Fixed
		}
	}
	if in = in && (!limited || inLimits); !in {
		fixed = ""
	}
	return in, fixed, nil
}

// timeline sorts events. "0" is before every version, and a limit of "*" after.
func timeline(ecosystem string, in []osvdb.Event) ([]at, error) {
	out := make([]at, 0, len(in))
	for _, e := range in {
		t := at{Event: e}
		if e.Introduced != "0" && e.Limit != "*" {
			var err error
			if t.version, err = semantic.Parse(e.Version(), ecosystem); err != nil {
				return nil, err
			}
		}
		out = append(out, t)
	}
	var bad error
	slices.SortStableFunc(out, func(a, b at) int {
		if a.version == nil || b.version == nil {
			return cmp.Compare(a.rank(), b.rank())
		}
		order, err := a.version.Compare(b.version)
		bad = errors.Join(bad, err)
		return order
	})
	return out, bad
}

func (e at) rank() int {
	switch {
	case e.Introduced == "0":
		return -1
	case e.Limit == "*":
		return 1
	}
	return 0
}

// compare orders v against the event.
func (e at) compare(v semantic.Version) (int, error) {
	if e.version == nil {
		return -e.rank(), nil
	}
	return v.Compare(e.version)
}
