package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// DocumentSchema names the format of a findings document.
const DocumentSchema = "https://github.com/vitalsign-dev/vitalsign/schema/findings/v1"

// MaxDocument bounds a findings document, in bytes.
const MaxDocument = 64 << 20

// document is a run with each rule's text once: the findings refer to it by its
// place in the list. A run of thousands of findings has some tens of rules, and
// a verifier reads what is left in a third of the time.
type document struct {
	Schema   string        `json:"schema"`
	Run      checks.Run    `json:"run"` // without its findings
	Rules    []checks.Rule `json:"rules"`
	Findings []listed      `json:"findings"`
}

// listed is a finding as scan -f json prints it, with the rule's number.
type listed struct {
	checks.Finding
	Rule int `json:"rule"`
}

// Document is the findings document of a run, on one line.
func Document(run checks.Run) ([]byte, error) {
	d := document{Schema: DocumentSchema, Run: run, Rules: []checks.Rule{}, Findings: make([]listed, 0, len(run.Findings))}
	d.Run.Findings = nil
	type key struct{ check, id, class string }
	at := map[key]int{}
	for _, f := range run.Findings {
		k := key{f.Check, f.Rule.ID, f.Rule.Class}
		i, ok := at[k]
		if !ok {
			i = len(d.Rules)
			at[k] = i
			d.Rules = append(d.Rules, f.Rule)
		}
		d.Findings = append(d.Findings, listed{f, i})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(d)
	return b.Bytes(), err
}

// Read reads of a findings document what a verdict depends on: the run, and of
// each finding its identity, place, rule and what sets it aside. Texts for
// people are passed over.
func Read(raw []byte) (checks.Run, error) {
	var d struct {
		Schema   string        `json:"schema"`
		Run      checks.Run    `json:"run"`
		Rules    []checks.Rule `json:"rules"`
		Findings []slim        `json:"findings"`
	}
	// Twice as fast as encoding/json, and strict: a name that is there twice, or
	// in other letters, is an error.
	if err := jsonv2.Unmarshal(raw, &d); err != nil {
		return checks.Run{}, fmt.Errorf("no findings document: %w", err)
	}
	if d.Schema != DocumentSchema || d.Run.ID == "" || d.Run.Findings != nil {
		return checks.Run{}, errors.New("no findings document of a run")
	}
	run := d.Run
	run.Findings = make([]checks.Finding, len(d.Findings))
	for i, f := range d.Findings {
		if f.Rule < 0 || f.Rule >= len(d.Rules) {
			return checks.Run{}, fmt.Errorf("no findings document: there is no rule %d", f.Rule)
		}
		run.Findings[i] = checks.Finding{Fingerprint: f.Fingerprint, Check: f.Check, Location: f.Location, Role: f.Role,
			Ignored: f.Ignored, ValueBound: f.ValueBound, Rule: d.Rules[f.Rule]}
	}
	return run, nil
}

type slim struct {
	Fingerprint string          `json:"fingerprint"`
	Rule        int             `json:"rule"`
	Check       string          `json:"check"`
	Location    checks.Location `json:"location"`
	Role        string          `json:"role"`
	Ignored     *checks.Ignored `json:"ignored"`
	ValueBound  bool            `json:"value_bound"`
}
