package pipelines

import (
	"path"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// given are the files of an inventory that a check is shown: all of them, or,
// of a check that is closed, those that it claims and those that it sees
// besides. What it is not shown its answer cannot hang on.
func given(inv *inventory.Inventory, d checks.Description, claims *checks.ClaimSet) ([]inventory.File, error) {
	if !d.Closed {
		return inv.Files, nil
	}
	seen := make([]func(string) bool, 0, len(d.Sees))
	for _, pattern := range d.Sees {
		f, err := use(pattern)
		if err != nil {
			return nil, err
		}
		seen = append(seen, f)
	}
	var out []inventory.File
	for _, f := range inv.Files {
		show, _ := claims.Match(f.Path)
		for i := 0; !show && i < len(seen); i++ {
			show = seen[i](f.Path)
		}
		if show {
			out = append(out, f)
		}
	}
	return out, nil
}

// use makes a pattern of checks.ParseUse a question about a path.
func use(pattern string) (func(string) bool, error) {
	kind, what, err := checks.ParseUse(pattern)
	if err != nil {
		return nil, err
	}
	return func(p string) bool {
		switch kind {
		case checks.UseAll:
			return true
		case checks.UseDir:
			return path.Dir(p) == what
		case checks.UseName:
			return strings.ToLower(path.Base(p)) == what
		case checks.UseSuffix:
			return strings.HasSuffix(strings.ToLower(path.Base(p)), what)
		}
		return p == what
	}, nil
}
