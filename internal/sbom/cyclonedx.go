package sbom

import (
	"bytes"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// targetRef is the bom-ref of what the bill is about.
const targetRef = "vitalsign:target"

// CycloneDX writes the components of a run as CycloneDX 1.6 JSON
// (https://cyclonedx.org/docs/1.6/json/). What is known of completeness is in
// compositions: complete, incomplete where a finished step knows of a gap,
// unknown where the step did not finish; the last comes with ErrIncomplete and
// the document.
func CycloneDX(run checks.Run, o Options) ([]byte, error) {
	if run.Ended.IsZero() {
		return nil, ErrNoTime
	}
	known := completenessOf(run)
	components := checks.MergeComponents(run.Components)
	bom := cdx.NewBOM()
	bom.Metadata = metadata(run, o, known)
	bom.Components = &[]cdx.Component{}
	for _, c := range components {
		*bom.Components = append(*bom.Components, component(c))
	}
	bom.Compositions = &[]cdx.Composition{{Aggregate: aggregate(known), Assemblies: &[]cdx.BOMReference{targetRef}}}
	if o.Vulnerabilities {
		bom.Vulnerabilities = vulnerabilities(run.Findings, components)
	}
	unnamed, err := encodeCycloneDX(bom)
	if err != nil {
		return nil, err
	}
	bom.SerialNumber = "urn:uuid:" + uuid(unnamed)
	document, err := encodeCycloneDX(bom)
	if err != nil {
		return nil, err
	}
	return document, known.err()
}

func encodeCycloneDX(bom *cdx.BOM) ([]byte, error) {
	var b bytes.Buffer
	err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_6)
	return b.Bytes(), err
}

func aggregate(c completeness) cdx.CompositionAggregate {
	switch {
	case c.complete():
		return cdx.CompositionAggregateComplete
	case c.finished:
		return cdx.CompositionAggregateIncomplete
	}
	return cdx.CompositionAggregateUnknown
}

func metadata(run checks.Run, o Options, known completeness) *cdx.Metadata {
	about := subjectOf(run, o)
	m := &cdx.Metadata{
		Timestamp: run.Ended.UTC().Format(time.RFC3339),
		// Lock files say what will be built, not what was.
		Lifecycles: &[]cdx.Lifecycle{{Phase: cdx.LifecyclePhasePreBuild}},
		Tools:      &cdx.ToolsChoice{Components: tools(run)},
		Component:  &cdx.Component{BOMRef: targetRef, Type: cdx.ComponentTypeApplication, Name: about.name, Version: about.version, PackageURL: about.purl},
	}
	properties := []cdx.Property{{Name: "vitalsign:run", Value: run.ID}}
	add := func(name, value string) {
		if value != "" {
			properties = append(properties, cdx.Property{Name: name, Value: value})
		}
	}
	add("vitalsign:commit", run.Target.Commit)
	add("vitalsign:tree", run.Target.Tree)
	if run.Target.Dirty {
		add("vitalsign:dirty", "true")
	}
	if !known.complete() {
		add("vitalsign:completeness", known.words())
	}
	m.Properties = &properties
	return m
}

// tools are vitalsign, and the program that read the target, by its digest.
func tools(run checks.Run) *[]cdx.Component {
	out := []cdx.Component{{Type: cdx.ComponentTypeApplication, Name: producer, Version: run.Version}}
	for _, s := range run.Steps {
		if s.Check == lister && len(s.ToolDigest) == 64 {
			out = append(out, cdx.Component{Type: cdx.ComponentTypeApplication, Name: producer + "-check", Version: run.Version,
				Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: s.ToolDigest}}})
		}
	}
	return &out
}

func component(c checks.Component) cdx.Component {
	group, name := split(c)
	out := cdx.Component{BOMRef: refOf(c), Type: cdx.ComponentTypeLibrary, Group: group, Name: name, Version: c.Version, PackageURL: c.PURL}
	if c.Dev {
		// "Test and other non-runtime purposes" (component scope, excluded).
		out.Scope = cdx.ScopeExcluded
	}
	at := make([]cdx.EvidenceOccurrence, 0, len(c.Locations))
	for _, p := range c.Locations {
		at = append(at, cdx.EvidenceOccurrence{Location: p})
	}
	out.Evidence = &cdx.Evidence{Occurrences: &at}
	return out
}

// split takes the group out of a name where the ecosystem has groups: Maven's
// "group:artifact" and npm's "@scope/name".
func split(c checks.Component) (group, name string) {
	switch c.Ecosystem {
	case "Maven":
		if group, name, ok := strings.Cut(c.Name, ":"); ok && name != "" {
			return group, name
		}
	case "npm":
		if group, name, ok := strings.Cut(c.Name, "/"); ok && name != "" && strings.HasPrefix(group, "@") {
			return group, name
		}
	}
	return "", c.Name
}

// vulnerabilities are the findings about packages, one entry an advisory. All
// are there, ignored and waived ones too: that somebody accepts a vulnerability
// does not take it out of the software.
func vulnerabilities(findings []checks.Finding, components []checks.Component) *[]cdx.Vulnerability {
	refs := map[string]string{}
	for _, c := range components {
		refs[packageKey(c.Ecosystem, c.Name, c.Version)] = refOf(c)
		refs[c.PURL] = refOf(c)
	}
	out := []cdx.Vulnerability{}
	at := map[string]int{}
	for _, f := range findings {
		if f.Package == nil {
			continue
		}
		i, ok := at[f.Rule.ID]
		if !ok {
			i = len(out)
			at[f.Rule.ID] = i
			out = append(out, vulnerability(f))
		}
		ref := refs[packageKey(f.Package.Ecosystem, f.Package.Name, f.Package.Version)]
		if f.Package.PURL != "" && refs[f.Package.PURL] != "" {
			ref = refs[f.Package.PURL]
		}
		affect(&out[i], ref)
	}
	return &out
}

func packageKey(ecosystem, name, version string) string {
	return strings.Join([]string{ecosystem, name, version}, "\x00")
}

// vulnerability has the ids and the rating that the finding has; no score is
// computed from a word.
func vulnerability(f checks.Finding) cdx.Vulnerability {
	v := cdx.Vulnerability{BOMRef: "vitalsign:vulnerability:" + f.Rule.ID, ID: f.Rule.ID, Affects: &[]cdx.Affects{},
		Ratings: &[]cdx.VulnerabilityRating{{Severity: severity(f.Rule.Severity)}}}
	if len(f.Package.Aliases) > 0 {
		refs := []cdx.VulnerabilityReference{}
		for _, id := range f.Package.Aliases {
			refs = append(refs, cdx.VulnerabilityReference{ID: id, Source: &cdx.Source{Name: "OSV"}})
		}
		v.References = &refs
	}
	return v
}

func affect(v *cdx.Vulnerability, ref string) {
	if ref == "" {
		return
	}
	for _, a := range *v.Affects {
		if a.Ref == ref {
			return
		}
	}
	*v.Affects = append(*v.Affects, cdx.Affects{Ref: ref})
}

func severity(s checks.Severity) cdx.Severity {
	if s == checks.Unrated {
		return cdx.SeverityUnknown
	}
	return cdx.Severity(s.String())
}
