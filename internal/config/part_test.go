package config

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func parseAs(t *testing.T, kind Kind, text string) Layer {
	t.Helper()
	l, err := Parse(Source{Name: kind.String() + ".yaml", Data: []byte(text)}, kind)
	if err != nil {
		t.Fatalf("%s\n---\n%s", err, text)
	}
	return l
}

func refusals(s Settings) (list []string) {
	for _, r := range s.Refused() {
		list = append(list, r.String())
	}
	return list
}

const ownTool = `{command: lint, args: ["{report}"]}`

// trustCases hold what a repository may do on its own, and what it may not.
func trustCases() []struct{ text, want string } {
	const preset, files = "a repository may only name presets. ", "a repository may only name its own files. "
	const build, image = "a repository may not have anything built. ", "a repository may not say where images come from. "
	const allow, pin = "Allow it with --allow-exec x", "it may be another one tomorrow, so add @sha256: and the digest. Allow it with --allow-unpinned"
	return []struct{ text, want string }{
		{"external: {x: {}}", ""},
		{"external: {x: {preset: semgrep, timeout: 5m, network: false, files: ['**']}}", ""},
		{"external: {x: " + ownTool + "}", "external x names a command; " + preset + allow},
		{"external: {x: {image: dir:y}}", "external x names an image; " + preset + allow},
		{"external: {x: {args: []}}", "external x sets arguments; " + preset + allow},
		{"external: {x: {env: {}}}", "external x sets the environment; " + preset + allow},
		{"external: {x: {network: true}}", "external x asks for the network; " + preset + allow},
		{"external: {x: {output: stdout}}", "external x sets the output; " + preset + allow},
		{"external: {x: {findings_exit: []}}", "external x sets exit codes; " + preset + allow},
		{"external: {x: {image: a/b}}", "external x names an image; " + preset + allow + "|external x names the image a/b without a digest; " + pin},
		{"images: {x: file:y}", "images x names an image; " + image + allow},
		{"images: {x: a}", "images x names an image; " + image + allow + "|images x names the image a without a digest; " + pin},
		{"artifacts: [{name: x, files: [y]}]", ""},
		{"artifacts: [{name: x, image: file:a/b.tar}]", ""},
		{"artifacts: [{name: x, image: dir:rootfs}]", ""},
		{"artifacts: [{name: x, image: file:/y}]", "artifacts x names a place outside of the repository; " + files + allow},
		{"artifacts: [{name: x, image: dir:a/../../y}]", "artifacts x names a place outside of the repository; " + files + allow},
		{`artifacts: [{name: x, image: 'file:c:\y'}]`, "artifacts x names a place outside of the repository; " + files + allow},
		{`artifacts: [{name: x, image: 'file:..\y'}]`, "artifacts x names a place outside of the repository; " + files + allow},
		{"artifacts: [{name: x, image: a@sha256:" + digits + "}]", "artifacts x names an image that is fetched; " + files + allow},
		{"artifacts: [{name: x, dockerfile: y}]", "artifacts x is built from a Dockerfile; " + build + allow},
		{"artifacts: [{name: x, container: {image: dir:y, commands: [[z]], output: [o]}}]", "artifacts x runs commands in a container; " + build + allow},
		{"artifacts: [{name: x, container: {image: y, commands: [[z]], output: [o]}}]",
			"artifacts x runs commands in a container; " + build + allow + "|artifacts x names the image y without a digest; " + pin},
	}
}

func TestRefused(t *testing.T) {
	for _, c := range trustCases() {
		var want, unpinned []string
		for _, r := range strings.Split(c.want, "|") {
			if r != "" {
				want = append(want, "repository.yaml:1: "+r)
			}
			if strings.Contains(r, "--allow-unpinned") {
				unpinned = append(unpinned, r)
			}
		}
		repo := parseAs(t, Repository, c.text)
		s, _ := Resolve(repo)
		if got := refusals(s); !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", c.text, got, want)
		}
		s, _ = Resolve(repo, parseAs(t, User, "allow_exec: [y]\nallow_unpinned: false"))
		if got := refusals(s); !slices.Equal(got, want) {
			t.Errorf("%s: leave for another counts: %q", c.text, got)
		}
		s, _ = Resolve(repo, parseAs(t, User, "allow_exec: [y, x]"))
		if got := refusals(s); len(got) != len(unpinned) {
			t.Errorf("%s: with leave %q", c.text, got)
		}
		s, _ = Resolve(repo, parseAs(t, User, "allow_exec: [x]\nallow_unpinned: true"))
		if got := refusals(s); got != nil {
			t.Errorf("%s: with both leaves %q", c.text, got)
		}
		// A user needs no leave for what he says himself, but for a digest.
		s, _ = Resolve(parseAs(t, User, c.text))
		if got := refusals(s); len(got) != len(unpinned) {
			t.Errorf("%s: of a user %q", c.text, got)
		}
		// Entries without an origin are nobody's word.
		s, _ = Resolve(repo)
		forgetPlaces(&s)
		if got := s.Refused(); len(got) != len(want) {
			t.Errorf("%s: without origin %v", c.text, got)
		}
	}
}

