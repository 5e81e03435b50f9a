package tui

import (
	"fmt"
	"slices"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// live is the fold of all events: what runs, ran or waits since the dashboard
// was opened.
type live struct {
	runs []*liveRun // in the order in which they were queued
}

// liveRun is one target's run.
type liveRun struct {
	target  string
	queued  time.Time
	started time.Time // of its first step
	reading int       // files that were looked at before that
	ended   time.Time
	run     *checks.Run // once it has ended
	steps   []*liveStep
	log     []logLine
}

// liveStep is one check's part.
type liveStep struct {
	check       string
	started     time.Time
	ended       time.Time
	done, total int
	step        *checks.Step // once it has ended
	log         []logLine
}

type logLine struct {
	at   time.Time
	text string
	tone tone
}

// fold takes one event. An event of a run that nobody queued begins one: what
// is seen late is seen all the same.
func (l *live) fold(e pipelines.Event) {
	r := l.running(e.Target)
	if r == nil {
		r = &liveRun{target: e.Target, queued: e.At}
		l.runs = append(l.runs, r)
	}
	if e.Kind == pipelines.StepProgress && r.find(e.Check) == nil {
		r.reading = e.Done // before any step is planned, the files are counted
		return
	}
	if e.Check != "" {
		r.step(e.Check).fold(e)
		if e.Kind == pipelines.StepStarted && r.started.IsZero() {
			r.started = e.At
		}
		return
	}
	switch e.Kind {
	case pipelines.RunQueued:
		r.log = append(r.log, logLine{e.At, "queued", toneDim})
	case pipelines.RunEnded:
		r.ended, r.run = e.At, e.Run
		if r.run != nil {
			g := gateOf(r.run.Verdict)
			r.log = append(r.log, logLine{e.At, "ended: " + g.text, g.tone})
		}
	}
}

// running is the run of a target that has not ended, nil without one.
func (l *live) running(target string) *liveRun {
	if r := l.latest(target); r != nil && r.ended.IsZero() {
		return r
	}
	return nil
}

// latest is the newest run of a target, nil without one.
func (l *live) latest(target string) *liveRun {
	for _, r := range slices.Backward(l.runs) {
		if r.target == target {
			return r
		}
	}
	return nil
}

// active counts the runs that have not ended.
func (l *live) active() (n int) {
	for _, r := range l.runs {
		if r.ended.IsZero() {
			n++
		}
	}
	return n
}

func (r *liveRun) find(check string) *liveStep {
	for _, s := range r.steps {
		if s.check == check {
			return s
		}
	}
	return nil
}

func (r *liveRun) step(check string) *liveStep {
	if s := r.find(check); s != nil {
		return s
	}
	s := &liveStep{check: check}
	r.steps = append(r.steps, s)
	return s
}

// progress is how much of a run is done, in files of all its steps.
func (r *liveRun) progress() (done, total int) {
	for _, s := range r.steps {
		d, t := s.done, s.total
		if s.step != nil {
			t = max(t, 1)
			d = t
		}
		done, total = done+d, total+max(t, 1)
	}
	return done, total
}

// counts says how many steps ended well, did not, and are left.
func (r *liveRun) counts() (well, unwell, left int) {
	for _, s := range r.steps {
		switch {
		case s.step == nil:
			left++
		case s.step.Status.Complete():
			well++
		default:
			unwell++
		}
	}
	return well, unwell, left
}

func (s *liveStep) fold(e pipelines.Event) {
	switch e.Kind {
	case pipelines.StepPlanned:
		s.say(e.At, "planned", toneDim)
	case pipelines.StepStarted:
		s.started, s.total = e.At, e.Total
		s.say(e.At, fmt.Sprintf("started on %s", count(e.Total, "file")), toneText)
	case pipelines.StepProgress:
		before := tenth(s.done, s.total)
		s.done, s.total = e.Done, e.Total
		// The log has a line a tenth, not one a file.
		if now := tenth(s.done, s.total); now > before {
			s.say(e.At, fmt.Sprintf("%d of %s", e.Done, count(e.Total, "file")), toneDim)
		}
	case pipelines.StepEnded:
		s.ended, s.step = e.At, e.Step
		if e.Step != nil {
			s.log = append(s.log, stepLog(e.At, *e.Step)...)
		}
	}
}

func tenth(done, total int) int {
	if total <= 0 {
		return 0
	}
	return done * 10 / total
}

func (s *liveStep) say(at time.Time, text string, to tone) {
	s.log = append(s.log, logLine{at, text, to})
}

// stepLog is what a step says of itself when it has ended.
func stepLog(at time.Time, s checks.Step) []logLine {
	var out []logLine
	say := func(to tone, format string, args ...any) {
		out = append(out, logLine{at, fmt.Sprintf(format, args...), to})
	}
	look := statusLook(s.Status)
	took := ""
	if s.DurationMS > 0 {
		took = " after " + duration(time.Duration(s.DurationMS)*time.Millisecond)
	}
	say(look.tone, "%s%s%s", s.Status, took, whenSet(" (from the cache)", s.Cached))
	if s.Reason != "" {
		say(look.tone, "why: %s", s.Reason)
	}
	if s.Advice != "" {
		say(toneInfo, "what to do: %s", s.Advice)
	}
	if c := s.Coverage; c.Claimed > 0 {
		say(toneText, "read %d of %s, %s", c.Read, count(c.Claimed, "file"), size(c.Bytes))
		for _, why := range sortedKeys(c.Skipped) {
			say(toneDim, "skipped %s: %s", count(c.Skipped[why], "file"), why)
		}
		for _, k := range c.Incomplete {
			say(toneWarn, "not read: %s (%s) %s", k.Path, k.Reason, k.Detail)
		}
		for _, u := range c.Unread {
			say(toneWarn, "cannot be read: %d %s, %s", u.Count, u.What, u.Why)
		}
	}
	for _, d := range s.Data {
		say(toneDim, "data %s as of %s, digest %.16s", d.Name, d.AsOf.UTC().Format(time.RFC3339), d.Digest)
	}
	if s.CPUMS > 0 {
		say(toneDim, "took %s of processor, %s at most", duration(time.Duration(s.CPUMS)*time.Millisecond), size(s.PeakBytes))
	}
	if s.Sandbox != nil {
		say(toneDim, "sandbox: %s", s.Sandbox.Kind)
	}
	if s.Where != "" {
		say(toneDim, "engine: %s", s.Where)
	}
	if s.ReportDigest != "" {
		say(toneDim, "rules %.16s, program %.16s, report %.16s", s.RulesDigest, s.ToolDigest, s.ReportDigest)
	}
	return out
}
