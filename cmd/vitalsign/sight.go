package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// guard holds an inventory against the commit that a change starts from. A role
// that does not block counts only where the base gives it, too; and what the
// change keeps from being read is recorded: whoever turns a directory into a
// submodule, or a file into a pointer, has taken its findings out of sight.
func (s *scanner) guard(ctx context.Context, o *opened, inv *inventory.Inventory) error {
	t := &o.trusted
	if t.base == "" {
		return nil
	}
	touched, err := t.touched()
	if err != nil {
		return err
	}
	t.guardAttributes(inv)
	for i, f := range inv.Files {
		if f.Role != inventory.RoleGenerated || o.role(f.Path) != "" || !touched(f.Path) {
			continue
		}
		was, err := o.tree.Repo.Show(ctx, t.base, f.Path, maxInline)
		if err != nil && !errors.Is(err, git.ErrAbsent) {
			return fmt.Errorf("%s at %.12s: %w", f.Path, t.base, err)
		}
		if !inventory.Generated(was) {
			inv.Files[i].Role = inventory.RoleSource
			t.loosen("loosened-role", f.Path, 1, "the file calls itself generated")
		}
	}
	for _, skip := range inv.Skipped {
		path := strings.TrimSuffix(skip.Path, "/")
		switch skip.Reason {
		case inventory.Submodule, inventory.Sparse, inventory.Pointer:
		default:
			continue
		}
		if touched(path) {
			t.hidden = append(t.hidden, path)
			t.loosen("loosened-sight", path, 0, fmt.Sprintf("the change puts content here that is not on disk (%s)", strings.TrimSpace(skip.Detail+" "+string(skip.Reason))))
		}
	}
	return nil
}

// touchedSince says of a path whether a work tree has it otherwise than a commit.
func touchedSince(ctx context.Context, repo *git.Repo, commit string) (func(path string) bool, error) {
	changed, err := repo.Changed(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("what the change touches cannot be told: %w", err)
	}
	before, err := repo.Files(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("what was there at %.12s cannot be told: %w", commit, err)
	}
	return func(path string) bool {
		_, was := before[path]
		return changed[path] || !was
	}, nil
}

// guardAttributes records the roles that only the change's own .gitattributes
// gives.
func (t *trusted) guardAttributes(inv *inventory.Inventory) {
	count, example := map[string]int{}, map[string]string{}
	for _, f := range inv.Files {
		if role := t.own.Role(f.Path); role != "" && t.attributes.Role(f.Path) == "" {
			if count[role]++; example[role] == "" {
				example[role] = f.Path
			}
		}
	}
	for _, role := range slices.Sorted(maps.Keys(count)) {
		t.loosen("loosened-role", ".gitattributes", 0, fmt.Sprintf("%s would be %s: %s", plural(count[role], "file", "files"), role, example[role]))
	}
}
