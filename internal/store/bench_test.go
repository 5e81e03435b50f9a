package store_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/search"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/internal/store/storetest"
)

var (
	benchRepos    = flag.Int("repos", 100, "repositories of the benchmarks' store")
	benchFindings = flag.Int("findings", 1000, "findings of each repository")
	benchRuns     = flag.Int("runs", 1, "runs of each repository")
	benchStore    = flag.String("store", "", "keep the benchmarks' store there, and use it if it is there already")
)

// filled opens a store of the size that the flags say.
func filled(b *testing.B) (*store.Store, string) {
	b.Helper()
	path := *benchStore
	if path == "" {
		path = filepath.Join(b.TempDir(), "runs.db")
	}
	_, err := os.Stat(path)
	s, openErr := store.Open(b.Context(), path)
	if openErr != nil {
		b.Fatal(openErr)
	}
	b.Cleanup(func() { s.Close() })
	if os.IsNotExist(err) {
		start := time.Now()
		if err := storetest.Fill(b.Context(), s, storetest.Size{Repos: *benchRepos, Findings: *benchFindings, Runs: *benchRuns}); err != nil {
			b.Fatal(err)
		}
		b.Logf("made in %v", time.Since(start))
	}
	return s, path
}

// load reads the whole store into an index.
func load(b *testing.B, s *store.Store) *search.Index {
	b.Helper()
	board, err := s.Board(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for _, t := range board {
		n += t.Findings
	}
	builder := search.NewBuilder(n)
	err = s.Rows(b.Context(), nil, func(batch search.Batch) error {
		builder.AddBatch(batch)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return builder.Index()
}

// BenchmarkOpenAndBoard is what a first frame waits for.
func BenchmarkOpenAndBoard(b *testing.B) {
	s, path := filled(b)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := store.Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		if board, err := s.Board(b.Context()); err != nil || len(board) == 0 {
			b.Fatal(len(board), err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBoard(b *testing.B) {
	s, _ := filled(b)
	for b.Loop() {
		if _, err := s.Board(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRows(b *testing.B) {
	s, _ := filled(b)
	for b.Loop() {
		if err := s.Rows(b.Context(), nil, func(search.Batch) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad also says what the index costs in memory: of the Go heap, and
// of the process with SQLite in it.
func BenchmarkLoad(b *testing.B) {
	s, path := filled(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var x *search.Index
	for b.Loop() {
		x = nil
		x = load(b, s)
	}
	peak := rss("VmHWM")
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(x.Len()), "heapB/finding")
	b.ReportMetric(peak, "peakMB")
	b.ReportMetric(rss("VmRSS"), "rssMB")
	if info, err := os.Stat(path); err == nil {
		b.ReportMetric(float64(info.Size())/float64(x.Len()), "diskB/finding")
	}
	runtime.KeepAlive(x)
}

// rss reads a line of the process's status, in MB.
func rss(key string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) / 1000
		}
	}
	return 0
}

// typed are queries as people write them.
func typed() []string {
	return []string{"sev:critical", "sev:high+ is:open", "path:services/", "certificate", "CVE-2099-01234", "new pkg:patient", "repo:ward-07 sev:high",
		"-role:vendored -role:test", "check:secrets,deps session", "path:*.tf bucket", "cwe:798", "id:00ab", "zzz", "rule:G1 path:lib"}
}

// BenchmarkKeystroke types the queries letter by letter. After each letter
// there is the answer, counted and in an order that was asked for.
func BenchmarkKeystroke(b *testing.B) {
	s, _ := filled(b)
	x := load(b, s)
	for _, kind := range []string{"select", "select+count+sort", "select+group"} {
		b.Run(kind, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				for _, text := range typed() {
					took = append(took, letters(b, x, text, kind)...)
				}
			}
			slices.Sort(took)
			at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))].Microseconds()) / 1000 }
			b.ReportMetric(at(0.5), "p50ms")
			b.ReportMetric(at(0.99), "p99ms")
			b.ReportMetric(at(1), "maxms")
		})
	}
	b.Logf("%d rows, %.0f MB", x.Len(), rss("VmRSS"))
}

func letters(b *testing.B, x *search.Index, text, kind string) (took []time.Duration) {
	b.Helper()
	ctx := context.Background()
	var before search.Query
	var within []uint32
	for i := range text {
		start := time.Now()
		q, err := search.Parse(text[:i+1])
		if err != nil {
			continue // a severity half written
		}
		if !q.Narrows(before) {
			within = nil
		}
		ids, err := x.Select(ctx, q, within)
		if err != nil {
			b.Fatal(err)
		}
		before, within = q, ids
		switch kind {
		case "select+count+sort":
			x.Count(ids)
			_, err = x.Sort(ctx, ids, search.ByPath, false)
		case "select+group":
			_, _, err = x.Group(ctx, ids, search.ByRule)
		}
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	return took
}
