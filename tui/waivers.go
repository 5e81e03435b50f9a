package tui

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func waiverColumns() []column {
	return []column{
		{title: "Rule", min: 14, grow: 2, rank: 0},
		{title: "State", min: 14, rank: 0},
		{title: "Until", min: 10, rank: 1},
		{title: "Left", min: 8, rank: 2, right: true},
		{title: "Repository", min: 12, grow: 2, rank: 2},
		{title: "By", min: 12, grow: 1, rank: 3},
		{title: "Covers", min: 6, rank: 4, right: true},
		{title: "Reason", min: 10, grow: 4, rank: 3},
	}
}

func (m *Model) readWaivers() tea.Cmd {
	m.pages[pageWaivers].waiting = "the waivers"
	var targets []string
	for _, r := range m.repos {
		targets = append(targets, r.Target)
	}
	return func() tea.Msg {
		all, err := m.world.Waivers.Waivers(m.ctx, targets)
		return waiversMsg{all, err}
	}
}

func (m *Model) tookWaivers(msg waiversMsg) {
	p := m.pages[pageWaivers]
	p.waiting, p.failed = "", msg.err
	m.waivers = msg.waivers
	m.showWaivers()
}

func (m *Model) showWaivers() {
	p := m.pages[pageWaivers]
	p.list.set(newTable(p, m.waivers, m.waiverCells, m.compareWaivers))
}

func (m *Model) waiverCells(w Waiver) []cell {
	g := m.theme.glyphs
	left, to := m.left(w.Until)
	return []cell{{w.Rule, toneText}, waiverLook(w.State).cell(g), {w.Until, toneDim}, {left, to}, {w.Repository, toneDim},
		{w.By, toneDim}, {numberOr(w.Covers, g), toneDim}, {cmp.Or(w.Waiver.Reason, w.Why), toneDim}}
}

// left says how long a date lasts: it ends at 24:00 UTC.
func (m *Model) left(until string) (string, tone) {
	t, err := time.Parse(time.DateOnly, until)
	if err != nil {
		return "?", toneWarn
	}
	days := int(t.AddDate(0, 0, 1).Sub(m.now).Hours() / 24)
	switch {
	case t.AddDate(0, 0, 1).Before(m.now):
		return "over", toneBad
	case days < 30:
		return fmt.Sprintf("%d d", days), toneWarn
	}
	return fmt.Sprintf("%d d", days), toneDim
}

func waiverLook(s checks.WaiverState) look {
	switch s {
	case checks.WaiverApplied:
		return look{"+", "applied", toneGood}
	case checks.WaiverUnused:
		return look{"o", "unused", toneDim}
	case checks.WaiverExpired, checks.WaiverRefused:
		return look{"x", string(s), toneBad}
	case checks.WaiverUnconfirmed:
		return look{"?", "unconfirmed", toneWarn}
	}
	return look{"?", "not yet seen", toneWarn}
}

func (m *Model) compareWaivers(a, b Waiver, by int) int {
	cells := func(w Waiver) string { return m.waiverCells(w)[by].text }
	switch by {
	case 2, 3:
		return cmp.Compare(a.Until, b.Until)
	case 6:
		return cmp.Compare(b.Covers, a.Covers)
	}
	return cmp.Compare(strings.ToLower(cells(a)), strings.ToLower(cells(b)))
}

func (m *Model) waiverLines(w Waiver, width int) []line {
	s := waiverLook(w.State)
	out := []line{{{" " + s.glyph(m.theme.glyphs) + " " + s.text, s.tone}}, nil}
	field := func(name, text string) { out = append(out, named(name, text, 14, width, m.theme.glyphs)...) }
	left, _ := m.left(w.Until)
	field("Rule", w.Rule)
	field("Severity", w.Severity)
	field("Repository", w.Repository)
	field("Reason", w.Why)
	field("Ticket", w.Ticket)
	field("Until", w.Until+" ("+left+")")
	field("Created", w.Created)
	field("By", w.By)
	if !w.Signed {
		field("Signed", "no: it counts only while there is no policy")
	}
	field("Approvals", w.Approvals)
	field("Not counted", w.Waiver.Reason)
	field("Covers", count(w.Covers, "finding"))
	field("Where", w.Path)
	field("Gone", strings.Join(w.Gone, ", "))
	field("File", w.File)
	field("Id", w.ID)
	return out
}
