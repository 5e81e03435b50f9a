package search

import (
	"context"
	"encoding/hex"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// plan is a query made ready for one index: what a row's numbers must be.
type plan struct {
	x *Index
	// Sets of numbers that every matching row has; nil asks nothing.
	kinds, sources, paths, packages bitset
	bits                            *[256]uint8 // 1 for those that match
	texts                           []textTest
	prints                          []printTest
	never                           bool // nothing can match
}

// textTest is a bare word: in the kind, or the path, or the package.
type textTest struct {
	kinds, paths, packages bitset
	not                    bool
}

type printTest struct {
	prefixes []string
	not      bool
}

func (x *Index) plan(ctx context.Context, q Query) (*plan, error) {
	p := &plan{x: x}
	for _, t := range q.terms {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.add(t)
	}
	for _, set := range []bitset{p.kinds, p.sources, p.paths, p.packages} {
		p.never = p.never || set != nil && set.empty()
	}
	return p, nil
}

func (p *plan) add(t term) {
	x := p.x
	switch t.key {
	case keySeverity, keyIs:
		p.addBits(t)
	case keyPath:
		p.paths = narrow(p.paths, markDict(&x.paths, t.alts), t.not)
	case keyPackage:
		p.packages = narrow(p.packages, markDict(&x.packages, t.alts), t.not)
	case keyRepo:
		p.sources = narrow(p.sources, markEach(len(x.sources), t.alts, func(i int, a string) bool { return like(a, x.sourceText[i]) }), t.not)
	case keyID:
		p.prints = append(p.prints, printTest{t.alts, t.not})
	case keyWord:
		p.texts = append(p.texts, textTest{p.markKinds(t), markDict(&x.paths, t.alts), markDict(&x.packages, t.alts), t.not})
	default:
		p.kinds = narrow(p.kinds, p.markKinds(t), t.not)
	}
}

// narrow cuts what must be by what a term says.
func narrow(must, set bitset, not bool) bitset {
	if not {
		set.not()
	}
	if must == nil {
		return set
	}
	must.and(set)
	return must
}

func markDict(d *dict, alts []string) bitset {
	set := newBitset(d.len())
	for _, a := range alts {
		d.mark(set, a)
	}
	return set
}

func markEach(n int, alts []string, match func(i int, alt string) bool) bitset {
	set := newBitset(n)
	for i := range n {
		for _, a := range alts {
			if match(i, a) {
				set.add(uint32(i))
				break
			}
		}
	}
	return set
}

func (p *plan) markKinds(t term) bitset {
	texts := p.x.kindText
	match := map[string]func(k *kindText, alt string) bool{
		keyCheck: func(k *kindText, alt string) bool { return like(alt, k.check) },
		keyRule:  func(k *kindText, alt string) bool { return like(alt, k.rule) },
		keyRole:  func(k *kindText, alt string) bool { return k.role == alt },
		keyCWE:   func(k *kindText, alt string) bool { return slices.Contains(k.cwe, alt) },
		keyWord:  func(k *kindText, alt string) bool { return like(alt, k.rule) || like(alt, k.title) },
	}[t.key]
	return markEach(len(texts), t.alts, func(i int, alt string) bool { return match(&texts[i], alt) })
}

// addBits handles what a row's bits say: severity and state.
func (p *plan) addBits(t term) {
	if p.bits == nil {
		p.bits = new([256]uint8)
		for i := range p.bits {
			p.bits[i] = 1
		}
	}
	for i := range p.bits {
		has := t.set&(1<<(i&severityBits)) != 0
		if t.key == keyIs {
			has = t.set&statesOf(uint8(i)) != 0
		}
		if has == t.not {
			p.bits[i] = 0
		}
	}
}

// statesOf is the set of states of a row with such bits.
func statesOf(b uint8) (s uint16) {
	aside := b&(bitWaived|bitIgnored) != 0
	for i, is := range []bool{ // in the order of states
		b&bitNew != 0, b&bitNewKnown != 0 && b&bitNew == 0, b&bitWaived != 0, b&bitIgnored != 0, !aside,
	} {
		if is {
			s |= 1 << i
		}
	}
	return s
}

// run asks every row, or those within, on all processors.
func (p *plan) run(ctx context.Context, within []uint32) ([]uint32, error) {
	n := len(within)
	if within == nil {
		n = p.x.Len()
	}
	hits := newBitset(n) // by place
	parts := min(runtime.GOMAXPROCS(0), n/everySoMany+1)
	var wg sync.WaitGroup
	for i := range parts {
		from, to := i*len(hits)/parts, (i+1)*len(hits)/parts // whole words each
		wg.Go(func() { p.span(ctx, within, hits, from, to, n) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return hits.places(within), nil
}

// places gives the numbers in a set, or what stands at those places in list.
// It is never nil: within nil, everything is asked.
func (b bitset) places(list []uint32) []uint32 {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	out := make([]uint32, 0, n)
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			at := uint32(64*i + bits.TrailingZeros64(w))
			if list != nil {
				at = list[at]
			}
			out = append(out, at)
		}
	}
	return out
}

// span asks the rows of some words of hits. Those after n are none.
func (p *plan) span(ctx context.Context, within []uint32, hits bitset, from, to, n int) {
	var numbers [64]uint32
	for i := from; i < to; i++ {
		if i%(everySoMany/64) == 0 && ctx.Err() != nil {
			return // run says so
		}
		first, end := 64*i, min(64*i+64, n)
		rows := numbers[:end-first]
		if within != nil {
			rows = within[first:end]
		} else {
			for j := range rows {
				rows[j] = uint32(first + j)
			}
		}
		hits[i] = p.match(rows)
	}
}

// match says which of at most 64 rows match.
func (p *plan) match(rows []uint32) uint64 {
	x := p.x
	w := ^uint64(0) >> (64 - len(rows))
	if p.bits != nil {
		v := uint64(0)
		for j, i := range rows {
			v |= uint64(p.bits[x.bits[i]]) << j
		}
		w &= v
	}
	w &= having(p.kinds, x.kind, rows, w)
	w &= having(p.sources, x.source, rows, w)
	w &= having(p.paths, x.path, rows, w)
	w &= having(p.packages, x.pkg, rows, w)
	for j := range p.texts {
		t := &p.texts[j]
		if w == 0 {
			return 0
		}
		v := having(t.kinds, x.kind, rows, w) | having(t.paths, x.path, rows, w) | having(t.packages, x.pkg, rows, w)
		if t.not {
			v = ^v
		}
		w &= v
	}
	for j := range p.prints {
		for rest := w; rest != 0; rest &= rest - 1 {
			at := bits.TrailingZeros64(rest)
			if p.prints[j].match(x, rows[at]) == p.prints[j].not {
				w &^= 1 << at
			}
		}
	}
	return w
}

// having says which rows have a number that is in a set; nil asks nothing, and
// if no row is left, none is asked.
func having(set bitset, col, rows []uint32, left uint64) (w uint64) {
	if set == nil || left == 0 {
		return left
	}
	for j, i := range rows {
		n := col[i]
		w |= (set[n>>6] >> (n & 63) & 1) << j
	}
	return w
}

// match says whether a fingerprint begins with one of the prefixes.
func (t *printTest) match(x *Index, i uint32) bool {
	var text [2 * len(Print{})]byte
	odd, isOdd := "", false
	if len(x.odd) > 0 {
		odd, isOdd = x.odd[i]
	}
	if isOdd {
		odd = fold(odd)
	} else {
		hex.Encode(text[:], x.prints[i][:])
	}
	for _, prefix := range t.prefixes {
		if isOdd && strings.HasPrefix(odd, prefix) || !isOdd && len(prefix) <= len(text) && string(text[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}
