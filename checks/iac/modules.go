package iac

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"github.com/aquasecurity/trivy/pkg/iac/terraform"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// call is a module block.
type call struct {
	path, label string
	line        int
	source      string // "" when it is not a constant
	computed    bool   // there is a source, and it is not a constant
}

func (c call) place() string { return fmt.Sprintf("%s:%d module %q", c.path, c.line, c.label) }

// modules are the directories that hold files of Terraform.
type modules struct {
	files map[string][]string // by directory
	calls map[string][]call
	// good says of a directory that at least one of its files can be parsed.
	good map[string]bool
}

// modules parses every file, records those that trivy would pass over, and
// learns who calls whom.
func (s *run) modules(ctx context.Context, paths []string) (*modules, error) {
	m := &modules{files: map[string][]string{}, calls: map[string][]call{}, good: map[string]bool{}}
	for _, p := range paths {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		b, ok := s.read(p)
		if !ok {
			continue
		}
		dir := path.Dir(p)
		m.files[dir] = append(m.files[dir], p)
		var calls []call
		err := tameHCL(b)
		if err == nil {
			err = s.guard.run(ctx, func() (err error) {
				calls, err = parseHCL(p, b)
				return err
			})
		}
		switch {
		case errors.Is(err, context.Canceled):
			return nil, err
		case err != nil:
			s.out.Skip(p, skipReason(err), err.Error())
		default:
			m.calls[dir] = append(m.calls[dir], calls...)
			m.good[dir] = true
		}
	}
	return m, nil
}

// parseHCL parses a file as trivy does and returns its module blocks.
func parseHCL(p string, b []byte) ([]call, error) {
	var file *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(p, ".json") {
		file, diags = hcljson.Parse(b, p)
	} else {
		file, diags = hclsyntax.ParseConfig(b, p, hcl.InitialPos)
	}
	if diags.HasErrors() {
		return nil, errors.New(diagnosis(diags))
	}
	// trivy drops a whole file for one block that its schema does not know.
	content, diags := file.Body.Content(terraform.Schema)
	if diags.HasErrors() {
		return nil, errors.New(diagnosis(diags))
	}
	var calls []call
	for _, b := range content.Blocks {
		if err := tameCount(b); err != nil {
			return nil, err
		}
		if b.Type != "module" || len(b.Labels) == 0 {
			continue
		}
		attrs, _ := b.Body.JustAttributes() // blocks within are errors there, and no matter
		c := call{path: p, label: b.Labels[0], line: b.DefRange.Start.Line}
		if a := attrs["source"]; a != nil {
			c.computed = true
			if v, _ := a.Expr.Value(nil); v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
				c.source, c.computed = v.AsString(), false
			}
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// diagnosis is the first error in fixed words: the details quote the file.
func diagnosis(diags hcl.Diagnostics) string {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			if d.Subject != nil {
				return fmt.Sprintf("line %d: %s", d.Subject.Start.Line, d.Summary)
			}
			return d.Summary
		}
	}
	return "not Terraform"
}

// Bounds of text that is handed to the HCL parser, which goes down one call
// for each bracket and each sign.
const (
	maxBrackets = 1000
	maxHCLBytes = 4 << 20
)

// tameHCL refuses what would exhaust the parser's stack. Brackets in text
// count too; text that opens a thousand and closes none is not Terraform.
func tameHCL(b []byte) error {
	if len(b) > maxHCLBytes {
		return fmt.Errorf("larger than %d bytes", maxHCLBytes)
	}
	depth, signs := 0, 0
	for _, c := range b {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(0, depth-1)
		}
		if c == '!' || c == '-' {
			signs++
		} else if !bytes.ContainsRune([]byte(" \t\r\n"), rune(c)) {
			signs = 0
		}
		if depth > maxBrackets || signs > maxBrackets {
			return fmt.Errorf("nested deeper than %d levels", maxBrackets)
		}
	}
	return nil
}

// maxCount is the largest constant count. trivy makes every instance, in time
// that grows with their square; all of them say the same.
const maxCount = 5000

// tameCount refuses a block whose count is a constant beyond maxCount. One
// that only evaluation knows runs into the guard.
func tameCount(b *hcl.Block) error {
	attrs, _ := b.Body.JustAttributes() // blocks within are errors there, and no matter
	a := attrs["count"]
	if a == nil {
		return nil
	}
	v, _ := a.Expr.Value(nil)
	if !v.IsKnown() || v.IsNull() || v.Type() != cty.Number || v.AsBigFloat().Cmp(big.NewFloat(maxCount)) <= 0 {
		return nil
	}
	return fmt.Errorf("line %d: a count of more than %d", a.Range.Start.Line, maxCount)
}

// targets are the directories of the tree that a directory's modules come from.
func (m *modules) targets(dir string) []string {
	var out []string
	for _, c := range m.calls[dir] {
		if to := path.Join(dir, c.source); strings.HasPrefix(c.source, ".") && m.good[to] {
			out = append(out, to)
		}
	}
	return out
}

// maxLoads is how often one root module may load a module. It is low where a
// source is computed: Terraform does not allow that, and it is how a module
// calls itself unseen.
func (m *modules) maxLoads() int {
	for _, calls := range m.calls {
		if slices.ContainsFunc(calls, func(c call) bool { return c.computed }) {
			return fewLoads
		}
	}
	return manyLoads
}

// circular returns the directories whose modules call themselves, through
// whatever others, and those that lie between two such circles.
func (m *modules) circular() map[string]bool {
	callees, callers := map[string][]string{}, map[string][]string{}
	left := map[string]bool{}
	for dir := range m.good {
		left[dir] = true
		callees[dir] = m.targets(dir)
		for _, to := range callees[dir] {
			callers[to] = append(callers[to], dir)
		}
	}
	peel(left, callees, callers)
	peel(left, callers, callees)
	return left
}

// peel takes out of left every node without an edge, and then those that
// have none any more. Each call counts as an edge of its own, in both maps.
func peel(left map[string]bool, edges, back map[string][]string) {
	count := map[string]int{}
	var free []string
	for n := range left {
		for _, to := range edges[n] {
			if left[to] {
				count[n]++
			}
		}
		if count[n] == 0 {
			free = append(free, n)
		}
	}
	for len(free) > 0 {
		n := free[len(free)-1]
		free = free[:len(free)-1]
		delete(left, n)
		for _, from := range back[n] {
			if count[from]--; count[from] == 0 && left[from] {
				free = append(free, from)
			}
		}
	}
}

// roots are the directories that no other calls, in order. Terraform's own
// copies of modules are none.
func (m *modules) roots() []string {
	called := map[string]bool{}
	for dir := range m.good {
		for _, to := range m.targets(dir) {
			if to != dir {
				called[to] = true
			}
		}
	}
	var out []string
	for dir := range m.good {
		if !called[dir] && !strings.Contains(dir, ".terraform/modules/") {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return out
}

// skipDir skips every file of a directory.
func (s *run) skipDir(m *modules, dir string, reason checks.SkipReason, why string) {
	for _, p := range m.files[dir] {
		s.out.Skip(p, reason, why)
	}
}
