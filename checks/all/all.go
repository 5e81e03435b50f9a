// Package all is the one list of checks. A check that is not here does not
// exist; a test holds the list to the folders beside it.
package all

import (
	"context"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/checks/dast"
	"github.com/vitalsign-dev/vitalsign/checks/deps"
	"github.com/vitalsign-dev/vitalsign/checks/external"
	"github.com/vitalsign-dev/vitalsign/checks/iac"
	"github.com/vitalsign-dev/vitalsign/checks/sast"
	"github.com/vitalsign-dev/vitalsign/checks/secrets"
)

// Environment names the variable that main must set before anything runs, and
// its value: gosec can be told of the Go version in no other way.
func Environment() (name, value string) { return sast.Environment() }

// Program puts vitalsign-check together. The order of the checks is the order
// of the steps.
func Program(build, key string) (child.Program, error) {
	sec, err := secrets.New()
	if err != nil {
		return child.Program{}, err
	}
	dep, err := deps.New()
	if err != nil {
		return child.Program{}, err
	}
	return child.Program{
		Checks:   []child.Check{sec, dep, iac.New(), sast.New(), dast.New()},
		External: external.New, Presets: external.Presets(),
		Redactor: sec, Build: build, Key: key,
	}, nil
}

// ToolFlag is the argument with which vitalsign-check becomes an external tool,
// and EnterTool what it then does; it returns only with an error.
const ToolFlag = external.ToolFlag

// EnterTool puts this process behind a tool's walls and becomes the tool.
func EnterTool(spec []byte) error { return external.Enter(spec) }

// RunTool gives what runs a job's external tool: self is this program, path
// where programs are looked up.
func RunTool(self, path string) func(ctx context.Context, job checks.Job, work string) (string, checks.ToolRun, error) {
	return func(ctx context.Context, job checks.Job, work string) (string, checks.ToolRun, error) {
		return external.Execute(ctx, job, external.Machine{Work: work, Self: self, Path: path})
	}
}
