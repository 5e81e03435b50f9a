package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/search"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// What keys ask of the world.
func TestKeysAsk(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want string // the last thing that was asked
	}{
		{[]string{"s"}, "start [/src/api]"},
		{[]string{" ", " ", "s"}, "start [/src/api /src/h]"},
		{[]string{"S"}, "start [/src/api /src/h /src/lab /src/imaging /src/portal /src/rtl /src/wide]"},
		{[]string{"f"}, "index [/src/api]"},
		{[]string{"3"}, "index []"},
		{[]string{"f", "*"}, "index []"},
		{[]string{"f", "esc"}, "index []"},
		{[]string{"e"}, `subjects "/src/api"`},
		{[]string{"e", "*"}, `subjects ""`},
		{[]string{"v"}, "attest [/src/api]"},
		{[]string{"3", "enter"}, "detail r1 0"},
		{[]string{"3", "j", "j", "enter"}, "detail r1 1"},
		{[]string{"3", "E"}, "edit /src/api services/api/config/upload.toml 2"},
		{[]string{"2", "j", "c"}, `cancel "/src/api" ""`},
		{[]string{"2", "j", "j", "j", "c"}, `cancel "/src/api" "sast"`},
		{[]string{"2", "C"}, `cancel "" ""`},
		{[]string{"2", "j", "j", "s"}, "start [/src/api]"},
		{[]string{"4", "enter"}, "verify evidence/app.intoto.sigstore.json"},
		{[]string{"4", "j", "enter", "v"}, "verify 3fa9c1d0aa"},
		{[]string{"4", "j", "enter", "k", "="}, "raw " + strings.Repeat("cd", 32)},
		{[]string{"5"}, "waivers 7"},
		{[]string{"3", "/", "G201", "enter", "x", "enter"}, `export 1 "G201" findings.md`},
		{[]string{"tab", "tab"}, "index []"},
		{[]string{"shift+tab"}, "waivers 7"},
	} {
		t.Run(strings.Join(c.keys, " "), func(t *testing.T) {
			w := clinic()
			m := dashboard(t, w, 120, 30, "none")
			happen(t, m, w.scanning())
			press(t, m, c.keys...)
			if len(w.asked) == 0 || w.asked[len(w.asked)-1] != c.want {
				t.Errorf("asked %q, want %q last; %s", w.asked, c.want, m.notice.text)
			}
		})
	}
}

// Keys that come in one piece are keys, pasted text is none.
func TestKeysInOnePiece(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	_, cmd := m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("3/G201")})
	settle(t, m, cmd)
	if m.page != pageFindings || m.pages[pageFindings].filter != "G201" {
		t.Errorf("page %d, filter %q", m.page, m.pages[pageFindings].filter)
	}
	m = dashboard(t, w, 120, 30, "none")
	_, cmd = m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("Sq"), Paste: true})
	settle(t, m, cmd)
	if m.ended || slices.ContainsFunc(w.asked, func(a string) bool { return strings.HasPrefix(a, "start") }) {
		t.Errorf("pasted text was taken for keys: %q", w.asked)
	}
}

// What has ended already is not cancelled, and nobody is asked to.
func TestCancelOfWhatEnded(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	happen(t, m, w.scanning())
	press(t, m, "2", "j", "j", "c")
	cancelled := slices.ContainsFunc(w.asked, func(a string) bool { return strings.HasPrefix(a, "cancel") })
	if cancelled || !strings.Contains(m.notice.text, "ended already") {
		t.Errorf("asked %q, said %q", w.asked, m.notice.text)
	}
}

func TestWaiving(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	press(t, m, "3", " ", " ", "w", "enter", "enter")
	if m.form == nil || m.form.at != 2 {
		t.Fatal("no form")
	}
	press(t, m, "enter", "enter", "enter")
	if m.form == nil || !strings.Contains(m.form.problem, "reason is required") {
		t.Fatalf("a waiver without a reason: %+v", m.form)
	}
	m.form.at = 1
	typed(t, m, "legacy device")
	press(t, m, "enter", "enter")
	typed(t, m, "alice.key")
	press(t, m, "enter")
	typed(t, m, "secret words")
	if frame := m.View(); strings.Contains(frame, "secret words") || !strings.Contains(frame, "************") {
		t.Error("the passphrase is shown")
	}
	press(t, m, "enter")
	if want := `waive 2 until 90d because legacy device with "alice.key"`; w.asked[len(w.asked)-1] != want {
		t.Errorf("asked %q", w.asked)
	}
	if m.form != nil || m.notice.text != "waived" {
		t.Errorf("said %q", m.notice.text)
	}
}

