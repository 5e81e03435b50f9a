package pipelines

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// The two things that are kept of an answer, by the end of their names.
const (
	wholeName = "-whole"
	partsName = "-parts"
)

// memory is what is known of a step from earlier runs, and takes what this one
// finds out. Its zero value knows nothing and takes nothing.
type memory struct {
	cache Cache
	// names are where an answer may be, this step's own first.
	names   []string
	grain   checks.Grain
	closed  bool
	require bool // the sandbox must have been full
	files   []inventory.File
	claimed []inventory.File
	index   *stamper
	walls   sandbox.Report // behind which parts were seen
}

// newMemory opens what is kept for a step, if that may be used and kept.
func newMemory(plan Plan, p PlannedStep, c *collector) *memory {
	m := &memory{grain: p.Check.Grain, closed: p.Check.Closed, require: plan.RequireSandbox, files: c.given}
	if plan.Cache == nil || p.Check.Live || p.Tool != nil || !plan.Key.Valid() {
		// What runs may answer in another way each time; what an external tool
		// is, is known only once it has run.
		return m
	}
	slots := []string{plan.Slot}
	if plan.Slot != "" {
		slots = append(slots, "") // what the tree beside it shares with it
	}
	for _, slot := range slots {
		name, err := keptName(plan, p, slot)
		if err != nil {
			return m
		}
		m.names = append(m.names, name)
	}
	m.cache = plan.Cache
	for _, f := range c.given {
		if _, claimed := c.expect[f.Path]; claimed {
			m.claimed = append(m.claimed, f)
		}
	}
	return m
}

func (m *memory) stamper() *stamper {
	if m.index == nil {
		m.index = newStamper(m.files)
	}
	return m.index
}

// uses are what a whole answer hangs on besides the claimed files: all that
// the check is shown, unless it says itself what it looked at.
func (m *memory) uses(c *collector, parts []keptPart) []string {
	if m.closed || !c.usesSaid {
		return []string{"**"}
	}
	out := slices.Clone(c.uses)
	for _, p := range parts {
		out = append(append(out, p.Uses...), p.Faces...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// stamp is the digest of the claimed files and of what the patterns mean; ""
// when one of them is no pattern.
func (m *memory) stamp(uses []string) string {
	h := sha256.New()
	writeFiles(h, m.claimed)
	for _, u := range uses {
		if u == "**" {
			writeFiles(h, m.files)
			continue
		}
		sum := m.stamper().stamp(u)
		if sum == "" {
			return ""
		}
		writeEntry(h, u, sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// whole gives the whole answer, if every file is what it was.
func (m *memory) whole() *keptWhole {
	for _, name := range m.names {
		var w keptWhole
		if unpack(m.cache.Get(name+wholeName), &w) != nil || !m.walled(w.Sandbox) {
			continue
		}
		if stamp := m.stamp(w.Uses); stamp != "" && stamp == w.Stamp {
			return &w
		}
	}
	return nil
}

// parts gives the answers about files that are what they were, at most one for
// each file: those that hold, and those that lean on the face of files that are
// not what they were.
func (m *memory) parts() (out, leaning []keptPart) {
	if m.grain == checks.GrainWhole {
		return nil, nil
	}
	claimed := make(map[string]bool, len(m.claimed))
	for _, f := range m.claimed {
		claimed[f.Path] = true
	}
	for _, name := range m.names {
		var all keptParts
		if unpack(m.cache.Get(name+partsName), &all) != nil || !m.walled(all.Sandbox) {
			continue
		}
		for _, p := range all.Parts {
			if slices.ContainsFunc(p.Files, func(f string) bool { return !claimed[f] }) {
				continue
			}
			if stamp := m.stamper().part(p.Part); stamp != "" && stamp == p.Stamp {
				out = append(out, p)
			} else if own := m.stamper().part(withoutFaces(p.Part)); p.Face != "" && own != "" && own == p.Own {
				leaning = append(leaning, p)
			} else {
				continue
			}
			for _, f := range p.Files {
				delete(claimed, f)
			}
		}
		m.walls = all.Sandbox
	}
	return out, leaning
}

func withoutFaces(p checks.Part) checks.Part { return checks.Part{Files: p.Files, Uses: p.Uses} }

func (m *memory) walled(r sandbox.Report) bool { return !m.require || r.Kind == sandbox.KindFull }

// keep takes a complete answer. That it cannot be kept costs time, not truth.
func (m *memory) keep(c *collector, step checks.Step) {
	if m.cache == nil || step.Status != checks.OK || step.Sandbox == nil {
		return
	}
	parts := c.parts(m)
	w := keptWhole{
		Uses: m.uses(c, parts), Read: c.readReal, Skipped: c.childSkipped, Unread: c.unread, Findings: idsOnly(c.findings),
		Rules: c.dynamicRules(), Components: c.components, Routes: c.routes, Sandbox: *step.Sandbox, ReportDigest: step.ReportDigest,
	}
	if w.Stamp = m.stamp(w.Uses); w.Stamp == "" {
		return
	}
	if b, err := pack(w); err == nil {
		_ = m.cache.Put(m.names[0]+wholeName, b)
	}
	if m.grain == checks.GrainWhole {
		return
	}
	if b, err := pack(keptParts{*step.Sandbox, parts}); err == nil {
		_ = m.cache.Put(m.names[0]+partsName, b)
	}
}

// idsOnly leaves a rule's text out: it comes from the description.
func idsOnly(in []checks.Finding) []checks.Finding {
	out := slices.Clone(in)
	for i := range out {
		out[i].Rule = checks.Rule{ID: out[i].Rule.ID}
		out[i].Routes = nil
	}
	return out
}
