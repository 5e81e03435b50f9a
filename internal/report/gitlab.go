package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// gitlabVersion is that of GitLab's security report schemas which reports are
// written in (gitlab-org/security-products/security-report-schemas).
const gitlabVersion = "15.1.4"

// gitlabKind is one type of report. GitLab takes one type a file, and reads
// infrastructure as code as "sast", as its own IaC scanning writes it.
type gitlabKind struct {
	format, kind, file, words string
}

func gitlabKinds() []gitlabKind {
	return []gitlabKind{
		{"gitlab-sast", "sast", "gl-sast-report.json", "code and infrastructure"},
		{"gitlab-dependency-scanning", "dependency_scanning", "gl-dependency-scanning-report.json", "dependencies"},
		{"gitlab-secret-detection", "secret_detection", "gl-secret-detection-report.json", "secrets"},
	}
}

// gitlabKindOf says in which type of report a finding is, "" for none: in that
// which speaks for its check (see asks), so that none is missing from a success.
func gitlabKindOf(f checks.Finding) string {
	switch {
	case f.Location.Live():
		return ""
	case f.Package != nil:
		return "dependency_scanning"
	case f.Check == "sast", f.Check == "iac":
		return "sast"
	case f.Check == "secrets", f.Rule.Class == checks.ClassCredential:
		return "secret_detection"
	}
	return "sast"
}

// asks says whether a step is one that a type of report speaks for. What checks
// of the user's own look for is not known: they count for each type.
func (k gitlabKind) asks(s checks.Step) bool {
	if s.Live {
		return false
	}
	switch s.Check {
	case "deps":
		return k.kind == "dependency_scanning"
	case "secrets":
		return k.kind == "secret_detection"
	case "sast", "iac":
		return k.kind == "sast"
	}
	return true
}

type gitlabReport struct {
	Version         string                `json:"version"`
	Schema          string                `json:"schema"`
	Scan            gitlabScan            `json:"scan"`
	Vulnerabilities []gitlabVulnerability `json:"vulnerabilities"`
}

type gitlabScan struct {
	Analyzer gitlabTool      `json:"analyzer"`
	Scanner  gitlabTool      `json:"scanner"`
	Type     string          `json:"type"`
	Start    string          `json:"start_time"`
	End      string          `json:"end_time"`
	Status   string          `json:"status"`
	Messages []gitlabMessage `json:"messages"`
}

type gitlabTool struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	URL     string       `json:"url"`
	Version string       `json:"version"`
	Vendor  gitlabVendor `json:"vendor"`
}

type gitlabVendor struct {
	Name string `json:"name"`
}

type gitlabMessage struct {
	Level string `json:"level"`
	Value string `json:"value"`
}

type gitlabVulnerability struct {
	ID          string                  `json:"id"`
	Name        string                  `json:"name"`
	Description string                  `json:"description"`
	Severity    string                  `json:"severity"`
	Solution    string                  `json:"solution,omitempty"`
	Identifiers []gitlabIdentifier      `json:"identifiers"`
	Links       []gitlabLink            `json:"links,omitempty"`
	Location    gitlabLocation          `json:"location"`
	Details     map[string]gitlabDetail `json:"details"`
}

type gitlabIdentifier struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
	URL   string `json:"url,omitempty"`
}

type gitlabLink struct {
	URL string `json:"url"`
}

type gitlabLocation struct {
	File       string            `json:"file"`
	StartLine  int               `json:"start_line,omitempty"`
	EndLine    int               `json:"end_line,omitempty"`
	Method     string            `json:"method,omitempty"`
	Commit     *gitlabCommit     `json:"commit,omitempty"`
	Dependency *gitlabDependency `json:"dependency,omitempty"`
}

type gitlabCommit struct {
	SHA string `json:"sha"`
}

type gitlabDependency struct {
	Package gitlabVendor `json:"package"`
	Version string       `json:"version"`
}

