package git

import (
	"context"
	"strings"
)

// Untracked gives the paths that git does not track: without those that a
// .gitignore names, unless ignored says to give them, too. What a user's own
// exclude file names is among them. Of a directory that is a repository itself
// there is one path, which ends with a slash.
func (r *Repo) Untracked(ctx context.Context, ignored bool) ([]string, error) {
	args := []string{"ls-files", "-z", "--others"}
	if !ignored {
		args = append(args, "--exclude-per-directory=.gitignore")
	}
	out, err := r.output(ctx, r.Top, args...)
	if err != nil {
		return nil, err
	}
	var paths []string
	for path := range strings.SplitSeq(string(out), "\x00") {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths, nil
}
