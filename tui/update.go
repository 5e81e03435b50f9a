package tui

import (
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// The messages by which the world answers.
type (
	tickMsg         time.Time
	eventsMsg       []pipelines.Event
	repositoriesMsg struct {
		repos []Repository
		err   error
	}
	waiversMsg struct {
		waivers []Waiver
		err     error
	}
	doneMsg struct { // something was done
		text string
		err  error
		then tea.Cmd
	}
	shownMsg struct { // something is to be shown over a page
		page   pageID
		screen *screen
		err    error
	}
)

// lookAgain is after how many seconds the store is asked for runs that others
// have kept meanwhile.
const lookAgain = 5

func tickEverySecond() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return tickMsg(t) })
}

// Update folds one message into the model. It returns what is to be asked of
// the world, and asks nothing itself.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyMsg:
		return m, m.key(msg)
	case tea.MouseMsg:
		return m, m.click(msg)
	case tickMsg:
		m.now = time.Time(msg)
		m.tick++
		m.refresh()
		if m.tick%lookAgain == 0 && !m.reading {
			return m, tea.Batch(tickEverySecond(), m.readRepositories())
		}
		return m, tickEverySecond()
	case eventsMsg:
		return m, m.events(msg)
	case repositoriesMsg:
		return m, m.tookRepositories(msg)
	case indexMsg:
		return m, m.tookIndex(msg)
	case selectedMsg:
		m.tookSelected(msg)
	case subjectsMsg:
		m.tookSubjects(msg)
	case detailMsg:
		msg.take()
	case chainMsg:
		m.tookChain(msg)
	case waiversMsg:
		m.tookWaivers(msg)
	case shownMsg:
		if msg.err != nil {
			m.fail(msg.err)
			return m, nil
		}
		m.push(msg.page, msg.screen)
	case doneMsg:
		m.fail(msg.err)
		if msg.err == nil && msg.text != "" {
			m.say(toneGood, msg.text)
		}
		return m, msg.then
	}
	return m, nil
}

// events folds what happened, and reads anew what the ends of runs changed.
func (m *Model) events(events []pipelines.Event) tea.Cmd {
	if len(events) == 0 {
		return nil // the world has ended
	}
	ended := false
	for _, e := range events {
		if e.Kind == pipelines.News {
			m.say(toneInfo, e.Text)
			continue
		}
		m.live.fold(e)
		ended = ended || e.Kind == pipelines.RunEnded
	}
	m.refresh()
	if ended {
		m.findings.stale = true
		return tea.Batch(m.listen(), m.readRepositories())
	}
	return m.listen()
}

// refresh shows anew what depends on time and events.
func (m *Model) refresh() {
	m.showPipelines()
	for _, s := range m.pages[pagePipelines].over {
		if s.pane != nil {
			s.pane.refresh()
		}
	}
}

// listen waits for what happens next.
func (m *Model) listen() tea.Cmd {
	if m.plain {
		return nil
	}
	return func() tea.Msg { return eventsMsg(m.world.Scans.Events(m.ctx)) }
}

func (m *Model) readRepositories() tea.Cmd {
	m.reading = true
	return func() tea.Msg {
		repos, err := m.world.Fleet.Repositories(m.ctx)
		return repositoriesMsg{repos, err}
	}
}

func (m *Model) tookRepositories(msg repositoriesMsg) tea.Cmd {
	m.reading = false
	p := m.pages[pageFleet]
	first := p.waiting != ""
	p.waiting, p.failed = "", msg.err
	if msg.err != nil {
		m.fail(msg.err)
		return nil
	}
	old := m.repos
	m.findings.stale = m.findings.stale || m.findings.index != nil && !sameRuns(old, msg.repos)
	renew(p.list, func(id int) string { return old[id].Target }, func() rows {
		m.repos, old = msg.repos, msg.repos
		return m.fleetRows()
	})
	if first {
		m.startAt(m.options.Start)
	}
	next := m.attestQuietly()
	// Not while somebody has marked some, or reads one.
	if l := m.pages[pageFindings].list; m.page == pageFindings && m.findings.stale && l.marked.count == 0 && m.top() == nil {
		next = tea.Batch(next, m.readFindings())
	}
	return next
}

