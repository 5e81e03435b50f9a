package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// hostile is what a target may put into any text.
const hostile = "=cmd()|'/c calc'!A1 \x1b[2J\x1b]0;owned\x07\r\n::error file=x::owned\n##[error]x\n]]></failure><script>alert(1)</script>" +
	"<img src=x> ![i](http://evil.example/i.png) [l](http://evil.example) https://evil.example www.evil.example a@evil.example @octocat #1 GH-2 `` ` ``` | -- \xff\xfe\u202e\x00,\"quoted\"\u2028end"

func clean() checks.Run {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return checks.Run{ID: "0123456789abcdef", Started: at, Ended: at.Add(3 * time.Second), Engine: "local", Sandbox: "full", Version: "test",
		Target: checks.Target{Kind: "tree", Path: "/src/portal", Commit: strings.Repeat("ab", 20)},
		Steps: []checks.Step{
			{Check: "secrets", Version: "8", Status: checks.OK, DurationMS: 1234, Coverage: checks.Coverage{Claimed: 10, Read: 10}},
			{Check: "deps", Version: "1", Status: checks.OK, Coverage: checks.Coverage{Claimed: 1, Read: 1}},
			{Check: "iac", Status: checks.NotApplicable, Reason: "no file of its kind"},
		},
		Components: []checks.Component{{Ecosystem: "npm", Name: "left-pad", Version: "1.0.0", PURL: "pkg:npm/left-pad@1.0.0", Locations: []string{"package-lock.json"}}},
		Waivers:    []checks.Waiver{}, Verdict: checks.Verdict{Findings: checks.Pass, Complete: true, Reasons: []string{}},
	}
}

func document(v checks.Verdict, runs ...checks.Run) checks.Document {
	for i := range runs {
		runs[i].Verdict = v
	}
	return checks.Document{Schema: checks.DocumentSchema, Runs: runs, Verdict: v}
}

func failed() checks.Verdict {
	return checks.Verdict{Findings: checks.Fail, Complete: true, Exit: 1, Reasons: []string{"findings at or above high"}}
}

// weakness is one finding of a severity.
func weakness(i int, s checks.Severity) checks.Finding {
	return checks.Finding{Fingerprint: fmt.Sprintf("%064x", i+1), Check: "secrets", Location: checks.Location{Path: fmt.Sprintf("pkg/f%02d.go", i), StartLine: i + 1, StartColumn: 2, EndLine: i + 1, EndColumn: 9},
		Rule:     checks.Rule{ID: "aws-access-token", Title: "AWS credentials", Severity: s, CWE: []string{"CWE-798"}, Advice: "Revoke it.", Class: checks.ClassCredential},
		Evidence: checks.Evidence{Message: "AWS credentials", Excerpt: "key = \"[redacted]\"", ExcerptLine: i + 1}, Confidence: "medium", New: isNew()}
}

func many(n int) []checks.Finding {
	var fs []checks.Finding
	for i := range n {
		fs = append(fs, weakness(i, checks.Severities()[i%6]))
	}
	return fs
}

func hostileRun() checks.Run {
	r := clean()
	r.Target.Path, r.Target.Commit, r.Target.Remote = hostile, hostile, hostile
	for i := range r.Steps {
		r.Steps[i].Check, r.Steps[i].Reason, r.Steps[i].Advice = hostile, hostile, hostile
		r.Steps[i].Coverage.Unread = []checks.Unread{{What: hostile, Count: 1, Why: hostile, Command: hostile, Examples: []string{hostile}}}
	}
	f := weakness(0, checks.High)
	f.Check, f.Rule.ID, f.Rule.Title, f.Rule.Advice, f.Rule.CWE, f.Rule.References = hostile, hostile, hostile, hostile, []string{hostile}, []string{hostile}
	f.Location.Path, f.Location.Symbol, f.Evidence.Message, f.Evidence.Excerpt, f.Confidence = hostile, hostile, hostile, hostile, hostile
	f.Package = &checks.Package{Ecosystem: hostile, Name: hostile, Version: hostile, Advisory: hostile, Fixed: []string{hostile}}
	aside := f
	aside.Ignored = &checks.Ignored{By: hostile, Until: hostile, Reason: hostile}
	waived := f
	waived.Waived = &checks.Waived{ID: hostile, By: hostile, Until: hostile, Reason: hostile}
	r.Findings = []checks.Finding{f, aside, waived}
	r.Unread = []checks.Unread{{What: hostile, Count: 2, Why: hostile}}
	r.Notes = []string{hostile}
	return r
}

