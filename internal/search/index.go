package search

import (
	"context"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Index holds rows in the order in which a list begins: worst first, then by
// repository, then as each run has them. What it says does not change, and many
// may ask at once. A row's number is its place in that order.
type Index struct {
	columns
	kinds           []Kind
	sources         []source
	paths, packages dict
	// Folded texts of each kind and source, for matching.
	kindText   []kindText
	sourceText []string
	// What rows are ordered and grouped by that is not a number of theirs.
	repos, rules, checks, firstCWE ranking
	orderings                      [ByNew + 1][2]ordering // ascending, descending
}

type kindText struct {
	check, rule, title, role string
	cwe                      []string
}

// name folds what the kinds and sources are found by.
func (x *Index) name() {
	for _, k := range x.kinds {
		t := kindText{check: fold(k.Check), rule: fold(k.Rule), title: fold(k.Title), role: fold(k.Role)}
		for _, c := range k.CWE {
			t.cwe = append(t.cwe, foldCWE(c))
		}
		x.kindText = append(x.kindText, t)
	}
	for _, s := range x.sources {
		x.sourceText = append(x.sourceText, fold(s.repo))
	}
}

// Len is the number of rows.
func (x *Index) Len() int { return len(x.kind) }

// Row gives a row. Its texts are parts of the index, not copies.
func (x *Index) Row(i uint32) Row {
	k, s, b := &x.kinds[x.kind[i]], &x.sources[x.source[i]], x.bits[i]
	return Row{
		Repo: s.repo, Target: s.target, Run: s.run, Ordinal: int(x.ordinal[i]), Fingerprint: x.fingerprint(i),
		Severity: checks.Severity(b & severityBits), Check: k.Check, Rule: k.Rule, Title: k.Title,
		Path: x.paths.at(x.path[i]), Line: int(x.line[i]), Package: x.packages.at(x.pkg[i]), CWE: k.CWE, Role: k.Role, Credential: k.Credential,
		New: b&bitNew != 0, NewKnown: b&bitNewKnown != 0, Waived: b&bitWaived != 0, Ignored: b&bitIgnored != 0,
	}
}

func (x *Index) fingerprint(i uint32) string {
	if text, ok := x.odd[i]; ok {
		return text
	}
	return x.prints[i].String()
}

// Counts is a number for each severity.
type Counts [checks.Critical + 1]int

// Total is the sum.
func (c Counts) Total() (n int) {
	for _, v := range c {
		n += v
	}
	return n
}

// Count counts rows by severity; nil is all rows.
func (x *Index) Count(ids []uint32) (c Counts) {
	if ids == nil {
		for _, b := range x.bits {
			c[b&severityBits]++
		}
		return c
	}
	for _, i := range ids {
		c[x.bits[i]&severityBits]++
	}
	return c
}

// All gives the number of every row, in order.
func (x *Index) All() []uint32 {
	ids := make([]uint32, x.Len())
	for i := range ids {
		ids[i] = uint32(i)
	}
	return ids
}

// everySoMany rows a loop asks whether it is still wanted.
const everySoMany = 1 << 16

// Select gives the rows that match, in the order of within; nil is all rows in
// the index's order. Where q narrows the query that within is the answer to,
// the answer is the same as without it, and sooner there.
func (x *Index) Select(ctx context.Context, q Query, within []uint32) ([]uint32, error) {
	p, err := x.plan(ctx, q)
	if err != nil {
		return nil, err
	}
	switch {
	case p.never:
		return []uint32{}, nil
	case within == nil && len(q.terms) == 0:
		return x.All(), nil
	}
	return p.run(ctx, within)
}
