package deps

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
)

func rng(kind string, events ...osvdb.Event) osvdb.Range {
	return osvdb.Range{Type: kind, Events: events}
}
func intro(v string) osvdb.Event { return osvdb.Event{Introduced: v} }
func fixed(v string) osvdb.Event { return osvdb.Event{Fixed: v} }
func last(v string) osvdb.Event  { return osvdb.Event{LastAffected: v} }
func limit(v string) osvdb.Event { return osvdb.Event{Limit: v} }

// The evaluation of the OSV schema, one row per rule.
func TestAffects(t *testing.T) {
	s := osvdb.RangeSemver
	e := osvdb.RangeEcosystem
	for _, c := range []struct {
		name, eco string
		ranges    []osvdb.Range
		versions  []string
		in, out   []string
	}{
		{"fixed is exclusive", "Go", []osvdb.Range{rng(s, intro("1.0.0"), fixed("1.2.0"))}, nil, []string{"1.0.0", "1.1.9", "1.2.0-rc.1"}, []string{"0.9.9", "1.2.0", "1.0.0-beta"}},
		{"last affected is inclusive", "npm", []osvdb.Range{rng(s, intro("0"), last("2.0.0"))}, nil, []string{"0.0.0-0", "2.0.0"}, []string{"2.0.1"}},
		{"no end", "npm", []osvdb.Range{rng(s, intro("1.0.0"))}, nil, []string{"1.0.0", "999.0.0"}, []string{"0.1.0"}},
		{"several intervals, unsorted", "Go", []osvdb.Range{rng(s, fixed("3.1.0"), intro("3.0.0"), fixed("1.1.0"), intro("1.0.0"))}, nil, []string{"1.0.5", "3.0.5"}, []string{"1.1.0", "2.9.9", "3.1.0"}},
		{"introduced again where it was fixed", "Go", []osvdb.Range{rng(s, intro("0"), fixed("1.0.0"), intro("1.0.0"), fixed("1.1.0"))}, nil, []string{"1.0.0"}, []string{"1.1.0"}},
		{"limit bounds", "Go", []osvdb.Range{rng(s, intro("0"), limit("2.0.0"))}, nil, []string{"1.9.0"}, []string{"2.0.0", "3.0.0"}},
		{"the largest limit counts", "Go", []osvdb.Range{rng(s, intro("0"), limit("1.0.0"), limit("2.0.0"))}, nil, []string{"1.5.0"}, []string{"2.0.0"}},
		{"limit of all", "Go", []osvdb.Range{rng(s, intro("0"), limit("*"))}, nil, []string{"9.0.0"}, nil},
		{"commits are not versions", "Go", []osvdb.Range{rng(osvdb.RangeGit)}, nil, nil, []string{"1.0.0"}},
		{"a range after commits", "PyPI", []osvdb.Range{rng(osvdb.RangeGit), rng(e, intro("0"), fixed("1.5"))}, nil, []string{"1.4"}, []string{"1.5"}},
		{"enumerated", "PyPI", nil, []string{"1.0", "2.0rc1"}, []string{"1.0", "1.0.0", "2.0.0RC1"}, []string{"1.1", "2.0"}},
		{"enumerated beside a range", "PyPI", []osvdb.Range{rng(e, intro("3"), fixed("4"))}, []string{"1.0"}, []string{"1.0", "3.5"}, []string{"2.0", "4"}},
		{"PEP 440 order", "PyPI", []osvdb.Range{rng(e, intro("0"), fixed("2.0"))}, nil, []string{"2.0rc1", "2.0.dev3", "1.99"}, []string{"2.0", "2.0.post1", "1!0.1"}},
		{"Maven order", "Maven", []osvdb.Range{rng(e, intro("0"), fixed("2.0"))}, nil, []string{"2.0-SNAPSHOT", "2.0-rc1"}, []string{"2.0", "2.0.Final", "2.0-1"}},
		{"Ruby order", "RubyGems", []osvdb.Range{rng(e, intro("0"), fixed("1.10.0"))}, nil, []string{"1.9.3", "1.10.0.pre"}, []string{"1.10.0", "1.10.0.1"}},
		{"pseudo-versions", "Go", []osvdb.Range{rng(s, intro("0"), fixed("0.0.0-20220315160706-3147a52a75dd"))}, nil, []string{"0.0.0-20220101000000-abcdefabcdef"}, []string{"0.0.0-20230101000000-abcdefabcdef", "0.1.0"}},
		{"crates pre-release start", "crates.io", []osvdb.Range{rng(s, intro("0.0.0-0"), fixed("0.2.1"))}, nil, []string{"0.2.0", "0.0.1"}, []string{"0.2.1"}},
		{"nothing named is everything", "npm", nil, nil, []string{"1.0.0"}, nil},
	} {
		a := osvdb.Advisory{ID: "X-1", Affected: []osvdb.Affected{{Ranges: c.ranges, Versions: c.versions}}}
		for _, v := range c.in {
			if out, err := affects(c.eco, v, a); err != nil || !out.affected {
				t.Errorf("%s: %s is not affected (%v)", c.name, v, err)
			}
		}
		for _, v := range c.out {
			if out, err := affects(c.eco, v, a); err != nil || out.affected || len(out.fixed) > 0 {
				t.Errorf("%s: %s: %+v, %v", c.name, v, out, err)
			}
		}
	}
}