// documents are what every format is written for.
func documents() map[string]checks.Document {
	pass := clean().Verdict
	with := func(fs ...checks.Finding) checks.Run { r := clean(); r.Findings = fs; return r }
	cut := clean()
	cut.Steps = append(cut.Steps,
		checks.Step{Check: "sast", Status: checks.Failed, Reason: "the canary was not found"},
		checks.Step{Check: "dast", Live: true, Status: checks.Partial, Reason: "3 of 4 operations", Coverage: checks.Coverage{Claimed: 4, Read: 3}},
		checks.Step{Check: "extra", Status: checks.Missing, Reason: "no such program", Advice: "install it"},
		checks.Step{Check: "old", Status: checks.Stale, Reason: "data of 2020"})
	cut.Unread = []checks.Unread{{What: "TypeScript files", Count: 812, Why: checks.WhyNoRules}}
	live := weakness(1, checks.High)
	live.Check, live.Location = "dast", checks.Location{Path: "/patients/{id}", Symbol: "GET query:name"}
	live.Exchanges, live.Replay = []checks.Exchange{{Note: "asked", Request: "GET /patients/1 HTTP/1.1", Response: "HTTP/1.1 200 OK"}}, "curl https://portal.example/patients/1"
	application := with(live)
	application.Steps = append(application.Steps, checks.Step{Check: "dast", Live: true, Status: checks.OK, Coverage: checks.Coverage{Claimed: 4, Read: 4}})
	dep := weakness(2, checks.Unrated)
	dep.Check, dep.Location = "deps", checks.Location{Path: "package-lock.json"}
	dep.Rule = checks.Rule{ID: "GHSA-xxxx-yyyy-zzzz", Title: "Example advisory", Class: checks.ClassDependency, Advice: "Update."}
	dep.Package = &checks.Package{Ecosystem: "npm", Name: "left-pad", Version: "1.0.0", PURL: "pkg:npm/left-pad@1.0.0", Advisory: dep.Rule.ID, Aliases: []string{"CVE-2026-0001"}, Fixed: []string{"1.0.1"}}
	waived, ignored, old := weakness(3, checks.High), weakness(4, checks.Critical), weakness(5, checks.High)
	waived.Waived = &checks.Waived{ID: "w-1", By: "release manager", Until: "2026-12-31", Signed: true, Reason: "test data"}
	ignored.Ignored = &checks.Ignored{By: "inline", Until: "2026-12-31", Reason: "checksum only"}
	old.Location.Commit = strings.Repeat("cd", 20)
	return map[string]checks.Document{
		"clean": document(pass, clean()), "many": document(failed(), with(many(40)...)),
		"incomplete": document(checks.Verdict{Findings: checks.Pass, Exit: 3, Reasons: []string{"sast: failed"}}, cut),
		"hostile":    document(checks.Verdict{Findings: checks.Fail, Complete: true, Exit: 1, Reasons: []string{hostile}}, hostileRun()),
		"dast":       document(failed(), application), "deps": document(failed(), with(dep)),
		"waived": document(pass, with(waived)), "ignored": document(pass, with(ignored)), "history": document(failed(), with(old)),
		"several": document(failed(), with(weakness(0, checks.High)), clean()), "zero": {},
		"newonly": document(checks.Verdict{Findings: checks.Pass, Complete: true, Reasons: []string{"not counted: 2 findings that the baseline has"}}, newOnly()),
	}
}

// newOnly is a run that asked for new findings only and has none: what there is
// was there before, or is set aside.
func newOnly() checks.Run {
	old := false
	r := clean()
	r.Baseline = &checks.Baseline{Commit: strings.Repeat("ef", 20), Why: "the default branch, main"}
	first, second, aside := weakness(0, checks.Critical), weakness(1, checks.High), weakness(2, checks.High)
	first.New, second.New, aside.New = &old, &old, &old
	aside.Waived = &checks.Waived{ID: "w-1", By: "release manager", Until: "2026-12-31", Reason: "test data"}
	r.Findings = []checks.Finding{first, second, aside}
	return r
}
