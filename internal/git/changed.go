package git

import (
	"context"
	"strings"
)

// Changed gives the paths at which the work tree, or the index, is not what a
// commit has, submodules that point elsewhere among them. What git does not
// track is not in it.
func (r *Repo) Changed(ctx context.Context, commit string) (map[string]bool, error) {
	changed := map[string]bool{}
	for _, side := range [][]string{{"--cached"}, nil} {
		args := append([]string{"diff", "--no-renames", "--name-only", "-z", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty"}, side...)
		out, err := r.output(ctx, r.Top, append(args, commit, "--")...)
		if err != nil {
			return nil, err
		}
		for path := range strings.SplitSeq(string(out), "\x00") {
			if path != "" {
				changed[path] = true
			}
		}
	}
	return changed, nil
}
