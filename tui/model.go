// Package tui is the dashboard: pipelines, findings and attestations across
// repositories, in a terminal.
//
// There is one tea.Model. It is a fold: of events of running scans, of what the
// store and the evidence said when they were asked, and of what the user does.
// Update and View do no input or output and never wait; whatever takes time is
// a command that calls the World and comes back as a message. So every frame is
// a pure function of the model, and tests compare frames without a terminal.
//
// The pages are of one kind: rows with a filter, an order, marks and panes that
// open over them. A further page is a further set of rows. Everything a user
// can do is in one table (commands), which keys, palette, help and the plain
// mode read.
//
// Text in rows is raw and hostile until it is drawn: fit, draw and wrap make it
// safe, and nothing else writes to the screen.
package tui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// pageID numbers the pages as the keys do.
type pageID int

const (
	pageFleet pageID = iota
	pagePipelines
	pageFindings
	pageEvidence
	pageWaivers
	pageCount
)

// page is one of them: a list, and what lies open over it.
type page struct {
	title  string
	list   *list
	filter string
	sort   int // the column that it is ordered by
	down   bool
	over   []*screen
	// waiting says what is being read, "" when nothing is.
	waiting string
	// failed is why there is nothing to see.
	failed error
}

// screen lies over a page: a text, or a list with something to open.
type screen struct {
	title string
	pane  *pane
	list  *list
	open  func(id int) tea.Cmd
	// copy gives the text that is put on the clipboard, raw gives more.
	copy func() string
	raw  func() tea.Cmd
	// again asks anew.
	again func() tea.Cmd
}

// Options are how the dashboard looks and when it began.
type Options struct {
	Theme  Theme
	Colour bool
	UTF8   bool
	Now    time.Time
	// Start is the target of the directory that the dashboard was opened in, ""
	// for none: the cursor begins on it.
	Start string
}

// Model is the dashboard. It is made by New.
type Model struct {
	// ctx ends what the commands have begun; Bubble Tea gives them none.
	ctx      context.Context
	world    World
	options  Options
	theme    Theme
	commands []command
	now      time.Time
	width    int
	height   int
	tick     int

	page     pageID
	pages    [pageCount]*page
	live     live
	repos    []Repository
	reading  bool // of the repositories
	findings findings
	subjects subjects
	waivers  []Waiver
	attested map[string]bool // target and commit of what was verified unasked

	prompt *prompt
	form   *form
	notice notice
	mouse  bool
	ended  bool
	// plain says that nothing is drawn: whoever runs the model brings the time
	// and the events.
	plain bool
}

// notice is the one line of news at the bottom, until the next key.
type notice struct {
	text string
	tone tone
}

// New makes the dashboard. ctx ends everything that it asks of the world.
func New(ctx context.Context, w World, o Options) *Model {
	m := &Model{ctx: ctx, world: w, options: o, theme: o.Theme, now: o.Now, width: 80, height: 24, mouse: true, attested: map[string]bool{}}
	m.commands = commands()
	m.pages = [pageCount]*page{
		pageFleet:     {title: "Fleet", list: newList(fleetColumns(), "No repository yet. vitalsign fleet add OWNER/REPO, an organisation or a path adds some; vitalsign scan keeps a run of this directory."), waiting: "the repositories"},
		pagePipelines: {title: "Pipelines", list: newList(pipelineColumns(), "Nothing runs. Press s on a repository of the fleet to scan it.")},
		pageFindings:  {title: "Findings", list: newList(findingColumns(), "No finding fits."), waiting: "the findings"},
		pageEvidence:  {title: "Evidence", list: newList(subjectColumns(), "There is nothing to ask about: neither runs of a commit nor evidence that names an artifact. vitalsign scan --sign makes some.")},
		pageWaivers:   {title: "Waivers", list: newList(waiverColumns(), "No waiver. Press w on a finding to accept it for a while.")},
	}
	m.pages[pageFleet].sort = fleetGate
	return m
}

// Init asks for what the first page shows, and begins to listen.
func (m *Model) Init() tea.Cmd {
	if m.plain {
		return m.readRepositories()
	}
	return tea.Batch(m.readRepositories(), m.listen(), tickEverySecond())
}

func (m *Model) here() *page { return m.pages[m.page] }

// top is what lies uppermost on the page, nil when that is its list.
func (m *Model) top() *screen {
	p := m.here()
	if len(p.over) == 0 {
		return nil
	}
	return p.over[len(p.over)-1]
}

// list is the list that keys move in, nil where a text is shown.
func (m *Model) list() *list {
	if s := m.top(); s != nil {
		return s.list
	}
	return m.here().list
}

func (m *Model) push(p pageID, s *screen) { m.pages[p].over = append(m.pages[p].over, s) }

// repository gives what is known of a target.
func (m *Model) repository(target string) *Repository {
	for i := range m.repos {
		if m.repos[i].Target == target {
			return &m.repos[i]
		}
	}
	return nil
}

// nameOf is a target's name for people.
func (m *Model) nameOf(target string) string {
	if r := m.repository(target); r != nil {
		return r.Name
	}
	return target
}

func (m *Model) say(to tone, text string) { m.notice = notice{text, to} }

func (m *Model) fail(err error) {
	if err != nil && m.ctx.Err() == nil {
		m.notice = notice{err.Error(), toneBad}
	}
}
