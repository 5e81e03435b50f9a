package tui

import (
	"errors"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// form asks for several things before something is done.
type form struct {
	title  string
	about  []line
	fields []field
	at     int
	done   func(m *Model, values []string) tea.Cmd
	// wrong says what is wrong with the values, nil when nothing is.
	wrong   func(values []string) error
	problem string
}

type field struct {
	label, help string
	input       textinput.Model
	hidden      bool
}

func newField(label, value, help string, hidden bool) field {
	in := textinput.New()
	in.Prompt, in.CharLimit = "", maxTyped
	in.SetValue(value)
	in.CursorEnd()
	in.Focus()
	return field{label: label, help: help, input: in, hidden: hidden}
}

func (f *form) values() []string {
	var out []string
	for _, x := range f.fields {
		out = append(out, x.input.Value())
	}
	return out
}

func (f *form) key(m *Model, msg tea.KeyMsg) tea.Cmd {
	f.problem = ""
	switch msg.String() {
	case "esc":
		m.form = nil
	case "tab", "down":
		f.at = (f.at + 1) % len(f.fields)
	case "shift+tab", "up":
		f.at = (f.at + len(f.fields) - 1) % len(f.fields)
	case "enter":
		if f.at < len(f.fields)-1 {
			f.at++
			return nil
		}
		if err := f.wrong(f.values()); err != nil {
			f.problem = err.Error()
			return nil
		}
		m.form = nil
		return f.done(m, f.values())
	default:
		f.fields[f.at].input, _ = f.fields[f.at].input.Update(msg)
	}
	return nil
}

func (f *form) draw(t *Theme, width, height int) []string {
	out := []string{t.draw(line{{" " + f.title, toneTitle}}, width, false)}
	for _, l := range f.about {
		out = append(out, t.draw(l, width, false))
	}
	out = append(out, "")
	for i := range f.fields {
		x := &f.fields[i]
		if i == f.at {
			out = append(out, inputLine(t, t.glyphs.cursor+fit(x.label, 12, t.glyphs), x.input, width, x.hidden))
			continue
		}
		value := x.input.Value()
		if x.hidden {
			value = strings.Repeat("*", len([]rune(value)))
		}
		out = append(out, t.draw(line{{" " + fit(x.label, 12, t.glyphs), toneDim}, {value, toneText}}, width, false))
	}
	out = append(out, "")
	if f.problem != "" {
		out = append(out, t.draw(line{{" " + f.problem, toneBad}}, width, false))
	} else {
		out = append(out, t.draw(line{{" " + f.fields[f.at].help, toneDim}}, width, false))
	}
	// What is asked stays in sight on a small screen: the top goes first.
	if over := len(out) - height; over > 0 {
		out = append(out[:1], out[1+over:]...)
	}
	return out
}

// maxWaived bounds how many findings are accepted in one go: each is to be
// looked at by somebody.
const maxWaived = 50

// waive asks under which terms the chosen findings are accepted.
func (m *Model) waive() tea.Cmd {
	rows := m.chosenFindings(maxWaived + 1)
	if len(rows) == 0 || len(rows) > maxWaived {
		m.fail(errors.New("between 1 and 50 findings can be accepted at once: mark fewer"))
		return nil
	}
	m.form = &form{
		title: "Accept the risk of " + count(len(rows), "finding"),
		fields: []field{
			newField("Until", "90d", "last day: a number of days (90d) or a date (2027-01-31)", false),
			newField("Reason", "", "why the risk is accepted; required", false),
			newField("Ticket", "", "where it is followed; may be empty", false),
			newField("Key", "", "private key that signs it: a file or a KMS; empty is VITALSIGN_KEY, or not signed where there is no policy", false),
			newField("Passphrase", "", "of the key; it is not shown, and empty is COSIGN_PASSWORD", true),
		},
		wrong: waiveProblem,
		done:  func(m *Model, v []string) tea.Cmd { return m.waiveNow(rows, v) },
	}
	for i, r := range rows {
		if i == 3 && len(rows) > 4 {
			m.form.about = append(m.form.about, line{{"   and " + count(len(rows)-3, "other"), toneDim}})
			break
		}
		m.form.about = append(m.form.about, line{{"   " + r.Severity.String() + " ", severityTone(r.Severity)}, {r.Rule + " ", toneText}, {r.Path, toneDim}})
	}
	return nil
}

func waiveProblem(v []string) error {
	switch {
	case strings.TrimSpace(v[0]) == "":
		return errors.New("until when? a number of days (90d) or a date")
	case strings.TrimSpace(v[1]) == "":
		return errors.New("why? somebody answers for it, so the reason is required")
	}
	if days, ok := strings.CutSuffix(v[0], "d"); ok && strings.Trim(days, "0123456789") == "" && days != "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, v[0]); err != nil {
		return errors.New("until: neither a number of days (90d) nor a date (2027-01-31)")
	}
	return nil
}

func (m *Model) waiveNow(rows []search.Row, v []string) tea.Cmd {
	w := Waive{Findings: rows, Until: v[0], Reason: v[1], Ticket: v[2], Key: v[3], Passphrase: []byte(v[4])}
	m.say(toneInfo, "writing "+count(len(rows), "waiver"))
	return func() tea.Msg {
		said, err := m.world.Waivers.Waive(m.ctx, w)
		return doneMsg{text: said, err: err}
	}
}
