package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// triple holds three values of a key from tight to loose. For a key that has
// no direction the order means nothing.
func triples() map[string][3]string {
	return map[string][3]string{
		"fail_on":                {"info", "medium", "critical"},
		"unrated_as":             {"critical", "medium", "info"},
		"skip":                   {"[]", "[deps]", "[deps, iac]"},
		"checks.secrets.history": {"true", "true", "false"},
		"max_data_age":           {"36h", "30d", "off"},
		"limits.check_timeout":   {"1s", "5m", "2h"},
		"limits.check_memory":    {"1MB", "64MB", "1GB"},
		"limits.file_size":       {"1KB", "1MB", "1GB"},
		"limits.findings":        {"1", "10", "100"},
		"paths.generated":        {"[]", "[a/**]", "[a/**, b/**]"},
		"paths.vendored":         {"[]", "[a/**]", "[a/**, b/**]"},
		"paths.test":             {"[]", "[a/**]", "[a/**, b/**]"},
		"inline.max_severity":    {"info", "medium", "critical"},
		"inline.max_days":        {"0", "30", "365"},
		"sandbox":                {"required", "required", "best-effort"},
		"parallel":               {"1", "2", "3"},
		"engine":                 {"local", "dagger", "dagger=unix:///Run/dagger.sock"},
		"cache_size":             {"1MB", "1GB", "2GB"},
		"new_only":               {"false", "false", "true"},
		"evidence":               {"dir-a", "git:refs/vitalsign/e@origin", "oci://registry.example/e"},
		"allow_exec":             {"[]", "[lint]", "[lint, portal]"},
		"allow_unpinned":         {"false", "false", "true"},
	}
}

// say is the layer of one kind that says one value of one key, made in the
// way that kind is made; false where that kind cannot say it.
func say(t *testing.T, kind Kind, k Key, text string) (Layer, bool) {
	t.Helper()
	bare := strings.Trim(text, "[]")
	var l Layer
	var err error
	if kind == Repository && k.Outside {
		return Layer{}, false
	}
	switch kind {
	case Default:
		return Layer{}, true
	case User, Repository:
		parts := strings.Split(k.Name, ".")
		doc := strings.Join(parts, ": {") + ": " + text + strings.Repeat("}", len(parts)-1)
		l, err = Parse(Source{Name: kind.String() + ".yaml", Data: []byte(doc)}, kind)
	case Environment:
		if k.Env == "" || bare == "" {
			return Layer{}, false
		}
		l, err = FromEnviron(func(name string) string { return map[string]string{k.Env: bare}[name] })
	case Flag:
		if k.Flag == "" {
			return Layer{}, false
		}
		l, err = FromFlags(map[string]string{k.Name: bare})
	}
	if err != nil {
		t.Fatalf("%s %s: %v", k.Name, text, err)
	}
	return l, true
}

func entryFor(r Resolution, key string) Entry {
	return r.Entries[slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Key == key })]
}

// Without a repository, and for keys without direction, the weightier kind wins.
func TestPrecedence(t *testing.T) {
	for _, k := range Keys() {
		vs := triples()[k.Name]
		for low := Default; low <= Flag; low++ {
			for high := low + 1; high <= Flag; high++ {
				if k.way != neither && (low == Repository || high == Repository) && low != Default {
					continue // TestRepositoryOnlyTightens
				}
				for _, pair := range [][2]string{{vs[0], vs[2]}, {vs[2], vs[0]}} {
					a, okA := say(t, low, k, pair[0])
					b, okB := say(t, high, k, pair[1])
					if !okA || !okB {
						continue
					}
					for _, layers := range [][]Layer{{a, b}, {b, a}} {
						_, r := Resolve(layers...)
						if e := entryFor(r, k.Name); e.Value != pair[1] || e.Origin.Kind != high || len(r.Notices) > 0 {
							t.Errorf("%s: %s %s under %s %s gives %+v, %v", k.Name, low, pair[0], high, pair[1], e, r.Notices)
						}
					}
				}
			}
		}
	}
}

// For each key with a direction, a repository's value against each of flag,
// environment and user file: tighter holds, looser does not and is told.
func TestRepositoryOnlyTightens(t *testing.T) {
	pairs := 0
	for _, k := range Keys() {
		if k.way == neither {
			continue
		}
		vs := triples()[k.Name]
		for _, kind := range []Kind{User, Environment, Flag} {
			for _, c := range []struct {
				repo, said, want string
				from             Kind
				notices          int
			}{
				{vs[0], vs[2], vs[0], Repository, map[bool]int{true: 0, false: 1}[kind == User]},
				{vs[2], vs[0], vs[0], kind, 1},
				{vs[1], vs[1], vs[1], max(kind, Repository), 0},
			} {
				repo, _ := say(t, Repository, k, c.repo)
				said, ok := say(t, kind, k, c.said)
				if !ok {
					continue
				}
				pairs++
				_, r := Resolve(said, repo)
				e := entryFor(r, k.Name)
				if e.Value != c.want || e.Origin.Kind != c.from || len(r.Notices) != c.notices {
					t.Errorf("%s: repository %s, %s %s gives %+v, %v", k.Name, c.repo, kind, c.said, e, r.Notices)
				}
				for _, n := range r.Notices {
					if n.Loosening != (c.from != Repository) || n.Ignored.Key != k.Name || n.Kept != e {
						t.Errorf("%s: notice %+v", k.Name, n)
					}
				}
			}
		}
	}
	if pairs < 60 {
		t.Errorf("only %d pairs were tried", pairs)
	}
}

