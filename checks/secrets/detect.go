package secrets

import (
	"context"
	"math"
	"strings"
	"sync"

	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/report"

	"github.com/vitalsign-dev/vitalsign/internal/sieve"
)

// detector finds what gitleaks's own detector finds, with its rules and its
// allowlists: the same in all that a finding says. What it does in another way
// is how it looks for matches (package sieve), how it finds what is encoded,
// and how it counts lines. A test holds the two together.
type detector struct {
	config config.Config
	// rules are those with a regular expression, as the sieve numbers them;
	// paths are those about a file's name only.
	rules, paths []config.Rule
	set          *sieve.Set
	scanners     sync.Pool
}

func newDetector(cfg config.Config) (*detector, error) {
	d := &detector{config: cfg}
	var patterns []sieve.Pattern
	for _, r := range cfg.GetOrderedRules() {
		switch {
		case r.SkipReport || len(r.RequiredRules) > 0:
			// gitleaks's own rules have neither; a test says so.
		case r.Regex == nil:
			d.paths = append(d.paths, r)
		default:
			d.rules = append(d.rules, r)
			patterns = append(patterns, sieve.Pattern{Expr: r.Regex.String(), Words: r.Keywords})
		}
	}
	set, err := sieve.New(patterns)
	if err != nil {
		return nil, err
	}
	d.set = set
	d.scanners.New = func() any { return set.NewScanner() }
	return d, nil
}

// fragment is one text that is scanned.
type fragment struct {
	detect.Fragment
	lines lines // of Raw, nil until they are needed
}

// detect returns the findings of a piece of text.
func (d *detector) detect(ctx context.Context, of detect.Fragment) []report.Finding {
	f := &fragment{Fragment: of}
	if f.pathAllowed(d.config.Allowlists) {
		return nil
	}
	found := d.byPath(f)
	sc := d.scanners.Get().(*sieve.Scanner)
	defer d.scanners.Put(sc)
	for r := (&round{text: f.Raw}); r != nil && ctx.Err() == nil; r = r.decode() {
		for _, i := range sc.Scan(r.text) {
			if ctx.Err() != nil {
				break
			}
			found = d.rule(f, r, d.rules[i], i, sc, found)
		}
		if r.depth == decodeDepth {
			break
		}
	}
	return withoutGeneric(found)
}

// byPath applies the rules about a file's name.
func (d *detector) byPath(f *fragment) (found []report.Finding) {
	for _, r := range d.paths {
		if f.pathAllowed(r.Allowlists) || !r.Path.MatchString(f.FilePath) {
			continue
		}
		found = append(found, report.Finding{
			Commit: f.CommitSHA, RuleID: r.RuleID, Description: r.Description, File: f.FilePath,
			Match: "file detected: " + f.FilePath, Tags: r.Tags,
		})
	}
	return found
}

// rule adds what one rule finds in one round.
func (d *detector) rule(f *fragment, r *round, rule config.Rule, i int, sc *sieve.Scanner, found []report.Finding) []report.Finding {
	if rule.Path != nil && !rule.Path.MatchString(f.FilePath) {
		return found
	}
	matches := sc.FindAll(i)
	if len(matches) == 0 || f.pathAllowed(rule.Allowlists) {
		return found
	}
	for _, m := range matches {
		if finding, ok := d.finding(f, r, rule, span{m.Start, m.End}); ok {
			found = append(found, finding)
		}
	}
	return found
}

// finding makes a finding of a match; false when it is none.
func (d *detector) finding(f *fragment, r *round, rule config.Rule, m span) (report.Finding, bool) {
	match := strings.Trim(r.text[m.start:m.end], "\n")
	tags := append([]string{}, rule.Tags...)
	line := ""
	if r.depth == 0 {
		m.end = m.start + len(match)
	} else {
		segments := r.touching(m)
		if len(segments) == 0 {
			return report.Finding{}, false // an earlier round has told it
		}
		m = r.original(m)
		tags = append(tags, r.tags(segments)...)
		line = r.line(segments)
	}
	if f.lines == nil {
		f.lines = linesOf(f.Raw)
	}
	p := f.lines.place(f.Raw, m)
	finding := report.Finding{
		Commit: f.CommitSHA, RuleID: rule.RuleID, Description: rule.Description, File: f.FilePath,
		StartLine: f.StartLine + p.startLine, EndLine: f.StartLine + p.endLine, StartColumn: p.startColumn, EndColumn: p.endColumn,
		Line: f.Raw[p.text.start:max(p.text.end, m.end)], Match: match, Secret: secretOf(rule, match), Tags: tags,
	}
	if line == "" {
		line = finding.Line
	}
	entropy := entropy(finding.Secret)
	finding.Entropy = float32(entropy)
	if rule.Entropy != 0 && entropy <= rule.Entropy {
		return finding, false
	}
	allowed := f.allowed(finding, line, d.config.Allowlists) || f.allowed(finding, line, rule.Allowlists)
	return finding, !allowed
}

// secretOf takes the secret out of a match: the group that the rule names, or
// the first that is not empty.
func secretOf(rule config.Rule, match string) string {
	groups := rule.Regex.FindStringSubmatch(match)
	switch {
	case len(groups) < 2:
		return match
	case rule.SecretGroup > 0:
		return groups[rule.SecretGroup]
	}
	for _, g := range groups[1:] {
		if g != "" {
			return g
		}
	}
	return match
}

// entropy is Shannon's, in bits a byte of characters as gitleaks counts them:
// how often each character is there, over the length in bytes.
func entropy(s string) (bits float64) {
	counts := map[rune]int{}
	for _, r := range s {
		counts[r]++
	}
	share := 1 / float64(len(s))
	for _, n := range counts {
		p := float64(n) * share
		bits -= p * math.Log2(p)
	}
	return bits
}

// withoutGeneric drops what a generic rule says where a specific one says the
// same on that line.
func withoutGeneric(all []report.Finding) []report.Finding {
	specific := map[int][]string{}
	for _, f := range all {
		if !generic(f) {
			specific[f.StartLine] = append(specific[f.StartLine], f.Secret)
		}
	}
	var out []report.Finding
	for _, f := range all {
		if !generic(f) || !anyContains(specific[f.StartLine], f.Secret) {
			out = append(out, f)
		}
	}
	return out
}

func anyContains(all []string, s string) bool {
	for _, x := range all {
		if strings.Contains(x, s) {
			return true
		}
	}
	return false
}

func generic(f report.Finding) bool { return strings.Contains(strings.ToLower(f.RuleID), "generic") }
