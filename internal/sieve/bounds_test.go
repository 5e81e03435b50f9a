package sieve

import (
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"
)

// A text made to be costly costs a fixed multiple of its length, counted in
// work, and is answered all the same.
func TestHostileTextIsBounded(t *testing.T) {
	ps := []Pattern{
		{Expr: `(?i)[\w.-]{0,50}?(?:key|token)(?:[ \t\w.-]{0,20})=([a-z0-9]{10,150})(?:;|$)`},
		{Expr: `(?s)-----BEGIN[ A-Z]{0,100}KEY-----.{64,}?KEY-----`}, {Expr: `(?s)task.{0,200}?\bdata:.{0,100}?\s+x`}, {Expr: `\w+\.\w+sk-\d`},
	}
	s, err := New(ps)
	if err != nil {
		t.Fatal(err)
	}
	const size = 8 << 10
	rng := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, size)
	for i := range noise {
		noise[i] = "takdsx:. \n"[rng.IntN(10)]
	}
	for name, unit := range map[string]string{
		"keys": "key", "keys and values": "key=abcdefghij;", "begins": "-----BEGIN KEY-----", "kelvin": "\u212A", "folded keys": "\u212Aey=", "tasks": "ta\u017Fk data: ",
		"one line": "x", "dots": "a.sk-", "continuation": "\x80", "noise": string(noise), "tokens": "token_token.",
	} {
		sc := s.NewScanner()
		text := strings.Repeat(unit, size/len(unit))
		compare(t, ps, sc, text)
		w, n := sc.Work(), int64(len(text))
		if w.Scanned > 3*n || w.Matched > 5*n*int64(len(ps)) || w.Steps > 40*n*int64(len(ps)) || w.Whole > int64(len(ps)) {
			t.Errorf("%s: %d bytes cost %+v", name, n, w)
		}
		if sc.used > memory+1<<20 {
			t.Errorf("%s: the automata hold %d bytes", name, sc.used)
		}
	}
}

// When the automata outgrow their memory they forget, and are still right.
func TestForgetting(t *testing.T) {
	ps := []Pattern{{Expr: `(?i)key[a-z=]{0,40}?=([a-z0-9]{4,9});`}, {Expr: `-{2}BEGIN(?s:.)*?END`}}
	s, err := New(ps)
	if err != nil {
		t.Fatal(err)
	}
	sc := s.NewScanner()
	for range 50 {
		sc.used = memory
		compare(t, ps, sc, "x key=abc=abcd1;key--BEGIN END key==z")
	}
	if sc.Work().Forgotten == 0 {
		t.Error("nothing was forgotten: this shows nothing")
	}
}

// FuzzSameAsRegexp holds the answer for any expression on any text to regexp's.
func FuzzSameAsRegexp(f *testing.F) {
	f.Add(`\b(?:ab|cd)[a-z]{2,3}\b|xy$`, "abcd xy abzz")
	f.Add(`(?i)k?ask\d*`, "ta\u017F\u212A1 ask")
	f.Add(`(?m)^a+b|\Bbc`, "aab\nabc\xff")
	f.Fuzz(func(t *testing.T, expr, text string) {
		if len(expr) > 200 || len(text) > 2000 {
			return
		}
		if _, err := syntax.Parse(expr, syntax.Perl); err != nil {
			return
		}
		ps := []Pattern{{Expr: expr}}
		s, err := New(ps)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, ps, s.NewScanner(), text)
	})
}

func BenchmarkScan(b *testing.B) {
	s, err := New([]Pattern{{Expr: `(?i)\b(?:token|secret)[ =:]{1,3}[a-z0-9]{20}\b`}, {Expr: `AKIA[A-Z0-9]{16}`}})
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("func open(path string, token Token) error { return nil }\n", 2000)
	sc := s.NewScanner()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for _, p := range sc.Scan(text) {
			sc.FindAll(p)
		}
	}
}
