//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/screen"
	"github.com/vitalsign-dev/vitalsign/internal/search"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/internal/store/storetest"
)

var benchHome = flag.String("bench-home", "", "keep the home directory of BenchmarkDashboard there, and use it if it is there already")

// The size of what the dashboard is measured on.
const (
	benchRepos    = 1000
	benchFindings = 1000
)

// boardHome gives a home directory with a store of that size. The runs have
// just ended: the dashboard leaves old ones out.
func boardHome(b *testing.B) string {
	b.Helper()
	home := *benchHome
	if home == "" {
		home = b.TempDir()
	}
	path := boardStore(home)
	if _, err := os.Stat(path); err == nil {
		return home
	}
	s, err := store.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	for repo := range benchRepos {
		run := storetest.Run(repo, 0, benchFindings, nil)
		run.Ended = time.Now().Add(-time.Duration(repo) * time.Minute)
		run.Started = run.Ended.Add(-41 * time.Second)
		if err := s.Save(b.Context(), run); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return home
}

func boardStore(home string) string {
	return filepath.Join(home, ".local", "state", "vitalsign", "runs.db")
}

// BenchmarkDashboard drives the program in a terminal of 120 by 40: what is
// timed is what a user waits for, from the key to the end of the frame that
// has the answer.
func BenchmarkDashboard(b *testing.B) {
	home := boardHome(b)
	for _, theme := range []string{"none", "dark"} {
		b.Run(theme, func(b *testing.B) {
			expected := answers(b, home)
			took := samples{}
			for b.Loop() {
				session(b, home, theme, expected, took)
			}
			took.report(b)
		})
	}
}

// samples are what was measured, by name: times in milliseconds, sizes in MB.
type samples map[string][]float64

func (s samples) report(b *testing.B) {
	for name, all := range s {
		slices.Sort(all)
		at := func(q float64) float64 { return all[int(q*float64(len(all)-1))] }
		b.ReportMetric(at(0.5), name+"-p50")
		if len(all) > 3*b.N {
			b.ReportMetric(at(0.99), name+"-p99")
		} else {
			b.ReportMetric(at(1), name+"-max")
		}
	}
	b.ReportMetric(0, "ns/op") // a session is no unit
}

// boardTypes are filters as people type them.
func boardTypes() []string {
	return []string{"sev:critical", "sev:high+ is:open", "path:services/", "certificate", "CVE-2099-01234", "new pkg:patient",
		"repo:ward-07 sev:high", "-role:vendored", "path:*.tf bucket", "cwe:798", "zzz"}
}

// answers gives how many findings each beginning of a filter finds; what is no
// filter has none.
func answers(b *testing.B, home string) map[string]int {
	b.Helper()
	s, err := store.Open(b.Context(), boardStore(home))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close() // read only
	builder := search.NewBuilder(0)
	if err := s.Rows(b.Context(), nil, func(batch search.Batch) error { builder.AddBatch(batch); return nil }); err != nil {
		b.Fatal(err)
	}
	x := builder.Index()
	out := map[string]int{}
	for _, text := range boardTypes() {
		for i := range len(text) {
			q, err := search.Parse(strings.TrimSpace(text[:i+1]))
			if err != nil {
				continue
			}
			ids, err := x.Select(b.Context(), q, nil)
			if err != nil {
				b.Fatal(err)
			}
			out[text[:i+1]] = len(ids)
		}
	}
	return out
}

// sitting is one session with the dashboard.
type sitting struct {
	b    *testing.B
	ctx  context.Context
	p    *screen.Program
	took samples
}

func session(b *testing.B, home, theme string, expected map[string]int, took samples) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), "--theme", theme)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=", "TERM=xterm-256color", "NO_COLOR=", "LC_ALL=C.UTF-8")
	start := time.Now()
	p, err := screen.Start(cmd, 120, 40)
	if err != nil {
		b.Fatal(err)
	}
	s := &sitting{b, ctx, p, took}
	s.wait(func(now *screen.Screen) bool { return strings.Contains(now.Text(), "1,000 repositories") })
	s.note("start-ms", start)
	s.took["start-cpu-ms"] = append(s.took["start-cpu-ms"], 10*s.ticks())
	s.rss("start-MB", "VmRSS")
	s.fleet()
	s.findings()
	s.filters(expected)
	s.open()
	s.rss("peak-MB", "VmHWM")
	s.p.Settle(500 * time.Millisecond)
	before := s.ticks()
	time.Sleep(idle)
	s.took["idle-cpu%"] = append(s.took["idle-cpu%"], 100*(s.ticks()-before)/(idle.Seconds()*100))
	s.rss("idle-MB", "VmRSS")
	if err := p.Type("q"); err != nil {
		b.Fatal(err)
	}
	if err := p.Close(ctx); err != nil {
		b.Fatal(err)
	}
}

