package secrets

import (
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/report"
)

// pathAllowed says whether an allowlist lets a whole file or commit pass. A
// list that asks for all of its conditions, and has some about the secret, is
// for later.
func (f *fragment) pathAllowed(lists []*config.Allowlist) bool {
	if f.FilePath == "" && f.CommitSHA == "" {
		return false
	}
	for _, a := range lists {
		commit, _ := a.CommitAllowed(f.CommitSHA)
		path := a.PathAllowed(f.FilePath)
		allowed := commit || path
		if a.MatchCondition == config.AllowlistMatchAnd {
			if len(a.Regexes) > 0 || len(a.StopWords) > 0 {
				continue
			}
			allowed = (len(a.Commits) == 0 || commit) && (len(a.Paths) == 0 || path)
		}
		if allowed {
			return true
		}
	}
	return false
}

// allowed says whether an allowlist lets a finding pass; line is the text that
// lists about lines look at.
func (f *fragment) allowed(finding report.Finding, line string, lists []*config.Allowlist) bool {
	for _, a := range lists {
		target := finding.Secret
		switch a.RegexTarget {
		case "match":
			target = finding.Match
		case "line":
			target = line
		}
		stop, _ := a.ContainsStopWord(finding.Secret)
		if a.MatchCondition != config.AllowlistMatchAnd {
			if stop || a.RegexAllowed(target) {
				return true
			}
			continue
		}
		commit, _ := a.CommitAllowed(f.CommitSHA)
		if (len(a.Commits) == 0 || commit) && (len(a.Paths) == 0 || a.PathAllowed(f.FilePath)) &&
			(len(a.Regexes) == 0 || a.RegexAllowed(target)) && (len(a.StopWords) == 0 || stop) {
			return true
		}
	}
	return false
}
