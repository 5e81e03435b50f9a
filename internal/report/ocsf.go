package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// The version of the Open Cybersecurity Schema Framework that is written, and
// its classes: Scan Activity says how a run and each step ended, Vulnerability
// Finding is a dependency with an advisory, Application Security Posture Finding
// is everything else. (Detection Finding is about what happened, and Compliance
// Finding about a standard that was asked for; neither is what a scan sees.)
const (
	ocsfVersion       = "1.8.0"
	ocsfVulnerability = 2002
	ocsfPosture       = 2007
	ocsfScan          = 6007
)

// ocsfEvent has the attributes of these three classes that are written; names,
// ids and captions are the schema's.
type ocsfEvent struct {
	CategoryUID  int    `json:"category_uid"`
	CategoryName string `json:"category_name"`
	ClassUID     int    `json:"class_uid"`
	ClassName    string `json:"class_name"`
	ActivityID   int    `json:"activity_id"`
	ActivityName string `json:"activity_name"`
	TypeUID      int    `json:"type_uid"`
	TypeName     string `json:"type_name"`
	SeverityID   int    `json:"severity_id"`
	Severity     string `json:"severity"`
	StatusID     int    `json:"status_id"`
	Status       string `json:"status"`
	StatusCode   string `json:"status_code,omitempty"`
	StatusDetail string `json:"status_detail,omitempty"`
	Message      string `json:"message"`
	// Times are milliseconds since 1970 (timestamp_t), durations milliseconds.
	Time      int64        `json:"time"`
	StartTime int64        `json:"start_time,omitempty"`
	EndTime   int64        `json:"end_time,omitempty"`
	Duration  int64        `json:"duration,omitempty"`
	Metadata  ocsfMetadata `json:"metadata"`

	Scan            *ocsfScanOf        `json:"scan,omitempty"`
	NumFiles        *int               `json:"num_files,omitempty"`
	NumDetections   *int               `json:"num_detections,omitempty"`
	NumSkipped      *int               `json:"num_skipped_items,omitempty"`
	Application     *ocsfApplication   `json:"application,omitempty"`
	ConfidenceID    int                `json:"confidence_id,omitempty"`
	Confidence      string             `json:"confidence,omitempty"`
	FindingInfo     *ocsfFindingInfo   `json:"finding_info,omitempty"`
	Remediation     *ocsfRemediation   `json:"remediation,omitempty"`
	Resources       []ocsfResource     `json:"resources,omitempty"`
	Vulnerabilities []ocsfVulnerableTo `json:"vulnerabilities,omitempty"`
	Unmapped        map[string]any     `json:"unmapped,omitempty"`
}

type ocsfMetadata struct {
	Version        string      `json:"version"`
	Product        ocsfProduct `json:"product"`
	UID            string      `json:"uid"`
	CorrelationUID string      `json:"correlation_uid,omitempty"`
}

type ocsfProduct struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version,omitempty"`
}

type ocsfScanOf struct {
	Name   string `json:"name"`
	UID    string `json:"uid,omitempty"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type ocsfApplication struct {
	Name    string `json:"name"`
	UID     string `json:"uid,omitempty"`
	Version string `json:"version,omitempty"`
}

type ocsfFindingInfo struct {
	UID         string       `json:"uid"`
	Title       string       `json:"title"`
	Desc        string       `json:"desc"`
	Analytic    ocsfAnalytic `json:"analytic"`
	DataSources []string     `json:"data_sources"`
}

type ocsfAnalytic struct {
	UID    string `json:"uid"`
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type ocsfRemediation struct {
	Desc       string   `json:"desc"`
	References []string `json:"references,omitempty"`
}

type ocsfResource struct {
	Name string `json:"name"`
	UID  string `json:"uid,omitempty"`
	Type string `json:"type"`
}

type ocsfVulnerableTo struct {
	Title      string        `json:"title"`
	Severity   string        `json:"severity"`
	References []string      `json:"references,omitempty"`
	Advisory   *ocsfNamed    `json:"advisory,omitempty"`
	CVE        *ocsfNamed    `json:"cve,omitempty"`
	CWE        *ocsfNamed    `json:"cwe,omitempty"`
	Related    []string      `json:"related_vulnerabilities,omitempty"`
	Code       []ocsfCode    `json:"affected_code,omitempty"`
	Packages   []ocsfPackage `json:"affected_packages,omitempty"`
	Fixable    *bool         `json:"is_fix_available,omitempty"`
}

type ocsfNamed struct {
	UID  string      `json:"uid"`
	CWEs []ocsfNamed `json:"related_cwes,omitempty"`
}

type ocsfCode struct {
	File        ocsfFile `json:"file"`
	StartLine   int      `json:"start_line,omitempty"`
	StartColumn int      `json:"start_column,omitempty"`
	EndLine     int      `json:"end_line,omitempty"`
	EndColumn   int      `json:"end_column,omitempty"`
}

type ocsfFile struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type ocsfPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitempty"`
	Manager string `json:"package_manager,omitempty"`
	Fixed   string `json:"fixed_in_version,omitempty"`
	Path    string `json:"path,omitempty"`
}

