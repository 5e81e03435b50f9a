// Package screen runs a program in a pseudo-terminal and reads what stands on
// its screen: cells with their looks. Benchmarks of the dashboard wait for
// frames with it, and the pictures of the documentation are drawn from it. It
// knows what our programs send (text, colours, the few moves of Bubble Tea's
// renderer) and passes over the rest.
package screen

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Colour is one of a cell: the zero value is the terminal's own.
type Colour struct {
	// Set says that there is one: Number of the 256 colours, or RGB.
	Set    bool
	Number int
	RGB    string // "#rrggbb", "" for a number
}

// Look is how a cell looks.
type Look struct {
	Fore, Back                      Colour
	Bold, Dim, Underlined, Reversed bool
}

// Cell is one place. The second half of a wide character is a cell without
// text and width.
type Cell struct {
	Text  string
	Width int
	Look  Look
}

// Screen is what a terminal of a fixed size shows.
type Screen struct {
	// Frames counts how often the cursor was put on the last line, which is how
	// Bubble Tea's renderer ends a frame.
	Frames int
	cells  [][]Cell
	x, y   int
	look   Look
	rest   []byte // the beginning of a sequence or of a character
}

// New makes an empty screen.
func New(columns, rows int) *Screen {
	s := &Screen{cells: make([][]Cell, rows)}
	for y := range s.cells {
		s.cells[y] = make([]Cell, columns)
	}
	for y := range rows {
		s.clear(y, 0, columns)
	}
	return s
}

// Rows are the lines of cells. They are the screen's own.
func (s *Screen) Rows() [][]Cell { return s.cells }

// Lines gives the text, without spaces at the ends.
func (s *Screen) Lines() []string {
	var out []string
	for _, row := range s.cells {
		var b strings.Builder
		for _, c := range row {
			b.WriteString(c.Text)
		}
		out = append(out, strings.TrimRight(b.String(), " "))
	}
	return out
}

// Text is all lines.
func (s *Screen) Text() string { return strings.Join(s.Lines(), "\n") }

// Write shows what a program sent. It never fails.
func (s *Screen) Write(p []byte) (int, error) {
	b := append(s.rest, p...)
	whole := complete(b)
	s.rest = slices.Clone(b[whole:])
	parser := ansi.NewParser()
	state := byte(0)
	for b = b[:whole]; len(b) > 0; {
		seq, width, n, next := ansi.DecodeSequence(b, state, parser)
		switch {
		case width > 0:
			s.put(string(seq), width)
		case len(seq) > 1 && seq[0] == ansi.ESC && seq[1] == '[':
			s.sequence(ansi.Cmd(parser.Command()), parser.Params())
		default:
			s.control(string(seq))
		}
		b, state = b[n:], next
	}
	return len(p), nil
}

// complete is how many bytes of b can be shown: what is cut short at the end
// waits for its rest.
func complete(b []byte) int {
	if i := strings.LastIndexByte(string(b), ansi.ESC); i >= 0 && len(b)-i < 64 {
		if _, _, _, state := ansi.DecodeSequence(b[i:], 0, ansi.NewParser()); state != 0 {
			return i
		}
	}
	n := len(b)
	for n > 0 && b[n-1] >= utf8.RuneSelf && len(b)-n < utf8.UTFMax {
		n--
		if utf8.RuneStart(b[n]) {
			if utf8.FullRune(b[n:]) {
				return len(b)
			}
			return n
		}
	}
	return len(b)
}

func (s *Screen) put(text string, width int) {
	if s.y >= len(s.cells) || s.x+width > len(s.cells[s.y]) {
		return // nothing wraps here
	}
	s.cells[s.y][s.x] = Cell{text, width, s.look}
	for i := 1; i < width; i++ {
		s.cells[s.y][s.x+i] = Cell{}
	}
	s.x += width
}

func (s *Screen) control(seq string) {
	switch seq {
	case "\n":
		s.y = min(s.y+1, len(s.cells)-1)
	case "\r":
		s.x = 0
	}
}

func (s *Screen) clear(y, from, to int) {
	for x := from; x < to; x++ {
		s.cells[y][x] = Cell{Text: " ", Width: 1}
	}
}

// sequence obeys a control sequence (ECMA-48).
func (s *Screen) sequence(cmd ansi.Cmd, params ansi.Params) {
	if cmd.Prefix() != 0 {
		return // modes
	}
	number := func(i, otherwise int) int {
		n, _, _ := params.Param(i, otherwise)
		return n
	}
	switch cmd.Final() {
	case 'H':
		s.y, s.x = min(max(number(0, 1), 1), len(s.cells))-1, min(max(number(1, 1), 1), len(s.cells[0]))-1
		if s.y == len(s.cells)-1 {
			s.Frames++
		}
	case 'K':
		s.clear(s.y, min(s.x, len(s.cells[s.y])), len(s.cells[s.y]))
	case 'J':
		first := s.y + 1
		if number(0, 0) == 2 {
			first = 0
		} else {
			s.clear(s.y, min(s.x, len(s.cells[s.y])), len(s.cells[s.y]))
		}
		for y := first; y < len(s.cells); y++ {
			s.clear(y, 0, len(s.cells[y]))
		}
	case 'm':
		s.paint(params)
	}
}
