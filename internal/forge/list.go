package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

const (
	perPage = 100 // the most that GitHub gives
	// maxPages bounds a listing: 50,000 repositories.
	maxPages = 500
	// passes over a listing that changes while it is read.
	maxPasses = 6
)

// Repository is what the forge says of one.
type Repository struct {
	FullName string `json:"full_name"`
	// CloneURL is on the forge's own host, and has no user in it.
	CloneURL string    `json:"clone_url"`
	Branch   string    `json:"default_branch"`
	Topics   []string  `json:"topics,omitempty"`
	Archived bool      `json:"archived,omitempty"`
	Fork     bool      `json:"fork,omitempty"`
	Private  bool      `json:"private,omitempty"`
	Pushed   time.Time `json:"pushed"`

	id int64
}

// Listing is all that an account shows to who asks.
type Listing struct {
	Repositories []Repository
	// Notes say what may be there and is not shown.
	Notes []string
}

// Repository asks for one.
func (c *Client) Repository(ctx context.Context, full string) (Repository, error) {
	owner, name, err := SplitName(full)
	if err != nil {
		return Repository{}, err
	}
	r, resp, err := c.api.Repositories.Get(ctx, owner, name)
	if err != nil {
		return Repository{}, c.explain("repository "+full, resp, err)
	}
	return c.taken(r)
}

// Account lists the repositories of an organisation, or of a user; of the user
// whose token it is the private ones as well.
func (c *Client) Account(ctx context.Context, name string) (Listing, error) {
	if err := CheckAccount(name); err != nil {
		return Listing{}, err
	}
	what := "repositories of " + name
	l, err := c.all(ctx, what, func(page github.ListOptions) ([]*github.Repository, *github.Response, error) {
		return c.api.Repositories.ListByOrg(ctx, name, &github.RepositoryListByOrgOptions{Type: "all", Sort: "full_name", Direction: "asc", ListOptions: page})
	})
	if !errors.Is(err, ErrNotFound) {
		return l, err
	}
	mine, err := c.isMe(ctx, name)
	if err != nil {
		return Listing{}, err
	}
	if mine {
		return c.all(ctx, what, func(page github.ListOptions) ([]*github.Repository, *github.Response, error) {
			return c.api.Repositories.ListByAuthenticatedUser(ctx, &github.RepositoryListByAuthenticatedUserOptions{Affiliation: "owner", Sort: "full_name", Direction: "asc", ListOptions: page})
		})
	}
	return c.all(ctx, what, func(page github.ListOptions) ([]*github.Repository, *github.Response, error) {
		return c.api.Repositories.ListByUser(ctx, name, &github.RepositoryListByUserOptions{Type: "owner", Sort: "full_name", Direction: "asc", ListOptions: page})
	})
}

// isMe says whether the token is that user's. The token of a workflow or an app
// is nobody's, which the forge says with 403.
func (c *Client) isMe(ctx context.Context, name string) (bool, error) {
	if !c.token {
		return false, nil
	}
	u, resp, err := c.api.Users.Get(ctx, "")
	if err != nil {
		err = c.explain("whose token it is", resp, err)
		if resp != nil && resp.Response != nil && resp.StatusCode == http.StatusForbidden {
			return false, nil
		}
		return false, err
	}
	return strings.EqualFold(u.GetLogin(), name), nil
}

type pager func(github.ListOptions) ([]*github.Repository, *github.Response, error)

// all reads every page until two passes in a row show the same repositories.
// Pages are read one after the other, and a repository that is deleted or made
// meanwhile moves others over the edge of a page: they are missed, and nothing
// shows it. When each page is the same in two passes, all pages were so at the
// moment between them. The second pass is answered from the cache (304).
func (c *Client) all(ctx context.Context, what string, next pager) (Listing, error) {
	before, pages, err := c.pass(ctx, what, next)
	if err != nil || pages == 1 {
		return before, err
	}
	for range maxPasses - 1 {
		now, _, err := c.pass(ctx, what, next)
		if err != nil {
			return Listing{}, err
		}
		same := func(a, b Repository) bool { return a.id == b.id && a.FullName == b.FullName }
		if slices.EqualFunc(before.Repositories, now.Repositories, same) {
			return now, nil
		}
		before = now
	}
	return Listing{}, &trouble{what, fmt.Sprintf("the list kept changing while it was read %d times", maxPasses), "Try again in some minutes.", ErrPartial}
}

