package sieve

import (
	"math"
	"slices"
	"strings"
)

// Span is a match: the bytes from Start up to End.
type Span struct{ Start, End int }

// Work counts what a scanner did since it was made, so that bounds can be
// tested without a clock.
type Work struct {
	// Scanned is bytes that the pass over literals read.
	Scanned int64
	// Steps is bytes that automata read around literals, and what making
	// their states cost.
	Steps int64
	// Matched is bytes that regular expressions were given.
	Matched int64
	// Whole is how often that was a whole text.
	Whole int64
	// Forgotten is how often the automata outgrew their memory.
	Forgotten int64
}

// memory bounds the automata of one scanner, in bytes.
const memory = 8 << 20

// Scanner looks through one text at a time. It keeps memory from one to the
// next and is not safe for concurrent use.
type Scanner struct {
	set  *Set
	text string
	hits [][]hit
	// touched are the literals that have hits, the patterns of which some word
	// or literal was seen are marked by epoch.
	touched      []int32
	epoch        int
	word, worded []int
	lit          []int
	possible     []int

	dfas       map[*program]*dfa
	used       int
	generation int
	budget     int
	work       Work
}

// hit is a place of a literal.
type hit struct{ start, end int32 }

// NewScanner makes a scanner.
func (s *Set) NewScanner() *Scanner {
	return &Scanner{
		set: s, hits: make([][]hit, s.literals.literals), dfas: map[*program]*dfa{},
		word: make([]int, s.literals.words), worded: make([]int, len(s.patterns)), lit: make([]int, len(s.patterns)),
	}
}

// Work says what was done until now.
func (sc *Scanner) Work() Work { return sc.work }

// Scan takes a text, on which FindAll will work, and returns the patterns that
// may match in it, in order. The slice is good until the next Scan.
func (sc *Scanner) Scan(text string) []int {
	for _, l := range sc.touched {
		sc.hits[l] = sc.hits[l][:0]
	}
	sc.touched, sc.possible = sc.touched[:0], sc.possible[:0]
	sc.text = text
	sc.epoch++
	if len(text) > math.MaxInt32 {
		return sc.everything()
	}
	if sc.pass(text, nil) {
		sc.passFolded(text)
	}
	for _, l := range sc.touched {
		for _, u := range sc.set.byLiteral[l] {
			sc.may(u.pattern)
		}
	}
	for _, p := range sc.set.open {
		sc.may(p)
	}
	slices.Sort(sc.possible)
	return sc.possible
}

// everything says that any pattern may match, which is always true.
func (sc *Scanner) everything() []int {
	lowered := strings.ToLower(sc.text)
	for i, p := range sc.set.patterns {
		if len(p.words) > 0 && !slices.ContainsFunc(p.words, func(w string) bool { return strings.Contains(lowered, w) }) {
			continue
		}
		sc.possible = append(sc.possible, i)
	}
	return sc.possible
}

// may notes a pattern once, if its gate is open.
func (sc *Scanner) may(p int) {
	if sc.lit[p] == sc.epoch || len(sc.set.patterns[p].words) > 0 && sc.worded[p] != sc.epoch {
		return
	}
	sc.lit[p] = sc.epoch
	sc.possible = append(sc.possible, p)
}

// pass runs the automaton over text and notes words and literals. It says
// whether a character was met that folds to an ASCII letter; then what was
// noted is worth nothing.
func (sc *Scanner) pass(text string, take func(o output, end int)) (folds bool) {
	a := sc.set.literals
	sc.work.Scanned += int64(len(text))
	next, class, first, s := a.next, &a.class, a.first, uint32(0)
	for i := 0; i < len(text); i++ {
		s = next[s+uint32(class[text[i]])]
		if s < first {
			continue
		}
		for _, o := range a.outputs[(s-first)>>a.shift] {
			switch {
			case take != nil:
				take(o, i+1)
			case o.kind == outWord:
				sc.seeWord(o.id)
			case o.kind == outLiteral:
				sc.seeLiteral(o.id, i+1-int(o.size), i+1)
			default:
				return true
			}
		}
	}
	return false
}

func (sc *Scanner) seeWord(id int32) {
	if sc.word[id] == sc.epoch {
		return
	}
	sc.word[id] = sc.epoch
	for _, p := range sc.set.byWord[id] {
		sc.worded[p] = sc.epoch
	}
}

func (sc *Scanner) seeLiteral(id int32, start, end int) {
	if len(sc.hits[id]) == 0 {
		sc.touched = append(sc.touched, id)
	}
	sc.hits[id] = append(sc.hits[id], hit{int32(start), int32(end)})
}

// passFolded looks again where characters fold to ASCII letters: for literals
// as (?i) takes them, for words as strings.ToLower does. Two passes more are
// the most that such a text can cost.
func (sc *Scanner) passFolded(text string) {
	for _, l := range sc.touched {
		sc.hits[l] = sc.hits[l][:0]
	}
	sc.touched = sc.touched[:0]
	sc.epoch++
	sc.pass(strings.ToLower(text), func(o output, _ int) {
		if o.kind == outWord {
			sc.seeWord(o.id)
		}
	})
	f := fold(text)
	sc.pass(f.text, func(o output, end int) {
		if o.kind == outLiteral {
			sc.seeLiteral(o.id, f.origin(end-int(o.size)), f.origin(end))
		}
	})
}
