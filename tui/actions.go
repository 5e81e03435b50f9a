package tui

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// openRow opens the row of that number, or what the cursor is on.
func (m *Model) openRow(arg string) tea.Cmd {
	if arg != "" {
		l := m.list()
		n, err := strconv.Atoi(arg)
		if err != nil || l == nil || n < 1 || n > l.rows.Len() {
			m.fail(fmt.Errorf("open: there is no row %q", arg))
			return nil
		}
		l.to(n - 1)
	}
	return m.open()
}

// open shows what the cursor is on.
func (m *Model) open() tea.Cmd {
	if s := m.top(); s != nil {
		if id, ok := m.current(); ok && s.open != nil {
			return s.open(id)
		}
		return nil
	}
	id, ok := m.current()
	if !ok {
		return nil
	}
	switch m.page {
	case pageFleet:
		target := m.repos[id].Target
		m.push(pageFleet, &screen{title: m.repos[id].Name, pane: newPane(func(w int) []line { return m.repositoryLines(target, w) })})
	case pagePipelines:
		r, s := m.pipelineAt()
		title := m.nameOf(r.target)
		if s != nil {
			title += ", " + s.check
		}
		m.push(pagePipelines, &screen{title: title, pane: newPane(func(w int) []line { return m.logLines(r, s, w) })})
	case pageFindings:
		return m.openFinding(m.findings.index.Row(uint32(id)))
	case pageEvidence:
		if s, ok := m.subject(); ok {
			return m.verify(s, false)
		}
	case pageWaivers:
		w := m.waivers[id]
		m.push(pageWaivers, &screen{title: w.Rule, pane: newPane(func(width int) []line { return m.waiverLines(w, width) })})
	}
	return nil
}

// current is the id under the cursor of the list that is shown.
func (m *Model) current() (int, bool) {
	if l := m.list(); l != nil {
		return l.current()
	}
	return 0, false
}

// back closes what lies on top; on a list it takes the filter away.
func (m *Model) back() tea.Cmd {
	p := m.here()
	switch {
	case len(p.over) > 0:
		p.over = p.over[:len(p.over)-1]
	case p.filter != "":
		return m.setFilter("")
	case m.page == pageFindings && len(m.findings.targets) > 0 || m.page == pageEvidence && m.subjects.target != "":
		return m.everything()
	case m.page != pageFleet:
		return m.goTo(pageFleet)
	}
	return nil
}

func (m *Model) mark() {
	if l := m.list(); l != nil && m.top() == nil {
		l.toggle()
	}
}

func (m *Model) unmark() { m.here().list.marked.clear() }

// markAll marks everything that is shown.
func (m *Model) markAll() {
	if m.top() != nil {
		return
	}
	l := m.here().list
	l.marked.clear()
	for i := range l.rows.Len() {
		if !l.isHeading(i) {
			l.marked.flip(l.rows.ID(i))
		}
	}
}

// sortBy orders by a column, or by the next one.
func (m *Model) sortBy(arg string) tea.Cmd {
	p := m.here()
	columns := p.list.columns
	if m.top() != nil {
		return nil
	}
	p.down = false
	p.sort = (p.sort + 1) % len(columns)
	if arg != "" {
		i := slices.IndexFunc(columns, func(c column) bool {
			return strings.HasPrefix(strings.ToLower(c.title), strings.ToLower(arg))
		})
		if i < 0 {
			m.fail(fmt.Errorf("there is no column %q", arg))
			return nil
		}
		p.sort = i
	}
	m.say(toneInfo, "ordered by "+strings.ToLower(columns[p.sort].title))
	return m.reorder()
}

func (m *Model) reverse() tea.Cmd {
	p := m.here()
	p.down = !p.down
	return m.reorder()
}

func (m *Model) reorder() tea.Cmd {
	if m.page == pageFindings {
		return m.selectFindings()
	}
	m.show(m.page)
	return nil
}

// everything shows all repositories again.
func (m *Model) everything() tea.Cmd {
	if m.page == pageEvidence {
		m.subjects.target = ""
		return m.readSubjects()
	}
	m.findings.targets = nil
	return m.readFindings()
}

func (m *Model) reload() tea.Cmd {
	switch m.page {
	case pageFindings:
		return m.readFindings()
	case pageEvidence:
		return m.readSubjects()
	case pageWaivers:
		return m.readWaivers()
	}
	return m.readRepositories()
}

