package sieve

// automatonOf gives the scanner's own automaton of a program.
func (sc *Scanner) automatonOf(p *program) *dfa {
	d := sc.dfas[p]
	if d == nil {
		d = newDFA(p, sc.generation)
		sc.dfas[p] = d
	}
	if d.generation != sc.generation {
		d.reset(sc.generation)
	}
	return d
}

// follow gives the state after a byte, making it when it is new. All automata
// of the scanner share a bounded memory: when it is full, they forget.
func (sc *Scanner) follow(d *dfa, s int32, column int) int32 {
	made := d.step(s, column)
	cost := 2*len(d.states[s].insts) + 2*len(made.insts) + d.p.columns
	sc.budget -= cost
	sc.work.Steps += int64(cost)
	if len(made.insts) == 0 && !made.acceptsEnd {
		d.next[int(s)*d.p.columns+column] = dead
		return dead
	}
	id, fresh := d.intern(made)
	if fresh {
		sc.used += d.size(made)
	}
	if sc.used > memory {
		sc.generation++
		sc.work.Forgotten++
		sc.used = 0
		d.reset(sc.generation)
		id, _ = d.intern(made)
		return id
	}
	d.next[int(s)*d.p.columns+column] = id
	return id
}

// forwards says whether what comes after a literal that ends at i may match,
// and up to where that can be decided.
func (sc *Scanner) forwards(p *program, i int) (reach int, ok bool) {
	if p == nil {
		return i, true
	}
	d := sc.automatonOf(p)
	s, from := begun, i
	ok = d.states[s].accepts
	for ; i < len(sc.text) && sc.budget >= 0; i++ {
		column := int(p.class[sc.text[i]])
		n := d.next[int(s)*p.columns+column]
		if n == unknown {
			n = sc.follow(d, s, column)
		}
		if s = n; s == dead {
			break
		}
		ok = ok || d.states[s].accepts
	}
	if i == len(sc.text) {
		ok = ok || d.states[s].acceptsEnd
	}
	sc.spent(i - from)
	return i, ok || sc.budget < 0
}

// backwards says where a match may begin whose literal begins at i.
func (sc *Scanner) backwards(p *program, i int) (first, last int, ok bool) {
	if p == nil {
		return i, i, true
	}
	d := sc.automatonOf(p)
	s, from := begun, i
	first, last = i, -1
	if d.states[s].accepts {
		last = i
	}
	for ; i > 0 && sc.budget >= 0; i-- {
		column := int(p.class[sc.text[i-1]])
		n := d.next[int(s)*p.columns+column]
		if n == unknown {
			n = sc.follow(d, s, column)
		}
		if s = n; s == dead {
			break
		}
		if d.states[s].accepts {
			first, last = i-1, max(last, i-1)
		}
	}
	if i == 0 && d.states[s].acceptsEnd {
		first, last = 0, max(last, 0)
	}
	sc.spent(from - i)
	return first, last, last >= 0
}

func (sc *Scanner) spent(bytes int) {
	sc.budget -= bytes + 1
	sc.work.Steps += int64(bytes + 1)
}
