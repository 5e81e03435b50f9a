package search

import (
	"cmp"
	"context"
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// By is what rows are ordered or grouped by.
type By int

// The columns.
const (
	BySeverity By = iota // worst first
	ByRepo
	ByRule
	ByCheck
	ByPath
	ByPackage
	ByCWE
	ByNew // new, then what is not known, then known
)

// Group is the rows that have one thing in common.
type Group struct {
	Key   string
	Count int
	Worst checks.Severity
	// From and To are the group's range in the numbers that came with it.
	From, To int
}

// column is, for each number of a row, its place among the values of a column,
// of which there are n.
func (x *Index) column(by By) (rank func(row uint32) uint32, n int) {
	switch by {
	case ByRepo:
		ranks, n := x.repoRanks()
		return func(i uint32) uint32 { return ranks[x.source[i]] }, n
	case ByRule, ByCheck, ByCWE:
		ranks, names := x.kindRanks(by)
		return func(i uint32) uint32 { return ranks[x.kind[i]] }, len(names)
	case ByPath:
		return func(i uint32) uint32 { return x.path[i] }, x.paths.len()
	case ByPackage:
		return func(i uint32) uint32 { return x.pkg[i] }, x.packages.len()
	case ByNew:
		return func(i uint32) uint32 { return newness(x.bits[i]) }, 3
	}
	return func(i uint32) uint32 { return uint32(checks.Critical) - uint32(x.bits[i]&severityBits) }, int(checks.Critical) + 1
}

func newness(b uint8) uint32 {
	switch {
	case b&bitNew != 0:
		return 0
	case b&bitNewKnown == 0:
		return 1
	}
	return 2
}

// repoRanks numbers the repositories by name; several sources may share one.
func (x *Index) repoRanks() (ranks []uint32, n int) {
	ranks = make([]uint32, len(x.sources))
	for i := range x.sources {
		if i > 0 && x.sources[i].repo != x.sources[i-1].repo {
			n++
		}
		ranks[i] = uint32(n)
	}
	return ranks, min(n+1, len(x.sources))
}

// kindRanks numbers the kinds by one of their texts, and names the numbers. A
// kind with several weaknesses stands at the first of them.
func (x *Index) kindRanks(by By) (ranks []uint32, names []string) {
	name := func(k *Kind) string {
		switch {
		case by == ByRule:
			return k.Rule
		case by == ByCheck:
			return k.Check
		case len(k.CWE) > 0:
			return k.CWE[0]
		}
		return ""
	}
	for i := range x.kinds {
		names = append(names, name(&x.kinds[i]))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for i := range x.kinds {
		r, _ := slices.BinarySearch(names, name(&x.kinds[i]))
		ranks = append(ranks, uint32(r))
	}
	return ranks, names
}

// Sort orders rows; those with the same value stay as they are. Text goes from
// A to Z, severities from the worst, new before known; descending turns that
// around.
func (x *Index) Sort(ctx context.Context, ids []uint32, by By, descending bool) ([]uint32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rank, n := x.column(by)
	key := make([]uint32, len(ids))
	for i, id := range ids {
		key[i] = rank(id)
		if descending {
			key[i] = uint32(n) - 1 - key[i]
		}
	}
	return sortWith(ids, key, n), ctx.Err()
}

// sortBy orders ids by col[id], which is less than n. It is stable.
func sortBy(ids, col []uint32, n int) []uint32 {
	key := make([]uint32, len(ids))
	for i, id := range ids {
		key[i] = col[id]
	}
	return sortWith(ids, key, n)
}

// sortWith orders ids by the key at the same place, which is less than n. It
// counts where there are not many more keys than rows, and compares elsewhere.
func sortWith(ids, key []uint32, n int) []uint32 {
	out := make([]uint32, len(ids))
	if n > 4*len(ids)+1024 {
		pairs := make([]uint64, len(ids)) // key, then place: all different
		for i, k := range key {
			pairs[i] = uint64(k)<<32 | uint64(i)
		}
		slices.Sort(pairs)
		for i, p := range pairs {
			out[i] = ids[uint32(p)]
		}
		return out
	}
	at := make([]uint32, n+1)
	for _, k := range key {
		at[k+1]++
	}
	for i := 1; i <= n; i++ {
		at[i] += at[i-1]
	}
	for i, k := range key {
		out[at[k]] = ids[i]
		at[k]++
	}
	return out
}

// Group gives the rows in groups, and the groups: the worst first, then the
// larger, then by name. The rows of a group stay in their order. By CWE a row
// is in each group that it belongs to.
func (x *Index) Group(ctx context.Context, ids []uint32, by By) ([]uint32, []Group, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	var (
		key  []uint32
		name func(uint32) string
		n    int
	)
	if by == ByCWE {
		ids, key, name, n = x.byCWE(ids)
	} else {
		key, name, n = x.keys(ids, by)
	}
	groups, keyOf := x.gatherGroups(ids, key, n)
	place := make([]uint32, n) // of a key among the groups
	from := 0
	for i := range groups {
		g := &groups[i]
		g.Key, g.From, g.To = name(keyOf[i]), from, from+g.Count
		from = g.To
		place[keyOf[i]] = uint32(i)
	}
	for i, k := range key {
		key[i] = place[k]
	}
	return sortWith(ids, key, len(groups)), groups, ctx.Err()
}

// gatherGroups counts the rows of each key, of which there are n, and gives the
// groups in order, each with its key.
func (x *Index) gatherGroups(ids, key []uint32, n int) ([]Group, []uint32) {
	groups, keyOf := make([]Group, 0, min(n, len(ids))), make([]uint32, 0, min(n, len(ids)))
	place := make([]uint32, n) // of a key among the groups, from 1
	for i, id := range ids {
		k := key[i]
		if place[k] == 0 {
			groups = append(groups, Group{})
			keyOf = append(keyOf, k)
			place[k] = uint32(len(groups))
		}
		g := &groups[place[k]-1]
		g.Count++
		g.Worst = max(g.Worst, checks.Severity(x.bits[id]&severityBits))
	}
	return rankGroups(groups, keyOf)
}

// keys gives each row's value, and what the values are called.
func (x *Index) keys(ids []uint32, by By) (key []uint32, name func(uint32) string, n int) {
	rank, n := x.column(by)
	key = make([]uint32, len(ids))
	for i, id := range ids {
		key[i] = rank(id)
	}
	switch by {
	case ByRepo:
		ranks, _ := x.repoRanks()
		return key, func(k uint32) string {
			i, _ := slices.BinarySearch(ranks, k)
			return x.sources[i].repo
		}, n
	case ByRule, ByCheck:
		_, names := x.kindRanks(by)
		return key, func(k uint32) string { return names[k] }, n
	case ByPath:
		return key, x.paths.at, n
	case ByPackage:
		return key, x.packages.at, n
	case ByNew:
		return key, func(k uint32) string { return []string{"new", "not known", "known"}[k] }, n
	}
	return key, func(k uint32) string { return (checks.Critical - checks.Severity(k)).String() }, n
}

// byCWE repeats a row for each weakness that it is.
func (x *Index) byCWE(ids []uint32) (rows, key []uint32, name func(uint32) string, n int) {
	names := []string{""}
	for i := range x.kinds {
		names = append(names, x.kinds[i].CWE...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	places := make([][]uint32, len(x.kinds))
	for i := range x.kinds {
		for _, c := range x.kinds[i].CWE {
			at, _ := slices.BinarySearch(names, c)
			places[i] = append(places[i], uint32(at))
		}
		slices.Sort(places[i])
		places[i] = slices.Compact(places[i])
		if len(places[i]) == 0 {
			places[i] = []uint32{0}
		}
	}
	rows, key = make([]uint32, 0, len(ids)), make([]uint32, 0, len(ids))
	for _, id := range ids {
		for _, p := range places[x.kind[id]] {
			rows, key = append(rows, id), append(key, p)
		}
	}
	return rows, key, func(k uint32) string { return names[k] }, len(names)
}

// rankGroups puts groups in order. keyOf, whose numbers are in the order of
// the names, goes with them.
func rankGroups(groups []Group, keyOf []uint32) ([]Group, []uint32) {
	order := make([]uint32, len(groups))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(-cmp.Compare(groups[a].Worst, groups[b].Worst), -cmp.Compare(groups[a].Count, groups[b].Count), cmp.Compare(keyOf[a], keyOf[b]))
	})
	return gather(groups, order), gather(keyOf, order)
}
