package tui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// openFinding shows a finding: at once what the list knows, and all about it as
// soon as its run was read.
func (m *Model) openFinding(r search.Row) tea.Cmd {
	o := &openedFinding{row: r}
	p := newPane(func(width int) []line { return m.openedLines(o, width) })
	m.push(pageFindings, &screen{title: r.Rule, pane: p, copy: o.markdown})
	return func() tea.Msg {
		d, err := m.world.Findings.Detail(m.ctx, r.Run, r.Ordinal)
		return detailMsg{o, p, d, err}
	}
}

// openedFinding is a finding that is shown.
type openedFinding struct {
	row    search.Row
	detail *Detail // once it was read
	err    error
}

type detailMsg struct {
	opened *openedFinding
	pane   *pane
	detail Detail
	err    error
}

func (msg detailMsg) take() {
	msg.opened.err = msg.err
	if msg.err == nil {
		msg.opened.detail = &msg.detail
	}
	msg.pane.refresh()
}

func (o *openedFinding) markdown() string {
	if o.detail == nil {
		return ""
	}
	return findingMarkdown(o.row.Repo, o.detail.Finding)
}

func (m *Model) openedLines(o *openedFinding, width int) []line {
	if o.detail != nil {
		return m.findingLines(*o.detail, width)
	}
	r := o.row
	out := []line{
		{{" " + r.Severity.String(), severityTone(r.Severity)}, {"  " + r.Title, toneTitle}},
		{{fmt.Sprintf(" %s:%d", r.Path, r.Line), toneText}},
		{{" " + r.Repo, toneDim}}, nil,
	}
	if o.err != nil {
		return append(out, wrap(span{" ", toneText}, o.err.Error(), toneBad, width)...)
	}
	return append(out, line{{" reading the run " + m.theme.glyphs.ellipsis, toneDim}})
}

// findingLines is a finding whole.
func (m *Model) findingLines(d Detail, width int) []line {
	f := d.Finding
	g := m.theme.glyphs
	out := []line{
		{{" " + f.Rule.Severity.String(), severityTone(f.Rule.Severity)}, {"  " + f.Rule.Title, toneTitle}},
		{{" " + f.Location.String(), toneText}, {whenSet("  in "+f.Location.Symbol, f.Location.Symbol != "" && !f.Location.Live()), toneDim}},
		{{" " + m.nameOf(d.Target.Path) + whenSet(" at "+short(d.Target.Commit), d.Target.Commit != "") + ", scanned " + ago(m.now, d.Ended), toneDim}},
	}
	out = append(out, m.stateLines(f, width)...)
	out = append(out, nil)
	if f.Evidence.Message != "" {
		out = append(out, wrap(span{" ", toneText}, f.Evidence.Message, toneText, width)...)
	}
	out = append(out, m.sourceLines(d, width)...)
	out = append(out, m.flowLines(f, width)...)
	out = append(out, exchangeLines(f, width)...)
	out = append(out, nil)
	field := func(name, text string) { out = append(out, named(name, text, 12, width, g)...) }
	field("What to do", f.Rule.Advice)
	field("Fix", f.Fix)
	if p := f.Package; p != nil {
		field("Package", strings.TrimSpace(p.Ecosystem+" "+p.Name+" "+p.Version))
		field("Advisory", strings.Join(append([]string{p.Advisory}, p.Aliases...), ", "))
		field("Fixed in", strings.Join(p.Fixed, ", "))
	}
	field("Rule", f.Rule.ID+" ("+f.Check+")")
	field("Weakness", strings.Join(f.Rule.CWE, ", "))
	field("Controls", strings.Join(f.Controls, ", "))
	field("Confidence", f.Confidence)
	field("File is", f.Role)
	var by []string
	for _, w := range f.SeenBy {
		by = append(by, w.Check+" "+w.Rule)
	}
	field("Seen by", strings.Join(by, ", "))
	for _, r := range f.Rule.References {
		field("See", r)
	}
	field("Routes", strings.Join(f.Routes, ", "))
	field("Identity", f.Fingerprint+whenSet(", bound to a value", f.ValueBound))
	return append(out, m.historyLines(d, width)...)
}