// pass reads the pages once.
func (c *Client) pass(ctx context.Context, what string, next pager) (l Listing, pages int, err error) {
	last := 0
	for page := 1; page <= maxPages; page++ {
		got, resp, err := next(github.ListOptions{Page: page, PerPage: perPage})
		if err != nil {
			return Listing{}, 0, c.explain(what, resp, err)
		}
		if err := partial(what, resp.Header); err != nil {
			return Listing{}, 0, err
		}
		for _, r := range got {
			taken, err := c.taken(r)
			if err != nil {
				return Listing{}, 0, fmt.Errorf("%s: %w", what, err)
			}
			l.Repositories = append(l.Repositories, taken)
		}
		last = max(last, resp.LastPage)
		switch {
		case resp.NextPage == page+1:
			continue
		case resp.NextPage != 0:
			return Listing{}, 0, &trouble{what, fmt.Sprintf("after page %d the forge names page %d", page, resp.NextPage), "Try again.", ErrPartial}
		case len(got) >= perPage && resp.Header.Get(fromCache) != "":
			continue // a full page that was kept: it may have got a successor
		case page < last:
			return Listing{}, 0, &trouble{what, fmt.Sprintf("it ended after page %d of %d", page, last), "Try again.", ErrPartial}
		}
		l.Notes = c.unseen(resp.Header)
		return l, page, nil
	}
	return Listing{}, 0, &trouble{what, fmt.Sprintf("more than %d repositories", maxPages*perPage), "Name them one by one.", ErrPartial}
}

// partial refuses a listing that GitHub itself calls a part.
func partial(what string, h http.Header) error {
	if strings.HasPrefix(h.Get("X-Github-Sso"), "partial-results") {
		return &trouble{what, "the token is not authorised for the single sign-on of every organisation, so some are left out",
			"Authorise it (GitHub: Settings, tokens, Configure SSO).", ErrPartial}
	}
	return nil
}

// unseen says what the forge does not show to who asks, without saying so.
func (c *Client) unseen(h http.Header) []string {
	scopes, classic := h["X-Oauth-Scopes"]
	switch {
	case !c.token:
		return []string{"without a token only public repositories are seen"}
	case classic && !slices.Contains(strings.Split(strings.ReplaceAll(strings.Join(scopes, ","), " ", ""), ","), "repo"):
		return []string{"the token lacks the scope repo, so only public repositories are seen"}
	}
	return nil
}

// taken reads one repository and refuses what a forge does not say: its name
// becomes a path, and its address is where the token goes.
func (c *Client) taken(r *github.Repository) (Repository, error) {
	owner, name, err := SplitName(r.GetFullName())
	if err != nil {
		return Repository{}, fmt.Errorf("the forge names a repository that cannot be: %w", err)
	}
	clone := c.Web().JoinPath(owner, name+".git").String()
	if said := r.GetCloneURL(); said != "" && !strings.EqualFold(said, clone) {
		return Repository{}, fmt.Errorf("repository %s/%s: the forge says to clone it from %.200q, which is not %s", owner, name, said, clone)
	}
	return Repository{
		FullName: r.GetFullName(), CloneURL: clone, Branch: r.GetDefaultBranch(), Topics: r.Topics, Archived: r.GetArchived(),
		Fork: r.GetFork(), Private: r.GetPrivate(), Pushed: r.GetPushedAt().UTC(), id: r.GetID(),
	}, nil
}
