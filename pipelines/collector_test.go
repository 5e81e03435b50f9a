package pipelines

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

func testPlan() (Plan, PlannedStep) {
	step := PlannedStep{Limits: checks.DefaultLimits(), Check: checks.Description{
		Name: "x", Version: "1", RulesDigest: "d", Claims: []checks.Claim{{Pattern: "**"}}, Components: true,
		Rules:  []checks.Rule{{ID: "r", Title: "t", Severity: checks.High, Class: "c"}},
		Canary: checks.Canary{Files: []checks.CanaryFile{{Path: "c", Parts: []string{"x"}}}, Hits: []checks.CanaryHit{{Path: "c", Rule: "r"}}},
	}}
	inv := &inventory.Inventory{Files: []inventory.File{{Path: "a.go", SHA256: "aa"}, {Path: "b.go", SHA256: "bb"}}}
	return Plan{Build: "b", Inventory: inv, Steps: []PlannedStep{step}}, step
}

// honest is the output of a child that did its work, for a canary directory.
func honest(canary string) []byte {
	fp := strings.Repeat("0f", 32)
	records := []checks.Record{
		{Type: checks.RecordHello, Hello: &checks.Hello{Protocol: checks.Protocol, Check: "x", Version: "1", Build: "b", RulesDigest: "d", Sandbox: sandbox.Report{Kind: "full"}}},
		{Type: checks.RecordProgress, Progress: &checks.Progress{Done: 1, Total: 3}},
		{Type: checks.RecordComponent, Component: &checks.Component{Ecosystem: "Go", Name: "a", Version: "1", Locations: []string{"a.go", canary + "/c"}}},
		{Type: checks.RecordComponent, Component: &checks.Component{Ecosystem: "Go", Name: "canary", Version: "1", Locations: []string{canary + "/c"}}},
		{Type: checks.RecordComponent, Component: &checks.Component{Ecosystem: "Go", Name: "p", PURL: "pkg:golang/p", Locations: []string{"a.go", "b.go"}}},
		{Type: checks.RecordFinding, Finding: &checks.Finding{Fingerprint: fp, Check: "x", Rule: checks.Rule{ID: "r"}, Location: checks.Location{Path: "a.go", StartLine: 1}}},
		{Type: checks.RecordFinding, Finding: &checks.Finding{Fingerprint: fp, Check: "x", Rule: checks.Rule{ID: "r"}, Location: checks.Location{Path: canary + "/c", StartLine: 1}}},
		{Type: checks.RecordCoverage, Coverage: &checks.CoverageRecord{
			Read:    []checks.ReadFile{{Path: "a.go", SHA256: "aa"}, {Path: canary + "/c", SHA256: "cc"}},
			Skipped: []checks.Skip{{Path: "b.go", Reason: checks.SkipBinary}}}},
	}
	var out bytes.Buffer
	write := func(r checks.Record) {
		b, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		out.Write(append(b, '\n'))
	}
	for _, r := range records {
		write(r)
	}
	sum := sha256.Sum256(out.Bytes())
	write(checks.Record{Type: checks.RecordDone, Done: &checks.Done{Findings: 2, Components: 3, Read: 2, Skipped: 1, Digest: hex.EncodeToString(sum[:])}})
	return out.Bytes()
}

