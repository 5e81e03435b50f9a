package template

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of one expression; a template has many of them.
const (
	maxExpression = 4096
	maxDepth      = 64
	maxName       = 64
)

// A value is a string, a float64 or a bool.
type value any

// scope gives what a name stands for.
type scope func(name string) (value, bool)

// node is a part of an expression that has been parsed.
type node interface {
	eval(s scope) (value, error)
}

type (
	literal  struct{ v value }
	variable struct{ name string }
	call     struct {
		f    function
		args []node
	}
	unary struct {
		op string
		x  node
	}
	operation struct {
		op   string
		x, y node
	}
)

func (l literal) eval(scope) (value, error) { return l.v, nil }

func (v variable) eval(s scope) (value, error) {
	if x, ok := s(v.name); ok {
		return x, nil
	}
	return nil, fmt.Errorf("%s has no value", v.name)
}

func (c call) eval(s scope) (value, error) {
	args := make([]value, len(c.args))
	for i, a := range c.args {
		v, err := a.eval(s)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	v, err := c.f.call(args)
	if text, ok := v.(string); ok && len(text) > maxText {
		return nil, errLong
	}
	return v, err
}

func (u unary) eval(s scope) (value, error) {
	v, err := u.x.eval(s)
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case bool:
		if u.op == "!" {
			return !x, nil
		}
	case float64:
		if u.op == "-" {
			return -x, nil
		}
	}
	return nil, errType
}

func (b operation) eval(s scope) (value, error) {
	x, err := b.x.eval(s)
	if err != nil {
		return nil, err
	}
	if b.op == "&&" || b.op == "||" {
		return b.logic(s, x)
	}
	y, err := b.y.eval(s)
	if err != nil {
		return nil, err
	}
	switch b.op {
	case "==":
		return x == y, nil
	case "!=":
		return x != y, nil
	case "+", "-":
		return sum(b.op, x, y)
	default:
		return compare(b.op, x, y)
	}
}

// logic reads the right side only when the left one does not decide.
func (b operation) logic(s scope, x value) (value, error) {
	left, ok := x.(bool)
	if !ok {
		return nil, errType
	}
	if left == (b.op == "||") {
		return left, nil
	}
	y, err := b.y.eval(s)
	if err != nil {
		return nil, err
	}
	right, ok := y.(bool)
	if !ok {
		return nil, errType
	}
	return right, nil
}

func sum(op string, x, y value) (value, error) {
	a, aok := x.(float64)
	b, bok := y.(float64)
	switch {
	case aok && bok && op == "+":
		return a + b, nil
	case aok && bok:
		return a - b, nil
	case op == "-":
		return nil, errType
	}
	text := str(x) + str(y)
	if len(text) > maxText {
		return nil, errLong
	}
	return text, nil
}

func compare(op string, x, y value) (value, error) {
	var c int
	switch a := x.(type) {
	case float64:
		b, ok := y.(float64)
		if !ok {
			return nil, errType
		}
		c = order(a, b)
	case string:
		b, ok := y.(string)
		if !ok {
			return nil, errType
		}
		c = strings.Compare(a, b)
	default:
		return nil, errType
	}
	return holds(op, c), nil
}

func order(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// holds says whether an order of -1, 0 or 1 is what an operator asks for.
func holds(op string, c int) bool {
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	case "!=":
		return c != 0
	default:
		return c == 0
	}
}

var (
	errType = errors.New("an operator does not take these types")
	errLong = errors.New("a text is too long")
)

// str writes a value as text; whole numbers have no fraction.
func str(v value) string {
	switch x := v.(type) {
	case string:
		return x
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(x)
	}
	return ""
}

// parser reads one expression. Names are kept for whoever has to know what it
// depends on.
type parser struct {
	in    string
	pos   int
	depth int
	names map[string]bool
}

// parseDSL reads a whole expression and adds the names that it uses to names.
func parseDSL(in string, names map[string]bool) (node, error) {
	if len(in) > maxExpression {
		return nil, fmt.Errorf("expression of more than %d bytes", maxExpression)
	}
	p := &parser{in: in, names: names}
	n, err := p.expression()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.in) {
		return nil, p.unexpected()
	}
	return n, nil
}

func (p *parser) space() {
	for p.pos < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.pos]) >= 0 {
		p.pos++
	}
}

// accept takes the first of some tokens that comes next.
func (p *parser) accept(tokens ...string) string {
	p.space()
	for _, t := range tokens {
		if strings.HasPrefix(p.in[p.pos:], t) {
			p.pos += len(t)
			return t
		}
	}
	return ""
}

func (p *parser) unexpected() error {
	p.space()
	if p.pos >= len(p.in) {
		return errors.New("expression ends too early")
	}
	return fmt.Errorf("expression has %q where it is not understood", p.in[p.pos])
}

func (p *parser) expression() (node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, errors.New("expression is nested too deep")
	}
	return p.level(0)
}

