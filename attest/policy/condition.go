package policy

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

// conditionText is one condition as it is written.
type conditionText struct {
	// Rule is a CEL expression over bill, artifact and provenance (maps, as
	// their JSON is) that must be true.
	Rule string `yaml:"rule"`
	// Says is what is said when it is not.
	Says string `yaml:"says"`
}

// condition is one that has been compiled.
type condition struct {
	conditionText
	program cel.Program
}

// maxCost bounds what one condition may compute, in CEL's own units.
const maxCost = 1_000_000

// compile refuses what is no condition before anything is judged by it.
func compile(texts []conditionText) ([]condition, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	dyn := cel.MapType(cel.StringType, cel.DynType)
	env, err := cel.NewEnv(cel.Variable("bill", dyn), cel.Variable("artifact", dyn), cel.Variable("provenance", dyn))
	if err != nil {
		return nil, err
	}
	var out []condition
	for i, t := range texts {
		ast, issues := env.Compile(t.Rule)
		if issues.Err() != nil {
			return nil, fmt.Errorf("conditions[%d]: %w", i, issues.Err())
		}
		if k := ast.OutputType(); k != cel.BoolType && k != cel.DynType {
			return nil, fmt.Errorf("conditions[%d]: %q is %s, not true or false", i, t.Rule, k)
		}
		program, err := env.Program(ast, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100))
		if err != nil {
			return nil, fmt.Errorf("conditions[%d]: %w", i, err)
		}
		out = append(out, condition{t, program})
	}
	return out, nil
}

// Conditions evaluates every condition. Facts are bill, artifact and
// provenance as their JSON is. One that is not true, or that cannot be
// evaluated (a field that is not there), is an error with its words.
func (p *Policy) Conditions(ctx context.Context, facts map[string]any) error {
	given := map[string]any{"bill": map[string]any{}, "artifact": map[string]any{}, "provenance": map[string]any{}}
	for k, v := range facts {
		given[k] = v
	}
	var errs []error
	for _, c := range p.rules {
		out, _, err := c.program.ContextEval(ctx, given)
		says := c.Says
		if says == "" {
			says = c.Rule
		}
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s (cannot tell: %w)", says, err))
		case out != types.True:
			errs = append(errs, errors.New(says))
		}
	}
	return errors.Join(errs...)
}
