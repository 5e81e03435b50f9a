package search

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Builder gathers rows. The zero value is not usable: see NewBuilder.
type Builder struct {
	kinds, sources, paths, packages *interner
	cols                            columns
	// Places of a batch's texts in the dictionaries, kept between batches.
	kindOf, pathOf, packageOf []uint32
	text                      []byte
}

// columns hold a row's numbers, each at the row's place.
type columns struct {
	kind, source, path, pkg []uint32
	line                    []int32
	ordinal                 []uint32
	bits                    []uint8
	prints                  []Print
	odd                     map[uint32]string // fingerprints of another form
}

// The bits of a row: its severity in the lowest three, then its flags.
const (
	severityBits = 7
	bitNew       = 1 << 3
	bitNewKnown  = 1 << 4
	bitWaived    = 1 << 5
	bitIgnored   = 1 << 6
)

// NewBuilder makes room for n rows: it may be fewer or more.
func NewBuilder(n int) *Builder {
	n = max(n, 0)
	return &Builder{
		kinds: newInterner(), sources: newInterner(), paths: newInterner(), packages: newInterner(),
		cols: columns{
			kind: make([]uint32, 0, n), source: make([]uint32, 0, n), path: make([]uint32, 0, n), pkg: make([]uint32, 0, n),
			line: make([]int32, 0, n), ordinal: make([]uint32, 0, n), bits: make([]uint8, 0, n), prints: make([]Print, 0, n),
			odd: map[uint32]string{},
		},
	}
}

// Add takes one row.
func (b *Builder) Add(r Row) {
	batch := Batch{Repo: r.Repo, Target: r.Target, Run: r.Run, Paths: []string{r.Path}, Packages: []string{r.Package},
		Kinds: []Kind{{Check: r.Check, Rule: r.Rule, Title: r.Title, Severity: r.Severity, CWE: r.CWE, Role: r.Role, Credential: r.Credential}}}
	it := Item{Line: int32(min(max(r.Line, math.MinInt32), math.MaxInt32)), Ordinal: uint32(min(max(r.Ordinal, 0), math.MaxUint32)),
		New: r.New, NewKnown: r.NewKnown, Waived: r.Waived, Ignored: r.Ignored}
	ok := false
	if it.Print, ok = ParsePrint(r.Fingerprint); !ok {
		batch.Odd = map[int]string{0: r.Fingerprint}
	}
	batch.Items = []Item{it}
	b.AddBatch(batch)
}

// AddBatch takes the findings of a run. Nothing of the batch is kept: it may be
// used again.
func (b *Builder) AddBatch(batch Batch) {
	source := b.sources.idBytes(appendTexts(nil, batch.Repo, batch.Target, batch.Run))
	b.kindOf = b.kindOf[:0]
	for _, k := range batch.Kinds {
		b.text = k.append(b.text[:0])
		b.kindOf = append(b.kindOf, b.kinds.idBytes(b.text))
	}
	b.pathOf = intern(b.pathOf, b.paths, batch.Paths)
	b.packageOf = intern(b.packageOf, b.packages, batch.Packages)
	c := &b.cols
	for i, text := range batch.Odd {
		c.odd[uint32(len(c.kind)+i)] = text
	}
	for i := range batch.Items {
		it := &batch.Items[i]
		c.kind = append(c.kind, b.kindOf[it.Kind])
		c.source = append(c.source, source)
		c.path = append(c.path, b.pathOf[it.Path])
		c.pkg = append(c.pkg, b.packageOf[it.Package])
		c.line = append(c.line, it.Line)
		c.ordinal = append(c.ordinal, it.Ordinal)
		c.bits = append(c.bits, it.bits(batch.Kinds[it.Kind].Severity))
		c.prints = append(c.prints, it.Print)
	}
}

func intern(into []uint32, n *interner, texts []string) []uint32 {
	into = into[:0]
	for _, t := range texts {
		into = append(into, n.id(t))
	}
	return into
}

func (it *Item) bits(s checks.Severity) uint8 {
	if s < checks.Unrated || s > checks.Critical {
		s = checks.Unrated // as Severity.String names it
	}
	b := uint8(s)
	for _, f := range [...]struct {
		set bool
		bit uint8
	}{{it.New, bitNew | bitNewKnown}, {it.NewKnown, bitNewKnown}, {it.Waived, bitWaived}, {it.Ignored, bitIgnored}} {
		if f.set {
			b |= f.bit
		}
	}
	return b
}

