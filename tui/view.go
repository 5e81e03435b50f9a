package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// bodyTop is the screen line on which a page begins: below the pages' names and
// the line that says what is shown.
const bodyTop = 2

// The least size that is drawn; on less, one line says so.
const (
	leastWidth  = 20
	leastHeight = 6
)

func (m *Model) bodyHeight() int { return max(1, m.height-bodyTop-1) }

// View draws the frame: exactly height lines of at most width columns.
func (m *Model) View() string {
	if m.ended {
		return ""
	}
	if m.width < leastWidth || m.height < leastHeight {
		return cut("too small", max(1, m.width), m.theme.glyphs)
	}
	frame := make([]string, 0, m.height)
	frame = append(frame, m.header(), m.caption())
	frame = append(frame, m.body()...)
	for len(frame) < m.height-1 {
		frame = append(frame, "")
	}
	if m.prompt != nil {
		frame = m.prompt.over(m, frame[:m.height-1])
	}
	frame = append(frame[:m.height-1], m.footer())
	return strings.Join(frame, "\n")
}

// tabs are the pages' names with the columns they begin in.
func (m *Model) tabs() (names []string, at []int) {
	x := 1
	wide := m.width >= 72
	for i, p := range m.pages {
		name := fmt.Sprintf("%d", i+1)
		if wide || pageID(i) == m.page {
			name += " " + p.title
		}
		names, at = append(names, name), append(at, x)
		x += ansi.StringWidth(name) + 2
	}
	return names, at
}

func (m *Model) tabAt(x int) (pageID, bool) {
	names, at := m.tabs()
	for i := range names {
		if x >= at[i] && x < at[i]+ansi.StringWidth(names[i]) {
			return pageID(i), true
		}
	}
	return 0, false
}

func (m *Model) header() string {
	names, _ := m.tabs()
	l := line{{" ", toneText}}
	used := 1
	for i, name := range names {
		to := toneDim
		if pageID(i) == m.page {
			to = toneTab
		}
		l = append(l, span{name, to}, span{"  ", toneText})
		used += ansi.StringWidth(name) + 2
	}
	right := ""
	if n := m.live.active(); n > 0 {
		right = m.theme.glyphs.spin[m.tick%len(m.theme.glyphs.spin)] + " " + count(n, "scan")
	}
	if m.width >= 60 {
		right += "  vitalsign " + m.now.UTC().Format("15:04") + " UTC "
	}
	if free := m.width - used - ansi.StringWidth(right); free >= 0 {
		l = append(l, span{strings.Repeat(" ", free), toneText}, span{right, toneDim})
	}
	return m.theme.draw(l, m.width, false)
}

// caption says what is shown, and how much of it.
func (m *Model) caption() string {
	p := m.here()
	left := line{{" ", toneText}}
	right := ""
	if s := m.top(); s != nil {
		left = append(left, span{p.title + " / ", toneDim}, span{s.title, toneTitle})
		if s.pane != nil && len(s.pane.lines) > s.pane.height {
			right = fmt.Sprintf("%d %% ", 100*(s.pane.top+s.pane.height)/max(1, len(s.pane.lines)))
		}
	} else {
		left = append(left, m.scope()...)
		right = m.shown() + " "
	}
	text := m.theme.draw(left, max(0, m.width-ansi.StringWidth(right)-1), false)
	free := m.width - ansi.StringWidth(text) - ansi.StringWidth(right)
	if free < 0 {
		return text
	}
	return text + strings.Repeat(" ", free) + m.theme.paint(toneDim, right, false)
}

// scope says what a list is a list of.
func (m *Model) scope() line {
	p := m.here()
	var l line
	switch m.page {
	case pageFindings:
		l = append(l, span{m.findings.scopeName(m), toneTitle})
	case pageEvidence:
		l = append(l, span{m.subjects.scopeName(m), toneTitle})
	}
	if m.page == pageFindings && m.findings.problem != "" {
		return append(l, span{"  " + m.findings.problem, toneBad})
	}
	if p.filter != "" {
		if len(l) > 0 {
			l = append(l, span{"  ", toneText})
		}
		l = append(l, span{"filter ", toneDim}, span{p.filter, toneWarn})
	}
	return l
}

// shown says how much there is.
func (m *Model) shown() string {
	p := m.here()
	if p.waiting != "" {
		return "reading " + p.waiting + " " + m.theme.glyphs.ellipsis
	}
	var parts []string
	if n := p.list.marked.count; n > 0 {
		parts = append(parts, number(n)+" marked")
	}
	switch m.page {
	case pageFleet:
		parts = append(parts, m.fleetCount())
	case pageFindings:
		if m.findings.problem != "" {
			return "" // what is wrong needs the room
		}
		parts = append(parts, m.findings.count())
	default:
		parts = append(parts, number(p.list.rows.Len()))
	}
	return strings.Join(parts, ", ")
}

func (m *Model) body() []string {
	height := m.bodyHeight()
	if m.form != nil {
		return m.form.draw(&m.theme, m.width, height)
	}
	if s := m.top(); s != nil {
		if s.pane != nil {
			return s.pane.draw(&m.theme, m.width, height)
		}
		return s.list.lines(&m.theme, m.width, height)
	}
	p := m.here()
	if p.failed != nil {
		var out []string
		for _, l := range wrap(span{"  ", toneText}, p.failed.Error(), toneBad, m.width) {
			out = append(out, m.theme.draw(l, m.width, false))
		}
		return out[:min(len(out), height)]
	}
	if p.waiting != "" && p.list.rows.Len() == 0 {
		return []string{m.theme.draw(line{{"  reading " + p.waiting + " " + m.theme.glyphs.ellipsis, toneDim}}, m.width, false)}
	}
	return p.list.lines(&m.theme, m.width, height)
}

// footer is the prompt, the news, or the keys that matter here.
func (m *Model) footer() string {
	switch {
	case m.prompt != nil:
		return m.prompt.draw(&m.theme, m.width)
	case m.notice.text != "":
		return m.theme.draw(line{{" " + m.notice.text, m.notice.tone}}, m.width, false)
	case m.form != nil:
		return m.theme.draw(line{{" enter next  tab field  esc leave", toneDim}}, m.width, false)
	}
	var l line
	used := 0
	for i := range m.commands {
		c := &m.commands[i]
		if !c.hint || !c.fits(m) || c.name == "open" && m.list() == nil {
			continue
		}
		key, text := " "+keyName(c.keys[0])+" ", strings.ReplaceAll(c.name, "-", " ")
		if used += ansi.StringWidth(key) + ansi.StringWidth(text) + 1; used > m.width {
			break
		}
		l = append(l, span{key, toneKey}, span{text + " ", toneDim})
	}
	return m.theme.draw(l, m.width, false)
}

// keyName is a key as people call it.
func keyName(k string) string {
	if k == " " {
		return "space"
	}
	return k
}
