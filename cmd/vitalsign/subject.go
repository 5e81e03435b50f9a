package main

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// subjectHelp says how a subject is named.
const subjectHelp = "A subject is a file, a directory (its dirHash: .git and bundles are left out), an image\n" +
	"(image:REFERENCE@sha256:..., or image:DIRECTORY with an OCI layout), a commit of the repository\n" +
	"here (commit:HEAD) or anywhere (commit:FULL-ID), or a digest (sha256:HEX).\n"

// subject finds what a name on the command line stands for. A bare name is
// always a path.
func (a *app) subject(ctx context.Context, name string) (chain.Subject, error) {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "commit":
		return a.commitSubject(ctx, ".", rest)
	case attest.SHA256:
		if b, err := hex.DecodeString(rest); err != nil || len(b) != 32 {
			return chain.Subject{}, usageError("%q is no SHA-256 in hex", rest)
		}
		return chain.Subject{Kind: "digest", Name: name, Digests: map[string]string{attest.SHA256: strings.ToLower(rest)}}, nil
	case "image":
		return a.imageSubject(rest)
	}
	info, err := os.Stat(name)
	if err != nil {
		return chain.Subject{}, usageError("no such subject: %w", err)
	}
	if !info.IsDir() {
		sum, err := wholefile.SHA256(name)
		return chain.Subject{Kind: "file", Name: name, Digests: map[string]string{attest.SHA256: sum}}, err
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return chain.Subject{}, err
	}
	defer root.Close() // read only
	sum, err := attest.HashDir(ctx, root)
	if err != nil {
		return chain.Subject{}, usageError("%s: %w", name, err)
	}
	return chain.Subject{Kind: "directory", Name: name, Digests: map[string]string{attest.DirHash: sum}}, nil
}

// commitSubject is a commit by its whole id, or by a name in the repository
// in dir; then its tree is known, too.
func (a *app) commitSubject(ctx context.Context, dir, rev string) (chain.Subject, error) {
	s := chain.Subject{Kind: "commit", Name: rev, Digests: map[string]string{attest.GitCommit: strings.ToLower(rev)}}
	b, err := hex.DecodeString(rev)
	whole := err == nil && (len(b) == 20 || len(b) == 32)
	repo, err := git.Open(ctx, a.gitProgram(), dir)
	if err != nil {
		if whole {
			return s, nil
		}
		return s, usageError("commit:%s: %w", rev, err)
	}
	c, err := repo.Commit(ctx, rev)
	switch {
	case err == nil:
		s.Digests = map[string]string{attest.GitCommit: c.ID, attest.GitTree: c.Tree}
	case !whole:
		return s, usageError("commit:%s: %w", rev, err)
	}
	return s, nil
}

// statementSubject is a subject as a statement names it: without the way to it
// on this machine.
func statementSubject(s chain.Subject) attest.Subject {
	name := s.Name
	if s.Kind == "file" || s.Kind == "directory" {
		if abs, err := filepath.Abs(name); err == nil {
			name = filepath.Base(abs)
		}
	}
	return attest.Subject{Name: name, Digest: s.Digests}
}
