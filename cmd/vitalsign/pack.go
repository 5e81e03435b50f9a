package main

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/bill"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/evidence"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/sbom"
)

// pack is the evidence of one run in the making: names in the archive to bytes.
type pack struct {
	*scanner
	run      *checks.Run
	subjects []attest.Subject
	dir      string
	files    map[string][]byte
	billID   string
	signed   int
}

// all makes and signs every statement that a run supports. What it does not
// support (a list of packages without the step that lists them) is left out:
// whoever needs it misses it, and the bill says why.
func (p *pack) all(ctx context.Context, b bill.Bill, document []byte, o opened) error {
	gate := judge.Gate{FailOn: o.settings.FailOn, UnratedAs: o.settings.UnratedAs}
	st, err := attest.NewStatement(attest.PredicateBill, b, p.subjects...)
	if err != nil {
		return err
	}
	payload, err := st.Bytes()
	if err != nil {
		return err
	}
	p.billID = attest.Digest(payload)
	if err := p.sign(ctx, "bill", st); err != nil {
		return err
	}
	if err := p.document(ctx, document); err != nil {
		return err
	}
	vsa, err := evidence.Summary(*p.run, b, p.billID)
	if err != nil {
		return err
	}
	if err := p.predicate(ctx, "vsa", attest.PredicateVSA, vsa); err != nil {
		return err
	}
	return errors.Join(p.vulns(ctx), p.tests(ctx, gate), p.boms(ctx), p.vex(ctx, o))
}

// document keeps the findings document, with a signature of its own beside it.
func (p *pack) document(ctx context.Context, document []byte) error {
	sum := attest.Digest(document)
	raw, err := p.signer.Artifact(ctx, sum)
	if err != nil {
		return err
	}
	name := path.Join(p.dir, chain.DocumentFile(sum))
	p.files[name], p.files[name+attest.BundleSuffix] = document, raw
	p.signed++
	return nil
}

func (p *pack) sign(ctx context.Context, what string, st attest.Statement) error {
	raw, err := p.signer.Statement(ctx, st)
	if err != nil {
		return err
	}
	p.files[p.name(what)] = raw
	p.signed++
	return nil
}

// name is where a statement of the run is kept.
func (p *pack) name(what string) string {
	return path.Join(p.dir, p.run.ID+"."+what+attest.BundleSuffix)
}

// waivers keeps the signed waivers and approvals that the run had, so that the
// evidence is whole wherever it is brought to.
func (p *pack) waivers(o opened) {
	for _, f := range o.waivers {
		if f.err == nil && strings.HasSuffix(f.name, attest.BundleSuffix) {
			p.files[path.Join(p.dir, path.Base(f.name))] = f.raw
		}
	}
}

func (p *pack) predicate(ctx context.Context, what, kind string, predicate json.RawMessage) error {
	st, err := attest.NewStatement(kind, predicate, p.subjects...)
	if err != nil {
		return err
	}
	return p.sign(ctx, what, st)
}

func (p *pack) vulns(ctx context.Context) error {
	v, err := evidence.Vulns(*p.run)
	var step *evidence.StepError
	if errors.As(err, &step) || errors.Is(err, evidence.ErrNoTime) {
		return nil // nothing can be said of a step that did not come to its end
	}
	if err != nil {
		return err
	}
	return p.predicate(ctx, "vulns", attest.PredicateVulns, v)
}

func (p *pack) tests(ctx context.Context, gate judge.Gate) error {
	rules := map[string][]string{}
	for _, d := range p.tool.Checks {
		for _, r := range d.Rules {
			rules[d.Name] = append(rules[d.Name], r.ID)
		}
	}
	results, err := evidence.TestResults(*p.run, gate.Blocks, evidence.TestOptions{Rules: rules})
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Predicate == nil {
			continue
		}
		if err := p.predicate(ctx, "test-result-"+r.Check, attest.PredicateTestResult, r.Predicate); err != nil {
			return err
		}
	}
	return nil
}

// boms signs the bills of materials. One that is not complete says so in
// itself; none is made where nobody listed packages.
func (p *pack) boms(ctx context.Context) error {
	if len(p.run.Components) == 0 {
		return nil
	}
	for _, b := range []struct {
		what, kind string
		write      func(checks.Run, sbom.Options) ([]byte, error)
	}{{"cyclonedx", attest.PredicateCycloneDX, sbom.CycloneDX}, {"spdx", attest.PredicateSPDX, sbom.SPDX}} {
		doc, err := b.write(*p.run, sbom.Options{})
		if err != nil && !errors.Is(err, sbom.ErrIncomplete) {
			return err
		}
		if err := p.predicate(ctx, b.what, b.kind, doc); err != nil {
			return err
		}
	}
	return nil
}

// vex signs what waivers say of vulnerable dependencies.
func (p *pack) vex(ctx context.Context, o opened) error {
	doc, err := evidence.VEX(*p.run, p.app.acceptances(o.waivers, o.policy))
	if err != nil || doc == nil {
		return err
	}
	return p.predicate(ctx, "openvex", attest.PredicateOpenVEX, doc)
}
