package search

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// words are the texts of random rows: common ones, parts of each other, and
// hostile ones.
func words() []string {
	return []string{"", "a", "A", "ab", "G401", "g40", "src/main.go", "SRC/Main.go", "src/api/x.tf", "lodash@4.17.20", "straße", "STRASSE", "K", "k", "ſ", "S",
		"new", "-x", "a b", `q"u\o`, "a,b", "x:y", "\x00", "\xff\xfe", "a\xc3", "*", "a*b", "\u00a0", "\x1b[31m", strings.Repeat("long/", 300)}
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

func randomRow(r *rand.Rand) Row {
	w := words()
	row := Row{
		Repo: pick(r, w), Target: pick(r, w), Run: pick(r, w), Ordinal: r.IntN(50), Fingerprint: fmt.Sprintf("%064x", r.Uint64()),
		Severity: checks.Severity(r.IntN(6)), Check: pick(r, w), Rule: pick(r, w), Title: pick(r, w), Path: pick(r, w), Line: r.IntN(99),
		Package: pick(r, w), Role: pick(r, append(roleNames(), "")), Credential: r.IntN(2) == 0,
		NewKnown: r.IntN(2) == 0, Waived: r.IntN(4) == 0, Ignored: r.IntN(4) == 0,
	}
	row.New = row.NewKnown && r.IntN(2) == 0
	for range r.IntN(3) {
		row.CWE = append(row.CWE, pick(r, []string{"CWE-79", "CWE-798", "cwe-1", "odd", "CWE-K"}))
	}
	if r.IntN(8) == 0 {
		row.Fingerprint = pick(r, w)
	}
	return row
}

func index(rows []Row) *Index {
	b := NewBuilder(len(rows))
	for _, r := range rows {
		b.Add(r)
	}
	return b.Index()
}

func mustParse(t testing.TB, text string) Query {
	t.Helper()
	q, err := Parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return q
}

func selected(t testing.TB, x *Index, q Query, within []uint32) []uint32 {
	t.Helper()
	ids, err := x.Select(context.Background(), q, within)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// What goes in comes out, in the order of a list.
func TestRowsAreKept(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	rows := randomRows(r, 3000)
	x := index(rows)
	if x.Len() != len(rows) {
		t.Fatalf("%d rows of %d", x.Len(), len(rows))
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmpOr(int(b.Severity)-int(a.Severity), strings.Compare(a.Repo, b.Repo), strings.Compare(a.Target, b.Target), strings.Compare(a.Run, b.Run), a.Ordinal-b.Ordinal)
	})
	for i, want := range rows {
		if got := x.Row(uint32(i)); !reflect.DeepEqual(got, want) {
			t.Fatalf("row %d is %+v, not %+v", i, got, want)
		}
	}
}

func cmpOr(values ...int) int {
	for _, v := range values {
		if v != 0 {
			return v
		}
	}
	return 0
}

// The same question asked row by row, in other words than the index's.
type naive struct {
	key  string
	not  bool
	alts []string
}

func (n naive) text() string {
	s := ""
	if n.not {
		s = "!"
	}
	if n.key != "" {
		s += n.key + ":"
	}
	for i, a := range n.alts {
		if i > 0 {
			s += ","
		}
		if n.key == "" || !slices.Contains([]string{"sev", "is", "role", "id"}, n.key) {
			a = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a) + `"`
		}
		s += a
	}
	return s
}

func (n naive) matches(r Row) bool {
	any := false
	for _, a := range n.alts {
		any = any || n.one(r, a)
	}
	return any != n.not
}

