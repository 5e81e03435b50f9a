// Package sast reads source code for weaknesses: Go, with gosec's rules (see
// goscan). Languages it has no rules for are named by the parent.
package sast

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/checks/sast/goroutes"
	"github.com/vitalsign-dev/vitalsign/checks/sast/goscan"
)

// version is gosec's, pinned in go.mod; a test holds the two together.
const version = "2.30.0"

// Environment is what the process must have set before Run (see
// goscan.GoVersionEnv).
func Environment() (name, value string) { return goscan.GoVersionEnv, goscan.GoVersion }

// Check is the sast check.
type Check struct{}

// New makes the check.
func New() Check { return Check{} }

// Name implements child.Check.
func (Check) Name() string { return "sast" }

// Describe implements child.Check.
func (c Check) Describe() checks.Description {
	var rules []checks.Rule
	h := sha256.New()
	for _, r := range goscan.Rules() {
		rules = append(rules, ruleOf(r))
		fmt.Fprintf(h, "%+v\n", r) // a hash never fails
	}
	return checks.Description{
		Name: c.Name(), Title: "Weaknesses in source code (gosec, for Go)", Version: version,
		Rules: rules, RulesDigest: hex.EncodeToString(h.Sum(nil)),
		Grain: checks.GrainPart, Closed: true, Sees: []string{modFiles},
		Claims: []checks.Claim{{Pattern: "**/*.go", Exact: true}}, Languages: []string{"Go"},
		Canary: checks.Canary{
			Files: []checks.CanaryFile{{Path: "weak.go", Parts: []string{
				"package weak\n\nimport \"crypto/md5\"\n\nfunc sum(b []byte) []byte { h := md5.New(); h.Write(b); return h.Sum(nil) }\n"}}},
			Hits: []checks.CanaryHit{{Path: "weak.go", Rule: "G401"}},
		},
	}
}

// modFiles say which module a directory belongs to, and its version of Go.
const modFiles = "**/go.mod"

func ruleOf(r goscan.Rule) checks.Rule {
	out := checks.Rule{
		ID: r.ID, Title: r.Title, Severity: severity(r.Severity), Advice: r.Help, Class: checks.ClassOf("gosec", r.ID),
	}
	if r.CWE != "" {
		out.CWE = []string{"CWE-" + r.CWE}
		out.References = []string{"https://cwe.mitre.org/data/definitions/" + r.CWE + ".html"}
	}
	return out
}

func severity(s string) checks.Severity {
	sev, err := checks.ParseSeverity(s)
	if err != nil {
		return checks.Unrated
	}
	return sev
}

// maxFindings is far above the step's own limit, at which the sink cuts and
// says so: cutting here would lose the canary, too.
const maxFindings = 1_000_000

// packageTimeout is the part of a step's time that one package may take.
const packageTimeout = 10

// Run implements child.Check.
func (Check) Run(ctx context.Context, in child.Input, out *child.Sink) error {
	options := goscan.DefaultOptions()
	options.MaxFindings = maxFindings
	if wall := time.Duration(in.Limits.WallMS) * time.Millisecond; wall > 0 {
		options.PackageTimeout = min(goscan.DefaultPackageTimeout, wall/packageTimeout)
	}
	faces := goscan.NewFaces(in.Tree, options)
	if err := held(faces, in, out); err != nil {
		return err
	}
	options.Others = in.Tree.Known()
	result, err := goscan.Scan(ctx, in.Tree, in.Tree.Claimed(), options, out.Progress)
	if err != nil {
		return err
	}
	for _, s := range result.Skipped {
		skip(in.Tree, s)
	}
	for _, i := range result.Issues {
		if err := out.Hit(hit(i)); err != nil {
			return err
		}
	}
	// A route leads from file to file, so all of them are looked at for it,
	// also where earlier answers about them hold.
	for file, s := range goroutes.Find(ctx, in.Tree, in.Tree.Known()).Spans() {
		if err := out.Routes(checks.RouteSpan{Path: file, First: s.First, Last: s.Last, Routes: s.Routes}); err != nil {
			return err
		}
	}
	return parts(result, faces, in, out)
}

