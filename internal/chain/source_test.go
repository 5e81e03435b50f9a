package chain

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/attest"
)

const sha1Hex = "0123456789abcdef0123456789abcdef01234567"

// Provenance as others write it, by its own fields.
func provenances() map[string]string {
	return map[string]string{
		"github": `{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1","resolvedDependencies":[
			{"uri":"git+https://github.com/o/r@refs/heads/main","digest":{"gitCommit":"` + sha1Hex + `"}}]}}`,
		"gitlab": `{"buildDefinition":{"resolvedDependencies":[
			{"uri":"https://gitlab.com/o/r","digest":{"sha256":"` + sha1Hex + `"}}]}}`,
		"slsa v0.2": `{"invocation":{"configSource":{"uri":"git+https://github.com/o/r@refs/tags/v1","digest":{"sha1":"` + sha1Hex + `"}}},
			"materials":[{"uri":"git+https://github.com/o/r@refs/tags/v1","digest":{"sha1":"` + sha1Hex + `"}},
			{"uri":"pkg:docker/golang","digest":{"sha256":"` + strings.Repeat("a", 64) + `"}}]}`,
		"ours": `{"buildDefinition":{"resolvedDependencies":[
			{"name":"source","uri":"git+https://git.example/o/r","digest":{"gitCommit":"` + sha1Hex + `","gitTree":"` + strings.Repeat("b", 40) + `"}},
			{"name":"Dockerfile","digest":{"sha256":"` + strings.Repeat("a", 64) + `"}}]}}`,
	}
}

func TestSourceOfOthers(t *testing.T) {
	for name, p := range provenances() {
		s, err := readSource([]byte(p))
		if err != nil || s.commit != sha1Hex || s.repository == "" || strings.Contains(s.repository, "@") {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	for name, p := range map[string]string{
		"none":           `{}`,
		"an image":       `{"buildDefinition":{"resolvedDependencies":[{"uri":"docker://x","digest":{"sha256":"` + strings.Repeat("a", 64) + `"}}]}}`,
		"a short commit": `{"buildDefinition":{"resolvedDependencies":[{"uri":"git+https://x/y","digest":{"gitCommit":"0123456"}}]}}`,
		"two":            `{"materials":[{"uri":"git+https://x/y","digest":{"sha1":"` + sha1Hex + `"}},{"uri":"git+https://x/z","digest":{"sha1":"` + strings.Repeat("c", 40) + `"}}]}`,
		"no object":      `[]`,
	} {
		if s, err := readSource([]byte(p)); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func FuzzSource(f *testing.F) {
	for _, p := range provenances() {
		f.Add([]byte(p))
	}
	// A source is one whole object id that stands in the provenance, or none.
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSource(b)
		if err != nil {
			return
		}
		if !objectID.MatchString(s.commit) || !strings.Contains(string(b), s.commit) && json.Valid(b) && !strings.Contains(string(b), `\u`) {
			t.Fatalf("%+v out of %s", s, b)
		}
		if s.about(attest.Verified{}) {
			t.Fatal("about nothing")
		}
	})
}
