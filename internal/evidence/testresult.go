package evidence

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// The results of a test (https://in-toto.io/attestation/test-result/v0.1,
// "Fields").
const (
	Passed = "PASSED"
	Warned = "WARNED"
	Failed = "FAILED"
)

// TestResult is what can be stated of one step.
type TestResult struct {
	Check  string
	Status checks.Status
	// Result is Passed, Warned or Failed; "" where nothing can be stated, and
	// then Why says why and Predicate is nil.
	Result    string
	Why       string
	Predicate json.RawMessage
}

// TestOptions are what a run does not hold.
type TestOptions struct {
	// Rules are the ids of each check's rules, of those with the digest that
	// the step names. A check that is not in it (its rules are advisories, or
	// come with an external tool's report) has no passedTests.
	Rules map[string][]string
	// URL is where the run can be looked at, "" for nowhere.
	URL string
}

type testPredicate struct {
	Result        string               `json:"result"`
	Configuration []resourceDescriptor `json:"configuration"`
	URL           string               `json:"url,omitempty"`
	PassedTests   []string             `json:"passedTests,omitzero"` // nil: nobody says which there were
	WarnedTests   []string             `json:"warnedTests"`
	FailedTests   []string             `json:"failedTests"`
}

// resourceDescriptor is in-toto's (Attestation Framework v1, ResourceDescriptor).
type resourceDescriptor struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// TestResults makes one predicate https://in-toto.io/attestation/test-result/v0.1
// for each step: the check is the test suite, its rules are the tests.
//
//   - FAILED: a finding blocks that is neither ignored nor waived. No function
//     blocks means that all do. Its rules are failedTests.
//   - WARNED: there are findings, and none blocks: below the threshold, there
//     before, ignored or waived. Their rules are warnedTests. A risk that
//     somebody accepts is not a test that passed.
//   - PASSED: the step is ok and there is no finding.
//
// The predicate has no word for "nobody knows". A step that is not ok therefore
// gets no statement, and an entry that says why: FAILED would say that a test
// ran, PASSED would be a lie, and a policy that asks for the statement denies
// when it is not there. That holds for not-applicable and excluded, too.
//
// passedTests lists what the caller knows of the check's rules less those with
// findings, so that a verifier can ask for a rule by name ("all required tests
// passed"). A rule without a file to look at has passed as well.
func TestResults(run checks.Run, blocks func(checks.Finding) bool, o TestOptions) ([]TestResult, error) {
	var out []TestResult
	for _, s := range run.Steps {
		r := TestResult{Check: s.Check, Status: s.Status}
		configuration, why := configurationOf(s)
		switch {
		case s.Status != checks.OK:
			r.Why = (&StepError{s.Check, s.Status, s.Reason}).Error()
		case why != "":
			r.Why = s.Check + ": " + why
		default:
			p := testOf(s.Check, run.Findings, blocks, o.Rules[s.Check])
			p.Configuration, p.URL = configuration, o.URL
			predicate, err := encode(p)
			if err != nil {
				return nil, err
			}
			r.Result, r.Predicate = p.Result, predicate
		}
		out = append(out, r)
	}
	return out, nil
}

// testOf sorts the rules of one check by what came of them. A rule that failed
// in one place and warned in another has failed.
func testOf(check string, findings []checks.Finding, blocks func(checks.Finding) bool, rules []string) testPredicate {
	failed, warned := map[string]bool{}, map[string]bool{}
	for _, f := range findings {
		into := warned
		if f.Ignored == nil && f.Waived == nil && (blocks == nil || blocks(f)) {
			into = failed
		}
		ids, _ := seenBy(f, check)
		for _, id := range ids {
			into[id] = true
		}
	}
	maps.DeleteFunc(warned, func(id string, _ bool) bool { return failed[id] })
	p := testPredicate{Result: Passed, WarnedTests: names(warned), FailedTests: names(failed)}
	switch {
	case len(failed) > 0:
		p.Result = Failed
	case len(warned) > 0:
		p.Result = Warned
	}
	if rules != nil {
		passed := map[string]bool{}
		for _, id := range rules {
			passed[id] = !failed[id] && !warned[id]
		}
		maps.DeleteFunc(passed, func(_ string, ok bool) bool { return !ok })
		p.PassedTests = names(passed)
	}
	return p
}

// names is sorted, and never nil.
func names(set map[string]bool) []string {
	out := slices.AppendSeq(make([]string, 0, len(set)), maps.Keys(set))
	slices.Sort(out)
	return out
}

// configurationOf describes what a step ran with, by digest: the program, its
// rules, its data, the external tool. Without the first two nobody could say
// which test it was, so why says that.
func configurationOf(s checks.Step) (out []resourceDescriptor, why string) {
	switch {
	case !isSHA256(s.ToolDigest):
		return nil, "the run does not name the program by its digest"
	case !isSHA256(s.RulesDigest):
		return nil, "the run does not name the rules by their digest"
	}
	out = []resourceDescriptor{
		{Name: "vitalsign-check", URI: scannerURI, Digest: bySHA256(s.ToolDigest)},
		{Name: "rules/" + s.Check, Digest: bySHA256(s.RulesDigest), Annotations: annotate("version", s.Version)},
	}
	for _, d := range s.Data {
		r := resourceDescriptor{Name: "data/" + d.Name}
		if isSHA256(d.Digest) {
			r.Digest = bySHA256(d.Digest)
		}
		if !d.AsOf.IsZero() {
			r.Annotations = annotate("asOf", d.AsOf.UTC().Format(time.RFC3339))
		}
		out = append(out, r)
	}
	if s.Tool != nil {
		r := resourceDescriptor{Name: "tool/" + s.Check, Annotations: annotate("version", s.Tool.Version)}
		if isSHA256(s.Tool.SHA256) {
			r.Digest = bySHA256(s.Tool.SHA256)
		}
		out = append(out, r)
		if s.Tool.Image != "" {
			out = append(out, resourceDescriptor{Name: "image/" + s.Check, Annotations: annotate("digest", s.Tool.Image)})
		}
	}
	return out, ""
}

func annotate(name, value string) map[string]string {
	if value == "" {
		return nil
	}
	return map[string]string{name: value}
}

func bySHA256(digest string) map[string]string { return map[string]string{"sha256": digest} }

// isSHA256: lower-case hex of 32 bytes (in-toto DigestSet).
func isSHA256(digest string) bool {
	b, err := hex.DecodeString(digest)
	return err == nil && len(b) == 32 && hex.EncodeToString(b) == digest
}
