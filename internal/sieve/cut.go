package sieve

import (
	"math/bits"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxLiterals bounds how many literals one cut has.
	maxLiterals = 64
	// maxClass is the largest class of characters that is spelled out.
	maxClass = 4
	// minLiteral is the shortest literal, in bytes, that is worth its hits.
	minLiteral = 2
	// longLiteral is the length from which more bytes make no rarer.
	longLiteral = 12
)

// literal is a text that a match must hold; with fold, in any case of letters.
type literal struct {
	text string
	fold bool
}

// piece is a cut of an expression: each match that goes this way is before,
// one of the literals, and after.
type piece struct {
	literals      []literal
	before, after []*syntax.Regexp
	back, forth   lazyProgram
}

// cuts gives pieces of which each match of an expression follows one; nil when
// there are none, or none that are worth it.
func cuts(re *syntax.Regexp) []*piece {
	switch re.Op {
	case syntax.OpCapture, syntax.OpConcat, syntax.OpLiteral, syntax.OpCharClass:
		return cutSequence(flatten(re))
	case syntax.OpAlternate:
		var all []*piece
		for _, sub := range re.Sub {
			some := cuts(sub)
			if some == nil {
				return nil
			}
			all = append(all, some...)
		}
		return all
	case syntax.OpPlus:
		return andThen(cuts(re.Sub[0]), &syntax.Regexp{Op: syntax.OpStar, Flags: re.Flags, Sub: re.Sub})
	case syntax.OpRepeat:
		if re.Min < 1 {
			return nil
		}
		more := &syntax.Regexp{Op: syntax.OpRepeat, Flags: re.Flags, Sub: re.Sub, Min: re.Min - 1, Max: max(re.Max-1, -1)}
		return andThen(cuts(re.Sub[0]), more)
	}
	return nil
}

// andThen follows each piece by one more expression.
func andThen(pieces []*piece, more *syntax.Regexp) []*piece {
	for _, p := range pieces {
		p.after = append(slices.Clip(p.after), more)
	}
	return pieces
}

// flatten makes one sequence of nested ones. Groups do not matter for where a
// match may be.
func flatten(re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpCapture:
		return flatten(re.Sub[0])
	case syntax.OpConcat:
		var seq []*syntax.Regexp
		for _, sub := range re.Sub {
			seq = append(seq, flatten(sub)...)
		}
		return seq
	}
	return []*syntax.Regexp{re}
}

// cutSequence takes the place in a sequence with the rarest literals: a run of
// members that can be spelled out, or a member that can be cut by itself.
func cutSequence(seq []*syntax.Regexp) []*piece {
	var best []*piece
	score := 0
	for i, re := range seq {
		run, end := spellRun(seq[i:])
		if n := worth(run); n > score {
			score, best = n, []*piece{{literals: run, before: seq[:i:i], after: seq[i+end:]}}
		}
		switch re.Op {
		case syntax.OpAlternate, syntax.OpPlus, syntax.OpRepeat:
			pieces := cuts(re)
			if n := worthAll(pieces); n > score {
				score, best = n, around(seq[:i:i], pieces, seq[i+1:])
			}
		}
	}
	return best
}

func around(before []*syntax.Regexp, pieces []*piece, after []*syntax.Regexp) []*piece {
	for _, p := range pieces {
		p.before = slices.Concat(before, p.before)
		p.after = slices.Concat(p.after, after)
	}
	return pieces
}

// spellRun spells out as many members as make a longer literal.
func spellRun(seq []*syntax.Regexp) (run []literal, end int) {
	run = []literal{{}}
	for end < len(seq) && shortest(run) < longLiteral {
		next, ok := spell(seq[end])
		if !ok || len(run)*len(next) > maxLiterals {
			break
		}
		run = product(run, next)
		end++
	}
	return run, end
}

func shortest(ls []literal) int {
	n := len(ls[0].text)
	for _, l := range ls {
		n = min(n, len(l.text))
	}
	return n
}

// worth rates literals: 0 is too short, longer and fewer is better.
func worth(ls []literal) int {
	n := shortest(ls)
	if n < minLiteral {
		return 0
	}
	return 4*min(n, longLiteral) + 8 - bits.Len(uint(len(ls)))
}

