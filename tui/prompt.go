package tui

import (
	"strings"

	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// prompt is a line that is typed at the bottom: a filter, a search, a command.
type prompt struct {
	label string
	input textinput.Model
	// typed is asked at every change, done at enter, left at escape.
	typed func(m *Model, text string) tea.Cmd
	done  func(m *Model, text string) tea.Cmd
	left  func(m *Model) tea.Cmd
	// offers are shown above the line, the best first.
	offers func(m *Model, text string) []offer
	at     int
}

// offer is something that the prompt could say.
type offer struct{ text, help string }

// maxTyped bounds what is typed, in characters.
const maxTyped = 500

func newPrompt(label, text string) *prompt {
	in := textinput.New()
	in.Prompt, in.CharLimit = "", maxTyped
	in.SetValue(text)
	in.CursorEnd()
	in.Focus()
	return &prompt{label: label, input: in}
}

func (p *prompt) key(m *Model, msg tea.KeyMsg) tea.Cmd {
	text := p.input.Value()
	switch msg.String() {
	case "esc":
		m.prompt = nil
		if p.left != nil {
			return p.left(m)
		}
		return nil
	case "enter":
		m.prompt = nil
		if all := p.list(m); p.at > 0 && p.at <= len(all) {
			text = all[p.at-1].text
		}
		return p.done(m, text)
	case "down", "ctrl+n":
		p.at = min(p.at+1, len(p.list(m)))
		return nil
	case "up", "ctrl+p":
		p.at = max(p.at-1, 0)
		return nil
	case "tab":
		if all := p.list(m); len(all) > 0 {
			p.input.SetValue(all[max(0, p.at-1)].text)
			p.input.CursorEnd()
			p.at = 0
		}
	default:
		// What it asks for would blink, and read another clipboard.
		p.input, _ = p.input.Update(msg)
	}
	if now := p.input.Value(); now != text && p.typed != nil {
		p.at = 0
		return p.typed(m, now)
	}
	return nil
}

func (p *prompt) list(m *Model) []offer {
	if p.offers == nil {
		return nil
	}
	return p.offers(m, p.input.Value())
}

func (p *prompt) draw(t *Theme, width int) string {
	return inputLine(t, p.label, p.input, width, false)
}

// inputLine shows what is typed with its cursor; the end is kept in sight. A
// cursor is told by its mark too, since not every terminal has colours.
func inputLine(t *Theme, label string, in textinput.Model, width int, hidden bool) string {
	text, at := []rune(in.Value()), in.Position()
	if hidden {
		text = []rune(strings.Repeat("*", len(text)))
	}
	before, after := safe(string(text[:at])), safe(string(text[at:]))
	room := max(4, width-ansi.StringWidth(label)-2)
	if over := ansi.StringWidth(before) - room + 1; over > 0 {
		before = ansi.TruncateLeft(before, over, "")
	}
	return t.draw(line{{label, toneKey}}, width, false) + t.paint(toneText, before, false) + t.paint(toneTitle, "_", false) +
		t.paint(toneText, cut(after, room-ansi.StringWidth(before)-1, t.glyphs), false)
}

// over lays the offers over the lowest lines of a frame.
func (p *prompt) over(m *Model, frame []string) []string {
	all := p.list(m)
	const most = 10
	n := min(len(all), most, len(frame)-bodyTop)
	from := max(0, p.at-n)
	for i := range n {
		o := all[from+i]
		mark := "  "
		if from+i+1 == p.at {
			mark = m.theme.glyphs.cursor + " "
		}
		frame[len(frame)-n+i] = m.theme.draw(line{{mark, toneTitle}, {fit(o.text, 24, m.theme.glyphs) + " ", toneKey}, {o.help, toneDim}}, m.width, p.at == from+i+1)
	}
	return frame
}

// palette offers every command that works here.
func (m *Model) palette() {
	p := newPrompt(":", "")
	p.done = func(m *Model, text string) tea.Cmd { return m.Do(text) }
	p.offers = (*Model).offerCommands
	m.prompt = p
}

// offerCommands lists the commands that begin with what is typed, then those
// that hold it.
func (m *Model) offerCommands(text string) []offer {
	name, _, given := strings.Cut(text, " ")
	var first, then []offer
	for i := range m.commands {
		c := &m.commands[i]
		if !c.fits(m) {
			continue
		}
		help := c.help
		if c.arg != "" {
			help = c.arg + "  " + help
		}
		if len(c.keys) > 0 {
			help += "  (" + keyName(c.keys[0]) + ")"
		}
		switch {
		case c.name == name, !given && strings.HasPrefix(c.name, name):
			first = append(first, offer{c.name, help})
		case !given && strings.Contains(c.name, name):
			then = append(then, offer{c.name, help})
		}
	}
	return append(first, then...)
}

// filterBy asks for a filter, or takes the one that it is given.
func (m *Model) filterBy(arg string) tea.Cmd {
	if s := m.top(); s != nil && s.pane != nil {
		return m.searchIn(s.pane, arg)
	}
	if m.top() != nil {
		return nil
	}
	if arg != "" {
		return m.setFilter(arg)
	}
	before := m.here().filter
	p := newPrompt("/", before)
	p.typed = (*Model).setFilter
	p.done = func(m *Model, text string) tea.Cmd { return m.setFilter(text) }
	p.left = func(m *Model) tea.Cmd { return m.setFilter(before) }
	if m.page == pageFindings {
		p.offers = filterOffers
	}
	m.prompt = p
	return nil
}

func (m *Model) searchIn(p *pane, words string) tea.Cmd {
	find := func(m *Model, text string) tea.Cmd {
		if !p.search(text) {
			m.say(toneWarn, "not found: "+text)
		}
		return nil
	}
	if words != "" {
		return find(m, words)
	}
	m.prompt = newPrompt("search /", "")
	m.prompt.done = find
	return nil
}

func (m *Model) nextMatch() {
	if s := m.top(); s != nil && s.pane != nil && !s.pane.search(s.pane.find) {
		m.say(toneWarn, "not found: "+s.pane.find)
	}
}

// setFilter shows what fits on the page.
func (m *Model) setFilter(text string) tea.Cmd {
	p := m.here()
	p.filter = strings.TrimSpace(text)
	if m.page == pageFindings {
		return m.selectFindings()
	}
	m.show(m.page)
	return nil
}

// show makes the rows of a page anew.
func (m *Model) show(p pageID) {
	switch p {
	case pageFleet:
		m.showFleet()
	case pagePipelines:
		m.showPipelines()
	case pageEvidence:
		m.showSubjects()
	case pageWaivers:
		m.showWaivers()
	}
}

// fits says whether every word of a filter is in one of the cells. It is how
// small lists are filtered; the findings have a language of their own.
func fits(filter string, cells []cell) bool {
	var all strings.Builder
	for _, c := range cells {
		all.WriteString(strings.ToLower(c.text))
		all.WriteByte('\n')
	}
	text := all.String()
	for word := range strings.FieldsSeq(strings.ToLower(filter)) {
		if not, ok := strings.CutPrefix(word, "-"); ok && not != "" {
			if strings.Contains(text, not) {
				return false
			}
			continue
		}
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