// copy puts what is shown, or marked, on the clipboard as Markdown.
func (m *Model) copy() tea.Cmd {
	text := ""
	if s := m.top(); s != nil {
		if s.copy != nil {
			text = s.copy()
		} else if s.pane != nil {
			text = paneText(s.pane)
		}
	} else {
		text = m.rowsMarkdown()
	}
	if text == "" {
		m.fail(errors.New("there is nothing to copy"))
		return nil
	}
	return func() tea.Msg {
		return doneMsg{text: "copied " + count(len(text), "byte") + " of Markdown, if the terminal takes it (OSC 52)", err: m.world.Desk.Copy(text)}
	}
}

func paneText(p *pane) string {
	var b strings.Builder
	for _, l := range p.lines {
		b.WriteString("    " + safe(l.text()) + "\n")
	}
	return b.String()
}

// maxCopied bounds how many rows are copied.
const maxCopied = 500

// rowsMarkdown is the marked rows, or the one under the cursor, as a table.
func (m *Model) rowsMarkdown() string {
	l := m.here().list
	var b strings.Builder
	var titles, rule []string
	for _, c := range l.columns {
		titles, rule = append(titles, c.title), append(rule, "---")
	}
	chosen := map[int]bool{}
	for _, id := range l.chosen(maxCopied) {
		chosen[id] = true
	}
	fmt.Fprintf(&b, "| %s |\n| %s |\n", strings.Join(titles, " | "), strings.Join(rule, " | "))
	for i := 0; i < l.rows.Len() && len(chosen) > 0; i++ {
		if l.isHeading(i) || !chosen[l.rows.ID(i)] {
			continue
		}
		delete(chosen, l.rows.ID(i))
		var cells []string
		for _, c := range l.rows.Row(i) {
			cells = append(cells, safetext.Markdown(c.text))
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

// useTheme takes the theme of that name, or the next one.
func (m *Model) useTheme(name string) tea.Cmd {
	names := ThemeNames()
	if name == "" {
		name = names[(slices.Index(names, m.theme.Name)+1)%len(names)]
	}
	t, err := NewTheme(name, m.options.Colour, m.options.UTF8)
	if err != nil {
		m.fail(err)
		return nil
	}
	m.theme = t
	for _, p := range m.pages {
		for _, s := range p.over {
			if s.pane != nil {
				s.pane.refresh()
			}
		}
	}
	m.say(toneInfo, "theme "+name)
	return nil
}

func (m *Model) useMouse(arg string) tea.Cmd {
	m.mouse = arg == "on" || arg == "" && !m.mouse
	if m.mouse {
		m.say(toneInfo, "the mouse works here")
		return tea.EnableMouseCellMotion
	}
	m.say(toneInfo, "the mouse belongs to the terminal")
	return tea.DisableMouse
}

// leave ends the dashboard, and asks again where scans would end with it.
func (m *Model) leave() tea.Cmd {
	n := m.live.active()
	if n == 0 {
		return m.quit()
	}
	m.prompt = newPrompt(count(n, "scan")+" would end; what had finished is kept. Leave? (y/n) ", "")
	m.prompt.done = func(m *Model, text string) tea.Cmd {
		if strings.HasPrefix(strings.ToLower(text), "y") {
			return m.quit()
		}
		return nil
	}
	return nil
}

// help shows the keys, from the table, and what the marks mean.
func (m *Model) help() {
	m.push(m.page, &screen{title: "help", pane: newPane(m.helpLines)})
}

func (m *Model) helpLines(width int) []line {
	g := m.theme.glyphs
	out := []line{{{" Keys of this page", toneTitle}}}
	for i := range m.commands {
		if c := &m.commands[i]; c.fits(m) {
			var keys []string
			for _, k := range c.keys {
				keys = append(keys, keyName(k))
			}
			out = append(out, wrap(span{" " + fit(strings.Join(keys, " "), 20, g) + " " + fit(c.name, 15, g) + " ", toneKey}, c.help, toneText, width)...)
		}
	}
	out = append(out, nil, line{{" Marks", toneTitle}})
	for _, l := range []struct {
		look look
		help string
	}{
		{look{"+", "pass, ok, verified", toneGood}, "there is evidence for it, and it is good"},
		{look{"x", "fail, failed, broken", toneBad}, "it was looked at, and it is not good"},
		{look{"?", "cannot tell, stale, not checked", toneWarn}, "nobody knows: that never ships"},
		{look{"o", "unsigned, unused", toneDim}, "there is nothing that could be held against anybody"},
	} {
		out = append(out, wrap(span{" " + l.look.glyph(g) + " " + fit(l.look.text, 34, g), l.look.tone}, l.help, toneText, width)...)
	}
	out = append(out, nil, line{{" A filter of findings", toneTitle}})
	for _, o := range filterWords() {
		out = append(out, wrap(span{" " + fit(o.text, 36, g), toneKey}, o.help, toneText, width)...)
	}
	return out
}
