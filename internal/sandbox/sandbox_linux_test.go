//go:build amd64 || arm64

package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The rule of these tests: a sandbox cannot be taken off, so that each probe
// runs in a process of its own, which is this test program again, and prints
// one word: "ok", the name of an errno, or nothing because it died. A probe
// touches only decoys that the test made, so that it does no harm in the
// control run, which is without a sandbox.

// jobVariable holds a job in JSON. TestMain runs it instead of the tests.
const jobVariable = "VITALSIGN_SANDBOX_TEST_JOB"

// A job is what the child is asked to do.
type job struct {
	Mode  string // "bare", "sandboxed", "report", "again", "time", "wait", "tool", "tool online" or "tool report"
	Probe string // for "bare" and "sandboxed"
	ABI   int    // Landlock version to pretend; -1 for the kernel's own
	Arena arena

	NoSeccomp bool // pretend that the kernel takes no filter
}

func TestMain(m *testing.M) {
	if text := os.Getenv(jobVariable); text != "" {
		var j job
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		j.run()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// limits of the sandboxed children, small enough to run into.
func testLimits() Limits {
	l := Limits{MemoryBytes: 256 << 20, CPUSeconds: 30, FileBytes: 1 << 20, OpenFiles: 64}
	if raceEnabled {
		l.MemoryBytes = 0
	}
	return l
}

// run is the child's main.
func (j job) run() {
	if j.Mode == "wait" {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
		return
	}
	var old []chan<- func()
	if j.Mode != "time" {
		old = startThreads(4)
	}
	policy := Policy{ReadOnly: []string{j.Arena.target()}, Scratch: j.Arena.scratch(), Limits: testLimits()}
	p, known := findProbe(j.Probe)
	if known && p.limits != nil {
		policy.Limits = *p.limits
	}
	start := time.Now()
	report := Report{}
	switch {
	case strings.HasPrefix(j.Mode, "tool"):
		report = j.applyTool(ToolPolicy{Writable: []string{j.Arena.scratch()}, Network: j.Mode == "tool online", Limits: policy.Limits})
	case j.Mode != "bare":
		report = j.apply(policy)
	}
	switch j.Mode {
	case "time":
		fmt.Println(time.Since(start).Nanoseconds())
	case "again":
		again, err := Apply(policy)
		fmt.Println(again.Kind, err)
	case "report", "tool report":
		must(json.NewEncoder(os.Stdout).Encode(report))
	default:
		fmt.Println(word(p.run(world{arena: j.Arena, old: old})))
	}
}

// kernel is the one that the job pretends to be on.
func (j job) kernel() kernel {
	k := kernel{landlockABI: j.ABI, installFilter: installFilter}
	if j.ABI < 0 {
		k.landlockABI = kernelLandlockABI()
	}
	if j.NoSeccomp {
		k.installFilter = func([]bpf.RawInstruction) error { return unix.EINVAL }
	}
	return k
}

// apply sandboxes the child, or ends it.
func (j job) apply(p Policy) Report {
	r, err := apply(p, j.kernel())
	must(err)
	return r
}

// applyTool puts a tool's walls around the child, or ends it.
func (j job) applyTool(p ToolPolicy) Report {
	r, err := applyTool(p, j.kernel())
	must(err)
	return r
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func TestProbes(t *testing.T) {
	var denied, allowed int
	for _, p := range probes() {
		if p.want == "ok" {
			allowed++
		} else {
			denied++
		}
	}
	if denied < 30 || allowed < 3 {
		t.Fatalf("%d probes to deny and %d to allow are not enough", denied, allowed)
	}
	for name, user := range users() {
		t.Run(name, func(t *testing.T) {
			in, out := newStage(t, user), newStage(t, user)
			for _, p := range probes() {
				t.Run(p.name, func(t *testing.T) { tryProbe(t, p, in, out) })
			}
		})
	}
}

// tryProbe runs a probe with and without the sandbox.
func tryProbe(t *testing.T, p probe, in, out stage) {
	if p.memory && raceEnabled {
		t.Skip("the race detector needs more memory than any limit allows")
	}
	got, state := in.do(t, job{Mode: "sandboxed", Probe: p.name, ABI: -1})
	if got != p.want {
		t.Errorf("in the sandbox: %q, want %q", got, p.want)
	}
	if p.memory {
		checkResident(t, state, testLimits().MemoryBytes)
	}
	bare, _ := out.do(t, job{Mode: "bare", Probe: p.name})
	switch {
	case bare == p.want && (p.mayLack || p.privileged && (out.user != nil || !privileged(t))):
		t.Log("this kernel or user is refused anyway: nothing is shown")
	case bare == "EPERM" && containerFilter(t):
		t.Log("a container's filter refuses it anyway: nothing is shown")
	case p.bare == "" && bare == p.want:
		t.Errorf("without the sandbox it is %q as well: the probe shows nothing", bare)
	case p.bare != "" && bare != p.bare:
		t.Errorf("without the sandbox: %q, want %q", bare, p.bare)
	}
}

// privileged reports whether the test is run by the machine's root, and not by
// one of a container or user namespace.
func privileged(t *testing.T) bool {
	t.Helper()
	sets, err := capabilities()
	check(t, err)
	ids, err := os.ReadFile("/proc/self/uid_map")
	check(t, err)
	const every = "4294967295" // user_namespaces(7)
	return sets[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0 && slices.Contains(strings.Fields(string(ids)), every)
}

// containerFilter reports whether the test itself is run under a filter.
func containerFilter(t *testing.T) bool {
	t.Helper()
	mode, err := unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0)
	check(t, err)
	return mode == unix.SECCOMP_MODE_FILTER
}

// checkResident checks that a child never held more memory than the limit and
// what the program itself takes up. Rusage counts in KiB; getrusage(2).
func checkResident(t *testing.T, state *os.ProcessState, limit uint64) {
	t.Helper()
	const program = 64 << 20
	peak := uint64(state.SysUsage().(*syscall.Rusage).Maxrss) << 10
	t.Logf("peak %d MiB under a limit of %d MiB", peak>>20, limit>>20)
	if peak > limit+program {
		t.Errorf("the child held %d MiB", peak>>20)
	}
}

// report runs a job that prints a report.
func (s stage) report(t *testing.T, j job) Report {
	t.Helper()
	text, _ := s.do(t, j)
	var r Report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return r
}

func TestReport(t *testing.T) {
	abi := kernelLandlockABI()
	if abi < truncateABI {
		t.Skipf("this kernel's Landlock version is %d: the sandbox cannot be full", abi)
	}
	for name, user := range users() {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, user)
			full := Report{Seccomp: true, NoNewPrivs: true, NoCapabilities: true, Rlimits: true}
			for _, c := range []struct {
				name    string
				job     job
				kind    string
				abi     int
				seccomp bool
				missing []string // a word of each
			}{
				{"all", job{Mode: "report", ABI: -1}, KindFull, min(abi, 11), true, nil},
				{"old Landlock", job{Mode: "report", ABI: 2}, KindPartial, 2, true, []string{"emptying"}},
				{"no Landlock", job{Mode: "report", ABI: 0}, KindPartial, 0, true, []string{"does not offer Landlock"}},
				{"no seccomp", job{Mode: "report", ABI: -1, NoSeccomp: true}, KindPartial, min(abi, 11), false, []string{"seccomp"}},
				{"nothing", job{Mode: "report", ABI: 0, NoSeccomp: true}, KindNone, 0, false, []string{"does not offer Landlock", "seccomp"}},
			} {
				t.Run(c.name, func(t *testing.T) {
					got := s.report(t, c.job)
					want := full
					want.Kind, want.LandlockABI, want.Seccomp, want.Missing = c.kind, c.abi, c.seccomp, got.Missing
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("got %+v, want %+v", got, want)
					}
					if !slices.EqualFunc(got.Missing, c.missing, strings.Contains) {
						t.Errorf("missing %q, want words %q", got.Missing, c.missing)
					}
				})
			}
		})
	}
}

