// Package fleet is the repositories that a team watches: which there are, how
// each is brought here, and how far a scan over all of them is.
//
// What is watched and cannot be looked at is a failure with a reason, and never
// missing from the answer: a repository that cannot be fetched, one that is not
// in its account's list any more, one whose configuration nobody can read.
package fleet

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/forge"
)

// GitHub is the host that needs no naming.
const GitHub = "github.com"

// Source is what somebody asks to be watched: a path on this machine, one
// repository of a forge, or all that an account there has.
type Source struct {
	// Path is absolute; the rest is empty then.
	Path string
	// Host is where the forge is cloned from, "" for GitHub's own.
	Host string
	// Account is a user or an organisation, and Repository one of its
	// repositories, "" for all.
	Account, Repository string
}

// scheme says that what follows is a name at a forge, and no path.
const scheme = "gh:"

// hostForm: a name with a dot, or with a port. No account has either.
var hostForm = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z0-9](?::[0-9]{1,5})?$|^[a-z0-9][a-z0-9-]*:[0-9]{1,5}$`)

// Parse reads [gh:][HOST/]ACCOUNT[/REPO] or a path. isPath says whether
// something of that name is there: then it is a path, unless gh: says otherwise.
func Parse(arg string, isPath func(string) bool) (Source, error) {
	rest, forced := strings.CutPrefix(arg, scheme)
	if !forced && (filepath.IsAbs(arg) || strings.HasPrefix(arg, ".") || isPath(arg)) {
		abs, err := filepath.Abs(arg)
		return Source{Path: abs}, err
	}
	s := Source{}
	if host, name, ok := strings.Cut(rest, "/"); ok && strings.ContainsAny(host, ".:") {
		if s.Host = strings.ToLower(host); !hostForm.MatchString(s.Host) {
			return Source{}, fmt.Errorf("%.120q is no host", host)
		}
		rest = name
	}
	if s.Host == GitHub {
		s.Host = ""
	}
	var err error
	if strings.Contains(rest, "/") {
		s.Account, s.Repository, err = forge.SplitName(rest)
	} else {
		s.Account, err = rest, forge.CheckAccount(rest)
	}
	if err != nil {
		return Source{}, fmt.Errorf("%.120q is neither a path that is there, nor OWNER/REPO, nor an account: %w", arg, err)
	}
	return s, nil
}

// String is what Parse reads as the same source.
func (s Source) String() string {
	if s.Path != "" {
		return s.Path
	}
	return scheme + s.name()
}

func (s Source) name() string {
	name := s.Account
	if s.Repository != "" {
		name += "/" + s.Repository
	}
	if s.Host != "" {
		name = s.Host + "/" + name
	}
	return name
}
