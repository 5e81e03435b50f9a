package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// The limits of SARIF files as GitHub takes them ("SARIF support for code
// scanning", upload limits): beyond them a file is rejected or cut.
const (
	sarifShownResults   = 5000 // per run, the rest is not shown; 25,000 are rejected
	sarifMaxTags        = 20
	sarifMaxDescription = 1024
	sarifSchemaURI      = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

// The parts of SARIF 2.1.0 (OASIS, 2023 errata 01) that are written; names are
// the standard's.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool              sarifTool         `json:"tool"`
	AutomationDetails sarifAutomation   `json:"automationDetails"`
	Invocations       []sarifInvocation `json:"invocations"`
	VersionControl    []sarifVersion    `json:"versionControlProvenance,omitempty"`
	ColumnKind        string            `json:"columnKind"`
	Results           []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name            string      `json:"name"`
	SemanticVersion string      `json:"semanticVersion,omitempty"`
	Version         string      `json:"version,omitempty"`
	InformationURI  string      `json:"informationUri"`
	Rules           []sarifRule `json:"rules"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifRule struct {
	ID                   string          `json:"id"`
	ShortDescription     sarifText       `json:"shortDescription"`
	FullDescription      sarifText       `json:"fullDescription"`
	Help                 sarifText       `json:"help"`
	HelpURI              string          `json:"helpUri,omitempty"`
	DefaultConfiguration sarifConfig     `json:"defaultConfiguration"`
	Properties           sarifProperties `json:"properties"`
}

type sarifConfig struct {
	Level string `json:"level"`
}

type sarifProperties struct {
	Tags             []string `json:"tags,omitempty"`
	Precision        string   `json:"precision,omitempty"`
	SecuritySeverity string   `json:"security-severity,omitempty"`
	Status           string   `json:"vitalsign/status,omitempty"`
	SeenBy           []string `json:"vitalsign/seenBy,omitempty"`
	Role             string   `json:"vitalsign/role,omitempty"`
	Replay           string   `json:"replay,omitempty"`
}

type sarifAutomation struct {
	ID string `json:"id"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Start         string              `json:"startTimeUtc,omitempty"`
	End           string              `json:"endTimeUtc,omitempty"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifVersion struct {
	URI      string   `json:"repositoryUri"`
	Revision string   `json:"revisionId,omitempty"`
	MappedTo sarifURI `json:"mappedTo"`
}

type sarifURI struct {
	URI       string `json:"uri,omitempty"`
	URIBaseID string `json:"uriBaseId,omitempty"`
}

type sarifResult struct {
	RuleID              string             `json:"ruleId"`
	RuleIndex           int                `json:"ruleIndex"`
	Level               string             `json:"level"`
	Message             sarifText          `json:"message"`
	Locations           []sarifLocation    `json:"locations"`
	PartialFingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions        []sarifSuppression `json:"suppressions,omitempty"`
	CodeFlows           []sarifCodeFlow    `json:"codeFlows,omitempty"`
	WebRequest          *sarifWebRequest   `json:"webRequest,omitempty"`
	Properties          sarifProperties    `json:"properties"`
}

// sarifWebRequest is a request of a running application (section 3.46): what
// was asked for, without any value.
type sarifWebRequest struct {
	Method string `json:"method,omitempty"`
	Target string `json:"target"`
}

type sarifCodeFlow struct {
	ThreadFlows []sarifThreadFlow `json:"threadFlows"`
}

type sarifThreadFlow struct {
	Locations []sarifStep `json:"locations"`
}

type sarifStep struct {
	Location sarifLocation `json:"location"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status,omitempty"`
	Justification string `json:"justification,omitempty"`
}

type sarifLocation struct {
	Message  *sarifText     `json:"message,omitempty"`
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifURI     `json:"artifactLocation"`
	Region   *sarifRegion `json:"region,omitempty"`
}

