package pipelines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// ErrTarget says that a target cannot be scanned at all, before anything
// started.
var ErrTarget = errors.New("no such target")

// Tree is a target that was opened: where it is, and what git says of it.
type Tree struct {
	// Root is the repository's top, or the directory itself without git.
	Root string
	// Only is the part of Root that was asked for, "" for all of it.
	Only string
	// Except are the parts of that which are left out, since they are targets
	// of their own.
	Except []string
	Target checks.Target
	// Repo is nil without a repository that could be read.
	Repo *git.Repo
	// GitTrouble says why a repository that is there could not be read.
	GitTrouble string
}

// Whole says that all of Root is looked at.
func (t *Tree) Whole() bool { return t.Only == "" && len(t.Except) == 0 }

// Covers says whether a path of Root belongs to what is looked at.
func (t *Tree) Covers(path string) bool {
	in := func(part string) bool { return path == part || strings.HasPrefix(path, part+"/") }
	return (t.Only == "" || in(t.Only)) && !slices.ContainsFunc(t.Except, in)
}

// OpenTree finds the target at path. gitProgram is the git command, "" when
// there is none. A path that does not exist, is neither file nor directory, or
// is a bare repository is an ErrTarget.
func OpenTree(ctx context.Context, path, gitProgram string) (*Tree, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	abs, err = filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %s", ErrTarget, path, reason(err))
	}
	info, err := os.Stat(abs)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %s", ErrTarget, path, reason(err))
	case info.IsDir():
	case info.Mode().IsRegular():
	default:
		return nil, fmt.Errorf("%w: %s is neither a file nor a directory", ErrTarget, path)
	}
	dir, only := abs, ""
	if !info.IsDir() {
		dir, only = filepath.Dir(abs), filepath.Base(abs)
	}
	t := &Tree{Root: dir, Only: only, Target: checks.Target{Kind: "tree", Path: abs}}
	return t, t.openRepo(ctx, abs, gitProgram)
}

func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

func (t *Tree) openRepo(ctx context.Context, abs, program string) error {
	repo, err := git.Open(ctx, program, t.Root)
	switch {
	case err != nil:
		// Without .git there is nothing to ask. With one, that git does not
		// take it for a repository means that it is damaged.
		if above(t.Root, ".git") {
			t.GitTrouble = err.Error()
		}
		return ctx.Err()
	case repo.Bare:
		return fmt.Errorf("%w: %s is a bare repository, which has no files to scan: clone it first", ErrTarget, t.Target.Path)
	}
	top, err := filepath.EvalSymlinks(repo.Top)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(top, abs)
	if err != nil || !filepath.IsLocal(rel) {
		// The repository's configuration names a work tree elsewhere.
		t.GitTrouble = "its configuration names a work tree outside the target"
		return nil
	}
	head, err := repo.Head(ctx)
	if err != nil {
		t.GitTrouble = err.Error()
		return ctx.Err()
	}
	t.Repo, t.Root, t.Only = repo, top, ""
	if rel != "." {
		t.Only = filepath.ToSlash(rel)
	}
	t.Target.Commit, t.Target.Tree, t.Target.Dirty = head.Commit, head.Tree, head.Dirty
	t.Target.Remote, t.Target.Shallow = head.Remote, head.Shallow
	t.Target.Branch = repo.Branch(ctx)
	return nil
}

// above says whether dir or a directory above it has an entry of that name.
func above(dir, name string) bool {
	for {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

// InventoryOptions are the trusted choices that shape an inventory.
type InventoryOptions struct {
	// Ignore holds the lines of trusted ignore files.
	Ignore []string
	// NoIgnore reads what .gitignore names, too.
	NoIgnore bool
	Roles    func(path string) string
	// Mark is looked for in every file (inventory.Options).
	Mark     string
	Progress func(done, total int)
}

// Inventory walks the tree. Where git is there but cannot be asked what it
// tracks, .gitignore does not count: it might hide a tracked file.
func (t *Tree) Inventory(ctx context.Context, o InventoryOptions) (*inventory.Inventory, error) {
	root, err := os.OpenRoot(t.Root)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %s", ErrTarget, t.Root, reason(err))
	}
	defer root.Close() // read only
	opts := inventory.Options{
		Except:    t.Except,
		GitIgnore: !o.NoIgnore && t.GitTrouble == "", Ignore: o.Ignore, Roles: o.Roles, Mark: o.Mark, Progress: o.Progress,
	}
	if t.Only != "" {
		opts.Only = []string{t.Only}
	}
	if t.Repo != nil {
		entries, err := t.Repo.Tracked(ctx)
		if err != nil {
			return nil, err
		}
		opts.Tracked = make(map[string]inventory.Tracked, len(entries))
		for _, e := range entries {
			opts.Tracked[e.Path] = inventory.Tracked{Submodule: e.Mode == git.ModeSubmodule, Link: e.Mode == git.ModeLink, Sparse: e.Sparse}
		}
	}
	return inventory.Take(ctx, root, opts)
}

// Unread names what no check of the plan can look into: languages without
// rules, and content that is not on disk.
func Unread(inv *inventory.Inventory, described []checks.Description) []checks.Unread {
	readable := map[string]bool{}
	for _, d := range described {
		for _, l := range d.Languages {
			readable[l] = true
		}
	}
	var out []checks.Unread
	for lang, n := range inv.Languages {
		if !readable[lang] {
			out = append(out, checks.Unread{What: lang + " files", Count: n, Why: checks.WhyNoRules})
		}
	}
	out = append(out, absent(inv)...)
	slices.SortFunc(out, func(a, b checks.Unread) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.What, b.What)
	})
	return out
}

// absent groups what the walk passed over because its content is elsewhere.
func absent(inv *inventory.Inventory) []checks.Unread {
	kinds := map[string]*checks.Unread{}
	for _, s := range inv.Skipped {
		what, command := "", ""
		switch s.Reason {
		case inventory.Submodule:
			what, command = "submodules", "git submodule update --init --recursive"
		case inventory.Sparse:
			what, command = "files outside the sparse checkout", "git sparse-checkout disable"
		case inventory.Pointer:
			what = s.Detail + " pointers"
			command = map[string]string{"Git LFS": "git lfs pull", "DVC": "dvc pull", "git-annex": "git annex get ."}[s.Detail]
		default:
			continue
		}
		u := kinds[what]
		if u == nil {
			u = &checks.Unread{What: what, Why: "content not on disk", Command: command}
			kinds[what] = u
		}
		u.Count++
		if len(u.Examples) < 3 {
			u.Examples = append(u.Examples, s.Path)
		}
	}
	var out []checks.Unread
	for _, u := range kinds {
		out = append(out, *u)
	}
	return out
}
