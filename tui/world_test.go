package tui

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/search"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// noon is when every frame of the tests is drawn.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// hostile is text as a scanned repository may have it: escapes, a bell, another
// title for the window, an order that is turned round, a line break.
const hostile = "a\x1b[31mred\x1b]0;owned\x07\u202egnp.exe\r\n\x9b2J"

// told is a world that says what it was told to, and notes what it was asked.
type told struct {
	mu       sync.Mutex
	repos    []Repository
	index    *search.Index
	detail   Detail
	subjects []Subject
	decision report.Decision
	waivers  []Waiver
	feed     Feed
	asked    []string
	err      error
}

func (w *told) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf(format, args...))
}

func (w *told) world() World {
	return World{Fleet: w, Findings: w, Scans: w, Evidence: w, Waivers: w, Desk: w}
}

func (w *told) Repositories(context.Context) ([]Repository, error) { return w.repos, w.err }
func (w *told) Attest(_ context.Context, t []string) error         { w.note("attest %v", t); return w.err }
func (w *told) Index(_ context.Context, t []string) (*search.Index, error) {
	w.note("index %v", t)
	return w.index, w.err
}
func (w *told) Detail(_ context.Context, run string, n int) (Detail, error) {
	w.note("detail %s %d", run, n)
	return w.detail, w.err
}
func (w *told) Export(_ context.Context, _ *search.Index, ids []uint32, filter, file string) (string, error) {
	w.note("export %d %q %s", len(ids), filter, file)
	return "/work/" + file, w.err
}
func (w *told) Start(_ context.Context, t []string) error { w.note("start %v", t); return w.err }
func (w *told) Cancel(target, check string)               { w.note("cancel %q %q", target, check) }
func (w *told) Events(ctx context.Context) []pipelines.Event {
	return w.feed.Take(ctx)
}
func (w *told) Subjects(_ context.Context, t string) ([]Subject, error) {
	w.note("subjects %q", t)
	return w.subjects, w.err
}
func (w *told) Verify(_ context.Context, s Subject) (report.Decision, error) {
	w.note("verify %s", s.Name)
	return w.decision, w.err
}
func (w *told) Raw(_ context.Context, _ Subject, id string) (string, error) {
	w.note("raw %s", id)
	return "{\n  \"_type\": \"https://in-toto.io/Statement/v1\"\n}", w.err
}
func (w *told) Waivers(_ context.Context, t []string) ([]Waiver, error) {
	w.note("waivers %d", len(t))
	return w.waivers, w.err
}
func (w *told) Waive(_ context.Context, ask Waive) (string, error) {
	w.note("waive %d until %s because %s with %q", len(ask.Findings), ask.Until, ask.Reason, ask.Key)
	return "waived", w.err
}
func (w *told) Copy(text string) error { w.note("copy %s", text); return w.err }
func (w *told) Editor(target, path string, line int) (*exec.Cmd, error) {
	w.note("edit %s %s %d", target, path, line)
	return nil, errors.New("no editor here")
}