// appendTexts joins texts so that they can be told apart again.
func appendTexts(b []byte, texts ...string) []byte {
	for _, t := range texts {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	return b
}

// split is the inverse of appendTexts. The texts are parts of s.
func split(s string) (texts []string) {
	for len(s) > 0 {
		n, size := 0, 0
		for shift := 0; ; shift += 7 { // binary.Uvarint reads no string
			c := s[size]
			size++
			n |= int(c&0x7f) << shift
			if c < 0x80 {
				break
			}
		}
		texts = append(texts, s[size:size+n])
		s = s[size+n:]
	}
	return texts
}

func (k Kind) append(b []byte) []byte {
	credential := byte(0)
	if k.Credential {
		credential = 1
	}
	b = append(b, byte(min(max(k.Severity, 0), severityBits)), credential)
	return appendTexts(appendTexts(b, k.Rule, k.Check, k.Title, k.Role), k.CWE...)
}

func decodeKind(s string) Kind {
	t := split(s[2:])
	k := Kind{Severity: checks.Severity(s[0]), Credential: s[1] == 1, Rule: t[0], Check: t[1], Title: t[2], Role: t[3]}
	if len(t) > 4 {
		k.CWE = t[4:]
	}
	return k
}

func (k Kind) compare(o Kind) int {
	return cmp.Or(
		strings.Compare(k.Rule, o.Rule), strings.Compare(k.Check, o.Check), strings.Compare(k.Title, o.Title),
		-cmp.Compare(k.Severity, o.Severity), slices.Compare(k.CWE, o.CWE), strings.Compare(k.Role, o.Role))
}

// Source is where rows are from.
type source struct{ repo, target, run string }

func (s source) compare(o source) int {
	return cmp.Or(strings.Compare(s.repo, o.repo), strings.Compare(s.target, o.target), strings.Compare(s.run, o.run))
}

// list gives what was interned, read by read and in order, and for each old
// number the new one.
func list[T any](n *interner, read func(string) T, compare func(a, b T) int) ([]T, []uint32) {
	type numbered struct {
		value T
		old   uint32
	}
	all := make([]numbered, n.len())
	for i := range all {
		all[i] = numbered{read(string(n.at(uint32(i)))), uint32(i)}
	}
	slices.SortStableFunc(all, func(a, b numbered) int { return compare(a.value, b.value) })
	values, rank := make([]T, len(all)), make([]uint32, len(all))
	for r, v := range all {
		values[r], rank[v.old] = v.value, uint32(r)
	}
	return values, rank
}

// Index makes the index and empties the builder.
func (b *Builder) Index() *Index {
	x := &Index{columns: b.cols}
	var kindRank, sourceRank, pathRank, packageRank []uint32
	x.kinds, kindRank = list(b.kinds, decodeKind, Kind.compare)
	x.sources, sourceRank = list(b.sources, func(s string) source { t := split(s); return source{t[0], t[1], t[2]} }, source.compare)
	x.paths, pathRank = b.paths.order()
	x.packages, packageRank = b.packages.order()
	*b = *NewBuilder(0)
	renumber(x.kind, kindRank)
	renumber(x.source, sourceRank)
	renumber(x.path, pathRank)
	renumber(x.pkg, packageRank)
	x.arrange()
	x.name()
	x.rank()
	return x
}

func renumber(col, rank []uint32) {
	for i, v := range col {
		col[i] = rank[v]
	}
}

// arrange puts the rows into the order in which a list begins: the worst
// first, then by repository, and within a run as the run has them, which is
// the order of checks.Compare.
func (x *Index) arrange() {
	n := len(x.kind)
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	last := uint32(0)
	for _, o := range x.ordinal {
		last = max(last, o)
	}
	order = sortBy(order, x.ordinal, int(last)+1)
	order = sortBy(order, x.source, len(x.sources))
	worst := make([]uint32, n)
	for i, b := range x.bits {
		worst[i] = uint32(checks.Critical) - uint32(b&severityBits)
	}
	order = sortBy(order, worst, int(checks.Critical)+1)
	x.kind, x.source = gather(x.kind, order), gather(x.source, order)
	x.path, x.pkg = gather(x.path, order), gather(x.pkg, order)
	x.ordinal, x.line, x.bits = gather(x.ordinal, order), gather(x.line, order), gather(x.bits, order)
	if len(x.odd) > 0 {
		odd := make(map[uint32]string, len(x.odd))
		for to, from := range order {
			if text, ok := x.odd[from]; ok {
				odd[uint32(to)] = text
			}
		}
		x.odd = odd
	}
	move(x.prints, order) // destroys order
}

// move does what gather does, in place: fingerprints are half of an index. It
// goes around each circle of places, and marks in order where it has been.
func move(col []Print, order []uint32) {
	for start := range order {
		if int(order[start]) == start {
			continue
		}
		first, to := col[start], start
		for {
			from := int(order[to])
			order[to] = uint32(to)
			if from == start {
				col[to] = first
				break
			}
			col[to] = col[from]
			to = from
		}
	}
}

func gather[T any](col []T, order []uint32) []T {
	out := make([]T, len(order))
	for to, from := range order {
		out[to] = col[from]
	}
	return out
}
