package search

import (
	"cmp"
	"context"
	"slices"
	"sync"

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

// column is what rows are ordered by: a number each, out of n. The number is
// ranks[col[row]], or col[row] itself, or what a row's bits stand for.
type column struct {
	col, ranks []uint32
	bits       *[256]uint32
	n          int
	name       func(uint32) string
}

func (x *Index) column(by By) column {
	ranked := func(col []uint32, r ranking) column {
		return column{col: col, ranks: r.ranks, n: len(r.names), name: func(k uint32) string { return r.names[k] }}
	}
	switch by {
	case ByRepo:
		return ranked(x.source, x.repos)
	case ByRule:
		return ranked(x.kind, x.rules)
	case ByCheck:
		return ranked(x.kind, x.checks)
	case ByCWE:
		return ranked(x.kind, x.firstCWE)
	case ByPath:
		return column{col: x.path, n: x.paths.len(), name: x.paths.at}
	case ByPackage:
		return column{col: x.pkg, n: x.packages.len(), name: x.packages.at}
	case ByNew:
		return column{bits: bitsTo(newness), n: 3, name: func(k uint32) string { return []string{"new", "not known", "known"}[k] }}
	}
	worst := func(b uint8) uint32 {
		return uint32(checks.Critical) - min(uint32(b&severityBits), uint32(checks.Critical))
	}
	return column{bits: bitsTo(worst), n: int(checks.Critical) + 1, name: func(k uint32) string { return (checks.Critical - checks.Severity(k)).String() }}
}

func bitsTo(f func(uint8) uint32) *[256]uint32 {
	var all [256]uint32
	for i := range all {
		all[i] = f(uint8(i))
	}
	return &all
}

// keys gives each row's number.
func (x *Index) keys(ids []uint32, c column) []uint32 {
	key := make([]uint32, len(ids))
	switch {
	case c.bits != nil:
		for i, id := range ids {
			key[i] = c.bits[x.bits[id]]
		}
	case c.ranks != nil:
		for i, id := range ids {
			key[i] = c.ranks[c.col[id]]
		}
	default:
		for i, id := range ids {
			key[i] = c.col[id]
		}
	}
	return key
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

// ranking numbers things by a text they have, and names the numbers.
type ranking struct {
	ranks []uint32
	names []string
}

func rankBy(n int, text func(int) string) ranking {
	r := ranking{ranks: make([]uint32, n), names: make([]string, n)}
	for i := range n {
		r.names[i] = text(i)
	}
	slices.Sort(r.names)
	r.names = slices.Compact(r.names)
	for i := range n {
		at, _ := slices.BinarySearch(r.names, text(i))
		r.ranks[i] = uint32(at)
	}
	return r
}

// rank makes the rankings. A kind with several weaknesses stands at its first.
func (x *Index) rank() {
	x.repos = rankBy(len(x.sources), func(i int) string { return x.sources[i].repo })
	x.rules = rankBy(len(x.kinds), func(i int) string { return x.kinds[i].Rule })
	x.checks = rankBy(len(x.kinds), func(i int) string { return x.kinds[i].Check })
	x.firstCWE = rankBy(len(x.kinds), func(i int) string {
		if len(x.kinds[i].CWE) == 0 {
			return ""
		}
		return x.kinds[i].CWE[0]
	})
}

// Sort orders rows; those with the same value stay as they are. Text goes from
// A to Z, severities from the worst, new before known; descending turns that
// around.
func (x *Index) Sort(ctx context.Context, ids []uint32, by By, descending bool) ([]uint32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(ids) > x.Len()/many && increasing(ids) {
		return x.sortMany(ids, by, descending), ctx.Err()
	}
	return x.sort(ids, by, descending), ctx.Err()
}

// increasing says whether rows are in the index's order, each once.
func increasing(ids []uint32) bool {
	for i := 1; i < len(ids); i++ {
		if ids[i-1] >= ids[i] {
			return false
		}
	}
	return true
}

func (x *Index) sort(ids []uint32, by By, descending bool) []uint32 {
	c := x.column(by)
	key := x.keys(ids, c)
	if descending {
		for i := range key {
			key[i] = uint32(c.n) - 1 - key[i]
		}
	}
	return sortWith(ids, key, c.n)
}

// many is the part of all rows above which it is quicker to go through all of
// them in the order that is asked for.
const many = 16

// ordering is all rows in an order, made when it is first asked for.
type ordering struct {
	once sync.Once
	ids  []uint32
}

// sortMany sorts rows that are in the index's order.
func (x *Index) sortMany(ids []uint32, by By, descending bool) []uint32 {
	down := 0
	if descending {
		down = 1
	}
	by = min(max(by, BySeverity), ByNew)
	o := &x.orderings[by][down]
	o.once.Do(func() { o.ids = x.sort(x.All(), by, descending) })
	if len(ids) == len(o.ids) {
		return slices.Clone(o.ids)
	}
	asked := newBitset(x.Len())
	for _, id := range ids {
		asked.add(id)
	}
	out := make([]uint32, 0, len(ids))
	for _, id := range o.ids {
		if asked.has(id) {
			out = append(out, id)
		}
	}
	return out
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
	c := x.column(by)
	var key []uint32
	if by == ByCWE {
		ids, key, c = x.byCWE(ids)
	} else {
		key = x.keys(ids, c)
	}
	counts, worst := make([]uint32, c.n), make([]uint8, c.n)
	for i, id := range ids {
		counts[key[i]]++
		worst[key[i]] = max(worst[key[i]], x.bits[id]&severityBits)
	}
	order := orderGroups(counts, worst)
	groups, next := make([]Group, len(order)), make([]uint32, c.n)
	from := 0
	for i, k := range order {
		to := from + int(counts[k])
		groups[i] = Group{Key: c.name(k), Count: int(counts[k]), Worst: checks.Severity(worst[k]), From: from, To: to}
		next[k] = uint32(from)
		from = to
	}
	out := make([]uint32, len(ids))
	for i, k := range key {
		out[next[k]] = ids[i]
		next[k]++
	}
	return out, groups, ctx.Err()
}

// orderGroups gives the keys that have rows, in the order of their groups. The
// keys' numbers are in the order of their names.
func orderGroups(counts []uint32, worst []uint8) []uint32 {
	var order []uint32
	for k, n := range counts {
		if n > 0 {
			order = append(order, uint32(k))
		}
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(-cmp.Compare(worst[a], worst[b]), -cmp.Compare(counts[a], counts[b]), cmp.Compare(a, b))
	})
	return order
}

// byCWE repeats a row for each weakness that it is.
func (x *Index) byCWE(ids []uint32) (rows, key []uint32, c column) {
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
	return rows, key, column{n: len(names), name: func(k uint32) string { return names[k] }}
}
