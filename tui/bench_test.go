package tui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/search"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/internal/store/storetest"
)

// large is a world of 1,000 repositories with 1,000 findings each.
func large() *told {
	w := &told{}
	b := search.NewBuilder(1000 * 1000)
	for n := range 1000 {
		run := storetest.Run(n, 0, 1000, nil)
		name := store.RepoName(run.Target.Remote, run.Target.Path)
		r := Repository{Target: run.Target.Path, Name: name, Branch: run.Target.Branch, Commit: run.Target.Commit, Run: run.ID, Ended: noon.Add(-time.Duration(n) * time.Minute), Verdict: run.Verdict, Trend: []int{n, n / 2}}
		for i, f := range run.Findings {
			r.Open[f.Rule.Severity]++
			row := search.Row{Repo: name, Target: run.Target.Path, Run: run.ID, Ordinal: i, Fingerprint: f.Fingerprint, Severity: f.Rule.Severity, Check: f.Check, Rule: f.Rule.ID, Title: f.Rule.Title,
				Path: f.Location.Path, Line: f.Location.StartLine, CWE: f.Rule.CWE, Role: f.Role, Waived: f.Waived != nil, Ignored: f.Ignored != nil}
			if f.Package != nil {
				row.Package = f.Package.Name
			}
			b.Add(row)
		}
		w.repos = append(w.repos, r)
	}
	w.index = b.Index()
	return w
}

// BenchmarkKey is what a key costs in the model: Update, what it asks of the
// index, and View. The terminal's part is in cmd/vitalsign, BenchmarkDashboard.
func BenchmarkKey(b *testing.B) {
	w := large()
	for _, theme := range []string{"none", "dark"} {
		for _, c := range []struct {
			name  string
			first []string
			keys  []string
		}{
			{"fleet/move", []string{"1"}, []string{"j"}},
			{"fleet/reverse", []string{"1"}, []string{"O"}},
			{"findings/move", []string{"3"}, []string{"j"}},
			{"page", nil, []string{"3", "1", "tab"}},
			{"findings/filter", []string{"3", "/"}, []string{"p", "o", "r", "t", "a", "l", "ctrl+u"}},
			{"findings/group", []string{"3"}, []string{"b"}},
		} {
			b.Run(fmt.Sprintf("%s/%s", theme, c.name), func(b *testing.B) {
				m := dashboard(b, w, 120, 40, theme)
				press(b, m, c.first...)
				var took []time.Duration
				for b.Loop() {
					for _, k := range c.keys {
						start := time.Now()
						press(b, m, k)
						if m.View() == "" {
							b.Fatal("no frame")
						}
						took = append(took, time.Since(start))
					}
				}
				slices.Sort(took)
				ms := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1000 }
				b.ReportMetric(ms(0.5), "p50ms")
				b.ReportMetric(ms(0.99), "p99ms")
			})
		}
	}
}
