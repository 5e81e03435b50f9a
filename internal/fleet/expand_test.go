package fleet

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/forge"
	"github.com/vitalsign-dev/vitalsign/internal/store"
)

type fakeForge struct {
	repositories []forge.Repository
	notes        []string
	err          error
}

func (f *fakeForge) Account(context.Context, string) (forge.Listing, error) {
	return forge.Listing{Repositories: f.repositories, Notes: f.notes}, f.err
}

func (f *fakeForge) Repository(_ context.Context, full string) (forge.Repository, error) {
	for _, r := range f.repositories {
		if strings.EqualFold(r.FullName, full) {
			return r, nil
		}
	}
	return forge.Repository{}, forge.ErrNotFound
}

func at(full string) forge.Repository {
	return forge.Repository{FullName: full, CloneURL: "https://github.com/" + full + ".git", Branch: "main"}
}

func expander(t *testing.T, f Forge) Expander {
	t.Helper()
	git, _ := exec.LookPath("git") // without one, what needs it says so
	return Expander{Git: git, Root: "/cache", Now: func() time.Time { return time.Unix(1, 0) },
		Open: func(Source) (Forge, string, error) { return f, "https://api.github.com/", nil }}
}

func names(all []store.FleetRepository) (out []string) {
	for _, r := range all {
		n := r.Name
		if r.Gone != "" {
			n += " (gone)"
		}
		out = append(out, n)
	}
	return out
}

func TestExpandAccount(t *testing.T) {
	f := &fakeForge{repositories: []forge.Repository{at("acme/a"), at("acme/b"), at("acme/c")}, notes: []string{"only public"}}
	e, src := expander(t, f), Source{Account: "acme"}
	first, err := e.Expand(t.Context(), src, forge.Filter{Exclude: []string{"c"}}, nil)
	if err != nil || !slices.Equal(names(first.Repositories), []string{"acme/a", "acme/b"}) || len(first.Notes) != 1 || len(first.Left)+len(first.Gone) != 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	a := first.Repositories[0]
	if a.Target != "/cache/github.com/acme/a" || a.Source != "gh:acme" || a.API == "" || a.Seen.IsZero() {
		t.Errorf("%+v", a)
	}
	// One disappears, one is archived, one is new.
	f.repositories = []forge.Repository{at("acme/a"), at("acme/d")}
	f.repositories[0].Archived = true
	second, err := e.Expand(t.Context(), src, forge.Filter{}, first.Repositories)
	if err != nil || !slices.Equal(names(second.Repositories), []string{"acme/d", "acme/b (gone)"}) ||
		!slices.Equal(second.Gone, []string{"acme/b"}) || !slices.Equal(second.Left, []string{"acme/a (archived)"}) {
		t.Fatalf("%q, gone %q, left %q, %v", names(second.Repositories), second.Gone, second.Left, err)
	}
	// It stays gone, and is news once; then it is back.
	third, err := e.Expand(t.Context(), src, forge.Filter{}, second.Repositories)
	if err != nil || len(third.Gone) != 0 || !slices.Contains(names(third.Repositories), "acme/b (gone)") {
		t.Errorf("%q, %q, %v", names(third.Repositories), third.Gone, err)
	}
	f.repositories = append(f.repositories, at("acme/b"))
	if x, err := e.Expand(t.Context(), src, forge.Filter{}, third.Repositories); err != nil || !slices.Contains(names(x.Repositories), "acme/b") {
		t.Errorf("%q, %v", names(x.Repositories), err)
	}
	f.err = forge.ErrPartial
	if x, err := e.Expand(t.Context(), src, forge.Filter{}, nil); !errors.Is(err, forge.ErrPartial) || len(x.Repositories) != 0 {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestExpandRepository(t *testing.T) {
	f := &fakeForge{repositories: []forge.Repository{at("acme/a")}}
	f.repositories[0].Archived, f.repositories[0].Fork = true, true
	e, src := expander(t, f), Source{Host: "github.clinic.example", Account: "acme", Repository: "A"}
	x, err := e.Expand(t.Context(), src, forge.Filter{}, []store.FleetRepository{{Name: "github.clinic.example/acme/old"}})
	if err != nil || !slices.Equal(names(x.Repositories), []string{"github.clinic.example/acme/a"}) || len(x.Left) != 1 {
		t.Errorf("%+v, %v", x, err)
	}
	src.Repository = "none"
	if _, err := e.Expand(t.Context(), src, forge.Filter{}, nil); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("%v", err)
	}
	f.repositories = []forge.Repository{at("../x")}
	if x, err := e.Expand(t.Context(), Source{Account: "acme"}, forge.Filter{}, nil); err == nil {
		t.Errorf("a hostile name: %+v", x)
	}
}

func TestExpandPath(t *testing.T) {
	e, dir := expander(t, nil), t.TempDir()
	x, err := e.Expand(t.Context(), Source{Path: dir}, forge.Filter{}, nil)
	if err != nil || x.Repositories[0].Target != dir || x.Repositories[0].CloneURL != "" {
		t.Errorf("%+v, %v", x, err)
	}
	for _, bad := range []string{filepath.Join(dir, "none"), "/dev/null"} {
		if _, err := e.Expand(t.Context(), Source{Path: bad}, forge.Filter{}, nil); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestUnique(t *testing.T) {
	got := Unique([]store.FleetRepository{
		{Name: "b/x", CloneURL: "u", Source: "1", Gone: "gone"}, {Name: "a/x", CloneURL: "u"}, {Name: "B/X", CloneURL: "u", Source: "2"}, {Name: "b/x", CloneURL: "u", Source: "3", Gone: "gone"},
		{Name: "/p"}, {Name: "/P"},
	})
	if len(got) != 4 || got[2].Source != "2" || got[0].Name != "/P" {
		t.Errorf("%+v", got)
	}
	for _, r := range got {
		if r.Gone != "" {
			t.Errorf("%+v is there by another source", r)
		}
	}
}
