// Package sbom writes the bill of materials of a run in the two formats that
// people ask for: CycloneDX 1.6 and SPDX 2.3, both as JSON. It is pure: the same
// run gives the same bytes, and every time in them is the run's.
//
// A bill that is not known to be whole says so in the words of its format, and
// comes with ErrIncomplete where the step that lists packages did not finish.
package sbom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// ErrIncomplete says that the step that lists packages did not finish, so that
// some may be missing. The document that comes with it can be used, and says
// the same.
var ErrIncomplete = errors.New("the list of packages is not complete")

// ErrNoTime says that a run has no end, so that nobody knows when its list was
// true.
var ErrNoTime = errors.New("the run has no end")

// Options shape a bill of materials.
type Options struct {
	// Name and Version are of what the list is about; empty means the run's
	// target: its repository and commit.
	Name, Version string
	// Vulnerabilities adds the findings of the listed packages (CycloneDX only).
	Vulnerabilities bool
}

// lister is the check that lists packages.
const lister = "deps"

const (
	producer    = "vitalsign"
	noAssertion = "NOASSERTION"
	website     = "https://github.com/vitalsign-dev/vitalsign"
)

// completeness is what may be said of a list.
type completeness struct {
	// finished says that the step that lists packages did its work.
	finished bool
	// gaps says what is known to be missing, in words.
	gaps []string
}

// complete says whether nothing is known to be missing. The zero value is not.
func (c completeness) complete() bool { return c.finished && len(c.gaps) == 0 }

func (c completeness) words() string {
	return safetext.Line("Not complete: " + strings.Join(c.gaps, "; "))
}

// err is what the caller is told.
func (c completeness) err() error {
	if c.finished {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrIncomplete, safetext.Line(strings.Join(c.gaps, "; ")))
}

// completenessOf judges a run's list. A step that is not ok leaves it open what
// else is there, one whose data is stale or missing too: no list is better
// believed than its step. What a finished step could not look into (a manifest
// without a lock file, content that is not on disk) is a known gap, and no error.
func completenessOf(run checks.Run) completeness {
	var c completeness
	found := false
	for _, s := range run.Steps {
		if s.Check != lister {
			continue
		}
		found = true
		if c.finished = s.Status == checks.OK || s.Status == checks.NotApplicable; !c.finished {
			gap := fmt.Sprintf("%s: %s", lister, cmp.Or(string(s.Status), "no status"))
			if s.Reason != "" {
				gap += ": " + s.Reason
			}
			c.gaps = append(c.gaps, gap)
		}
		for _, u := range s.Coverage.Unread {
			c.gaps = append(c.gaps, gap(u))
		}
	}
	if !found {
		c.gaps = append(c.gaps, lister+" is no step of the run")
	}
	for _, u := range run.Unread {
		if u.Why != checks.WhyNoRules { // a language is no list of packages
			c.gaps = append(c.gaps, gap(u))
		}
	}
	return c
}

func gap(u checks.Unread) string {
	s := fmt.Sprintf("%d %s", u.Count, u.What)
	if u.Why != "" {
		s += " (" + u.Why + ")"
	}
	return s
}

// subject is what a bill is about.
type subject struct {
	name, version, purl, download string
}

// subjectOf names the run's target by its repository and commit, never by the
// path that it has on this machine. A tree with changes is not its commit, so
// it gets no package URL of it.
func subjectOf(run checks.Run, o Options) subject {
	t := run.Target
	host, repo := repository(t.Remote)
	s := subject{
		name:    cmp.Or(o.Name, t.Project, repo, path.Base(strings.ReplaceAll(t.Path, `\`, "/"))),
		version: cmp.Or(o.Version, t.Commit), download: noAssertion,
	}
	if o.Version == "" && t.Dirty && t.Commit != "" {
		s.version += "-dirty" // as git describe --dirty
	}
	if o.Name != "" || t.Project != "" || t.Dirty || t.Commit == "" || repo == "" {
		return s
	}
	// Package URL (ECMA-427), types github and bitbucket.
	switch host {
	case "github.com":
		s.purl = "pkg:github/" + strings.ToLower(repo) + "@" + t.Commit
	case "bitbucket.org":
		s.purl = "pkg:bitbucket/" + strings.ToLower(repo) + "@" + t.Commit
	}
	if strings.HasPrefix(t.Remote, "https://") {
		s.download = "git+" + t.Remote + "@" + t.Commit // SPDX 2.3 section 7.7
	}
	return s
}

// repository takes the address of a remote apart: https://HOST/PATH,
// ssh://HOST/PATH or HOST:PATH as scp writes it. Anything else is a place of
// this machine.
func repository(remote string) (host, repo string) {
	rest := remote
	scheme, after, address := strings.Cut(remote, "://")
	switch {
	case address && (scheme == "https" || scheme == "http" || scheme == "ssh" || scheme == "git"):
		host, repo, _ = strings.Cut(after, "/")
	case !address && !strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "."):
		host, repo, _ = strings.Cut(rest, ":")
	}
	if _, h, ok := strings.Cut(host, "@"); ok {
		host = h
	}
	host, _, _ = strings.Cut(host, ":")
	repo = strings.TrimSuffix(strings.Trim(repo, "/"), ".git")
	if len(host) < 2 || !plain(host) || !plain(repo) { // one letter is a drive
		return "", ""
	}
	return host, repo
}

// plain is what stands in a package URL as it is.
func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._/", r)
	})
}

// refOf identifies a component within a document: its package URL, else what
// makes it different from the others (checks.CompareComponents).
func refOf(c checks.Component) string {
	if c.PURL != "" {
		return c.PURL
	}
	return "vitalsign:component:" + c.Ecosystem + "/" + c.Name + "@" + c.Version
}

// uuid is a UUIDv8 (RFC 9562 section 5.8, made from a name as in appendix B.2)
// of a document without its own id: other content, another id.
func uuid(document []byte) string {
	sum := sha256.Sum256(document)
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