// collect feeds an output, made for the canary directory of twelve zeros, in pieces.
func collect(t testing.TB, out []byte, piece int) (checks.Step, []checks.Finding) {
	plan, step := testPlan()
	c, err := newCollector(plan, step, func(checks.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	out = bytes.ReplaceAll(out, []byte("canary-000000000000"), []byte(c.canaryDir))
	for len(out) > 0 {
		n := min(max(1, piece), len(out))
		if _, err := c.Write(out[:n]); err != nil {
			break
		}
		out = out[n:]
	}
	return c.conclude(checks.Step{Check: "x"}, nil, true)
}

func TestCollectorBelievesTheHonest(t *testing.T) {
	for _, piece := range []int{1, 7, 1 << 20} {
		plan, step := testPlan()
		c, err := newCollector(plan, step, func(checks.Progress) {})
		if err != nil {
			t.Fatal(err)
		}
		out := honest(c.canaryDir)
		for len(out) > 0 {
			n := min(piece, len(out))
			if _, err := c.Write(out[:n]); err != nil {
				t.Fatal(err)
			}
			out = out[n:]
		}
		got, found := c.conclude(checks.Step{}, nil, true)
		if got.Status != checks.OK || len(found) != 1 || got.Coverage.Read != 1 || got.ReportDigest == "" {
			t.Errorf("pieces of %d: %+v, %d findings", piece, got, len(found))
		}
	}
}

// Every single byte changed: the output is refused, or says the same.
func TestCollectorDoubtsEveryByte(t *testing.T) {
	plan, step := testPlan()
	refused := 0
	var length int
	for i := 0; ; i++ {
		c, err := newCollector(plan, step, func(checks.Progress) {})
		if err != nil {
			t.Fatal(err)
		}
		out := honest(c.canaryDir)
		if length = len(out); i == length {
			break
		}
		out[i] ^= 1
		_, werr := c.Write(out)
		got, found := c.conclude(checks.Step{}, werr, true)
		if got.Status != checks.OK {
			refused++
			continue
		}
		if len(found) != 1 || found[0].Location.Path != "a.go" || found[0].Rule.ID != "r" {
			t.Errorf("byte %d flipped: believed, and says %+v", i, found)
		}
	}
	if refused < length*9/10 {
		t.Errorf("only %d of %d flips were refused", refused, length)
	}
}

// A flow that leaves the target, or has no end, is no answer.
func TestCollectorDoubtsFlows(t *testing.T) {
	long := make([]checks.FlowStep, checks.MaxFlow+1)
	for i := range long {
		long[i].Location.Path = "a.go"
	}
	for name, flow := range map[string][]checks.FlowStep{"outside": {{Location: checks.Location{Path: "../x"}}}, "long": long} {
		plan, step := testPlan()
		c, err := newCollector(plan, step, func(checks.Progress) {})
		if err != nil {
			t.Fatal(err)
		}
		c.rules["r"] = checks.Rule{ID: "r"}
		f := checks.Finding{Fingerprint: strings.Repeat("a", 64), Check: "x", Rule: checks.Rule{ID: "r"}, Location: checks.Location{Path: "a.go"}, Flow: flow}
		if err := c.addFinding(f); err == nil {
			t.Errorf("%s: it was taken", name)
		}
		f.Flow = flow[:min(len(flow), 3)]
		if err := c.addFinding(f); (err == nil) != (name == "long") {
			t.Errorf("%s, three steps: %v", name, err)
		}
	}
}

// FuzzCollector: whatever a child writes, what is believed accounts for every
// file and holds no finding without a declared rule and a place in the target.
func FuzzCollector(f *testing.F) {
	f.Add(honest("canary-000000000000"), 64)
	f.Add([]byte("{\"type\":\"hello\"}\n"), 3)
	f.Add([]byte(""), 1)
	f.Fuzz(func(t *testing.T, out []byte, piece int) {
		got, found := collect(t, out, piece)
		if got.Status == checks.OK && got.Coverage.Read == 0 {
			t.Error("believed, and nothing was read")
		}
		for _, x := range found {
			if x.Rule.ID != "r" || x.Location.Path != "a.go" && x.Location.Path != "b.go" && x.Location.Commit == "" {
				t.Errorf("believed %+v", x)
			}
			for _, step := range x.Flow {
				if step.Location.Path != "a.go" && step.Location.Path != "b.go" {
					t.Errorf("believed a flow through %+v", step)
				}
			}
		}
	})
}

func TestUnreadNamesLanguagesAndPointers(t *testing.T) {
	inv := &inventory.Inventory{
		Languages: map[string]int{"Go": 3, "TypeScript": 812, "Java": 2},
		Skipped: []inventory.Skip{{Path: "a.bin", Reason: inventory.Pointer, Detail: "Git LFS"}, {Path: "sub/", Reason: inventory.Submodule},
			{Path: "x", Reason: inventory.Sparse}, {Path: "l", Reason: inventory.Symlink}},
	}
	got := Unread(inv, []checks.Description{{Languages: []string{"Go"}}})
	want := []checks.Unread{
		{What: "TypeScript files", Count: 812, Why: "no rules"}, {What: "Java files", Count: 2, Why: "no rules"},
		{What: "Git LFS pointers", Count: 1, Why: "content not on disk", Command: "git lfs pull", Examples: []string{"a.bin"}},
		{What: "files outside the sparse checkout", Count: 1, Why: "content not on disk", Command: "git sparse-checkout disable", Examples: []string{"x"}},
		{What: "submodules", Count: 1, Why: "content not on disk", Command: "git submodule update --init --recursive", Examples: []string{"sub/"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
