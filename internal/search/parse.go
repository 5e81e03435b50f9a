package search

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
)

// Error says what in a query is not understood, and where.
type Error struct {
	// From and To are the bytes of the query that it is about.
	From, To int
	// What is wrong, and the nearest word that is known, if one is near.
	What, Near string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("at %d: %s", e.From+1, e.What)
	if e.Near != "" {
		s += fmt.Sprintf("; did you mean %q?", e.Near)
	}
	return s
}

// token is a term as it was written.
type token struct {
	key          string
	hasKey, not  bool
	alts         []alt
	keyAt, keyTo int
}

type alt struct {
	text     string
	quoted   bool
	from, to int
}

// Parse reads a query. What somebody has only begun to write asks nothing yet:
// a key without a value, a minus without a term, an open quote. A key or a name
// that does not exist is an *Error.
func Parse(text string) (Query, error) {
	var q Query
	for at := 0; ; {
		for at < len(text) && spaceAt(text, at) > 0 {
			at += spaceAt(text, at)
		}
		if at == len(text) {
			return q, nil
		}
		var tok token
		tok, at = readToken(text, at)
		t, err := tok.term()
		if err != nil {
			return Query{}, err
		}
		if len(t.alts) > 0 || t.set != 0 {
			q.terms = append(q.terms, t)
		}
	}
}

// spaceAt is the length of the white space at a place, 0 where there is none.
func spaceAt(s string, at int) int {
	if r, n := utf8.DecodeRuneInString(s[at:]); unicode.IsSpace(r) {
		return n
	}
	return 0
}

func readToken(text string, at int) (tok token, next int) {
	if text[at] == '-' || text[at] == '!' {
		tok.not = true
		at++
	}
	if key, _, ok := cutKey(text[at:]); ok {
		tok.key, tok.hasKey, tok.keyAt, tok.keyTo = fold(key), true, at, at+len(key)
		at += len(key) + 1
	}
	for {
		var a alt
		a, at = readAlt(text, at)
		if a.text != "" {
			tok.alts = append(tok.alts, a)
		}
		if at == len(text) || text[at] != ',' {
			return tok, at
		}
		at++
	}
}

// cutKey cuts letters with a colon behind them off a text.
func cutKey(s string) (key, rest string, ok bool) {
	key, rest, ok = strings.Cut(s, ":")
	if !ok || key == "" {
		return "", s, false
	}
	for i := range len(key) {
		if c := lower(key[i]); c < 'a' || c > 'z' {
			return "", s, false
		}
	}
	return key, rest, true
}

// readAlt reads up to a comma or white space outside of quotes.
func readAlt(text string, at int) (alt, int) {
	a := alt{from: at}
	var b strings.Builder
	open := false
	for at < len(text) {
		c := text[at]
		switch {
		case c == '"':
			open, a.quoted = !open, true
		case open && c == '\\' && at+1 < len(text):
			at++
			b.WriteByte(text[at])
		case !open && (c == ',' || spaceAt(text, at) > 0):
			a.text, a.to = b.String(), at
			return a, at
		default:
			b.WriteByte(c)
		}
		at++
	}
	a.text, a.to = b.String(), at
	return a, at
}

func (tok token) term() (term, error) {
	t := term{key: tok.key, not: tok.not}
	if !tok.hasKey {
		if len(tok.alts) == 1 && !tok.alts[0].quoted && fold(tok.alts[0].text) == wordNew {
			return term{key: keyIs, not: tok.not, set: 1}, nil
		}
		t.fold(tok.alts)
		return t, nil
	}
	switch tok.key {
	case keySeverity:
		return t, t.severities(tok.alts)
	case keyIs:
		return t, t.states(tok.alts)
	case keyRole:
		for _, a := range tok.alts {
			if _, err := oneOf(a, "role", roleNames()); err != nil {
				return t, err
			}
		}
	case keyCWE:
		for _, a := range tok.alts {
			if c := foldCWE(a.text); c != "" && !strings.HasPrefix(cwePrefix, c) {
				t.alts = append(t.alts, c)
			}
		}
		return t, nil
	}
	var names []string
	known := false
	for _, k := range Keys() {
		names = append(names, k.Name)
		known = known || k.Name == tok.key
	}
	if !known {
		return t, &Error{tok.keyAt, tok.keyTo, fmt.Sprintf("there is no key %q (quote a text that holds a colon)", tok.key), nearest(tok.key, names)}
	}
	t.fold(tok.alts)
	return t, nil
}

func (t *term) fold(alts []alt) {
	for _, a := range alts {
		t.alts = append(t.alts, fold(a.text))
	}
}

const cwePrefix = "cwe-"

// foldCWE gives a weakness without its prefix.
func foldCWE(s string) string { return strings.TrimPrefix(fold(s), cwePrefix) }

func (t *term) severities(alts []alt) error {
	for _, a := range alts {
		name, worse := strings.CutSuffix(a.text, "+")
		a.text = name
		if _, err := oneOf(a, "severity", severityNames()); err != nil {
			return err
		}
		s, err := checks.ParseSeverity(name)
		if err != nil {
			return err
		}
		if t.set |= 1 << s; worse {
			t.set |= andWorse(s)
		}
	}
	return nil
}

func (t *term) states(alts []alt) error {
	for _, a := range alts {
		i, err := oneOf(a, "state", stateNames())
		if err != nil {
			return err
		}
		t.set |= 1 << i
	}
	return nil
}

// oneOf is the place of a among names.
func oneOf(a alt, what string, names []string) (int, error) {
	text := fold(a.text)
	for i, n := range names {
		if n == text {
			return i, nil
		}
	}
	return 0, &Error{a.from, a.to, fmt.Sprintf("there is no %s %q", what, a.text), nearest(text, names)}
}

// nearest is the name that begins with word, or the one with the fewest
// letters to change, if those are few.
func nearest(word string, names []string) string {
	best, least := "", 3
	for _, n := range names {
		if word != "" && strings.HasPrefix(n, word) || n != "" && strings.HasPrefix(word, n) {
			return n
		}
		if len(word) > 2*len(n)+2 {
			continue // long words are far from every name
		}
		if d := misspell.Distance(word, n); d < least && d < len(n) {
			best, least = n, d
		}
	}
	return best
}
