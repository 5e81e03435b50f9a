// Package policy says whose word counts: which identities hold which roles,
// what a role may say, and what must be there before anything ships. It is the
// access control of the system, held by signatures and not by a server. A
// policy that names nobody believes nobody, and one that requires no check is
// refused.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/attest"
)

// Schema is what every policy begins with.
const Schema = "https://github.com/vitalsign-dev/vitalsign/policy/v1"

// MaxSize bounds a policy file, in bytes.
const MaxSize = 1 << 20

// Policy is a policy that has been read and found sound. Its zero value
// believes nobody and lets nothing through.
type Policy struct {
	file   file
	digest string
	trust  attest.Trust
	people map[string]identity // by name
	rules  []condition
}

// file is the policy as it is written.
type file struct {
	Schema  string `yaml:"schema"`
	Version int    `yaml:"version"`
	Expires day    `yaml:"expires"`
	// TrustedRoot is where certificates and timestamps are held against.
	TrustedRoot *rootRef         `yaml:"trusted_root"`
	Identities  []identity       `yaml:"identities"`
	Roles       map[string]*Role `yaml:"roles"`
	Gate        Gate             `yaml:"gate"`
	Require     Require          `yaml:"require"`
	Waivers     Waivers          `yaml:"waivers"`
	Inline      Inline           `yaml:"inline"`
	// IgnoreFiles is off (the zero value) or allowed.
	IgnoreFiles string          `yaml:"ignore_files"`
	Conditions  []conditionText `yaml:"conditions"`
}

// rootRef is "public-good", or a file beside the policy with its digest, so
// that who signs the policy has signed the root too.
type rootRef struct {
	Name   string
	File   string `yaml:"file"`
	SHA256 string `yaml:"sha256"`
}

// UnmarshalYAML takes a word or a file with its digest.
func (r *rootRef) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		r.Name = n.Value
		if r.Name != attest.PublicGood {
			return fmt.Errorf("line %d: trusted_root is %q, or file and sha256", n.Line, attest.PublicGood)
		}
		return nil
	}
	type plain rootRef
	if err := n.Decode((*plain)(r)); err != nil {
		return err
	}
	if r.File == "" || len(r.SHA256) != 64 {
		return fmt.Errorf("line %d: trusted_root needs file and sha256", n.Line)
	}
	return nil
}

// identity is somebody, with their roles.
type identity struct {
	Name string `yaml:"name"`
	// Person is who it is: two keys of one person are one voice. It is the
	// name where nothing is said.
	Person string   `yaml:"person"`
	Roles  []string `yaml:"roles"`
	Key    string   `yaml:"key"` // PEM
	Issuer string   `yaml:"issuer"`
	// The patterns must match whole.
	IssuerRegexp  string `yaml:"issuer_regexp"`
	Subject       string `yaml:"subject"`
	SubjectRegexp string `yaml:"subject_regexp"`
}

// Role is what its holders may say.
type Role struct {
	// Speaks lists predicates, by short name (see Predicates) or type.
	Speaks []string `yaml:"speaks"`
	// Waive bounds what they may accept, nil for nothing.
	Waive *Bound `yaml:"waive"`
	// Approve bounds whose waivers they may approve, nil for none.
	Approve *Bound `yaml:"approve"`
	// Verdict says that their bill's verdict is believed without the findings
	// document, if it was made under exactly this policy.
	Verdict bool `yaml:"verdict"`
}

// Bound is up to which severity, and for how many days.
type Bound struct {
	MaxSeverity string `yaml:"max_severity"`
	MaxDays     int    `yaml:"max_days"`
}

// Gate is the threshold.
type Gate struct {
	FailOn    string `yaml:"fail_on"`
	UnratedAs string `yaml:"unrated_as"`
}