func TestTriplesAreComplete(t *testing.T) {
	for _, k := range Keys() {
		vs, ok := triples()[k.Name]
		if !ok {
			t.Errorf("%s has no values above", k.Name)
			continue
		}
		tight, _ := say(t, User, k, vs[0])
		loose, _ := say(t, User, k, vs[2])
		rel := k.compare(tight.values[k.Name].value, loose.values[k.Name].value)
		if k.way != neither && rel != tighter || k.way == neither && rel != apart {
			t.Errorf("%s: %s is not tighter than %s", k.Name, vs[0], vs[2])
		}
	}
}

func TestSeveralVoices(t *testing.T) {
	failOn, _ := KeyNamed("fail_on")
	voices := func(user, repo, env, flag string) []Layer {
		var ls []Layer
		for kind, text := range map[Kind]string{User: user, Repository: repo, Environment: env, Flag: flag} {
			if text != "" {
				l, _ := say(t, kind, failOn, text)
				ls = append(ls, l)
			}
		}
		return ls
	}
	for _, c := range []struct{ user, repo, env, flag, want, from string }{
		{"", "", "", "", "high", "default"},
		{"", "critical", "", "", "critical", "repository.yaml:1"}, // over a default it may loosen
		{"medium", "critical", "", "", "medium", "user.yaml:1"},
		{"medium", "low", "", "", "low", "repository.yaml:1"},
		{"medium", "high", "critical", "", "high", "repository.yaml:1"}, // the environment overruled the user
		{"low", "medium", "high", "critical", "medium", "repository.yaml:1"},
		{"low", "critical", "info", "high", "high", "--fail-on"},
		{"low", "", "info", "", "info", "VITALSIGN_FAIL_ON"},
	} {
		s, r := Resolve(voices(c.user, c.repo, c.env, c.flag)...)
		if s.FailOn.String() != c.want || r.Origin("fail_on").String() != c.from {
			t.Errorf("%+v: %s from %s", c, s.FailOn, r.Origin("fail_on"))
		}
	}
}

// A list that drops one check and adds another is not tighter than what
// somebody asked for: it counts as a whole or not at all.
func TestListsApart(t *testing.T) {
	skip, _ := KeyNamed("skip")
	flag, _ := say(t, Flag, skip, "[deps]")
	repo, _ := say(t, Repository, skip, "[iac]")
	s, r := Resolve(flag, repo)
	if !slices.Equal(s.Skip, []string{"deps"}) || len(r.Notices) != 1 || !r.Notices[0].Loosening {
		t.Errorf("%v %v", s.Skip, r.Notices)
	}
}

func TestNoticeText(t *testing.T) {
	k, _ := KeyNamed("fail_on")
	flag, _ := say(t, Flag, k, "high")
	repo, _ := say(t, Repository, k, "critical")
	_, r := Resolve(flag, repo)
	if got, want := r.Notices[0].String(), "repository.yaml:1: fail_on critical does not count: high from --fail-on holds; a repository can only tighten it"; got != want {
		t.Errorf("%s", got)
	}
	repo, _ = say(t, Repository, k, "low")
	_, r = Resolve(flag, repo)
	if got, want := r.Notices[0].String(), "--fail-on: fail_on high does not count: low from repository.yaml:1 is tighter and holds"; got != want {
		t.Errorf("%s", got)
	}
}

func TestEntriesAreSortedAndComplete(t *testing.T) {
	_, r := Resolve()
	if len(r.Entries) != len(Keys()) || !slices.IsSortedFunc(r.Entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) }) {
		t.Errorf("%v", r.Entries)
	}
	for _, k := range Keys() {
		if e := entryFor(r, k.Name); e.Value != k.Default || e.Origin != (Origin{}) {
			t.Errorf("%+v, not %s", e, k.Default)
		}
	}
}

func TestResolveSharesNothing(t *testing.T) {
	l := mustParse(t, "skip: [deps]\npaths: {test: [a]}")
	one, _ := Resolve(l)
	one.Skip[0], one.Paths["test"][0] = "changed", "changed"
	two, _ := Resolve(l)
	if two.Skip[0] != "deps" || two.Paths["test"][0] != "a" {
		t.Errorf("a change of settings reached the layer: %+v", two)
	}
}

