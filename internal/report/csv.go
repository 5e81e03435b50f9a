package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// csvColumn is one column, and what docs/formats.md says of it.
type csvColumn struct{ name, about string }

// csvColumns are the columns, which only ever grow at the end.
func csvColumns() []csvColumn {
	return []csvColumn{
		{"kind", "`verdict` (one a target, and one over all), `step`, `unread` or `finding`"},
		{"target", "the target's path"},
		{"commit", "the target's commit"},
		{"check", "the check"},
		{"status", "verdict: `PASS`, `FAIL` or `UNKNOWN`; step: its status; finding: `open`, `ignored` or `waived`"},
		{"severity", "`critical` to `info`, or `unrated`"},
		{"rule", "the rule's id"},
		{"title", "the rule's title"},
		{"path", "the file, or the route of a running application"},
		{"line", "the first line, from 1"},
		{"end_line", "the last line"},
		{"column", "the first column in bytes, from 1"},
		{"symbol", "function, resource or package"},
		{"in_commit", "the commit, of what lies in history only"},
		{"message", "what is wrong; of a step or verdict, the reasons"},
		{"package", "the dependency"},
		{"package_version", "its version"},
		{"fixed_in", "versions without the flaw"},
		{"cwe", "CWE ids"},
		{"confidence", "`high`, `medium` or `low`"},
		{"age", "`new`, `known` or `unknown`"},
		{"aside_by", "who set it aside"},
		{"aside_until", "until when"},
		{"aside_reason", "why"},
		{"advice", "what to do"},
		{"fingerprint", "the finding's identity, 64 hex digits"},
	}
}

// CSV writes rows as RFC 4180 says (lines end with CRLF, section 2 item 1; a
// header, item 3). The verdict and every step are rows too: a file without
// findings is not the same as a clean target.
func CSV(w io.Writer, d checks.Document) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	var header []string
	for _, col := range csvColumns() {
		header = append(header, col.name)
	}
	rows := [][]string{header, csvRow(map[string]string{"kind": "verdict", "status": overallOf(d), "message": strings.Join(d.Verdict.Reasons, "; ")})}
	for _, r := range d.Runs {
		rows = append(rows, csvRun(r)...)
	}
	return c.WriteAll(rows)
}

// csvRow puts cells in the columns' order, and neutralises them.
func csvRow(cells map[string]string) []string {
	var row []string
	for _, col := range csvColumns() {
		row = append(row, cell(cells[col.name]))
	}
	return row
}

func csvRun(r checks.Run) [][]string {
	var rows [][]string
	add := func(cells map[string]string) {
		cells["target"], cells["commit"] = r.Target.Path, r.Target.Commit
		rows = append(rows, csvRow(cells))
	}
	add(map[string]string{"kind": "verdict", "status": verdictOf(r), "message": strings.Join(r.Verdict.Reasons, "; ")})
	for _, s := range r.Steps {
		add(map[string]string{"kind": "step", "check": s.Check, "status": string(s.Status), "message": stepWords(s), "advice": s.Advice})
	}
	for _, u := range unreadOf(r) {
		add(map[string]string{"kind": "unread", "message": u})
	}
	for _, f := range worstFirst(r.Findings) {
		add(csvFinding(f))
	}
	return rows
}

func csvFinding(f checks.Finding) map[string]string {
	l := f.Location
	cells := map[string]string{
		"kind": "finding", "check": f.Check, "status": "open", "severity": f.Rule.Severity.String(), "rule": f.Rule.ID, "title": f.Rule.Title,
		"path": l.Path, "line": positive(l.StartLine), "end_line": positive(l.EndLine), "column": positive(l.StartColumn),
		"symbol": l.Symbol, "in_commit": l.Commit, "message": f.Evidence.Message, "cwe": strings.Join(f.Rule.CWE, " "),
		"confidence": f.Confidence, "age": age(f), "advice": f.Rule.Advice, "fingerprint": f.Fingerprint,
	}
	if p := f.Package; p != nil {
		cells["package"], cells["package_version"], cells["fixed_in"] = p.Name, p.Version, strings.Join(p.Fixed, " ")
	}
	if i := f.Ignored; i != nil {
		cells["status"], cells["aside_by"], cells["aside_until"], cells["aside_reason"] = "ignored", i.By, i.Until, i.Reason
	}
	if v := f.Waived; v != nil {
		cells["status"], cells["aside_by"], cells["aside_until"], cells["aside_reason"] = "waived", v.By, v.Until, v.Reason
	}
	return cells
}

func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// cell makes a text one that a spreadsheet shows and does not compute: one line,
// and with an apostrophe before what would be a formula (OWASP, CSV Injection:
// = + - @, tab and carriage return; the full-width signs are taken for the same
// by some). White space before such a sign does not help it.
func cell(s string) string {
	first := strings.TrimLeft(s, " \t\r\n\u00a0\u3000")
	if formula(first) || s != "" && strings.ContainsRune("\t\r\n", rune(s[0])) {
		return "'" + safetext.Line(s)
	}
	return safetext.Line(s)
}

// formula says whether the first character is one that begins a formula.
func formula(s string) bool {
	for _, r := range s {
		return strings.ContainsRune("=+-@＝＋－＠", r)
	}
	return false
}
