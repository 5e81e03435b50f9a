package safetext

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain äöü 漢字":          "plain äöü 漢字",
		"a\x1b[31mred":          `a\x1b[31mred`,
		"two\nlines\r":          `two\x0alines\x0d`,
		"\u202Egnp.exe":         `\u202egnp.exe`,
		"zero\u200bwidth":       `zero\u200bwidth`,
		"bad\xff":               `bad\xff`,
		"c1 \u009b31m":          `c1 \x9b31m`,
		"::error::x\n::error::": `::error::x\x0a::error::`,
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Block("a\tb\n\x07"); got != "a    b\n\\x07" {
		t.Errorf("Block: %q", got)
	}
}

// FuzzLine holds what every terminal output rests on: nothing unprintable gets
// through, and what was harmless is left alone.
func FuzzLine(f *testing.F) {
	f.Add("a\x1b]0;title\x07b")
	f.Add("\u202e\u2066x\u2069")
	f.Add("\xff\xfe\x00")
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{Line(s), strings.ReplaceAll(Block(s), "\n", "")} {
			if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
				t.Fatalf("%q came out as %q", s, out)
			}
			if Line(out) != out {
				t.Fatalf("%q is not stable", out)
			}
		}
	})
}

// No character of the text is markup, and what is shown is the text.
func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"a | b":               `a \| b`,
		"<script> [x](y) @me": `\<script\> \[x\]\(y\) \@me`,
		"`code` *b* _i_ #1\\": "\\`code\\` \\*b\\* \\_i\\_ \\#1\\\\",
		"x\n\x1b[2J":          `x\\x0a\\x1b\[2J`,
	} {
		if got := Markdown(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
