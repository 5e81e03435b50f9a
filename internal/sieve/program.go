package sieve

import (
	"regexp/syntax"
	"sync"
	"unicode"
	"unicode/utf8"
)

// program is a part of an expression as a non-deterministic automaton over
// bytes. It accepts what the part matches, and more: context other than the
// end of the text is taken for fulfilled, and a byte beyond ASCII may be any
// part of any character that is beyond ASCII.
type program struct {
	inst []syntax.Inst
	// start is where it begins.
	start uint32
	// wild says for each instruction whether it takes a character beyond ASCII.
	wild []bool
	// class maps bytes to columns; bytes beyond ASCII share the last one.
	class   [256]uint8
	columns int
	// sample is a byte of each column.
	sample []byte
}

// lazyProgram is compiled when it is first needed.
type lazyProgram struct {
	once sync.Once
	p    *program
}

func (l *lazyProgram) get(seq []*syntax.Regexp, backwards bool) *program {
	l.once.Do(func() { l.p = compile(seq, backwards) })
	return l.p
}

// compile compiles a sequence; nil means that there is nothing to match.
func compile(seq []*syntax.Regexp, backwards bool) *program {
	if len(seq) == 0 {
		return nil
	}
	re := &syntax.Regexp{Op: syntax.OpConcat, Sub: seq}
	if backwards {
		re = reverse(re)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		panic(err) // the parts are those of an expression that compiles
	}
	p := &program{inst: prog.Inst, start: uint32(prog.Start), wild: make([]bool, len(prog.Inst))}
	var edge [utf8.RuneSelf + 1]bool
	for i := range p.inst {
		p.wild[i] = takesWild(&p.inst[i])
		edges(&p.inst[i], &edge)
	}
	p.columns = 1
	p.sample = []byte{0}
	for c := 1; c < utf8.RuneSelf; c++ {
		if edge[c] {
			p.columns++
			p.sample = append(p.sample, byte(c))
		}
		p.class[c] = uint8(p.columns - 1)
	}
	for c := utf8.RuneSelf; c < 256; c++ {
		p.class[c] = uint8(p.columns)
	}
	p.columns++
	p.sample = append(p.sample, utf8.RuneSelf)
	return p
}

// takesWild says whether an instruction takes any character beyond ASCII,
// which what a broken character counts for (U+FFFD) is.
func takesWild(in *syntax.Inst) bool {
	switch in.Op {
	case syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	case syntax.InstRune, syntax.InstRune1:
		if len(in.Rune) == 1 {
			r := in.Rune[0]
			if r >= utf8.RuneSelf {
				return true
			}
			fold := syntax.Flags(in.Arg)&syntax.FoldCase != 0
			return fold && reachesBeyond(r)
		}
		return len(in.Rune) > 0 && in.Rune[len(in.Rune)-1] >= utf8.RuneSelf
	}
	return false
}

// reachesBeyond says whether an ASCII letter has another case beyond ASCII.
func reachesBeyond(r rune) bool {
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// edges marks where the answer of an instruction changes between two bytes.
func edges(in *syntax.Inst, edge *[utf8.RuneSelf + 1]bool) {
	mark := func(lo, hi rune) {
		if lo < utf8.RuneSelf {
			edge[lo] = true
			edge[min(hi+1, utf8.RuneSelf)] = true
		}
	}
	switch in.Op {
	case syntax.InstRuneAnyNotNL:
		mark('\n', '\n')
	case syntax.InstRune, syntax.InstRune1:
		if len(in.Rune) == 1 {
			r := in.Rune[0]
			mark(r, r)
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				mark(f, f)
			}
			return
		}
		for i := 0; i+1 < len(in.Rune); i += 2 {
			mark(in.Rune[i], in.Rune[i+1])
		}
	}
}

// reverse turns an expression around: it matches a text if the expression
// matches the text read from its end.
func reverse(re *syntax.Regexp) *syntax.Regexp {
	out := &syntax.Regexp{Op: re.Op, Flags: re.Flags, Min: re.Min, Max: re.Max, Rune: re.Rune}
	switch re.Op {
	case syntax.OpCapture:
		return reverse(re.Sub[0])
	case syntax.OpBeginText:
		out.Op = syntax.OpEndText
	case syntax.OpEndText:
		out.Op = syntax.OpBeginText
	case syntax.OpLiteral:
		out.Rune = make([]rune, len(re.Rune))
		for i, r := range re.Rune {
			out.Rune[len(re.Rune)-1-i] = r
		}
	}
	for _, sub := range re.Sub {
		out.Sub = append(out.Sub, reverse(sub))
	}
	if re.Op == syntax.OpConcat {
		for i, j := 0, len(out.Sub)-1; i < j; i, j = i+1, j-1 {
			out.Sub[i], out.Sub[j] = out.Sub[j], out.Sub[i]
		}
	}
	return out
}
