package deps

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
)

// Bounds on what a rule carries.
const (
	maxAliases    = 50
	maxReferences = 5
)

// groups joins advisories that say they are about the same vulnerability: ids
// and aliases that meet are one group, over all packages of the target, so that
// a rule has one text.
type groups struct {
	parent  map[string]string
	records map[string]osvdb.Advisory // by id
}

func newGroups() *groups {
	return &groups{parent: map[string]string{}, records: map[string]osvdb.Advisory{}}
}

// add takes an advisory in. Of two records with one id (in two ecosystems) the
// first by their text stays, whatever the order in which they come.
func (g *groups) add(a osvdb.Advisory) {
	old, known := g.records[a.ID]
	if !known || fmt.Sprint(a.Summary, a.Severity, a.Level) < fmt.Sprint(old.Summary, old.Severity, old.Level) {
		g.records[a.ID] = a
	}
	for _, alias := range a.Aliases {
		g.join(a.ID, alias)
	}
}

func (g *groups) root(id string) string {
	for {
		up, ok := g.parent[id]
		if !ok || up == id {
			return id
		}
		if above, ok := g.parent[up]; ok {
			g.parent[id] = above // keeps paths short
		}
		id = up
	}
}

func (g *groups) join(a, b string) {
	ra, rb := g.root(a), g.root(b)
	if ra == rb {
		return
	}
	if rb < ra {
		ra, rb = rb, ra
	}
	g.parent[rb] = ra
}

// group is one vulnerability.
type group struct {
	rule    checks.Rule
	aliases []string // every other id
}

// finish makes the rule of each group, by the group's root.
func (g *groups) finish() map[string]group {
	members := map[string][]osvdb.Advisory{}
	names := map[string][]string{}
	for id, a := range g.records {
		root := g.root(id)
		members[root] = append(members[root], a)
		names[root] = append(names[root], id)
		names[root] = append(names[root], a.Aliases...)
	}
	out := map[string]group{}
	for root, records := range members {
		ids := names[root]
		slices.SortFunc(ids, byRecognition)
		ids = slices.Compact(ids)
		slices.SortFunc(records, byAuthority)
		out[root] = group{rule: rule(ids, records), aliases: ids[1:min(len(ids), maxAliases+1)]}
	}
	return out
}

// byRecognition orders the ids of one vulnerability by how well people and
// other tools know them: a malicious package's own id, then CVE, then GHSA,
// then the ids of single ecosystems. The first names the rule.
func byRecognition(a, b string) int {
	return cmp.Or(cmp.Compare(rank(a, maliciousPrefix, "CVE-", "GHSA-"), rank(b, maliciousPrefix, "CVE-", "GHSA-")), strings.Compare(a, b))
}

// byAuthority orders records by whose text and rating is shown: a malicious
// package's, then GitHub's reviewed advisories, then the others.
func byAuthority(a, b osvdb.Advisory) int {
	return cmp.Or(cmp.Compare(rank(a.ID, maliciousPrefix, "GHSA-", "CVE-"), rank(b.ID, maliciousPrefix, "GHSA-", "CVE-")), strings.Compare(a.ID, b.ID))
}

func rank(id string, prefixes ...string) int {
	for i, p := range prefixes {
		if strings.HasPrefix(id, p) {
			return i
		}
	}
	return len(prefixes)
}

// rule is what is the same for every package that the vulnerability is in.
func rule(ids []string, records []osvdb.Advisory) checks.Rule {
	r := checks.Rule{
		ID: ids[0], Class: checks.ClassOf("osv", ids[0]),
		Advice: "Update the package to a version with the fix, and build again with the new lock file. If no version is fixed, replace it, or show that the affected part is not used and waive the finding.",
	}
	for _, a := range records {
		if r.Title == "" {
			r.Title = a.Summary
		}
		if r.Severity == checks.Unrated {
			r.Severity = severity(a)
		}
		r.CWE = append(r.CWE, a.CWE...)
		r.References = append(r.References, a.References...)
	}
	if r.Title == "" {
		r.Title = "Known vulnerability " + r.ID
	}
	if strings.HasPrefix(r.ID, maliciousPrefix) {
		r.Title = "Malicious package: " + r.Title
		r.Severity = checks.Critical
		r.Advice = "Remove the package. Take every machine that installed it for compromised: its secrets must be replaced from another machine."
	}
	slices.Sort(r.CWE)
	r.CWE = slices.Compact(r.CWE)
	r.References = firstDistinct(r.References, maxReferences)
	return r
}

func firstDistinct(in []string, n int) (out []string) {
	for _, s := range in {
		if len(out) < n && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
