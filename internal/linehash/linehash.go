// Package linehash computes primaryLocationLineHash, by which GitHub's code
// scanning keeps an alert the same while lines move (the fingerprints of
// github/codeql-action). It is an unkeyed hash of source text: never ask for
// it where the text holds a secret or a patient value.
package linehash

import (
	"bufio"
	"errors"
	"io"
	"strconv"
)

const (
	block = 100   // code units that a hash looks at
	base  = 37    // of the rolling hash
	eof   = 65535 // stands after the last code unit
)

// Hash is the hash of one line.
type Hash struct {
	// Value is the hash as GitHub writes it, "" when there is no such line.
	Value string
	// Last is the last line that the hash looked at: a hundred code units may
	// reach into the lines below.
	Last int
}

// Hashes gives the hash of each line of a text in UTF-8, from line 1 at index
// 1: a base-37 rolling hash (modulo 2^64, in hex) over the 100 UTF-16 code
// units from the start of the line on, spaces and tabs left out, CR LF and CR
// read as LF, with ":n" for the n-th line with that hash.
func Hashes(r io.Reader) ([]Hash, error) {
	h := newRoller()
	in := bufio.NewReader(r)
	cr := false
	for {
		c, _, err := in.ReadRune()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if cr && c == '\n' {
			cr = false
			continue
		}
		cr = c == '\r'
		switch {
		case c == ' ' || c == '\t':
		case c == '\r' || c == '\n':
			h.unit('\n')
		case c > 0xFFFF: // a surrogate pair in UTF-16
			c -= 0x10000
			h.unit(uint64(0xD800 + c>>10))
			h.unit(uint64(0xDC00 + c&0x3FF))
		default:
			h.unit(uint64(c))
		}
	}
	h.unit(eof)
	for range block {
		if !h.pending() {
			break
		}
		h.unit(0)
	}
	return h.lines, nil
}

// roller holds the last hundred code units in a ring.
type roller struct {
	window  [block]uint64
	starts  [block]int // line that began at this place of the ring, 0 for none
	at      int
	hash    uint64
	power   uint64 // base^block
	line    int
	atStart bool
	seen    map[string]int
	lines   []Hash
}

func newRoller() *roller {
	power := uint64(1)
	for range block {
		power *= base
	}
	return &roller{power: power, atStart: true, seen: map[string]int{}, lines: []Hash{{}}}
}

// unit moves the window on by one. What falls out of it may have been the
// start of a line, whose hash is then complete.
func (r *roller) unit(u uint64) {
	if n := r.starts[r.at]; n > 0 {
		r.complete(n)
	}
	if r.atStart {
		r.line++
		r.starts[r.at] = r.line
		r.atStart = false
	} else {
		r.starts[r.at] = 0
	}
	if u == '\n' {
		r.atStart = true
	}
	r.hash = base*r.hash + u - r.power*r.window[r.at]
	r.window[r.at] = u
	r.at = (r.at + 1) % block
}

func (r *roller) complete(line int) {
	hex := strconv.FormatUint(r.hash, 16)
	r.seen[hex]++
	for len(r.lines) <= line {
		r.lines = append(r.lines, Hash{})
	}
	r.lines[line] = Hash{hex + ":" + strconv.Itoa(r.seen[hex]), r.line}
}

func (r *roller) pending() bool {
	for _, n := range r.starts {
		if n > 0 {
			return true
		}
	}
	return false
}