type sarifRegion struct {
	StartLine   int        `json:"startLine"`
	StartColumn int        `json:"startColumn,omitempty"`
	EndLine     int        `json:"endLine,omitempty"`
	EndColumn   int        `json:"endColumn,omitempty"`
	Snippet     *sarifText `json:"snippet,omitempty"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
}

// LineHashes gives GitHub's primaryLocationLineHash of a finding, "" where it
// must not be computed or the source is not there (see package linehash).
type LineHashes func(checks.Run, checks.Finding) string

// SARIF writes one SARIF run for each check of each target. A step that is not
// complete is an invocation that was not successful, with the reason: a reader
// of the file alone must not take it for clean.
func SARIF(w io.Writer, d checks.Document, hashes LineHashes) error {
	log := sarifLog{Schema: sarifSchemaURI, Version: "2.1.0", Runs: []sarifRun{}}
	for _, run := range d.Runs {
		for _, step := range run.Steps {
			log.Runs = append(log.Runs, sarifRuns(run, step, hashes)...)
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(log)
}

// sarifRuns splits a check's findings into runs of a size that GitHub shows
// whole; the category tells them apart.
func sarifRuns(run checks.Run, step checks.Step, hashes LineHashes) []sarifRun {
	var mine []checks.Finding
	for _, f := range run.Findings {
		if f.Check == step.Check && f.Location.Commit == "" {
			mine = append(mine, f)
		}
	}
	parts := slices.Collect(slices.Chunk(mine, sarifShownResults))
	if len(parts) == 0 {
		parts = [][]checks.Finding{nil}
	}
	var out []sarifRun
	for i, part := range parts {
		r := sarifHead(run, step)
		if i > 0 {
			r.AutomationDetails.ID += fmt.Sprintf("%d/", i+1)
		}
		if len(parts) > 1 {
			r.Invocations[0].Notifications = append(r.Invocations[0].Notifications, sarifNotification{"note", sarifText{
				Text: fmt.Sprintf("part %d of %d: %d results in all", i+1, len(parts), len(mine))}})
		}
		r.Tool.Driver.Rules, r.Results = sarifResults(run, part, hashes)
		out = append(out, r)
	}
	return out
}

func sarifHead(run checks.Run, step checks.Step) sarifRun {
	project := run.Target.Project
	if project == "" {
		project = "."
	}
	r := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "vitalsign/" + step.Check, Version: step.Version, InformationURI: "https://github.com/vitalsign-dev/vitalsign", Rules: []sarifRule{},
		}},
		// Stable from run to run: a category with a commit in it would never
		// close an alert.
		AutomationDetails: sarifAutomation{"vitalsign/" + url.PathEscape(project) + "/" + step.Check + "/"},
		Invocations: []sarifInvocation{{
			Successful: step.Status.Complete(), Start: run.Started.Format(sarifTime), End: run.Ended.Format(sarifTime),
		}},
		ColumnKind: "utf16CodeUnits",
		Results:    []sarifResult{},
	}
	if !step.Status.Complete() {
		r.Invocations[0].Notifications = append(r.Invocations[0].Notifications, sarifNotification{"error", sarifText{
			Text: fmt.Sprintf("%s is %s: %s", step.Check, step.Status, step.Reason)}})
	}
	if u, err := url.Parse(run.Target.Remote); err == nil && u.IsAbs() {
		r.VersionControl = []sarifVersion{{URI: run.Target.Remote, Revision: run.Target.Commit, MappedTo: sarifURI{URIBaseID: sourceRoot}}}
	}
	return r
}

// sourceRoot is the name by which GitHub's tools call the repository's root.
const sourceRoot = "%SRCROOT%"

const sarifTime = "2006-01-02T15:04:05.000Z"

func sarifResults(run checks.Run, fs []checks.Finding, hashes LineHashes) ([]sarifRule, []sarifResult) {
	rules, results := []sarifRule{}, []sarifResult{}
	index := map[string]int{}
	for _, f := range fs {
		i, ok := index[f.Rule.ID]
		if !ok {
			i = len(rules)
			index[f.Rule.ID] = i
			rules = append(rules, ruleOf(f))
		}
		results = append(results, resultOf(run, f, i, hashes))
	}
	return rules, results
}

func ruleOf(f checks.Finding) sarifRule {
	r := f.Rule
	help := strings.TrimSpace(r.Title + ". " + r.Advice)
	tags := []string{"security"}
	for _, c := range r.CWE {
		// GitHub reads the form that its own queries use; each tag stands once
		// (section 3.8.2.1).
		if tag := "external/cwe/" + strings.ToLower(c); !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	rule := sarifRule{
		ID: r.ID, ShortDescription: sarifText{Text: clipText(r.Title)}, FullDescription: sarifText{Text: clipText(help)},
		Help: sarifText{Text: help + references(r)}, DefaultConfiguration: sarifConfig{level(r.Severity)},
		Properties: sarifProperties{
			Tags: tags[:min(len(tags), sarifMaxTags)], Precision: precision(f), SecuritySeverity: r.Severity.SecuritySeverity(),
		},
	}
	if len(r.References) > 0 {
		if u, err := url.Parse(r.References[0]); err == nil && u.IsAbs() {
			rule.HelpURI = r.References[0]
		}
	}
	return rule
}

func references(r checks.Rule) string {
	if len(r.References) == 0 {
		return ""
	}
	return "\n\nSee " + strings.Join(r.References, ", ")
}

func clipText(s string) string {
	if s == "" {
		return "no description"
	}
	if len(s) <= sarifMaxDescription {
		return s
	}
	return strings.ToValidUTF8(s[:sarifMaxDescription-4], "") + "..."
}

// level maps severities to SARIF's (section 3.27.10).
func level(s checks.Severity) string {
	switch s {
	case checks.Critical, checks.High, checks.Unrated:
		return "error"
	case checks.Medium:
		return "warning"
	}
	return "note"
}

// precision says honestly how often a rule is right, in GitHub's words: a
// version that an advisory names is a fact, a pattern is a guess.
func precision(f checks.Finding) string {
	switch f.Confidence {
	case "high":
		return "high"
	case "low":
		return "low"
	}
	return "medium"
}

func resultOf(run checks.Run, f checks.Finding, rule int, hashes LineHashes) sarifResult {
	message := f.Evidence.Message
	if message == "" {
		message = f.Rule.Title
	}
	r := sarifResult{
		RuleID: f.Rule.ID, RuleIndex: rule, Level: level(f.Rule.Severity), Message: sarifText{Text: message},
		Locations:           []sarifLocation{locationOf(f)},
		PartialFingerprints: map[string]string{"vitalsign/v1": f.Fingerprint},
		Properties:          sarifProperties{SecuritySeverity: f.Rule.Severity.SecuritySeverity(), Role: f.Role},
	}
	if h := hashes(run, f); h != "" {
		r.PartialFingerprints["primaryLocationLineHash"] = h
	}
	for _, w := range f.SeenBy {
		r.Properties.SeenBy = append(r.Properties.SeenBy, w.Check+"/"+w.Rule)
	}
	r.CodeFlows = flowOf(f)
	if f.Location.Live() {
		method, _, _ := strings.Cut(f.Location.Symbol, " ")
		r.WebRequest = &sarifWebRequest{Method: method, Target: f.Location.Path}
		r.Message.Text = f.Location.String() + ": " + r.Message.Text
		r.Properties.Replay = f.Replay
	}
	if f.Ignored != nil {
		r.Suppressions = []sarifSuppression{{Kind: "inSource", Status: "accepted", Justification: f.Ignored.Reason}}
	}
	if f.Waived != nil {
		r.Suppressions = append(r.Suppressions, sarifSuppression{Kind: "external", Status: "accepted", Justification: f.Waived.Reason})
	}
	return r
}

func locationOf(f checks.Finding) sarifLocation {
	path := f.Location.Path
	if f.Location.Live() {
		// GitHub takes paths of the repository only; a route is written as one.
		path = cmp.Or(strings.Trim(path, "/"), ".")
	}
	l := sarifLocation{Physical: sarifPhysical{Artifact: sarifURI{URI: pathURI(path), URIBaseID: sourceRoot}}}
	// GitHub shows nothing that has no line: a finding about a whole file is
	// shown at its first.
	region := &sarifRegion{StartLine: max(1, f.Location.StartLine), StartColumn: max(0, f.Location.StartColumn)}
	if f.Location.EndLine >= region.StartLine {
		region.EndLine = f.Location.EndLine
		if f.Location.EndColumn > f.Location.StartColumn || f.Location.EndLine > f.Location.StartLine {
			region.EndColumn = max(0, f.Location.EndColumn)
		}
	}
	if f.Evidence.Excerpt != "" {
		region.Snippet = &sarifText{Text: f.Evidence.Excerpt}
	}
	l.Physical.Region = region
	if f.Location.Symbol != "" {
		l.Logical = []sarifLogical{{Name: f.Location.Symbol}}
	}
	return l
}

// flowOf writes the way of a value as one code flow of one thread.
func flowOf(f checks.Finding) []sarifCodeFlow {
	if len(f.Flow) == 0 {
		return nil
	}
	var t sarifThreadFlow
	for _, s := range f.Flow {
		l := locationOf(checks.Finding{Location: s.Location})
		if s.Message != "" {
			l.Message = &sarifText{Text: s.Message}
		}
		t.Locations = append(t.Locations, sarifStep{l})
	}
	return []sarifCodeFlow{{[]sarifThreadFlow{t}}}
}

// pathURI writes a path as a relative reference (RFC 3986 section 4.2): each
// segment escaped, and never taken for a scheme.
func pathURI(p string) string {
	parts := strings.Split(p, "/")
	for i, s := range parts {
		parts[i] = url.PathEscape(s)
	}
	uri := strings.Join(parts, "/")
	if strings.Contains(parts[0], ":") {
		uri = "./" + uri
	}
	return uri
}
