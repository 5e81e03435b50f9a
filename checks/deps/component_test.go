package deps

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// listed gives the target's own components in one line each.
func listed(a answer) (out []string) {
	for _, c := range a.components {
		if !strings.HasPrefix(c.Locations[0], "canary-x/") {
			out = append(out, fmt.Sprintf("%s %s %s %s dev=%v %v", c.Ecosystem, c.Name, c.Version, c.PURL, c.Dev, c.Locations))
		}
	}
	return out
}

// Every package that is read is listed: vulnerable or not, matched or not,
// with or without advisories.
func TestEveryPackageIsListed(t *testing.T) {
	files := map[string]string{
		"go.mod": goMod, "tools/go.mod": goMod, "package-lock.json": npmLock, "py/requirements.txt": "flask\npatient-forms>=1.0\nx==1\n",
		"ios/Podfile.lock": "PODS:\n  - A (1.0.0)\n\nDEPENDENCIES:\n  - A\n",
	}
	want := []string{
		"cocoapods A 1.0.0 pkg:cocoapods/A@1.0.0 dev=false [ios/Podfile.lock]",
		"Go github.com/acme/hl7 1.2.0 pkg:golang/github.com/acme/hl7@1.2.0 dev=false [go.mod tools/go.mod]",
		"Go github.com/acme/safe 1.0.0 pkg:golang/github.com/acme/safe@1.0.0 dev=false [go.mod tools/go.mod]",
		"Go stdlib 1.26.0 pkg:golang/stdlib@1.26.0 dev=false [go.mod tools/go.mod]",
		"npm evil-chart 0.0.1 pkg:npm/evil-chart@0.0.1 dev=true [package-lock.json]",
		"npm left-chart 1.0.2 pkg:npm/left-chart@1.0.2 dev=false [package-lock.json]",
		"PyPI flask  pkg:pypi/flask dev=false [py/requirements.txt]",
		"PyPI patient-forms  pkg:pypi/patient-forms dev=false [py/requirements.txt]",
		"PyPI x 1 pkg:pypi/x@1 dev=false [py/requirements.txt]",
	}
	for name, data := range map[string]string{"with data": testData(t), "without": ""} {
		if got := listed(run(t, files, data)); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s", name, strings.Join(got, "\n"))
		}
	}
	if a := run(t, map[string]string{"a.txt": ""}, ""); len(listed(a)) != 0 || len(a.components) != 1 {
		t.Errorf("the canary alone: %+v", a.components)
	}
}

// The project itself and its parts are nobody's dependency.
func TestOwnPackagesAreNotListed(t *testing.T) {
	a := run(t, map[string]string{
		"package.json": `{"name":"portal","version":"1.0.0","dependencies":{"x":"1.0.0"}}`,
		"go.mod":       "module a.example/b\n\ngo 1.26.0\n\nrequire a.example/c v0.0.0\n\nreplace a.example/c => ./c\n",
	}, "")
	if got := listed(a); !slices.Equal(got, []string{"Go stdlib 1.26.0 pkg:golang/stdlib@1.26.0 dev=false [go.mod]"}) {
		t.Errorf("%q", got)
	}
}

func TestWithoutUser(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:p@forge.example/a.git": "https://forge.example/a.git", "https://forge.example/a": "https://forge.example/a",
		"@scope/name": "@scope/name", "g:a": "g:a", "a b%": "a b%",
	} {
		if got := withoutUser(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// A lock file of a large project goes through redaction, sorting and writing
// within the blink of an eye.
func BenchmarkComponents(b *testing.B) {
	var lock strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&lock, "package-%d==1.0.%d\n", i, i)
	}
	files := map[string]string{"requirements.txt": lock.String()}
	for b.Loop() {
		if a := run(b, files, ""); len(a.components) != 3001 {
			b.Fatal(len(a.components))
		}
	}
}
