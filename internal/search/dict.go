package search

import (
	"hash/maphash"
	"slices"
	"strings"
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
	if 4*(len(n.ends)+1) > 3*len(n.slots) {
		n.grow()
	}
	mask := uint64(len(n.slots) - 1)
	at := maphash.String(n.seed, s) & mask
	for n.slots[at] != 0 {
		if id := n.slots[at] - 1; string(n.at(id)) == s {
			return id
		}
		at = (at + 1) & mask
	}
	id := uint32(len(n.ends))
	n.text = append(n.text, s...)
	n.ends = append(n.ends, len(n.text))
	n.slots[at] = id + 1
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
	text := string(n.text)
	starts := make([]int, len(n.ends))
	byRank := make([]uint32, len(n.ends))
	for i := range n.ends {
		byRank[i] = uint32(i)
		if i > 0 {
			starts[i] = n.ends[i-1]
		}
	}
	at := func(i uint32) string { return text[starts[i]:n.ends[i]] }
	slices.SortFunc(byRank, func(a, b uint32) int { return strings.Compare(at(a), at(b)) })
	rank := make([]uint32, len(byRank))
	texts := make([]string, 0, len(byRank))
	for r, i := range byRank {
		rank[i] = uint32(r)
		texts = append(texts, at(i))
	}
	return newDict(texts), rank
}

// newDict keeps texts that are in order. The folded ones take no place of their
// own where folding changes nothing.
func newDict(texts []string) dict {
	size := 0
	for _, t := range texts {
		size += len(t)
	}
	var plain, folded strings.Builder
	plain.Grow(size)
	folded.Grow(size)
	d := dict{ends: make([]int, len(texts)), foldedEnds: make([]int, len(texts))}
	same := true
	for i, t := range texts {
		plain.WriteString(t)
		folded.WriteString(fold(t))
		d.ends[i], d.foldedEnds[i] = plain.Len(), folded.Len()
		same = same && d.ends[i] == d.foldedEnds[i]
	}
	d.text, d.folded = plain.String(), folded.String()
	if d.text == d.folded {
		d.folded = d.text
	}
	if same {
		d.foldedEnds = d.ends
	}
	return d
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

// mark adds to set the numbers of the texts that are like pattern, which is
// folded and not empty.
func (d *dict) mark(set bitset, pattern string) {
	if strings.Contains(pattern, "*") {
		for i := range d.ends {
			if globs(pattern, d.foldedAt(uint32(i))) {
				set.add(uint32(i))
			}
		}
		return
	}
	// One search over all texts at once: that runs at the speed of memory. What
	// is found may reach over the end of its text into the next.
	i, from := 0, 0
	for {
		at := strings.Index(d.folded[from:], pattern)
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