// Require is what must be there.
type Require struct {
	// Checks must each have run, complete.
	Checks []string `yaml:"checks"`
	// NoSkip refuses bills in which any check was left out.
	NoSkip bool `yaml:"no_skip"`
	// BillAge and DataAge are maximum ages; a policy must state BillAge.
	BillAge Age `yaml:"bill_max_age"`
	DataAge Age `yaml:"data_max_age"`
	// Timestamp wants a proven time of every signature that counts.
	Timestamp bool `yaml:"timestamp"`
	// Sandbox wants every step to have run behind full walls.
	Sandbox bool `yaml:"sandbox"`
	// Previous is "optional" (the zero value) or "required": then a bill
	// must name one, except that of a repository's first commit.
	Previous string `yaml:"previous"`
	// IdentityKeys, where there are any, are the ids under which fingerprints
	// may have been made.
	IdentityKeys []string `yaml:"identity_keys"`
	// Repositories are those that an artifact may be built from, as provenance
	// names them; empty for any.
	Repositories []string `yaml:"repositories"`
}

// Waivers bounds risk acceptances.
type Waivers struct {
	// Approvals is how many other people must approve.
	Approvals int `yaml:"approvals"`
}

// Inline bounds ignores in the code. The zero value honours none.
type Inline struct {
	MaxSeverity string `yaml:"max_severity"`
	MaxDays     int    `yaml:"max_days"`
}

// UnmarshalYAML takes "off" or the bounds.
func (i *Inline) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		if n.Value != "off" && n.Value != "false" {
			return fmt.Errorf("line %d: inline is off, or max_severity and max_days", n.Line)
		}
		return nil
	}
	type plain Inline
	return n.Decode((*plain)(i))
}

// ErrExpired says that a policy's day is over.
var ErrExpired = errors.New("the policy has expired")

// Files reads a file beside the policy.
type Files func(name string) ([]byte, error)

// Parse reads a policy. Files is asked for the trusted root only.
func Parse(b []byte, files Files) (*Policy, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("a policy has at most %d bytes", MaxSize)
	}
	p := &Policy{digest: attest.Digest(b), people: map[string]identity{}}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&p.file); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the policy is empty: it believes nobody")
		}
		return nil, err
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("the policy holds more than one document")
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := p.root(files); err != nil {
		return nil, err
	}
	for _, i := range p.file.Identities {
		who, err := i.trusted()
		if err != nil {
			return nil, err
		}
		p.trust.Identities = append(p.trust.Identities, who)
		p.people[i.Name] = i
	}
	var err error
	p.rules, err = compile(p.file.Conditions)
	return p, err
}

func (p *Policy) root(files Files) error {
	ref := p.file.TrustedRoot
	if ref == nil {
		return nil
	}
	if ref.Name == attest.PublicGood {
		r, err := attest.PublicGoodRoot()
		p.trust.Root = r
		return err
	}
	b, err := files(ref.File)
	if err != nil {
		return fmt.Errorf("trusted_root: %w", err)
	}
	if got := attest.Digest(b); got != ref.SHA256 {
		return fmt.Errorf("trusted_root: %s has the SHA-256 %s, and the policy names %s", ref.File, got, ref.SHA256)
	}
	p.trust.Root, err = attest.ParseRoot(b, ref.File)
	return err
}

func (i identity) trusted() (attest.Identity, error) {
	out := attest.Identity{Name: i.Name, Issuer: i.Issuer, Subject: i.Subject}
	var err error
	if i.Key != "" {
		if out.Key, err = attest.PublicKey([]byte(i.Key)); err != nil {
			return out, fmt.Errorf("identity %q: %w", i.Name, err)
		}
	}
	if i.IssuerRegexp != "" {
		if out.IssuerPattern, err = attest.Pattern(i.IssuerRegexp); err != nil {
			return out, fmt.Errorf("identity %q: issuer_regexp: %w", i.Name, err)
		}
	}
	if i.SubjectRegexp != "" {
		if out.SubjectPattern, err = attest.Pattern(i.SubjectRegexp); err != nil {
			return out, fmt.Errorf("identity %q: subject_regexp: %w", i.Name, err)
		}
	}
	if !out.Valid() {
		return out, fmt.Errorf("identity %q is neither a key nor an issuer and a subject", i.Name)
	}
	return out, nil
}

// Digest is the SHA-256 of the file; Version its number.
func (p *Policy) Digest() string { return p.digest }

// Version is the number that only grows.
func (p *Policy) Version() int { return p.file.Version }

