// Package storetest makes stores of any size for tests and benchmarks. What it
// makes is the same every time; names are reserved or made up.
package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/store"
)

// Size is how much to make.
type Size struct {
	// Repos have Findings findings each, in each of Runs runs.
	Repos, Findings, Runs int
}

// First is when the first run of every target began.
func First() time.Time { return time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC) }

// Fill saves runs of a size. One in twenty repositories passes, one in twenty
// is not complete.
func Fill(ctx context.Context, s *store.Store, size Size) error {
	for repo := range size.Repos {
		var before []checks.Finding
		for n := range max(size.Runs, 1) {
			run := Run(repo, n, size.Findings, before)
			if err := s.Save(ctx, run); err != nil {
				return err
			}
			before = run.Findings
		}
	}
	return nil
}

// Run makes the nth run of a repository: a few of the findings before are gone,
// and as many are new.
func Run(repo, n, findings int, before []checks.Finding) checks.Run {
	r := rand.New(rand.NewPCG(uint64(repo), uint64(n)))
	name := fmt.Sprintf("ward-%02d/%s-%03d", repo%40, pick(r, services()), repo)
	started := First().Add(time.Duration(n)*24*time.Hour + time.Duration(repo)*time.Second)
	run := checks.Run{
		ID:      fmt.Sprintf("%s-%04x%02x", started.Format("20060102T150405"), repo, n),
		Target:  checks.Target{Kind: "tree", Path: "/srv/checkouts/" + name, Commit: hexText(r, 40), Tree: hexText(r, 40), Remote: "https://forge.example/" + name + ".git", Branch: "main"},
		Started: started, Ended: started.Add(41 * time.Second), Engine: "local", Sandbox: "enforced", Version: "0.0.0-test", IdentityKeyID: "test",
		Steps:   []checks.Step{{Check: "secrets", Status: checks.OK}, {Check: "deps", Status: checks.OK}, {Check: "iac", Status: checks.OK}, {Check: "sast", Status: checks.OK}},
		Waivers: []checks.Waiver{},
		Verdict: checks.Verdict{Findings: checks.Fail, Complete: true, Exit: 1, Reasons: []string{"findings at or above high"}},
	}
	keep := slices.Clone(before)
	for i := range keep {
		if r.IntN(50) == 0 {
			keep[i] = finding(r, repo)
		}
	}
	for len(keep) < findings {
		keep = append(keep, finding(r, repo))
	}
	slices.SortStableFunc(keep, checks.Compare)
	run.Findings = keep
	switch repo % 20 {
	case 7:
		run.Steps[1].Status, run.Steps[1].Reason = checks.Missing, "no advisory data"
		run.Verdict = checks.Verdict{Findings: checks.Unknown, Exit: 3, Reasons: []string{"deps: missing: no advisory data"}}
	case 13:
		run.Findings = slices.DeleteFunc(slices.Clone(keep), func(f checks.Finding) bool { return f.Rule.Severity >= checks.High })
		run.Verdict = checks.Verdict{Findings: checks.Pass, Complete: true, Reasons: []string{}}
	}
	return run
}

func finding(r *rand.Rand, repo int) checks.Finding {
	f := checks.Finding{Fingerprint: hexText(r, 64), Confidence: "high", Role: pick(r, []string{"source", "source", "source", "test", "generated", "vendored"})}
	switch r.IntN(10) {
	case 0:
		secret(r, &f)
	case 1, 2, 3:
		infrastructure(r, &f)
	case 4, 5, 6:
		dependency(r, &f)
	default:
		source(r, &f)
	}
	// Three findings a file, as they come.
	area := pick(r, []string{"services", "internal", "cmd", "deploy", "lib", "test", "tools"})
	if f.Location.Path == "" {
		f.Location.Path = fmt.Sprintf("%s/%s/%s_%02d%s", area, pick(r, services()), pick(r, nouns()), r.IntN(40), pick(r, []string{".go", ".go", ".ts", ".py", ".tf", ".yaml"}))
	}
	f.Location.StartLine = 1 + r.IntN(900)
	f.Location.EndLine = f.Location.StartLine
	f.SeenBy = []checks.Witness{{Check: f.Check, Rule: f.Rule.ID}}
	f.Evidence.Excerpt, f.Evidence.ExcerptLine = "    "+pick(r, nouns())+" := "+pick(r, services())+"(ctx, request)", f.Location.StartLine
	switch r.IntN(40) {
	case 0:
		f.Waived = &checks.Waived{ID: hexText(r, 16), By: "nurse@example.com", Until: "2026-12-31", Reason: "accepted"}
	case 1:
		f.Ignored = &checks.Ignored{By: "inline", Until: "2026-12-31", Reason: "test data"}
	}
	return f
}

