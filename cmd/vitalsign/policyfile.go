package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Where policies and trust lie.
const (
	repoPolicy  = ".vitalsign/policy.yaml"
	userPolicy  = "policy.yaml"
	trustFile   = "trust.yaml"
	versionFile = "policies.json"
	trustSchema = "https://github.com/vitalsign-dev/vitalsign/trust/v1"
)

// foundPolicy is the policy that counts, or why the one that is there does not.
type foundPolicy struct {
	policy *policy.Policy // nil when there is none, or none that is believed
	from   string
	// refused is set when there is one that is not believed: then nothing that
	// needs a policy counts, which is not the same as having none.
	refused error
}

// namedPolicy reads the policy of --policy, VITALSIGN_POLICY or the user's own
// directory, which is trusted as it is; nil when none of them is there.
func (a *app) namedPolicy(flag string) (*policy.Policy, string, error) {
	name := flag
	if name == "" {
		name = a.getenv("VITALSIGN_POLICY")
	}
	if name == "" {
		name = filepath.Join(a.configDir(), userPolicy)
		if a.configDir() == "" || !fileExists(name) {
			return nil, "", nil
		}
	}
	b, err := readFile(name, policy.MaxSize)
	if err != nil {
		return nil, name, usageError("the policy: %w", err)
	}
	p, err := policy.Parse(b, func(beside string) ([]byte, error) {
		return readFile(filepath.Join(filepath.Dir(name), filepath.FromSlash(beside)), policy.MaxSize*4)
	})
	if err != nil {
		return nil, name, usageError("the policy %s: %w", name, err)
	}
	return p, name, nil
}

// policyFor finds the policy of a target: one that the user names, else the
// repository's own, if somebody in the user's trust file signed it.
func (a *app) policyFor(ctx context.Context, flag, repository string, at config.Tree) (foundPolicy, error) {
	p, from, err := a.namedPolicy(flag)
	if err != nil || p != nil {
		return foundPolicy{policy: p, from: from}, err
	}
	b, err := at.Read(repoPolicy)
	if errors.Is(err, fs.ErrNotExist) {
		return foundPolicy{}, nil
	}
	if err == nil {
		p, err = a.believe(ctx, b, repository, at)
	}
	if err != nil {
		return foundPolicy{from: repoPolicy, refused: fmt.Errorf("%s is not believed: %w", repoPolicy, err)}, nil
	}
	return foundPolicy{policy: p, from: repoPolicy}, nil
}

// believe checks signature, version and date of a policy that lies in a
// repository.
func (a *app) believe(_ context.Context, b []byte, repository string, at config.Tree) (*policy.Policy, error) {
	trust, err := a.userTrust()
	if err != nil {
		return nil, err
	}
	bundle, err := at.Read(repoPolicy + attest.BundleSuffix)
	if err != nil {
		return nil, fmt.Errorf("its signature %s%s: %w", repoPolicy, attest.BundleSuffix, err)
	}
	now := a.now()
	if _, err := attest.VerifyArtifact(bundle, attest.Artifact{SHA256: attest.Digest(b)}, trust, now); err != nil {
		return nil, err
	}
	p, err := policy.Parse(b, func(beside string) ([]byte, error) { return at.Read(path.Join(path.Dir(repoPolicy), beside)) })
	if err != nil {
		return nil, err
	}
	if err := p.InForce(now); err != nil {
		return nil, err
	}
	return p, a.notOlder(repository, p)
}

// trusted is the user's trust file.
type trustedPeople struct {
	Schema      string `yaml:"schema"`
	TrustedRoot string `yaml:"trusted_root"`
	Identities  []struct {
		Name    string `yaml:"name"`
		Key     string `yaml:"key"`
		Issuer  string `yaml:"issuer"`
		Subject string `yaml:"subject"`
	} `yaml:"identities"`
}

