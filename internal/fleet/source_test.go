package fleet

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/internal/store"
)

func never(string) bool  { return false }
func always(string) bool { return true }

func TestParse(t *testing.T) {
	for in, want := range map[string]Source{
		"acme":                         {Account: "acme"},
		"acme/portal":                  {Account: "acme", Repository: "portal"},
		"gh:acme/.github":              {Account: "acme", Repository: ".github"},
		"github.com/acme/portal":       {Account: "acme", Repository: "portal"},
		"GitHub.Clinic.example/a/b":    {Host: "github.clinic.example", Account: "a", Repository: "b"},
		"gh:127.0.0.1:8080/a":          {Host: "127.0.0.1:8080", Account: "a"},
		"gh:localhost:8080/a/b":        {Host: "localhost:8080", Account: "a", Repository: "b"},
		"octo_company/x":               {Account: "octo_company", Repository: "x"},
		string(filepath.Separator):     {Path: string(filepath.Separator)},
		"/srv/../srv/clinic":           {Path: "/srv/clinic"},
		"gh:" + strings.Repeat("a", 9): {Account: "aaaaaaaaa"},
	} {
		got, err := Parse(in, never)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	if s, err := Parse("acme/portal", always); err != nil || !strings.HasSuffix(s.Path, "/internal/fleet/acme/portal") {
		t.Errorf("one that is there is a path: %+v, %v", s, err)
	}
	if s, err := Parse("gh:acme/portal", always); err != nil || s.Path != "" {
		t.Errorf("gh: is never a path: %+v, %v", s, err)
	}
	for _, bad := range []string{
		"", "gh:", "a/b/c", "a/..", "gh:../..", "gh:./x", "a/b.git", "-a", "a/b c", "a\n", "a/\x1b[2J", "gh:/etc", "gh:.x/a/b", "gh:a..b/c/d",
		"gh:https://github.com/a/b", "https://github.com/a/b", "gh:a b", "gh:" + strings.Repeat("a", 101), "gh:host.example:99999999/a", "gh:-x.example/a",
	} {
		if s, err := Parse(bad, never); err == nil {
			t.Errorf("%q is taken for %+v", bad, s)
		}
	}
}

// What is printed is read as the same source, and every place that a name leads
// to lies where copies are kept.
func FuzzParsePrint(f *testing.F) {
	for _, seed := range []string{"acme", "gh:acme/portal", "/srv/x", "gh:127.0.0.1:80/a/b.c", "github.com/a/b", "./x", "gh:a/..", "HOST.example/a", "gh:github.com/github.com/a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := Parse(in, never)
		if err != nil {
			if s != (Source{}) && s.Path == "" {
				t.Errorf("%q: an error and %+v", in, s)
			}
			return
		}
		again, err := Parse(s.String(), never)
		if err != nil || again != s {
			t.Errorf("%q is %+v, printed %q, read again %+v, %v", in, s, s, again, err)
		}
		if s.Repository == "" {
			return
		}
		host := s.Host
		if host == "" {
			host = GitHub
		}
		const root = "/cache/fleet"
		p, err := PlaceOf(root, store.FleetRepository{Name: s.name(), CloneURL: "https://" + host + "/" + s.Account + "/" + s.Repository + ".git"})
		if err != nil {
			t.Fatalf("%q has no place: %v", in, err)
		}
		for _, path := range []string{p.Tree, p.Clone, p.Lock} {
			rel, err := filepath.Rel(root, path)
			if err != nil || !filepath.IsLocal(rel) || strings.Count(rel, "/") != 2 {
				t.Errorf("%q leads to %s", in, path)
			}
		}
	})
}

func TestPlaceRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "https://github.com/a/b", "https://github.com/../b.git", "https://github.com/a/...git", "https://github.com/a/b/c.git", "https://a_b/a/b.git",
		"https://../a/b.git", "ext::sh", "ssh://git@github.com/a/b.git", "git@github.com:a/b.git", "file://host/a", "file:relative", "https://github.com/a%2f..%2f/b.git", "https://github.com/a\x00/b.git",
	} {
		if p, err := PlaceOf("/cache", store.FleetRepository{CloneURL: bad}); err == nil {
			t.Errorf("%q leads to %+v", bad, p)
		}
	}
	seen := map[string]string{}
	for _, url := range []string{
		"https://github.com/a/b.git", "https://github.com/a/b.lock.git", "https://github.com/a/b.locks.git", "https://github.com/a-locks/b.git",
		"https://forge.example/a/b.git", "https://forge.example:444/a/b.git", "file:///a/b.git", "file:///a/b", "file:///c/b.git", "https://github.com/a/.github.git",
	} {
		p, err := PlaceOf("/cache", store.FleetRepository{CloneURL: url})
		if err != nil {
			t.Errorf("%s: %v", url, err)
		}
		for _, path := range []string{p.Tree, p.Clone, p.Lock} {
			for other, of := range seen {
				if path == other || strings.HasPrefix(path+"/", other+"/") {
					t.Errorf("%s and %s share %s", url, of, path)
				}
			}
			seen[path] = url
		}
	}
}
