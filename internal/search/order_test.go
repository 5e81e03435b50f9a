package search

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func columnsOf() map[By]func(Row) string {
	return map[By]func(Row) string{
		BySeverity: func(r Row) string { return r.Severity.String() },
		ByRepo:     func(r Row) string { return r.Repo },
		ByRule:     func(r Row) string { return r.Rule },
		ByCheck:    func(r Row) string { return r.Check },
		ByPath:     func(r Row) string { return r.Path },
		ByPackage:  func(r Row) string { return r.Package },
		ByNew: func(r Row) string {
			switch {
			case r.New:
				return "new"
			case r.NewKnown:
				return "known"
			}
			return "not known"
		},
	}
}

// rank puts what is no text into order by a letter.
func rank(by By, key string) string {
	switch by {
	case BySeverity:
		return map[string]string{"critical": "a", "high": "b", "medium": "c", "low": "d", "info": "e", "unrated": "f"}[key]
	case ByNew:
		return map[string]string{"new": "a", "not known": "b", "known": "c"}[key]
	}
	return key
}

// Few rows with many values are sorted in another way than many with few, and
// rows in the index's order in another than rows in any other.
func TestSortIsStable(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var rows []Row
	for i := range 6000 {
		row := randomRow(r)
		if i%2 == 0 {
			row.Path += strings.Repeat("x", i)
		}
		rows = append(rows, row)
	}
	x := index(rows)
	for by, column := range columnsOf() {
		for _, n := range []int{0, 1, 20, 5000, 6000} {
			for _, down := range []bool{false, true, false, true} {
				ids := x.All()
				r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
				ids = ids[:n]
				if r.IntN(2) == 0 {
					slices.Sort(ids) // as Select gives them
				}
				want := slices.Clone(ids)
				slices.SortStableFunc(want, func(a, b uint32) int {
					c := strings.Compare(rank(by, column(x.Row(a))), rank(by, column(x.Row(b))))
					if down {
						return -c
					}
					return c
				})
				if got, err := x.Sort(t.Context(), ids, by, down); err != nil || !slices.Equal(got, want) {
					t.Errorf("%d rows by %d, descending %v: %v", n, by, down, err)
				}
			}
		}
	}
}

// A row that is asked for twice is there twice.
func TestSortKeepsRepetitions(t *testing.T) {
	x := index([]Row{{Rule: "b"}, {Rule: "a"}})
	if got, err := x.Sort(t.Context(), []uint32{0, 0, 1}, ByRule, false); err != nil || !slices.Equal(got, []uint32{1, 0, 0}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestGroup(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	rows := randomRows(r, 2000)
	x := index(rows)
	ids := x.All()[:1500]
	for by, column := range columnsOf() {
		checkGroups(t, x, ids, by, func(r Row) []string { return []string{column(r)} })
	}
	checkGroups(t, x, ids, ByCWE, func(r Row) []string {
		if len(r.CWE) == 0 {
			return []string{""}
		}
		all := slices.Sorted(slices.Values(r.CWE))
		return slices.Compact(all)
	})
}

func checkGroups(t *testing.T, x *Index, ids []uint32, by By, keys func(Row) []string) {
	t.Helper()
	want := map[string][]uint32{}
	for _, id := range ids {
		for _, k := range keys(x.Row(id)) {
			want[k] = append(want[k], id)
		}
	}
	ordered, groups, err := x.Group(t.Context(), ids, by)
	if err != nil || len(groups) != len(want) {
		t.Fatalf("by %d: %d groups of %d, %v", by, len(groups), len(want), err)
	}
	at := 0
	for i, g := range groups {
		if g.From != at || g.To-g.From != g.Count || !slices.Equal(ordered[g.From:g.To], want[g.Key]) {
			t.Errorf("by %d: group %q is %v, not %v", by, g.Key, ordered[g.From:g.To], want[g.Key])
		}
		at = g.To
		worst := checks.Unrated
		for _, id := range want[g.Key] {
			worst = max(worst, x.Row(id).Severity)
		}
		if worst != g.Worst {
			t.Errorf("by %d: the worst of %q is %v, not %v", by, g.Key, g.Worst, worst)
		}
		if i > 0 {
			p := groups[i-1]
			if cmp.Or(-cmp.Compare(p.Worst, g.Worst), -cmp.Compare(p.Count, g.Count), strings.Compare(rank(by, p.Key), rank(by, g.Key))) >= 0 {
				t.Errorf("by %d: %+v comes before %+v", by, p, g)
			}
		}
	}
	if at != len(ordered) {
		t.Errorf("by %d: %d rows are in no group", by, len(ordered)-at)
	}
}

func TestCount(t *testing.T) {
	x := index([]Row{{Severity: checks.High}, {Severity: checks.High}, {}, {Severity: 17}})
	c := x.Count(nil)
	if c != x.Count(x.All()) || c[checks.High] != 2 || c[checks.Unrated] != 2 || c.Total() != 4 {
		t.Error(c)
	}
}