// OCSF writes one event a line, the form in which log pipelines take them: for
// each target first how the run ended and how each step did, then its findings,
// worst first. What is not complete is an event with the status Failure, so that
// nobody takes silence for a pass.
func OCSF(w io.Writer, d checks.Document) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if len(d.Runs) == 0 {
		// No clock and no run: the time is the epoch's beginning.
		return e.Encode(ocsfRun(checks.Run{Started: time.UnixMilli(0), Ended: time.UnixMilli(0)}))
	}
	for _, r := range d.Runs {
		events := []ocsfEvent{ocsfRun(r)}
		for i, s := range r.Steps {
			events = append(events, ocsfStep(r, s, i))
		}
		p := partsOf(r)
		for _, fs := range [][]checks.Finding{p.counting, p.before, p.aside} {
			for _, f := range fs {
				events = append(events, ocsfFinding(r, f, len(events)))
			}
		}
		for _, event := range events {
			if err := e.Encode(event); err != nil {
				return err
			}
		}
	}
	return nil
}

// ocsfOf begins an event of a class. What is the same of all is here.
func ocsfOf(r checks.Run, class, activity int, uid string) ocsfEvent {
	e := ocsfEvent{
		ClassUID: class, ActivityID: activity, TypeUID: class*100 + activity, Time: ocsfTime(r.Ended), StartTime: ocsfTime(r.Started), EndTime: ocsfTime(r.Ended),
		Metadata: ocsfMetadata{Version: ocsfVersion, Product: ocsfProduct{"vitalsign", "vitalsign-dev", line(r.Version, textLimit)},
			UID: line(cmp.Or(r.ID, "none"), textLimit) + "/" + uid, CorrelationUID: line(r.ID, textLimit)},
	}
	switch class {
	case ocsfScan:
		e.CategoryUID, e.CategoryName, e.ClassName = 6, "Application Activity", "Scan Activity"
		e.ActivityName = map[int]string{2: "Completed", 6: "Error"}[activity]
	default:
		e.CategoryUID, e.CategoryName = 2, "Findings"
		e.ClassName = map[int]string{ocsfVulnerability: "Vulnerability Finding", ocsfPosture: "Application Security Posture Finding"}[class]
		e.ActivityName = map[int]string{1: "Create", 2: "Update"}[activity]
	}
	e.TypeName = e.ClassName + ": " + e.ActivityName
	return e
}

// ocsfTime is never before 1970, which a time that was never set would be.
func ocsfTime(t time.Time) int64 { return max(0, t.UnixMilli()) }

// ended says how a scan or a part of it ended: Scan Activity, status_id.
func (e *ocsfEvent) ended(complete bool, name, uid string) {
	e.StatusID, e.Status, e.SeverityID, e.Severity = 1, "Success", 1, "Informational"
	if !complete {
		e.StatusID, e.Status, e.SeverityID, e.Severity = 2, "Failure", 4, "High"
	}
	e.Scan = &ocsfScanOf{Name: line(name, textLimit), UID: line(uid, textLimit), TypeID: 99, Type: "vitalsign scan"}
}