// level reads operators of one precedence, loosest first.
func (p *parser) level(i int) (node, error) {
	levels := [...][]string{{"||"}, {"&&"}, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}}
	if i == len(levels) {
		return p.unary()
	}
	x, err := p.level(i + 1)
	if err != nil {
		return nil, err
	}
	for {
		op := p.accept(levels[i]...)
		if op == "" {
			return x, nil
		}
		y, err := p.level(i + 1)
		if err != nil {
			return nil, err
		}
		x = operation{op, x, y}
	}
}

func (p *parser) unary() (node, error) {
	op := p.accept("!", "-")
	if op == "" {
		return p.primary()
	}
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, errors.New("expression is nested too deep")
	}
	x, err := p.unary()
	if err != nil {
		return nil, err
	}
	return unary{op, x}, nil
}

func (p *parser) primary() (node, error) {
	for opening, closing := range map[string]string{"(": ")", "{{": "}}"} {
		if p.accept(opening) == "" {
			continue
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		if p.accept(closing) == "" {
			return nil, p.unexpected()
		}
		return x, nil
	}
	p.space()
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		return p.text()
	case c >= '0' && c <= '9':
		return p.number()
	case letter(c):
		return p.name()
	}
	return nil, p.unexpected()
}

func (p *parser) peek() byte {
	if p.pos < len(p.in) {
		return p.in[p.pos]
	}
	return 0
}

// text reads a string in either quote. A backslash keeps a quote or itself,
// and makes n, r and t what they are in Go; before anything else it stays,
// because that is a regular expression.
func (p *parser) text() (node, error) {
	quote := p.in[p.pos]
	p.pos++
	var b strings.Builder
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		p.pos++
		switch {
		case c == quote:
			return p.placeholders(b.String())
		case c == '\\' && p.pos < len(p.in):
			b.WriteString(unescape(p.in[p.pos]))
			p.pos++
		default:
			b.WriteByte(c)
		}
	}
	return nil, errors.New("a string in the expression has no end")
}

func unescape(c byte) string {
	switch c {
	case '\'', '"', '\\':
		return string(rune(c))
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	}
	return "\\" + string([]byte{c})
}

func (p *parser) placeholders(s string) (node, error) {
	if !strings.Contains(s, "{{") {
		return literal{s}, nil
	}
	t, err := parseText(s, p.depth, p.names)
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (p *parser) number() (node, error) {
	start := p.pos
	for c := p.peek(); c >= '0' && c <= '9' || c == '.'; c = p.peek() {
		p.pos++
	}
	f, err := strconv.ParseFloat(p.in[start:p.pos], 64)
	if err != nil {
		return nil, errors.New("a number in the expression cannot be read")
	}
	return literal{f}, nil
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func (p *parser) name() (node, error) {
	start := p.pos
	for c := p.peek(); letter(c) || c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	name := p.in[start:p.pos]
	if len(name) > maxName {
		return nil, errors.New("a name that is too long")
	}
	if p.accept("(") != "" {
		return p.call(name)
	}
	switch name {
	case "true", "false":
		return literal{name == "true"}, nil
	}
	if err := refusedName(name); err != nil {
		return nil, err
	}
	p.names[name] = true
	return variable{name}, nil
}

func (p *parser) call(name string) (node, error) {
	f, ok := functions()[name]
	if !ok {
		return nil, fmt.Errorf("function %s", name)
	}
	var args []node
	for p.accept(")") == "" {
		if len(args) > 0 && p.accept(",") == "" {
			return nil, p.unexpected()
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, x)
	}
	if len(args) < f.min || f.max >= 0 && len(args) > f.max {
		return nil, fmt.Errorf("function %s with %d arguments", name, len(args))
	}
	if pattern, ok := firstLiteral(args); ok && name == "regex" {
		if _, err := compileRegex(pattern); err != nil {
			return nil, err
		}
	}
	return call{f, args}, nil
}

func firstLiteral(args []node) (string, bool) {
	if len(args) == 0 {
		return "", false
	}
	l, ok := args[0].(literal)
	s, isText := l.v.(string)
	return s, ok && isText
}

// refusedName says why a name cannot be used: it stands for something that is
// not there.
func refusedName(name string) error {
	if strings.HasPrefix(name, "interactsh") {
		return errors.New("interactsh: there is no server that calls back")
	}
	switch base, _ := splitIndex(name); base {
	case "request", "matched", "host", "ip", "cname", "asn", "curl_command", "RDN", "FQDN", "DN", "TLD", "SD", "File":
		return fmt.Errorf("variable %s", base)
	}
	return nil
}

// splitIndex takes body_2 apart; 0 is no index.
func splitIndex(name string) (string, int) {
	base, digits, ok := cutLast(name, "_")
	if !ok || digits == "" || len(digits) > 4 {
		return name, 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || digits[0] < '1' {
		return name, 0
	}
	return base, n
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
