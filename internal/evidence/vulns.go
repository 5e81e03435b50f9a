package evidence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// ErrNoTime says that a time is missing that a predicate must have. None is
// ever invented.
var ErrNoTime = errors.New("a time is missing")

// StepError says that nothing can be stated of a step, because it did not come
// to an answer: a step that nobody may rely on is no evidence.
type StepError struct {
	Check string
	// Status is "" where the run has no such step, or one without a status.
	Status checks.Status
	Reason string
}

func (e *StepError) Error() string {
	s := e.Check + ": " + cmp.Or(string(e.Status), "no status")
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

const (
	vulnCheck = "deps"
	vulnData  = "osv"
	// vulnDataURI is where the advisories come from, also those that were
	// carried in: the digest says which.
	vulnDataURI = "https://osv.dev"
	scannerURI  = "https://github.com/vitalsign-dev/vitalsign"
	// severityMethod: the word of the finding, which the check derives from the
	// advisory's own vector or level.
	severityMethod = "vitalsign"
)

// vulns is the predicate (https://in-toto.io/attestation/vulns, version 0.2,
// "Fields").
type vulns struct {
	Scanner  vulnScanner  `json:"scanner"`
	Metadata vulnMetadata `json:"metadata"`
}

type vulnScanner struct {
	URI     string       `json:"uri"`
	Version string       `json:"version,omitempty"`
	DB      vulnDatabase `json:"db"`
	// Result is never nil: an empty list means that nothing was found.
	Result []vulnResult `json:"result"`
}

type vulnDatabase struct {
	URI        string    `json:"uri,omitempty"`
	Version    string    `json:"version,omitempty"`
	LastUpdate time.Time `json:"lastUpdate"`
}

type vulnResult struct {
	ID       string         `json:"id"`
	Severity []vulnSeverity `json:"severity"`
	// Annotations has one entry for each package and file.
	Annotations []vulnPlace `json:"annotations,omitempty"`
}

type vulnSeverity struct {
	Method string `json:"method"`
	Score  string `json:"score"`
}

// vulnPlace is a package with the vulnerability, and the file that names it.
type vulnPlace struct {
	Package     string   `json:"package,omitempty"`
	Version     string   `json:"version,omitempty"`
	PURL        string   `json:"purl,omitempty"`
	Path        string   `json:"path"`
	Aliases     []string `json:"aliases,omitempty"`
	Fixed       []string `json:"fixed,omitempty"`
	Fingerprint string   `json:"fingerprint"`
	// Ignored and Waived say until when somebody accepts it; it is there all
	// the same.
	Ignored string `json:"ignored,omitempty"`
	Waived  string `json:"waived,omitempty"`
}

type vulnMetadata struct {
	ScanStartedOn  time.Time `json:"scanStartedOn"`
	ScanFinishedOn time.Time `json:"scanFinishedOn"`
}

// Vulns is the predicate https://in-toto.io/attestation/vulns/v0.2 over a run:
// every known vulnerability of its dependencies, those that are ignored or
// waived too.
//
// Only a deps step that is ok can be spoken for. Any other status is a
// *StepError: partial, stale and missing, because an empty list would be read as
// "no vulnerabilities"; not-applicable and excluded, because nobody looked. A
// step without the time of its data, or a run without its own times, is
// ErrNoTime.
func Vulns(run checks.Run) (json.RawMessage, error) {
	db, err := vulnDatabaseOf(run)
	if err != nil {
		return nil, err
	}
	if run.Started.IsZero() || run.Ended.IsZero() {
		return nil, fmt.Errorf("%w: when the run started or ended", ErrNoTime)
	}
	return encode(vulns{
		Scanner:  vulnScanner{URI: scannerURI, Version: run.Version, DB: db, Result: vulnResults(run.Findings)},
		Metadata: vulnMetadata{ScanStartedOn: run.Started.UTC(), ScanFinishedOn: run.Ended.UTC()},
	})
}

// vulnDatabaseOf describes the advisories that the deps step read.
func vulnDatabaseOf(run checks.Run) (vulnDatabase, error) {
	i := slices.IndexFunc(run.Steps, func(s checks.Step) bool { return s.Check == vulnCheck })
	if i < 0 {
		return vulnDatabase{}, &StepError{Check: vulnCheck, Reason: "it is no step of the run"}
	}
	s := run.Steps[i]
	if s.Status != checks.OK {
		return vulnDatabase{}, &StepError{s.Check, s.Status, s.Reason}
	}
	for _, d := range s.Data {
		if d.Name == vulnData && !d.AsOf.IsZero() {
			return vulnDatabase{URI: vulnDataURI, Version: sha256Of(d.Digest), LastUpdate: d.AsOf.UTC()}, nil
		}
	}
	return vulnDatabase{}, fmt.Errorf("%w: of when the advisories of %s are", ErrNoTime, vulnCheck)
}

// sha256Of writes a digest with its algorithm; "" stays "".
func sha256Of(digest string) string {
	if digest == "" {
		return ""
	}
	return "sha256:" + digest
}

// vulnResults are one entry a vulnerability, in the order of their ids.
func vulnResults(findings []checks.Finding) []vulnResult {
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b checks.Finding) int {
		return cmp.Or(strings.Compare(a.Rule.ID, b.Rule.ID), checks.Compare(a, b))
	})
	out := []vulnResult{}
	for _, f := range sorted {
		if _, ours := seenBy(f, vulnCheck); !ours {
			continue
		}
		if n := len(out); n == 0 || out[n-1].ID != f.Rule.ID {
			out = append(out, vulnResult{ID: f.Rule.ID, Severity: []vulnSeverity{{severityMethod, f.Rule.Severity.String()}}})
		}
		last := &out[len(out)-1]
		last.Annotations = append(last.Annotations, vulnPlaceOf(f))
	}
	return out
}

func vulnPlaceOf(f checks.Finding) vulnPlace {
	p := vulnPlace{Path: f.Location.Path, Fingerprint: f.Fingerprint}
	if f.Package != nil {
		p.Package, p.Version, p.PURL = f.Package.Name, f.Package.Version, f.Package.PURL
		p.Aliases, p.Fixed = f.Package.Aliases, f.Package.Fixed
	}
	if f.Ignored != nil {
		p.Ignored = "until " + f.Ignored.Until
	}
	if f.Waived != nil {
		p.Waived = "until " + f.Waived.Until
	}
	return p
}

// seenBy says under which rules a check reported a finding.
func seenBy(f checks.Finding, check string) (rules []string, ok bool) {
	if f.Check == check {
		rules = append(rules, f.Rule.ID)
	}
	for _, w := range f.SeenBy {
		if w.Check == check && !slices.Contains(rules, w.Rule) {
			rules = append(rules, w.Rule)
		}
	}
	return rules, len(rules) > 0
}

// encode writes JSON with text as it is: "<" in a name stays one character.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
