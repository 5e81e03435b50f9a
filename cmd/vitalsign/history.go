package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// dataHistory is how the secrets check calls a history: data, and the option to
// read it.
const dataHistory = "history"

// maxHistory bounds the patches of a history, in bytes.
const maxHistory = 16 << 30

// history writes all patches of a repository to a file for the secrets check,
// which cannot run git. cleanup removes it; it is never nil.
func (s *scanner) history(ctx context.Context, o opened) (set *pipelines.DataSet, cleanup func(), err error) {
	cleanup = func() {}
	if !o.settings.History {
		return nil, cleanup, nil
	}
	if o.tree.Repo == nil {
		return nil, cleanup, errors.New("its history cannot be read: it is no repository, or git is not installed")
	}
	s.progress.Say("reading the history of " + o.tree.Target.Path)
	f, err := os.CreateTemp("", "vitalsign-history-")
	if err != nil {
		return nil, cleanup, err
	}
	cleanup = func() { _ = os.Remove(f.Name()) } // nothing more can be done about a file that stays
	h := sha256.New()
	err = o.tree.Repo.Patches(ctx, io.MultiWriter(f, h), maxHistory)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, cleanup, fmt.Errorf("its history could not be read: %w", err)
	}
	return &pipelines.DataSet{
		Data: checks.Data{Name: dataHistory, Digest: hex.EncodeToString(h.Sum(nil)), AsOf: s.app.now().UTC()}, Path: f.Name(),
	}, cleanup, nil
}

// shallowHistory takes back that a history was read where the repository is
// here without it: what is in its older commits nobody has looked at.
func shallowHistory(o opened, run *checks.Run) {
	if !o.settings.History || !o.tree.Target.Shallow {
		return
	}
	for i, st := range run.Steps {
		if st.Check == "secrets" && st.Status == checks.OK {
			run.Steps[i].Status = checks.Partial
			run.Steps[i].Reason = "the history was asked for, and the repository is here without it (a shallow clone)"
			run.Steps[i].Advice = "scan a full clone (in CI: fetch-depth: 0)"
		}
	}
}
