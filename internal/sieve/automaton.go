package sieve

import "math/bits"

// automaton finds any number of texts in one pass (Aho and Corasick, 1975),
// without regard to the case of ASCII letters. It is dense: one look-up a byte.
type automaton struct {
	class [256]uint8
	// next has a row of 1<<shift states for each state; a state is the offset
	// of its row, and those that end a text come last.
	next  []uint32
	shift int
	first uint32
	// outputs are what ends in state first and in those after it.
	outputs [][]output
	// words and literals count the texts of each kind.
	words, literals int
}

// output is a text that ends here: a literal, a word, or one of the
// characters that fold to ASCII letters.
type output struct {
	kind outputKind
	id   int32
	size int32
}

type outputKind uint8

const (
	outWord outputKind = iota
	outLiteral
	outFold
)

// builder collects texts for an automaton.
type builder struct {
	words, literals map[string]int
	texts           []string
	outs            []output
}

func newBuilder() *builder {
	b := &builder{words: map[string]int{}, literals: map[string]int{}}
	for _, r := range foldRunes {
		b.add(string(r), outFold, 0)
	}
	return b
}

func (b *builder) add(text string, kind outputKind, id int) {
	b.texts = append(b.texts, text)
	b.outs = append(b.outs, output{kind, int32(id), int32(len(text))})
}

func (b *builder) word(w string) int {
	id, ok := b.words[w]
	if !ok {
		id = len(b.words)
		b.words[w] = id
		b.add(w, outWord, id)
	}
	return id
}

func (b *builder) literal(l string) int {
	id, ok := b.literals[l]
	if !ok {
		id = len(b.literals)
		b.literals[l] = id
		b.add(l, outLiteral, id)
	}
	return id
}

// trie is the automaton while it is built: rows are state numbers, -1 none.
type trie struct {
	next [][]int32
	outs [][]output
	fail []int32
}

func (t *trie) add(width int) int32 {
	row := make([]int32, width)
	for i := range row {
		row[i] = -1
	}
	t.next, t.outs, t.fail = append(t.next, row), append(t.outs, nil), append(t.fail, 0)
	return int32(len(t.next) - 1)
}

func (b *builder) build() *automaton {
	a := &automaton{words: len(b.words), literals: len(b.literals)}
	classes := 1
	for _, text := range b.texts {
		for i := range len(text) {
			if c := lower(text[i]); a.class[c] == 0 {
				a.class[c] = uint8(classes)
				classes++
			}
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		a.class[c] = a.class[lower(c)]
	}
	a.shift = bits.Len(uint(classes - 1))
	t := &trie{}
	t.add(classes)
	for i, text := range b.texts {
		s := int32(0)
		for j := range len(text) {
			c := a.class[text[j]]
			if t.next[s][c] < 0 {
				n := t.add(classes)
				t.next[s][c] = n
			}
			s = t.next[s][c]
		}
		t.outs[s] = append(t.outs[s], b.outs[i])
	}
	a.renumber(t, t.link())
	return a
}

// link fills in where to go on when a text breaks off, breadth first, and
// returns the states in that order.
func (t *trie) link() []int32 {
	order := []int32{0}
	for at := 0; at < len(order); at++ {
		s := order[at]
		for c, n := range t.next[s] {
			back := int32(0)
			if s != 0 {
				back = t.next[t.fail[s]][c]
			}
			if n < 0 {
				t.next[s][c] = back
				continue
			}
			t.fail[n] = back
			t.outs[n] = append(t.outs[n], t.outs[back]...)
			order = append(order, n)
		}
	}
	return order
}

// renumber lays the rows down: first those where nothing ends, near ones first.
func (a *automaton) renumber(t *trie, order []int32) {
	number := make([]uint32, len(order))
	n := uint32(0)
	place := func(ends bool) {
		for _, s := range order {
			if (len(t.outs[s]) > 0) == ends {
				number[s] = n << a.shift
				n++
			}
		}
	}
	place(false)
	a.first = n << a.shift
	place(true)
	a.next = make([]uint32, int(n)<<a.shift)
	a.outputs = make([][]output, n-a.first>>a.shift)
	for s, row := range t.next {
		to := number[s]
		for c, target := range row {
			a.next[int(to)+c] = number[target]
		}
		if to >= a.first {
			a.outputs[(to-a.first)>>a.shift] = t.outs[s]
		}
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
