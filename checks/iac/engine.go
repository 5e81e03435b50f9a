package iac

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"

	"github.com/aquasecurity/trivy/pkg/iac/rego"
	"github.com/aquasecurity/trivy/pkg/iac/scan"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/azure/arm"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/cloudformation"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/dockerfile"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/kubernetes"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/options"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/terraform"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/terraform/parser"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/terraformplan/tfjson"
)

// engine is trivy: the compiled checks, shared by all scanners, and what they
// log, which is where they say what they could not do.
type engine struct {
	rego *rego.Scanner
	log  *recorder
}

// newEngine compiles the checks, as the trivy command does by default:
// without deprecated ones and without those for a later trivy.
func newEngine() (*engine, error) {
	e := &engine{log: &recorder{}}
	// trivy's packages take their loggers from the default one when they are
	// built; its own default keeps every line in memory.
	slog.SetDefault(slog.New(e.log))
	e.rego = rego.NewScanner(
		rego.WithEmbeddedPolicies(true), rego.WithEmbeddedLibraries(true),
		rego.WithIncludeDeprecatedChecks(false), rego.WithTrivyVersion(version),
	)
	if err := e.rego.LoadPolicies(nil); err != nil {
		return nil, fmt.Errorf("trivy's checks do not compile: %w", err)
	}
	if words := e.log.take(); len(words) > 0 {
		return nil, fmt.Errorf("trivy's checks do not all compile: %s", words[0].message)
	}
	return e, nil
}

type fsScanner interface {
	ScanFS(ctx context.Context, fsys fs.FS, dir string) (scan.Results, error)
}

// scanner makes the scanner of a kind. Scanners keep state between calls, so
// each unit of work gets its own; they cost nothing but the shared checks.
func (e *engine) scanner(k kind) fsScanner {
	shared := rego.WithRegoScanner(e.rego)
	switch k {
	case kubernetesKind:
		return kubernetes.NewScanner(shared)
	case dockerfileKind:
		return dockerfile.NewScanner(shared)
	case cloudFormationKind:
		return cloudformation.New(shared)
	case armKind:
		return arm.New(shared)
	case planKind:
		return tfjson.New(append(offline(), shared)...)
	}
	return terraform.New(append(offline(), shared)...)
}

// offline keeps trivy from fetching modules and from its cache on disk, and
// gives path.cwd a value that does not depend on where the program runs.
func offline() []options.ScannerOption {
	return []options.ScannerOption{
		terraform.ScannerWithDownloadsAllowed(false),
		terraform.ScannerWithSkipCachedModules(true),
		terraform.ScannerWithStopOnHCLError(false),
		func(s options.ConfigurableScanner) {
			if t, ok := s.(terraform.ConfigurableTerraformScanner); ok {
				t.AddParserOptions(parser.OptionWithWorkingDirectoryPath("."))
			}
		},
	}
}

// results keeps what is a finding: everything that did not pass. trivy sets a
// result that a comment in the file wants ignored aside as neither, which does
// not count here: a tree does not judge itself.
func results(all scan.Results) scan.Results {
	return slices.DeleteFunc(all, func(r scan.Result) bool { return r.Status() == scan.StatusPassed })
}

// said is one error that trivy logged.
type said struct {
	message string
	attrs   map[string]string
}

// maxSaid bounds how many errors of one unit are kept.
const maxSaid = 1000

// recorder is a slog.Handler that keeps errors and drops the rest.
type recorder struct {
	mu    sync.Mutex
	words []said
}

// Enabled implements slog.Handler.
func (*recorder) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

// Handle implements slog.Handler.
func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	s := said{message: rec.Message, attrs: map[string]string{}}
	rec.Attrs(func(a slog.Attr) bool {
		s.attrs[a.Key] = a.Value.String()
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.words) < maxSaid {
		r.words = append(r.words, s)
	}
	return nil
}

// WithAttrs implements slog.Handler; which logger speaks does not matter.
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler { return r }

// WithGroup implements slog.Handler.
func (r *recorder) WithGroup(string) slog.Handler { return r }

// take returns what was said since the last call.
func (r *recorder) take() []said {
	r.mu.Lock()
	defer r.mu.Unlock()
	words := r.words
	r.words = nil
	return words
}