// idle is how long it is left alone.
const idle = 3 * time.Second

// ticks is what the program has used of the processors, in hundredths of a
// second (proc_pid_stat(5), 14 and 15).
func (s *sitting) ticks() float64 {
	s.b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.p.PID()))
	if err != nil {
		s.b.Fatal(err)
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return float64(user + system)
}

func (s *sitting) wait(until func(*screen.Screen) bool) {
	s.b.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	if err := s.p.Wait(ctx, until); err != nil {
		s.b.Fatal(err)
	}
}

func (s *sitting) note(name string, since time.Time) {
	s.took[name] = append(s.took[name], float64(time.Since(since).Microseconds())/1000)
}

func (s *sitting) rss(name, key string) {
	s.took[name] = append(s.took[name], rssOf(s.b, s.p.PID(), key))
}

// key types one and waits for the frame that it changes. Nothing else changes
// frames but the clock, once a minute.
func (s *sitting) key(name, keys string, until func(*screen.Screen) bool) {
	s.b.Helper()
	// People do not type at the pace of the frames.
	s.p.Settle(20*time.Millisecond + time.Duration(len(s.took[name])*7%17)*time.Millisecond)
	start := time.Now()
	if err := s.p.Type(keys); err != nil {
		s.b.Fatal(err)
	}
	s.wait(until)
	if name != "" {
		s.note(name, start)
	}
}

// holdsFindings says whether findings are shown.
func holdsFindings(now *screen.Screen) bool {
	return strings.Contains(now.Lines()[3], "critical") && strings.Contains(now.Lines()[1], " of ")
}

func any1(*screen.Screen) bool { return true }

func shows(text string) func(*screen.Screen) bool {
	return func(now *screen.Screen) bool { return strings.Contains(now.Text(), text) }
}

// fleet moves in the repositories.
func (s *sitting) fleet() {
	for range 40 {
		s.key("move-ms", "j", any1)
	}
	s.key("sort-ms", "O", any1)
	s.key("sort-ms", "O", any1)
}

// findings asks for all findings, and moves while they are read.
func (s *sitting) findings() {
	start := time.Now()
	s.key("page-ms", "3", shows("reading the findings"))
	for read := false; !read; {
		// On another page nothing tells that they are there: look each time.
		s.key("busy-ms", "1", shows("Last run"))
		s.key("busy-ms", "j", any1)
		s.key("busy-ms", "3", func(now *screen.Screen) bool {
			read = holdsFindings(now)
			return shows("/ filter  w waive")(now)
		})
	}
	s.note("findings-ms", start)
	s.p.Settle(200 * time.Millisecond)
	for range 20 {
		s.key("page-ms", "1", shows("Last run"))
		s.key("page-ms", "3", holdsFindings)
		s.key("page-ms", "\t", shows("v verify"))
		s.key("page-ms", "3", holdsFindings)
		s.key("move-ms", "j", any1)
	}
}

// filters types filters letter by letter, each until the frame that has the
// letter and the number of findings that fit.
func (s *sitting) filters(expected map[string]int) {
	for _, text := range boardTypes() {
		s.key("", "/", shows("/_"))
		for i := range len(text) {
			typed := text[:i+1]
			n, ok := expected[typed]
			count := fmt.Sprintf(" %d of ", n)
			until := func(now *screen.Screen) bool {
				lines := now.Lines()
				return strings.HasPrefix(lines[len(lines)-1], "/"+typed) && (!ok || strings.Contains(strings.ReplaceAll(lines[1], ",", ""), count))
			}
			name := "filter-ms"
			if !ok {
				name = "" // half a filter has no answer
			}
			s.key(name, typed[i:], until)
		}
		s.key("", "\x1b", any1)
		s.p.Settle(100 * time.Millisecond)
	}
}

// open opens findings one after the other.
func (s *sitting) open() {
	for range 20 {
		s.key("open-ms", "\r", shows("What to do"))
		s.key("back-ms", "\x1b", func(now *screen.Screen) bool { return !shows("What to do")(now) })
		s.key("move-ms", "j", any1)
	}
}

// rssOf reads a line of a process's status, in MB.
func rssOf(b *testing.B, pid int, key string) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) / 1000
		}
	}
	b.Fatalf("no %s", key)
	return 0
}
