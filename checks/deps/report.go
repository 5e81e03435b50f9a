package deps

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/semantic"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
)

// matcher collects which dependency is hit by which advisory, and reports it.
type matcher struct {
	notes  *notes
	groups *groups
	hits   []match
}

// match is one advisory that affects one dependency.
type match struct {
	dependency
	id string // of the advisory
	outcome
}

func newMatcher(n *notes) *matcher { return &matcher{notes: n, groups: newGroups()} }

// canary matches the canary's packages against the built-in advisories.
func (m *matcher) canary(found []dependency, advisories []osvdb.Advisory) {
	for _, d := range found {
		for _, a := range advisories {
			if d.canary && d.name == canaryModule {
				m.judge(d, a)
			}
		}
	}
}

// ecosystem matches the dependencies of one ecosystem against the data.
func (m *matcher) ecosystem(ctx context.Context, r *osvdb.Reader, eco string, found []dependency) error {
	byName := map[string][]dependency{}
	names := make([]string, 0, len(found))
	for _, d := range found {
		key := osvdb.NormalName(eco, d.name)
		byName[key] = append(byName[key], d)
		names = append(names, d.name)
	}
	return r.Lookup(eco, names, func(name string, a osvdb.Advisory) error {
		if a.Withdrawn {
			return ctx.Err()
		}
		for _, d := range byName[name] {
			m.judge(d, a)
		}
		return ctx.Err()
	})
}

// judge holds one advisory against one dependency.
func (m *matcher) judge(d dependency, a osvdb.Advisory) {
	out, err := affects(d.ecosystem, d.version, a)
	if err != nil {
		m.notes.add("advisories with versions that cannot be compared", "a range names something that is not a version of "+d.ecosystem, "", a.ID+": "+d.name+" "+d.version)
		return
	}
	if out.affected {
		m.groups.add(a)
		m.hits = append(m.hits, match{d, a.ID, out})
	}
}

// finding is one finding: a dependency in a file and a vulnerability.
type finding struct {
	match
	group
}

// report writes rules and findings in a fixed order, one for each file, package,
// version and vulnerability.
func (m *matcher) report(ctx context.Context, t *child.Tree, out *child.Sink) error {
	all := m.findings()
	lines := lineFinder{tree: t}
	for _, f := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := out.Rule(f.rule); err != nil {
			return err
		}
		if f.line == 0 {
			f.line = lines.find(f.path, f.name, f.written)
		}
		if err := out.Hit(f.hit()); err != nil {
			return err
		}
	}
	return nil
}

func (m *matcher) findings() []finding {
	byRoot := m.groups.finish()
	var all []finding
	for _, h := range m.hits {
		all = append(all, finding{h, byRoot[m.groups.root(h.id)]})
	}
	slices.SortFunc(all, func(a, b finding) int {
		return cmp.Or(
			strings.Compare(a.path, b.path), strings.Compare(a.ecosystem, b.ecosystem), strings.Compare(a.name, b.name),
			strings.Compare(a.version, b.version), strings.Compare(a.rule.ID, b.rule.ID),
			cmp.Compare(a.line, b.line), strings.Compare(a.id, b.id),
		)
	})
	merged := all[:0]
	for _, f := range all {
		if n := len(merged); n > 0 && merged[n-1].same(f) {
			merged[n-1].take(f)
			continue
		}
		merged = append(merged, f)
	}
	return merged
}

// same says whether two matches are one finding.
func (f *finding) same(o finding) bool {
	return f.path == o.path && f.ecosystem == o.ecosystem && f.name == o.name && f.version == o.version && f.rule.ID == o.rule.ID
}

// take joins another advisory of the same vulnerability, or another mention of
// the package in the same file.
func (f *finding) take(o finding) {
	f.fixed = slices.Clone(f.fixed)
	for _, v := range o.fixed {
		if !slices.Contains(f.fixed, v) {
			f.fixed = append(f.fixed, v)
		}
	}
	f.dev = f.dev && o.dev
	f.unbounded = f.unbounded && o.unbounded
	if f.line == 0 {
		f.line = o.line
	}
}

// hit is the finding as the sink wants it. Its identity is the ecosystem, the
// package and the vulnerability: not the version and not the file, so that an
// update which does not fix it, or a moved lock file, keeps it.
func (f *finding) hit() child.Hit {
	fixed := ordered(f.ecosystem, f.fixed)
	h := child.Hit{
		Rule: f.rule.ID, Confidence: f.confidence(),
		Location: checks.Location{Path: f.path, StartLine: f.line, EndLine: f.line, Symbol: f.name + "@" + f.written},
		Message:  f.message(fixed),
		Anchor:   strings.Join([]string{"osv", f.ecosystem, osvdb.NormalName(f.ecosystem, f.name), f.rule.ID}, "|"),
		Fix:      f.fix(fixed),
		Package: &checks.Package{
			Ecosystem: f.ecosystem, Name: f.name, Version: f.written, PURL: f.purl,
			Advisory: f.rule.ID, Aliases: f.aliases, Fixed: fixed,
		},
	}
	return h
}

// confidence: a lock file and a version range leave little doubt; the go line
// of a go.mod is only the least version, and an advisory without versions may
// mean others.
func (f *finding) confidence() string {
	switch {
	case f.unbounded:
		return "low"
	case f.declared:
		return "medium"
	}
	return "high"
}

func (f *finding) message(fixed []string) string {
	what := f.name + " " + f.written
	if f.declared {
		what = "Go " + f.written + " (the least version that may build this module)"
	}
	s := what + ": " + f.rule.Title
	if f.dev {
		s += " (development only)"
	}
	if len(fixed) > 0 {
		return s + "; fixed in " + strings.Join(fixed, ", ")
	}
	return s + "; no fixed version is known"
}

// fix names the highest of the fixed versions: only that one is past every
// record of the vulnerability.
func (f *finding) fix(fixed []string) string {
	switch {
	case strings.HasPrefix(f.rule.ID, maliciousPrefix):
		return "Remove " + f.name
	case len(fixed) == 0:
		return ""
	case f.declared:
		return fmt.Sprintf("Raise the go or toolchain line to %s", fixed[len(fixed)-1])
	}
	return fmt.Sprintf("Update %s to %s", f.name, fixed[len(fixed)-1])
}

// ordered sorts versions by the rules of their ecosystem.
func ordered(ecosystem string, versions []string) []string {
	out := slices.Clone(versions)
	slices.SortFunc(out, func(a, b string) int {
		v, err := semantic.Parse(a, ecosystem)
		if err != nil {
			return strings.Compare(a, b)
		}
		order, err := v.CompareStr(b)
		if err != nil || order == 0 {
			return strings.Compare(a, b)
		}
		return order
	})
	return out
}
