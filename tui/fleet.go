package tui

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// The columns of the fleet, in order. The first is how it is ordered at first:
// what needs somebody comes first.
const (
	fleetName = iota
	fleetBranch
	fleetCommit
	fleetAge
	fleetGate
	fleetCritical
	fleetHigh
	fleetMedium
	fleetLow
	fleetNew
	fleetTrend
	fleetAttested
	fleetControls
	fleetPipeline
)

func fleetColumns() []column {
	return []column{
		fleetName:     {title: "Repository", min: 14, grow: 5, rank: 0, end: true},
		fleetBranch:   {title: "Branch", min: 6, grow: 1, rank: 7},
		fleetCommit:   {title: "Commit", min: 8, rank: 7},
		fleetAge:      {title: "Last run", min: 8, rank: 3, right: true},
		fleetGate:     {title: "Gate", min: 14, rank: 0},
		fleetCritical: {title: "Crit", min: 5, rank: 1, right: true},
		fleetHigh:     {title: "High", min: 5, rank: 1, right: true},
		fleetMedium:   {title: "Med", min: 5, rank: 4, right: true},
		fleetLow:      {title: "Low", min: 5, rank: 5, right: true},
		fleetNew:      {title: "New", min: 5, rank: 2, right: true},
		fleetTrend:    {title: "Trend", min: 8, rank: 5},
		fleetAttested: {title: "Evidence", min: 13, rank: 2},
		fleetControls: {title: "Controls", min: 8, rank: 8, right: true},
		fleetPipeline: {title: "Pipeline", min: 16, grow: 2, rank: 6},
	}
}

func (m *Model) showFleet() { m.pages[pageFleet].list.set(m.fleetRows()) }

func (m *Model) fleetRows() rows {
	return newTable(m.pages[pageFleet], m.repos, m.fleetCells, compareFleet)
}

func (m *Model) fleetCells(r Repository) []cell {
	g := m.theme.glyphs
	dim := cell{g.dot, toneDim}
	out := make([]cell, fleetPipeline+1)
	for i := range out {
		out[i] = dim
	}
	out[fleetName] = cell{r.Name, toneText}
	out[fleetPipeline] = m.pipelineCell(r.Target)
	out[fleetAttested] = attestLook(r.Attested.State).cell(g)
	if r.Run == "" {
		out[fleetGate] = look{"?", "never run", toneWarn}.cell(g)
		if len(r.Verdict.Reasons) > 0 {
			out[fleetGate] = gateOf(r.Verdict).cell(g) // it was tried
		}
		out[fleetAge] = cell{"never", toneWarn}
		return out
	}
	out[fleetBranch] = cell{orMark(r.Branch, g), toneDim}
	out[fleetCommit] = cell{short(r.Commit) + whenSet("+", r.Dirty), toneDim}
	out[fleetAge] = cell{age(m.now, r.Ended), toneDim}
	out[fleetGate] = gateOf(r.Verdict).cell(g)
	for column, s := range map[int]checks.Severity{fleetCritical: checks.Critical, fleetHigh: checks.High, fleetMedium: checks.Medium, fleetLow: checks.Low} {
		n := r.Open[s]
		if s == checks.High {
			n += r.Open[checks.Unrated] // which counts as high until a policy says otherwise
		}
		if n > 0 {
			out[column] = cell{number(n), severityTone(s)}
		}
	}
	out[fleetNew] = newCell(r, g)
	out[fleetTrend] = cell{spark(r.Trend, g), toneInfo}
	if n := len(r.Controls); n > 0 {
		out[fleetControls] = cell{number(n), toneText}
	}
	return out
}

func newCell(r Repository, g glyphs) cell {
	n := total(r.New)
	switch {
	case !r.NewKnown:
		return cell{"?", toneDim}
	case n == 0:
		return cell{g.dot, toneDim}
	}
	return cell{"+" + number(n), toneWarn}
}

func total(by [checks.Critical + 1]int) (n int) {
	for _, c := range by {
		n += c
	}
	return n
}

func orMark(s string, g glyphs) string { return cmp.Or(s, g.dot) }

// need orders repositories by who needs somebody: what failed, what cannot be
// told, what never ran, what passed.
func need(r Repository) int {
	switch g := gateOf(r.Verdict); {
	case r.Run == "":
		return 2
	case g.tone == toneBad:
		return 0
	case g.tone == toneWarn:
		return 1
	}
	return 3
}

func compareFleet(a, b Repository, by int) int {
	sev := func(s checks.Severity) int { return cmp.Compare(b.Open[s], a.Open[s]) }
	name := cmp.Or(cmp.Compare(whenSet("a", !a.Watched), whenSet("a", !b.Watched)), cmp.Compare(a.Name, b.Name))
	switch by {
	case fleetBranch:
		return cmp.Or(cmp.Compare(a.Branch, b.Branch), name)
	case fleetCommit:
		return cmp.Or(cmp.Compare(a.Commit, b.Commit), name)
	case fleetAge:
		return cmp.Or(b.Ended.Compare(a.Ended), name)
	case fleetGate:
		return cmp.Or(cmp.Compare(need(a), need(b)), sev(checks.Critical), sev(checks.High), name)
	case fleetCritical:
		return cmp.Or(sev(checks.Critical), name)
	case fleetHigh:
		return cmp.Or(sev(checks.High), name)
	case fleetMedium:
		return cmp.Or(sev(checks.Medium), name)
	case fleetLow:
		return cmp.Or(sev(checks.Low), name)
	case fleetNew:
		return cmp.Or(cmp.Compare(total(b.New), total(a.New)), name)
	case fleetAttested:
		return cmp.Or(cmp.Compare(a.Attested.State, b.Attested.State), name)
	case fleetControls:
		return cmp.Or(cmp.Compare(len(b.Controls), len(a.Controls)), name)
	}
	return name
}

