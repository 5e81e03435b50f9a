package git

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// Hooks is the directory from which git runs the hooks of this repository
// (githooks(5)). One that the repository's configuration names is an error that
// names it: whoever chose it has a program of their own there.
func (r *Repo) Hooks(ctx context.Context) (string, error) {
	all, err := r.ofRepository(ctx)
	if err != nil {
		return "", err
	}
	for _, s := range all {
		if strings.EqualFold(s.key, "core.hooksPath") {
			return "", fmt.Errorf("this repository's hooks lie in %s (core.hooksPath)", s.value)
		}
	}
	out, err := r.output(ctx, r.Dir, "rev-parse", "--git-common-dir")
	if err != nil {
		return "", err
	}
	common := strings.TrimSuffix(string(out), "\n")
	if !filepath.IsAbs(common) {
		common = filepath.Join(r.Dir, common)
	}
	return filepath.Join(common, "hooks"), nil
}
