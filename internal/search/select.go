package search

import (
	"context"
	"encoding/hex"
	"runtime"
	"slices"
	"strings"
)

// plan is a query made ready for one index: what a row's numbers must be.
type plan struct {
	x *Index
	// Sets of numbers that every matching row has; nil asks nothing.
	kinds, sources, paths, packages bitset
	bits                            *[256]bool
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
		p.bits = new([256]bool)
		for i := range p.bits {
			p.bits[i] = true
		}
	}
	for i := range p.bits {
		has := t.set&(1<<(i&severityBits)) != 0
		if t.key == keyIs {
			has = t.set&statesOf(uint8(i)) != 0
		}
		p.bits[i] = p.bits[i] && has != t.not
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
	parts := min(runtime.GOMAXPROCS(0), n/everySoMany+1)
	found := make([][]uint32, parts)
	done := make(chan struct{}, parts)
	for i := range parts {
		go func() {
			found[i] = p.span(ctx, within, i*n/parts, (i+1)*n/parts)
			done <- struct{}{}
		}()
	}
	for range parts {
		<-done
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Never nil: within nil, everything is asked.
	all := found[0]
	for _, more := range found[1:] {
		all = append(all, more...)
	}
	return all, nil
}

// span asks the rows from one place to another.
func (p *plan) span(ctx context.Context, within []uint32, from, to int) []uint32 {
	out := make([]uint32, 0, min(to-from, 1024))
	for ; from < to; from += everySoMany {
		if ctx.Err() != nil {
			return nil // run says so
		}
		end := min(from+everySoMany, to)
		if within == nil {
			for i := from; i < end; i++ {
				if p.match(uint32(i)) {
					out = append(out, uint32(i))
				}
			}
			continue
		}
		for _, i := range within[from:end] {
			if p.match(i) {
				out = append(out, i)
			}
		}
	}
	return out
}

func (p *plan) match(i uint32) bool {
	x := p.x
	if p.bits != nil && !p.bits[x.bits[i]] ||
		p.kinds != nil && !p.kinds.has(x.kind[i]) ||
		p.sources != nil && !p.sources.has(x.source[i]) ||
		p.paths != nil && !p.paths.has(x.path[i]) ||
		p.packages != nil && !p.packages.has(x.pkg[i]) {
		return false
	}
	for j := range p.texts {
		t := &p.texts[j]
		if (t.kinds.has(x.kind[i]) || t.paths.has(x.path[i]) || t.packages.has(x.pkg[i])) == t.not {
			return false
		}
	}
	for j := range p.prints {
		if p.prints[j].match(x, i) == p.prints[j].not {
			return false
		}
	}
	return true
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
