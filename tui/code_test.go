package tui

import (
	"strings"
	"testing"
)

// Colouring neither adds nor drops a character, whatever the text.
func FuzzCode(f *testing.F) {
	for _, name := range []string{"a.go", "b.py", "c.xml", "d.sql", "e.json", "f"} {
		f.Add(name, "func main() { // hi\n\tx := \"a\\\"b\" + 'c' /* over\nlines */ 0x1F\n}")
		f.Add(name, "# comment\nkey: \"open\n<!-- a --> -- b")
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		var back []string
		for _, l := range code(text, name) {
			back = append(back, l.text())
		}
		want := strings.TrimRight(strings.ReplaceAll(text, "\t", "    "), "\n")
		if got := strings.Join(back, "\n"); got != want {
			t.Errorf("%q became %q", want, got)
		}
	})
}

func TestCode(t *testing.T) {
	l := code("return \"a b\" // why 1", "x.go")[0]
	want := line{{"return", toneKey}, {" ", toneText}, {"\"a b\"", toneString}, {" ", toneText}, {"// why 1", toneComment}}
	if len(l) != len(want) {
		t.Fatalf("%+v", l)
	}
	for i := range l {
		if l[i] != want[i] {
			t.Errorf("%+v, want %+v", l[i], want[i])
		}
	}
}
