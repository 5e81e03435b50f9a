package checks

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestMergeComponents(t *testing.T) {
	in := []Component{
		{Ecosystem: "npm", Name: "b", Version: "1", Locations: []string{"z"}},
		{Ecosystem: "PyPI", Name: "Patient.Forms", Version: "1", PURL: "pkg:pypi/patient-forms@1", Locations: []string{"b"}, Dev: true},
		{Ecosystem: "PyPI", Name: "patient-forms", Version: "1", PURL: "pkg:pypi/patient-forms@1", Locations: []string{"a", "b"}},
		{Ecosystem: "npm", Name: "b", Version: "2", Locations: []string{"y"}, Dev: true},
		{Ecosystem: "npm", Name: "b", Version: "1", Locations: []string{"z", "x"}},
	}
	before := slices.Clone(in[0].Locations)
	got := MergeComponents(in)
	want := []Component{
		{Ecosystem: "npm", Name: "b", Version: "1", Locations: []string{"x", "z"}},
		{Ecosystem: "npm", Name: "b", Version: "2", Locations: []string{"y"}, Dev: true},
		{Ecosystem: "PyPI", Name: "Patient.Forms", Version: "1", PURL: "pkg:pypi/patient-forms@1", Locations: []string{"a", "b"}},
	}
	if !reflect.DeepEqual(got, want) || !slices.Equal(in[0].Locations, before) {
		t.Errorf("%+v", got)
	}
	if !reflect.DeepEqual(MergeComponents(got), want) {
		t.Error("merging again changes something")
	}
	slices.Reverse(in)
	if !reflect.DeepEqual(MergeComponents(in), want) {
		t.Error("the order shows")
	}
	var many []Component
	for i := range MaxComponentLocations + 5 {
		many = append(many, Component{Ecosystem: "Go", Name: "a", Locations: []string{strings.Repeat("x", i+1)}})
	}
	if got := MergeComponents(many); len(got) != 1 || !got[0].Sound() {
		t.Errorf("%d components with %d locations", len(got), len(got[0].Locations))
	}
	if got := MergeComponents(nil); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestSound(t *testing.T) {
	good := Component{Ecosystem: "Go", Name: "a", PURL: "pkg:golang/a", Locations: []string{"go.mod"}}
	if !good.Sound() {
		t.Error("a good one is refused")
	}
	for name, change := range map[string]func(*Component){
		"no name": func(c *Component) { c.Name = "" }, "no ecosystem": func(c *Component) { c.Ecosystem = "" }, "nowhere": func(c *Component) { c.Locations = nil },
		"long name": func(c *Component) { c.Name = strings.Repeat("a", 1025) }, "long version": func(c *Component) { c.Version = strings.Repeat("1", 257) },
		"long purl": func(c *Component) { c.PURL = "pkg:" + strings.Repeat("a", 4096) }, "no purl": func(c *Component) { c.PURL = "https://x" },
		"purl with a break": func(c *Component) { c.PURL = "pkg:a\nb" }, "not UTF-8": func(c *Component) { c.Name = "\xff" },
		"everywhere": func(c *Component) { c.Locations = make([]string, MaxComponentLocations+1) },
	} {
		c := good
		if change(&c); c.Sound() {
			t.Errorf("%s is sound", name)
		}
	}
	if (Component{}).Sound() {
		t.Error("the zero value is sound")
	}
}
