package pipelines

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// told feeds an honest output with other components, and a done that counts
// them right; change may spoil it.
func told(t *testing.T, components []checks.Component, change func(*checks.Description, *checks.Limits, *checks.Done)) (checks.Step, []checks.Component) {
	t.Helper()
	plan, step := testPlan()
	done := checks.Done{Findings: 2, Components: len(components), Read: 2, Skipped: 1}
	if change != nil {
		change(&step.Check, &step.Limits, &done)
	}
	c, err := newCollector(plan, step, func(checks.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	write := func(r checks.Record) {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(append(out, b...), '\n')
	}
	for line := range strings.Lines(string(honest(c.canaryDir))) {
		var r checks.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Component == nil && r.Done == nil {
			write(r)
		}
	}
	for _, p := range components {
		p.Locations = slices.Clone(p.Locations)
		for i, l := range p.Locations {
			p.Locations[i] = strings.Replace(l, "CANARY", c.canaryDir, 1)
		}
		write(checks.Record{Type: checks.RecordComponent, Component: &p})
	}
	sum := sha256.Sum256(out)
	done.Digest = hex.EncodeToString(sum[:])
	write(checks.Record{Type: checks.RecordDone, Done: &done})
	_, werr := c.Write(out)
	got, _ := c.conclude(checks.Step{}, werr, true)
	return got, c.components
}

func at(name string, locations ...string) checks.Component {
	return checks.Component{Ecosystem: "Go", Name: name, Locations: locations}
}

// The canary's packages prove that there is a list, and are not on it.
func TestComponentsOfTheHonest(t *testing.T) {
	step, got := told(t, []checks.Component{at("a", "a.go", "CANARY/c"), at("b", "CANARY/c"), at("c", "b.go")}, nil)
	if step.Status != checks.OK || len(got) != 2 || !slices.Equal(got[0].Locations, []string{"a.go"}) || got[1].Name != "c" {
		t.Errorf("%+v %+v", step, got)
	}
}

func TestComponentsAreDoubted(t *testing.T) {
	canary := at("z", "CANARY/c")
	for name, c := range map[string]struct {
		components []checks.Component
		change     func(*checks.Description, *checks.Limits, *checks.Done)
		reason     string
	}{
		"another file":  {[]checks.Component{at("a", "/etc/passwd"), canary}, nil, "not in the target"},
		"nowhere":       {[]checks.Component{at("a"), canary}, nil, "without name, file or measure"},
		"no name":       {[]checks.Component{at("", "a.go"), canary}, nil, "without name, file or measure"},
		"out of order":  {[]checks.Component{at("b", "a.go"), at("a", "a.go"), canary}, nil, "out of order"},
		"twice":         {[]checks.Component{at("a", "a.go"), at("a", "b.go"), canary}, nil, "out of order"},
		"no canary":     {[]checks.Component{at("a", "a.go")}, nil, "listed no package"},
		"none at all":   {nil, nil, "listed no package"},
		"not described": {[]checks.Component{canary}, func(d *checks.Description, _ *checks.Limits, _ *checks.Done) { d.Components = false }, "not described"},
		"too many":      {[]checks.Component{at("a", "a.go"), at("b", "a.go"), canary}, func(_ *checks.Description, l *checks.Limits, _ *checks.Done) { l.Components = 1 }, "more than 1 packages"},
		"miscounted":    {[]checks.Component{at("a", "a.go"), canary}, func(_ *checks.Description, _ *checks.Limits, d *checks.Done) { d.Components-- }, "does not hold what its last record counts"},
	} {
		if got, _ := told(t, c.components, c.change); got.Status != checks.Failed || !strings.Contains(got.Reason, c.reason) {
			t.Errorf("%s: %s %s", name, got.Status, got.Reason)
		}
	}
	cut := func(_ *checks.Description, l *checks.Limits, d *checks.Done) {
		l.Components, d.TruncatedComponents = 1, true
	}
	if got, list := told(t, []checks.Component{at("a", "a.go"), canary}, cut); got.Status != checks.Partial || len(list) != 1 || got.Reason != fmt.Sprintf("more than %d packages; the rest was dropped", 1) {
		t.Errorf("cut: %+v", got)
	}
}
