package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/vitalsign-dev/vitalsign/internal/forge"
	"github.com/vitalsign-dev/vitalsign/internal/git"
)

const (
	// ghTime bounds the question to the gh command, and maxToken its answer.
	ghTime   = 10 * time.Second
	maxToken = 4096
)

// transport is the way out: with the proxies of the environment and the
// system's certificates, and those in caFile as well.
func transport(caFile string) (*http.Transport, error) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the default transport is not net/http's own")
	}
	t := base.Clone()
	t.ResponseHeaderTimeout = headerTimeout
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, usageError("--ca-file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without any
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usageError("--ca-file: %s holds no certificate in PEM", caFile)
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

// proxies says which proxy the environment means for a URL.
func (a *app) proxies() func(*url.URL) (*url.URL, error) {
	either := func(names ...string) string {
		for _, n := range names {
			if v := a.getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	c := httpproxy.Config{
		HTTPProxy: either("HTTP_PROXY", "http_proxy"), HTTPSProxy: either("HTTPS_PROXY", "https_proxy"), NoProxy: either("NO_PROXY", "no_proxy"),
	}
	return c.ProxyFunc()
}

// forgeTokens finds who we are at a forge, once for each host and only when
// that is asked. A token is kept in memory, and nowhere else.
type forgeTokens struct {
	app   *app
	mu    sync.Mutex
	found map[string]string
}

// of gives the token for a host, "" for none. The variables are the gh
// command's: the token for GitHub itself is for no other host, unless the
// environment says itself that this host is where its workflow runs.
func (t *forgeTokens) of(ctx context.Context, host string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if token, known := t.found[host]; known {
		return token
	}
	names := []string{"GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}
	if host == "github.com" || strings.HasSuffix(host, ".ghe.com") {
		names = []string{"GH_TOKEN", "GITHUB_TOKEN"}
	} else if u, err := forge.ParseURL(t.app.getenv("GITHUB_API_URL")); err == nil && forge.Web(u).Host == host {
		names = append(names, "GH_TOKEN", "GITHUB_TOKEN")
	}
	token := ""
	for _, n := range names {
		if token = strings.TrimSpace(t.app.getenv(n)); token != "" {
			break
		}
	}
	if token == "" {
		token = t.app.askGH(ctx, host)
	}
	t.found[host] = token
	return token
}

// askGH asks the gh command, where there is one, whose token it has for a host.
func (a *app) askGH(ctx context.Context, host string) string {
	gh, err := exec.LookPath("gh")
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, ghTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, gh, "auth", "token", "--hostname", host)
	cmd.WaitDelay = time.Second
	cmd.Env = a.environ("HOME", "PATH", "XDG_CONFIG_HOME", "GH_CONFIG_DIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "APPDATA", "SYSTEMROOT")
	out, err := cmd.Output()
	if err != nil || len(out) > maxToken {
		return "" // it knows none: what then fails says how to set one
	}
	return strings.TrimSpace(string(out))
}

// environ is the part of the environment with these names.
func (a *app) environ(names ...string) []string {
	env := []string{}
	for _, n := range names {
		if v := a.getenv(n); v != "" {
			env = append(env, n+"="+v)
		}
	}
	return env
}

// gitCredentials are how git proves who asks: by the token for that host, else
// as the user's own git does it.
func (t *forgeTokens) gitCredentials(ctx context.Context, address, caFile string) (git.Credentials, error) {
	var c git.Credentials
	names := []string{"HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
		"https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"}
	if u, err := url.Parse(address); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		place := &url.URL{Scheme: u.Scheme, Host: u.Host}
		c.Token = git.Token{Place: place.String(), Value: t.of(ctx, u.Host)}
	}
	if c.Token.Value == "" {
		names = append(names, "GIT_ASKPASS", "GIT_SSH_COMMAND")
	}
	c.Env = t.app.environ(names...)
	if caFile != "" {
		c.Env = append(c.Env, "GIT_SSL_CAINFO="+caFile) // the later one counts
	}
	return c.OfUser(ctx, t.app.gitProgram())
}
