package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

const (
	decisionDir = "decisions"
	// maxDecision bounds a decision that is kept, in bytes.
	maxDecision = 64 << 20
	decisionID  = 12
)

// keepDecision keeps a decision for explain and gives its id; "" when it could
// not be kept, which decides nothing.
func (a *app) keepDecision(d report.Decision) string {
	b, err := json.Marshal(d)
	if err != nil || a.stateDir() == "" {
		return ""
	}
	id := attest.Digest(b)[:decisionID]
	dir := filepath.Join(a.stateDir(), decisionDir)
	// Not forced to the disk: explain notices half a file by its digest.
	if os.MkdirAll(dir, 0o700) != nil || os.WriteFile(filepath.Join(dir, id+".json"), b, 0o600) != nil {
		return ""
	}
	return id
}

// explainDecision prints why a kept decision is as it is, with the exact
// inputs; found is false when there is none with that id.
func (a *app) explainDecision(id string) (found bool, err error) {
	b, err := readFile(filepath.Join(a.stateDir(), decisionDir, id+".json"), maxDecision)
	if errors.Is(err, fs.ErrNotExist) || a.stateDir() == "" {
		return false, nil
	}
	var d report.Decision
	if err == nil {
		err = json.Unmarshal(b, &d)
	}
	if err == nil && attest.Digest(b)[:decisionID] != id {
		err = errors.New("the file was changed since")
	}
	if err != nil {
		return true, fmt.Errorf("decision %s: %w", id, err)
	}
	if err := report.DecisionTable(a.out, d, report.NewStyle(a.out, false)); err != nil {
		return true, err
	}
	for _, ans := range d.Answers {
		a.explainAnswer(ans)
	}
	return true, nil
}

func (a *app) explainAnswer(ans report.Answer) {
	a.printf("\nInputs of the answer about %s, judged at %s:\n", safetext.Line(ans.Subject.Name), ans.At.Format("2006-01-02T15:04:05Z"))
	for _, name := range sortedNames(ans.Inputs) {
		a.printf("  %s  %s\n", safetext.Line(name), safetext.Line(ans.Inputs[name]))
	}
	if ans.Verdict.Exit == 0 {
		return
	}
	a.printf("\nWhat to do:\n")
	told := map[string]bool{}
	for _, l := range ans.Links {
		if l.State == chain.OK || l.State == chain.Info || told[l.Name] {
			continue
		}
		told[l.Name] = true
		a.printf("  %s: %s\n", l.Name, chain.Advice(l.Name))
	}
}

// sortedNames are the keys of a map of texts, in order.
func sortedNames(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