func (n naive) one(r Row, a string) bool {
	switch n.key {
	case "":
		return holds(r.Rule, a) || holds(r.Title, a) || holds(r.Path, a) || holds(r.Package, a)
	case "check":
		return holds(r.Check, a)
	case "rule":
		return holds(r.Rule, a)
	case "path":
		return holds(r.Path, a)
	case "repo":
		return holds(r.Repo, a)
	case "pkg":
		return holds(r.Package, a)
	case "role":
		return strings.EqualFold(r.Role, a)
	case "id":
		return len(r.Fingerprint) >= len(a) && strings.EqualFold(r.Fingerprint[:len(a)], a)
	case "cwe":
		for _, c := range r.CWE {
			if strings.EqualFold(c, a) || strings.EqualFold(c, "CWE-"+a) || strings.EqualFold("CWE-"+c, a) {
				return true
			}
		}
		return false
	case "is":
		return map[string]bool{"new": r.New, "known": r.NewKnown && !r.New, "waived": r.Waived, "ignored": r.Ignored, "open": !r.Waived && !r.Ignored}[a]
	}
	name, worse := strings.CutSuffix(a, "+")
	rank := map[string]int{"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5, "unrated": 4}
	return r.Severity.String() == name || worse && rank[r.Severity.String()] >= rank[name]
}

// holds says whether a part of text equals pattern but for case; * is any text.
func holds(text, pattern string) bool {
	if head, rest, star := strings.Cut(pattern, "*"); star {
		return glob(text, head, rest)
	}
	for i := range len(text) + 1 {
		if prefix(text[i:], pattern) >= 0 {
			return true
		}
	}
	return false
}

func glob(text, head, rest string) bool {
	n := prefix(text, head)
	if n < 0 {
		return false
	}
	next, more, star := strings.Cut(rest, "*")
	for i := n; i <= len(text); i++ {
		if !star && prefix(text[i:], next) == len(text)-i || star && glob(text[i:], next, more) {
			return true
		}
	}
	return false
}

// prefix is how many bytes of text equal pattern but for case, -1 for none.
func prefix(text, pattern string) int {
	at := 0
	for pattern != "" {
		a, n := utf8.DecodeRuneInString(text[at:])
		b, m := utf8.DecodeRuneInString(pattern)
		if n == 0 || n == 1 && m == 1 && a == utf8.RuneError && b == utf8.RuneError && text[at] != pattern[0] || !strings.EqualFold(string(a), string(b)) || (n == 1 && a == utf8.RuneError) != (m == 1 && b == utf8.RuneError) {
			return -1
		}
		at, pattern = at+n, pattern[m:]
	}
	return at
}

func randomTerm(r *rand.Rand) naive {
	n := naive{key: pick(r, []string{"", "", "check", "rule", "path", "repo", "pkg", "cwe", "id", "role", "is", "sev"}), not: r.IntN(3) == 0}
	values := map[string][]string{
		"sev": {"critical", "high", "medium", "low", "info", "unrated", "high+", "low+", "unrated+", "critical+"},
		"is":  stateNames(), "role": roleNames(), "cwe": {"79", "CWE-79", "cwe-798", "8", "odd", "k"}, "id": {"0", "00", "a", "G4", strings.Repeat("0", 48)},
	}[n.key]
	if values == nil {
		// What is no UTF-8 is not a part of a rune for the index either, but it
		// compares bytes: the words asked for are whole ones.
		for _, w := range append(words(), "*go", "src*", "s*m*o", "*", "**", "b*") {
			if w != "" && utf8.ValidString(w) {
				values = append(values, w)
			}
		}
	}
	for range 1 + r.IntN(2) {
		n.alts = append(n.alts, pick(r, values))
	}
	return n
}

// agree asks the index and each row, and compares.
func agree(t *testing.T, r *rand.Rand, x *Index, terms []naive) {
	t.Helper()
	var texts []string
	for _, n := range terms {
		texts = append(texts, n.text())
	}
	text := strings.Join(texts, " ")
	q := mustParse(t, text)
	want := []uint32{}
	for i := range x.Len() {
		row, all := x.Row(uint32(i)), true
		for _, n := range terms {
			all = all && n.matches(row)
		}
		if all {
			want = append(want, uint32(i))
		}
	}
	if got := selected(t, x, q, nil); !slices.Equal(got, want) {
		t.Fatalf("%s\nfinds %v\nnot   %v", text, got, want)
	}
	some := x.All()[:r.IntN(x.Len()+1)]
	r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	in := slices.DeleteFunc(slices.Clone(some), func(i uint32) bool { return !slices.Contains(want, i) })
	if got := selected(t, x, q, some); !slices.Equal(got, in) {
		t.Fatalf("%s within %v\nfinds %v\nnot   %v", text, some, got, in)
	}
	again := mustParse(t, q.String())
	if !again.Equal(q) {
		t.Fatalf("%q became %q", q, again)
	}
}

func randomRows(r *rand.Rand, n int) (rows []Row) {
	for range n {
		rows = append(rows, randomRow(r))
	}
	return rows
}

// askRandomly asks an index of up to so many rows so many questions.
func askRandomly(t *testing.T, r *rand.Rand, size, questions int) {
	t.Helper()
	rows := randomRows(r, 1+r.IntN(size))
	x := index(rows)
	for range questions {
		var terms []naive
		for range r.IntN(4) {
			terms = append(terms, randomTerm(r))
		}
		agree(t, r, x, terms)
	}
}

func TestSelectIsAskingEachRow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		askRandomly(t, r, 120, 60)
	}
}

