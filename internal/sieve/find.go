package sieve

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// places says where matches may be: they begin between first and last, and
// nothing that decides about them lies at reach or beyond.
type places struct{ first, last, reach int }

// FindAll returns the matches of a pattern in the text that was given to Scan,
// which must have named it: what regexp's FindAllStringIndex returns.
func (sc *Scanner) FindAll(pattern int) []Span {
	p := sc.set.patterns[pattern]
	if p.pieces == nil || len(sc.touched) == 0 {
		return sc.findWhole(p)
	}
	// What looking closer may cost, before the whole text costs less.
	sc.budget = 16*len(sc.text) + 1024
	var all []places
	for _, l := range sc.touched {
		for _, u := range sc.set.byLiteral[l] {
			if u.pattern != pattern {
				continue
			}
			var ok bool
			if all, ok = sc.look(u, sc.hits[l], all); !ok {
				return sc.findWhole(p)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return sc.findAt(p, join(all))
}

// findWhole asks the expression about the whole text.
func (sc *Scanner) findWhole(p *pattern) []Span {
	sc.work.Whole++
	sc.work.Matched += int64(len(sc.text))
	var out []Span
	for _, m := range p.compiled().FindAllStringIndex(sc.text, -1) {
		out = append(out, Span{m[0], m[1]})
	}
	return out
}

// look adds the places around the hits of a literal where a match may be. It
// says false when that costs too much.
func (sc *Scanner) look(u use, hits []hit, all []places) ([]places, bool) {
	back, forth := u.piece.back.get(u.piece.before, true), u.piece.forth.get(u.piece.after, false)
	for _, h := range hits {
		start, end := int(h.start), int(h.end)
		if u.exact != "" && sc.text[start:end] != u.exact {
			continue
		}
		reach, ok := sc.forwards(forth, end)
		if !ok {
			continue
		}
		first, last, ok := sc.backwards(back, start)
		if sc.budget < 0 {
			return nil, false
		}
		if ok {
			all = append(all, places{first, last, sc.beyond(reach)})
		}
	}
	return all, true
}

// beyond includes the character at i, which context may depend on.
func (sc *Scanner) beyond(i int) int {
	if i >= len(sc.text) {
		return len(sc.text)
	}
	for n := 0; n < utf8.UTFMax; n++ {
		i++
		if i >= len(sc.text) || utf8.RuneStart(sc.text[i]) {
			break
		}
	}
	return i
}

// before gives the begin of the character before i. Where no character begins
// near (broken UTF-8), each byte counts as one.
func (sc *Scanner) before(i int) int {
	if i == 0 {
		return 0
	}
	return sc.aligned(i - 1)
}

// aligned gives the begin of the character that i is part of.
func (sc *Scanner) aligned(i int) int {
	for at := i; at >= 0 && at > i-utf8.UTFMax; at-- {
		if utf8.RuneStart(sc.text[at]) {
			return at
		}
	}
	return i
}

// join sorts places and makes one of those that overlap.
func join(all []places) []places {
	slices.SortFunc(all, func(a, b places) int { return cmp.Compare(a.first, b.first) })
	out := all[:1]
	for _, p := range all[1:] {
		if last := &out[len(out)-1]; p.first <= last.last {
			last.last, last.reach = max(last.last, p.last), max(last.reach, p.reach)
			continue
		}
		out = append(out, p)
	}
	return out
}

// findAt asks the expression about each place, from the end of the match
// before. A window begins early enough for the context that a match looks back
// at and ends late enough for all that is decided; if an answer touches its
// edges all the same, the whole text is asked.
func (sc *Scanner) findAt(p *pattern, all []places) []Span {
	var out []Span
	at, given := 0, 0
	for _, w := range all {
		for w.first = max(sc.aligned(w.first), at); w.first <= w.last; w.first = max(w.first, at) {
			from := w.first
			if p.looksBack {
				from = sc.before(from)
			}
			if given += w.reach - from; given > 4*len(sc.text) {
				return sc.findWhole(p)
			}
			sc.work.Matched += int64(w.reach - from)
			m := p.compiled().FindStringIndex(sc.text[from:w.reach])
			if m == nil || from+m[0] > w.last {
				break
			}
			start, end := from+m[0], from+m[1]
			if start < w.first || end == start || end == w.reach && end < len(sc.text) {
				return sc.findWhole(p)
			}
			out = append(out, Span{start, end})
			at = end
		}
	}
	return out
}
