package checks

import (
	"slices"
	"strings"
)

// Rule is what is the same every time: one per id and run. A rule id told in
// two ways within a run is a failed step, because nobody could say which text
// a finding was judged by.
type Rule struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Severity is the rule's own; a finding never carries another.
	Severity Severity `json:"severity"`
	// CWE holds ids as MITRE writes them, e.g. "CWE-798".
	CWE        []string `json:"cwe,omitempty"`
	References []string `json:"references,omitempty"`
	// Advice says what to do about it, in one or two sentences.
	Advice string `json:"advice,omitempty"`
	// Class is the weakness across tools, from ClassOf.
	Class string `json:"class"`
}

// Description is what vitalsign-check says of one check when asked to
// --describe: enough to plan, cache, explain and write SARIF rules without
// linking a scanner.
type Description struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Version string `json:"version"`
	// Rules lists the static rules; a check whose rules come from data (an
	// advisory) sends them as records with the findings.
	Rules       []Rule `json:"rules,omitempty"`
	RulesDigest string `json:"rules_digest"`
	// Claims are the files the check promises to account for.
	Claims []Claim `json:"claims"`
	// Grain says what its answer about one file hangs on.
	Grain Grain `json:"grain,omitempty"`
	// Closed says that the check is given nothing but the files that it claims
	// and those that match Sees (patterns as in Part.Uses).
	Closed bool     `json:"closed,omitempty"`
	Sees   []string `json:"sees,omitempty"`
	// Live says that the check looks at a running application and not at files.
	Live bool `json:"live,omitempty"`
	// Components says that the check lists the packages that the target names.
	Components bool `json:"components,omitempty"`
	// Needs names the data the check cannot work without.
	Needs []Need `json:"needs,omitempty"`
	// Canary is a small tree with known hits that goes through the same child.
	Canary Canary `json:"canary"`
	// Options names the job options the check understands, each with its text.
	Options map[string]string `json:"options,omitempty"`
	// Languages lists the programming languages (linguist names) that the
	// check has rules for; empty when it does not judge by language.
	Languages []string `json:"languages,omitempty"`
}

// Claim is a pattern of files (doublestar syntax, matched against the path
// relative to the root, in lower case).
type Claim struct {
	Pattern string `json:"pattern"`
	// Exact says that such a file is always of this kind, so that one that
	// cannot be parsed makes the step partial. A JSON file that turns out not
	// to be CloudFormation is nothing special; a broken main.tf is.
	Exact bool `json:"exact,omitempty"`
}

// Need is a kind of data that a check reads besides its target.
type Need struct {
	// Name is the key under which the job carries it, e.g. "osv".
	Name string `json:"name"`
	// Command brings it, e.g. "vitalsign db update".
	Command string `json:"command"`
	// Optional data that is absent is not a missing step.
	Optional bool `json:"optional,omitempty"`
}

// Canary is a tree of files, each with hits that the check must report. The
// files exist only in memory; paths are relative to the job's CanaryDir.
type Canary struct {
	Files []CanaryFile `json:"files"`
	Hits  []CanaryHit  `json:"hits"`
}

// CanaryFile is one file of a canary. The content is given in parts that are
// joined without separator, so that no scanner that reads our own source or
// binary takes it for a real secret.
type CanaryFile struct {
	Path  string   `json:"path"`
	Parts []string `json:"parts"`
}

// CanaryHit is a finding that must come back for the step to count. Where a
// tool has named the rule in several ways over its versions, Rule holds all of
// them with | between.
type CanaryHit struct {
	Path string `json:"path"`
	Rule string `json:"rule"`
}

// Is says whether a rule's id is the hit's.
func (h CanaryHit) Is(rule string) bool { return slices.Contains(strings.Split(h.Rule, "|"), rule) }
