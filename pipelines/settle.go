package pipelines

import (
	"errors"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// settleWhole answers a step from what was kept of it.
func (c *collector) settleWhole(step checks.Step, w *keptWhole) (checks.Step, bool) {
	for _, r := range w.Rules {
		c.rules[r.ID] = r
	}
	if !c.settleFindings(w.Findings) {
		return step, false
	}
	c.readReal = w.Read
	for reason, n := range w.Skipped {
		c.skipped[reason] += n
	}
	c.unread, c.components, c.routes = w.Unread, w.Components, w.Routes
	c.cached = c.claimed
	step.ReportDigest = w.ReportDigest
	return c.remembered(step, w.Sandbox), true
}

// remembered is a step to which every file was settled.
func (c *collector) remembered(step checks.Step, walls sandbox.Report) checks.Step {
	c.applyRoutes()
	step.Status, step.Cached, step.Sandbox = checks.OK, true, &walls
	step.Coverage = c.coverage()
	if len(c.partial) > 0 { // something that the walk passed over
		step.Status, step.Reason, step.Advice = checks.Partial, c.partialWords(), adviceFor(c.partial)
	}
	return step
}

// settledWhole ends a step of which the parts settle every file. Where files
// hang on each other the check is asked all the same: it knows of what led from
// a file that is gone to one that is there.
func (c *collector) settledWhole(step checks.Step, m *memory) (checks.Step, bool) {
	if m.grain != checks.GrainFile || len(c.settled) < c.claimed || len(c.step.Options) > 0 {
		return step, false
	}
	return c.remembered(step, m.walls), true
}

// settleParts takes over what is known of some files, which the child is then
// not asked about.
func (c *collector) settleParts(parts []keptPart) {
	for _, p := range parts {
		c.settlePart(p)
	}
}

// settlePart takes over what is known of a part's files, and says whether it
// could.
func (c *collector) settlePart(p keptPart) bool {
	if !c.settleFindings(p.Findings) {
		return false
	}
	c.kept = append(c.kept, p)
	c.unread = append(c.unread, p.Unread...)
	for _, f := range p.Files {
		if !c.expect[f] { // else the child has read it, for the sake of others
			c.readReal++
		}
		c.expect[f] = true
		c.settled[f] = true
	}
	c.readReal -= len(p.Skipped)
	c.cached += len(p.Files)
	for _, s := range p.Skipped {
		c.childSkip(s)
	}
	return true
}

// lean notes the parts that the child is asked to confirm.
func (c *collector) lean(parts []keptPart) {
	for _, p := range parts {
		c.leaning[p.Files[0]] = p
		c.leaned = append(c.leaned, p)
	}
}

// hold takes over a part of which the child says that what it leans on shows
// what it did.
func (c *collector) hold(p checks.Part) error {
	if len(p.Files) == 0 {
		return errors.New("it held to an answer about nothing")
	}
	was, ok := c.leaning[p.Files[0]]
	if !ok || p.Face != was.Face || !slices.Equal(p.Files, was.Files) {
		return errors.New("it held to an answer that it was not asked about")
	}
	delete(c.leaning, p.Files[0])
	if !c.settlePart(was) {
		return errors.New("it held to an answer about rules that are not known")
	}
	return nil
}

// settleFindings puts the texts of rules back. A rule that is not known says
// that what was kept is not of this check.
func (c *collector) settleFindings(in []checks.Finding) bool {
	out := slices.Clone(in)
	for i, f := range out {
		r, ok := c.rules[f.Rule.ID]
		if !ok {
			return false
		}
		out[i].Rule = r
	}
	c.findings = append(c.findings, out...)
	return true
}

// parts are the answers about files as they can be kept: those taken over, and
// those that this run has given.
func (c *collector) parts(m *memory) []keptPart {
	if m.grain == checks.GrainWhole {
		return nil
	}
	out := slices.Clone(c.kept)
	for i, p := range out {
		out[i].Stamp = m.stamper().part(p.Part) // what it leans on may have changed
	}
	of := map[string]int{} // index in out, by file
	add := func(p checks.Part) {
		if stamp := m.stamper().part(p); stamp != "" {
			for _, f := range p.Files {
				of[f] = len(out)
			}
			out = append(out, keptPart{Part: p, Stamp: stamp, Own: m.stamper().part(withoutFaces(p))})
		}
	}
	if m.grain == checks.GrainPart {
		for _, p := range c.said {
			add(p)
		}
	} else {
		for _, f := range m.claimed {
			if !c.settled[f.Path] {
				add(checks.Part{Files: []string{f.Path}})
			}
		}
	}
	for _, f := range idsOnly(c.findings) {
		if i, ok := of[f.Location.Path]; ok && f.Location.Commit == "" {
			out[i].Findings = append(out[i].Findings, f)
		}
	}
	for _, s := range c.passed {
		if i, ok := of[s.Path]; ok {
			out[i].Skipped = append(out[i].Skipped, s)
		}
	}
	return out
}

// dynamicRules are those of findings that the description does not have.
func (c *collector) dynamicRules() []checks.Rule {
	static := map[string]bool{}
	for _, r := range c.step.Check.Rules {
		static[r.ID] = true
	}
	var out []checks.Rule
	for _, f := range c.findings {
		if !static[f.Rule.ID] {
			static[f.Rule.ID] = true
			out = append(out, c.rules[f.Rule.ID])
		}
	}
	return out
}

// settledPaths are the files that the child need not answer for, where it is
// shown them all the same.
func (c *collector) settledPaths() []string {
	out := make([]string, 0, len(c.settled))
	for p := range c.settled {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// applyRoutes says of each finding through which operations it is reached.
func (c *collector) applyRoutes() {
	if len(c.routes) == 0 {
		return
	}
	byPath := map[string][]checks.RouteSpan{}
	for _, r := range c.routes {
		byPath[r.Path] = append(byPath[r.Path], r)
	}
	for i, f := range c.findings {
		var routes []string
		for _, r := range byPath[f.Location.Path] {
			if r.First <= f.Location.StartLine && f.Location.StartLine <= r.Last {
				routes = append(routes, r.Routes...)
			}
		}
		if len(routes) > 0 {
			slices.SortFunc(routes, strings.Compare)
			c.findings[i].Routes = slices.Compact(routes)
		}
	}
}

// mergeUnread makes one of those that say the same of several parts.
func mergeUnread(in []checks.Unread) []checks.Unread {
	type words struct{ what, why, command string }
	at := map[words]int{}
	var out []checks.Unread
	for _, u := range in {
		w := words{u.What, u.Why, u.Command}
		i, ok := at[w]
		if !ok {
			at[w] = len(out)
			u.Examples = slices.Clone(u.Examples)
			out = append(out, u)
			continue
		}
		out[i].Count += u.Count
		out[i].Examples = append(out[i].Examples, u.Examples...)
	}
	for i := range out {
		slices.Sort(out[i].Examples)
		out[i].Examples = slices.Compact(out[i].Examples)
		out[i].Examples = out[i].Examples[:min(len(out[i].Examples), maxExamples)]
	}
	return out
}

// maxExamples is how many places an Unread of a step names.
const maxExamples = 5