func TestFromEnviron(t *testing.T) {
	env := map[string]string{"VITALSIGN_FAIL_ON": "CRITICAL", "VITALSIGN_SKIP": " deps, iac ,,deps", "VITALSIGN_HISTORY": "1",
		"VITALSIGN_MAX_DATA_AGE": "Off", "VITALSIGN_PARALLEL": ""}
	l, err := FromEnviron(func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	s, r := Resolve(l)
	if s.FailOn.String() != "critical" || !slices.Equal(s.Skip, []string{"deps", "iac"}) || !s.History || s.MaxDataAge != 0 || s.Parallel != 0 {
		t.Errorf("%+v", s)
	}
	if o := r.Origin("skip"); o.String() != "VITALSIGN_SKIP" || r.Origin("parallel").Kind != Default {
		t.Errorf("%v", o)
	}
	for name, text := range map[string]string{"VITALSIGN_FAIL_ON": "x", "VITALSIGN_HISTORY": "maybe", "VITALSIGN_PARALLEL": "07", "VITALSIGN_SKIP": "a b"} {
		if l, err := FromEnviron(func(k string) string { return map[string]string{name: text}[k] }); err == nil || !l.Empty() || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s=%s: %v", name, text, err)
		}
	}
}

func TestFromFlags(t *testing.T) {
	l, err := FromFlags(map[string]string{"skip": "", "limits.check_memory": "200MB", "checks.secrets.history": "false"})
	if err != nil {
		t.Fatal(err)
	}
	if text, o, ok := l.Lookup("skip"); text != "[]" || o.String() != "--skip" || !ok {
		t.Errorf("%q %v %v", text, o, ok)
	}
	if s, _ := Resolve(l); s.Limits.MemoryBytes != 200<<20 {
		t.Errorf("%+v", s)
	}
	for key, text := range map[string]string{"fail_on": "none", "unrated_as": "high", "nothing": "1", "limits.check_memory": "200"} {
		if _, err := FromFlags(map[string]string{key: text}); err == nil {
			t.Errorf("%s=%s is accepted", key, text)
		}
	}
}

func TestEnvironmentAndFlagNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		for _, name := range []string{k.Name, k.Env, k.Flag} {
			if name != "" && name != k.Name && seen[name] || seen["key "+name] && name == k.Name {
				t.Errorf("%s is used twice", name)
			}
			seen[name] = true
		}
		seen["key "+k.Name] = true
		if k.Env != "" && !strings.HasPrefix(k.Env, "VITALSIGN_") {
			t.Errorf("%s", k.Env)
		}
	}
}

func TestOriginText(t *testing.T) {
	for o, want := range map[Origin]string{
		{}:                                          "default",
		{Kind: Flag, Name: "--skip"}:                "--skip",
		{Kind: Repository, Name: "a.yaml"}:          "a.yaml",
		{Kind: User, Name: "a", Line: 3}:            "a:3",
		{Kind: Environment, Name: "VITALSIGN_X"}:    "VITALSIGN_X",
		{Kind: User, Name: "a", Line: 3, Column: 9}: "a:3",
	} {
		if o.String() != want {
			t.Errorf("%q, not %q", o, want)
		}
	}
	if fmt.Sprint(Kind(-1), Kind(99), Repository) != "default default repository" {
		t.Error("kinds")
	}
}

func TestRoles(t *testing.T) {
	s, _ := Resolve(mustParse(t, "paths:\n  generated: ['gen/**', '**/*.pb.go']\n  vendored: [third/**]\n  test: ['**/testkit/**']\n"))
	for path, want := range map[string]string{
		"gen/a.go": "generated", "x/y.pb.go": "generated", "third/y.pb.go": "vendored", "a/testkit/b": "test", "a/b.go": "", "": "",
	} {
		if got := s.Roles(path); got != want {
			t.Errorf("%s: %q, not %q", path, got, want)
		}
	}
}

// Of two layers of one kind the earlier counts: it is the nearer file.
func TestEarlierLayerOfAKind(t *testing.T) {
	for _, k := range Keys() {
		vs := triples()[k.Name]
		kind := Repository
		if k.Outside {
			kind = User
		}
		near, _ := say(t, kind, k, vs[2])
		far, _ := say(t, kind, k, vs[0])
		for name, layers := range map[string][]Layer{"resolve": {near, far}, "merge": {Merge(near, far)}} {
			if _, r := Resolve(layers...); entryFor(r, k.Name).Value != vs[2] {
				t.Errorf("%s, %s: %+v", k.Name, name, entryFor(r, k.Name))
			}
		}
	}
}
