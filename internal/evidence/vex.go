package evidence

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/openvex/go-vex/pkg/vex"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// VEX is an OpenVEX document (OpenVEX specification v0.2.0) of what waivers
// that counted say of vulnerable dependencies: not_affected where the waiver
// says so with a justification, and else affected, with the acceptance as the
// action statement: to accept a risk is not to be without it. Nil when there is
// nothing to say.
func VEX(run checks.Run, acceptances []judge.Acceptance) (json.RawMessage, error) {
	ended := run.Ended.UTC()
	doc := vex.VEX{Metadata: vex.Metadata{
		Context: vex.ContextLocator(), ID: "https://github.com/vitalsign-dev/vitalsign/vex/" + run.ID,
		Author: "vitalsign " + run.Version, Timestamp: &ended, Version: 1, Tooling: "vitalsign",
	}}
	seen := map[string]bool{}
	for _, f := range run.Findings {
		if f.Waived == nil || f.Package == nil || f.Package.PURL == "" {
			continue
		}
		i := slices.IndexFunc(acceptances, func(a judge.Acceptance) bool { return a.ID == f.Waived.ID })
		key := f.Package.Advisory + " " + f.Package.PURL
		if i < 0 || seen[key] {
			continue
		}
		seen[key] = true
		st := statementOf(f, acceptances[i])
		if err := st.Validate(); err != nil {
			return nil, fmt.Errorf("OpenVEX of %s: %w", f.Package.Advisory, err)
		}
		doc.Statements = append(doc.Statements, st)
	}
	if len(doc.Statements) == 0 {
		return nil, nil
	}
	return encode(doc)
}

func statementOf(f checks.Finding, a judge.Acceptance) vex.Statement {
	st := vex.Statement{
		Vulnerability: vex.Vulnerability{Name: vex.VulnerabilityID(f.Package.Advisory)},
		Products: []vex.Product{{Component: vex.Component{ID: f.Package.PURL,
			Identifiers: map[vex.IdentifierType]string{vex.PURL: f.Package.PURL}}}},
		StatusNotes: "waiver " + a.ID + " by " + cmp.Or(a.By, "somebody unsigned") + " until " + a.Waiver.Until,
	}
	for _, alias := range f.Package.Aliases {
		st.Vulnerability.Aliases = append(st.Vulnerability.Aliases, vex.VulnerabilityID(alias))
	}
	if j := vex.Justification(a.Waiver.NotAffected); j != "" {
		st.Status, st.Justification, st.ImpactStatement = vex.StatusNotAffected, j, a.Waiver.Reason
		return st
	}
	st.Status, st.ActionStatement = vex.StatusAffected, "accepted until "+a.Waiver.Until+": "+a.Waiver.Reason
	return st
}
