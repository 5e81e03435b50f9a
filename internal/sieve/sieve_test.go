package sieve

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func spans(m [][]int) (out []Span) {
	for _, x := range m {
		out = append(out, Span{x[0], x[1]})
	}
	return out
}

// compare holds a scanner against regexp on one text, all patterns.
func compare(t testing.TB, ps []Pattern, sc *Scanner, text string) (found int) {
	t.Helper()
	may := slices.Clone(sc.Scan(text))
	lowered := strings.ToLower(text)
	for i, p := range ps {
		want := spans(regexp.MustCompile(p.Expr).FindAllStringIndex(text, -1))
		if len(p.Words) > 0 && !slices.ContainsFunc(p.Words, func(w string) bool { return strings.Contains(lowered, w) }) {
			want = nil
		}
		var got []Span
		if slices.Contains(may, i) {
			got = sc.FindAll(i)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q in %q: got %v, regexp says %v", p.Expr, text, got, want)
		}
		found += len(want)
	}
	return found
}

func TestSameAsRegexp(t *testing.T) {
	ps := []Pattern{
		{Expr: `\b(abc[a-z0-9]{4})(?:[\s;]|\\[nr]|$)`}, {Expr: `(?i)[\w.-]{0,9}?(?:key|pass(?:wo)?rd)[ \t]{0,4}[=:]{1,2}"?([a-z0-9]{6,9})("|$)`},
		{Expr: `(?i)sk-[a-z]+`}, {Expr: `^begin`}, {Expr: `(?m)^line\d+$`}, {Expr: `\Bkey\B`}, {Expr: `[a-f]{8}`, Words: []string{"hash", "sk"}},
		{Expr: `(?s)-----BEGIN.{3,}?END-----`}, {Expr: `xox[ab]-\d+(?:-\d+)*`}, {Expr: `aa`}, {Expr: `\baa\b`}, {Expr: `(?:ab)+c`},
		{Expr: `.{3}Q~[^\n]{2,4}`}, {Expr: `end$`}, {Expr: `end\b`}, {Expr: `é?klm`}, {Expr: `(?i)task`, Words: []string{"k"}}, {Expr: `key.*?;|key`},
	}
	s, err := New(ps)
	if err != nil {
		t.Fatal(err)
	}
	sc := s.NewScanner()
	parts := []string{
		"abc", "abcd123", "key", "KEY", "Key=", "password", "passrd: ", "abcdef12", "\"", " ", "\n", ";", "sk-", "SK-x", "\u212A", "\u017F", "\u0130", "begin",
		"line12", "-----BEGIN", "END-----", "xoxa-12", "-3", "aa", "a", "ab", "c", "Q~", "é", "\xff", "\xe2\x84", "\x80\x80\x80\x80\x80", "end", "klm", "ta\u017Fk", "deadbeef", "hash", "=", "_", "日本", "\\n",
	}
	rng := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 20000 {
		var b strings.Builder
		for range 1 + rng.IntN(14) {
			b.WriteString(parts[rng.IntN(len(parts))])
		}
		found += compare(t, ps, sc, b.String())
	}
	if found < 10000 {
		t.Errorf("only %d matches: this shows nothing", found)
	}
	if w := sc.Work(); w.Whole*10 > int64(found)*8 {
		t.Errorf("the whole text was asked %d times for %d matches", w.Whole, found)
	}
}

// The characters that fold to ASCII letters are those that the package knows.
func TestFoldingCharacters(t *testing.T) {
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		to := unicode.ToLower(r)
		for f := unicode.SimpleFold(r); f != r && to >= 0x80; f = unicode.SimpleFold(f) {
			if f < 0x80 {
				to = unicode.ToLower(f)
			}
		}
		letter, known := folded(r)
		if (to < 0x80) != known || known && rune(letter) != to {
			t.Errorf("%U is %q to unicode, %q here", r, to, letter)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, p := range []Pattern{{Expr: "("}, {Expr: "a", Words: []string{"B"}}, {Expr: "a", Words: []string{""}}, {Expr: "a", Words: []string{"é"}}} {
		if _, err := New([]Pattern{p}); err == nil {
			t.Errorf("%v was taken", p)
		}
	}
}

func ExampleScanner() {
	s, err := New([]Pattern{{Expr: `\bkey-[0-9a-f]{4}\b`}, {Expr: `id\d+`, Words: []string{"patient"}}})
	if err != nil {
		panic(err)
	}
	sc := s.NewScanner()
	text := "a Patient, id77, has key-00ff"
	for _, p := range sc.Scan(text) {
		for _, m := range sc.FindAll(p) {
			fmt.Println(p, text[m.Start:m.End])
		}
	}
	// Output:
	// 0 key-00ff
	// 1 id77
}
