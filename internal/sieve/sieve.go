// Package sieve runs many regular expressions over much text and finds what
// package regexp finds, at a fraction of its cost where there is little to find.
//
// A regular expression that can be told by literals is cut at them: what must
// stand in each match, what comes before it and what after. One Aho-Corasick
// pass finds all literals of all patterns. Around each, two small automata
// (one backwards over what comes before, one forwards) drop what cannot be a
// match; they let too much through, never too little. What is left bounds
// where a match may begin and how far it may reach, and there, and only
// there, the original expression is asked. So the answer is always regexp's.
//
// Where that would not be sound (no literals, context at the edge of what is
// looked at) or would not pay (a text made to be costly), the expression runs
// once over the whole text. Nothing takes more than a fixed multiple of that.
package sieve

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"unicode/utf8"
)

// Pattern is one regular expression and when it counts.
type Pattern struct {
	// Expr is the expression, in the syntax of package regexp.
	Expr string
	// Words, if there are any, gate the pattern: it is found only in a text
	// whose strings.ToLower holds one of them, anywhere. They are lower-case ASCII.
	Words []string
}

// Set is a number of patterns. It does not change and may be shared.
type Set struct {
	patterns []*pattern
	literals *automaton
	// byLiteral and byWord say whose a text of the automaton is.
	byLiteral [][]use
	byWord    [][]int
	// open are the patterns that no literal can tell.
	open []int
}

// pattern is one expression, cut.
type pattern struct {
	words  []string
	pieces []*piece
	// looksBack says that the begin of a match depends on what stands before it.
	looksBack bool
	compiled  func() *regexp.Regexp
}

// use is a literal of a piece. The automaton does not tell letters' case;
// exact says how it must be spelled, "" that any case will do.
type use struct {
	pattern int
	piece   *piece
	exact   string
}

// New cuts and joins the patterns. It costs some ten microseconds a pattern:
// expressions and automata are compiled when they are first needed. An
// expression that package regexp refuses is an error, and so is a word that is
// not lower-case ASCII.
func New(patterns []Pattern) (*Set, error) {
	s := &Set{}
	b := newBuilder()
	for i, p := range patterns {
		tree, err := syntax.Parse(p.Expr, syntax.Perl)
		if err != nil {
			return nil, err
		}
		q := &pattern{
			words: p.Words, looksBack: looksBack(tree),
			compiled: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(p.Expr) }),
		}
		s.patterns = append(s.patterns, q)
		for _, w := range p.Words {
			if !lowerASCII(w) {
				return nil, fmt.Errorf("the word %q is not lower-case ASCII", w)
			}
			id := b.word(w)
			s.byWord = grow(s.byWord, id)
			s.byWord[id] = append(s.byWord[id], i)
		}
		q.pieces = cuts(tree)
		if q.pieces == nil {
			s.open = append(s.open, i)
		}
		for _, piece := range q.pieces {
			for _, l := range piece.literals {
				id := b.literal(strings.ToLower(l.text))
				s.byLiteral = grow(s.byLiteral, id)
				u := use{pattern: i, piece: piece}
				if !l.fold {
					u.exact = l.text
				}
				s.byLiteral[id] = append(s.byLiteral[id], u)
			}
		}
	}
	s.literals = b.build()
	return s, nil
}

func grow[T any](s [][]T, id int) [][]T {
	for len(s) <= id {
		s = append(s, nil)
	}
	return s
}

func lowerASCII(w string) bool {
	for i := range len(w) {
		if w[i] >= utf8.RuneSelf || 'A' <= w[i] && w[i] <= 'Z' {
			return false
		}
	}
	return w != ""
}

// Regexp is the expression of a pattern, compiled when it is first asked for.
func (s *Set) Regexp(i int) *regexp.Regexp { return s.patterns[i].compiled() }