// stuck is a world in which nothing ever comes back.
type stuck struct{ told }

func (*stuck) wait(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (s *stuck) Repositories(ctx context.Context) ([]Repository, error) { return nil, s.wait(ctx) }
func (s *stuck) Index(ctx context.Context, _ []string) (*search.Index, error) {
	return nil, s.wait(ctx)
}
func (s *stuck) Start(ctx context.Context, _ []string) error { return s.wait(ctx) }
func (s *stuck) Cancel(string, string)                       { select {} }
func (s *stuck) Attest(ctx context.Context, _ []string) error {
	return s.wait(ctx)
}
func (s *stuck) Detail(ctx context.Context, _ string, _ int) (Detail, error) {
	return Detail{}, s.wait(ctx)
}
func (s *stuck) Export(ctx context.Context, _ *search.Index, _ []uint32, _, _ string) (string, error) {
	return "", s.wait(ctx)
}
func (s *stuck) Subjects(ctx context.Context, _ string) ([]Subject, error) { return nil, s.wait(ctx) }
func (s *stuck) Verify(ctx context.Context, _ Subject) (report.Decision, error) {
	return report.Decision{}, s.wait(ctx)
}
func (s *stuck) Waivers(ctx context.Context, _ []string) ([]Waiver, error) { return nil, s.wait(ctx) }
func (s *stuck) Copy(string) error                                         { select {} }

// Update never waits: every key and message is folded while the world answers
// nothing at all.
func TestUpdateDoesNotWait(t *testing.T) {
	w := clinic()
	ready := dashboard(t, w, 120, 30, "none")
	happen(t, ready, w.scanning())
	press(t, ready, "3", "1")
	s := &stuck{}
	ready.world = World{Fleet: s, Findings: s, Scans: s, Evidence: s, Waivers: s, Desk: s}
	done := make(chan bool)
	go func() {
		defer close(done)
		for page := range pageCount {
			for i := range ready.commands {
				ready.page, ready.prompt, ready.form = page, nil, nil
				if c := &ready.commands[i]; c.fits(ready) {
					c.run(ready, "")
					ready.View()
				}
			}
		}
		for _, msg := range []tea.Msg{tickMsg(noon), eventsMsg(w.scanning()), repositoriesMsg{err: errors.New("no")}, tea.WindowSizeMsg{Width: 80, Height: 24}} {
			ready.Update(msg)
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute): // it is done in milliseconds, or never
		t.Fatal("it waits for the world")
	}
}

// The table of commands is sound: every command is explained, no key does two
// things on a page.
func TestCommandTable(t *testing.T) {
	names := map[string]bool{}
	for _, c := range commands() {
		if c.help == "" || c.run == nil || names[c.name] || strings.ContainsAny(c.name, " _") {
			t.Errorf("command %q", c.name)
		}
		names[c.name] = true
	}
	for page := range pageCount {
		by := map[string]string{}
		for _, c := range commands() {
			if len(c.pages) > 0 && !slices.Contains(c.pages, page) {
				continue
			}
			for _, k := range c.keys {
				if by[k] != "" {
					t.Errorf("on page %d %q is %s and %s", page+1, k, by[k], c.name)
				}
				by[k] = c.name
			}
		}
	}
}

func TestPalette(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	press(t, m, ":")
	typed(t, m, "theme light")
	press(t, m, "enter")
	if m.theme.Name != "light" {
		t.Errorf("theme %s", m.theme.Name)
	}
	for text, want := range map[string]string{"nonsense": "there is no command", "the": "", "s": "may be", "waive": "does not work on this page", "theme pink": "there is no theme"} {
		m.notice = notice{}
		settle(t, m, m.Do(text))
		if !strings.Contains(m.notice.text, want) {
			t.Errorf("%q: %q", text, m.notice.text)
		}
	}
	// The second offer is taken by moving to it.
	press(t, m, ":")
	typed(t, m, "evi")
	press(t, m, "down", "enter")
	if m.page != pageEvidence {
		t.Errorf("page %d", m.page)
	}
}

func TestMouse(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	m.View() // a mouse needs something to point at
	click := func(x, y int) {
		_, cmd := m.Update(tea.MouseMsg{X: x, Y: y, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress})
		settle(t, m, cmd)
	}
	click(5, bodyTop+3)
	if m.pages[pageFleet].list.cursor != 2 {
		t.Errorf("the cursor is on %d", m.pages[pageFleet].list.cursor)
	}
	click(5, bodyTop+3)
	if m.top() == nil {
		t.Error("a second click opens nothing")
	}
	_, at := m.tabs()
	click(at[2]+1, 0)
	if m.page != pageFindings {
		t.Errorf("page %d", m.page)
	}
	before := m.pages[pageFindings].list.cursor
	m.Update(tea.MouseMsg{Button: tea.MouseButtonWheelDown})
	if m.pages[pageFindings].list.cursor <= before {
		t.Error("the wheel does nothing")
	}
}

// What was shown stays when the world fails, and the reason is said.
func TestFailures(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	w.err = errors.New("the store is locked: close the other program")
	press(t, m, "3")
	if frame := m.View(); !strings.Contains(frame, "the store is locked") {
		t.Errorf("it does not say why:\n%s", frame)
	}
	w.err = nil
	press(t, m, "ctrl+r")
	if frame := m.View(); strings.Contains(frame, "the store is locked") || !strings.Contains(frame, "G201") {
		t.Errorf("it did not come back:\n%s", frame)
	}
}

// Absence is never shown as health: an empty verdict, an answer without links,
// a state that nobody knows.
func TestAbsenceIsNoTick(t *testing.T) {
	g := unicodeGlyphs()
	for _, l := range []look{gateOf(checks.Verdict{}), gateOf(checks.Verdict{Complete: true}), gateOf(checks.Verdict{Findings: checks.Pass}), gateOf(checks.Verdict{Findings: checks.Pass, Complete: true, Exit: 3}),
		gateOf(checks.Verdict{Findings: checks.Fail, Complete: true}), statusLook(""), statusLook("well"), attestLook(""), attestLook("fine"), linkLook(""), linkLook("good"), waiverLook("")} {
		if l.glyph(g) == g.good || l.tone == toneGood {
			t.Errorf("%q has a tick", l.text)
		}
	}
	w := clinic()
	w.decision = report.Decision{}
	m := dashboard(t, w, 120, 30, "none")
	press(t, m, "4", "enter")
	if frame := m.View(); strings.Contains(frame, g.good) || !strings.Contains(frame, "cannot tell") {
		t.Errorf("an empty decision:\n%s", frame)
	}
	// A run whose steps never answered.
	happen(t, m, []pipelines.Event{{Kind: pipelines.RunQueued, Target: "/src/api", At: noon}, {Kind: pipelines.StepPlanned, Target: "/src/api", Check: "sast", At: noon},
		{Kind: pipelines.StepStarted, Target: "/src/api", Check: "sast", Total: 3, At: noon}, {Kind: pipelines.RunEnded, Target: "/src/api", At: noon}})
	press(t, m, "2")
	if frame := m.View(); strings.Contains(frame, g.good) || !strings.Contains(frame, "no answer") {
		t.Errorf("a run without an answer:\n%s", frame)
	}
}

// Cursor and marks stay on what they were on when everything is read anew in
// another order.
func TestPlaceIsKept(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	press(t, m, "j", "j", " ")
	if m.repos[m.pages[pageFleet].list.marked.ids(9)[0]].Name != "clinic/lab" {
		t.Fatal("another one is marked")
	}
	here := m.chosenTargets
	m.pages[pageFleet].list.marked.clear()
	before := here()
	m.pages[pageFleet].list.marked.flip(2)
	w.repos = slices.Clone(w.repos)
	slices.Reverse(w.repos)
	press(t, m, "ctrl+r")
	if got := here(); len(got) != 1 || got[0] != "/src/lab" {
		t.Errorf("marked is %q", got)
	}
	m.pages[pageFleet].list.marked.clear()
	if got := here(); got[0] != before[0] {
		t.Errorf("the cursor is on %q, it was on %q", got, before)
	}
	happen(t, m, w.scanning())
	press(t, m, "2", "G")
	_, step := m.pipelineAt()
	happen(t, m, []pipelines.Event{{Kind: pipelines.RunQueued, Target: "/src/lab", At: noon}})
	if _, now := m.pipelineAt(); now != step {
		t.Error("the cursor left its step")
	}
}

// Runs that others keep are seen without a key, and the cursor stays on its
// finding.
func TestOthersRunsAreSeen(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	press(t, m, "3", "j", "j")
	b := search.NewBuilder(0)
	b.Add(search.Row{Repo: "clinic/api", Target: "/src/api", Run: "r9", Severity: checks.Critical, Rule: "new", Path: "x", Fingerprint: strings.Repeat("9", 64)})
	for i := range w.index.Len() {
		b.Add(w.index.Row(uint32(i)))
	}
	w.index = b.Index()
	w.repos = slices.Clone(w.repos)
	w.repos[0].Run = "r9"
	w.asked = nil
	m.tick = lookAgain - 1
	_, cmd := m.Update(tickMsg(noon))
	settle(t, m, cmd().(tea.BatchMsg)[1]) // the clock's is the first
	if !slices.Contains(w.asked, "index []") || m.findings.index.Len() != 7 {
		t.Errorf("asked %q, %d findings", w.asked, m.findings.index.Len())
	}
	if r := m.chosenFindings(1); len(r) != 1 || r[0].Rule != "G201" {
		t.Errorf("the cursor is on %+v", r)
	}
}

// A finding is shown at once, and whole when its run was read; why not, if it
// cannot be.
func TestFindingOpensAtOnce(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	press(t, m, "3", "j", "j")
	_, cmd := m.Update(keyOf("enter"))
	if frame := m.View(); !strings.Contains(frame, "SQL query is built") || !strings.Contains(frame, "reading the run") || strings.Contains(frame, "What to do") {
		t.Errorf("at once:\n%s", frame)
	}
	settle(t, m, cmd)
	if frame := m.View(); !strings.Contains(frame, "What to do") || strings.Contains(frame, "reading the run") {
		t.Errorf("then:\n%s", frame)
	}
	w.err = errors.New("the run is damaged")
	press(t, m, "esc", "enter")
	if frame := m.View(); !strings.Contains(frame, "the run is damaged") {
		t.Errorf("without its run:\n%s", frame)
	}
}

// What nobody has verified is, once and quietly.
func TestAttestedQuietly(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	m.attested = map[string]bool{} // as at the beginning
	w.asked = nil
	press(t, m, "ctrl+r", "ctrl+r")
	var asked []string
	for _, a := range w.asked {
		if strings.HasPrefix(a, "attest") {
			asked = append(asked, a)
		}
	}
	if want := "attest [/src/api /src/portal /src/lab /src/h /src/rtl /src/wide]"; len(asked) != 1 || asked[0] != want {
		t.Errorf("asked %q", asked)
	}
}

// A selection that comes late does not replace a newer one.
func TestLateAnswersAreDropped(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	press(t, m, "3")
	slow := m.setFilter("G104")
	fast := m.setFilter("G201")
	settle(t, m, fast)
	settle(t, m, slow)
	if len(m.findings.ids) != 1 || m.findings.index.Row(m.findings.ids[0]).Rule != "G201" {
		t.Errorf("%d findings are shown", len(m.findings.ids))
	}
	_, cmd := m.Update(indexMsg{number: 0, err: errors.New("late")})
	settle(t, m, cmd)
	if m.pages[pageFindings].failed != nil {
		t.Error("an old reading failed the page")
	}
}

// Group headings are passed over by the cursor, and the rows between them are
// the right ones.
func TestGroups(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 120, 30, "none")
	press(t, m, "3")
	settle(t, m, m.Do("group rule"))
	l := m.pages[pageFindings].list
	if l.rows.Len() != 12 {
		t.Fatalf("%d rows", l.rows.Len())
	}
	press(t, m, "g")
	for range 20 {
		if l.isHeading(l.cursor) {
			t.Errorf("the cursor is on the heading at %d", l.cursor)
		}
		press(t, m, "j")
	}
	for i := range l.rows.Len() {
		if h := l.headingAt(i); h != "" {
			rule := l.rows.Row(i + 1)[2].text
			if !strings.HasPrefix(h, rule+" ") {
				t.Errorf("%q stands above %q", h, rule)
			}
		}
	}
	press(t, m, "a")
	if l.marked.count != 6 {
		t.Errorf("%d are marked", l.marked.count)
	}
}

// Progress never makes a scan wait, and nothing else is lost.
func TestFeed(t *testing.T) {
	var f Feed
	for i := range 10_000 {
		f.Put(pipelines.Event{Kind: pipelines.StepProgress, Target: "t", Check: "sast", Done: i})
		if i%1000 == 0 {
			f.Put(pipelines.Event{Kind: pipelines.StepEnded, Target: "t", Check: fmt.Sprint(i)})
		}
	}
	got := f.Take(t.Context())
	ends := 0
	for _, e := range got {
		if e.Kind == pipelines.StepEnded {
			ends++
		}
	}
	newest := slices.ContainsFunc(got, func(e pipelines.Event) bool { return e.Done == 9_999 })
	if ends != 10 || len(got) > 21 || !newest {
		t.Errorf("%d events, %d ends", len(got), ends)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f.Take(ctx) != nil {
		t.Error("there was something more")
	}
}
