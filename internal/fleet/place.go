package fleet

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/forge"
	"github.com/vitalsign-dev/vitalsign/internal/store"
)

// Place is where a repository's copy is. Each is a path of its own for each
// repository: an account has no dot in its name, and no repository's name ends
// in .git.
type Place struct {
	// Tree is where a commit is written out while it is scanned, and the name
	// under which the runs are kept.
	Tree string
	// Clone is the bare copy, and Lock the file that one process holds.
	Clone, Lock string
}

// PlaceOf makes paths of an address. It trusts none of its parts, whoever wrote
// them down.
func PlaceOf(root string, r store.FleetRepository) (Place, error) {
	u, err := url.Parse(r.CloneURL)
	if err != nil {
		return Place{}, fmt.Errorf("the address of %s is malformed", r.Name)
	}
	var host, owner, name string
	switch u.Scheme {
	case "file":
		path := filepath.FromSlash(u.Path)
		if !filepath.IsAbs(path) || u.Host != "" {
			return Place{}, fmt.Errorf("%s is no path on this machine", r.CloneURL)
		}
		// Two may have the same last part, which may be of any letters.
		sum := sha256.Sum256([]byte(path))
		host, owner, name = "local", fmt.Sprintf("%x", sum[:8]), "repository"
	case "https", "http":
		host = strings.ToLower(u.Host)
		full, ok := strings.CutSuffix(strings.TrimPrefix(u.Path, "/"), ".git")
		if !hostForm.MatchString(host) || !ok {
			return Place{}, fmt.Errorf("%s is not the address of a repository", r.CloneURL)
		}
		if owner, name, err = forge.SplitName(full); err != nil {
			return Place{}, err
		}
	default:
		return Place{}, fmt.Errorf("%s is neither https nor a path", r.CloneURL)
	}
	dir := filepath.Join(root, strings.ReplaceAll(host, ":", "_"))
	return Place{
		Tree:  filepath.Join(dir, owner, name),
		Clone: filepath.Join(dir, owner, name+".git"),
		Lock:  filepath.Join(dir, owner+".locks", name),
	}, nil
}