// fleetCount says how many repositories there are, and how many do not pass.
func (m *Model) fleetCount() string {
	rows := m.pages[pageFleet].list.rows
	bad := 0
	for i := range rows.Len() {
		if need(m.repos[rows.ID(i)]) < 3 {
			bad++
		}
	}
	if m.width < 60 {
		return fmt.Sprintf("%s of %s do not pass", number(bad), number(rows.Len()))
	}
	return fmt.Sprintf("%s, %s not passing", count(rows.Len(), "repository"), number(bad))
}

// chosenTargets are the targets of the marked rows, or of the one under the
// cursor, on the fleet or on the pipelines.
func (m *Model) chosenTargets() []string {
	var out []string
	if m.page == pagePipelines {
		if r, _ := m.pipelineAt(); r != nil {
			out = append(out, r.target)
		}
		return out
	}
	for _, id := range m.pages[pageFleet].list.chosen(len(m.repos)) {
		if id < len(m.repos) {
			out = append(out, m.repos[id].Target)
		}
	}
	return out
}

func (m *Model) scan() tea.Cmd { return m.start(m.chosenTargets()) }

func (m *Model) scanAll() tea.Cmd {
	rows := m.pages[pageFleet].list.rows
	var targets []string
	for i := range rows.Len() {
		targets = append(targets, m.repos[rows.ID(i)].Target)
	}
	return m.start(targets)
}

func (m *Model) start(targets []string) tea.Cmd {
	if len(targets) == 0 {
		m.fail(errors.New("no repository is under the cursor"))
		return nil
	}
	m.pages[pageFleet].list.marked.clear()
	return func() tea.Msg {
		err := m.world.Scans.Start(m.ctx, targets)
		return doneMsg{text: "scanning " + count(len(targets), "repository") + "; 2 shows the steps", err: err}
	}
}

// attest verifies the evidence of the chosen repositories again.
func (m *Model) attest() tea.Cmd {
	targets := m.chosenTargets()
	m.say(toneInfo, "verifying the evidence of "+count(len(targets), "repository"))
	return func() tea.Msg {
		err := m.world.Fleet.Attest(m.ctx, targets)
		return doneMsg{text: "verified the evidence of " + count(len(targets), "repository"), err: err, then: m.readRepositories()}
	}
}

// repositoryLines is all that is known of a repository.
func (m *Model) repositoryLines(target string, width int) []line {
	r := m.repository(target)
	if r == nil {
		return []line{{{"it is not in the fleet any more", toneWarn}}}
	}
	g := m.theme.glyphs
	out := []line{{{" " + r.Name, toneTitle}}, {{" " + r.Target, toneDim}}, nil}
	if r.Run == "" {
		for _, why := range r.Verdict.Reasons {
			out = append(out, wrap(span{" ", toneText}, why, toneBad, width)...)
		}
		return append(out, wrap(span{" ", toneText}, "It has never been scanned: nobody knows how it is. Press s to scan it.", toneWarn, width)...)
	}
	gate := gateOf(r.Verdict)
	out = append(out, line{{" " + gate.glyph(g) + " " + gate.text, gate.tone}, {"  " + ago(m.now, r.Ended) + ", run " + r.Run, toneDim}})
	for _, why := range r.Verdict.Reasons {
		out = append(out, wrap(span{"   " + g.dot + " ", gate.tone}, why, toneText, width)...)
	}
	out = append(out, nil, line{{" Commit    ", toneDim}, {orMark(r.Commit, g), toneText}, {whenSet("  with changes that are not committed", r.Dirty), toneWarn}},
		line{{" Branch    ", toneDim}, {orMark(r.Branch, g), toneText}})
	counts := line{{" Findings  ", toneDim}}
	for _, s := range checks.Severities() {
		if n := r.Open[s]; n > 0 {
			counts = append(counts, span{number(n) + " " + s.String() + "  ", severityTone(s)})
		}
	}
	switch {
	case total(r.Open) > 0:
	case r.Verdict.Complete:
		counts = append(counts, span{"none open", toneText})
	default:
		counts = append(counts, span{"none open in what was looked at", toneWarn})
	}
	out = append(out, counts, line{{"           ", toneDim}, {fmt.Sprintf("%s new, %s waived, %s ignored", newCell(*r, g).text, number(r.Waived), number(r.Ignored)), toneDim}})
	if len(r.Trend) > 1 {
		out = append(out, line{{" Trend     ", toneDim}, {spark(r.Trend, g), toneInfo}, {"  open findings in the last " + count(len(r.Trend), "run"), toneDim}})
	}
	for i, why := range r.Unwell {
		head := " Steps     "
		if i > 0 {
			head = "           "
		}
		out = append(out, wrap(span{head, toneDim}, why, toneWarn, width)...)
	}
	return append(out, m.attestedLines(*r, width)...)
}

func (m *Model) attestedLines(r Repository, width int) []line {
	g := m.theme.glyphs
	a := attestLook(r.Attested.State)
	out := []line{{{" Evidence  ", toneDim}, {a.glyph(g) + " " + a.text, a.tone}}}
	if !r.Attested.At.IsZero() {
		out[0] = append(out[0], span{fmt.Sprintf("  of commit %s, looked at %s", short(r.Attested.Commit), ago(m.now, r.Attested.At)), toneDim})
	}
	if r.Attested.Reason != "" {
		out = append(out, wrap(span{"           ", toneDim}, r.Attested.Reason, a.tone, width)...)
	}
	controls := "nobody has evaluated any"
	if len(r.Controls) > 0 {
		controls = strings.Join(r.Controls, ", ")
	}
	return append(out, wrap(span{" Controls  ", toneDim}, controls, toneText, width)...)
}
