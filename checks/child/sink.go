package child

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Sink takes what a check has to say and writes the records. It is safe for
// concurrent use.
type Sink struct {
	ctx    context.Context
	w      *writer
	tree   *Tree
	key    checks.IdentityKey
	redact Redactor
	check  string
	limit  int
	// componentLimit is the same for components.
	componentLimit int
	// foreign says that rules come from a report that a target may have steered.
	foreign bool
	// never are values that leave this process in no form.
	never []string

	mu        sync.Mutex
	rules     map[string]checks.Rule
	findings  int
	truncated bool
	// components counts those that were written.
	components          int
	truncatedComponents bool
	lines               lineCache
}

// Rule declares a rule that comes from data. The same id with another text is
// an error: nobody could say which one a finding was judged by.
func (s *Sink) Rule(r checks.Rule) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.foreign {
		values := s.redact.Values(s.ctx, "", r.Title+"\n"+r.Advice)
		r.Title, r.Advice = redactAll(r.Title, values), redactAll(r.Advice, values)
	}
	if old, ok := s.rules[r.ID]; ok {
		if !sameRule(old, r) {
			return fmt.Errorf("rule %s is told in two ways", r.ID)
		}
		return nil
	}
	s.rules[r.ID] = r
	return s.w.record(checks.Record{Type: checks.RecordRule, Rule: &r})
}

func sameRule(a, b checks.Rule) bool {
	return a.ID == b.ID && a.Title == b.Title && a.Severity == b.Severity && a.Advice == b.Advice && a.Class == b.Class &&
		slices.Equal(a.CWE, b.CWE) && slices.Equal(a.References, b.References)
}

// Hit reports a finding. Hits beyond the job's limit are counted but not
// written, and make the step partial.
func (s *Sink) Hit(h Hit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ctx.Err(); err != nil {
		return err
	}
	rule, ok := s.rules[h.Rule]
	if !ok {
		return fmt.Errorf("rule %q was never declared", h.Rule)
	}
	if s.tree.isSettled[h.Path] && h.Commit == "" {
		return nil // an earlier answer has it
	}
	if s.findings >= s.limit && !s.tree.Canary(h.Path) {
		s.truncated = true
		return nil
	}
	f := s.finding(rule, h)
	s.findings++
	return s.w.record(checks.Record{Type: checks.RecordFinding, Finding: &f})
}

// componentBatch is how many components are searched for secrets at once: the
// search costs by call and by byte.
const componentBatch = 500

// Components reports all packages that the target names, once, in any order
// and with repetitions. Those beyond the job's limit are not written, and make
// the step partial.
func (s *Sink) Components(all []checks.Component) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clean := slices.Clone(all)
	for batch := range slices.Chunk(clean, componentBatch) {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		s.redactComponents(batch)
	}
	for _, c := range checks.MergeComponents(clean) {
		if s.components >= s.componentLimit && !slices.ContainsFunc(c.Locations, s.tree.Canary) {
			s.truncatedComponents = true
			continue
		}
		s.components++
		if err := s.w.record(checks.Record{Type: checks.RecordComponent, Component: &c}); err != nil {
			return err
		}
	}
	return nil
}

// redactComponents cuts secrets out of what the target wrote: a version may be
// an address with a token in it. A package URL that held one is no use.
func (s *Sink) redactComponents(batch []checks.Component) {
	var text strings.Builder
	for _, c := range batch {
		fmt.Fprintf(&text, "%s\n%s\n%s\n", c.Name, c.Version, c.PURL)
	}
	values := s.redact.Values(s.ctx, "", text.String())
	if len(values) == 0 {
		return
	}
	for i, c := range batch {
		name, version, purl := redactAll(c.Name, values), redactAll(c.Version, values), redactAll(c.PURL, values)
		if name != c.Name || version != c.Version || purl != c.PURL {
			batch[i].Name, batch[i].Version, batch[i].PURL = name, version, ""
		}
	}
}

// Skip records a claimed file that was not read (see Tree.Skip).
func (s *Sink) Skip(p string, reason checks.SkipReason, detail string) {
	s.tree.Skip(p, reason, detail)
}

// Unread names something the check cannot look into at all.
func (s *Sink) Unread(u checks.Unread) error {
	return s.w.record(checks.Record{Type: checks.RecordCoverage, Coverage: &checks.CoverageRecord{Unread: []checks.Unread{u}}})
}