// sameRuns says whether the newest runs are the same ones.
func sameRuns(a, b []Repository) bool {
	return slices.EqualFunc(a, b, func(x, y Repository) bool { return x.Target == y.Target && x.Run == y.Run })
}

// Bounds of what is verified without being asked: how many at once, and how old
// an answer may be.
const (
	attestedAtOnce = 100
	attestedAge    = time.Hour
)

// attestQuietly verifies the evidence of commits about which nothing is known,
// or was a while ago; each once.
func (m *Model) attestQuietly() tea.Cmd {
	var targets []string
	for _, r := range m.repos {
		key := r.Target + "\x00" + r.Commit
		if r.Run == "" || m.attested[key] || r.Attested.Commit == r.Commit && m.now.Sub(r.Attested.At) < attestedAge {
			continue
		}
		if len(targets) == attestedAtOnce {
			break
		}
		m.attested[key] = true
		targets = append(targets, r.Target)
	}
	if len(targets) == 0 {
		return nil
	}
	return func() tea.Msg {
		// Why it is not verified stands in the answers that are kept.
		_ = m.world.Fleet.Attest(m.ctx, targets)
		repos, err := m.world.Fleet.Repositories(m.ctx)
		return repositoriesMsg{repos, err}
	}
}

// startAt puts the cursor on a target.
func (m *Model) startAt(target string) {
	r := m.pages[pageFleet].list.rows
	for i := range r.Len() {
		if m.repos[r.ID(i)].Target == target && target != "" {
			m.pages[pageFleet].list.to(i)
		}
	}
}

// key answers a key: a form and a prompt take them all.
func (m *Model) key(msg tea.KeyMsg) tea.Cmd {
	m.notice = notice{}
	switch {
	case msg.String() == "ctrl+c":
		return m.quit()
	case m.form != nil:
		return m.form.key(m, msg)
	case m.prompt != nil:
		return m.prompt.key(m, msg)
	}
	if msg.Type == tea.KeyRunes && len(msg.Runes) > 1 {
		return m.each(msg)
	}
	name := msg.String()
	for i := range m.commands {
		if c := &m.commands[i]; c.has(name) && c.fits(m) {
			return c.run(m, "")
		}
	}
	return nil
}

// each answers keys that came in one piece, as they do from who types fast, one
// after the other. Pasted text is no keys.
func (m *Model) each(msg tea.KeyMsg) tea.Cmd {
	if msg.Paste {
		m.say(toneWarn, "that was pasted: / filters, : takes commands")
		return nil
	}
	var all []tea.Cmd
	for _, r := range msg.Runes {
		all = append(all, m.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}}))
	}
	return tea.Batch(all...)
}

// click answers the mouse: a row, a page's name, the wheel.
func (m *Model) click(msg tea.MouseMsg) tea.Cmd {
	if m.form != nil || m.prompt != nil {
		return nil
	}
	switch {
	case msg.Button == tea.MouseButtonWheelUp:
		m.scroll(-3)
	case msg.Button == tea.MouseButtonWheelDown:
		m.scroll(3)
	case msg.Button != tea.MouseButtonLeft || msg.Action != tea.MouseActionPress:
		return nil
	case msg.Y == 0:
		if p, ok := m.tabAt(msg.X); ok {
			return m.goTo(p)
		}
	default:
		l := m.list()
		i := msg.Y - bodyTop - 1 // below the columns' titles
		if l == nil || i < 0 || i >= l.height || l.top+i >= l.rows.Len() {
			return nil
		}
		if l.cursor == l.top+i {
			return m.open()
		}
		l.to(l.top + i)
	}
	return nil
}

// scroll moves what is shown.
func (m *Model) scroll(by int) {
	if l := m.list(); l != nil {
		l.move(by)
		return
	}
	m.top().pane.move(by)
}

// goTo shows a page, and asks for what it shows where that was never asked.
func (m *Model) goTo(p pageID) tea.Cmd {
	m.page = p
	switch p {
	case pageFindings:
		if m.findings.stale || m.findings.index == nil && m.findings.stop == nil {
			return m.readFindings()
		}
	case pageEvidence:
		return m.readSubjects()
	case pageWaivers:
		return m.readWaivers()
	}
	return nil
}

func (m *Model) quit() tea.Cmd {
	m.ended = true
	return tea.Quit
}
