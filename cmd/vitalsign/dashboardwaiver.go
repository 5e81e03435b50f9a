package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/waiver"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/search"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/tui"
)

// waivers are the risk acceptances of the repositories on this machine.
type waivers struct {
	app  *app
	kept *store.Store
}

// Waivers lists the waiver files of the targets, each with what the newest run
// made of it. A target without a work tree here has none that can be read: its
// waivers are those of its newest run.
func (w waivers) Waivers(ctx context.Context, targets []string) ([]tui.Waiver, error) {
	board, err := w.kept.Board(ctx)
	if err != nil {
		return nil, err
	}
	var out []tui.Waiver
	for _, t := range board {
		if !slices.Contains(targets, t.Target) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		of, err := w.of(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Target, err)
		}
		out = append(out, of...)
	}
	return out, nil
}

// of are the waivers of a target.
func (w waivers) of(ctx context.Context, t store.TargetSummary) ([]tui.Waiver, error) {
	last, err := w.kept.Waivers(ctx, t.RunID)
	if err != nil {
		return nil, err
	}
	seen := map[string]checks.Waiver{}
	for _, v := range last {
		seen[v.ID] = v
	}
	var out []tui.Waiver
	_, files, p, err := w.app.waiversHere(ctx, t.Target, "")
	if err != nil {
		files = nil // it is not here: what the run saw is what there is
	}
	for _, acc := range w.app.acceptances(files, p) {
		out = append(out, w.one(t, acc, files, seen))
		delete(seen, acc.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, tui.Waiver{Target: t.Target, Repository: t.Repo, Waiver: seen[id]})
	}
	return out, nil
}

// one is a waiver that lies in a repository, as it is now.
func (w waivers) one(t store.TargetSummary, acc judge.Acceptance, files []waiverFile, seen map[string]checks.Waiver) tui.Waiver {
	out := tui.Waiver{Target: t.Target, Repository: t.Repo, Severity: acc.Waiver.Severity, Why: acc.Waiver.Reason, Ticket: acc.Waiver.Ticket, Created: acc.Waiver.Created, Path: acc.Waiver.Path,
		Waiver: checks.Waiver{ID: acc.ID, Rule: acc.Waiver.Rule, Until: acc.Waiver.Until, By: strings.TrimSpace(acc.By), Signed: acc.Signed}}
	for _, f := range files {
		if strings.HasPrefix(path.Base(f.name), waiver.ShortID(acc.ID)) {
			out.File = f.name
		}
	}
	if v, ok := seen[acc.ID]; ok {
		out.Waiver = v
	}
	if state, why := standing(acc, w.app.now()); state != "" {
		out.State, out.Waiver.Reason = state, why
	}
	return out
}

// Waive writes a waiver for each finding into its repository.
func (w waivers) Waive(ctx context.Context, ask tui.Waive) (string, error) {
	key := ask.Key
	if key == "" {
		key = w.app.getenv("VITALSIGN_KEY")
	}
	signer := func() (attest.Signer, error) {
		return w.app.signerWith(ctx, key, w.app.getenv("VITALSIGN_TIMESTAMP_URL"), func(bool) ([]byte, error) { return w.passphrase(ask.Passphrase) })
	}
	base, err := w.app.waiverOf(waiveFlags{until: ask.Until, reason: ask.Reason, ticket: ask.Ticket})
	if err != nil {
		return "", err
	}
	var said []string
	done := map[string]bool{} // one waiver covers every place of a finding
	for _, f := range ask.Findings {
		if done[f.Target+f.Fingerprint+f.Rule] {
			continue
		}
		done[f.Target+f.Fingerprint+f.Rule] = true
		lines, err := w.write(ctx, base, f, signer)
		if err != nil {
			return "", fmt.Errorf("%s in %s: %w%s", f.Rule, f.Path, err, whatWasWritten(len(said)))
		}
		said = append(said, strings.Join(lines, "; "))
	}
	if len(said) == 1 {
		return said[0] + "; the next scan applies it", nil
	}
	return fmt.Sprintf("%d waivers written to %s; the next scan applies them", len(said), waiverDir), nil
}

func whatWasWritten(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d were written before)", n)
}

func (w waivers) write(ctx context.Context, base waiver.Waiver, f search.Row, signer func() (attest.Signer, error)) ([]string, error) {
	run, err := w.kept.Load(ctx, f.Run)
	if err != nil {
		return nil, err
	}
	if err := bindFinding(run, &base, f.Fingerprint); err != nil {
		return nil, err
	}
	said, err := w.app.writeWaiver(ctx, f.Target, base, "", signer)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("the repository is not checked out here; in a checkout of it: vitalsign waive %.12s --until %s --reason '...'", f.Fingerprint, base.Until)
	}
	return said, err
}

func (w waivers) passphrase(typed []byte) ([]byte, error) {
	if len(typed) > 0 {
		return typed, nil
	}
	if v, ok := w.app.lookup(passphraseEnv); ok {
		return []byte(v), nil
	}
	return nil, usageError("the key has a passphrase: type it, or set %s", passphraseEnv)
}
