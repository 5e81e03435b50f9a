package goscan

import (
	"bytes"
	"fmt"
	"go/ast"
	"io"
	"log"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/issue"
	"github.com/securego/gosec/v2/rules"
	"golang.org/x/tools/go/analysis"
)

// guard stands between gosec and its rules for one package: it contains their
// panics, skips the files that are not reported on, and ends the walk when the
// work is no longer wanted.
type guard struct {
	stop   *atomic.Bool
	report map[*ast.File]bool
	bidi   map[*ast.File]bool
	// without names a data-flow rule that must not run on this package.
	without string

	mu       sync.Mutex
	panicked string
}

// newAnalyzer returns a gosec analyzer with the rule set of the gosec command's
// defaults and no suppression of any kind.
func (g *guard) newAnalyzer() *gosec.Analyzer {
	config := gosec.NewConfig()
	// Makes gosec ignore both "#nosec" and "//gosec:disable" comments.
	config.SetGlobal(gosec.Nosec, "true")
	quiet := log.New(io.Discard, "", 0)
	a := gosec.NewAnalyzer(config, true, false, false, 1, quiet)

	builders, suppressed := rules.Generate(false).RulesInfo()
	for id, build := range builders {
		builders[id] = g.wrapRule(build)
	}
	builders["G116"] = g.wrapRule(g.newTrojanSource)
	a.LoadRules(builders, suppressed)

	defs, suppressed := analyzers.Generate(false).AnalyzersInfo()
	for id, def := range defs {
		def.Create = g.wrapAnalyzer(def.Create)
		defs[id] = def
	}
	a.LoadAnalyzers(defs, suppressed)
	return a
}

// note records the first panic; what is its value, which may quote the sources.
func (g *guard) note(where string, what any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.panicked == "" {
		g.panicked = where + ": " + wordless(fmt.Sprint(what))
	}
}

// first returns the panic noted, or "".
func (g *guard) first() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.panicked
}

// guardedRule is a gosec rule behind a guard.
type guardedRule struct {
	gosec.Rule
	guard *guard
}

// Match runs the rule on one node. A panic means that the rule has nothing to
// say about the node.
func (r guardedRule) Match(n ast.Node, c *gosec.Context) (iss *issue.Issue, err error) {
	if r.guard.stop.Load() || !r.guard.report[c.Root] {
		return nil, nil
	}
	if f, ok := n.(*ast.File); ok {
		nameImports(f, c)
	}
	defer func() {
		if p := recover(); p != nil {
			r.guard.note("rule "+r.ID(), p)
			iss, err = nil, nil
		}
	}()
	return r.Rule.Match(n, c)
}

// nameImports puts the real package names in the place of gosec's guesses. It
// takes the "v4" in "golang.org/x/net/ipv4" for a version and the package to be
// named "net", like that of the standard library; which of the two it then finds
// for "net.Listen" is left to the order of a map.
func nameImports(f *ast.File, c *gosec.Context) {
	taken := map[string]bool{}
	guesses := maps.Clone(c.Imports.Imported)
	clear(c.Imports.Imported)
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		name := ""
		switch obj := c.Info.Implicits[spec]; {
		case spec.Name != nil:
			name = spec.Name.Name
		case obj != nil:
			name = obj.Name()
		case err == nil && len(guesses[path]) > 0: // the type checker failed
			name = guesses[path][0]
		}
		if err == nil && name != "" && name != "_" && !taken[name] {
			taken[name] = name != "."
			c.Imports.Imported[path] = append(c.Imports.Imported[path], name)
		}
	}
}

func (g *guard) wrapRule(build gosec.RuleBuilder) gosec.RuleBuilder {
	return func(id string, c gosec.Config) (gosec.Rule, []ast.Node) {
		rule, nodes := build(id, c)
		return guardedRule{Rule: rule, guard: g}, nodes
	}
}

// wrapAnalyzer contains panics of an SSA analyzer. gosec runs each in a
// goroutine of its own, where nobody else could.
func (g *guard) wrapAnalyzer(create analyzers.AnalyzerBuilder) analyzers.AnalyzerBuilder {
	return func(id, description string) *analysis.Analyzer {
		a := create(id, description)
		run := a.Run
		a.Run = func(pass *analysis.Pass) (result any, err error) {
			if g.stop.Load() || id == g.without {
				return nil, nil
			}
			defer func() {
				if p := recover(); p != nil {
					g.note("rule "+id, p)
					result, err = nil, nil
				}
			}()
			return run(pass)
		}
		return a
	}
}

// trojanSource is G116 on the text that was parsed; gosec's own reads the file
// again, by name, from the disk.
type trojanSource struct {
	meta issue.MetaData
	bidi map[*ast.File]bool
}

func (g *guard) newTrojanSource(id string, c gosec.Config) (gosec.Rule, []ast.Node) {
	original, nodes := rules.NewTrojanSource(id, c)
	meta, _ := metaData(original)
	return trojanSource{meta: meta, bidi: g.bidi}, nodes
}

func (r trojanSource) ID() string { return r.meta.RuleID }

func (r trojanSource) Match(n ast.Node, c *gosec.Context) (*issue.Issue, error) {
	if f, ok := n.(*ast.File); ok && r.bidi[f] {
		return c.NewIssue(n, r.ID(), r.meta.What, r.meta.Severity, r.meta.Confidence), nil
	}
	return nil, nil
}

// hasBidi reports whether the text holds a character that changes the direction
// of the text around it: the list of CVE-2021-42574 (https://trojansource.codes)
// and the two marks.
func hasBidi(text []byte) bool {
	return bytes.ContainsAny(text, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
}
