package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/vitalsign-dev/vitalsign/attest/archive"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/pipelines/build"
)

// archive opens where evidence is kept. dir is in the repository that a git
// place is in.
func (a *app) archive(ctx context.Context, setting, dir string) (archive.Archive, error) {
	o := archive.Options{Git: a.gitProgram(), GitDirectory: dir, Now: a.now, Keychain: authn.DefaultKeychain}
	o.GitCredentials.Env = a.environ("HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_ASKPASS", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "https_proxy", "no_proxy")
	kept, err := archive.Open(ctx, a.evidencePlace(setting), o)
	if err != nil {
		return nil, fmt.Errorf("where evidence is kept: %w", err)
	}
	return kept, nil
}

// repositoryOf names a target's repository: its remote, "" without one.
func repositoryOf(t *pipelines.Tree) string { return build.GitURI(t.Target.Remote) }

// repositoryKey names a repository on this machine: by its remote, else by
// where it is.
func repositoryKey(t *pipelines.Tree) string { return cmp.Or(repositoryOf(t), t.Root) }

// workTree reads files below a directory, within bounds and never outside.
func workTree(dir string) config.Tree {
	return config.Tree{Read: func(name string) ([]byte, error) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		defer root.Close() // read only
		return config.WorkTree(root).Read(name)
	}}
}

// trustedTree reads the files that are believed of a target: the base's where a
// change is judged, else its own.
func (s *scanner) trustedTree(ctx context.Context, o *opened) config.Tree {
	if o.trusted.base != "" {
		return commitTree(ctx, o.tree.Repo, o.trusted.base)
	}
	return workTree(o.tree.Root)
}