// Part says what the answer about some files hangs on (checks.GrainPart). Parts
// of the canary are nobody's.
func (s *Sink) Part(p checks.Part) error {
	if slices.ContainsFunc(p.Files, s.tree.Canary) {
		return nil
	}
	for _, list := range []*[]string{&p.Uses, &p.Faces} {
		*list = slices.DeleteFunc(slices.Clone(*list), s.tree.Canary)
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return s.w.record(checks.Record{Type: checks.RecordPart, Part: &p})
}

// Routes says through which operations of an application lines are reached.
func (s *Sink) Routes(r checks.RouteSpan) error {
	if s.tree.Canary(r.Path) {
		return nil
	}
	return s.w.record(checks.Record{Type: checks.RecordRoutes, Routes: &r})
}

// Missing names a part of the target that could not be judged for want of data.
func (s *Sink) Missing(m checks.MissingData) error {
	return s.w.record(checks.Record{Type: checks.RecordCoverage, Coverage: &checks.CoverageRecord{Missing: []checks.MissingData{m}}})
}

// Progress reports work that reading files does not show.
func (s *Sink) Progress(done, total int) {
	// Progress is for people; a lost line loses nothing, and a broken pipe
	// shows at the next finding.
	_ = s.w.record(checks.Record{Type: checks.RecordProgress, Progress: &checks.Progress{Done: done, Total: total}})
}

// finding redacts a hit and gives it its identity. The rule goes by id only;
// the parent puts the text back.
func (s *Sink) finding(rule checks.Rule, h Hit) checks.Finding {
	text := h.Text
	if text == "" && h.StartLine > 0 {
		text = s.lines.get(s.tree, h.Path, h.StartLine, max(h.EndLine, h.StartLine))
	}
	values := h.Values
	if !h.AllValues {
		around := text
		if h.Commit == "" && h.StartLine > 0 {
			// A key block may begin above the flagged lines.
			if wide := s.lines.get(s.tree, h.Path, max(1, h.StartLine-contextLines), max(h.EndLine, h.StartLine)+contextLines); wide != "" {
				around = wide
			}
		}
		said := strings.Join([]string{around, h.Message, h.Symbol, h.Fix, flowWords(h.Flow), exchangeWords(h)}, "\n")
		values = slices.Concat(values, s.never, s.redact.Values(s.ctx, h.Path, said))
	}
	anchor := h.Anchor
	if anchor == "" {
		anchor = text
	}
	f := checks.Finding{
		Rule: checks.Rule{ID: rule.ID}, Check: s.check, Location: h.Location, Confidence: h.Confidence,
		Evidence: checks.Evidence{Message: clip(redactAll(h.Message, values), maxMessage)},
		Fix:      redactAll(h.Fix, values), Package: h.Package,
		Fingerprint: checks.Fingerprint(rule.Class, checks.Anchor(s.key, anchor, values)),
		ValueBound:  holdsAny(anchor, values),
	}
	f.Location.Symbol = clip(redactAll(h.Symbol, values), maxMessage)
	for _, step := range h.Flow[:min(len(h.Flow), checks.MaxFlow)] {
		step.Message = clip(redactAll(step.Message, values), maxMessage)
		f.Flow = append(f.Flow, step)
	}
	for _, e := range h.Exchanges[:min(len(h.Exchanges), checks.MaxExchanges)] {
		f.Exchanges = append(f.Exchanges, checks.Exchange{
			Note: clip(redactAll(e.Note, values), maxMessage), Request: clip(redactAll(e.Request, values), maxExchange),
			Response: clip(redactAll(e.Response, values), maxExchange),
		})
	}
	f.Replay, f.Routes = clip(redactAll(h.Replay, values), maxExchange), h.Routes
	if !h.Hidden && text != "" {
		f.Evidence.Excerpt = excerpt(redactAll(text, values), h.StartColumn)
		f.Evidence.ExcerptLine = h.StartLine
	}
	return f
}

func flowWords(flow []checks.FlowStep) string {
	var b strings.Builder
	for _, s := range flow {
		b.WriteString(s.Message + "\n")
	}
	return b.String()
}

func exchangeWords(h Hit) string {
	var b strings.Builder
	b.WriteString(h.Replay)
	for _, e := range h.Exchanges {
		b.WriteString("\n" + e.Note + "\n" + e.Request + "\n" + e.Response)
	}
	return b.String()
}

func holdsAny(text string, values []string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return v != "" && strings.Contains(text, v) })
}

// writer counts and digests what it writes, one record a line.
type writer struct {
	mu   sync.Mutex
	out  lineWriter
	err  error
	open bool
}

var errClosed = errors.New("the output is closed")

func (w *writer) record(r checks.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return w.err
	case !w.open:
		return errClosed
	}
	w.err = w.out.write(r)
	return w.err
}

// close writes the last record; nothing may follow.
func (w *writer) close(last func(digest string) checks.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || !w.open {
		return w.err
	}
	w.open = false
	w.err = w.out.write(last(w.out.digest()))
	if w.err == nil {
		w.err = w.out.flush()
	}
	return w.err
}
