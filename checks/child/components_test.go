package child

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// seer finds one value wherever it stands.
type seer string

func (s seer) Values(_ context.Context, _, text string) []string {
	if strings.Contains(text, string(s)) {
		return []string{string(s)}
	}
	return nil
}

// list sends components and gives the records that came out.
func list(t *testing.T, limit int, all []checks.Component) (records []checks.Record, s *Sink) {
	t.Helper()
	var out bytes.Buffer
	w := &writer{out: newLineWriter(&out), open: true}
	s = &Sink{ctx: t.Context(), w: w, tree: testTree(t, map[string]string{"go.mod": "x"}), redact: seer("to" + "ken123"), componentLimit: limit}
	if err := s.Components(all); err != nil {
		t.Fatal(err)
	}
	if err := w.out.flush(); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(out.Bytes()) {
		var r checks.Record
		if err := json.Unmarshal(line, &r); err != nil || r.Component == nil {
			t.Fatalf("%s: %v", line, err)
		}
		records = append(records, r)
	}
	return records, s
}

func TestComponentsAreRedactedSortedAndOnce(t *testing.T) {
	secret := "to" + "ken123"
	got, s := list(t, 10, []checks.Component{
		{Ecosystem: "npm", Name: "z", Version: "git+https://" + secret + "@x", PURL: "pkg:npm/z@git%2Bhttps", Locations: []string{"b"}},
		{Ecosystem: "Go", Name: "a", Version: "1", PURL: "pkg:golang/a@1", Locations: []string{"b"}},
		{Ecosystem: "Go", Name: "a", Version: "1", PURL: "pkg:golang/a@1", Locations: []string{"a"}},
	})
	if len(got) != 2 || s.components != 2 || s.truncatedComponents {
		t.Fatalf("%+v", got)
	}
	z, a := got[0].Component, got[1].Component
	if z.Version != "git+https://"+Redacted+"@x" || z.PURL != "" || len(a.Locations) != 2 || a.PURL == "" {
		t.Errorf("%+v %+v", z, a)
	}
}

// Beyond the limit nothing is written, the canary's own excepted.
func TestComponentsAreLimited(t *testing.T) {
	var all []checks.Component
	for i := range 1200 {
		all = append(all, checks.Component{Ecosystem: "Go", Name: fmt.Sprintf("m%05d", i), Locations: []string{"go.mod"}})
	}
	all = append(all, checks.Component{Ecosystem: "Go", Name: "z", Locations: []string{"canary-1/go.mod"}})
	got, s := list(t, 1100, all)
	if len(got) != 1101 || s.components != 1101 || !s.truncatedComponents || got[1100].Component.Name != "z" {
		t.Errorf("%d written, %d counted", len(got), s.components)
	}
}
