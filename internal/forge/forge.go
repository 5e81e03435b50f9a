// Package forge asks GitHub, or a GitHub Enterprise server, which repositories
// an account has. What comes back decides what is scanned, so a listing is
// whole or it is an error: a page that is missing, a list that changes while it
// is read, and an account that a token sees a part of are told, never passed
// over.
//
// The way out is a chain of http.RoundTrippers, outermost first: conditional
// (ETags), rated (rate limits), retried (what passes by itself), whole (one
// answer, within time and size) and authorized (the token, for one host).
package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/vitalsign-dev/vitalsign/internal/loopback"
)

// DefaultURL is where GitHub's API is.
const DefaultURL = "https://api.github.com/"

const (
	// maxAnswer bounds one answer, in bytes: a page of 100 repositories is
	// about 700 KB.
	maxAnswer = 32 << 20
	// answerTime bounds one answer from the first byte sent to the last
	// received: GitHub itself gives up after ten seconds.
	answerTime = 45 * time.Second
	// maxRedirects is how many of them lead on (a renamed repository takes one).
	maxRedirects = 5
	// atOnce bounds the requests under way: GitHub asks for few.
	atOnce = 4
	// defaultWait bounds one wait for a rate limit.
	defaultWait = 15 * time.Minute
)

// Options are what a Client needs of the world.
type Options struct {
	// BaseURL is the API's address, "" for GitHub's own.
	BaseURL string
	// Token proves who asks, "" for nobody.
	Token string
	// Transport is the way out, with proxies and certificates; nil for the default.
	Transport http.RoundTripper
	// Cache keeps answers for conditional requests; nil for none.
	Cache Cache
	Now   func() time.Time
	// Sleep waits, or gives the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
	// Progress hears why something takes long; nil for nobody.
	Progress func(string)
	// MaxWait bounds one wait for a rate limit (0: 15 minutes).
	MaxWait time.Duration
	Agent   string
}

// Client asks one forge, as one user.
type Client struct {
	api   *github.Client
	base  *url.URL
	token bool
}

// New opens nothing: the first request is the first connection.
func New(o Options) (*Client, error) {
	base, err := ParseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.Now == nil || o.Sleep == nil {
		return nil, errors.New("forge: a clock and a way to wait are needed")
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.MaxWait == 0 {
		o.MaxWait = defaultWait
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the token holds a character that no token has (a line break, a space?): set it anew")
	}
	var way http.RoundTripper = loopback.Transport(o.Transport, maxAnswer+1)
	way = &authorized{base: way, place: base, token: o.Token}
	way = &whole{base: way, most: maxAnswer, limit: answerTime, slots: make(chan struct{}, atOnce)}
	way = &retried{base: way, sleep: o.Sleep, progress: o.Progress}
	way = &rated{base: way, now: o.Now, sleep: o.Sleep, progress: o.Progress, most: o.MaxWait}
	if o.Cache != nil {
		way = &conditional{base: way, cache: o.Cache, who: identity(base.Host, o.Token), progress: o.Progress}
	}
	api := github.NewClient(&http.Client{Transport: way, CheckRedirect: sameHost})
	api.BaseURL = base
	if o.Agent != "" {
		api.UserAgent = o.Agent
	}
	return &Client{api: api, base: base, token: o.Token != ""}, nil
}

// ParseURL reads an API's address: https, or http on this machine.
func ParseURL(address string) (*url.URL, error) {
	if address == "" {
		address = DefaultURL
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the forge's address is malformed: %w", err)
	case u.User != nil:
		return nil, errors.New("the forge's address holds a user or password: leave them out, and set the token's variable")
	case u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the forge's address %q is not one such as https://github.clinic.example/api/v3", address)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Host)):
		return nil, fmt.Errorf("the forge's address %q must begin with https:// (plain http is for this machine only)", address)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

// Web gives where the repositories of an API are cloned from: scheme and host.
func Web(api *url.URL) *url.URL {
	host := api.Host
	if rest, ok := strings.CutPrefix(host, "api."); ok && (rest == "github.com" || strings.HasSuffix(rest, ".ghe.com")) {
		host = rest
	}
	return &url.URL{Scheme: api.Scheme, Host: host}
}

// Web gives where this forge's repositories are cloned from.
func (c *Client) Web() *url.URL { return Web(c.base) }

// sameHost lets a redirect lead on within one host only: what it says is taken
// for the forge's word.
func sameHost(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case r.URL.Scheme != first.Scheme || !strings.EqualFold(r.URL.Host, first.Host):
		return fmt.Errorf("a redirect from %s to %s is refused: it is another place", first.Host, r.URL.Host)
	}
	return nil
}
