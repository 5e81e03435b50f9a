package evidence

import (
	"encoding/json"
	"net/url"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/bill"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// Levels that a summary names; SLSA's own are about builds, and none is claimed
// (SLSA v1.0, Verification Summary, "verifiedLevels": users may add their own).
const levelPassed = "VITALSIGN_GATE_PASSED"

// summary is the predicate https://slsa.dev/verification_summary/v1 (SLSA v1.0,
// Verification Summary Attestation, "Schema").
type summary struct {
	Verifier           verifier             `json:"verifier"`
	TimeVerified       string               `json:"timeVerified"`
	ResourceURI        string               `json:"resourceUri"`
	Policy             resourceDescriptor   `json:"policy"`
	InputAttestations  []resourceDescriptor `json:"inputAttestations"`
	VerificationResult string               `json:"verificationResult"`
	VerifiedLevels     []string             `json:"verifiedLevels"`
}

type verifier struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version,omitempty"`
}

// Summary states the gate's decision over a run: PASSED only where the run's
// exit code is that of a pass, and FAILED for everything else, "cannot tell"
// among it. The bill with this id is the input.
func Summary(run checks.Run, b bill.Bill, billID string) (json.RawMessage, error) {
	s := summary{
		Verifier:     verifier{"https://github.com/vitalsign-dev/vitalsign", map[string]string{"vitalsign": run.Version}},
		TimeVerified: run.Ended.UTC().Format("2006-01-02T15:04:05Z"), ResourceURI: b.Repository,
		Policy:             resourceDescriptor{URI: "https://github.com/vitalsign-dev/vitalsign/gate?fail_on=" + url.QueryEscape(b.Gate.FailOn)},
		InputAttestations:  []resourceDescriptor{{Name: "bill of health", Digest: map[string]string{attest.SHA256: billID}}},
		VerificationResult: "FAILED", VerifiedLevels: []string{},
	}
	if b.Policy != nil {
		s.Policy = resourceDescriptor{Name: "policy", Digest: map[string]string{attest.SHA256: b.Policy.Digest}}
	}
	if s.ResourceURI != "" && b.Project != "" {
		s.ResourceURI += "#" + url.PathEscape(b.Project) // who knows no projects must not take it for all
	}
	if s.ResourceURI == "" {
		s.ResourceURI = "urn:vitalsign:run:" + run.ID // it is required, and there is no address
	}
	if run.Verdict.Exit == judge.ExitPass && run.Verdict.Complete && run.Verdict.Findings == checks.Pass {
		s.VerificationResult, s.VerifiedLevels = "PASSED", []string{levelPassed}
	}
	return encode(s)
}
