package external

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// FuzzReport: whatever a report holds, each of its results is a finding in the
// target, or no finding by its own word, or counted as lost; and every finding
// has a rule that says something.
func FuzzReport(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.sarif")
	if err != nil || len(seeds) < 10 {
		f.Fatalf("%d seeds: %v", len(seeds), err)
	}
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.ReplaceAll(b, []byte("/target"), []byte("/work/src")))
	}
	f.Add([]byte(`{"version":"2.1.0","runs":[{"results":[{"ruleIndex":-1,"rule":{"index":9,"toolComponent":{"index":3}}}]}]}`))
	job := checks.Job{Root: f.TempDir(), CanaryDir: "canary", Limits: checks.DefaultLimits(), Inventory: []inventory.File{
		{Path: "app/a.py"}, {Path: "Dockerfile"}, {Path: "settings.ini"},
	}}
	tool := checks.Tool{Name: "x", Claims: []checks.Claim{{Pattern: "**"}}, Secrets: true}
	tree, err := child.NewTree(job, tool.Describe())
	if err != nil {
		f.Fatal(err)
	}
	in := child.Input{Tree: tree, Data: map[string]string{checks.ToolReport: "/work/report.sarif"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := parse(bytes.NewReader(b))
		if err != nil {
			return
		}
		r := check{tool}.read(in, doc)
		want := 0
		for _, run := range doc.Runs {
			for _, res := range run.Results {
				if found(res) {
					want++
				}
			}
		}
		if len(r.hits)+r.unplaced != want {
			t.Fatalf("%d results became %d findings and %d lost", want, len(r.hits), r.unplaced)
		}
		for _, h := range r.hits {
			x, ok := r.rules.byID[h.Rule]
			if tree.Size(h.Path) < 0 || !ok || x.Title == "" || x.Advice == "" || h.StartLine < 0 || h.StartColumn < 0 || h.EndLine < h.StartLine {
				t.Fatalf("%+v of %+v", h, x)
			}
		}
	})
}

// A preset with a key that is not known is refused, and so is one that lacks
// what it needs.
func TestDecodeIsStrict(t *testing.T) {
	for _, bad := range []string{
		"", "command: x", "command: x\nstdout: true\nclaims: ['[']", "command: x\nstdout: true\nclaims: ['**']\nunknown: 1",
		"command: x\nclaims: ['**']\nargs: [a]", "command: x\nstdout: true\nclaims: ['**']\nfiles: {../x: y}",
		"command: x\nstdout: true\nclaims: ['**']\nenv: {" + checks.IdentityKeyEnv + ": y}",
	} {
		if _, err := decode("x", []byte(bad)); err == nil {
			t.Errorf("taken: %s", bad)
		}
	}
	if _, err := decode("x", []byte("command: x\nstdout: true\nclaims: ['**']")); err != nil {
		t.Error(err)
	}
}

// A program must take the tool that its job declares, under its own name and
// key, or say nothing.
func TestProgramRefuses(t *testing.T) {
	key, err := checks.NewIdentityKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*checks.Job, *child.Program){
		"another name": func(j *checks.Job, _ *child.Program) { j.Tool.Name = "y" },
		"another key":  func(j *checks.Job, _ *child.Program) { j.KeyID = "0123" },
		"no externals": func(_ *checks.Job, p *child.Program) { p.External = nil },
	} {
		job := checks.Job{Protocol: checks.Protocol, Check: "x", Root: t.TempDir(), CanaryDir: "c", Tool: &checks.Tool{Name: "x"}}
		p := child.Program{External: New, Key: key.Text()}
		change(&job, &p)
		doc, err := json.Marshal(job)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := p.Run(t.Context(), "x", bytes.NewReader(doc), io.Writer(&out)); err == nil || out.Len() > 0 {
			t.Errorf("%s: %v, %s", name, err, out.String())
		}
	}
}
