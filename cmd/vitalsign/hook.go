package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// preCommit is the hook that init --hook writes (githooks(5), pre-commit). What
// nobody can tell (exit 3) holds a commit up, as what is found does.
const preCommit = `#!/bin/sh
# Written by vitalsign init --hook. To commit without it: git commit --no-verify
exec vitalsign scan --staged
`

// writeHook installs the pre-commit hook of a repository. One that is there is
// left alone.
func (a *app) writeHook(ctx context.Context, dir string) error {
	tree, err := pipelines.OpenTree(ctx, dir, a.gitProgram())
	if err != nil {
		return usageError("%w", err)
	}
	if tree.Repo == nil {
		return usageError("%s is no repository that git can read, so there is no hook to write", dir)
	}
	const self = "put 'vitalsign scan --staged' into your own pre-commit hook"
	hooks, err := tree.Repo.Hooks(ctx)
	if err != nil {
		return usageError("%w: %s", err, self)
	}
	to := filepath.Join(hooks, "pre-commit")
	if _, err := os.Lstat(to); err == nil {
		return usageError("%s is there already and was left alone: %s", to, self)
	}
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		return err
	}
	if err := wholefile.WriteBytes(to, []byte(preCommit), 0o755); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%s written: each commit is looked at before it is made\n", to)
	return nil
}