func secret(r *rand.Rand, f *checks.Finding) {
	kind := pick(r, []string{"aws-access-token", "generic-api-key", "private-key", "slack-token", "npm-token", "jwt", "database-url"})
	f.Check, f.ValueBound, f.Controls = "secrets", true, []string{"164.312(a)(1)", "164.312(d)"}
	f.Rule = checks.Rule{ID: kind, Title: "A " + strings.ReplaceAll(kind, "-", " ") + " in a file", Severity: checks.Critical, CWE: []string{"CWE-798"}, Class: checks.ClassCredential, Advice: "Take it out, and change it where it is used."}
}

func infrastructure(r *rand.Rand, f *checks.Finding) {
	n := r.IntN(80)
	f.Check, f.Controls = "iac", []string{"164.312(e)(1)"}
	f.Rule = checks.Rule{ID: fmt.Sprintf("AWS-%04d", 9000+n), Title: fmt.Sprintf("Storage of %s is open to %s", nouns()[n%len(nouns())], services()[n%len(services())]), Severity: checks.Severity(1 + n%4), CWE: []string{"CWE-284"}, Class: "iac", Advice: "Close it."}
	f.Location.Symbol = "aws_s3_bucket." + pick(r, nouns())
}

func dependency(r *rand.Rand, f *checks.Finding) {
	n := r.IntN(3000)
	name := fmt.Sprintf("%s-%s-%d", nouns()[n%len(nouns())], services()[n/7%len(services())], n%40)
	f.Check, f.Controls = "deps", []string{"164.308(a)(1)(ii)(A)"}
	f.Rule = checks.Rule{ID: fmt.Sprintf("CVE-2099-%05d", n), Title: fmt.Sprintf("%s reads beyond the %s", name, nouns()[n/3%len(nouns())]), Severity: checks.Severity(n % 6), CWE: []string{fmt.Sprintf("CWE-%d", 20+n%60)}, Class: "dependency", References: []string{"https://advisories.example/" + name}, Advice: "Use a later version."}
	f.Package = &checks.Package{Ecosystem: "npm", Name: name, Version: fmt.Sprintf("%d.%d.%d", n%9, n%17, n%5), Advisory: f.Rule.ID, Fixed: []string{"99.0.0"}}
	f.Location.Path = pick(r, []string{"package-lock.json", "web/package-lock.json", "go.mod", "services/" + pick(r, services()) + "/requirements.txt"})
	f.Fix = "update " + name + " to 99.0.0"
}

func source(r *rand.Rand, f *checks.Finding) {
	n := r.IntN(60)
	f.Check = "sast"
	f.Rule = checks.Rule{ID: fmt.Sprintf("G%03d", 101+n*7), Title: fmt.Sprintf("The %s of a %s is not checked", nouns()[n%len(nouns())], nouns()[(n+5)%len(nouns())]), Severity: checks.Severity(1 + n%4), CWE: []string{fmt.Sprintf("CWE-%d", 70+n), "CWE-20"}, Class: fmt.Sprintf("sast-%d", n), Advice: "Check it."}
}

func services() []string {
	return []string{"portal", "billing", "imaging", "pharmacy", "triage", "records", "consent", "lab", "schedule", "referral", "telemetry", "archive"}
}

func nouns() []string {
	return []string{"patient", "record", "header", "result", "session", "token", "bucket", "message", "certificate", "query", "upload", "export", "cache", "handler", "worker", "index"}
}

func pick(r *rand.Rand, all []string) string { return all[r.IntN(len(all))] }

func hexText(r *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%016x", r.Uint64())
	}
	return b.String()[:n]
}
