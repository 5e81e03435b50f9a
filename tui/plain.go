package tui

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// plainRows is how many rows are read out at once.
const plainRows = 10

// Plain runs the dashboard line by line, for screen readers and for terminals
// in which a cursor cannot be moved: nothing is drawn over, no mark stands
// without its word, and every command of the palette is typed by its name. It
// ends at quit, at the end of in, or with ctx.
func Plain(ctx context.Context, m *Model, in io.Reader, out io.Writer, clock func() time.Time) error {
	p := &plain{ctx: ctx, m: m, out: out, msgs: make(chan tea.Msg), clock: clock}
	m.plain, m.theme.glyphs = true, spokenGlyphs()
	m.pages[pageFleet].list.height = plainRows
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	events := make(chan []pipelines.Event)
	go func() {
		for e := m.world.Scans.Events(ctx); e != nil; e = m.world.Scans.Events(ctx) {
			select {
			case events <- e:
			case <-ctx.Done():
			}
		}
	}()
	p.settle(m.Init())
	p.show()
	for !m.ended {
		fmt.Fprint(out, p.label())
		select {
		case l, ok := <-lines:
			if !ok {
				return nil
			}
			p.take(l)
		case e := <-events:
			p.events(e)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

type plain struct {
	ctx     context.Context
	m       *Model
	out     io.Writer
	msgs    chan tea.Msg
	pending int
	clock   func() time.Time
}

// label asks for what is wanted next.
func (p *plain) label() string {
	switch {
	case p.m.form != nil:
		f := p.m.form.fields[p.m.form.at]
		value := ""
		if v := f.input.Value(); v != "" && !f.hidden {
			value = " [" + safe(v) + "]"
		}
		return f.label + " (" + f.help + ")" + value + ": "
	case p.m.prompt != nil:
		return p.m.prompt.label + " "
	}
	return "> "
}

// take answers a line.
func (p *plain) take(l string) {
	m := p.m
	m.notice, m.now = notice{}, p.clock()
	switch {
	case m.form != nil:
		if l != "" {
			m.form.fields[m.form.at].input.SetValue(l)
		}
		p.settle(m.form.key(m, tea.KeyMsg{Type: tea.KeyEnter}))
		if m.form != nil {
			if m.form.problem != "" {
				fmt.Fprintln(p.out, "Wrong: "+safe(m.form.problem))
			}
			return
		}
	case m.prompt != nil:
		m.prompt.input.SetValue(l)
		p.settle(m.prompt.key(m, tea.KeyMsg{Type: tea.KeyEnter}))
	case strings.TrimSpace(l) == "":
	default:
		p.settle(m.Do(l))
	}
	if !m.ended && m.form == nil {
		p.show()
	}
}

func (p *plain) events(all []pipelines.Event) {
	fmt.Fprintln(p.out)
	for _, e := range all {
		name := safe(p.m.nameOf(e.Target))
		switch {
		case e.Kind == pipelines.News:
			fmt.Fprintln(p.out, safe(e.Text))
		case e.Kind == pipelines.StepEnded && e.Step != nil:
			fmt.Fprintf(p.out, "%s: %s: %s. %s\n", name, safe(e.Check), statusLook(e.Step.Status).text, safe(e.Step.Reason))
		case e.Kind == pipelines.RunEnded && e.Run != nil:
			fmt.Fprintf(p.out, "%s: ended: %s. %s\n", name, gateOf(e.Run.Verdict).text, safe(strings.Join(e.Run.Verdict.Reasons, "; ")))
		}
	}
	_, cmd := p.m.Update(eventsMsg(all))
	p.settle(cmd)
}

// settle runs a command and all that follows from it, to the end.
func (p *plain) settle(cmd tea.Cmd) {
	p.run(cmd)
	for p.pending > 0 {
		select {
		case msg := <-p.msgs:
			p.pending--
			if batch, ok := msg.(tea.BatchMsg); ok {
				for _, c := range batch {
					p.run(c)
				}
				continue
			}
			_, next := p.m.Update(msg)
			p.run(next)
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *plain) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	p.pending++
	go func() {
		select {
		case p.msgs <- cmd():
		case <-p.ctx.Done():
		}
	}()
}

// show reads out what is shown.
func (p *plain) show() {
	fmt.Fprint(p.out, p.m.Text())
}

// Text is the page in words: what it is, how much of it there is, and the rows
// from the cursor on, each value after its name.
func (m *Model) Text() string {
	var b strings.Builder
	pg := m.here()
	fmt.Fprintf(&b, "\nPage %d of %d, %s.", m.page+1, pageCount, pg.title)
	if s := m.top(); s != nil {
		fmt.Fprintf(&b, " %s.\n", safe(s.title))
		if s.pane != nil {
			s.pane.fill(max(40, m.width))
			for _, l := range s.pane.lines {
				b.WriteString(strings.TrimRight(safe(l.text()), " ") + "\n")
			}
		} else {
			m.textRows(&b, s.list)
		}
	} else {
		if l := m.scope(); len(l) > 0 {
			fmt.Fprintf(&b, " %s.", strings.TrimSpace(safe(l.text())))
		}
		fmt.Fprintf(&b, " %s.\n", safe(m.shown()))
		if pg.failed != nil {
			b.WriteString(safe(pg.failed.Error()) + "\n")
		}
		m.textRows(&b, pg.list)
	}
	if m.notice.text != "" {
		b.WriteString(safe(m.notice.text) + "\n")
	}
	return b.String()
}

func (m *Model) textRows(b *strings.Builder, l *list) {
	if l.rows.Len() == 0 {
		b.WriteString(l.empty + "\n")
		return
	}
	last := min(l.cursor+plainRows, l.rows.Len())
	for i := l.cursor; i < last; i++ {
		if h := l.headingAt(i); h != "" {
			fmt.Fprintf(b, "Group %s:\n", safe(h))
			continue
		}
		fmt.Fprintf(b, "%d.%s", i+1, whenSet(" Marked.", l.marked.has(l.rows.ID(i))))
		for c, v := range l.rows.Row(i) {
			if text := strings.TrimSpace(safe(v.text)); text != "" && text != m.theme.glyphs.dot {
				fmt.Fprintf(b, " %s: %s.", l.columns[c].title, text)
			}
		}
		b.WriteByte('\n')
	}
	if last < l.rows.Len() {
		fmt.Fprintf(b, "%s more: page-down goes on, open %d opens row %d.\n", number(l.rows.Len()-last), last, last)
	}
}
