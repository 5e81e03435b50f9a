package report

import (
	"fmt"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// htmlChart is a drawing of rows, each a bar of parts; Words say the same for
// those who do not see it.
type htmlChart struct {
	ID, Title, Words string
	Rows             []htmlBar
	Height           int
}

type htmlBar struct {
	Name    string
	N       int
	Y, Text int // of the bar, and of the baseline of its text
	// End is where the last part ends, and the number begins.
	End   int
	Parts []htmlPart
}

type htmlPart struct {
	Class    string
	X, Width int
}

// Sizes of a chart, in its own units: it is scaled to the room there is.
const (
	chartLeft = 96 // where bars begin
	chartWide = 180
	chartRow  = 24
	chartBars = 12 // rows of checks; the rest is one row
)

// htmlCharts draw what counts by severity and check, and all that is open by
// age: in days, and new or not.
func htmlCharts(id string, r checks.Run, p parts, a ages) []htmlChart {
	severity := htmlChart{ID: id + "-severity", Title: "By severity"}
	n := count(p.counting)
	for _, s := range ranked() {
		severity.add(s.String(), map[string]int{s.String(): n[s]})
	}
	byCheck, order := map[string]map[string]int{}, []string{}
	for _, f := range p.counting {
		name := f.Check
		if _, ok := byCheck[name]; !ok && len(order) >= chartBars {
			name = "others"
		}
		if byCheck[name] == nil {
			byCheck[name] = map[string]int{}
			order = append(order, name)
		}
		byCheck[name][f.Rule.Severity.String()]++
	}
	check := htmlChart{ID: id + "-check", Title: "By check"}
	for _, name := range order {
		check.add(line(name, 40), byCheck[name])
	}
	out := []htmlChart{severity, check, htmlDays(id, p, a)}
	if r.Baseline != nil {
		out = append(out, htmlBaseline(id, p))
	}
	for i := range out {
		out[i].scale()
	}
	return out
}

// htmlDays is a chart of one row where no age is known.
func htmlDays(id string, p parts, a ages) htmlChart {
	c := htmlChart{ID: id + "-age", Title: "By age"}
	n, unknown := make([]map[string]int, len(ageBuckets())), map[string]int{}
	for i := range n {
		n[i] = map[string]int{}
	}
	for _, fs := range [][]checks.Finding{p.counting, p.before} {
		for _, f := range fs {
			by := unknown
			if i := a.bucket(f); i >= 0 {
				by = n[i]
			}
			by[f.Rule.Severity.String()]++
		}
	}
	if a.known() {
		for i, b := range ageBuckets() {
			c.add(b.name, n[i])
		}
	}
	if !a.known() || len(unknown) > 0 {
		c.add("not known", unknown)
	}
	return c
}

// htmlBaseline draws what the baseline has and has not.
func htmlBaseline(id string, p parts) htmlChart {
	c := htmlChart{ID: id + "-baseline", Title: "Against the baseline"}
	n := map[string]map[string]int{"new": {}, "known": {}, "unknown": {}}
	for _, fs := range [][]checks.Finding{p.counting, p.before} {
		for _, f := range fs {
			n[age(f)][f.Rule.Severity.String()]++
		}
	}
	c.add("new", n["new"])
	c.add("there before", n["known"])
	c.add("not known", n["unknown"])
	return c
}

// add adds a row of numbers by severity, worst first.
func (c *htmlChart) add(name string, by map[string]int) {
	b := htmlBar{Name: name}
	for _, s := range ranked() {
		if n := by[s.String()]; n > 0 {
			b.Parts = append(b.Parts, htmlPart{Class: s.String(), Width: n})
			b.N += n
		}
	}
	if c.Words != "" {
		c.Words += ", "
	}
	c.Words += fmt.Sprintf("%s %d", name, b.N)
	c.Rows = append(c.Rows, b)
}

// scale turns numbers into lengths: the longest row is as long as there is
// room, and what is there at all is seen.
func (c *htmlChart) scale() {
	most := 1
	for _, r := range c.Rows {
		most = max(most, r.N)
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		r.Y, r.Text = i*chartRow+4, i*chartRow+chartRow/2+4
		x := chartLeft
		for j := range r.Parts {
			p := &r.Parts[j]
			p.X, p.Width = x, max(2, p.Width*chartWide/most)
			x += p.Width
		}
		r.End = x + 6
	}
	if c.Words == "" {
		c.Words = "none"
	}
	c.Height = max(1, len(c.Rows)) * chartRow
}
