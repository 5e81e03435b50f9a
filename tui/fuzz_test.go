package tui

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// Whatever a repository is called and whatever is typed, in whatever size: the
// frame fills the terminal and no more, and sends it nothing but text and
// colours.
func FuzzFrame(f *testing.F) {
	f.Add("clinic/api", "main.go", "3/sev:high\n:group rule\nj w", 80, 24)
	f.Add(hostile, hostile, "3j\nw\t\t"+hostile+"\n?/"+hostile, 40, 12)
	f.Add("病院/患者データ", "תיקייה/קובץ", "5j\n:theme light\n4\n\nv=", 33, 7)
	f.Add("e\u0301\u0302\u200d\U0001f469", "\xff\xfe", "aASC2c\x1b3xout.md\ny", 300, 100)
	f.Fuzz(func(t *testing.T, name, path, keys string, width, height int) {
		width, height = leastWidth+abs(width)%280, leastHeight+abs(height)%100
		w := clinic()
		for i := range w.repos {
			w.repos[i].Name, w.repos[i].Branch = name, path
		}
		b := search.NewBuilder(0)
		b.Add(search.Row{Repo: name, Target: "/src/api", Run: "r1", Path: path, Rule: name, Title: path, Package: name, Severity: checks.High, Fingerprint: strings.Repeat("a", 64)})
		w.index = b.Index()
		w.detail.Finding.Location.Path, w.detail.Finding.Rule.Title, w.detail.Source.Lines = path, name, strings.Split(path+"\n"+name, "\n")
		m := dashboard(t, w, width, height, "dark")
		happen(t, m, w.scanning())
		for i, r := range keys {
			if i > 200 {
				break
			}
			_, cmd := m.Update(keyOfRune(r))
			settleBounded(m, cmd)
			if m.ended {
				return
			}
		}
		lines := strings.Split(m.View(), "\n")
		if len(lines) != height {
			t.Errorf("%d lines of %d", len(lines), height)
		}
		for i, l := range lines {
			if n := ansi.StringWidth(l); n > width {
				t.Errorf("line %d is %d wide of %d: %q", i, n, width, l)
			}
			harmless(t, "frame", l)
		}
		for _, r := range m.Text() {
			if r != '\n' && r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				t.Errorf("%q is read out", r)
			}
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

func keyOfRune(r rune) tea.KeyMsg {
	switch r {
	case '\n':
		return tea.KeyMsg{Type: tea.KeyEnter}
	case '\t':
		return tea.KeyMsg{Type: tea.KeyTab}
	case '\x1b':
		return tea.KeyMsg{Type: tea.KeyEsc}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}}
}

// settleBounded runs what a key asks for; not what goes on for ever.
func settleBounded(m *Model, cmd tea.Cmd) {
	for queue := []tea.Cmd{cmd}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == nil {
			continue
		}
		switch msg := queue[0]().(type) {
		case nil, tea.QuitMsg, tea.SuspendMsg:
		case tea.BatchMsg:
			queue = append(queue, msg...)
		default:
			_, next := m.Update(msg)
			queue = append(queue, next)
		}
	}
}
