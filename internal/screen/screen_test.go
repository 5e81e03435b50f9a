package screen

import (
	"testing"
)

// What is written in pieces of any size is shown as what is written whole.
func TestPieces(t *testing.T) {
	const sent = "\x1b[?1049h\x1b[2J\x1b[H\x1b[1;38;5;213mred\x1b[0m 病院 é…\x1b[K\r\n\r\nlast\x1b[K\x1b[3;H"
	whole := New(12, 3)
	whole.Write([]byte(sent))
	if got, want := whole.Text(), "red 病院 é…\n\nlast"; got != want {
		t.Fatalf("%q, want %q", got, want)
	}
	for size := 1; size < len(sent); size++ {
		s := New(12, 3)
		for i := 0; i < len(sent); i += size {
			s.Write([]byte(sent[i:min(i+size, len(sent))]))
		}
		if s.Text() != whole.Text() || s.Frames != 1 {
			t.Fatalf("in pieces of %d: %d frames, %q", size, s.Frames, s.Text())
		}
	}
}

// A line that is passed over with a line feed stays.
func TestSecondFrame(t *testing.T) {
	s := New(8, 3)
	s.Write([]byte("\x1b[Hone\x1b[K\r\ntwo\x1b[K\r\nthree\x1b[K\x1b[3;H"))
	s.Write([]byte("\x1b[H\nxy\x1b[K\r\n\x1b[3;H"))
	if got, want := s.Text(), "one\nxy\nthree"; got != want || s.Frames != 2 {
		t.Errorf("%q after %d frames, want %q", got, s.Frames, want)
	}
}

func TestLooks(t *testing.T) {
	s := New(8, 1)
	s.Write([]byte("\x1b[1;31ma\x1b[0;38;5;114;48;5;237mb\x1b[38;2;1;2;3;4mc\x1b[md"))
	row := s.Rows()[0]
	for i, want := range []struct {
		fore, back      string
		bold, underline bool
	}{{"#ff6b6b", "", true, false}, {"#87d787", "#3a3a3a", false, false}, {"#010203", "#3a3a3a", false, true}, {"", "", false, false}} {
		l := row[i].Look
		if l.Fore.Hex("") != want.fore || l.Back.Hex("") != want.back || l.Bold != want.bold || l.Underlined != want.underline {
			t.Errorf("%s: %+v", row[i].Text, l)
		}
	}
}
