package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/waiver"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// waiverDir is where waivers lie in a repository, reviewed like code.
const waiverDir = ".vitalsign/waivers"

// maxWaivers bounds how many waiver files are read.
const maxWaivers = 10_000

// waiverFile is one file of waiverDir.
type waiverFile struct {
	name string
	raw  []byte
	err  error
}

// waiverFiles reads the waivers that a target has, in the work tree.
func waiverFiles(root string) ([]waiverFile, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close() // read only
	entries, err := fs.ReadDir(dir.FS(), waiverDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []waiverFile
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		if len(out) == maxWaivers {
			return nil, fmt.Errorf("%s holds more than %d waivers", waiverDir, maxWaivers)
		}
		f := waiverFile{name: path.Join(waiverDir, e.Name())}
		f.raw, f.err = readFile(filepath.Join(root, f.name), waiver.MaxSize)
		out = append(out, f)
	}
	return out, nil
}

// waiversOf are the waiver files that count for a target: where a change is
// judged those of the base that the head still has, byte for byte. What the
// head adds is recorded as a loosening.
func (s *scanner) waiversOf(ctx context.Context, tree *pipelines.Tree, t *trusted) ([]waiverFile, error) {
	head, err := waiverFiles(tree.Root)
	if err != nil || t.base == "" {
		return head, err
	}
	names, err := tree.Repo.List(ctx, t.base, waiverDir)
	if err != nil {
		return nil, exitError{judge.ExitUnknown, fmt.Errorf("the waivers at %.12s: %w", t.base, err)}
	}
	var kept []waiverFile
	for _, f := range head {
		if slices.Contains(names, f.name) {
			if b, err := tree.Repo.Show(ctx, t.base, f.name, waiver.MaxSize); err == nil && bytes.Equal(b, f.raw) {
				kept = append(kept, f)
				continue
			}
		}
		t.loosen("loosened-waiver", f.name, 0, "the waiver "+path.Base(f.name)+" is new or was changed")
	}
	return kept, nil
}

// acceptances says of each waiver file who stands behind it. Without any policy
// unsigned waivers count, and are called so; with one only signed ones do, and
// with one that is not believed none.
func (a *app) acceptances(files []waiverFile, p foundPolicy) []judge.Acceptance {
	var out []judge.Acceptance
	var signed []waiver.Signed
	var approvals []attest.Verified
	for _, f := range files {
		if !strings.HasSuffix(f.name, attest.BundleSuffix) {
			out = append(out, unsigned(f, p))
			continue
		}
		w, v, kind, err := a.openWaiver(f, p)
		switch {
		case err != nil:
			out = append(out, judge.Acceptance{ID: path.Base(f.name), Refused: err.Error()})
		case kind == waiver.KindApproval:
			approvals = append(approvals, v)
		default:
			signed = append(signed, waiver.Signed{Waiver: w, By: v})
		}
	}
	if p.policy != nil {
		out = append(out, chain.Acceptances(signed, approvals, p.policy, a.now())...)
	}
	return out
}

func unsigned(f waiverFile, p foundPolicy) judge.Acceptance {
	if f.err != nil {
		return judge.Acceptance{ID: path.Base(f.name), Refused: f.err.Error()}
	}
	w, id, err := waiver.Read(bytes.TrimRight(f.raw, "\n"))
	acc := judge.Acceptance{ID: id, Waiver: w, By: orWord("", w.Author) + " (unsigned)"}
	switch {
	case err != nil:
		acc.ID, acc.Refused = path.Base(f.name), err.Error()
	case p.refused != nil:
		acc.Refused = p.refused.Error()
	case p.policy != nil:
		acc.Refused = "it is not signed, and a policy exists (" + p.from + ")"
	}
	return acc
}

func (a *app) openWaiver(f waiverFile, p foundPolicy) (w waiver.Waiver, v attest.Verified, kind string, err error) {
	switch {
	case f.err != nil:
		return w, v, "", f.err
	case p.refused != nil:
		return w, v, "", p.refused
	case p.policy == nil:
		return w, v, "", errors.New("it is signed, and there is no policy that says whose signature counts")
	}
	if v, err = attest.Verify(f.raw, p.policy.Trust(), a.now()); err != nil {
		return w, v, "", err
	}
	switch kind = waiver.KindOf(v); kind {
	case waiver.KindApproval:
		_, err = waiver.ApprovalOf(v)
	case waiver.KindWaiver:
		w, err = waiver.Of(v)
	default:
		err = errors.New("it is neither a waiver nor an approval")
	}
	return w, v, kind, err
}

// waive applies the waivers and the accepted debt to a run.
func (s *scanner) waive(o opened, run *checks.Run, there func(string) bool) {
	// Of what was not looked at nobody knows that it is gone.
	asked := func(path string) bool {
		return there(path) || o.staged != nil || !o.tree.Covers(path)
	}
	c := judge.WaiverContext{At: s.app.now(), IdentityKeyID: run.IdentityKeyID, Throwaway: run.IdentityKeyThrowaway, There: asked, UnratedAs: o.settings.UnratedAs}
	accepted := s.app.acceptances(o.waivers, o.policy)
	run.Findings, run.Waivers = judge.Waive(run.Findings, accepted, c)
	for i, w := range run.Waivers {
		if w.State != checks.WaiverApplied && (w.State != checks.WaiverUnused || o.staged == nil && o.needsHere(accepted[i].Waiver)) {
			run.Notes = append(run.Notes, fmt.Sprintf("waiver %s of %s: %s: %s", waiver.ShortID(w.ID), w.Rule, w.State, w.Reason))
		}
	}
	s.acceptDebt(o, run, c)
}

// needsHere says whether nobody but a target can need a waiver: all of what it
// is about was looked at.
func (o opened) needsHere(w waiver.Waiver) bool {
	if o.tree.Whole() {
		return true
	}
	return len(w.Places) > 0 && !slices.ContainsFunc(w.Places, func(p waiver.Place) bool { return !o.tree.Covers(p.Path) })
}
