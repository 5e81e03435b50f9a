// Package dast looks at a running application from outside: what it offers,
// what its transport and headers promise, and what it does with input that it
// must not act on.
//
// It has no network of its own. Every connection is asked of a gate outside of
// its walls, which knows the hosts that may be contacted.
package dast

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/checks/dast/access"
	"github.com/vitalsign-dev/vitalsign/checks/dast/exposed"
	"github.com/vitalsign-dev/vitalsign/checks/dast/fhir"
	"github.com/vitalsign-dev/vitalsign/checks/dast/inject"
	"github.com/vitalsign-dev/vitalsign/checks/dast/passive"
	"github.com/vitalsign-dev/vitalsign/checks/dast/session"
	"github.com/vitalsign-dev/vitalsign/checks/dast/transport"
	"github.com/vitalsign-dev/vitalsign/internal/loopback"
)

const (
	name    = "dast"
	version = "1"
)

// New gives the check.
func New() child.Check { return check{} }

type check struct{}

func (check) Name() string { return name }

// Describe implements child.Check. It claims no file: what it accounts for are
// the operations of the application.
func (check) Describe() checks.Description {
	rules := rules()
	return checks.Description{
		Name: name, Title: "Running application, probed", Version: version, Live: true,
		Rules: rules, RulesDigest: digest(rules), Claims: []checks.Claim{},
		Canary: checks.Canary{Files: []checks.CanaryFile{}, Hits: []checks.CanaryHit{
			{Path: "search", Rule: "web-xss-reflected"}, {Path: "-", Rule: "web-content-type-options"},
		}},
	}
}

// rules are those of all parts. A rule's class is the one that sast has for the
// same weakness, where it has one.
func rules() []checks.Rule {
	var all []checks.Rule
	for _, part := range [][]checks.Rule{
		own(), transport.Rules(), passive.Rules(), exposed.Rules(), inject.Rules(), access.Rules(), fhir.Rules(), session.Rules(),
	} {
		all = append(all, part...)
	}
	for i, r := range all {
		if r.Class == "" {
			all[i].Class = checks.ClassOf(name, r.ID)
		}
	}
	return all
}

func digest(rules []checks.Rule) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %v", version, rules)
	return hex.EncodeToString(h.Sum(nil))
}

// own are rules about the application as a whole.
func own() []checks.Rule {
	return []checks.Rule{
		{ID: "web-plain-http", Title: "The application answers without TLS", Severity: checks.High, CWE: []string{"CWE-319"}, References: []string{"https://csrc.nist.gov/pubs/sp/800/52/r2/final", "https://www.hhs.gov/hipaa/for-professionals/security/laws-regulations/index.html"}, Advice: "Answer over TLS only, and redirect plain HTTP to it without a body."},
		{ID: "tls-1.3-required", Title: "TLS 1.3 is required and not offered", Severity: checks.High, CWE: []string{"CWE-326"}, References: []string{"https://csrc.nist.gov/pubs/sp/800/52/r2/final"}, Advice: "Offer TLS 1.3: the configuration asks for it (dast.require_tls13).", Class: "weak-tls"},
		{ID: "web-mixed-content", Title: "A page over TLS loads parts without it", Severity: checks.Medium, CWE: []string{"CWE-319"}, References: []string{"https://www.w3.org/TR/mixed-content/"}, Advice: "Load every part of the page over https."},
	}
}

// Run implements child.Check.
func (check) Run(ctx context.Context, in child.Input, out *child.Sink) error {
	if in.Live == nil || in.Network == nil {
		return errors.New("no running application was named")
	}
	base, err := url.Parse(in.Live.URL)
	if err != nil {
		return errors.New("the address of the application is not a URL")
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	base.RawQuery, base.Fragment = "", ""
	if err := canary(ctx, in, out); err != nil {
		return fmt.Errorf("the canary could not be asked: %w", err)
	}
	s := newScan(in, out, base)
	defer s.close()
	return s.run(ctx)
}

// canary scans a small application of our own behind the same gate, with the
// same code. What it must find there shows that this run could have found it.
func canary(ctx context.Context, in child.Input, out *child.Sink) error {
	live := checks.DefaultLive()
	live.URL = "http://" + in.Tree.CanaryDir() + checks.CanaryZone
	live.PerSecond = 0
	base, err := url.Parse(live.URL)
	if err != nil {
		return err
	}
	in.Live = &live
	s := newScan(in, out, base)
	s.canary = in.Tree.CanaryDir()
	defer s.close()
	return s.run(ctx)
}

// local says whether the application is on this machine, beside the check in a
// container engine, or was made up: no network in between that could listen.
func local(base *url.URL) bool {
	host := base.Hostname()
	return loopback.Host(host) || host == checks.ServiceHost || strings.HasSuffix(host, checks.CanaryZone)
}