// clinic is a small fleet in which everything is there once: a pass, a fail,
// what cannot be told, what never ran, and hostile names.
func clinic() *told {
	verdict := func(exit int, f checks.Outcome, complete bool, why ...string) checks.Verdict {
		return checks.Verdict{Exit: exit, Findings: f, Complete: complete, Reasons: why}
	}
	w := &told{repos: []Repository{
		{Target: "/src/api", Name: "clinic/api", Watched: true, Branch: "main", Commit: "3fa9c1d0aa", Run: "r1", Ended: noon.Add(-2 * time.Hour), NewKnown: true,
			Verdict: verdict(judge.ExitFail, checks.Fail, true, "13 findings at or above high"), Open: [6]int{0, 0, 12, 40, 11, 2}, New: [6]int{0, 0, 0, 0, 3, 0},
			Trend: []int{40, 42, 45, 51, 60, 65}, Attested: Attested{State: AttestVerified, Commit: "3fa9c1d0aa", At: noon.Add(-time.Hour)}, Controls: []string{"164.312(a)(2)(iv)", "164.312(e)(1)"}},
		{Target: "/src/portal", Name: "clinic/portal", Watched: true, Branch: "release", Commit: "77aa10", Run: "r2", Ended: noon.Add(-72 * time.Hour), NewKnown: true,
			Verdict: verdict(judge.ExitPass, checks.Pass, true), Open: [6]int{0, 3, 9, 0, 0, 0}, Trend: []int{30, 20, 12}, Attested: Attested{State: AttestStale, Reason: "freshness: the bill is 9 days old"}},
		{Target: "/src/lab", Name: "clinic/lab", Watched: true, Branch: "main", Commit: "0102030", Dirty: true, Run: "r3", Ended: noon.Add(-30 * time.Minute),
			Verdict: verdict(judge.ExitUnknown, checks.Pass, false, "deps: missing: no advisory data; vitalsign db update"), Unwell: []string{"deps: missing: no advisory data"}, Attested: Attested{State: AttestUnsigned}},
		{Target: "/src/imaging", Name: "clinic/imaging", Watched: true, Attested: Attested{State: AttestUnchecked}},
		{Target: "/src/h", Name: hostile, Branch: hostile, Commit: "ffff", Run: "r5", Ended: noon.Add(-time.Minute), Verdict: verdict(judge.ExitUnknown, checks.Fail, false, hostile), Open: [6]int{1: 1, 5: 1},
			Attested: Attested{State: AttestBroken, Reason: hostile}},
		{Target: "/src/rtl", Name: "מרפאה/מעבדה", Branch: "خادم", Commit: "eeee", Run: "r6", Ended: noon, Verdict: verdict(judge.ExitPass, checks.Pass, true)},
		{Target: "/src/wide", Name: "病院/患者データ", Branch: "主", Commit: "dddd", Run: "r7", Ended: noon, Verdict: verdict(judge.ExitPass, checks.Pass, true)},
	}}
	b := search.NewBuilder(0)
	add := func(repo, target, run string, n int, s checks.Severity, check, rule, title, path string, line int, cwe string) {
		b.Add(search.Row{Repo: repo, Target: target, Run: run, Ordinal: n, Fingerprint: fmt.Sprintf("%064x", n+1), Severity: s, Check: check, Rule: rule, Title: title, Path: path, Line: line, CWE: []string{cwe}, NewKnown: true, New: n == 0, Waived: n == 3})
	}
	add("clinic/api", "/src/api", "r1", 0, checks.Critical, "secrets", "aws-access-token", "AWS access token", "services/api/config/upload.toml", 2, "CWE-798")
	add("clinic/api", "/src/api", "r1", 1, checks.High, "sast", "G201", "SQL query is built from what a user sends", "services/api/internal/store/patients.go", 41, "CWE-89")
	add("clinic/api", "/src/api", "r1", 2, checks.Medium, "iac", "AWS-0088", "S3 bucket is not encrypted", "infra/terraform/main.tf", 12, "CWE-311")
	add("clinic/api", "/src/api", "r1", 3, checks.Low, "sast", "G104", "Error is not looked at", "tools/import.go", 7, "CWE-703")
	add(hostile, "/src/h", "r5", 4, checks.High, "sast", "G304", hostile, hostile, 1, "CWE-22")
	add("מרפאה/מעבדה", "/src/rtl", "r6", 5, checks.Info, "iac", "DS-0002", "תיאור", "תיקייה/קובץ.yaml", 3, "CWE-250")
	w.index = b.Index()
	w.detail = Detail{Target: checks.Target{Path: "/src/api", Commit: "3fa9c1d0aa"}, Run: "r1", Ended: noon.Add(-2 * time.Hour),
		Finding: checks.Finding{Fingerprint: strings.Repeat("3f", 32), Check: "sast", Confidence: "high", Controls: []string{"164.312(c)(1)"},
			Rule:     checks.Rule{ID: "G201", Title: "SQL query is built from what a user sends", Severity: checks.High, CWE: []string{"CWE-89"}, References: []string{"https://cwe.mitre.org/data/definitions/89.html"}, Advice: "Use a placeholder and give the value as an argument."},
			Location: checks.Location{Path: "internal/store/patients.go", StartLine: 41, Symbol: "store.Find"}, Evidence: checks.Evidence{Message: "the query holds the value of the parameter name"},
			SeenBy: []checks.Witness{{Check: "sast", Rule: "G201"}, {Check: "semgrep", Rule: "go.sql-injection"}}, Fix: "db.Query(\"... WHERE name = ?\", name)",
			Flow: []checks.FlowStep{{Location: checks.Location{Path: "api/handler.go", StartLine: 20}, Message: "the value comes in"}, {Location: checks.Location{Path: "internal/store/patients.go", StartLine: 41}, Message: "and is part of the query"}}},
		Source:  Source{From: "commit 3fa9c1d", First: 39, Lines: []string{"// Find looks a patient up.", "func (s *Store) Find(name string) (*sql.Rows, error) {", "\treturn s.db.Query(\"SELECT * FROM patient WHERE name = '\" + name + \"'\")", "}", "const token = \"hidden\""}, Withheld: []int{43}},
		History: []Seen{{Run: "r1", Ended: noon.Add(-2 * time.Hour), Commit: "3fa9c1d0aa", There: true}, {Run: "r0", Ended: noon.Add(-200 * time.Hour), Commit: "11aa22bb", There: false}}}
	w.subjects = []Subject{{Kind: "release", Name: "evidence/app.intoto.sigstore.json", Detail: "2 artifacts", Ask: []string{"sha256:aa", "sha256:bb"}},
		{Target: "/src/api", Kind: "commit", Name: "3fa9c1d0aa", Detail: "scanned 2026-03-01 10:00, exit code 1", Ask: []string{"commit:3fa9c1d0aa"}}, {Kind: "artifact", Name: hostile, Detail: hostile}}
	by := &policy.Speaker{Name: "ci", Person: "ci", Role: "builder"}
	w.decision = report.Decision{Verdict: verdict(judge.ExitNotVerified, checks.Unknown, false, "freshness: the bill is 40 days old, and the policy allows 7"), Answers: []report.Answer{{Result: chain.Result{
		Subject: chain.Subject{Kind: "commit", Name: "3fa9c1d0aa"}, At: noon, Policy: strings.Repeat("ab", 32), Verdict: verdict(judge.ExitNotVerified, checks.Unknown, false, "freshness: the bill is 40 days old, and the policy allows 7"),
		Links: []chain.Link{{Name: chain.LinkPolicy, State: chain.OK, Detail: "policy.yaml, version 3"}, {Name: chain.LinkArtifact, State: chain.Info, Detail: "a commit"},
			{Name: chain.LinkBill, State: chain.OK, Detail: "of run r1", By: by, Statement: strings.Repeat("cd", 32), File: "evidence/r1.sigstore.json", Proven: []attest.Proof{{Time: noon.Add(-960 * time.Hour), By: "timestamp authority"}}},
			{Name: chain.LinkFreshness, State: chain.Broken, Detail: "the bill is 40 days old, and the policy allows 7"}, {Name: chain.LinkGate, State: chain.Unknown, Detail: hostile}},
		Inputs: map[string]string{"policy.yaml": strings.Repeat("ab", 32)}}}}}
	w.waivers = []Waiver{{Target: "/src/api", Repository: "clinic/api", File: ".vitalsign/waivers/3fa.json", Severity: "low", Why: "tool that nobody ships", Ticket: "SEC-12", Created: "2026-01-01",
		Waiver: checks.Waiver{ID: strings.Repeat("9a", 32), Rule: "G104", State: checks.WaiverApplied, Until: "2026-03-20", By: "alice", Covers: 3}},
		{Target: "/src/h", Repository: hostile, Waiver: checks.Waiver{ID: "bb", Rule: hostile, State: checks.WaiverExpired, Reason: hostile, Until: "2026-02-01", By: hostile}}}
	return w
}

