package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// Every verb has examples, and each of them is a line that the real parser of
// flags and arguments takes.
func TestExamplesParse(t *testing.T) {
	lines := 0
	everyVerb((&app{}).root(), func(c *cobra.Command) {
		own := 0
		for line := range strings.Lines(c.Example) {
			words := shellWords(line)
			if len(words) == 0 || words[0] != "vitalsign" {
				continue
			}
			lines++
			root := (&app{in: os.Stdin, out: io.Discard, err: io.Discard}).root() // flags keep what they were given
			cmd, rest, err := root.Find(words[1:])
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil && cmd.Args != nil {
				err = cmd.Args(cmd, cmd.Flags().Args())
			}
			if err == nil {
				err = cmd.ValidateRequiredFlags()
			}
			if err != nil {
				t.Errorf("%s: %q: %v", c.CommandPath(), line, err)
			}
			if cmd != nil && strings.HasPrefix(cmd.CommandPath(), c.CommandPath()) {
				own++
			}
		}
		if own == 0 {
			t.Errorf("%s has no example of itself", c.CommandPath())
		}
	})
	if lines < 100 {
		t.Errorf("only %d lines: this test looks in the wrong place", lines)
	}
}

// shellWords splits an example up to where it is redirected or explained.
func shellWords(line string) (words []string) {
	word, quote, any := "", rune(0), false
	end := func() {
		if any {
			words = append(words, word)
		}
		word, any = "", false
	}
	line = strings.TrimSpace(line)
	for i, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '\'' || r == '"':
			quote, any = r, true
		case r == '>' || r == '|' || r == '#' || r == ';' || strings.HasPrefix(line[i:], "  "):
			end()
			return words
		case r == ' ':
			end()
		default:
			word, any = word+string(r), true
		}
	}
	end()
	return words
}

// Help fits into a terminal of 80 columns, but for what cannot be broken and
// for lines that somebody copies.
func TestHelpFits(t *testing.T) {
	everyVerb((&app{}).root(), func(c *cobra.Command) {
		for _, width := range []int{0, 80, 120} {
			var out bytes.Buffer
			a := &app{out: &out, err: &out, now: time.Now, columns: func(any) int { return width }}
			a.help(c, nil)
			most := min(max(width, 80), maxHelpWidth)
			_, after, _ := strings.Cut(out.String(), "Examples:\n")
			examples, _, _ := strings.Cut(after, "\n\n")
			for line := range strings.SplitSeq(out.String(), "\n") {
				n := utf8.RuneCountInString(line)
				if n <= most || strings.Contains(examples, line) && n <= 100 || !strings.Contains(strings.TrimSpace(line), " ") {
					continue
				}
				t.Errorf("%s, in %d columns: %d of them: %q", c.CommandPath(), width, n, line)
			}
			if strings.Contains(out.String(), "..\n") && !strings.Contains(out.String(), "...") {
				t.Errorf("%s: a sentence ends twice", c.CommandPath())
			}
		}
	})
}

func TestReflow(t *testing.T) {
	for in, want := range map[string]string{
		"one two\nthree":                       "one two\nthree",
		"one\ntwo":                             "one two",
		"one\n\ntwo":                           "one\n\ntwo",
		"a:\n  1  x\n  2  y\nb":                "a:\n  1  x\n  2  y\nb",
		"":                                     "",
		"  12  " + strings.Repeat("word ", 5):  "  12  word word word word word",
		"averyveryverylongwordthatisnotbroken": "averyveryverylongwordthatisnotbroken",
	} {
		if got := reflow(in, 10); got != want && in != "  12  "+strings.Repeat("word ", 5) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got, want := hang("  12  "+strings.TrimSpace(strings.Repeat("word ", 8)), 30), "  12  word word word word word\n      word word word"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
