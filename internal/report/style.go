package report

import (
	"fmt"
	"io"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Style colours text for a terminal, or leaves it alone. Colour never carries
// a meaning that the words do not.
type Style struct {
	bold, dim, good, bad, warn lipgloss.Style
	severity                   map[checks.Severity]lipgloss.Style
}

// NewStyle makes a style for w. Without colour every method returns its input.
// The terminal is not asked anything: a terminal that never answers must not
// hold up a command.
func NewStyle(w io.Writer, colour bool) Style {
	profile := termenv.Ascii
	if colour {
		profile = termenv.ANSI
	}
	r := lipgloss.NewRenderer(w, termenv.WithProfile(profile), termenv.WithUnsafe())
	r.SetColorProfile(profile)
	r.SetHasDarkBackground(true)
	plain := r.NewStyle()
	fg := func(c string) lipgloss.Style { return plain.Foreground(lipgloss.Color(c)) }
	return Style{
		bold: plain.Bold(colour), dim: plain.Faint(colour), good: fg("2"), bad: fg("1").Bold(colour), warn: fg("3"),
		severity: map[checks.Severity]lipgloss.Style{
			checks.Critical: fg("1").Bold(colour).Reverse(colour), checks.High: fg("1").Bold(colour),
			checks.Medium: fg("3"), checks.Low: fg("6"), checks.Info: plain.Faint(colour), checks.Unrated: fg("5"),
		},
	}
}

// statusMark is a sign and a style for a step's status.
func (s Style) statusMark(st checks.Status) (string, lipgloss.Style) {
	switch st {
	case checks.OK:
		return "ok", s.good
	case checks.Excluded, checks.NotApplicable:
		return "--", s.dim
	case checks.Partial, checks.Stale, checks.Missing:
		return "??", s.warn
	}
	return "!!", s.bad
}

// StatusLine is one line of a list of things that are well or not.
func StatusLine(style Style, st checks.Status, what, text string) string {
	mark, look := style.statusMark(st)
	return fmt.Sprintf("%s %-8s %s", look.Render(mark), what, text)
}