// events are those of a scan that is half done.
func (w *told) scanning() []pipelines.Event {
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	return []pipelines.Event{
		{Kind: pipelines.RunQueued, Target: "/src/api", At: at(-40)},
		{Kind: pipelines.StepPlanned, Target: "/src/api", Check: "secrets", At: at(-39)}, {Kind: pipelines.StepPlanned, Target: "/src/api", Check: "sast", At: at(-39)},
		{Kind: pipelines.StepPlanned, Target: "/src/api", Check: "deps", At: at(-39)}, {Kind: pipelines.StepPlanned, Target: "/src/api", Check: "iac", At: at(-39)},
		{Kind: pipelines.StepStarted, Target: "/src/api", Check: "secrets", Total: 1203, At: at(-38)},
		{Kind: pipelines.StepEnded, Target: "/src/api", Check: "secrets", At: at(-30), Step: &checks.Step{Check: "secrets", Status: checks.OK, DurationMS: 8000, Cached: true, Coverage: checks.Coverage{Claimed: 1203, Read: 1203, Bytes: 5 << 20}}},
		{Kind: pipelines.StepStarted, Target: "/src/api", Check: "sast", Total: 400, At: at(-30)}, {Kind: pipelines.StepProgress, Target: "/src/api", Check: "sast", Done: 160, Total: 400, At: at(-2)},
		{Kind: pipelines.StepEnded, Target: "/src/api", Check: "deps", At: at(-29), Step: &checks.Step{Check: "deps", Status: checks.Missing, Reason: "no advisory data: " + hostile, Advice: "vitalsign db update"}},
		{Kind: pipelines.RunQueued, Target: "/src/portal", At: at(-20)},
	}
}

