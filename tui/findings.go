package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// findings is what the findings page lists: an index over findings of many
// repositories, and those of them that fit the filter, in order.
type findings struct {
	targets []string // the repositories; none is all
	index   *search.Index
	stale   bool // a run has ended since it was read
	reading int  // the number of the reading that was asked for last
	// stop ends that reading, nil where there is none.
	stop    context.CancelFunc
	group   int // a place in groupings
	query   search.Query
	by      order
	ids     []uint32
	groups  []search.Group
	counts  search.Counts
	problem string // what is wrong with the filter
	asked   int    // the number of the selection that was asked for last
	cancel  context.CancelFunc
	was     *search.Row // what the cursor was on before everything was read anew
}

type indexMsg struct {
	number int
	index  *search.Index
	err    error
}

// selectedMsg is what fits a filter.
type selectedMsg struct {
	number int
	query  search.Query
	by     order
	ids    []uint32
	groups []search.Group
	counts search.Counts
	err    error
}

// order is how findings are ordered and grouped.
type order struct {
	by    search.By
	down  bool
	group int
}

func findingColumns() []column {
	return []column{
		{title: "Severity", min: 8, rank: 0},
		{title: "Where", min: 18, grow: 4, rank: 0, end: true},
		{title: "Rule", min: 14, grow: 2, rank: 1},
		{title: "Check", min: 8, rank: 4},
		{title: "State", min: 7, rank: 3},
		{title: "What", min: 22, grow: 6, rank: 2},
		{title: "Package", min: 24, grow: 1, rank: 6},
		{title: "Repository", min: 12, grow: 2, rank: 5},
	}
}

// sortFields are what the columns order by.
func sortFields() []search.By {
	return []search.By{search.BySeverity, search.ByPath, search.ByRule, search.ByCheck, search.ByNew, search.ByRule, search.ByPackage, search.ByRepo}
}

// grouping is a way to group findings.
type grouping struct {
	name string
	by   search.By
}

// groupings are those there are, in the order of the key; the first is none.
func groupings() []grouping {
	return []grouping{{"nothing", 0}, {"repository", search.ByRepo}, {"severity", search.BySeverity}, {"rule", search.ByRule},
		{"check", search.ByCheck}, {"path", search.ByPath}, {"package", search.ByPackage}, {"weakness", search.ByCWE}}
}

func (f findings) scopeName(m *Model) string {
	switch len(f.targets) {
	case 0:
		return "all repositories"
	case 1:
		return m.nameOf(f.targets[0])
	}
	return count(len(f.targets), "repository")
}

func (f findings) count() string {
	if f.index == nil {
		return ""
	}
	text := number(len(f.ids)) + " of " + number(f.index.Len())
	for _, s := range []checks.Severity{checks.High, checks.Critical} {
		if n := f.counts[s]; n > 0 {
			text = fmt.Sprintf("%s %s, %s", number(n), s, text)
		}
	}
	return text
}

// findingsOf shows the findings of the chosen repositories.
func (m *Model) findingsOf() tea.Cmd {
	m.findings.targets = m.chosenTargets()
	m.findings.stale = true
	m.pages[pageFindings].over = nil
	return m.goTo(pageFindings)
}

func (m *Model) readFindings() tea.Cmd {
	f := &m.findings
	f.stale = false
	f.reading++
	if f.stop != nil {
		f.stop() // two at a time would take twice the memory
	}
	ctx, stop := context.WithCancel(m.ctx)
	f.stop = stop
	number, targets := f.reading, f.targets
	m.pages[pageFindings].waiting = "the findings"
	return func() tea.Msg {
		defer stop()
		x, err := m.world.Findings.Index(ctx, targets)
		return indexMsg{number, x, err}
	}
}

func (m *Model) tookIndex(msg indexMsg) tea.Cmd {
	if msg.number != m.findings.reading {
		return nil // another one was asked for meanwhile
	}
	m.findings.stop = nil
	p := m.pages[pageFindings]
	p.waiting, p.failed = "", msg.err
	if msg.err != nil {
		m.fail(msg.err)
		return nil
	}
	// Ids mean other findings now: what was under the cursor is looked for.
	if id, ok := p.list.current(); ok && m.findings.index != nil {
		row := m.findings.index.Row(uint32(id))
		m.findings.was = &row
	}
	m.findings.index = msg.index
	m.findings.ids, m.findings.groups = nil, nil
	m.findings.query = search.Query{}
	p.list.marked.clear()
	p.list.rows = noRows{}
	return m.selectFindings()
}

