package checks

import (
	"cmp"
	"slices"
)

// Finding is what is so only here. It carries no secret and no patient value:
// evidence is redacted inside the child, before the finding leaves it.
type Finding struct {
	// Fingerprint is the identity (see Fingerprint), 64 hex digits.
	Fingerprint string   `json:"fingerprint"`
	Rule        Rule     `json:"rule"`
	Check       string   `json:"check"`
	Location    Location `json:"location"`
	Evidence    Evidence `json:"evidence"`
	Confidence  string   `json:"confidence,omitempty"`
	// New is nil when nothing was there to compare with.
	New *bool `json:"new,omitempty"`
	// SeenBy lists every check and rule that reported it, the first included.
	SeenBy   []Witness `json:"seen_by"`
	Package  *Package  `json:"package,omitempty"`
	Controls []string  `json:"controls,omitempty"`
	Fix      string    `json:"fix,omitempty"`
	// Flow is the way of a value, from where it comes in to where it does harm
	// (SARIF 2.1.0, 3.37), at most MaxFlow steps.
	Flow []FlowStep `json:"flow,omitempty"`
	// Routes are the operations of an application ("GET /patients/{id}") through
	// which the place is reached, as far as is known.
	Routes []string `json:"routes,omitempty"`
	// Exchanges are requests and answers that show it, the telling one last, and
	// Replay a command that shows it again.
	Exchanges []Exchange `json:"exchanges,omitempty"`
	Replay    string     `json:"replay,omitempty"`
	// Role of the file: source, test, generated or vendored.
	Role string `json:"role,omitempty"`
	// Ignored is set when a trusted ignore covers the finding.
	Ignored *Ignored `json:"ignored,omitempty"`
	// Waived is set when a waiver that counts covers the finding.
	Waived *Waived `json:"waived,omitempty"`
	// ValueBound says that the identity holds a keyed value, so that it can
	// only be compared under the same identity key.
	ValueBound bool `json:"value_bound,omitempty"`
}

// Location is where a finding is. Path is relative to the target's root with
// forward slashes, or a route of a running application (see Live); lines and columns count from 1 (columns in bytes), 0 when unknown.
type Location struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line,omitempty"`
	StartColumn int    `json:"start_column,omitempty"`
	EndLine     int    `json:"end_line,omitempty"`
	EndColumn   int    `json:"end_column,omitempty"`
	// Symbol is a function, resource or package name, where known.
	Symbol string `json:"symbol,omitempty"`
	// Commit is set for a finding that lies in history only.
	Commit string `json:"commit,omitempty"`
}

// MaxFlow bounds how many steps of a flow are kept.
const MaxFlow = 100

// FlowStep is one place that a value passes.
type FlowStep struct {
	Location Location `json:"location"`
	// Message says what happens there, redacted.
	Message string `json:"message,omitempty"`
}

// Evidence is what a person needs to see, with every value cut out.
type Evidence struct {
	Message string `json:"message,omitempty"`
	// Excerpt holds the flagged lines, redacted, at most a few.
	Excerpt string `json:"excerpt,omitempty"`
	// ExcerptLine is the line number of the excerpt's first line.
	ExcerptLine int `json:"excerpt_line,omitempty"`
}

// Witness is one check and rule that reported a finding.
type Witness struct {
	Check string `json:"check"`
	Rule  string `json:"rule"`
}

// Package is the dependency a finding is about.
type Package struct {
	Ecosystem string   `json:"ecosystem"`
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	PURL      string   `json:"purl,omitempty"`
	Advisory  string   `json:"advisory"`
	Aliases   []string `json:"aliases,omitempty"`
	Fixed     []string `json:"fixed,omitempty"`
}

// Ignored says who set a finding aside, and until when.
type Ignored struct {
	By     string `json:"by"`
	Until  string `json:"until"`
	Reason string `json:"reason"`
}

// Compare orders findings the same way on every machine: worst first, then by
// place, rule and identity.
func Compare(a, b Finding) int {
	return cmp.Or(
		-cmp.Compare(a.Rule.Severity, b.Rule.Severity),
		cmp.Compare(a.Location.Path, b.Location.Path),
		cmp.Compare(a.Location.StartLine, b.Location.StartLine),
		cmp.Compare(a.Location.StartColumn, b.Location.StartColumn),
		cmp.Compare(a.Check, b.Check),
		cmp.Compare(a.Rule.ID, b.Rule.ID),
		cmp.Compare(a.Fingerprint, b.Fingerprint),
		cmp.Compare(a.Location.Commit, b.Location.Commit),
		cmp.Compare(a.Location.EndLine, b.Location.EndLine),
		cmp.Compare(a.Evidence.Message, b.Evidence.Message),
	)
}

// Merge turns the findings of all checks into one list in Compare's order.
// The same weakness (fingerprint) at the same place (path, commit, overlapping
// lines) reported under different rules becomes one finding with several
// witnesses; the worst of them gives the rule. Two reports of one rule stay
// two findings: they are two occurrences. Merging again changes nothing.
func Merge(in []Finding) []Finding {
	sorted := slices.Clone(in)
	slices.SortStableFunc(sorted, Compare)
	type place struct{ fingerprint, path, commit string }
	at := make(map[place][]int, len(sorted))
	out := sorted[:0:0]
	for _, f := range sorted {
		key := place{f.Fingerprint, f.Location.Path, f.Location.Commit}
		if i := mergeable(out, at[key], f); i >= 0 {
			out[i].SeenBy = append(out[i].SeenBy, Witness{f.Check, f.Rule.ID})
			if len(out[i].Flow) == 0 {
				out[i].Flow = f.Flow
			}
			continue
		}
		if len(f.SeenBy) == 0 {
			f.SeenBy = []Witness{{f.Check, f.Rule.ID}}
		}
		at[key] = append(at[key], len(out))
		out = append(out, f)
	}
	return out
}

// mergeable returns the index of the finding that f is another witness of, or -1.
func mergeable(out []Finding, candidates []int, f Finding) int {
	for _, i := range candidates {
		same := slices.Contains(out[i].SeenBy, Witness{f.Check, f.Rule.ID})
		if !same && overlap(out[i].Location, f.Location) {
			return i
		}
	}
	return -1
}

func overlap(a, b Location) bool {
	aEnd, bEnd := max(a.EndLine, a.StartLine), max(b.EndLine, b.StartLine)
	return a.StartLine <= bEnd && b.StartLine <= aEnd
}
