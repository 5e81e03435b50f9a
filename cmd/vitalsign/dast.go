package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/pipelines/application"
)

// credentialEnv begins the names of variables with credentials of an
// application: a configuration names what follows, so that it can name no other
// variable.
const credentialEnv = "VITALSIGN_DAST_"

// kindURL is the kind of a target that is a running application and nothing else.
const kindURL = "url"

// isURL says whether a target is a running application.
func isURL(target string) bool {
	return strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")
}

// openURL opens a running application as a target. What is known of it is in
// the user's file, or in the file that --dast names.
func (s *scanner) openURL(ctx context.Context, target string) (o opened, err error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return o, usageError("%s is not a URL", target)
	}
	if u.User != nil {
		return o, usageError("the URL holds credentials: name them by identities in a file for --dast instead")
	}
	u.RawQuery, u.Fragment = "", ""
	layers, err := s.app.layers(s.cmd)
	if err != nil {
		return o, err
	}
	root, err := s.scratch()
	if err != nil {
		return o, err
	}
	if s.flags.dast != "" {
		if _, err := os.Stat(s.flags.dast); err != nil {
			return o, usageError("--dast: %w", err)
		}
		layer, err := config.LoadUser(s.flags.dast)
		if err != nil {
			return o, exitError{judge.ExitUsage, err}
		}
		layers = slices.Insert(layers, 0, layer)
		if root, err = filepath.Abs(filepath.Dir(s.flags.dast)); err != nil {
			return o, err
		}
	}
	o.tree = &pipelines.Tree{Root: root, Target: checks.Target{Kind: kindURL, Path: u.String()}}
	o.settings, o.resolution = config.Resolve(layers...)
	if !o.settings.Dast.Named() {
		o.settings.Dast.Live = config.Live(u.String())
	}
	o.settings.Dast.Live.URL = u.String()
	o.settings.Dast.Origin = config.Origin{Kind: config.Flag, Name: target}
	if err := s.underPolicy(ctx, &o); err != nil {
		return o, err
	}
	return o, nil
}

// scratch is an empty directory for targets that have no files.
func (s *scanner) scratch() (string, error) {
	if s.empty == "" {
		dir, err := os.MkdirTemp("", "vitalsign-empty-")
		if err != nil {
			return "", err
		}
		s.empty = dir
	}
	return s.empty, nil
}

// cleanUp removes that directory.
func (s *scanner) cleanUp() {
	if s.empty != "" {
		_ = os.Remove(s.empty) // it is empty, and lies where others are swept
	}
}

// namedFiles is an inventory of the files that describe an application, for a
// target that has no others.
func namedFiles(root string, live checks.Live) (*inventory.Inventory, error) {
	inv := &inventory.Inventory{}
	var names []string
	for _, spec := range live.Specifications {
		if spec.File != "" {
			names = append(names, spec.File)
		}
	}
	for _, pattern := range live.Templates {
		// As the check itself matches them.
		found, err := doublestar.Glob(os.DirFS(root), pattern, doublestar.WithFilesOnly())
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	in, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer in.Close() // read only
	for _, name := range slices.Compact(names) {
		b, err := in.ReadFile(name)
		if err != nil {
			return nil, usageError("%s: %w", name, err)
		}
		sum := sha256.Sum256(b)
		inv.Files = append(inv.Files, inventory.File{Path: name, Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])})
	}
	return inv, nil
}

// live plans the step of a check that looks at a running application.
func (s *scanner) live(o opened, p *pipelines.PlannedStep) {
	d := o.settings.Dast
	if p.Decided != "" || !d.Named() {
		return
	}
	if r, refused := o.settings.RefusedDast(); refused {
		p.Decided, p.Reason = checks.Missing, r.What+", and nobody allowed that"
		p.Advice = "allow it with " + r.Allow + ", or leave it out with --skip dast"
		return
	}
	live := d.Live
	live.Active = live.Active || s.flags.active
	if s.flags.safe {
		live.Active = false
	}
	credentials, missing := s.credentials(live)
	if missing != "" {
		p.Decided, p.Reason = checks.Missing, "the credential "+missing+" is not in the environment"
		p.Advice = "set " + credentialEnv + missing
		return
	}
	if d.Trust != "" {
		live.Trust = "trust"
		p.Data = append(p.Data, pipelines.DataSet{Data: checks.Data{Name: live.Trust}, Path: filepath.Join(o.tree.Root, d.Trust)})
	}
	p.Live, p.Credentials = &live, credentials
	switch {
	case d.Contained():
		s.contained(o, p)
	case d.Command != nil:
		p.Start = application.Command{
			Args: d.Command, Dir: o.tree.Root, Env: application.Environ(s.app.getenv, d.Env), URL: live.URL,
			HTTP: d.Ready.HTTP, Log: d.Ready.Log, Timeout: d.Ready.Timeout, Seed: d.Seed,
		}
	}
}

// contained plans an application in a container, which only a Dagger engine
// can run. Where it answers is known when it runs.
func (s *scanner) contained(o opened, p *pipelines.PlannedStep) {
	if s.engine.engine.Name() != "dagger" {
		p.Decided, p.Live = checks.Missing, nil
		p.Reason, p.Advice = "the application runs in a container, which the local engine cannot start", "use --engine dagger, or name a command"
		return
	}
	d := o.settings.Dast
	p.Live.URL = "http://" + net.JoinHostPort(checks.ServiceHost, strconv.Itoa(d.Port))
	p.Live.Ready, p.Live.ReadyMS = d.Ready.HTTP, d.Ready.Timeout.Milliseconds()
	p.Service = &checks.Service{Image: imageAt(o.tree.Root, d.Image), Args: d.Command, Port: d.Port, Env: d.Env}
	if d.Dockerfile != "" {
		p.Service.Context = filepath.Join(o.tree.Root, filepath.FromSlash(d.Context))
		p.Service.Dockerfile = filepath.Join(o.tree.Root, filepath.FromSlash(d.Dockerfile))
	}
}

// credentials brings what identities name, and says what is not there.
func (s *scanner) credentials(live checks.Live) (found map[string]string, missing string) {
	found = map[string]string{}
	for _, i := range live.Identities {
		for _, name := range []string{i.Credential, i.Username} {
			if name == "" {
				continue
			}
			if found[name] = s.app.getenv(credentialEnv + name); found[name] == "" {
				return nil, name
			}
		}
	}
	return found, ""
}

// liveChecks are those that a target without files is asked.
func liveChecks(all []checks.Description) []checks.Description {
	return slices.DeleteFunc(slices.Clone(all), func(d checks.Description) bool { return !d.Live })
}
