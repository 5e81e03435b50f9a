// Package iac finds misconfigurations in infrastructure as code with trivy's
// scanners and the checks that are built into them: Terraform and its plans in
// JSON, CloudFormation, Azure Resource Manager, Dockerfiles and Kubernetes
// manifests. The findings are those of the trivy config command with its
// defaults, except that nothing in the tree can silence one: comments such as
// trivy:ignore do not count, and a module directory that trivy would not
// evaluate is evaluated by itself.
//
// Nothing is fetched: no module, no policy, no cache on disk. Every file goes
// through the job's tree, so functions such as file("/etc/passwd") find
// nothing, and whatever trivy says it could not do (it only logs that) is
// recorded as a skip or as unread.
package iac

import (
	"context"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/aquasecurity/trivy/pkg/iac/rego"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
)

const (
	// version is trivy's and checksVersion that of its rules, as pinned in
	// go.mod; a test holds them together.
	version       = "0.66.0"
	checksVersion = "1.11.3-0.20250604022615-9a7efa7c9169"
)

// Check is the iac check. Its zero value is not usable.
type Check struct {
	catalogue func() (catalogue, error)
}

// New builds the check. Nothing is read before Describe, and nothing compiled
// before Run.
func New() *Check {
	// trivy compiles all checks a second time to fill a registry that only its
	// compliance reports read. The function is a variable of its own package.
	rego.LoadAndRegister = func() {}
	return &Check{catalogue: readCatalogueOnce()}
}

// Name implements child.Check.
func (*Check) Name() string { return "iac" }

// Describe implements child.Check.
func (c *Check) Describe() checks.Description {
	known, err := c.catalogue()
	if err != nil {
		// The bytes are part of the program, and the tests have read them.
		panic("iac: the built-in checks cannot be read: " + err.Error())
	}
	return checks.Description{
		Name: c.Name(), Title: "Misconfigured infrastructure as code (trivy)", Version: version,
		Rules: known.rules, RulesDigest: known.digest, Claims: claims(), Canary: canary(), Grain: checks.GrainPart,
	}
}

// claims are the files that are read. Only what is infrastructure by its name
// is exact: a JSON file is looked at and mostly something else.
func claims() []checks.Claim {
	var out []checks.Claim
	for _, p := range []string{
		"**/*.tf", "**/*.tf.json", "**/*.tofu", "**/*.tofu.json", "**/*.tfvars",
		"**/dockerfile", "**/dockerfile.*", "**/*.dockerfile", "**/containerfile*",
	} {
		out = append(out, checks.Claim{Pattern: p, Exact: true})
	}
	for _, p := range []string{"**/*.yaml", "**/*.yml", "**/*.json", "**/*.tpl"} {
		out = append(out, checks.Claim{Pattern: p})
	}
	return out
}

// Run implements child.Check.
func (c *Check) Run(ctx context.Context, in child.Input, out *child.Sink) error {
	ctx, cancel := withBudget(ctx, in.Limits)
	defer cancel()
	// Compiling takes as long as reading a small tree: do both at once.
	built := async(newEngine)
	known, err := c.catalogue()
	if err != nil {
		return err
	}
	s := &run{in: in, out: out, files: known.files, guard: newGuard(in.Limits), unread: map[string]*checks.Unread{}, noted: map[string]bool{}}
	found, err := s.survey(ctx)
	if err != nil {
		return err
	}
	s.engine, err = built()
	if err != nil {
		return err
	}
	if err := s.singles(ctx, found.singles, found.charts); err != nil {
		return err
	}
	// Terraform last: it is a language, and the one that may not come to an end.
	if err := s.terraform(ctx, found.terraform); err != nil {
		return err
	}
	s.charts(found.charts)
	if err := s.sayUnread(); err != nil {
		return err
	}
	return s.sayParts()
}

// run is one run of the check.
type run struct {
	in     child.Input
	out    *child.Sink
	engine *engine
	files  map[string]checks.Rule // by the file of trivy's check
	guard  *guard
	mu     sync.Mutex // of unread
	unread map[string]*checks.Unread
	// noted are files of which something could not be read, and asked is what
	// Terraform looked for.
	noted map[string]bool
	asked []string
}

// maxExamples is how many places an Unread names.
const maxExamples = 5

// cannotRead counts something that was not looked into.
func (s *run) cannotRead(what, why, command, example string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.unread[what]
	if u == nil {
		u = &checks.Unread{What: what, Why: why, Command: command}
		s.unread[what] = u
	}
	u.Count++
	u.Examples = append(u.Examples, example)
}

// countUnread is how often something could not be looked into so far.
func (s *run) countUnread() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.unread {
		n += u.Count
	}
	return n
}

func (s *run) sayUnread() error {
	var names []string
	for what := range s.unread {
		names = append(names, what)
	}
	slices.Sort(names)
	for _, what := range names {
		u := *s.unread[what]
		slices.Sort(u.Examples)
		u.Examples = slices.Compact(u.Examples)
		u.Examples = u.Examples[:min(len(u.Examples), maxExamples)]
		if err := s.out.Unread(u); err != nil {
			return err
		}
	}
	return nil
}

// sayParts says what answers hang on. Each file that is judged by itself hangs
// on where charts are; Terraform's files, and those that are counted as unread,
// are looked at anew every time that anything claimed has changed.
func (s *run) sayParts() error {
	for _, p := range s.in.Tree.Claimed() {
		if terraformFile(strings.ToLower(p)) || path.Base(p) == chartFile || s.noted[p] {
			continue
		}
		if err := s.out.Part(checks.Part{Files: []string{p}, Uses: []string{"**/" + chartFile}}); err != nil {
			return err
		}
	}
	return s.out.Part(checks.Part{Uses: s.asked})
}

// chartFile is what makes a directory a Helm chart.
const chartFile = "Chart.yaml"

// charts names what would need a Helm renderer.
func (s *run) charts(paths []string) {
	for _, p := range paths {
		s.cannotRead("Helm charts", "their templates are not rendered here", "helm template CHART > rendered.yaml", p)
	}
}
