// Package template runs checks that users write: a subset of version 3 of the
// nuclei template format (https://docs.projectdiscovery.io/templates), as
// docs/templates.md tells it field by field.
//
// What a template says outside of the subset refuses the whole template, with
// the line: half a check that finds nothing would look like a pass. Templates
// and answers are hostile alike, so both are bounded; nothing here opens a
// connection, and requests go to the target's own origin alone.
package template

import (
	"fmt"
	"net/url"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
)

// Bounds of one template.
const (
	maxDocument = 1 << 20
	maxBlocks   = 20
	maxPerBlock = 1000 // requests, matchers, extractors, values of one list
	maxRequests = 10_000
	maxRegexes  = 500
	maxHops     = 10
	// maxTests bounds how often a word, a pattern or an expression is looked
	// for in an answer: requests times values.
	maxTests = 1_000_000
)

// Unsupported says why a template is refused.
type Unsupported struct {
	// Line counts from 1; 0 is the whole document.
	Line int
	What string
}

func (u *Unsupported) Error() string {
	return fmt.Sprintf("line %d: not supported: %s", u.Line, u.What)
}

// Template is a check that can be run; [Parse] makes it.
type Template struct {
	name      string
	id        string
	rule      checks.Rule
	variables []variableText
	blocks    []block
	stopFirst bool
}

// variableText is one of variables: its text can name those before it.
type variableText struct {
	name string
	text text
}

// ID is the template's own id, without the prefix of [Template.Rule].
func (t Template) ID() string { return t.id }

// Name is what [Parse] was told: where the template came from.
func (t Template) Name() string { return t.name }

// Rule gives the template as a rule. Its severity is as written, and Unrated
// where it says unknown.
func (t Template) Rule() checks.Rule { return t.rule }

// Target is what a template is run against.
type Target struct {
	// Base is absolute; its query and fragment are not used.
	Base *url.URL
	// Safe leaves out requests with methods that may change something: all but
	// GET, HEAD and OPTIONS (RFC 9110, section 9.2.1).
	Safe bool
	// Confirm asks for a second hit, with new random values, before one is
	// reported.
	Confirm bool
	// Seed is what {{randstr}} and {{rand_int}} are made from: the same seed
	// gives the same requests.
	Seed uint64
}

// Result is what a run has found.
type Result struct {
	Issues []issue.Issue
	// Requests counts what was sent, Unanswered what got no answer.
	Requests, Unanswered int
	// Refused says which requests were not sent and why, once each. A template
	// with such requests has not shown that the target is free of what it seeks.
	Refused []string
}

// block is one entry of http.
type block struct {
	requests   []request
	payloads   []payload
	attack     string
	matchers   []matcher
	and        bool
	extractors []extractor
	hops       int
	cookies    bool
	stopFirst  bool
	// indexed are the names with an index (body_2) that something reads.
	indexed map[string]bool
}

// tests counts what is looked for in one answer.
func (b block) tests() int {
	n := 1
	for _, m := range b.matchers {
		n += len(m.words) + len(m.regexes) + len(m.bytes) + len(m.dsl) + len(m.numbers)
	}
	for _, e := range b.extractors {
		n += len(e.regexes) + len(e.keys) + len(e.paths) + len(e.dsl)
	}
	return n
}

// chained says that a request's answer matters to another one.
func (b block) chained() bool {
	if len(b.indexed) > 0 {
		return true
	}
	for _, e := range b.extractors {
		if e.internal {
			return true
		}
	}
	return false
}