func TestLeaveByEnvironmentAndFlag(t *testing.T) {
	repo := parseAs(t, Repository, "external: {x: "+ownTool+"}\nimages: {z: a}")
	env, err := FromEnviron(func(name string) string {
		return map[string]string{"VITALSIGN_ALLOW_EXEC": "x, z", "VITALSIGN_ALLOW_UNPINNED": "1"}[name]
	})
	flag, err2 := FromFlags(map[string]string{"allow_exec": "x,z", "allow_unpinned": "true"})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for _, l := range []Layer{env, flag} {
		if s, _ := Resolve(l, repo); s.Refused() != nil {
			t.Errorf("%v", s.Refused())
		}
	}
	if r := func() Refusal { s, _ := Resolve(repo); return s.Refused()[0] }(); r.Key != "external.x" || r.Name != "x" || r.Origin.Line != 1 {
		t.Errorf("%+v", r)
	}
}

// The user's file holds over the repository's for a name, whole.
func TestPartsPrecedence(t *testing.T) {
	user := parseAs(t, User, "external: {a: {timeout: 1m}, b: "+ownTool+"}\nimages: {p: dir:u}")
	repo := parseAs(t, Repository, "external: {a: {timeout: 60s}, b: {}, c: {}}\nimages: {p: file:r}\nartifacts: [{name: z, files: [x]}]")
	for _, layers := range [][]Layer{{user, repo}, {repo, user}} {
		s, r := Resolve(layers...)
		var got []string
		for _, e := range s.External {
			got = append(got, e.Name+e.Command+" "+e.Origin.String())
		}
		if want := []string{"a user.yaml:1", "blint user.yaml:1", "c repository.yaml:1"}; !slices.Equal(got, want) || s.Images["p"] != "dir:u" || s.Refused() != nil {
			t.Errorf("%q %v", got, s.Images)
		}
		if got, want := r.Notices[0].String(), "repository.yaml:1: external.b {} does not count: {args: (1), command: lint} from user.yaml:1 holds; a repository cannot change it"; len(r.Notices) != 2 || got != want {
			t.Errorf("%v", r.Notices)
		}
		if e := entryFor(r, "artifacts.z"); e.Value != "{files: [x]}" || e.Origin.String() != "repository.yaml:3" || !slices.IsSortedFunc(r.Entries, compareEntries) {
			t.Errorf("%+v", e)
		}
	}
}

// A repository's timeout is no larger than that of every check.
func TestTimeoutIsBounded(t *testing.T) {
	limit := parseAs(t, User, "limits: {check_timeout: 2m}")
	s, r := Resolve(parseAs(t, Repository, "external: {a: {timeout: 1h}, b: {timeout: 1m}}"), limit)
	if s.External[0].Timeout != 2*time.Minute || s.External[1].Timeout != time.Minute || entryFor(r, "external.a").Value != "{timeout: 2m}" {
		t.Errorf("%+v", s.External)
	}
	if got, want := r.Notices[0].String(), "repository.yaml:1: external.a.timeout 1h does not count: limits.check_timeout 2m from user.yaml:1 holds; a repository can only tighten it"; len(r.Notices) != 1 || got != want {
		t.Errorf("%v", r.Notices)
	}
	if s, r := Resolve(parseAs(t, User, "external: {a: {timeout: 1h}}"), limit); s.External[0].Timeout != time.Hour || r.Notices != nil {
		t.Errorf("%+v", s.External)
	}
}

// tightenCases are pairs of base and head with what counts, and the loosenings
// as "key: from -> to".
func tightenCases() []struct{ base, head, want, loosened string } {
	const tool, other = "external: {a: " + ownTool + "}", `external: {a: {command: lint, args: ["{report}", -q]}}`
	return []struct{ base, head, want, loosened string }{
		{"", "external: {a: {}}", "external: {a: {}}", ""},
		{"external: {b: {}}", "external: {b: {}, a: {timeout: 1m}}", "external: {b: {}, a: {timeout: 1m}}", ""},
		{"external: {a: {}}", "", "external: {a: {}}", "external.a: {} -> nothing"},
		{"external: {a: {}}", "external: {a: {preset: a}}", "external: {a: {}}", ""},
		{"external: {a: {timeout: 60s}}", "external: {a: {timeout: 1m}}", "external: {a: {timeout: 1m}}", ""},
		{"external: {a: {}}", "external: {a: {files: [x]}}", "external: {a: {}}", "external.a: {} -> {files: [x]} (another files)"},
		{"external: {a: {network: true}}", "external: {a: {}}", "external: {a: {network: true}}", "external.a: {network: true} -> {} (another network)"},
		{"", tool, "", "external.a: nothing -> {args: (1), command: lint}"},
		{tool, tool, tool, ""},
		{tool, other, tool, "external.a: {args: (1), command: lint} -> {args: (2), command: lint} (another args)"},
		{tool, "external: {a: {}}", tool, "external.a: {args: (1), command: lint} -> {} (another args, command)"},
		{"images: {a: file:x}", "images: {a: file:y}", "images: {a: file:x}", "images.a: file:x -> file:y"},
		{"images: {a: file:x}", "", "images: {a: file:x}", "images.a: file:x -> nothing"},
		{"", "images: {a: file:x}", "", "images.a: nothing -> file:x"},
		{"artifacts: [{name: a, files: [x, y]}]", "artifacts: [{name: a, files: [y, x]}]", "artifacts: [{name: a, files: [x, y]}]", ""},
		{"artifacts: [{name: a, files: [x]}]", "artifacts: [{name: a, files: [y]}]", "artifacts: [{name: a, files: [x]}]",
			"artifacts.a: {files: [x]} -> {files: [y]} (another files)"},
		{"", "artifacts: [{name: a, files: [x]}]", "", "artifacts.a: nothing -> {files: [x]}"},
	}
}

