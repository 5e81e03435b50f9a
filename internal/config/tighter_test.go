package config

import (
	"reflect"
	"testing"
)

func TestLoosenings(t *testing.T) {
	for _, k := range Keys() {
		if k.Outside {
			continue
		}
		vs := triples()[k.Name]
		tight, _ := say(t, Repository, k, vs[0])
		loose, _ := say(t, Repository, k, vs[2])
		got := Loosenings(tight, loose)
		if k.way == neither {
			if len(got) != 0 {
				t.Errorf("%s has no direction: %v", k.Name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Key != k.Name || got[0].From != vs[0] || got[0].To != vs[2] || got[0].Origin.Line != 1 || got[0].Removed {
			t.Errorf("%s: %+v", k.Name, got)
		}
		if back := Loosenings(loose, tight); len(back) != 0 {
			t.Errorf("%s: tightening is reported: %+v", k.Name, back)
		}
		if none := Loosenings(tight, tight); len(none) != 0 {
			t.Errorf("%s: no change is reported: %+v", k.Name, none)
		}
	}
}

func TestLooseningByRemoval(t *testing.T) {
	base := mustParse(t, "fail_on: low\nmax_data_age: off\n")
	got := Loosenings(base, Layer{})
	if len(got) != 1 || got[0].Key != "fail_on" || got[0].To != "high" || !got[0].Removed || got[0].Origin.String() != "vitalsign.yaml" {
		t.Errorf("%+v", got)
	}
	// A new file is held against the defaults.
	got = Loosenings(Layer{}, mustParse(t, "limits: {findings: 1}\nskip: [secrets]\nfail_on: low"))
	if len(got) != 1 || got[0].Key != "skip" || got[0].Origin.Line != 2 {
		t.Errorf("%+v", got)
	}
	got = Loosenings(mustParse(t, "skip: [deps]"), mustParse(t, "skip: [iac]"))
	if len(got) != 1 || got[0].From != "[deps]" || got[0].To != "[iac]" {
		t.Errorf("%+v", got)
	}
}

func TestTighten(t *testing.T) {
	for _, c := range []struct{ base, head, want string }{
		{"fail_on: high", "fail_on: low", "fail_on: low"},
		{"fail_on: high", "fail_on: critical", "fail_on: high"},
		{"fail_on: low", "", "fail_on: low"},
		{"fail_on: critical", "", "fail_on: high"},
		{"", "fail_on: critical", ""},
		{"", "fail_on: low", "fail_on: low"},
		{"", "fail_on: high", "fail_on: high"},
		{"skip: [deps, iac]", "skip: [iac, secrets]", "skip: [iac]"},
		{"skip: [deps]", "", "skip: []"},
		{"", "skip: [deps]", ""},
		{"max_data_age: off", "max_data_age: 30d", "max_data_age: 30d"},
		{"max_data_age: 30d", "max_data_age: off", "max_data_age: 30d"},
		{"parallel: 2", "parallel: 3", "parallel: 2"},
		{"", "parallel: 3", ""},
		{"parallel: 2", "", "parallel: 2"},
		{"paths: {test: [a]}", "paths: {test: [b], generated: [c]}", "paths: {test: [a]}"},
		{"sandbox: required", "sandbox: best-effort", "sandbox: required"},
		{"checks: {secrets: {history: true}}", "checks: {secrets: {history: false}}", "checks: {secrets: {history: true}}"},
	} {
		got := Tighten(mustParse(t, c.base), mustParse(t, c.head))
		want := mustParse(t, c.want)
		if a, b := texts(got), texts(want); !reflect.DeepEqual(a, b) {
			t.Errorf("base %q, head %q: %v, not %v", c.base, c.head, a, b)
		}
	}
}

func texts(l Layer) map[string]string {
	m := map[string]string{}
	for key := range l.values {
		m[key], _, _ = l.Lookup(key)
	}
	return m
}

// What Tighten gives never loosens base, and leaves nothing of head that does,
// whatever the user's file says below it.
func TestTightenNeverLoosens(t *testing.T) {
	for _, k := range Keys() {
		if k.Outside {
			continue
		}
		options := []string{""}
		for _, v := range triples()[k.Name] {
			options = append(options, v)
		}
		layer := func(kind Kind, text string) Layer {
			if text == "" {
				return Layer{}
			}
			l, _ := say(t, kind, k, text)
			return l
		}
		for _, b := range options {
			for _, h := range options {
				base, head := layer(Repository, b), layer(Repository, h)
				both := Tighten(base, head)
				if l := Loosenings(base, both); len(l) > 0 {
					t.Errorf("%s: base %q, head %q: %+v", k.Name, b, h, l)
				}
				for _, u := range options {
					user := layer(User, u)
					before, _ := k.decide([]Layer{user, base})
					after, _ := k.decide([]Layer{user, both})
					if rel := k.compare(after.value, before.value); rel != same && rel != tighter {
						t.Errorf("%s: user %q, base %q, head %q: %s became %s", k.Name, u, b, h, k.format(before.value), k.format(after.value))
					}
				}
			}
		}
	}
}