// Expires is the end of its last day.
func (p *Policy) Expires() time.Time { return p.file.Expires.end() }

// InForce says ErrExpired, with the day, after the policy's last day.
func (p *Policy) InForce(at time.Time) error {
	if !at.Before(p.Expires()) {
		return fmt.Errorf("%w on %s", ErrExpired, p.file.Expires.text)
	}
	return nil
}

// Trust is everybody that the policy names. That somebody is trusted says
// nothing of what they may say: see Speaker.
func (p *Policy) Trust() attest.Trust { return p.trust }

// Gate is the threshold.
func (p *Policy) Gate() Gate { return p.file.Gate }

// Require is what must be there.
func (p *Policy) Require() Require { return p.file.Require }

// Inline bounds ignores in the code.
func (p *Policy) Inline() Inline { return p.file.Inline }

// IgnoreFiles says whether a repository may keep files from being read.
func (p *Policy) IgnoreFiles() bool { return p.file.IgnoreFiles == "allowed" }

// Approvals is how many other people must approve a waiver.
func (p *Policy) Approvals() int { return p.file.Waivers.Approvals }

// Speaker is somebody who signed, in the role that lets them say it.
type Speaker struct {
	Name   string `json:"name"`
	Person string `json:"person"`
	Role   string `json:"role"`
}

func (s Speaker) String() string { return s.Name + " (" + s.Role + ")" }

// ErrRole says that a signature is right and its maker may not say this.
var ErrRole = errors.New("the role does not allow it")

// Speaker finds who of the signers may speak a predicate. A signer without
// such a role is ErrRole.
func (p *Policy) Speaker(v attest.Verified, predicate string) (Speaker, error) {
	return p.speaker(v, func(r *Role) bool { return slices.Contains(typesOf(r.Speaks), predicate) }, name(predicate))
}

// Waiver finds the signer who may accept a finding of a severity, and for how
// many days.
func (p *Policy) Waiver(v attest.Verified, severity string) (Speaker, int, error) {
	return p.bounded(v, severity, "waive", func(r *Role) *Bound { return r.Waive })
}

// Approver finds the signer who may approve a waiver of a severity.
func (p *Policy) Approver(v attest.Verified, severity string) (Speaker, error) {
	s, _, err := p.bounded(v, severity, "approve", func(r *Role) *Bound { return r.Approve })
	return s, err
}

func (p *Policy) bounded(v attest.Verified, severity, verb string, of func(*Role) *Bound) (Speaker, int, error) {
	days := 0
	s, err := p.speaker(v, func(r *Role) bool {
		b := of(r)
		if b == nil || rank(severity) > rank(b.MaxSeverity) {
			return false
		}
		days = max(days, b.MaxDays)
		return true
	}, verb+" "+severity)
	return s, days, err
}

// Verdict says whether a signer's verdict is believed without the findings.
func (p *Policy) Verdict(v attest.Verified) (Speaker, error) {
	return p.speaker(v, func(r *Role) bool { return r.Verdict }, "give a verdict without the findings")
}

func (p *Policy) speaker(v attest.Verified, may func(*Role) bool, what string) (Speaker, error) {
	no := Speaker{}
	err := fmt.Errorf("%w: the signer is nobody whom the policy names", ErrRole)
	for _, s := range v.Signers() { // several, where one key has two names
		i, ok := p.people[s.Name]
		if !ok {
			continue
		}
		for _, r := range i.Roles {
			if may(p.file.Roles[r]) {
				return Speaker{i.Name, i.person(), r}, nil
			}
		}
		no, err = Speaker{i.Name, i.person(), ""}, fmt.Errorf("%w: %s (%v) may not %s", ErrRole, i.Name, i.Roles, what)
	}
	return no, err
}

func (i identity) person() string {
	if i.Person != "" {
		return i.Person
	}
	return i.Name
}

// Who lists the identities for people to read: name and roles.
func (p *Policy) Who() map[string][]string {
	out := map[string][]string{}
	for n, i := range maps.All(p.people) {
		out[n] = slices.Clone(i.Roles)
	}
	return out
}
