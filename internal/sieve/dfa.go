package sieve

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
)

// dfa makes a program deterministic, state by state as they are reached. It
// belongs to one scanner.
type dfa struct {
	p *program
	// next has a row of columns for each state; unknown where nobody went.
	next   []int32
	states []state
	known  map[string]int32
	// generation is that of the scanner's memory that the states belong to.
	generation int
	seen       []uint32
	mark       uint32
	key        []byte
}

// state is a set of instructions that wait for a byte.
type state struct {
	insts []uint32
	// accepts says that what was read is enough, acceptsEnd that it is if the
	// text ends here.
	accepts, acceptsEnd bool
}

const (
	unknown int32 = -1
	// dead is the state that nothing leaves, begun the one before any byte.
	dead  int32 = 0
	begun int32 = 1
)

func newDFA(p *program, generation int) *dfa {
	d := &dfa{p: p, seen: make([]uint32, len(p.inst))}
	d.reset(generation)
	return d
}

// reset forgets all states.
func (d *dfa) reset(generation int) {
	d.generation = generation
	d.next, d.states, d.known = d.next[:0], d.states[:0], map[string]int32{}
	d.add(state{})
	d.add(d.close([]uint32{d.p.start}))
}

// size is about what a state costs in memory, in bytes.
func (d *dfa) size(s state) int { return 4*d.p.columns + 8*len(s.insts) + 96 }

func (d *dfa) add(s state) int32 {
	d.states = append(d.states, s)
	for range d.p.columns {
		d.next = append(d.next, unknown)
	}
	id := int32(len(d.states) - 1)
	d.known[d.keyOf(s)] = id
	return id
}

func (d *dfa) keyOf(s state) string {
	d.key = d.key[:0]
	flags := byte(0)
	if s.accepts {
		flags |= 1
	}
	if s.acceptsEnd {
		flags |= 2
	}
	d.key = append(d.key, flags)
	for _, i := range s.insts {
		d.key = binary.LittleEndian.AppendUint32(d.key, i)
	}
	return string(d.key)
}

func (d *dfa) intern(s state) (id int32, fresh bool) {
	if id, ok := d.known[d.keyOf(s)]; ok {
		return id, false
	}
	return d.add(s), true
}

// close follows everything that consumes nothing.
func (d *dfa) close(from []uint32) state {
	var s state
	s.accepts = d.walk(from, false, func(i uint32) { s.insts = append(s.insts, i) })
	s.acceptsEnd = s.accepts || d.walk(from, true, func(uint32) {})
	slices.Sort(s.insts)
	return s
}

// walk visits the instructions that consume a byte and says whether a match is
// reached, at the end of the text or not.
func (d *dfa) walk(from []uint32, end bool, visit func(uint32)) (match bool) {
	d.mark++
	stack := slices.Clone(from)
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if d.seen[i] == d.mark {
			continue
		}
		d.seen[i] = d.mark
		switch in := &d.p.inst[i]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, in.Out)
		case syntax.InstEmptyWidth:
			if end || syntax.EmptyOp(in.Arg)&syntax.EmptyEndText == 0 {
				stack = append(stack, in.Out)
			}
		case syntax.InstMatch:
			match = true
		case syntax.InstFail:
		default:
			visit(i)
		}
	}
	return match
}

// step makes the state that a column leads to.
func (d *dfa) step(from int32, column int) state {
	var out []uint32
	c := d.p.sample[column]
	wild := column == d.p.columns-1
	for _, i := range d.states[from].insts {
		in := &d.p.inst[i]
		switch {
		case wild && d.p.wild[i]:
			// The byte may end the character, or be followed by more of it.
			out = append(out, in.Out, i)
		case !wild && in.MatchRune(rune(c)):
			out = append(out, in.Out)
		}
	}
	return d.close(out)
}