// selectFindings asks which findings fit the filter. The answer to an earlier
// question is not waited for.
func (m *Model) selectFindings() tea.Cmd {
	f := &m.findings
	p := m.pages[pageFindings]
	q, err := search.Parse(p.filter)
	f.problem = ""
	if err != nil {
		f.problem = err.Error() // and what was shown stays
		return nil
	}
	if f.index == nil {
		return nil
	}
	if f.cancel != nil {
		f.cancel()
	}
	ctx, cancel := context.WithCancel(m.ctx)
	f.cancel = cancel
	f.asked++
	s := selection{number: f.asked, index: f.index, query: q, by: order{sortFields()[p.sort], p.down, f.group}}
	if f.ids != nil && s.by == f.by && s.by.group == 0 && q.Narrows(f.query) {
		s.within = f.ids // in order already
	}
	return func() tea.Msg { defer cancel(); return s.run(ctx) }
}

// selection is one question to an index.
type selection struct {
	number int
	index  *search.Index
	query  search.Query
	within []uint32
	by     order
}

func (s selection) run(ctx context.Context) selectedMsg {
	out := selectedMsg{number: s.number, query: s.query, by: s.by}
	if out.ids, out.err = s.index.Select(ctx, s.query, s.within); out.err != nil {
		return out
	}
	out.counts = s.index.Count(out.ids)
	if s.within == nil && (s.by.by != search.BySeverity || s.by.down) {
		if out.ids, out.err = s.index.Sort(ctx, out.ids, s.by.by, s.by.down); out.err != nil {
			return out
		}
	}
	if s.by.group > 0 {
		out.ids, out.groups, out.err = s.index.Group(ctx, out.ids, groupings()[s.by.group].by)
	}
	return out
}

func (m *Model) tookSelected(msg selectedMsg) {
	f := &m.findings
	if msg.number != f.asked {
		return
	}
	if msg.err != nil {
		if !errors.Is(msg.err, context.Canceled) {
			m.fail(msg.err)
		}
		return
	}
	f.query, f.by, f.ids, f.groups, f.counts = msg.query, msg.by, msg.ids, msg.groups, msg.counts
	l, shown := m.pages[pageFindings].list, findingRows{f.index, f.ids, f.groups}
	was := f.was
	if f.was = nil; was == nil {
		l.set(shown)
		return
	}
	// Everything was read anew: the cursor comes back to its finding.
	l.rows = shown
	l.seek(func(i int) bool {
		r := f.index.Row(uint32(shown.ID(i)))
		return r.Target == was.Target && r.Fingerprint == was.Fingerprint && r.Path == was.Path && r.Line == was.Line
	})
	l.clamp()
}

// findingRows are findings in order, below their groups' headings.
type findingRows struct {
	index  *search.Index
	ids    []uint32
	groups []search.Group
}

func (r findingRows) Len() int { return len(r.ids) + len(r.groups) }

// at gives the group whose heading is at i, or the place of a finding in ids.
func (r findingRows) at(i int) (group, id int) {
	if len(r.groups) == 0 {
		return -1, i
	}
	// Group n has its heading at its first finding plus the n headings before.
	g := sort.Search(len(r.groups), func(n int) bool { return r.groups[n].From+n > i }) - 1
	if i == r.groups[g].From+g {
		return g, 0
	}
	return -1, i - g - 1
}

func (r findingRows) Heading(i int) string {
	g, _ := r.at(i)
	if g < 0 {
		return ""
	}
	x := r.groups[g]
	key := x.Key
	if key == "" {
		key = "(none)"
	}
	return fmt.Sprintf("%s  %s, worst %s", key, count(x.Count, "finding"), x.Worst)
}

func (r findingRows) ID(i int) int {
	g, id := r.at(i)
	if g >= 0 {
		return -1
	}
	return int(r.ids[id])
}