// ocsfRun says the verdict of a run: status_code PASS, FAIL or UNKNOWN. The
// status is Success where the run is complete, whatever it found.
func ocsfRun(r checks.Run) ocsfEvent {
	word := verdictOf(r)
	whole := r.Verdict.Complete && len(r.Steps) > 0 && len(incomplete(r)) == 0
	activity := 2
	if !whole {
		activity = 6
	}
	e := ocsfOf(r, ocsfScan, activity, "run")
	e.ended(whole, cmp.Or(target(r), "no target"), r.ID)
	e.StatusCode, e.StatusDetail = word, line(strings.Join(r.Verdict.Reasons, "; "), codeLimit)
	e.Message = capital(meaning(word))
	if len(r.Steps) == 0 {
		e.Message += ": no check ran"
	}
	if word == "FAIL" {
		e.SeverityID, e.Severity = 4, "High"
	}
	e.Duration = e.EndTime - e.StartTime
	p := partsOf(r)
	n, aside := len(r.Findings), len(p.aside)
	e.NumDetections = &n
	e.Unmapped = map[string]any{"verdict": word, "findings": line(string(r.Verdict.Findings), textLimit), "complete": whole, "exit": r.Verdict.Exit,
		"set_aside": aside, "there_before": len(p.before), "unread": ocsfTexts(unreadOf(r))}
	return e
}

func ocsfStep(r checks.Run, s checks.Step, i int) ocsfEvent {
	activity := 2
	if !s.Status.Complete() {
		activity = 6
	}
	e := ocsfOf(r, ocsfScan, activity, fmt.Sprintf("step/%d", i))
	e.ended(s.Status.Complete(), s.Check, r.ID)
	e.StatusCode, e.StatusDetail = safetext.Line(string(cmp.Or(s.Status, "none"))), line(s.Reason, codeLimit)
	e.Message = line(stepWords(s), codeLimit)
	e.StartTime, e.EndTime, e.Duration = 0, 0, s.DurationMS
	read, skipped := s.Coverage.Read, max(0, s.Coverage.Claimed-s.Coverage.Read)
	if !s.Live {
		e.NumFiles = &read
	}
	e.NumSkipped = &skipped
	e.Unmapped = map[string]any{"claimed": s.Coverage.Claimed, "read": read, "unit": s.Unit(), "cached": s.Cached, "target": line(target(r), textLimit)}
	return e
}

// ocsfTexts are never null.
func ocsfTexts(in []string) []string {
	out := []string{}
	for _, s := range in[:min(len(in), listLimit)] {
		out = append(out, line(s, textLimit))
	}
	return out
}

func ocsfFinding(r checks.Run, f checks.Finding, i int) ocsfEvent {
	class, activity := ocsfPosture, 1
	if f.Package != nil {
		class = ocsfVulnerability
	}
	if f.New != nil && !*f.New {
		activity = 2
	}
	e := ocsfOf(r, class, activity, fmt.Sprintf("finding/%d", i))
	e.SeverityID, e.Severity = ocsfSeverity(f.Rule.Severity)
	e.StatusID, e.Status, e.StatusDetail = ocsfStatus(r, f)
	e.ConfidenceID, e.Confidence = ocsfConfidence(f.Confidence)
	e.Message = line(f.Rule.ID+" at "+placeOf(f)+": "+messageOf(f), codeLimit)
	e.FindingInfo = &ocsfFindingInfo{UID: line(f.Fingerprint, textLimit), Title: line(cmp.Or(f.Rule.Title, f.Rule.ID), textLimit), Desc: line(messageOf(f), codeLimit),
		Analytic:    ocsfAnalytic{UID: line(f.Rule.ID, textLimit), Name: line(cmp.Or(f.Rule.Title, f.Rule.ID), textLimit), TypeID: 1, Type: "Rule"},
		DataSources: []string{line(f.Check, textLimit)}}
	refs := ocsfTexts(f.Rule.References)
	remediation := &ocsfRemediation{Desc: line(f.Rule.Advice, codeLimit), References: refs}
	kind := "file"
	if f.Location.Live() {
		kind = "operation"
	}
	e.Resources = []ocsfResource{{Name: line(placeOf(f), textLimit), UID: line(f.Location.Path, textLimit), Type: kind}}
	v := ocsfFlaw(f)
	if class == ocsfPosture {
		// Required is one of application, compliance, remediation, vulnerabilities.
		e.Application = &ocsfApplication{Name: line(cmp.Or(r.Target.Project, r.Target.Path, "no target"), textLimit), UID: line(r.Target.Remote, textLimit), Version: line(r.Target.Commit, textLimit)}
		if f.Rule.Advice != "" {
			e.Remediation = remediation
		}
	}
	if v.CWE != nil || v.CVE != nil || v.Advisory != nil {
		e.Vulnerabilities = []ocsfVulnerableTo{v}
	}
	e.Unmapped = ocsfRest(f)
	return e
}

