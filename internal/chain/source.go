package chain

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
)

// source is the commit or tree that a bill must be about.
type source struct {
	commit, tree, dir string
	repository        string
}

func (s source) String() string {
	switch {
	case s.commit != "":
		return "commit " + s.commit
	case s.tree != "":
		return "tree " + s.tree
	}
	return "files " + s.dir
}

// about says whether a statement is about the source.
func (s source) about(v attest.Verified) bool {
	return v.About(attest.GitCommit, s.commit) || v.About(attest.GitTree, s.tree) || v.About(attest.DirHash, s.dir)
}

// source finds what was scanned: the subject itself where it is a commit, and
// else what the provenance of the artifact names.
func (w *walk) source() (source, bool) {
	d := w.q.Subject.Digests
	if c, t := d[attest.GitCommit], d[attest.GitTree]; c != "" || t != "" {
		s := source{commit: c, tree: t}
		w.r.Commit = c
		w.ok(LinkSource, "asked about %s", s)
		return s, true
	}
	about := func(v attest.Verified) bool {
		return v.About(attest.SHA256, d[attest.SHA256]) || v.About(attest.DirHash, d[attest.DirHash])
	}
	w.signatures()
	allowed, who, not := w.speakers([]string{attest.PredicateProvenance, attest.PredicateProvenance02}, about)
	var last error
	for i, s := range allowed {
		src, err := sourceOf(s.Verified)
		if err == nil {
			err = w.repository(src)
		}
		if err != nil {
			last = fmt.Errorf("%s: %w", s.file, err)
			continue
		}
		w.by(LinkProvenance, OK, s, who[i], "says what the artifact was built from")
		w.ok(LinkSource, "built from %s", src)
		w.r.Commit = src.commit
		w.fact("provenance", s.Verified)
		return src, true
	}
	if last != nil {
		w.broken(LinkProvenance, "the provenance leads to no commit: %v", last)
		return source{}, false
	}
	// A directory that was scanned as it is needs nobody to have built it.
	if dir := d[attest.DirHash]; dir != "" {
		src := source{dir: dir}
		if bills, _, _ := w.speakers([]string{attest.PredicateBill}, src.about); len(bills) > 0 {
			w.ok(LinkSource, "these files were scanned as they are")
			return src, true
		}
	}
	w.broken(LinkProvenance, "nothing says this was built from a scanned commit%s", w.missing(not))
	return source{}, false
}

// signatures shows who signed the artifact itself. That decides nothing: a
// signature says who had it, not what it is.
func (w *walk) signatures() {
	for _, s := range w.verified {
		if s.Artifact() == "" {
			continue
		}
		who, err := w.q.Policy.Speaker(s.Verified, "signature")
		if err != nil {
			w.add(Link{Name: LinkArtifact, State: Info, Detail: "signed, but " + err.Error(), File: s.file, Proven: s.Proofs()})
			continue
		}
		w.add(Link{Name: LinkArtifact, State: Info, Detail: "signed", By: &who, File: s.file, Proven: s.Proofs()})
	}
}

// repository holds the source against the policy's list.
func (w *walk) repository(s source) error {
	list := w.q.Policy.Require().Repositories
	if len(list) == 0 || slices.Contains(list, s.repository) {
		return nil
	}
	return fmt.Errorf("it was built from %q, which the policy does not name", s.repository)
}

// resource is what provenance says went in (SLSA v1.0 resolvedDependencies,
// SLSA v0.2 materials).
type resource struct {
	URI    string            `json:"uri"`
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

var objectID = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// sourceOf reads the one source out of a provenance, ours or another's: in v1
// a dependency with gitCommit (GitHub) or a git URI whose digest is an object
// id under sha1 or, as GitLab writes it, sha256; in v0.2 the material that
// configSource names.
func sourceOf(v attest.Verified) (source, error) { return readSource(v.Statement().Predicate) }

func readSource(predicate []byte) (source, error) {
	var p struct {
		BuildDefinition struct {
			ResolvedDependencies []resource `json:"resolvedDependencies"`
		} `json:"buildDefinition"`
		Materials  []resource `json:"materials"`
		Invocation struct {
			ConfigSource resource `json:"configSource"`
		} `json:"invocation"`
	}
	if err := json.Unmarshal(predicate, &p); err != nil {
		return source{}, err
	}
	var found []source
	for _, r := range slices.Concat(p.BuildDefinition.ResolvedDependencies, p.Materials, []resource{p.Invocation.ConfigSource}) {
		if s, ok := r.source(); ok && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return source{}, fmt.Errorf("it names no commit")
	case 1:
		return found[0], nil
	}
	return source{}, fmt.Errorf("it names %d commits, and nobody can tell which was built", len(found))
}

func (r resource) source() (source, bool) {
	s := source{repository: trimRef(r.URI)}
	if c := r.Digest[attest.GitCommit]; objectID.MatchString(c) {
		s.commit = c
		if t := r.Digest[attest.GitTree]; objectID.MatchString(t) {
			s.tree = t
		}
		return s, true
	}
	if !gitURI(r.URI) {
		return source{}, false
	}
	for _, alg := range []string{"sha1", attest.SHA256} {
		if c := r.Digest[alg]; objectID.MatchString(c) {
			s.commit = c
			return s, true
		}
	}
	return source{}, false
}

// gitURI says whether an address is a repository's: SPDX's git+ form, one that
// ends in .git, or a forge's web address as GitLab writes it.
func gitURI(uri string) bool {
	if strings.HasPrefix(uri, "git+") || strings.HasPrefix(uri, "git://") || strings.HasSuffix(trimRef(uri), ".git") {
		return true
	}
	host := strings.TrimPrefix(uri, "https://")
	return host != uri && !strings.Contains(host, "@") && strings.HasPrefix(host, "gitlab.")
}

// trimRef leaves out the ref behind the repository.
func trimRef(uri string) string {
	if i := strings.LastIndex(uri, "@"); i > strings.LastIndex(uri, "/") || i > 0 && strings.HasPrefix(uri[i:], "@refs/") {
		return uri[:i]
	}
	return uri
}