// worthAll rates pieces by their worst.
func worthAll(pieces []*piece) int {
	if len(pieces) == 0 || len(pieces) > maxLiterals {
		return 0
	}
	n := worth(pieces[0].literals)
	for _, p := range pieces {
		n = min(n, worth(p.literals))
	}
	return n
}

func product(a, b []literal) []literal {
	var out []literal
	for _, x := range a {
		for _, y := range b {
			l := literal{text: x.text + y.text, fold: x.fold || y.fold}
			if l.fold {
				l.text = strings.ToLower(l.text)
			}
			if !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
	}
	return out
}

// spell lists all texts that an expression matches, if they are few and ASCII
// (or fold to it). Context is taken for fulfilled.
func spell(re *syntax.Regexp) ([]literal, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []literal{{}}, true
	case syntax.OpLiteral:
		return spellLiteral(re)
	case syntax.OpCharClass:
		return spellClass(re)
	case syntax.OpCapture, syntax.OpConcat:
		all := []literal{{}}
		for _, sub := range flatten(re) {
			next, ok := spell(sub)
			if !ok || len(all)*len(next) > maxLiterals {
				return nil, false
			}
			all = product(all, next)
		}
		return all, true
	case syntax.OpQuest:
		all, ok := spell(re.Sub[0])
		return append(all, literal{}), ok
	case syntax.OpAlternate:
		var all []literal
		for _, sub := range re.Sub {
			next, ok := spell(sub)
			if !ok || len(all)+len(next) > maxLiterals {
				return nil, false
			}
			all = append(all, next...)
		}
		return all, true
	case syntax.OpRepeat:
		return spellRepeat(re)
	}
	return nil, false
}

func spellLiteral(re *syntax.Regexp) ([]literal, bool) {
	fold := re.Flags&syntax.FoldCase != 0
	var b strings.Builder
	for _, r := range re.Rune {
		if r >= utf8.RuneSelf {
			return nil, false
		}
		if fold {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return []literal{{text: b.String(), fold: fold}}, true
}

func spellClass(re *syntax.Regexp) ([]literal, bool) {
	var all []literal
	for i := 0; i+1 < len(re.Rune); i += 2 {
		lo, hi := re.Rune[i], re.Rune[i+1]
		if hi-lo >= 2*maxClass {
			return nil, false
		}
		for r := lo; r <= hi; r++ {
			l := literal{text: string(r)}
			if r >= utf8.RuneSelf {
				letter, ok := folded(r)
				if !ok {
					return nil, false
				}
				l = literal{text: string(letter), fold: true}
			}
			all = append(all, l)
		}
	}
	return all, len(all) > 0 && len(all) <= 2*maxClass
}

func spellRepeat(re *syntax.Regexp) ([]literal, bool) {
	if re.Min != re.Max || re.Min < 1 || re.Min > 4*longLiteral {
		return nil, false
	}
	one, ok := spell(re.Sub[0])
	if !ok {
		return nil, false
	}
	all := one
	for range re.Min - 1 {
		if all = product(all, one); len(all) > maxLiterals {
			return nil, false
		}
	}
	return all, true
}

// looksBack says whether an expression looks at what stands before a match.
func looksBack(re *syntax.Regexp) bool {
	looks, _ := begin(re)
	return looks
}

// begin says whether context is looked back for before anything is consumed,
// and whether nothing need be consumed at all.
func begin(re *syntax.Regexp) (looks, empty bool) {
	switch re.Op {
	case syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true, true
	case syntax.OpEmptyMatch, syntax.OpEndLine, syntax.OpEndText:
		return false, true
	case syntax.OpCapture, syntax.OpPlus:
		return begin(re.Sub[0])
	case syntax.OpStar, syntax.OpQuest:
		looks, _ = begin(re.Sub[0])
		return looks, true
	case syntax.OpRepeat:
		looks, empty = begin(re.Sub[0])
		return looks, empty || re.Min == 0
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			l, e := begin(sub)
			looks, empty = looks || l, empty || e
		}
		return looks, empty
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			l, e := begin(sub)
			if looks = looks || l; !e {
				return looks, false
			}
		}
		return looks, true
	}
	return false, false
}