// userTrust reads whose signature makes a repository's policy count.
func (a *app) userTrust() (t attest.Trust, err error) {
	name := filepath.Join(a.configDir(), trustFile)
	b, err := readFile(name, policy.MaxSize)
	if errors.Is(err, fs.ErrNotExist) || a.configDir() == "" {
		return t, fmt.Errorf("nobody is trusted to sign policies: %s is not there (vitalsign policy trust makes it)", name)
	}
	if err != nil {
		return t, err
	}
	var f trustedPeople
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return t, fmt.Errorf("%s: %w", name, err)
	}
	if f.Schema != trustSchema {
		return t, fmt.Errorf("%s: schema is %q, not %q", name, f.Schema, trustSchema)
	}
	for _, i := range f.Identities {
		who := attest.Identity{Name: i.Name, Issuer: i.Issuer, Subject: i.Subject}
		if i.Key != "" {
			if who.Key, err = attest.PublicKey([]byte(i.Key)); err != nil {
				return t, fmt.Errorf("%s: %q: %w", name, i.Name, err)
			}
		}
		t.Identities = append(t.Identities, who)
	}
	switch f.TrustedRoot {
	case "":
	case attest.PublicGood:
		t.Root, err = attest.PublicGoodRoot()
	default:
		if b, err = readFile(filepath.Join(a.configDir(), f.TrustedRoot), policy.MaxSize*4); err == nil {
			t.Root, err = attest.ParseRoot(b, f.TrustedRoot)
		}
	}
	return t, err
}

// seen is the newest version of a repository's policy.
type seen struct {
	Version int    `json:"version"`
	Digest  string `json:"digest"`
}

// notOlder refuses a policy that is older than one seen before, or another one
// under the same number, and remembers what it sees.
func (a *app) notOlder(repository string, p *policy.Policy) error {
	dir := a.stateDir()
	if dir == "" {
		return errors.New("there is no state directory to remember its version in: set HOME or XDG_STATE_HOME")
	}
	name := filepath.Join(dir, versionFile)
	all := map[string]seen{}
	b, err := readFile(name, 16<<20)
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	last := all[repository]
	switch {
	case p.Version() < last.Version:
		return fmt.Errorf("it is version %d, and version %d was seen before", p.Version(), last.Version)
	case p.Version() == last.Version && p.Digest() != last.Digest:
		return fmt.Errorf("it is another policy than the one seen before as version %d: the number must grow", p.Version())
	case p.Version() == last.Version:
		return nil
	}
	all[repository] = seen{p.Version(), p.Digest()}
	if b, err = json.MarshalIndent(all, "", "  "); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return wholefile.WriteBytes(name, append(b, '\n'), 0o600)
}

// policyHere finds the policy that counts in a directory.
func (a *app) policyHere(ctx context.Context, dir, flag string) (foundPolicy, error) {
	if p, from, err := a.namedPolicy(flag); err != nil || p != nil {
		return foundPolicy{policy: p, from: from}, err // without asking git
	}
	_, p, err := a.treeAndPolicy(ctx, dir, flag)
	return p, err
}

// treeAndPolicy opens the target in a directory, and finds the policy that
// counts for it.
func (a *app) treeAndPolicy(ctx context.Context, dir, flag string) (*pipelines.Tree, foundPolicy, error) {
	t, err := pipelines.OpenTree(ctx, dir, a.gitProgram())
	if err != nil {
		return nil, foundPolicy{}, err
	}
	p, err := a.policyFor(ctx, flag, repositoryKey(t), workTree(t.Root))
	return t, p, err
}

// underPolicy finds the policy that counts and holds the settings to it: a
// policy only tightens what is asked for here.
func (s *scanner) underPolicy(ctx context.Context, o *opened) (err error) {
	if o.policy, err = s.app.policyFor(ctx, s.flags.policy, repositoryKey(o.tree), s.trustedTree(ctx, o)); err != nil || o.policy.policy == nil {
		return err
	}
	gate, err := chain.GateOf(o.policy.policy.Gate())
	if err != nil {
		return err
	}
	o.settings.FailOn = min(o.settings.FailOn, gate.FailOn)
	o.settings.UnratedAs = max(o.settings.UnratedAs, gate.UnratedAs)
	// A policy is about what ships, and that has the older findings too.
	o.settings.NewOnly = false
	inline := o.policy.policy.Inline()
	o.settings.InlineMaxDays = min(o.settings.InlineMaxDays, inline.MaxDays)
	if most, err := checks.ParseSeverity(inline.MaxSeverity); err == nil {
		o.settings.InlineMaxSeverity = min(o.settings.InlineMaxSeverity, most)
	}
	return nil
}
