package report

import (
	"fmt"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// FirstSeen says when findings of a run were first seen, by fingerprint, and
// since when anybody has looked; zero where there is no earlier run.
type FirstSeen func(checks.Run) (first map[string]time.Time, since time.Time)

// ages are those of a run's findings, in days before its end. A document holds
// no dates of earlier runs, so they come from where runs are kept.
type ages struct {
	first      map[string]time.Time
	since, now time.Time
}

func agesOf(r checks.Run, seen FirstSeen) ages {
	if seen == nil {
		return ages{}
	}
	first, since := seen(r)
	return ages{first, since, r.Ended}
}

// known says whether there is an earlier run: without one each finding would
// seem to be new.
func (a ages) known() bool { return !a.since.IsZero() }

// days gives a finding's age in whole days.
func (a ages) days(f checks.Finding) (int, bool) {
	at, ok := a.first[f.Fingerprint]
	if !ok || !a.known() {
		return 0, false
	}
	return max(0, int(a.now.Sub(at).Hours()/24)), true
}

// of says a finding's age, "" where it is not known.
func (a ages) of(f checks.Finding) string {
	n, ok := a.days(f)
	if !ok {
		return ""
	}
	atLeast := ""
	if !a.first[f.Fingerprint].After(a.since) {
		atLeast = "at least "
	}
	unit := "days"
	if n == 1 {
		unit = "day"
	}
	return fmt.Sprintf("first seen %s, %s%d %s", a.first[f.Fingerprint].UTC().Format(time.DateOnly), atLeast, n, unit)
}

func (a ages) words() string {
	if !a.known() {
		return "How many days old findings are is not known: a report holds no dates of earlier runs, and no earlier run of this target was at hand."
	}
	return "Days are counted since a kept run first saw the finding; the oldest of them is of " + a.since.UTC().Format(time.DateOnly) + ", and what it has may be older."
}

// ageBucket is a range of days.
type ageBucket struct {
	name string
	upTo int // days, inclusive
}

func ageBuckets() []ageBucket {
	return []ageBucket{{"under a day", 0}, {"1-7 days", 7}, {"8-30 days", 30}, {"31-90 days", 90}, {"over 90 days", 1 << 30}}
}

// bucket is the index of a finding's range, -1 where its age is not known.
func (a ages) bucket(f checks.Finding) int {
	n, ok := a.days(f)
	if !ok {
		return -1
	}
	for i, b := range ageBuckets() {
		if n <= b.upTo {
			return i
		}
	}
	return -1
}
