package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/forge"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/store"
)

// Forge is what is asked of one.
type Forge interface {
	Account(ctx context.Context, name string) (forge.Listing, error)
	Repository(ctx context.Context, full string) (forge.Repository, error)
}

// Expansion is what a source stands for now.
type Expansion struct {
	Repositories []store.FleetRepository
	// Left names those that are not taken any more by the user's own filter, and
	// why. Gone names those that have disappeared; they stay in Repositories.
	Left, Gone []string
	Notes      []string
}

// Expander asks forges and the disk.
type Expander struct {
	// Git is the git command, "" for none.
	Git string
	// Root is where copies are kept.
	Root string
	// Open gives the forge of a source, and its API's address.
	Open func(Source) (Forge, string, error)
	Now  func() time.Time
}

// Expand finds what a source stands for. before is what it stood for: a
// repository that has disappeared since stays, with the reason, until somebody
// says that this is right. (A token that was lost hides repositories just so.)
func (e Expander) Expand(ctx context.Context, src Source, f forge.Filter, before []store.FleetRepository) (Expansion, error) {
	if src.Path != "" {
		r, err := e.local(ctx, src)
		return Expansion{Repositories: []store.FleetRepository{r}}, err
	}
	at, api, err := e.Open(src)
	if err != nil {
		return Expansion{}, err
	}
	var l forge.Listing
	if src.Repository != "" {
		// One that is named is taken, whatever it is.
		one, err := at.Repository(ctx, src.Account+"/"+src.Repository)
		if err != nil {
			return Expansion{}, err
		}
		l.Repositories, f = []forge.Repository{one}, forge.Filter{Archived: true, Forks: true}
	} else if l, err = at.Account(ctx, src.Account); err != nil {
		return Expansion{}, err
	}
	x := Expansion{Notes: l.Notes}
	left := map[string]string{}
	for _, r := range l.Repositories {
		known, err := e.known(src, api, r)
		if err != nil {
			return Expansion{}, err
		}
		if why := f.Leaves(r); why != "" {
			left[known.Name] = why
			continue
		}
		x.Repositories = append(x.Repositories, known)
	}
	x.lost(src, before, left)
	return x, nil
}

// lost compares with what there was before.
func (x *Expansion) lost(src Source, before []store.FleetRepository, left map[string]string) {
	have := map[string]bool{}
	for _, r := range x.Repositories {
		have[r.Name] = true
	}
	for _, r := range before {
		why, filtered := left[r.Name]
		switch {
		case have[r.Name]:
			continue
		case filtered:
			x.Left = append(x.Left, r.Name+" ("+why+")")
			continue
		case src.Repository != "":
			// It has another name now, which is the one that was found.
			x.Left = append(x.Left, r.Name+" (renamed)")
			continue
		case r.Gone == "":
			r.Gone = "not in the list of " + src.String() + " any more: deleted, renamed, or hidden from this token"
			x.Gone = append(x.Gone, r.Name)
		}
		x.Repositories = append(x.Repositories, r)
	}
}

// known is a forge's repository as it is kept.
func (e Expander) known(src Source, api string, r forge.Repository) (store.FleetRepository, error) {
	owner, name, err := forge.SplitName(r.FullName)
	if err != nil {
		return store.FleetRepository{}, err
	}
	k := store.FleetRepository{
		Name: Source{Host: src.Host, Account: owner, Repository: name}.name(), Source: src.String(), CloneURL: r.CloneURL, API: api,
		Branch: r.Branch, Archived: r.Archived, Private: r.Private, Topics: r.Topics, Seen: e.Now().UTC(),
	}
	p, err := PlaceOf(e.Root, k)
	k.Target = p.Tree
	return k, err
}

// local is a directory of this machine: one with files is scanned where it is,
// a bare repository is copied like one at a forge.
func (e Expander) local(ctx context.Context, src Source) (store.FleetRepository, error) {
	path, err := filepath.EvalSymlinks(src.Path)
	if err != nil {
		return store.FleetRepository{}, fmt.Errorf("%s is not there", src.Path)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return store.FleetRepository{}, errors.Join(err, fmt.Errorf("%s is not a directory", src.Path))
	}
	k := store.FleetRepository{Name: src.Path, Source: src.String(), Target: path, Seen: e.Now().UTC()}
	repo, err := git.Open(ctx, e.Git, path)
	if err != nil || !repo.Bare {
		return k, ctx.Err() // a directory without git is one that can be scanned
	}
	k.CloneURL = (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
	p, err := PlaceOf(e.Root, k)
	k.Target = p.Tree
	return k, err
}

// Unique gives each repository once, by name: several sources may give it. One
// that is there goes over one that is gone.
func Unique(all []store.FleetRepository) []store.FleetRepository {
	var out []store.FleetRepository
	at := map[string]int{}
	for _, r := range all {
		key := strings.ToLower(r.Name)
		if r.CloneURL == "" {
			key = r.Name // a path is another one in other letters
		}
		i, known := at[key]
		switch {
		case !known:
			at[key] = len(out)
			out = append(out, r)
		case out[i].Gone != "" && r.Gone == "":
			out[i] = r
		}
	}
	slices.SortFunc(out, func(a, b store.FleetRepository) int { return strings.Compare(a.Name, b.Name) })
	return out
}
