package external

import (
	"net/url"
	"path"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// placer turns the addresses of a report into paths of the target. It opens
// nothing: what is not in the tree is nowhere.
type placer struct {
	tree *child.Tree
	// roots are the directories, absolute with forward slashes, under which
	// the tool may have seen the target.
	roots []string
	run   run
	// fallback is the file that stands for web addresses, "" for none.
	fallback string
}

// maxBases bounds how many bases may lean on each other.
const maxBases = 8

// path gives the file that an address means.
func (p *placer) path(a artifact) (string, bool) {
	uri := p.resolve(a)
	if uri == "" {
		return "", false
	}
	if scheme, _, ok := strings.Cut(uri, "://"); ok && (scheme == "http" || scheme == "https") {
		return p.fallback, p.fallback != "" && p.tree.Size(p.fallback) >= 0
	}
	for _, name := range names(uri) {
		if found, ok := p.inTree(name); ok {
			return found, true
		}
	}
	return "", false
}

// resolve puts an address together from its base (3.4.3 and 3.14.14).
func (p *placer) resolve(a artifact) string {
	if a.URI == "" && a.Index != nil && *a.Index >= 0 && *a.Index < len(p.run.Artifacts) {
		a = p.run.Artifacts[*a.Index].Location
	}
	uri := a.URI
	for base, n := a.Base, 0; base != "" && !absolute(uri) && n < maxBases; n++ {
		b := p.run.Bases[base] // one that is not given is the target's root
		if b.URI != "" {
			uri = strings.TrimSuffix(b.URI, "/") + "/" + uri
		}
		base = b.Base
	}
	return uri
}

func absolute(uri string) bool {
	return strings.HasPrefix(uri, "/") || strings.Contains(uri, ":/") || strings.Contains(uri, `:\`)
}

// names are the readings of an address as a path, the standard's first: not
// every tool encodes, and some write the separators of their system.
func names(uri string) []string {
	rest := uri
	if after, ok := strings.CutPrefix(uri, "file:"); ok {
		if host, ok := strings.CutPrefix(after, "//"); ok {
			_, local, _ := strings.Cut(host, "/")
			after = "/" + local
		}
		rest = after
	}
	var out []string
	if decoded, err := url.PathUnescape(rest); err == nil {
		out = append(out, decoded, strings.ReplaceAll(decoded, `\`, "/"))
	}
	return append(out, rest, strings.ReplaceAll(rest, `\`, "/"))
}

// inTree gives the path in the tree for one reading.
func (p *placer) inTree(name string) (string, bool) {
	if strings.HasPrefix(name, "/") || len(name) > 2 && name[1] == ':' {
		for _, root := range p.roots {
			if rel, ok := strings.CutPrefix(name, root+"/"); ok {
				return p.known(rel)
			}
		}
		// No other directory in the world has the canary's name: what lies
		// before it is the target as the tool saw it.
		if before, _, ok := strings.Cut(name, "/"+p.tree.CanaryDir()+"/"); ok {
			return p.known(strings.TrimPrefix(name, before+"/"))
		}
		return "", false
	}
	return p.known(name)
}

func (p *placer) known(rel string) (string, bool) {
	rel = inventory.Display(path.Clean(rel))
	return rel, p.tree.Size(rel) >= 0
}

// learn finds the roots that the canary's own results give away.
func (p *placer) learn(rs []result) {
	mark := "/" + p.tree.CanaryDir() + "/"
	for _, r := range rs {
		for _, l := range r.Locations {
			for _, name := range names(p.resolve(l.Physical.Artifact)) {
				root, _, ok := strings.Cut(name, mark)
				if ok && absolute(root) && len(p.roots) < 16 && !contains(p.roots, root) {
					p.roots = append(p.roots, root)
				}
			}
		}
	}
}

func contains(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}