// held confirms the earlier answers about packages whose imports show what they
// did; they are not analysed again.
func held(faces *goscan.Faces, in child.Input, out *child.Sink) error {
	var files []string
	for _, p := range in.Leaning {
		if faces.Of(dirsOf(p.Faces)) != p.Face {
			continue
		}
		files = append(files, p.Files...)
		if err := out.Part(checks.Part{Files: p.Files, Face: p.Face, Held: true}); err != nil {
			return err
		}
	}
	in.Tree.Hold(files)
	return nil
}

// dirsOf gives the directories of patterns of the form DIR/*.
func dirsOf(patterns []string) []string {
	out := make([]string, 0, len(patterns))
	for _, p := range patterns {
		out = append(out, path.Dir(p))
	}
	return out
}

// skip puts a skip of goscan into the words of the protocol.
func skip(t *child.Tree, s goscan.Skip) {
	switch s.Reason {
	case goscan.SkipUnreadable:
		// The tree knows better why: changed, too large, gone.
		if _, err := t.ReadFile(s.File); err != nil {
			t.SkipError(s.File, err)
			return
		}
		t.Skip(s.File, checks.SkipUnreadable, s.Detail)
	case goscan.SkipTimeout:
		t.Skip(s.File, checks.SkipTimeout, s.Detail)
	case goscan.SkipTooLarge, goscan.SkipTooComplex, goscan.SkipMaxFindings:
		t.Skip(s.File, checks.SkipTooLarge, strings.TrimSpace(s.Reason+" "+s.Detail))
	default:
		t.Skip(s.File, checks.SkipUnparsable, strings.TrimSpace(s.Reason+" "+s.Detail))
	}
}

func hit(i goscan.Issue) child.Hit {
	h := child.Hit{
		Rule: i.RuleID, Message: i.Message, Confidence: strings.ToLower(i.Confidence), Values: i.Literals, Fix: i.Autofix,
		Location: checks.Location{Path: i.Path, StartLine: i.Line, StartColumn: i.Column, EndLine: i.EndLine},
	}
	// A credential is the same finding whoever reports it: by its value.
	if len(i.Literals) == 1 {
		h.Anchor = i.Literals[0]
	}
	return h
}

// parts says of each directory what its answer hangs on and what the data-flow
// rules did not see in it, and fails files whose rules broke.
func parts(result goscan.Result, faces *goscan.Faces, in child.Input, out *child.Sink) error {
	byDir := map[string]*checks.Part{}
	for _, f := range in.Tree.Claimed() {
		d := path.Dir(f)
		if byDir[d] == nil {
			p := &checks.Part{Uses: []string{modFiles, path.Join(d, "*")}}
			for _, u := range result.Uses[d] {
				if u != d && !in.Tree.Canary(u+"/") {
					p.Faces = append(p.Faces, path.Join(u, "*"))
				}
			}
			p.Face = faces.Of(dirsOf(p.Faces))
			byDir[d] = p
		}
		byDir[d].Files = append(byDir[d].Files, f)
	}
	for _, p := range result.Packages {
		if p.Panicked != "" {
			for _, f := range p.Files {
				in.Tree.Skip(f, checks.SkipUnparsable, "a rule broke on its package ("+p.Panicked+")")
			}
		}
		if part := byDir[p.Dir]; part != nil && p.Untyped > 0 {
			part.Unread = append(part.Unread, checks.Unread{
				What: "Go packages", Count: 1, Why: "not wholly type-checked: the packages they import are not on disk",
				Command: "go mod vendor", Examples: []string{p.Dir},
			}, checks.Unread{
				What: "Go statements", Count: p.Untyped, Why: "their types are not known, so the flow of data was not followed through them",
				Command: "go mod vendor",
			})
		}
	}
	for _, d := range slices.Sorted(maps.Keys(byDir)) {
		if err := out.Part(*byDir[d]); err != nil {
			return err
		}
	}
	return nil
}
