package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/fleet"
	"github.com/vitalsign-dev/vitalsign/internal/forge"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/internal/version"
)

const (
	// syncTime bounds how long one repository may take to come here, and
	// lockWait how long another process may have it.
	syncTime = 30 * time.Minute
	lockWait = 30 * time.Minute
	// removeWait is how long a copy that is to go is waited for.
	removeWait = 10 * time.Second
)

func (a *app) fleetCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "fleet", Short: "Watch many repositories: add, list, scan, status",
		Example: "  vitalsign fleet add acme-health --topic phi\n  vitalsign fleet scan --jobs 4\n  vitalsign fleet status",
		Long: "The fleet is the repositories that you watch: some on this machine, some at GitHub or at\n" +
			"a GitHub Enterprise server. fleet scan brings the newest commit of each here, scans it,\n" +
			"and keeps the run. What cannot be brought or read is 'cannot tell', never left out.\n\n" +
			"GitHub is asked with GH_TOKEN or GITHUB_TOKEN, else with what 'gh auth token' says; for\n" +
			"another host those are GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN. No token is written\n" +
			"down. HTTPS_PROXY and NO_PROXY are honoured.",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	fl := c.PersistentFlags()
	fl.String("github-url", "", "address of the API of a GitHub Enterprise server (default: GITHUB_API_URL, GH_HOST, else GitHub's own)")
	fl.String("ca-file", "", "certificates to trust as well as the system's (by git: instead of them), in PEM")
	c.AddCommand(a.fleetAddCommand(), a.fleetListCommand(), a.fleetRemoveCommand(), a.fleetRefreshCommand(), a.fleetScanCommand(), a.fleetStatusCommand())
	return c
}

// fleetWorld is what every verb of the fleet works with.
type fleetWorld struct {
	app    *app
	cmd    *cobra.Command
	store  *store.Store
	root   string // where copies are
	caFile string
	tokens *forgeTokens
	say    func(string)
}

// openFleet opens the store and the place for copies; say hears what takes long.
func (a *app) openFleet(cmd *cobra.Command, say func(string)) (*fleetWorld, error) {
	w := &fleetWorld{app: a, cmd: cmd, say: say, tokens: &forgeTokens{app: a, found: map[string]string{}}}
	cache := a.cacheDir()
	if cache == "" {
		return nil, usageError("there is no directory for copies of repositories: set HOME or XDG_CACHE_HOME")
	}
	if name, _ := cmd.Flags().GetString("ca-file"); name != "" { // no such flag is no file
		abs, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		if w.caFile = abs; !fileExists(abs) {
			return nil, usageError("--ca-file: %s is not there", name)
		}
	}
	if _, err := w.apiOf(fleet.Source{}); err != nil {
		return nil, err // told at once, also where nothing is asked
	}
	root := filepath.Join(cache, "fleet")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("there is no place for copies of repositories: %w", err)
	}
	// A run is kept under its target's real path.
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	w.root = real
	w.store, err = a.openStore(cmd.Context())
	return w, err
}

// sayErr writes a line of news to the stream of errors. The words may be a
// forge's, or git's.
func (a *app) sayErr(line string) { fmt.Fprintln(a.err, safetext.Line(line)) }

// apiOf is the address of the API that a source is asked for at.
func (w *fleetWorld) apiOf(src fleet.Source) (string, error) {
	said, _ := w.cmd.Flags().GetString("github-url") // no such flag says nothing
	said = cmp.Or(said, w.app.getenv("GITHUB_API_URL"))
	if host := w.app.getenv("GH_HOST"); said == "" && host != "" && host != fleet.GitHub {
		said = apiAt(host)
	}
	u, err := forge.ParseURL(said)
	if err != nil {
		return "", usageError("%w", err)
	}
	if src.Host != "" && forge.Web(u).Host != src.Host {
		return apiAt(src.Host), nil
	}
	return u.String(), nil
}

// apiAt is where a host has its API, as GitHub documents it.
func apiAt(host string) string {
	if strings.HasSuffix(host, ".ghe.com") {
		return "https://api." + host + "/"
	}
	return "https://" + host + "/api/v3/"
}

// placed gives a source the host that it is asked for at.
func (w *fleetWorld) placed(src fleet.Source) (fleet.Source, error) {
	if src.Path != "" {
		return src, nil
	}
	api, err := w.apiOf(src)
	if err != nil {
		return src, err
	}
	u, err := forge.ParseURL(api)
	if err != nil {
		return src, usageError("%w", err)
	}
	if src.Host = forge.Web(u).Host; src.Host == fleet.GitHub {
		src.Host = ""
	}
	return src, nil
}

// parseSource reads a name as the verbs take it.
func (w *fleetWorld) parseSource(arg string) (fleet.Source, error) {
	src, err := fleet.Parse(arg, fileExists)
	if err != nil {
		return src, usageError("%w", err)
	}
	return w.placed(src)
}

// candidates are what a name of something that is watched already may mean: as
// it is listed, or at the host that new ones are asked for at.
func (w *fleetWorld) candidates(arg string) ([]fleet.Source, error) {
	src, err := fleet.Parse(arg, fileExists)
	if err != nil {
		return nil, usageError("%w", err)
	}
	at, err := w.placed(src)
	return []fleet.Source{src, at}, err
}

// expander asks the forge at api; "" for the one that a source belongs to.
func (w *fleetWorld) expander(ctx context.Context, api string) fleet.Expander {
	return fleet.Expander{Git: w.app.gitProgram(), Root: w.root, Now: w.app.now,
		Open: func(src fleet.Source) (fleet.Forge, string, error) {
			at := api
			if at == "" {
				var err error
				if at, err = w.apiOf(src); err != nil {
					return nil, "", err
				}
			}
			c, err := w.forge(ctx, at)
			return c, at, err
		}}
}

func (w *fleetWorld) forge(ctx context.Context, api string) (*forge.Client, error) {
	u, err := forge.ParseURL(api)
	if err != nil {
		return nil, usageError("%w", err)
	}
	out, err := transport(w.caFile)
	if err != nil {
		return nil, err
	}
	c, err := forge.New(forge.Options{BaseURL: api, Token: w.tokens.of(ctx, forge.Web(u).Host), Transport: out, Cache: w.store.FleetAnswers(),
		Now: w.app.now, Sleep: sleep, Progress: w.say, Agent: "vitalsign/" + version.Version})
	if err != nil {
		return nil, usageError("%s: %w", u.Host, err)
	}
	return c, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *fleetWorld) syncer() fleet.Syncer {
	return fleet.Syncer{Git: w.app.gitProgram(), Root: w.root, Time: syncTime, LockWait: lockWait, Progress: w.say,
		Credentials: func(ctx context.Context, address string) (git.Credentials, error) {
			return w.tokens.gitCredentials(ctx, address, w.caFile)
		}}
}

// repositories are those that are watched, each once.
func (w *fleetWorld) repositories(ctx context.Context) ([]store.FleetRepository, error) {
	all, err := w.store.FleetRepositories(ctx)
	return fleet.Unique(all), err
}

// asked gives an error of a forge the exit code that it means.
func asked(err error) error {
	var e exitError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.As(err, &e):
		return err
	case errors.Is(err, forge.ErrNotFound), errors.Is(err, forge.ErrDenied):
		return exitError{judge.ExitUsage, err}
	}
	return exitError{judge.ExitInternal, err}
}
