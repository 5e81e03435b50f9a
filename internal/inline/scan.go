package inline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	window        = 64 << 10 // bytes held at a time
	maxDirective  = 4 << 10  // bytes that one directive may take
	maxDirectives = 1000     // in a file
)

// ErrTooMany says that a file has more directives than anybody wrote by hand.
var ErrTooMany = fmt.Errorf("more than %d inline ignores in one file", maxDirectives)

// ErrLimit says that a file is larger than the limit.
var ErrLimit = errors.New("larger than the limit for inline ignores")

// Scan finds every directive in the text that r gives, in order, each with its
// line and malformed ones with what is wrong. It holds 64 KiB at a time, so
// that lines may be of any length, and reads at most limit bytes. An error
// (ErrLimit, ErrTooMany, or r's) comes with the directives found until then;
// honouring only those hides nothing. A line ends with a line feed.
func Scan(r io.Reader, limit int64) ([]Directive, error) {
	s := &scanner{r: io.LimitReader(r, limit+1), limit: limit, line: 1, buf: make([]byte, 0, window)}
	for {
		err := s.fill()
		// What is cut off by trouble is not read: half a directive is none.
		if more := s.take(errors.Is(err, io.EOF)); more != nil {
			return s.found, more
		}
		if errors.Is(err, io.EOF) {
			return s.found, nil
		}
		if err != nil {
			return s.found, err
		}
	}
}

type scanner struct {
	r           io.Reader
	limit, read int64
	buf         []byte
	pos         int // where in buf the search goes on; one byte before it stays
	line        int // of pos
	found       []Directive
}

// fill moves what is not yet searched to the front and reads on. At the end of
// the text it is io.EOF.
func (s *scanner) fill() error {
	keep := max(s.pos-1, 0)
	n := copy(s.buf[:cap(s.buf)], s.buf[keep:])
	s.pos -= keep
	s.buf = s.buf[:n]
	got, err := io.ReadFull(s.r, s.buf[n:cap(s.buf)])
	s.buf = s.buf[:n+got]
	s.read += int64(got)
	switch {
	case s.read > s.limit:
		s.buf = s.buf[:len(s.buf)-int(s.read-s.limit)]
		return ErrLimit
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	}
	return err
}

// take reads the directives in the buffer that are there as a whole; last
// says that nothing follows.
func (s *scanner) take(last bool) error {
	for {
		i := bytes.Index(s.buf[s.pos:], []byte(Marker))
		if i < 0 {
			// The Marker may begin in the last bytes.
			s.skipTo(max(len(s.buf)-len(Marker)+1, s.pos))
			return nil
		}
		s.skipTo(s.pos + i)
		text, whole := s.rest()
		if !whole && !last {
			return nil
		}
		if len(s.found) == maxDirectives {
			return ErrTooMany
		}
		s.skipTo(s.pos + s.directive(text))
	}
}

// skipTo counts the lines up to an index.
func (s *scanner) skipTo(pos int) {
	s.line += bytes.Count(s.buf[s.pos:pos], []byte("\n"))
	s.pos = pos
}

// rest is the text from pos to the end of its line, as much as a directive
// may take; false when the buffer ends before.
func (s *scanner) rest() ([]byte, bool) {
	text := s.buf[s.pos:]
	if len(text) > maxDirective {
		text = text[:maxDirective]
	}
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		return text[:end], true
	}
	return text, len(text) == maxDirective
}

// directive reads the directive that text begins with, if it is one, and
// gives how much of it is done with.
func (s *scanner) directive(text []byte) int {
	// With the byte before, which may make it a part of a word.
	before := 0
	if s.pos > 0 {
		before = 1
	}
	line := string(bytes.TrimRight(s.buf[s.pos-before:s.pos+len(text)], "\r"))
	if find(line, 0) != before {
		return len(Marker)
	}
	d, took, _ := read(line[before+len(Marker):]) // an error is in d.Malformed
	d.Line = s.line
	s.found = append(s.found, d)
	return len(Marker) + took
}
