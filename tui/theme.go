package tui

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
)

// tone is what a piece of text means; a theme gives it its looks. A tone never
// carries a meaning that the words beside it do not.
type tone int

const (
	toneText tone = iota
	toneDim
	toneTitle
	toneTab
	toneHeader
	toneGood
	toneBad
	toneWarn
	toneInfo
	toneCritical
	toneHigh
	toneMedium
	toneLow
	toneKey
	toneString
	toneComment
	toneNumber
	tones // how many there are
)

// Theme is the looks of every tone. Its zero value is not usable; see NewTheme.
type Theme struct {
	Name   string
	glyphs glyphs
	styles [tones]paint
	cursor [tones]paint // the same on the line of the cursor
}

// paint is what a terminal is sent before and after a text. A frame has
// hundreds of them, so they are made once.
type paint struct{ before, after string }

func paintOf(s lipgloss.Style) paint {
	before, after, _ := strings.Cut(s.Render("@"), "@")
	return paint{before, after}
}

// glyphs are the marks; a terminal without UTF-8 gets letters.
type glyphs struct {
	good, bad, unknown, none, cursor, selected, rule, ellipsis, left string
	trend, spin                                                      []string
	bar, space, branch, last, open, closed, dot                      string
}

func unicodeGlyphs() glyphs {
	return glyphs{
		good: "✓", bad: "✗", unknown: "?", none: "○", cursor: "▸", selected: "●", rule: "─", ellipsis: "…", left: "…",
		trend: strings.Split("▁▂▃▄▅▆▇█", ""), spin: strings.Split("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", ""),
		bar: "█", space: "░", branch: "├─ ", last: "└─ ", open: "▾", closed: "▸", dot: "·",
	}
}

func asciiGlyphs() glyphs {
	return glyphs{
		good: "+", bad: "x", unknown: "?", none: "o", cursor: ">", selected: "*", rule: "-", ellipsis: "~", left: "~",
		trend: strings.Split("_.,-=+*#", ""), spin: strings.Split(`|/-\`, ""),
		bar: "#", space: ".", branch: "|- ", last: "`- ", open: "v", closed: ">", dot: "-",
	}
}

// spokenGlyphs are none: what is read out says it in words.
func spokenGlyphs() glyphs { return glyphs{ellipsis: "...", left: "...", spin: []string{""}} }

// ThemeNames lists the themes, the default first. "none" is what NO_COLOR means.
func ThemeNames() []string { return []string{"dark", "light", "contrast", "none"} }

// colours of a theme by tone: ANSI 256 numbers, which every terminal with
// colour has. The light ones keep a contrast of 4.5:1 and more on white, the
// dark ones on black (WCAG 2.2, 1.4.3); "contrast" keeps 7:1 (1.4.6).
func colours(name string) map[tone]string {
	switch name {
	case "light":
		return map[tone]string{toneText: "16", toneDim: "241", toneTitle: "25", toneTab: "25", toneHeader: "240", toneGood: "22", toneBad: "124", toneWarn: "94",
			toneInfo: "25", toneCritical: "125", toneHigh: "124", toneMedium: "94", toneLow: "25", toneKey: "25", toneString: "22", toneComment: "241", toneNumber: "90"}
	case "contrast":
		return map[tone]string{toneText: "231", toneDim: "252", toneTitle: "231", toneTab: "231", toneHeader: "231", toneGood: "120", toneBad: "217", toneWarn: "228",
			toneInfo: "159", toneCritical: "219", toneHigh: "217", toneMedium: "228", toneLow: "159", toneKey: "159", toneString: "120", toneComment: "252", toneNumber: "219"}
	}
	return map[tone]string{toneText: "252", toneDim: "248", toneTitle: "117", toneTab: "117", toneHeader: "248", toneGood: "114", toneBad: "210", toneWarn: "179",
		toneInfo: "117", toneCritical: "213", toneHigh: "210", toneMedium: "179", toneLow: "117", toneKey: "117", toneString: "114", toneComment: "248", toneNumber: "182"}
}

// background of the cursor's line.
func background(name string) string {
	switch name {
	case "light":
		return "254"
	case "contrast":
		return "18"
	}
	return "236"
}

// NewTheme makes the theme of that name; an unknown one is an error that lists
// those there are. colour says whether the terminal shows any, utf8 whether it
// shows more than ASCII. The terminal is not asked anything.
func NewTheme(name string, colour, utf8 bool) (Theme, error) {
	if !slices.Contains(ThemeNames(), name) {
		return Theme{}, fmt.Errorf("there is no theme %q%s; the themes are %s", name, misspell.Hint(name, ThemeNames()), strings.Join(ThemeNames(), ", "))
	}
	r := lipgloss.NewRenderer(io.Discard)
	r.SetHasDarkBackground(name != "light")
	r.SetColorProfile(termenv.ANSI256)
	if !colour || name == "none" {
		r.SetColorProfile(termenv.Ascii)
	}
	t := Theme{Name: name, glyphs: unicodeGlyphs()}
	if !utf8 {
		t.glyphs = asciiGlyphs()
	}
	for i := range tones {
		s := r.NewStyle().Foreground(lipgloss.Color(colours(name)[i]))
		switch i {
		case toneTitle, toneCritical, toneHeader:
			s = s.Bold(true)
		case toneTab:
			s = s.Bold(true).Underline(true)
		}
		t.styles[i] = paintOf(s)
		t.cursor[i] = paintOf(s.Background(lipgloss.Color(background(name))))
	}
	return t, nil
}

// paint gives s the looks of a tone. s is safe text: it holds no escape.
func (t *Theme) paint(to tone, s string, onCursor bool) string {
	if s == "" {
		return ""
	}
	p := t.styles[to]
	if onCursor {
		p = t.cursor[to]
	}
	return p.before + s + p.after
}

func severityTone(s checks.Severity) tone {
	switch s {
	case checks.Critical:
		return toneCritical
	case checks.High, checks.Unrated:
		return toneHigh // unrated blocks as high does, until a policy says otherwise
	case checks.Medium:
		return toneMedium
	case checks.Low:
		return toneLow
	}
	return toneDim
}
