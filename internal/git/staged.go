package git

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// Staged is a file that the next commit will have otherwise than HEAD does.
type Staged struct {
	// Path, Mode and Object are what will be there; Mode is "" for a file that
	// will be gone.
	Path, Mode, Object string
	// WasPath, WasMode and WasObject are what HEAD has; WasMode is "" for a file
	// that is new.
	WasPath, WasMode, WasObject string
}

// noMode is how git writes the mode of what is not there (git-diff(1), RAW
// OUTPUT FORMAT).
const noMode = "000000"

// Staged lists what the index holds and HEAD does not, renames as such. Before
// the first commit that is all of the index. A file that is not merged yet is
// an error: nobody knows what it will be. index is an absolute path, "" for the
// repository's own: git commit -a and git commit FILE give their hook another
// (GIT_INDEX_FILE, git(1)).
func (r *Repo) Staged(ctx context.Context, index string) ([]Staged, error) {
	against := "HEAD"
	if _, err := r.Resolve(ctx, against); err != nil {
		empty, err := r.feed(ctx, nil, strings.NewReader(""), "hash-object", "-t", "tree", "--stdin")
		if err != nil {
			return nil, err
		}
		against = strings.TrimSpace(string(empty))
	}
	var env []string
	if index != "" {
		env = []string{"GIT_INDEX_FILE=" + index}
	}
	out, err := r.feed(ctx, env, nil, "diff-index", "--cached", "--raw", "-M", "-z", "--no-abbrev", "--no-ext-diff", "--no-textconv", against, "--")
	if err != nil {
		return nil, err
	}
	return parseRaw(string(out))
}

// parseRaw reads git-diff(1)'s raw output with -z.
func parseRaw(out string) ([]Staged, error) {
	var all []Staged
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	for len(fields) > 0 && fields[0] != "" {
		f := strings.Fields(strings.TrimPrefix(fields[0], ":"))
		if len(f) != 5 || len(fields) < 2 {
			return nil, fmt.Errorf("git diff-index answered a line of %d fields, not 5", len(f))
		}
		s := Staged{WasMode: f[0], Mode: f[1], WasObject: f[2], Object: f[3], WasPath: fields[1], Path: fields[1]}
		fields = fields[2:]
		switch f[4][0] {
		case 'U':
			return nil, fmt.Errorf("%s is not merged yet: resolve it and stage the result", s.Path)
		case 'R', 'C':
			if len(fields) == 0 {
				return nil, fmt.Errorf("git diff-index broke off after %s", s.Path)
			}
			s.Path, fields = fields[0], fields[1:]
		}
		if s.Mode == noMode {
			s.Mode = ""
		}
		if s.WasMode == noMode {
			s.WasMode = ""
		}
		all = append(all, s)
	}
	return all, nil
}

// ExportStaged writes the regular files among changes below two empty
// directories: as they will be, and as they were. Nothing of them is run, and
// no filter is applied.
func (r *Repo) ExportStaged(ctx context.Context, changes []Staged, now, was *os.Root) error {
	var to, from blobs
	for _, c := range changes {
		if strings.HasPrefix(c.Mode, "100") {
			to.add(c.Path, c.Object)
		}
		if strings.HasPrefix(c.WasMode, "100") {
			from.add(c.WasPath, c.WasObject)
		}
	}
	if err := r.writeBlobs(ctx, to, maxExport, now); err != nil {
		return err
	}
	return r.writeBlobs(ctx, from, maxExport, was)
}
