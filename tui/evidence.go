package tui

import (
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// subjects is what the evidence page lists.
type subjects struct {
	all    []Subject
	target string // "" for all repositories
}

type subjectsMsg struct {
	target   string
	subjects []Subject
	err      error
}

func (s subjects) scopeName(m *Model) string {
	if s.target == "" {
		return "all repositories"
	}
	return m.nameOf(s.target)
}

func subjectColumns() []column {
	return []column{
		{title: "Subject", min: 16, grow: 3, rank: 0},
		{title: "Kind", min: 9, rank: 0},
		{title: "Repository", min: 12, grow: 2, rank: 1},
		{title: "What is known", min: 12, grow: 3, rank: 2},
	}
}

func (m *Model) readSubjects() tea.Cmd {
	target := m.subjects.target
	m.pages[pageEvidence].waiting = "what the evidence names"
	return func() tea.Msg {
		all, err := m.world.Evidence.Subjects(m.ctx, target)
		return subjectsMsg{target, all, err}
	}
}

func (m *Model) tookSubjects(msg subjectsMsg) {
	if msg.target != m.subjects.target {
		return // it was asked before something else was chosen
	}
	p := m.pages[pageEvidence]
	p.waiting, p.failed = "", msg.err
	m.fail(msg.err)
	m.subjects.all = msg.subjects
	m.showSubjects()
}

func (m *Model) showSubjects() {
	p := m.pages[pageEvidence]
	p.list.set(newTable(p, m.subjects.all, func(s Subject) []cell {
		name := ""
		if s.Target != "" {
			name = m.nameOf(s.Target)
		}
		return []cell{{s.Name, toneText}, {s.Kind, toneDim}, {name, toneDim}, {s.Detail, toneDim}}
	}, nil))
}

// evidenceOf shows the evidence of the repository under the cursor.
func (m *Model) evidenceOf() tea.Cmd {
	targets := m.chosenTargets()
	if len(targets) == 0 {
		return nil
	}
	m.subjects = subjects{target: targets[0]}
	m.pages[pageEvidence].over = nil
	return m.goTo(pageEvidence)
}

func (m *Model) subject() (Subject, bool) {
	id, ok := m.pages[pageEvidence].list.current()
	if !ok || id >= len(m.subjects.all) {
		return Subject{}, false
	}
	return m.subjects.all[id], true
}

// verify walks the chain of a subject and shows it as a tree.
func (m *Model) verify(s Subject, instead bool) tea.Cmd {
	m.say(toneInfo, "verifying "+s.Name)
	return func() tea.Msg {
		d, err := m.world.Evidence.Verify(m.ctx, s)
		if err != nil {
			return shownMsg{page: pageEvidence, err: err}
		}
		return chainMsg{s, d, instead}
	}
}

type chainMsg struct {
	subject  Subject
	decision report.Decision
	instead  bool // of the one that is shown
}

func (m *Model) tookChain(msg chainMsg) {
	p := m.pages[pageEvidence]
	if msg.instead && len(p.over) > 0 {
		p.over = p.over[:0]
	}
	l := newList(linkColumns(), "The answer has no links: nothing was verified.")
	links := newLinkRows(msg.decision, &m.theme)
	l.set(links)
	p.over = append(p.over, &screen{title: msg.subject.Name, list: l,
		open:  func(id int) tea.Cmd { return m.openLink(links, id) },
		raw:   func() tea.Cmd { return m.rawOf(msg.subject, links, l) },
		again: func() tea.Cmd { return m.verify(msg.subject, true) },
		copy:  func() string { return chainMarkdown(msg.subject, msg.decision) },
	})
	// The cursor begins where the chain breaks: that is the question.
	for i, r := range links.rows {
		if r.link != nil && r.link.State != chain.OK && r.link.State != chain.Info {
			l.to(i)
			break
		}
	}
	g := gateOf(msg.decision.Verdict)
	m.say(g.tone, msg.subject.Name+": "+g.text)
}

func linkColumns() []column {
	return []column{
		{title: "Link", min: 20, rank: 0},
		{title: "What was checked, or what is wrong", min: 14, grow: 5, rank: 0},
		{title: "Said by", min: 16, rank: 1},
		{title: "Proven at", min: 16, rank: 2},
	}
}

// linkRow is the verdict over all (neither is set), an answer's, or a link.
type linkRow struct {
	answer *report.Answer
	link   *chain.Link
	last   bool
}

// linkRows shows a decision as a tree: the verdict first, then every answer's
// links below it.
type linkRows struct {
	decision report.Decision
	rows     []linkRow
	theme    *Theme
}

func newLinkRows(d report.Decision, t *Theme) linkRows {
	r := linkRows{decision: d, theme: t, rows: []linkRow{{}}}
	for i := range d.Answers {
		a := &d.Answers[i]
		if len(d.Answers) > 1 {
			r.rows = append(r.rows, linkRow{answer: a})
		}
		for j := range a.Links {
			r.rows = append(r.rows, linkRow{a, &a.Links[j], j == len(a.Links)-1})
		}
	}
	return r
}

func (r linkRows) Len() int     { return len(r.rows) }
func (r linkRows) ID(i int) int { return i }

func (r linkRows) Row(i int) []cell {
	g := r.theme.glyphs
	row := r.rows[i]
	switch {
	case row.link != nil:
		return linkCells(*row.link, row.last, g)
	case row.answer != nil:
		return verdictCells(row.answer.Verdict, row.answer.Subject.Name+": ", g)
	}
	return verdictCells(r.decision.Verdict, "", g)
}

func verdictCells(v checks.Verdict, name string, g glyphs) []cell {
	l := gateOf(v)
	why := strings.Join(v.Reasons, "; ")
	if why == "" {
		why = "every link holds"
	}
	return []cell{l.cell(g), {name + why, l.tone}, {}, {}}
}

func linkCells(l chain.Link, last bool, g glyphs) []cell {
	branch := g.branch
	if last {
		branch = g.last
	}
	state := linkLook(l.State)
	by, proven := "", ""
	if l.By != nil {
		by = l.By.String()
	}
	if len(l.Proven) > 0 {
		proven = l.Proven[0].Time.UTC().Format("2006-01-02 15:04")
	}
	detail := toneText
	if state.tone != toneGood {
		detail = state.tone
	}
	return []cell{{branch + state.glyph(g) + " " + l.Name, state.tone}, {l.Detail, detail}, {by, toneDim}, {proven, toneDim}}
}

func linkLook(s chain.State) look {
	switch s {
	case chain.OK:
		return look{"+", "holds", toneGood}
	case chain.Broken:
		return look{"x", "broken", toneBad}
	case chain.Failed:
		return look{"x", "failed", toneBad}
	case chain.Info:
		return look{"-", "for information", toneDim}
	}
	return look{"?", "cannot tell", toneWarn}
}

// openLink shows a link whole; a verdict is why it is blocked, on one screen.
func (m *Model) openLink(links linkRows, id int) tea.Cmd {
	row := links.rows[id]
	title, render := "why", func(width int) []line {
		var out []line
		for _, a := range links.decision.Answers {
			out = append(out, m.whyLines(a, width)...)
		}
		return out
	}
	switch {
	case row.link != nil:
		title, render = row.link.Name, func(width int) []line { return m.linkLines(*row.link, width) }
	case row.answer != nil:
		render = func(width int) []line { return m.whyLines(*row.answer, width) }
	}
	m.push(pageEvidence, &screen{title: title, pane: newPane(render)})
	return nil
}

// whyLines is the whole answer on one screen.
func (m *Model) whyLines(a report.Answer, width int) []line {
	g := m.theme.glyphs
	v := gateOf(a.Verdict)
	out := []line{{{" " + v.glyph(g) + " " + a.Subject.Name + ": " + v.text, v.tone}},
		{{fmt.Sprintf(" judged at %s, exit code %d, policy %.16s", a.At.UTC().Format(time.RFC3339), a.Verdict.Exit, orMark(a.Policy, g)), toneDim}}, nil}
	for _, why := range a.Verdict.Reasons {
		out = append(out, wrap(span{" " + g.dot + " ", v.tone}, why, toneText, width)...)
	}
	if a.Today != nil {
		t := gateOf(a.Today.Verdict)
		out = append(out, line{{" today: " + t.glyph(g) + " " + t.text, t.tone}})
	}
	for _, l := range a.Links {
		if s := linkLook(l.State); l.State != chain.OK && l.State != chain.Info {
			out = append(out, nil, line{{" " + s.glyph(g) + " " + l.Name + ": " + s.text, s.tone}})
			out = append(out, wrap(span{"   ", toneText}, l.Detail, toneText, width)...)
			out = append(out, wrap(span{"   What to do: ", toneInfo}, chain.Advice(l.Name), toneText, width)...)
		}
	}
	if len(a.Waivers) > 0 {
		out = append(out, nil, line{{" Waivers", toneTitle}})
	}
	for _, w := range a.Waivers {
		out = append(out, wrap(span{"   ", toneText}, fmt.Sprintf("%s of %s until %s: %s %s", short(w.ID), w.Rule, w.Until, w.State, w.Reason), toneText, width)...)
	}
	out = append(out, nil, line{{" Inputs, by SHA-256", toneTitle}})
	for _, name := range sortedKeys(a.Inputs) {
		out = append(out, wrap(span{"   ", toneText}, name+"  "+a.Inputs[name], toneDim, width)...)
	}
	return out
}

func (m *Model) linkLines(l chain.Link, width int) []line {
	g := m.theme.glyphs
	s := linkLook(l.State)
	out := []line{{{" " + s.glyph(g) + " " + l.Name + ": " + s.text, s.tone}}, nil}
	field := func(name, text string) { out = append(out, named(name, text, 14, width, g)...) }
	field("Detail", l.Detail)
	if l.By != nil {
		field("Said by", l.By.Name)
		field("Role", l.By.Role)
		field("Person", l.By.Person)
	}
	for _, p := range l.Proven {
		field("Proven at", p.Time.UTC().Format(time.RFC3339)+" by "+strings.TrimSpace(p.By+" "+p.URI))
	}
	field("Statement", l.Statement)
	field("File", l.File)
	if s.tone != toneGood && l.State != chain.Info {
		out = append(out, nil)
		out = append(out, wrap(span{" What to do: ", toneInfo}, chain.Advice(l.Name), toneText, width)...)
	}
	if l.Statement != "" {
		out = append(out, nil, line{{" = shows the statement as it was signed", toneDim}})
	}
	return out
}

// rawOf shows the statement of the link under the cursor.
func (m *Model) rawOf(s Subject, links linkRows, l *list) tea.Cmd {
	id, ok := l.current()
	if !ok || links.rows[id].link == nil || links.rows[id].link.Statement == "" {
		m.say(toneWarn, "this link has no statement of its own")
		return nil
	}
	link := links.rows[id].link
	return func() tea.Msg {
		text, err := m.world.Evidence.Raw(m.ctx, s, link.Statement)
		if err != nil {
			return shownMsg{page: pageEvidence, err: err}
		}
		p := newPane(func(int) []line { return code(text, "x.json") })
		return shownMsg{page: pageEvidence, screen: &screen{title: "statement of " + link.Name, pane: p, copy: func() string { return text }}}
	}
}

func (m *Model) verifyAgain() tea.Cmd {
	if s := m.top(); s != nil {
		for _, o := range m.here().over {
			if o.again != nil {
				return o.again()
			}
		}
		return nil
	}
	if s, ok := m.subject(); ok {
		return m.verify(s, false)
	}
	return nil
}

func (m *Model) raw() tea.Cmd {
	over := m.here().over
	for i := len(over) - 1; i >= 0; i-- {
		if over[i].raw != nil {
			return over[i].raw()
		}
	}
	m.say(toneWarn, "open a subject first: its links have statements")
	return nil
}

// chainMarkdown is a decision for an issue or a message.
func chainMarkdown(s Subject, d report.Decision) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**: %s (exit code %d)\n", safetext.Markdown(s.Name), gateOf(d.Verdict).text, d.Verdict.Exit)
	for _, a := range d.Answers {
		fmt.Fprintf(&b, "\n%s, judged at %s\n\n", safetext.Markdown(a.Subject.Name), a.At.UTC().Format(time.RFC3339))
		for _, l := range a.Links {
			mark := " "
			if l.State == chain.OK {
				mark = "x"
			}
			fmt.Fprintf(&b, "- [%s] %s: %s\n", mark, safetext.Markdown(l.Name), safetext.Markdown(l.Detail))
		}
	}
	return b.String()
}
