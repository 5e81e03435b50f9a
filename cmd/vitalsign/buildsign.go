package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/archive"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
	"github.com/vitalsign-dev/vitalsign/pipelines/build"
)

// provenanceBundle is the name of an artifact's signed provenance.
func provenanceBundle(artifact string) string { return artifact + ".provenance" + attest.BundleSuffix }

// sign signs what was written: each artifact's provenance, the list of digests,
// and the bill of health of the sources. Old bundles go in any case: they are
// about what was there before.
func (b *building) sign(ctx context.Context) error {
	if b.written == "" {
		return nil
	}
	names := []string{build.SumsFile + attest.BundleSuffix}
	for _, m := range b.makes {
		names = append(names, provenanceBundle(m.artifact.Name))
	}
	for _, n := range names {
		if err := os.Remove(filepath.Join(b.written, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if b.flags.sign == "" {
		return nil
	}
	err := b.unsigned
	if err == nil {
		err = b.signAs(ctx)
	}
	if err == nil {
		b.signed = true
		return nil
	}
	why := "unsigned: " + err.Error()
	b.source.Notes = append(b.source.Notes, why)
	if b.flags.sign == signRequired {
		b.notSigned = why
	}
	b.progress.Say(why)
	return nil
}

func (b *building) signAs(ctx context.Context) error {
	if err := b.signRun(ctx, b.o, &b.source); err != nil {
		return err
	}
	kept := map[string][]byte{}
	for _, m := range b.makes {
		raw, err := b.signProvenance(ctx, m)
		if err != nil {
			return fmt.Errorf("the provenance of %s: %w", m.artifact.Name, err)
		}
		kept[path.Join(b.o.tree.Target.Commit, b.invocation+"."+provenanceBundle(safeName(m.artifact.Name)))] = raw
	}
	sum, err := wholefile.SHA256(filepath.Join(b.written, build.SumsFile))
	if err != nil {
		return err
	}
	raw, err := b.signer.Artifact(ctx, sum)
	if err != nil {
		return err
	}
	if err := wholefile.WriteBytes(filepath.Join(b.written, build.SumsFile+attest.BundleSuffix), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	to, err := b.app.archive(ctx, b.o.settings.Evidence, b.o.tree.Root)
	if err != nil || b.o.tree.Target.Commit == "" {
		return err
	}
	return archive.PutAll(ctx, to, kept)
}

// safeName is a name as an archive takes it.
func safeName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, name)
}

// signProvenance signs a provenance as it was written, and puts the bundle
// beside it.
func (b *building) signProvenance(ctx context.Context, m *made) ([]byte, error) {
	doc, err := readFile(filepath.Join(b.written, build.ProvenanceFile(m.artifact.Name)), maxPredicate)
	if err != nil {
		return nil, err
	}
	var st attest.Statement
	if err := json.Unmarshal(doc, &st); err != nil {
		return nil, err
	}
	raw, err := b.signer.Statement(ctx, st)
	if err != nil {
		return nil, err
	}
	return raw, wholefile.WriteBytes(filepath.Join(b.written, provenanceBundle(m.artifact.Name)), append(raw, '\n'), 0o644)
}

// signedVerdict makes a build that had to be signed and was not exit 4.
func (b *building) signedVerdict(exit int, reasons []string) (int, []string) {
	if b.notSigned == "" || exit == judge.ExitInterrupted {
		return exit, reasons
	}
	return judge.ExitNotVerified, append(reasons, b.notSigned)
}
