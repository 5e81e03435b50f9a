package iac

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/checktest"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// engine runs the check in this process, as the real child would.
type inProcess struct{ scratch string }

func (inProcess) Name() string { return "test" }

func (e inProcess) Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (pipelines.Usage, error) {
	job.Scratch = e.scratch
	doc, err := json.Marshal(job)
	if err != nil {
		return pipelines.Usage{}, err
	}
	p := child.Program{Checks: []child.Check{New()}, Redactor: noSecrets{}, Build: "test", Key: key.Text()}
	// The records say how it ended.
	_ = p.Run(ctx, job.Check, bytes.NewReader(doc), out)
	return pipelines.Usage{}, ctx.Err()
}

func scanDir(t *testing.T, root string, limits checks.Limits) checks.Run {
	t.Helper()
	key, err := checks.NewIdentityKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	plan := pipelines.Plan{
		Root: root, Inventory: checktest.Inventory(t, root), Build: "test", Key: key, Target: checks.Target{Kind: "tree"},
		Steps: []pipelines.PlannedStep{{Check: New().Describe(), Limits: limits}},
	}
	return pipelines.Execute(t.Context(), plan, inProcess{t.TempDir()}, pipelines.Options{Now: func() time.Time { return time.Unix(0, 0) }})
}

func scanTree(t *testing.T, files map[string]string) checks.Run {
	t.Helper()
	return scanDir(t, checktest.WriteTree(t, files), checks.DefaultLimits())
}

func wantStatus(t *testing.T, run checks.Run, want checks.Status) {
	t.Helper()
	if s := run.Steps[0]; s.Status != want {
		t.Fatalf("step is %s (%s), want %s", s.Status, s.Reason, want)
	}
}

// lines renders findings as rule, place and address.
func lines(run checks.Run) []string {
	var out []string
	for _, f := range run.Findings {
		out = append(out, fmt.Sprintf("%s %s:%d-%d %s", f.Rule.ID, f.Location.Path, f.Location.StartLine, f.Location.EndLine, f.Location.Symbol))
	}
	slices.Sort(out)
	return out
}

func wantFinding(t *testing.T, run checks.Run, want string) {
	t.Helper()
	if got := lines(run); !slices.Contains(got, want) {
		t.Errorf("no finding %q among %q", want, got)
	}
}

func unread(run checks.Run, what string) checks.Unread {
	for _, u := range run.Steps[0].Coverage.Unread {
		if u.What == what {
			return u
		}
	}
	return checks.Unread{}
}

func skipped(run checks.Run, path string) checks.Skip {
	for _, s := range run.Steps[0].Coverage.Incomplete {
		if s.Path == path {
			return s
		}
	}
	return checks.Skip{}
}
