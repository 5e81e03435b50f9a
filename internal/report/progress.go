package report

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/charmbracelet/x/ansi"

	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Progress shows events while they come. It goes to standard error only.
type Progress interface {
	Event(pipelines.Event)
	// Say shows one line of news between events.
	Say(line string)
	// Close takes away what should not stay.
	Close()
}

// Plain writes one line a step, for logs.
func Plain(w io.Writer, style Style) Progress { return &plain{w: w, style: style} }

type plain struct {
	w     io.Writer
	style Style
}

func (p *plain) Event(e pipelines.Event) {
	switch e.Kind {
	case pipelines.StepStarted:
		fmt.Fprintf(p.w, "%s   %-8s%s\n", prefix(e), e.Check, ahead(e))
	case pipelines.News:
		p.Say(prefix(e) + safetext.Line(e.Text))
	case pipelines.StepEnded:
		fmt.Fprintln(p.w, prefix(e)+StepLine(p.style, *e.Step))
	}
}

// ahead says how much there is to do; of a running application nobody knows
// yet.
func ahead(e pipelines.Event) string {
	if e.Total == 0 {
		return ""
	}
	return fmt.Sprintf(" %d files", e.Total)
}

// prefix names the target where there are several.
func prefix(e pipelines.Event) string {
	if e.Target == "" {
		return ""
	}
	return safetext.Line(e.Target) + ": "
}

func (p *plain) Say(line string) { fmt.Fprintln(p.w, line) }
func (p *plain) Close()          {}

// Silent shows nothing.
func Silent() Progress { return silent{} }

type silent struct{}

func (silent) Event(pipelines.Event) {}
func (silent) Say(string)            {}
func (silent) Close()                {}

// Live redraws a block of lines in place: steps that run with a bar, steps
// that ended with their line. width is the terminal's, in columns.
func Live(w io.Writer, style Style, width int) Progress {
	return &live{w: w, style: style, width: max(20, width), lines: map[string]string{}}
}

type live struct {
	mu    sync.Mutex
	w     io.Writer
	style Style
	width int
	order []string
	lines map[string]string
	drawn int
}

const barWidth = 24

func (l *live) Event(e pipelines.Event) {
	if e.Kind == pipelines.News {
		l.Say(prefix(e) + safetext.Line(e.Text))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	line := ""
	switch e.Kind {
	case pipelines.StepStarted:
		line = fmt.Sprintf("   %-8s %s%s", e.Check, bar(0, 1), ahead(e))
	case pipelines.StepProgress:
		line = fmt.Sprintf("   %-8s %s %d of %d", e.Check, bar(e.Done, e.Total), e.Done, e.Total)
	case pipelines.StepEnded:
		line = StepLine(l.style, *e.Step)
	default:
		return
	}
	key := e.Target + "\x00" + e.Check
	if _, known := l.lines[key]; !known {
		l.order = append(l.order, key)
	}
	l.lines[key] = prefix(e) + line
	l.draw()
}

func bar(done, total int) string {
	n := 0
	if total > 0 {
		n = min(barWidth, done*barWidth/total)
	}
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", barWidth-n) + "]"
}

// draw goes up over what was drawn and writes it anew (ECMA-48: CUU, EL).
func (l *live) draw() {
	var b strings.Builder
	l.up(&b)
	for _, key := range l.order {
		b.WriteString("\x1b[2K" + cut(l.lines[key], l.width) + "\n")
	}
	l.drawn = len(l.order)
	io.WriteString(l.w, b.String()) // a terminal that is gone is noticed elsewhere
}

func (l *live) up(b *strings.Builder) {
	if l.drawn > 0 {
		fmt.Fprintf(b, "\x1b[%dA", l.drawn)
	}
}

func (l *live) Say(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	l.up(&b)
	b.WriteString("\x1b[J" + cut(line, l.width) + "\n")
	io.WriteString(l.w, b.String())
	l.drawn = 0
	l.draw()
}

func (l *live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	l.up(&b)
	b.WriteString("\x1b[J")
	io.WriteString(l.w, b.String())
	l.drawn, l.order = 0, nil
}

// cut keeps a line within the terminal's width, so that going up counts right.
func cut(line string, width int) string { return ansi.Truncate(line, width-1, "~") }