// What narrows finds nothing that was not there before.
func TestNarrowingIsWithin(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	rows := randomRows(r, 300)
	x := index(rows)
	narrowed := 0
	for range 4000 {
		p, q := randomTerm(r).text(), randomTerm(r).text()
		if r.IntN(2) == 0 {
			q = p + " " + q
		}
		before, after := mustParse(t, p), mustParse(t, q)
		if !after.Narrows(before) {
			continue
		}
		narrowed++
		first := selected(t, x, before, nil)
		if a, b := selected(t, x, after, nil), selected(t, x, after, first); !slices.Equal(a, b) {
			t.Fatalf("%s within %s: %v, not %v", q, p, b, a)
		}
	}
	if narrowed < 1000 {
		t.Errorf("only %d queries narrowed", narrowed)
	}
}

func TestCancelled(t *testing.T) {
	x := index([]Row{{Rule: "a"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Select(ctx, mustParse(t, "a"), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := x.Sort(ctx, x.All(), ByPath, false); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, _, err := x.Group(ctx, x.All(), ByPath); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzSelect(f *testing.F) {
	for i := range uint64(20) {
		f.Add(i, i*7)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		askRandomly(t, r, 40, 5)
	})
}

// Enough text that several processors share it: what is found is still what is
// there, at the edges of their parts too.
func TestLargeDictionary(t *testing.T) {
	b := NewBuilder(0)
	for i := range 150_000 {
		b.Add(Row{Path: fmt.Sprintf("%s/%d/Datei-%06d.go", strings.Repeat("dir", 20), i%7, i), Title: "x", Ordinal: i})
	}
	x := b.Index()
	if len(x.paths.folded) <= 2*alone {
		t.Fatal("that is not enough text")
	}
	for text, want := range map[string]int{"path:datei": 150_000, "path:datei-00001": 10, "path:*-000017.go": 1, "-path:dir": 0, "path:go" + strings.Repeat("dir", 20): 0, "datei-14999": 10} {
		ids := selected(t, x, mustParse(t, text), nil)
		if len(ids) != want || ids == nil {
			t.Errorf("%s finds %d, not %d", text, len(ids), want)
		}
	}
	backwards := x.All()
	slices.Reverse(backwards)
	for _, i := range []uint32{0, 1, 63, 64, 65_535, 65_536, 75_008, 149_999} {
		if ids := selected(t, x, mustParse(t, "path:"+x.Row(i).Path), backwards); !slices.Equal(ids, []uint32{i}) {
			t.Errorf("row %d is found backwards as %v", i, ids)
		}
		if ids := selected(t, x, mustParse(t, "path:"+x.Row(i).Path), nil); !slices.Equal(ids, []uint32{i}) {
			t.Errorf("row %d is found as %v", i, ids)
		}
	}
}