// stateLines say what has been decided about a finding.
func (m *Model) stateLines(f checks.Finding, width int) []line {
	var out []line
	if f.New != nil && *f.New {
		out = append(out, line{{" new since the baseline", toneWarn}})
	}
	if w := f.Waived; w != nil {
		word := "waived"
		if w.Debt {
			word = "accepted as debt"
		}
		out = append(out, wrap(span{" ", toneText}, fmt.Sprintf("%s until %s by %s: %s", word, w.Until, strings.TrimSpace(w.By), w.Reason), toneInfo, width)...)
	}
	if i := f.Ignored; i != nil {
		out = append(out, wrap(span{" ", toneText}, fmt.Sprintf("ignored until %s by %s: %s", i.Until, i.By, i.Reason), toneInfo, width)...)
	}
	return out
}

// flowLines show how a value gets from where it comes in to where it does harm.
func (m *Model) flowLines(f checks.Finding, width int) []line {
	if len(f.Flow) == 0 {
		return nil
	}
	out := []line{nil, {{" The way of the value", toneTitle}}}
	for i, s := range f.Flow {
		branch := m.theme.glyphs.branch
		if i == len(f.Flow)-1 {
			branch = m.theme.glyphs.last
		}
		out = append(out, wrap(span{fmt.Sprintf(" %s%d ", branch, i+1), toneDim}, fmt.Sprintf("%s:%d  %s", s.Location.Path, s.Location.StartLine, s.Message), toneText, width)...)
	}
	return out
}

// exchangeLines are requests and answers that show a finding, and the command
// that shows it again.
func exchangeLines(f checks.Finding, width int) []line {
	var out []line
	for _, e := range f.Exchanges {
		out = append(out, nil, line{{" Asked " + e.Note, toneTitle}})
		for l := range strings.SplitSeq(e.Request, "\n") {
			out = append(out, wrap(span{"   ", toneText}, l, toneText, width)...)
		}
		for l := range strings.SplitSeq(e.Response, "\n") {
			out = append(out, wrap(span{"   ", toneText}, l, toneDim, width)...)
		}
	}
	if f.Replay != "" {
		out = append(out, nil, line{{" To see it again", toneTitle}})
		out = append(out, wrap(span{"   ", toneText}, f.Replay, toneText, width)...)
	}
	return out
}

func (m *Model) historyLines(d Detail, width int) []line {
	if len(d.History) == 0 {
		return nil
	}
	out := []line{nil, {{" History of this repository", toneTitle}}}
	for _, h := range d.History {
		mark, to := m.theme.glyphs.bad+" there", toneText
		if !h.There {
			mark, to = m.theme.glyphs.dot+" not there", toneDim
		}
		out = append(out, line{{fmt.Sprintf("   %-13s", ago(m.now, h.Ended)), toneDim}, {fit(mark, 14, m.theme.glyphs), to}, {short(h.Commit) + "  run " + short(h.Run), toneDim}})
	}
	return out
}

// findingMarkdown is a finding for an issue or a message.
func findingMarkdown(repo string, f checks.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %s\n\n", safetext.Markdown(f.Rule.Severity.String()), safetext.Markdown(f.Rule.Title))
	fmt.Fprintf(&b, "- where: %s, %s\n- rule: %s (%s)", safetext.Markdown(repo), safetext.Markdown(f.Location.String()), safetext.Markdown(f.Rule.ID), safetext.Markdown(f.Check))
	if len(f.Rule.CWE) > 0 {
		fmt.Fprintf(&b, ", %s", safetext.Markdown(strings.Join(f.Rule.CWE, ", ")))
	}
	if f.Evidence.Message != "" {
		fmt.Fprintf(&b, "\n- what: %s", safetext.Markdown(f.Evidence.Message))
	}
	if f.Rule.Advice != "" {
		fmt.Fprintf(&b, "\n- what to do: %s", safetext.Markdown(f.Rule.Advice))
	}
	if f.Fix != "" {
		fmt.Fprintf(&b, "\n- fix: %s", safetext.Markdown(f.Fix))
	}
	fmt.Fprintf(&b, "\n- fingerprint: `%s`\n", f.Fingerprint)
	return b.String()
}