// TestPretendedKernel shows that the report of a kernel without Landlock tells
// the truth: the file can be opened then.
func TestPretendedKernel(t *testing.T) {
	s := newStage(t, nil)
	for abi, want := range map[int]string{0: "ok", 1: "EACCES"} {
		if abi > kernelLandlockABI() {
			continue
		}
		if got, _ := s.do(t, job{Mode: "sandboxed", Probe: "read a file outside", ABI: abi}); got != want {
			t.Errorf("Landlock %d: %q, want %q", abi, got, want)
		}
	}
}

// TestFilesWithoutFilter shows that Landlock by itself stops what the filter
// stops before it.
func TestFilesWithoutFilter(t *testing.T) {
	s := newStage(t, nil)
	for _, probe := range []string{
		"symlink in scratch", "mknod in scratch", "execve a script outside",
		"execve a script of the target", "execve a script in scratch",
	} {
		if got, _ := s.do(t, job{Mode: "sandboxed", Probe: probe, ABI: -1, NoSeccomp: true}); got != "EACCES" {
			t.Errorf("%s: %q, want EACCES", probe, got)
		}
	}
}

func TestApplyTwice(t *testing.T) {
	s := newStage(t, nil)
	got, _ := s.do(t, job{Mode: "again", ABI: -1})
	if !strings.HasPrefix(got, KindNone+" ") || !strings.Contains(got, "already in force") {
		t.Errorf("the second time: %q", got)
	}
}

// BenchmarkApply reports how long Apply takes in a fresh process; what the
// benchmark itself measures is mostly starting the process.
func BenchmarkApply(b *testing.B) {
	for name, user := range users() {
		b.Run(name, func(b *testing.B) {
			s := newStage(b, user)
			var total time.Duration
			for b.Loop() {
				text, _ := s.do(b, job{Mode: "time", ABI: -1})
				took, err := time.ParseDuration(text + "ns")
				check(b, err)
				total += took
			}
			b.ReportMetric(float64(total.Microseconds())/float64(b.N), "µs/apply")
		})
	}
}
