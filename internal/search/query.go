package search

import (
	"slices"
	"strings"
	"unicode"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Query is what somebody looks for: terms that must all be so. The zero value
// asks nothing and matches every row.
type Query struct{ terms []term }

// term is one demand. Severities and states are a set, the rest are texts,
// folded, one of which must be there. A term is never without any.
type term struct {
	key  string
	not  bool
	alts []string
	set  uint16
}

// The keys. A bare word has none.
const (
	keyWord     = ""
	keySeverity = "sev"
	keyCheck    = "check"
	keyRule     = "rule"
	keyPath     = "path"
	keyRepo     = "repo"
	keyPackage  = "pkg"
	keyCWE      = "cwe"
	keyID       = "id"
	keyRole     = "role"
	keyIs       = "is"
)

// wordNew is the one word that stands for a state by itself.
const wordNew = "new"

// Key is a key of the query language, for help and completion.
type Key struct {
	Name string
	// Values are all there are, where they are known.
	Values []string
	// Help says what it matches, Example how it is written.
	Help, Example string
}

// Keys lists the keys of the query language. Terms are joined by and; -term is
// its opposite (!term too), a comma means either, quotes keep spaces together,
// * in a text stands for anything, and case does not matter.
func Keys() []Key {
	return []Key{
		{keySeverity, severityNames(), "severity; with + that and worse, where what nobody rated counts as high", "sev:high+"},
		{keyCheck, nil, "part of the check's name", "check:secrets"},
		{keyRule, nil, "part of the rule's id", "rule:G401"},
		{keyPath, nil, "part of the path, or with * the whole of it", "path:*.go"},
		{keyRepo, nil, "part of the repository's name", "repo:clinic/portal"},
		{keyPackage, nil, "part of the package", "pkg:lodash"},
		{keyCWE, nil, "weakness, with or without CWE-", "cwe:798"},
		{keyID, nil, "beginning of the fingerprint", "id:376c6cc0"},
		{keyRole, roleNames(), "role of the file", "-role:vendored"},
		{keyIs, stateNames(), "state; new can stand alone", "is:open"},
	}
}

func severityNames() []string {
	var names []string
	for _, s := range checks.Severities() {
		names = append(names, s.String())
	}
	return names
}

func roleNames() []string { return []string{"source", "test", "generated", "vendored"} }

// stateNames are in the order of the bits of statesOf.
func stateNames() []string { return []string{wordNew, "known", "waived", "ignored", "open"} }

// andWorse is the set of severities at least as bad as s. What nobody rated
// counts as high, as it does before a gate: a list of what is bad must not
// leave it out.
func andWorse(s checks.Severity) (set uint16) {
	as := func(s checks.Severity) checks.Severity {
		if s == checks.Unrated {
			return checks.High
		}
		return s
	}
	for _, o := range checks.Severities() {
		if as(o) >= as(s) {
			set |= 1 << o
		}
	}
	return set
}

// Empty says whether q matches every row because it asks nothing.
func (q Query) Empty() bool { return len(q.terms) == 0 }

// Equal says whether two queries say the same in the same order.
func (q Query) Equal(o Query) bool {
	return slices.EqualFunc(q.terms, o.terms, func(a, b term) bool {
		return a.key == b.key && a.not == b.not && a.set == b.set && slices.Equal(a.alts, b.alts)
	})
}

// String writes the query in its one form: Parse gives the same query again.
func (q Query) String() string {
	var words []string
	for _, t := range q.terms {
		words = append(words, t.String())
	}
	return strings.Join(words, " ")
}

func (t term) String() string {
	s := ""
	if t.not {
		s = "-"
	}
	switch t.key {
	case keyWord:
	case keyIs:
		return s + keyIs + ":" + strings.Join(t.names(stateNames()), ",")
	case keySeverity:
		return s + keySeverity + ":" + severityText(t.set)
	default:
		s += t.key + ":"
	}
	for i, a := range t.alts {
		if i > 0 {
			s += ","
		}
		if t.key == keyCWE {
			a = cwePrefix + a
		}
		s += quoted(a)
	}
	return s
}

// names are those of the set's bits.
func (t term) names(all []string) (names []string) {
	for i, n := range all {
		if t.set&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

func severityText(set uint16) string {
	var names []string
	for _, s := range checks.Severities() {
		if s != checks.Critical && s != checks.Unrated && set == andWorse(s) {
			return s.String() + "+"
		}
		if set&(1<<s) != 0 {
			names = append(names, s.String())
		}
	}
	return strings.Join(names, ",")
}

// quoted writes a text so that it is read as that text wherever a text stands.
func quoted(s string) string {
	_, _, key := cutKey(s)
	special := strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '"' })
	if !special && !key && s != wordNew && !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "!") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Narrows says whether every row that matches q matches prev too, so that q
// need only be asked within prev's answer. False says nothing.
func (q Query) Narrows(prev Query) bool {
	for _, p := range prev.terms {
		if !slices.ContainsFunc(q.terms, func(t term) bool { return t.implies(p) }) {
			return false
		}
	}
	return true
}

// implies says whether what t asks cannot be so without what p asks.
func (t term) implies(p term) bool {
	if t.key != p.key || t.not != p.not {
		return false
	}
	if t.not {
		t, p = p, t // not b implies not a where a implies b
	}
	if t.set&^p.set != 0 {
		return false
	}
	for _, a := range t.alts {
		if !slices.ContainsFunc(p.alts, func(b string) bool { return within(t.key, a, b) }) {
			return false
		}
	}
	return true
}

// within says whether what matches text a of a key matches b as well.
func within(key, a, b string) bool {
	switch {
	case a == b:
		return true
	case key == keyCWE || key == keyRole:
		return false
	case key == keyID:
		return strings.HasPrefix(a, b)
	}
	// b is part of each text that has a, if it is part of what a says for sure.
	// With a * of its own it never is.
	return slices.ContainsFunc(strings.Split(a, "*"), func(part string) bool { return strings.Contains(part, b) })
}