// dashboard is a model over a world, settled, in a size and a theme.
func dashboard(t testing.TB, w *told, width, height int, theme string) *Model {
	t.Helper()
	th, err := NewTheme(theme, theme != "none", true)
	if err != nil {
		t.Fatal(err)
	}
	m := New(context.Background(), w.world(), Options{Theme: th, Colour: theme != "none", UTF8: true, Now: noon})
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	settle(t, m, m.readRepositories())
	return m
}

// settle runs commands until none is left, but those that wait for events.
func settle(t testing.TB, m *Model, cmd tea.Cmd) {
	t.Helper()
	for queue := []tea.Cmd{cmd}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == nil {
			continue
		}
		msg := queue[0]()
		if batch, ok := msg.(tea.BatchMsg); ok {
			queue = append(queue, batch...)
			continue
		}
		if msg == nil {
			continue
		}
		_, next := m.Update(msg)
		queue = append(queue, next)
	}
}

// press types keys, each settled.
func press(t testing.TB, m *Model, keys ...string) {
	t.Helper()
	for _, k := range keys {
		_, cmd := m.Update(keyOf(k))
		settle(t, m, cmd)
	}
}

func typed(t testing.TB, m *Model, text string) {
	t.Helper()
	for _, r := range text {
		_, cmd := m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
		settle(t, m, cmd)
	}
}

func keyOf(name string) tea.KeyMsg {
	special := map[string]tea.KeyType{"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab, "up": tea.KeyUp, "down": tea.KeyDown,
		"pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp, "home": tea.KeyHome, "end": tea.KeyEnd, "left": tea.KeyLeft, "right": tea.KeyRight, "backspace": tea.KeyBackspace, "f1": tea.KeyF1,
		"ctrl+c": tea.KeyCtrlC, "ctrl+d": tea.KeyCtrlD, "ctrl+u": tea.KeyCtrlU, "ctrl+r": tea.KeyCtrlR, "ctrl+n": tea.KeyCtrlN, "ctrl+p": tea.KeyCtrlP, "ctrl+f": tea.KeyCtrlF, "ctrl+b": tea.KeyCtrlB, " ": tea.KeySpace}
	if k, ok := special[name]; ok {
		if k == tea.KeySpace {
			return tea.KeyMsg{Type: k, Runes: []rune{' '}}
		}
		return tea.KeyMsg{Type: k}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

// happen folds events without waiting for more.
func happen(t testing.TB, m *Model, events []pipelines.Event) {
	t.Helper()
	for _, e := range events {
		m.live.fold(e)
	}
	m.refresh()
}
