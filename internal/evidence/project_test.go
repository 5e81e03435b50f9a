package evidence

import (
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// What is left when projects are taken out is no bill of all.
func TestProject(t *testing.T) {
	for want, target := range map[string]checks.Target{
		"": {}, "api": {Project: "api"}, Rest: {Except: []string{"services/api"}},
	} {
		if got := Project(target); got != want {
			t.Errorf("%+v: %q", target, got)
		}
	}
}
