// Package inject sends an application input that it must not act on, and
// reports only what it has seen twice: each weakness is shown once, and then
// again with other words and numbers, before it becomes an issue.
package inject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// steadyEnough is how alike two answers to the same request must be for a
// difference to mean anything.
const steadyEnough = 0.95

// Spot is one input of one operation.
type spot struct {
	probe.Target
	o surface.Operation
	p surface.Parameter
	// value is what the parameter has usually; plain is the usual answer.
	value string
	plain web.Exchange
	// steady is how alike the usual answers are to each other.
	steady float64
	// word is the answer to a mark and quotes as the value: what it shows decides
	// which tests are worth their requests.
	mark string
	word web.Exchange
}

// probing is the mark with what ends a string of SQL, HTML or a shell. A part of
// the mark stands around each, so that the answer shows which come back as they are.
func probing(mark string) string {
	t := mark[len(mark)-4:]
	return mark + "<" + t + `"` + t + "'" + t + "`\\"
}

// survives says whether one of those came back as it is.
func (s spot) survives(c string) bool {
	t := s.mark[len(s.mark)-4:]
	if c != "<" {
		c = t + c
	}
	return bytes.Contains(bytes.ToLower(s.word.Response.Body), []byte(c+t))
}

func (s spot) key() string { return string(s.p.In) + ":" + s.p.Name }

// send asks with another value.
func (s spot) send(ctx context.Context, value, note string) (web.Exchange, error) {
	r, err := s.Build(s.o, map[string]string{s.key(): value})
	if err != nil {
		return web.Exchange{}, errUnfit
	}
	e, err := s.Ask(ctx, r, note)
	if err == nil && s.Seen != nil {
		s.Seen(s.o.Route(), e, false)
	}
	return e, err
}

// errUnfit is a value that the place cannot carry (a header with a line break).
var errUnfit = errors.New("the value does not fit the place")

// shows says whether the answer to the word holds it at all.
func (s spot) shows() bool {
	return bytes.Contains(bytes.ToLower(s.word.Response.Body), []byte(s.mark))
}

// found makes the issue of a spot.
func (s spot) found(rule, confidence, message string, proof ...web.Exchange) *issue.Issue {
	return &issue.Issue{Rule: rule, Route: s.o.Route(), Parameter: s.key(), Message: message, Confidence: confidence, Exchanges: proof}
}

// test looks for one weakness at a spot: nil when it is not there. An answer
// that did not come is an error.
type test func(ctx context.Context, s spot) (*issue.Issue, error)

// tests in the order in which they are asked; the quiet ones first, those that
// wait last.
func tests() []test {
	return []test{
		reflected, sqlError, sqlBoolean, template, commandOutput, traversal, headerSplit, redirect, forgery, external,
		sqlTime, commandTime,
	}
}

// Operation tests every input of an operation. Weaknesses are reported as they
// are found. It ends with an error when the target is gone or the budget is.
func Operation(ctx context.Context, t probe.Target, o surface.Operation) error {
	s := spot{Target: t, o: o}
	r, err := t.Build(o, nil)
	if err != nil {
		return nil // nothing can be sent to it
	}
	if s.plain, err = t.Ask(ctx, r, "as usual"); err != nil {
		return ended(ctx, err)
	}
	again, err := t.Ask(ctx, r, "as usual, again")
	if err != nil {
		return ended(ctx, err)
	}
	if s.Seen != nil {
		s.Seen(o.Route(), s.plain, true)
	}
	s.steady = probe.Alike(s.plain.Response, again.Response)
	for _, p := range inputs(o) {
		s.p, s.value = p, p.Example
		if err := s.all(ctx); err != nil {
			return err
		}
	}
	return nil
}

// maxInputs bounds how many inputs of one operation are tested: a body of a
// thousand members is one schema.
const maxInputs = 40

func inputs(o surface.Operation) []surface.Parameter {
	in := slices.Clone(o.Parameters)
	if takesXML(o) && !slices.ContainsFunc(in, func(p surface.Parameter) bool { return p.In == surface.InXML }) {
		in = append(in, surface.Parameter{In: surface.InXML})
	}
	return in[:min(len(in), maxInputs)]
}

// all runs the tests at one spot. One whose requests were lost is given up,
// and the next begun; what ends the whole scan ends here.
func (s spot) all(ctx context.Context) error {
	s.mark = s.Marks.Word()
	var err error
	if s.word, err = s.send(ctx, probing(s.mark), "a word and quotes"); err != nil {
		return ended(ctx, err)
	}
	for _, look := range tests() {
		found, err := look(ctx, s)
		if found != nil {
			s.Report(*found)
		}
		if err = ended(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// ended keeps the errors after which nothing more can be asked.
func ended(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, web.ErrBudget), errors.Is(err, web.ErrGone), errors.Is(err, web.ErrUntrusted):
		return err
	}
	return nil
}

// twice is what most tests are: try gives an exchange that shows the weakness,
// or ok false; it is asked again, with other words of its own, and both times
// must show it.
func twice(ctx context.Context, try func(context.Context) (web.Exchange, bool, error)) (proof []web.Exchange, ok bool, err error) {
	for range 2 {
		e, ok, err := try(ctx)
		if err != nil || !ok {
			return nil, false, err
		}
		proof = append(proof, e)
	}
	return proof, true, nil
}

// either tries one payload after another: the first that holds twice counts.
func either[P any](ctx context.Context, payloads []P, try func(context.Context, P) (web.Exchange, bool, error)) (p P, proof []web.Exchange, ok bool, err error) {
	for _, p := range payloads {
		proof, ok, err := twice(ctx, func(ctx context.Context) (web.Exchange, bool, error) { return try(ctx, p) })
		if errors.Is(err, errUnfit) {
			continue
		}
		if err != nil || ok {
			return p, proof, ok, err
		}
	}
	return p, nil, false, nil
}

// seen says in a message where something was seen, without quoting the answer.
func seen(what string, args ...any) string {
	return fmt.Sprintf(what, args...) + "; seen twice, with other values"
}
