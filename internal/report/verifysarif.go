package report

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
)

// DecisionSARIF writes a decision as one SARIF run: each link is a rule, and
// each that does not hold is a result. A decision that is not a pass is an
// invocation that was not successful, so that a reader of results alone does
// not take silence for health.
func DecisionSARIF(w io.Writer, d Decision, version string) error {
	r := sarifRun{
		Tool:              sarifTool{sarifDriver{Name: "vitalsign verify", Version: version, InformationURI: "https://github.com/vitalsign-dev/vitalsign", Rules: []sarifRule{}}},
		AutomationDetails: sarifAutomation{"vitalsign/verify/"},
		Invocations:       []sarifInvocation{{Successful: d.Verdict.Exit == 0}},
		ColumnKind:        "utf16CodeUnits", Results: []sarifResult{},
	}
	for _, why := range d.Verdict.Reasons {
		r.Invocations[0].Notifications = append(r.Invocations[0].Notifications, sarifNotification{"error", sarifText{Text: why}})
	}
	index := map[string]int{}
	for _, a := range d.Answers {
		for _, l := range a.Links {
			if l.State == chain.OK || l.State == chain.Info {
				continue
			}
			i, ok := index[l.Name]
			if !ok {
				i = len(r.Tool.Driver.Rules)
				index[l.Name] = i
				r.Tool.Driver.Rules = append(r.Tool.Driver.Rules, linkRule(l.Name))
			}
			r.Results = append(r.Results, linkResult(a, l, i))
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(sarifLog{Schema: sarifSchemaURI, Version: "2.1.0", Runs: []sarifRun{r}})
}

// ruleID is a link's name as an id.
func ruleID(link string) string { return "verify/" + strings.ReplaceAll(link, " ", "-") }

func linkRule(link string) sarifRule {
	return sarifRule{
		ID: ruleID(link), ShortDescription: sarifText{Text: "The link " + link + " does not hold"},
		FullDescription:      sarifText{Text: "A link of the chain from the artifact to the gate does not hold: " + link + "."},
		Help:                 sarifText{Text: "Run vitalsign verify with the same policy and evidence, and vitalsign explain with the decision's id."},
		DefaultConfiguration: sarifConfig{"error"},
		Properties:           sarifProperties{Tags: []string{"security", "supply-chain"}, Precision: "very-high", SecuritySeverity: "8.0"},
	}
}

func linkResult(a Answer, l chain.Link, rule int) sarifResult {
	return sarifResult{
		RuleID: ruleID(l.Name), RuleIndex: rule, Level: "error", Message: sarifText{Text: a.Subject.Name + ": " + l.Detail},
		Locations:           []sarifLocation{{Physical: sarifPhysical{Artifact: sarifURI{URI: pathURI(a.Subject.Name)}}}},
		PartialFingerprints: map[string]string{"vitalsign/verify/v1": attest.Digest([]byte(l.Name + "\n" + a.Subject.Name + "\n" + string(l.State)))},
	}
}