// gitlabDetail is a text or a piece of code (definitions/detail_type), neither
// of which GitLab takes for Markdown.
type gitlabDetail struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// write writes the one report of this type. Its status is failure unless every
// step that it speaks for was asked and is complete: GitLab takes a finding that
// is missing from a successful report for resolved.
//
// What is set aside is counted in a message and not in the report, since GitLab
// has no word for a vulnerability that was accepted elsewhere. What a baseline has
// too stays in: GitLab compares branches itself.
func (k gitlabKind) write(w io.Writer, d checks.Document) error {
	if len(d.Runs) != 1 {
		return fmt.Errorf("a report for GitLab is about one target, and there are %d", len(d.Runs))
	}
	r := d.Runs[0]
	tool := gitlabTool{ID: "vitalsign", Name: "vitalsign", URL: "https://github.com/vitalsign-dev/vitalsign", Version: cmp.Or(line(r.Version, 255), "unknown"), Vendor: gitlabVendor{"vitalsign-dev"}}
	out := gitlabReport{
		Version: gitlabVersion, Vulnerabilities: []gitlabVulnerability{},
		Schema: "https://gitlab.com/gitlab-org/security-products/security-report-schemas/-/raw/v" + gitlabVersion + "/dist/" + strings.ReplaceAll(k.kind, "_", "-") + "-report-format.json",
		Scan:   gitlabScan{Analyzer: tool, Scanner: tool, Type: k.kind, Start: gitlabTime(r.Started), End: gitlabTime(r.Ended)},
	}
	out.Scan.Status, out.Scan.Messages = k.status(r)
	p := partsOf(r)
	seen := map[string]int{}
	for _, fs := range [][]checks.Finding{p.counting, p.before} {
		for _, f := range fs {
			if gitlabKindOf(f) == k.kind {
				out.Vulnerabilities = append(out.Vulnerabilities, gitlabFinding(r, f, seen[f.Fingerprint]))
				seen[f.Fingerprint]++
			}
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// gitlabTime is UTC without a zone, as the schema's pattern has it.
func gitlabTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

func (k gitlabKind) status(r checks.Run) (string, []gitlabMessage) {
	messages := []gitlabMessage{}
	say := func(level, value string) {
		if len(messages) < listLimit {
			messages = append(messages, gitlabMessage{level, line(value, textLimit)})
		}
	}
	status, asked := "success", 0
	for _, s := range r.Steps {
		switch {
		case !k.asks(s):
		case s.Status == checks.Excluded:
			say("warn", "not asked: "+s.Check)
		case s.Status.Complete():
			asked++
		default:
			asked, status = asked+1, "failure"
			say("fatal", "not complete: "+stepWords(s))
		}
	}
	if asked == 0 {
		status = "failure"
		say("fatal", "no check looked for "+k.words)
	}
	// A run that says of itself that it is not complete, and not why.
	if !r.Verdict.Complete && len(incomplete(r)) == 0 {
		status = "failure"
		say("fatal", "the run is not complete")
	}
	if left := k.omits(r); left != "" {
		say("info", left)
	}
	return status, messages
}

// omits says what is not in this report, "" if everything is.
func (k gitlabKind) omits(r checks.Run) string {
	n, aside := map[string]int{}, 0
	for _, f := range r.Findings {
		switch kind := gitlabKindOf(f); {
		case kind != k.kind:
			n[kind]++
		case !open(f):
			aside++
		}
	}
	var parts []string
	for _, other := range gitlabKinds() {
		if n[other.kind] > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s (%s has them)", n[other.kind], other.words, other.format))
		}
	}
	if n[""] > 0 {
		parts = append(parts, fmt.Sprintf("%d of running applications", n[""]))
	}
	if aside > 0 {
		parts = append(parts, fmt.Sprintf("%d that are ignored or waived", aside))
	}
	if len(parts) == 0 {
		return ""
	}
	return "findings that are not in this report: " + strings.Join(parts, ", ")
}

func gitlabFinding(r checks.Run, f checks.Finding, occurrence int) gitlabVulnerability {
	v := gitlabVulnerability{
		ID: gitlabID(f.Fingerprint, occurrence), Name: line(cmp.Or(f.Rule.Title, f.Rule.ID, "no title"), 240), Severity: gitlabSeverity(f.Rule.Severity),
		// GitLab renders Markdown here; see code.
		Description: span(messageOf(f), codeLimit), Identifiers: gitlabIdentifiers(f), Location: gitlabPlace(r, f),
		Details: map[string]gitlabDetail{
			"fingerprint": {"Fingerprint", "text", line(f.Fingerprint, textLimit)},
			"check":       {"Check", "text", line(f.Check, textLimit)},
		},
	}
	if f.Rule.Advice != "" {
		v.Solution = span(f.Rule.Advice, codeLimit)
	}
	for _, l := range linksOf(f.Rule.References) {
		if l.Href != "" {
			v.Links = append(v.Links, gitlabLink{l.Href})
		}
	}
	if f.Evidence.Excerpt != "" {
		v.Details["evidence"] = gitlabDetail{"Evidence", "code", block(f.Evidence.Excerpt)}
	}
	if wasBefore(r, f) {
		v.Details["baseline"] = gitlabDetail{"Baseline", "text", "was there before; it does not fail the run"}
	}
	return v
}

// gitlabID is a UUID (RFC 9562 section 5.8, of our own making) that stays the
// same while the fingerprint does, one for each occurrence.
func gitlabID(fingerprint string, occurrence int) string {
	b := sha256.Sum256(fmt.Appendf(nil, "vitalsign/gitlab/v1\x00%s\x00%d", fingerprint, occurrence))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

func gitlabSeverity(s checks.Severity) string {
	if name := s.String(); name != checks.Unrated.String() {
		return capital(name)
	}
	return "Unknown"
}

// gitlabName is an id that may stand in an address.
var (
	gitlabCWE  = regexp.MustCompile(`^CWE-([0-9]{1,6})$`)
	gitlabName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)
)

// gitlabIdentifiers are, first, what the finding is tracked by, which must not
// change: the advisory's own id, or the rule's. Others come after it.
func gitlabIdentifiers(f checks.Finding) []gitlabIdentifier {
	var out []gitlabIdentifier
	if p := f.Package; p != nil {
		for _, id := range append([]string{cmp.Or(p.Advisory, f.Rule.ID, "unknown")}, p.Aliases[:min(len(p.Aliases), listLimit)]...) {
			out = append(out, gitlabAdvisory(line(id, textLimit)))
		}
	} else {
		id := cmp.Or(line(f.Rule.ID, textLimit), "unknown")
		out = append(out, gitlabIdentifier{Type: "vitalsign_rule", Name: "vitalsign " + id, Value: id})
	}
	for _, cwe := range f.Rule.CWE {
		if m := gitlabCWE.FindStringSubmatch(cwe); m != nil {
			out = append(out, gitlabIdentifier{"cwe", cwe, m[1], "https://cwe.mitre.org/data/definitions/" + m[1] + ".html"})
		}
	}
	return out
}

// gitlabAdvisory names the type as GitLab's own scanners do: cve, ghsa, osv.
func gitlabAdvisory(id string) gitlabIdentifier {
	i := gitlabIdentifier{Type: "osv", Name: cmp.Or(id, "unknown"), Value: cmp.Or(id, "unknown")}
	switch {
	case strings.HasPrefix(id, "CVE-"):
		i.Type = "cve"
	case strings.HasPrefix(id, "GHSA-"):
		i.Type = "ghsa"
	}
	if gitlabName.MatchString(id) {
		i.URL = "https://osv.dev/vulnerability/" + id
	}
	return i
}

func gitlabPlace(r checks.Run, f checks.Finding) gitlabLocation {
	l := gitlabLocation{File: cmp.Or(line(f.Location.Path, codeLimit), "unknown")}
	if p := f.Package; p != nil {
		l.Dependency = &gitlabDependency{gitlabVendor{line(p.Name, textLimit)}, line(p.Version, textLimit)}
		return l
	}
	l.StartLine, l.Method = max(0, f.Location.StartLine), line(f.Location.Symbol, textLimit)
	if f.Location.EndLine >= l.StartLine {
		l.EndLine = f.Location.EndLine
	}
	if gitlabKindOf(f) == "secret_detection" {
		// Required; GitLab's own analyzer writes zeros where there is no commit.
		l.Commit = &gitlabCommit{cmp.Or(line(cmp.Or(f.Location.Commit, r.Target.Commit), textLimit), "0000000")}
	}
	return l
}

// gitlabFormats are the reports for GitLab's artifacts:reports.
func gitlabFormats() []Format {
	var out []Format
	for _, k := range gitlabKinds() {
		out = append(out, Format{Name: k.format, Purpose: "GitLab's security reports (" + gitlabVersion + "): " + k.words, File: k.file, Limits: "one target; findings of other kinds are counted", Single: true,
			Write: func(w io.Writer, d checks.Document, _ Options) error { return k.write(w, d) },
			Omits: func(d checks.Document) string {
				if len(d.Runs) != 1 {
					return ""
				}
				return k.omits(d.Runs[0])
			}})
	}
	return out
}