// A version that cannot be ordered is said, never "not affected".
func TestWhatCannotBeCompared(t *testing.T) {
	a := osvdb.Advisory{Affected: []osvdb.Affected{{Ranges: []osvdb.Range{rng(osvdb.RangeEcosystem, intro("0"), fixed("not/a/version"))}, Versions: []string{"1.0.0"}}}}
	if _, err := affects("CRAN", "2.0.0", a); !errors.Is(err, errNotComparable) {
		t.Errorf("an advisory's nonsense: %v", err)
	}
	if out, err := affects("CRAN", "1.0.0", a); err != nil || !out.affected {
		t.Errorf("enumerated all the same: %+v, %v", out, err)
	}
	if _, err := affects("No Such Ecosystem", "1.0.0", a); !errors.Is(err, errNotComparable) {
		t.Errorf("an unknown ecosystem: %v", err)
	}
}

func TestFixedVersions(t *testing.T) {
	a := osvdb.Advisory{Affected: []osvdb.Affected{
		{Ranges: []osvdb.Range{rng(osvdb.RangeSemver, intro("0"), fixed("1.2.0"), intro("2.0.0"), fixed("2.3.0"))}},
		{Ranges: []osvdb.Range{rng(osvdb.RangeSemver, intro("0"), fixed("1.10.0"))}},
	}}
	for v, want := range map[string][]string{"1.1.0": {"1.2.0", "1.10.0"}, "2.1.0": {"2.3.0"}, "1.5.0": {"1.10.0"}} {
		out, err := affects("npm", v, a)
		if err != nil || !slices.Equal(ordered("npm", out.fixed), want) {
			t.Errorf("%s: %v, %v, want %v", v, out.fixed, err, want)
		}
	}
}

func TestSeverity(t *testing.T) {
	v := func(kind, score string) osvdb.Advisory {
		return osvdb.Advisory{ID: "GHSA-1", Severity: []osvdb.Severity{{Type: kind, Score: score}}, Level: "LOW"}
	}
	for _, c := range []struct {
		a    osvdb.Advisory
		want checks.Severity
	}{
		// Scores as FIRST's calculators give them: 9.8, 7.5, 5.3, 10.0 (v2), 9.3 (v4).
		{v("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), checks.Critical},
		{v("CVSS_V3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"), checks.High},
		{v("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"), checks.Medium},
		{v("CVSS_V2", "AV:N/AC:L/Au:N/C:C/I:C/A:C"), checks.High},
		{v("CVSS_V2", "(AV:N/AC:L/Au:N/C:N/I:N/A:P)"), checks.Medium},
		{v("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"), checks.Critical},
		{v("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"), checks.Info},
		{v("CVSS_V3", "nonsense"), checks.Low},
		{osvdb.Advisory{Level: "MODERATE"}, checks.Medium},
		{osvdb.Advisory{Level: "URGENT"}, checks.Unrated},
		{osvdb.Advisory{ID: "GO-1"}, checks.Unrated},
		{osvdb.Advisory{ID: "MAL-2026-1", Level: "LOW"}, checks.Critical},
		{osvdb.Advisory{Severity: []osvdb.Severity{
			{Type: "CVSS_V3", Score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},
			{Type: "CVSS_V4", Score: "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:P/VC:N/VI:L/VA:N/SC:N/SI:N/SA:N"},
		}}, checks.Medium}, // 5.1: the newest version counts
	} {
		if got := severity(c.a); got != c.want {
			t.Errorf("%+v is %s, want %s", c.a, got, c.want)
		}
	}
}

func TestGroups(t *testing.T) {
	advisories := []osvdb.Advisory{
		{ID: "GO-1", Aliases: []string{"CVE-2", "GHSA-b"}, Summary: "from Go"},
		{ID: "GHSA-b", Aliases: []string{"CVE-2"}, Summary: "from GitHub", Level: "HIGH"},
		{ID: "PYSEC-1", Aliases: []string{"CVE-2"}, Level: "LOW"},
		{ID: "GHSA-c", Summary: "alone"},
		{ID: "GHSA-m", Aliases: []string{"MAL-1"}, Summary: "bad", Level: "LOW"},
	}
	var first string
	for turn := range advisories {
		g := newGroups()
		for i := range advisories {
			g.add(advisories[(i+turn)%len(advisories)])
		}
		all := g.finish()
		if len(all) != 3 {
			t.Fatalf("%d groups", len(all))
		}
		cve, alone, mal := all[g.root("PYSEC-1")], all[g.root("GHSA-c")], all[g.root("GHSA-m")]
		said := fmt.Sprint(cve, alone, mal)
		if first == "" {
			first = said
		}
		if said != first {
			t.Errorf("the order changes the answer:\n%s\n%s", said, first)
		}
		if cve.rule.ID != "CVE-2" || cve.rule.Title != "from GitHub" || cve.rule.Severity != checks.High || !slices.Equal(cve.aliases, []string{"GHSA-b", "GO-1", "PYSEC-1"}) {
			t.Errorf("%+v", cve)
		}
		if alone.rule.ID != "GHSA-c" || mal.rule.ID != "MAL-1" || mal.rule.Severity != checks.Critical {
			t.Errorf("%+v %+v", alone, mal)
		}
	}
}

func TestGoVersions(t *testing.T) {
	for in, want := range map[string]string{"1.21": "1.21.0", "1.21.3": "1.21.3", "1.22rc1": "1.22.0-rc.1", "1.9beta2": "1.9.0-beta.2", "odd": "odd"} {
		d := dependency{name: "stdlib", version: in}
		d.goVersion()
		if d.version != want || !d.declared {
			t.Errorf("%s is %s, want %s", in, d.version, want)
		}
	}
}
