package config

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// What two projects cannot both be, which a schema cannot say.
func TestProjectsClash(t *testing.T) {
	for text, want := range map[string]string{
		"projects:\n- path: a\n- path: a":                            `vitalsign.yaml:3:3: projects: "a" is listed twice, first on line 2`,
		"projects:\n- path: a\n- path: a/b":                          `vitalsign.yaml:3:3: projects: the path "a/b" overlaps "a", on line 2`,
		"projects:\n- path: a/b\n- path: a":                          `vitalsign.yaml:3:3: projects: the path "a" overlaps "a/b", on line 2`,
		"projects:\n- {path: a, name: x}\n- {path: b, name: x}":      `vitalsign.yaml:3:3: projects: the name "x" is that of "a", too, on line 2`,
		"projects:\n- {path: a}\n- {path: b, name: a}":               `vitalsign.yaml:3:3: projects: the name "a" is that of "a", too, on line 2`,
		"projects: [" + strings.Repeat("{path: a},", 501) + "]":      `vitalsign.yaml:1:11: projects: 501 entries; allowed: 500`,
		"projects: [{path: \"a\u202e\", name: a}]":                   `vitalsign.yaml:1:19: projects.path: "a\u202e" has a character that does not print`,
		"projects: [{path: a, owner: \"a\\nb\"}]":                    `vitalsign.yaml:1:29: projects.a.owner: "a\nb" has a character that does not print`,
		"projects: [{path: a, uses: ['{a,b}{a,b}{a,b}{a,b}{a,b}']}]": `vitalsign.yaml:1:29: projects.a.uses: `,
	} {
		if _, err := parseText(t, text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.80q: %v\nwant %s", text, err, want)
		}
	}
	mustParse(t, "projects: [{path: a}, {path: ab}, {path: b/a}]")
}

func TestProjectsAreTheRepositorys(t *testing.T) {
	if _, err := Parse(Source{Name: "u", Data: []byte("projects: [{path: a}]")}, User); err == nil || !strings.Contains(err.Error(), "u:1:1: projects can only be said in a repository's file") {
		t.Error(err)
	}
	tr, _ := tree(t, map[string]string{"vitalsign.yaml": "projects: [{path: a}]", "a/vitalsign.yaml": "fail_on: low", "b/vitalsign.yaml": "projects: [{path: c}]"})
	l, err := Load(tr, "a")
	if s, _ := Resolve(l); err != nil || len(s.Projects) != 1 || s.FailOn != checks.Low {
		t.Errorf("%v %+v", err, s.Projects)
	}
	if _, err := Load(tr, "b"); err == nil || !strings.Contains(err.Error(), "b/vitalsign.yaml:1:12: projects belong in the file at the root") {
		t.Error(err)
	}
}

