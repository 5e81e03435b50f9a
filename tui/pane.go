package tui

import "strings"

// pane is a text that can be scrolled: a detail, a log, a statement, the help.
type pane struct {
	// render gives the lines for a width; it is asked again when the width or
	// the theme changes.
	render func(width int) []line
	lines  []line
	width  int
	top    int
	height int
	find   string
}

func newPane(render func(width int) []line) *pane {
	return &pane{render: render, height: 1}
}

// refresh forgets the lines, so that they are made anew.
func (p *pane) refresh() { p.width = 0 }

func (p *pane) fill(width int) {
	if p.width != width {
		p.lines, p.width = p.render(width), width
	}
	p.top = min(max(0, p.top), max(0, len(p.lines)-p.height))
}

func (p *pane) move(by int) {
	p.top = min(max(0, p.top+by), max(0, len(p.lines)-p.height))
}

// search goes to the next line after the first shown one that holds the words.
func (p *pane) search(words string) bool {
	p.find = words
	if words == "" {
		return true
	}
	for d := 1; d <= len(p.lines); d++ {
		i := (p.top + d) % len(p.lines)
		if strings.Contains(strings.ToLower(p.lines[i].text()), strings.ToLower(words)) {
			p.top = i
			p.move(0)
			return true
		}
	}
	return false
}

func (l line) text() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}

func (p *pane) draw(t *Theme, width, height int) []string {
	p.height = max(1, height)
	p.fill(width)
	var out []string
	for _, l := range p.lines[p.top:min(p.top+p.height, len(p.lines))] {
		out = append(out, t.draw(l, width, false))
	}
	return out
}
