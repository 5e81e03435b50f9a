package search

import (
	"bytes"
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// interner gives each text a number, the same to the same. Texts lie in one
// array of bytes and the table holds numbers: nothing for the collector to walk.
type interner struct {
	seed  maphash.Seed
	text  []byte
	ends  []int
	slots []uint32 // number+1, 0 is free; a power of two
}

func newInterner() *interner {
	return &interner{seed: maphash.MakeSeed(), slots: make([]uint32, 64)}
}

func (n *interner) len() int { return len(n.ends) }

func (n *interner) at(i uint32) []byte {
	start := 0
	if i > 0 {
		start = n.ends[i-1]
	}
	return n.text[start:n.ends[i]]
}

func (n *interner) id(s string) uint32 {
	at := maphash.String(n.seed, s) & uint64(len(n.slots)-1)
	for ; n.slots[at] != 0; at = (at + 1) & uint64(len(n.slots)-1) {
		if id := n.slots[at] - 1; string(n.at(id)) == s {
			return id
		}
	}
	return n.add(at, s)
}

// idBytes is id for a text in a buffer: it makes no string of one that is there.
func (n *interner) idBytes(b []byte) uint32 {
	at := maphash.Bytes(n.seed, b) & uint64(len(n.slots)-1)
	for ; n.slots[at] != 0; at = (at + 1) & uint64(len(n.slots)-1) {
		if id := n.slots[at] - 1; bytes.Equal(n.at(id), b) {
			return id
		}
	}
	return n.add(at, string(b))
}

// add puts a new text into a free slot.
func (n *interner) add(at uint64, s string) uint32 {
	id := uint32(len(n.ends))
	n.text = append(n.text, s...)
	n.ends = append(n.ends, len(n.text))
	n.slots[at] = id + 1
	if 4*len(n.ends) > 3*len(n.slots) {
		n.grow()
	}
	return id
}

func (n *interner) grow() {
	n.slots = make([]uint32, 2*len(n.slots))
	mask := uint64(len(n.slots) - 1)
	for i := range n.ends {
		at := maphash.Bytes(n.seed, n.at(uint32(i))) & mask
		for n.slots[at] != 0 {
			at = (at + 1) & mask
		}
		n.slots[at] = uint32(i) + 1
	}
}

// dict is a dictionary in order: a text's number is its rank.
type dict struct {
	text, folded     string
	ends, foldedEnds []int
}

// order makes a dictionary of what was interned, and says for each old number
// the new one.
func (n *interner) order() (dict, []uint32) {
	n.slots = nil // the place is needed
	byRank := make([]uint32, len(n.ends))
	for i := range n.ends {
		byRank[i] = uint32(i)
	}
	slices.SortFunc(byRank, func(a, b uint32) int { return bytes.Compare(n.at(a), n.at(b)) })
	rank := make([]uint32, len(byRank))
	for r, i := range byRank {
		rank[i] = uint32(r)
	}
	d := dict{ends: make([]int, len(byRank))}
	var b strings.Builder
	b.Grow(len(n.text))
	for r, i := range byRank {
		b.Write(n.at(i))
		d.ends[r] = b.Len()
	}
	d.text = b.String()
	d.fold()
	return d, rank
}

// fold makes the folded texts. They take no place of their own where folding
// changes nothing, as in ASCII it moves nothing.
func (d *dict) fold() {
	d.folded, d.foldedEnds = d.text, d.ends
	if isASCII(d.text) {
		d.folded = fold(d.text)
		return
	}
	var b strings.Builder
	b.Grow(len(d.text))
	d.foldedEnds = make([]int, len(d.ends))
	for i := range d.ends {
		b.WriteString(fold(d.at(uint32(i))))
		d.foldedEnds[i] = b.Len()
	}
	d.folded = b.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (d *dict) len() int { return len(d.ends) }

func (d *dict) at(i uint32) string { return cut(d.text, d.ends, i) }

func (d *dict) foldedAt(i uint32) string { return cut(d.folded, d.foldedEnds, i) }

func cut(text string, ends []int, i uint32) string {
	start := 0
	if i > 0 {
		start = ends[i-1]
	}
	return text[start:ends[i]]
}

// alone is how many bytes of text are searched by one processor.
const alone = 1 << 20

// mark adds to set the numbers of the texts that are like pattern, which is
// folded and not empty.
func (d *dict) mark(set bitset, pattern string) {
	parts := min(runtime.GOMAXPROCS(0), len(d.folded)/alone+1)
	words := len(set)
	var wg sync.WaitGroup
	for i := range parts {
		// Whole words of the set, which nobody else writes to.
		from, to := i*words/parts*64, min((i+1)*words/parts*64, d.len())
		if i == parts-1 {
			d.markSpan(set, pattern, from, to)
			break
		}
		wg.Go(func() { d.markSpan(set, pattern, from, to) })
	}
	wg.Wait()
}

// markSpan is mark for the texts from one number to before another.
func (d *dict) markSpan(set bitset, pattern string, i, to int) {
	if strings.Contains(pattern, "*") {
		for ; i < to; i++ {
			if globs(pattern, d.foldedAt(uint32(i))) {
				set.add(uint32(i))
			}
		}
		return
	}
	if i >= to {
		return
	}
	// One search over all texts at once: that runs at the speed of memory. What
	// is found may reach over the end of its text into the next.
	from, end := 0, d.foldedEnds[to-1]
	if i > 0 {
		from = d.foldedEnds[i-1]
	}
	for {
		at := strings.Index(d.folded[from:end], pattern)
		if at < 0 {
			return
		}
		at += from
		for d.foldedEnds[i] <= at {
			i++
		}
		if at+len(pattern) <= d.foldedEnds[i] {
			set.add(uint32(i))
		}
		from = d.foldedEnds[i] // nothing further on in this text fits either
	}
}

// bitset is a set of numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) add(i uint32)      { b[i>>6] |= 1 << (i & 63) }
func (b bitset) has(i uint32) bool { return b[i>>6]&(1<<(i&63)) != 0 }

func (b bitset) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

// and keeps what is in c too; not takes the rest of the world.
func (b bitset) and(c bitset) {
	for i := range b {
		b[i] &= c[i]
	}
}

func (b bitset) not() {
	for i := range b {
		b[i] = ^b[i]
	}
}
