package template

import (
	"strings"
)

// text is a string with placeholders, {{name}} or {{expression}}.
type text []node

// parseText reads a string with placeholders. depth is how deep the expression
// is that it stands in.
func parseText(s string, depth int, names map[string]bool) (text, error) {
	var t text
	for {
		before, rest, found := strings.Cut(s, "{{")
		if before != "" {
			t = append(t, literal{before})
		}
		if !found {
			return t, nil
		}
		p := &parser{in: rest, depth: depth, names: names}
		n, err := p.expression()
		if err != nil {
			return nil, err
		}
		if p.accept("}}") == "" {
			return nil, p.unexpected()
		}
		if p.pos > maxExpression {
			return nil, errLong
		}
		t = append(t, n)
		s = rest[p.pos:]
	}
}

// eval makes a text a part of an expression as well.
func (t text) eval(s scope) (value, error) { return t.render(s) }

func (t text) render(s scope) (string, error) {
	var b strings.Builder
	for _, n := range t {
		v, err := n.eval(s)
		if err != nil {
			return "", err
		}
		b.WriteString(str(v))
		if b.Len() > maxText {
			return "", errLong
		}
	}
	return b.String(), nil
}