func TestMissingProjects(t *testing.T) {
	dir := t.TempDir()
	for name, err := range map[string]error{
		"real/a": os.MkdirAll(filepath.Join(dir, "real", "a"), 0o755),
		"file":   os.WriteFile(filepath.Join(dir, "file"), nil, 0o644),
		"link":   os.Symlink("real", filepath.Join(dir, "link")),
	} {
		if err != nil {
			t.Fatal(name, err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := mustParse(t, "projects: [{path: real/a}]").MissingProjects(root); err != nil {
		t.Error(err)
	}
	for at, want := range map[string]string{"gone": "is not there", "real/b": "is not there", "file": "is no directory", "link": "is no directory", "link/a": `is no directory ("link" is none)`, "file/a": "is no directory"} {
		err := mustParse(t, "projects: [{path: "+at+"}]").MissingProjects(root)
		if err == nil || !strings.HasPrefix(err.Error(), "vitalsign.yaml:1:12: projects: \""+at+"\" "+want) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// A project's own word counts for the repository's, and like it never loosens
// what a flag, the environment or the user said.
func TestForProject(t *testing.T) {
	repo := mustParse(t, "fail_on: medium\nskip: [deps]\nprojects: [{path: a, fail_on: critical, skip: []}, {path: b, fail_on: low}]")
	flag, err := FromFlags(map[string]string{"fail_on": "high"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   string
		more []Layer
		want checks.Severity
		skip int
	}{
		{"a", nil, checks.Critical, 0}, {"b", nil, checks.Low, 1}, {"c", nil, checks.Medium, 1}, {"", nil, checks.Medium, 1},
		{"a", []Layer{flag}, checks.High, 0}, {"b", []Layer{flag}, checks.Low, 1}, {"c", []Layer{flag}, checks.Medium, 1},
		{"a", []Layer{parseAs(t, User, "fail_on: low")}, checks.Low, 0},
	} {
		s, r := Resolve(append(c.more, repo.ForProject(c.at))...)
		if s.FailOn != c.want || len(s.Skip) != c.skip || len(s.Projects) != 2 {
			t.Errorf("%q: %+v", c.at, s)
		}
		if c.at == "a" && c.more == nil && r.Origin("fail_on").String() != "vitalsign.yaml:3" {
			t.Errorf("%+v", r.Origin("fail_on"))
		}
	}
	if s, _ := Resolve(repo); s.FailOn != checks.Medium {
		t.Error("the layer itself was changed")
	}
}

func projectCases() []struct{ base, head, want, loosened string } {
	return []struct{ base, head, want, loosened string }{
		{"projects: [{path: a}]", "projects: [{path: a}]", "projects: [{path: a}]", ""},
		{"", "projects: [{path: a, owner: x, uses: [l/**]}]", "projects: [{path: a, owner: x, uses: [l/**]}]", ""},
		{"projects: [{path: a, fail_on: low}]", "", "projects: [{path: a, fail_on: low}]", "projects.a: {fail_on: low} -> nothing"},
		{"projects: [{path: a, fail_on: low}]", "projects: [{path: b, fail_on: low}]", "projects: [{path: a, fail_on: low}, {path: b, fail_on: low}]",
			"projects.a: {fail_on: low} -> nothing"},
		{"projects: [{path: a}]", "projects: [{path: a/b}]", "projects: [{path: a}]", "projects.a: {} -> nothing|projects.a/b: nothing -> {}"},
		{"projects: [{path: a, name: n}]", "projects: [{path: b, name: n}]", "projects: [{path: a, name: n}, {path: b}]", "projects.a: {name: n} -> nothing"},
		{"projects: [{path: a, name: n}]", "projects: [{path: a, name: m, owner: o}]", "projects: [{path: a, name: n}]", ""},
		{"projects: [{path: a, uses: [l, m]}]", "projects: [{path: a, uses: [m, n]}]", "projects: [{path: a, uses: [l, m, n]}]", "projects.a.uses: [l, m] -> [m, n]"},
		{"projects: [{path: a, fail_on: high}]", "projects: [{path: a, fail_on: critical}]", "projects: [{path: a, fail_on: high}]", "projects.a.fail_on: high -> critical"},
		{"projects: [{path: a, fail_on: high}]", "projects: [{path: a, fail_on: low}]", "projects: [{path: a, fail_on: low}]", ""},
		{"projects: [{path: a, fail_on: low}]", "projects: [{path: a}]", "projects: [{path: a, fail_on: low}]", "projects.a.fail_on: low -> high"},
		{"projects: [{path: a, fail_on: critical}]", "projects: [{path: a}]", "projects: [{path: a, fail_on: high}]", ""},
		{"projects: [{path: a}]", "projects: [{path: a, fail_on: critical}]", "projects: [{path: a}]", "projects.a.fail_on: high -> critical"},
		{"fail_on: low\nprojects: [{path: a}]", "fail_on: low\nprojects: [{path: a, fail_on: medium}]", "fail_on: low\nprojects: [{path: a}]", "projects.a.fail_on: low -> medium"},
		// A repository that becomes tighter takes those along that say nothing.
		{"projects: [{path: a}]", "fail_on: low\nprojects: [{path: a}]", "fail_on: low\nprojects: [{path: a}]", ""},
		{"projects: [{path: a, fail_on: critical}]", "fail_on: low\nprojects: [{path: a, fail_on: critical}]", "fail_on: low\nprojects: [{path: a, fail_on: critical}]", ""},
		// One that is added is no looser than the repository.
		{"", "projects: [{path: a, fail_on: critical, skip: [deps], unrated_as: low}]", "projects: [{path: a, fail_on: high, skip: [], unrated_as: high}]",
			"projects.a.fail_on: high -> critical|projects.a.unrated_as: high -> low|projects.a.skip: [] -> [deps]"},
		{"", "projects: [{path: a, fail_on: low}]", "projects: [{path: a, fail_on: low}]", ""},
		{"skip: [deps, iac]\nprojects: [{path: a, skip: [iac]}]", "skip: [deps, iac]\nprojects: [{path: a, skip: [deps]}]",
			"skip: [deps, iac]\nprojects: [{path: a, skip: []}]", "projects.a.skip: [iac] -> [deps]"},
	}
}

func TestTightenProjects(t *testing.T) {
	for _, c := range projectCases() {
		base, head := mustParse(t, c.base), mustParse(t, c.head)
		both, want := Tighten(base, head), mustParse(t, c.want)
		if a, b := partTexts(both), partTexts(want); !reflect.DeepEqual(a, b) {
			t.Errorf("base %q, head %q: %v, not %v", c.base, c.head, a, b)
		}
		var got []string
		for _, l := range Loosenings(base, head) {
			got = append(got, l.Key+": "+l.From+" -> "+l.To)
			if l.Origin.Name != "vitalsign.yaml" || l.Removed == (l.Origin.Line > 0) {
				t.Errorf("%+v", l)
			}
		}
		if strings.Join(got, "|") != c.loosened {
			t.Errorf("base %q, head %q: loosened %q", c.base, c.head, got)
		}
	}
}

func partTexts(l Layer) map[string]string {
	m := map[string]string{}
	for name, p := range l.parts {
		m[name] = encode(p.tree)
	}
	return m
}

// Over every pair: what counts is no looser at any path than base was, leaves
// nothing to report, and is a configuration that could be written.
func TestTightenProjectsNeverLoosens(t *testing.T) {
	var texts []string
	for _, c := range projectCases() {
		texts = append(texts, c.base, c.head)
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	for _, b := range texts {
		for _, h := range texts {
			base, head := mustParse(t, b), mustParse(t, h)
			both := Tighten(base, head)
			if l := Loosenings(base, both); len(l) > 0 {
				t.Errorf("base %q, head %q: %+v", b, h, l)
			}
			all := maps.Clone(both.projects())
			maps.Copy(all, base.projects())
			for at := range all {
				for _, k := range projectKeys() {
					for _, user := range []Layer{{}, parseAs(t, User, "fail_on: critical\nskip: [deps, iac]"), parseAs(t, User, "fail_on: low")} {
						before, _ := k.decide([]Layer{user, base.ForProject(at)})
						after, _ := k.decide([]Layer{user, both.ForProject(at)})
						if rel := k.compare(after.value, before.value); rel != same && rel != tighter {
							t.Errorf("%s of %s: base %q, head %q: %s became %s", k.Name, at, b, h, k.format(before.value), k.format(after.value))
						}
					}
				}
			}
			if len(both.projects()) < 2 {
				continue // written above
			}
			one, _ := Resolve(both)
			two, _ := Resolve(mustParse(t, Template("", both)))
			forgetPlaces(&one)
			forgetPlaces(&two)
			if !reflect.DeepEqual(one, two) {
				t.Errorf("base %q, head %q: cannot be written: %+v", b, h, one)
			}
		}
	}
}

func TestProjectOf(t *testing.T) {
	l := mustParse(t, "projects: [{path: a/b, name: n}, {path: c}]")
	for at, want := range map[string]string{"a/b": "n", "a/b/x/y": "n", "a/bc": "", "a": "", "": "", ".": "", "c/x": "c", "d/c": ""} {
		if p, ok := l.ProjectOf(at); p.Name != want || ok != (want != "") {
			t.Errorf("%q: %+v", at, p)
		}
	}
}

func TestTouches(t *testing.T) {
	p := Project{Path: "a/b", Uses: []string{"libs/**", "go.mod", "tools", "*.proto"}}
	for at, want := range map[string]bool{
		"a/b/x": true, "a/b": true, "a/b/": true, "a/bc": false, "a/x": false, "a": true, "a/": true, // a submodule or repository around it
		"libs/x/y": true, "libs": true, "libs/": true, "go.mod": true, "x/go.mod": false, "tools/x/y": true, "x.proto": true, "x/y.proto": false,
	} {
		if p.Touches(at) != want {
			t.Errorf("%s: %v", at, !want)
		}
	}
	for at, want := range map[string]bool{
		"vitalsign.yaml": true, "a/.vitalsign.yaml": true, ".vitalsignignore": true, ".gitattributes": true, ".github/CODEOWNERS": true, "docs/CODEOWNERS": true,
		".vitalsign/waivers/x.json": true, ".vitalsign": true, "a/.vitalsign/x": false, "vitalsign.yaml/x": false, "x/codeowners.go": false,
	} {
		if DecidesAll(at) != want {
			t.Errorf("%s: %v", at, !want)
		}
	}
}
