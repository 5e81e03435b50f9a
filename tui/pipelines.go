package tui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

func pipelineColumns() []column {
	return []column{
		{title: "Run and step", min: 18, grow: 2, rank: 0},
		{title: "State", min: 16, rank: 0},
		{title: "Progress", min: 14, rank: 2},
		{title: "Elapsed", min: 10, rank: 1, right: true},
		{title: "Why", min: 10, grow: 4, rank: 3},
	}
}

// pipelineRow is a run, or one of its steps.
type pipelineRow struct {
	run  *liveRun
	step *liveStep // nil for the run itself
	last bool
}

// showPipelines lists the runs, newest first, each with its steps.
func (m *Model) showPipelines() {
	p := m.pages[pagePipelines]
	var all []pipelineRow
	for i := len(m.live.runs) - 1; i >= 0; i-- {
		r := m.live.runs[i]
		all = append(all, pipelineRow{run: r})
		for j, s := range r.steps {
			all = append(all, pipelineRow{run: r, step: s, last: j == len(r.steps)-1})
		}
	}
	old, _ := p.list.rows.(table[pipelineRow])
	renew(p.list, func(id int) pipelineRow { return pipelineRow{run: old.all[id].run, step: old.all[id].step} }, func() rows {
		old = newTable(p, all, m.pipelineCells, nil)
		return old
	})
}

func (m *Model) pipelineCells(r pipelineRow) []cell {
	if r.step != nil {
		return m.stepCells(r)
	}
	g := m.theme.glyphs
	state, why, end := look{"-", "waiting", toneDim}, "", m.now
	done, all := r.run.progress()
	well, unwell, left := r.run.counts()
	switch {
	case r.run.run != nil:
		state, end = gateOf(r.run.run.Verdict), r.run.ended
		why = strings.Join(r.run.run.Verdict.Reasons, "; ")
	case !r.run.ended.IsZero():
		state, end, why = look{"?", "cannot tell", toneWarn}, r.run.ended, "it ended without an answer"
	case !r.run.started.IsZero():
		state = look{"-", "running", toneInfo}
		why = fmt.Sprintf("%d ok, %d not, %d to go", well, unwell, left)
	case r.run.reading > 0:
		state, why = look{"-", "reading files", toneInfo}, count(r.run.reading, "file")
	}
	elapsed := ""
	if !r.run.started.IsZero() {
		elapsed = duration(end.Sub(r.run.started))
	}
	return []cell{{m.nameOf(r.run.target), toneTitle}, state.cell(g), {bar(done, all, 14, g), toneInfo}, {elapsed, toneDim}, {why, toneDim}}
}

func (m *Model) stepCells(r pipelineRow) []cell {
	g := m.theme.glyphs
	s := r.step
	branch := g.branch
	if r.last {
		branch = g.last
	}
	state, why, end := look{"-", "waiting", toneDim}, "", m.now
	switch {
	case s.step != nil:
		state, end, why = statusLook(s.step.Status), s.ended, s.step.Reason
		if s.step.Cached {
			state.text += ", cached"
		}
	case !r.run.ended.IsZero():
		state, end = look{"?", "no answer", toneWarn}, r.run.ended
	case !s.started.IsZero():
		state = look{"-", "running", toneInfo}
	}
	elapsed := ""
	if !s.started.IsZero() {
		elapsed = duration(max(0, end.Sub(s.started)))
	}
	progress := ""
	if s.step == nil && s.total > 0 {
		progress = bar(s.done, s.total, 14, g)
	}
	return []cell{{branch + s.check, toneText}, state.cell(g), {progress, toneInfo}, {elapsed, toneDim}, {why, state.tone}}
}

// bar draws how much is done.
func bar(done, all, width int, g glyphs) string {
	if all <= 0 {
		return ""
	}
	percent := min(100, 100*done/all)
	text := fmt.Sprintf(" %3d%%", percent)
	if g.bar == "" {
		return strings.TrimSpace(text)
	}
	n := max(0, width-len(text))
	full := n * percent / 100
	return strings.Repeat(g.bar, full) + strings.Repeat(g.space, n-full) + text
}

// pipelineCell says in the fleet what runs.
func (m *Model) pipelineCell(target string) cell {
	r := m.live.latest(target)
	switch {
	case r == nil:
		return cell{m.theme.glyphs.dot, toneDim}
	case r.run != nil:
		return gateOf(r.run.Verdict).cell(m.theme.glyphs)
	case !r.ended.IsZero():
		return look{"?", "no answer", toneWarn}.cell(m.theme.glyphs)
	case r.started.IsZero():
		return cell{"waiting", toneDim}
	}
	done, all := r.progress()
	return cell{bar(done, all, 16, m.theme.glyphs), toneInfo}
}

// pipelineAt is what the cursor is on.
func (m *Model) pipelineAt() (*liveRun, *liveStep) {
	t, ok := m.pages[pagePipelines].list.rows.(table[pipelineRow])
	id, on := m.pages[pagePipelines].list.current()
	if !ok || !on {
		return nil, nil
	}
	return t.all[id].run, t.all[id].step
}

// cancel ends what the cursor is on.
func (m *Model) cancel() tea.Cmd {
	r, s := m.pipelineAt()
	switch {
	case r == nil:
		return nil
	case !r.ended.IsZero() || s != nil && s.step != nil:
		m.say(toneWarn, "that has ended already")
		return nil
	case s != nil:
		m.say(toneInfo, "ending "+s.check+" of "+m.nameOf(r.target)+"; a run without it cannot pass")
		return m.end(r.target, s.check)
	}
	m.say(toneInfo, "ending the run of "+m.nameOf(r.target)+"; what had finished is kept")
	return m.end(r.target, "")
}

func (m *Model) cancelAll() tea.Cmd {
	m.say(toneInfo, "ending every run; what had finished is kept")
	return m.end("", "")
}

func (m *Model) end(target, check string) tea.Cmd {
	return func() tea.Msg {
		m.world.Scans.Cancel(target, check)
		return nil
	}
}

// logLines is the log of a step, or of a run with all its steps.
func (m *Model) logLines(r *liveRun, s *liveStep, width int) []line {
	var out []line
	add := func(head string, log []logLine) {
		if head != "" {
			out = append(out, nil, line{{" " + head, toneTitle}})
		}
		for _, l := range log {
			out = append(out, wrap(span{" " + l.at.UTC().Format("15:04:05") + "  ", toneDim}, l.text, l.tone, width)...)
		}
	}
	if s != nil {
		add("", s.log)
		return out
	}
	add("", r.log)
	for _, s := range r.steps {
		add(s.check, s.log)
	}
	if r.run != nil {
		out = append(out, nil)
		for _, why := range r.run.Verdict.Reasons {
			out = append(out, wrap(span{" " + m.theme.glyphs.dot + " ", toneDim}, why, toneText, width)...)
		}
		for _, n := range r.run.Notes {
			out = append(out, wrap(span{" " + m.theme.glyphs.dot + " ", toneDim}, n, toneDim, width)...)
		}
	}
	return out
}