// ocsfFlaw is the one vulnerability of a finding, named by exactly one of CVE,
// advisory (dependencies) and CWE, as the schema's just_one wants it.
func ocsfFlaw(f checks.Finding) ocsfVulnerableTo {
	v := ocsfVulnerableTo{Title: line(cmp.Or(f.Rule.Title, f.Rule.ID), textLimit), References: ocsfTexts(f.Rule.References)}
	_, v.Severity = ocsfSeverity(f.Rule.Severity)
	if f.Package != nil {
		ocsfDependency(&v, f)
		return v
	}
	if len(f.Rule.CWE) > 0 {
		v.CWE = &ocsfNamed{UID: line(f.Rule.CWE[0], textLimit)}
	}
	if l := f.Location; !l.Live() {
		v.Code = []ocsfCode{{File: ocsfFile{Name: line(path.Base(l.Path), textLimit), Path: line(l.Path, textLimit), TypeID: 1, Type: "Regular File"},
			StartLine: l.StartLine, StartColumn: l.StartColumn, EndLine: l.EndLine, EndColumn: l.EndColumn}}
	}
	return v
}

// ocsfDependency names the CVE where there is one, because that is what others
// are searched by, and the advisory otherwise; the other names are beside it.
func ocsfDependency(v *ocsfVulnerableTo, f checks.Finding) {
	p := f.Package
	ids := append([]string{cmp.Or(p.Advisory, f.Rule.ID)}, p.Aliases...)
	main := &ocsfNamed{UID: line(ids[0], textLimit)}
	v.Advisory = main
	for _, id := range ids {
		if strings.HasPrefix(id, "CVE-") {
			main = &ocsfNamed{UID: line(id, textLimit)}
			v.CVE, v.Advisory = main, nil
			break
		}
	}
	for _, cwe := range ocsfTexts(f.Rule.CWE) {
		main.CWEs = append(main.CWEs, ocsfNamed{UID: cwe})
	}
	for _, id := range ocsfTexts(ids) {
		if id != main.UID {
			v.Related = append(v.Related, id)
		}
	}
	fixable := len(p.Fixed) > 0
	v.Fixable = &fixable
	v.Packages = []ocsfPackage{{Name: line(p.Name, textLimit), Version: line(p.Version, textLimit), PURL: line(p.PURL, textLimit), Manager: line(p.Ecosystem, textLimit),
		Fixed: line(strings.Join(p.Fixed, ", "), textLimit), Path: line(f.Location.Path, textLimit)}}
}

// ocsfRest is what the schema has no place for.
func ocsfRest(f checks.Finding) map[string]any {
	rest := map[string]any{"check": line(f.Check, textLimit), "age": age(f), "class": line(f.Rule.Class, textLimit)}
	add := func(name, value string) {
		if value != "" {
			rest[name] = value
		}
	}
	add("excerpt", block(f.Evidence.Excerpt))
	add("role", line(f.Role, textLimit))
	add("symbol", line(f.Location.Symbol, textLimit))
	add("in_commit", line(f.Location.Commit, textLimit))
	if len(f.Rule.CWE) > 1 {
		rest["cwe"] = ocsfTexts(f.Rule.CWE)
	}
	return rest
}

func ocsfSeverity(s checks.Severity) (int, string) {
	switch s {
	case checks.Critical:
		return 5, "Critical"
	case checks.High:
		return 4, "High"
	case checks.Medium:
		return 3, "Medium"
	case checks.Low:
		return 2, "Low"
	case checks.Info:
		return 1, "Informational"
	}
	return 0, "Unknown"
}

func ocsfConfidence(s string) (int, string) {
	switch s {
	case "low":
		return 1, "Low"
	case "medium":
		return 2, "Medium"
	case "high":
		return 3, "High"
	}
	return 0, ""
}

// ocsfStatus: Suppressed is what somebody set aside, New what a baseline does not
// have; without a comparison nobody knows. There is no id for what was there
// before, so that is Other with a word of our own, as the schema asks.
func ocsfStatus(r checks.Run, f checks.Finding) (int, string, string) {
	switch {
	case !open(f):
		return 3, "Suppressed", line(asideWords(f), codeLimit)
	case wasBefore(r, f):
		return 99, "There Before", "the baseline has it too; it does not fail the run"
	case f.New != nil && *f.New:
		return 1, "New", ""
	}
	return 0, "Unknown", ""
}
