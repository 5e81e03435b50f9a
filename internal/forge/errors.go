package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"
)

// ErrNotFound says that the forge shows nothing of that name to who asks.
var ErrNotFound = errors.New("not found")

// ErrDenied says that the forge refuses who asks.
var ErrDenied = errors.New("refused")

// ErrPartial says that a listing is not whole.
var ErrPartial = errors.New("the listing is not whole")

// trouble is an error with what to do about it. kind is one of those above, or
// the cause.
type trouble struct {
	what, happened, do string
	kind               error
}

func (t *trouble) Error() string {
	s := t.what + ": " + t.happened
	if t.do != "" {
		s += "\n" + t.do
	}
	return s
}

func (t *trouble) Unwrap() error { return t.kind }

// explain says what came of a request: what was asked for, what happened, and
// what to do next.
func (c *Client) explain(what string, resp *github.Response, err error) error {
	var limit *LimitError
	var answer *github.ErrorResponse
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &limit):
		return &trouble{what, limit.Error(), c.unless("Try again then.", " Without a token there are 60 requests an hour, with one 5,000."), err}
	case errors.As(err, &answer):
		return c.refused(what, answer.Response, answer.Message)
	case resp == nil || resp.Response == nil:
		return &trouble{what, err.Error(), "Is " + c.base.Host + " reachable from here? HTTPS_PROXY and --ca-file say by which way, and whom to trust.", err}
	}
	return &trouble{what, err.Error(), "", err}
}

// unless adds words for who has no token.
func (c *Client) unless(always, noToken string) string {
	if c.token {
		return always
	}
	return always + noToken
}

// refused explains an answer that is no success.
func (c *Client) refused(what string, resp *http.Response, message string) error {
	status := fmt.Sprintf("%s answers %d", c.base.Host, resp.StatusCode)
	if message != "" {
		status += fmt.Sprintf(" (%.200q)", message)
	}
	switch {
	case strings.HasPrefix(resp.Header.Get("X-Github-Sso"), "required"):
		_, link, _ := strings.Cut(resp.Header.Get("X-Github-Sso"), "url=")
		return &trouble{what, "the organisation asks for single sign-on", "Authorise the token for it: " + fmt.Sprintf("%.300s", link), ErrDenied}
	case resp.StatusCode == http.StatusUnauthorized:
		return &trouble{what, status, c.ifToken("The token is not valid, or has expired: "+c.setToken()) + c.unless("", "It asks for a token: "+c.setToken()), ErrDenied}
	case resp.StatusCode == http.StatusForbidden:
		return &trouble{what, status, "The token may not do that" + lacks(resp.Header) + ".", ErrDenied}
	case resp.StatusCode == http.StatusNotFound:
		return &trouble{what, "not found at " + c.base.Host, c.unless("Is the name right?", " A private one is shown to a token only: "+c.setToken()) +
			c.ifToken(" One that the token may not read looks the same: it needs read access to metadata and contents (classic: the scope repo)."), ErrNotFound}
	case resp.StatusCode >= http.StatusInternalServerError:
		return &trouble{what, fmt.Sprintf("%s, %d times", status, tries), "Try again later; https://www.githubstatus.com may say more.", errors.New(resp.Status)}
	}
	return &trouble{what, status, "", errors.New(resp.Status)}
}

// setToken says how a token is set: for another host than GitHub's own it is
// another variable, as the gh command has it.
func (c *Client) setToken() string {
	if host := c.Web().Host; host == "github.com" || strings.HasSuffix(host, ".ghe.com") {
		return "set GH_TOKEN or GITHUB_TOKEN, or run 'gh auth login'."
	}
	return "set GH_ENTERPRISE_TOKEN, or run 'gh auth login --hostname " + c.Web().Host + "'."
}

func (c *Client) ifToken(words string) string {
	if c.token {
		return words
	}
	return ""
}

// lacks names the permission or the scope that was asked for, where the answer
// says it.
func lacks(h http.Header) string {
	switch {
	case h.Get("X-Accepted-Github-Permissions") != "":
		return fmt.Sprintf(": it needs the permission %.200q", h.Get("X-Accepted-Github-Permissions"))
	case h.Get("X-Accepted-Oauth-Scopes") != "":
		return fmt.Sprintf(": it needs one of the scopes %.200q, and has %.200q", h.Get("X-Accepted-Oauth-Scopes"), h.Get("X-Oauth-Scopes"))
	}
	return ""
}