func (r findingRows) Row(i int) []cell {
	f := r.index.Row(uint32(r.ID(i)))
	where := f.Path
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", f.Path, f.Line)
	}
	return []cell{{f.Severity.String(), severityTone(f.Severity)}, {where, toneText}, {f.Rule, toneInfo}, {f.Check, toneDim},
		stateCell(f), {f.Title, toneText}, {f.Package, toneDim}, {f.Repo, toneDim}}
}

func stateCell(f search.Row) cell {
	switch {
	case f.Waived:
		return cell{"waived", toneInfo}
	case f.Ignored:
		return cell{"ignored", toneDim}
	case f.NewKnown && f.New:
		return cell{"new", toneWarn}
	}
	return cell{"open", toneDim}
}

// chosenFindings are the marked ones, or the one under the cursor.
func (m *Model) chosenFindings(limit int) []search.Row {
	if m.findings.index == nil {
		return nil
	}
	var out []search.Row
	for _, id := range m.pages[pageFindings].list.chosen(limit) {
		if id >= 0 && id < m.findings.index.Len() {
			out = append(out, m.findings.index.Row(uint32(id)))
		}
	}
	return out
}

// groupBy groups by what is named, or by the next.
func (m *Model) groupBy(arg string) tea.Cmd {
	all := groupings()
	next := (m.findings.group + 1) % len(all)
	if arg != "" {
		next = slices.IndexFunc(all, func(g grouping) bool { return strings.HasPrefix(g.name, strings.ToLower(arg)) })
		if next < 0 {
			m.fail(fmt.Errorf("findings cannot be grouped by %q", arg))
			return nil
		}
	}
	m.findings.group = next
	m.say(toneInfo, "grouped by "+all[next].name)
	return m.selectFindings()
}

// edit opens the place of a finding in the user's editor.
func (m *Model) edit() tea.Cmd {
	rows := m.chosenFindings(1)
	if len(rows) == 0 {
		return nil
	}
	return func() tea.Msg {
		cmd, err := m.world.Desk.Editor(rows[0].Target, rows[0].Path, rows[0].Line)
		if err != nil {
			return doneMsg{err: err}
		}
		return doneMsg{then: tea.ExecProcess(cmd, func(err error) tea.Msg { return doneMsg{err: err} })}
	}
}

// export writes what the filter shows to a file.
func (m *Model) export(file string) tea.Cmd {
	f := m.findings
	if f.index == nil {
		return nil
	}
	if file == "" {
		m.prompt = newPrompt("export to (.md or .json): ", "findings.md")
		m.prompt.done = func(m *Model, text string) tea.Cmd { return m.export(text) }
		return nil
	}
	filter := m.pages[pageFindings].filter
	return func() tea.Msg {
		path, err := m.world.Findings.Export(m.ctx, f.index, f.ids, filter, file)
		return doneMsg{text: "wrote " + count(len(f.ids), "finding") + " to " + path, err: err}
	}
}

// filterWords are the words of a filter, for help and completion.
func filterWords() []offer {
	var out []offer
	for _, k := range search.Keys() {
		out = append(out, offer{k.Example, k.Help})
	}
	return out
}

// filterOffers completes the word that is being typed: a key, or one of its
// values.
func filterOffers(_ *Model, text string) []offer {
	before, word := "", text
	if i := strings.LastIndexByte(text, ' '); i >= 0 {
		before, word = text[:i+1], text[i+1:]
	}
	bare := strings.TrimLeft(word, "-!")
	before += word[:len(word)-len(bare)]
	if bare == "" {
		return nil
	}
	var out []offer
	key, value, valued := strings.Cut(bare, ":")
	for _, k := range search.Keys() {
		switch {
		case !valued && strings.HasPrefix(k.Name, bare):
			out = append(out, offer{before + k.Name + ":", k.Help + ", e.g. " + k.Example})
		case valued && k.Name == key:
			for _, v := range k.Values {
				if strings.HasPrefix(v, value) && v != value {
					out = append(out, offer{before + key + ":" + v, k.Help})
				}
			}
		}
	}
	return out
}