func TestTightenParts(t *testing.T) {
	for _, c := range tightenCases() {
		base, head := mustParse(t, c.base), mustParse(t, c.head)
		both := Tighten(base, head)
		one, _ := Resolve(both)
		two, _ := Resolve(mustParse(t, c.want))
		forgetPlaces(&one)
		forgetPlaces(&two)
		if !reflect.DeepEqual(one, two) {
			t.Errorf("base %q, head %q: %+v", c.base, c.head, one)
		}
		var got []string
		for _, l := range Loosenings(base, head) {
			got = append(got, l.Key+": "+l.From+" -> "+l.To)
			if l.Removed != (l.To == "nothing") || l.Removed == (l.Origin.Line > 0) || l.Origin.Name != "vitalsign.yaml" {
				t.Errorf("%+v", l)
			}
		}
		if strings.Join(got, "|") != c.loosened {
			t.Errorf("base %q, head %q: loosened %q", c.base, c.head, got)
		}
		if again := Loosenings(base, both); len(again) > 0 {
			t.Errorf("base %q, head %q: what counts loosens: %+v", c.base, c.head, again)
		}
		// What the head adds to what counts is a preset, and needs no leave.
		before, _ := Resolve(base)
		if after, _ := Resolve(both); len(after.Refused()) != len(before.Refused()) {
			t.Errorf("base %q, head %q: %v", c.base, c.head, after.Refused())
		}
	}
}

// What may hold a credential is not shown, and nothing is shown at length.
func TestBrief(t *testing.T) {
	l := mustParse(t, `external: {a: {command: x, args: ["{report}", --token=s3cret], env: {TOKEN: s3cret}}}
artifacts: [{name: b, container: {image: dir:i, commands: [[login, s3cret]], output: [o], env: {T: s3cret}}}]
images: {c: file:`+strings.Repeat("x", 900)+`}`)
	for key, want := range map[string]string{
		"external.a":  "{args: (2), command: x, env: {TOKEN}}",
		"artifacts.b": "{container: {commands: (1), env: {T}, image: dir:i, output: [o]}}",
		"images.c":    "file:" + strings.Repeat("x", maxBrief-5) + "...",
	} {
		if got, _, ok := l.Lookup(key); got != want || !ok {
			t.Errorf("%s: %s", key, got)
		}
	}
}

func TestTemplateWithParts(t *testing.T) {
	for _, doc := range append(goodParts(), everything) {
		want := mustParse(t, doc)
		text := Template("", want)
		one, _ := Resolve(want)
		two, _ := Resolve(mustParse(t, text))
		three, _ := Resolve(mustParse(t, uncommented(text)))
		for _, s := range []*Settings{&one, &two, &three} {
			forgetPlaces(s)
		}
		if !reflect.DeepEqual(one, two) || !reflect.DeepEqual(one.External, three.External) || !reflect.DeepEqual(one.Artifacts, three.Artifacts) {
			t.Errorf("%+v\n%s", two, text)
		}
	}
}

func TestPartsShareNothing(t *testing.T) {
	l := mustParse(t, everything)
	one, _ := Resolve(l)
	for _, s := range []*string{&one.External[1].Args[0], &one.Artifacts[1].Container.Commands[0][0], &one.Artifacts[0].Files[0]} {
		*s = "changed"
	}
	one.Artifacts[1].Container.Env["X"], one.Images["x"] = "changed", "changed"
	two, _ := Resolve(l)
	want := Defaults()
	everyPart(&want)
	if !reflect.DeepEqual(two.External, want.External) || !reflect.DeepEqual(two.Artifacts, want.Artifacts) || !reflect.DeepEqual(two.Images, want.Images) {
		t.Errorf("a change of settings reached the layer: %+v", two)
	}
}
