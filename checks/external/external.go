package external

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// New makes the check that reads the report of a tool.
func New(tool checks.Tool) child.Check { return check{tool} }

type check struct{ tool checks.Tool }

// Name implements child.Check.
func (c check) Name() string { return c.tool.Name }

// Describe implements child.Check.
func (c check) Describe() checks.Description { return c.tool.Describe() }

// Run implements child.Check.
func (c check) Run(ctx context.Context, in child.Input, out *child.Sink) error {
	name := in.Data[checks.ToolReport]
	if name == "" {
		return fmt.Errorf("%s wrote no report", c.tool.Name)
	}
	doc, err := load(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s wrote no report", c.tool.Name)
	case errors.Is(err, errEmpty):
		return fmt.Errorf("%s wrote an empty report", c.tool.Name)
	case err != nil:
		return fmt.Errorf("%s's report is not SARIF 2.1.0: %w", c.tool.Name, err)
	}
	r := c.read(in, doc)
	if r.failed != "" {
		return fmt.Errorf("%s says that it did not succeed: %s", c.tool.Name, r.failed)
	}
	if err := r.report(out); err != nil {
		return err
	}
	if r.unplaced > 0 {
		return fmt.Errorf("%d of the results of %s are about no file of the target (the first is of rule %s)", r.unplaced, c.tool.Name, r.lost)
	}
	return account(ctx, in, out, r.broken)
}

// reader is one reading of a report.
type reader struct {
	tool  checks.Tool
	rules rules
	text  *texts
	hits  []child.Hit
	// broken are files that the tool could not read, with its words.
	broken map[string]string
	// failed says why the report is no answer, "" when it is.
	failed string
	// unplaced counts results without a place; lost is the first one's rule.
	unplaced int
	lost     string
}

func (c check) read(in child.Input, doc document) *reader {
	r := &reader{
		tool: c.tool, rules: rules{tool: c.tool, byID: map[string]*rule{}},
		text: &texts{tree: in.Tree}, broken: map[string]string{},
	}
	for _, run := range doc.Runs {
		p := &placer{tree: in.Tree, roots: []string{source(in.Data[checks.ToolReport])}, run: run, fallback: c.tool.Place}
		p.learn(run.Results)
		r.invocations(p)
		for _, res := range run.Results {
			if found(res) {
				r.result(p, res)
			}
		}
	}
	return r
}

// source is the directory in which the tool saw the target: Execute lays it
// beside the report.
func source(report string) string {
	return filepath.ToSlash(filepath.Join(filepath.Dir(report), sourceDir))
}

// found says whether a result is a finding (3.27.9, 3.27.24). A suppression
// does not count: whose target it is would be the judge of it.
func found(r result) bool {
	return r.Kind != "pass" && r.Kind != "notApplicable" && r.Kind != "informational" && r.BaselineState != "absent"
}

// unread are words of a warning by which a tool says that it gave up on a file.
var unread = regexp.MustCompile(`(?i)syntax|pars(e|ing)|lexical|time[d ]*out`)

// wholeTarget stands where a tool does not say which file it gave up on.
const wholeTarget = "."

// invocations reads how the tool ended. What it says of one file of the target
// makes the step partial; everything else that is an error, failed.
func (r *reader) invocations(p *placer) {
	for _, inv := range p.run.Invocations {
		files := 0
		for _, n := range slices.Concat(inv.Execution, inv.Configuration) {
			words := n.words()
			file, ok := n.file(p)
			switch gaveUp := n.Level == "" || n.Level == "warning"; {
			case n.Level == "error" && !ok:
				r.failed = cmp.Or(r.failed, words)
			case n.Level == "error" && ok, gaveUp && ok && unread.MatchString(words):
				r.broken[file] = words
				files++
			case gaveUp && unread.MatchString(words):
				r.broken[wholeTarget] = words
			}
		}
		if inv.Successful != nil && !*inv.Successful && files == 0 && r.failed == "" {
			r.failed = "executionSuccessful is false in its report"
		}
	}
}

func (n notification) words() string {
	return first(300, strings.TrimSpace(n.Descriptor.ID+" "+n.Message.Text), n.Message.Markdown, "an error without words")
}

func (n notification) file(p *placer) (string, bool) {
	for _, l := range n.Locations {
		if file, ok := p.path(l.Physical.Artifact); ok {
			return file, true
		}
	}
	return "", false
}

// result turns a result into a hit.
func (r *reader) result(p *placer, res result) {
	x := r.rules.of(p.run, res)
	for _, l := range res.Locations {
		file, ok := p.path(l.Physical.Artifact)
		if !ok {
			continue
		}
		r.hits = append(r.hits, r.hit(p, x, res, l, file))
		return
	}
	if r.unplaced++; r.lost == "" {
		r.lost = x.ID
	}
}

func (r *reader) hit(p *placer, x *rule, res result, l location, file string) child.Hit {
	span := r.text.span(file, l.Physical.Region, p.run.ColumnKind)
	h := child.Hit{
		Rule: x.ID, Message: res.words(x.descriptor), Confidence: confidence(x.descriptor, res),
		Location: checks.Location{
			Path: file, StartLine: span.startLine, EndLine: span.endLine,
			StartColumn: span.startColumn, EndColumn: span.endColumn, Symbol: symbol(l),
		},
	}
	if file == r.tool.Place && file != "" {
		h.Symbol = plain(address(l.Physical.Artifact.URI), maxReference)
	}
	if x.secret {
		r.hide(&h, x, span, l.Physical.Region.Snippet.Text)
		return h
	}
	h.Flow = p.flow(res)
	if span.lines == "" {
		// Nothing is flagged that could be anchored to: what is said is what
		// makes it this finding and not another one of the rule.
		h.Anchor = h.Symbol + " " + h.Message
	}
	return h
}

// flow is the first way of a value that a result tells (3.36, 3.37): of several
// each ends at the same place. Steps outside of the target are left out.
func (p *placer) flow(res result) []checks.FlowStep {
	if len(res.Flows) == 0 || len(res.Flows[0].Threads) == 0 {
		return nil
	}
	var out []checks.FlowStep
	for _, s := range res.Flows[0].Threads[0].Steps {
		file, ok := p.path(s.Location.Physical.Artifact)
		if !ok || len(out) == checks.MaxFlow {
			continue
		}
		at := s.Location.Physical.Region
		out = append(out, checks.FlowStep{
			Location: checks.Location{Path: file, StartLine: max(0, at.StartLine), EndLine: max(0, at.EndLine), Symbol: symbol(s.Location)},
			Message:  plain(s.Location.Message.Text, maxTitle),
		})
	}
	return out
}

// hide makes values of what a tool for secrets flags: the snippet where the
// target has it there, and the flagged text. When neither is found, nothing of
// the line or of the tool's words is shown.
func (r *reader) hide(h *child.Hit, x *rule, s span, snippet string) {
	if snippet = strings.TrimSpace(snippet); strings.Contains(s.lines, snippet) {
		h.Anchor = snippet
	}
	if flagged := strings.TrimSpace(s.flagged); flagged != "" {
		h.Values = append(h.Values, flagged)
		if h.Anchor == "" {
			h.Anchor = flagged
		}
	}
	if h.Anchor == "" {
		h.Hidden, h.Message, h.Anchor, h.Symbol = true, x.Title, x.ID+" "+r.text.tree.Digest(h.Path), ""
		h.Values = []string{r.text.tree.Digest(h.Path)} // an unkeyed hash of a secret file would name it
	}
	if snippet != "" {
		h.Values = append(h.Values, snippet) // the tool's words may hold it
	}
}

// words gives the text of a result (3.11): its own, or its rule's by id.
func (r result) words(d descriptor) string {
	t := r.Message.text
	if t.Text == "" && r.Message.ID != "" {
		t = d.Messages[r.Message.ID]
	}
	said := first(2*maxAdvice, t.Text, t.Markdown, d.Short.Text, d.Name, d.ID)
	if strings.Contains(said, "{0}") {
		for i, a := range r.Message.Arguments[:min(len(r.Message.Arguments), 10)] {
			said = strings.ReplaceAll(said, fmt.Sprintf("{%d}", i), plain(a, maxTitle))
		}
	}
	return plain(said, 2*maxAdvice)
}

// confidence is what the tool says of itself: per result, as bandit does, or
// the precision of the rule that GitHub made the custom.
func confidence(d descriptor, r result) string {
	for _, s := range slices.Concat(r.Properties.strings("issue_confidence"), r.Properties.strings("confidence"), d.Properties.strings("precision")) {
		switch s = strings.ToLower(s); s {
		case "very-high":
			return "high"
		case "high", "medium", "low":
			return s
		}
	}
	return ""
}

func symbol(l location) string {
	if len(l.Logical) == 0 {
		return ""
	}
	return first(maxTitle, l.Logical[0].FullName, l.Logical[0].Name)
}

// address is a web address without what may hold a person's data.
func address(uri string) string {
	uri, _, _ = strings.Cut(uri, "#")
	uri, _, _ = strings.Cut(uri, "?")
	return uri
}

// report declares the rules, which by now are as bad as their worst result,
// and reports the hits.
func (r *reader) report(out *child.Sink) error {
	for _, x := range r.rules.order {
		if err := out.Rule(x.Rule); err != nil {
			return err
		}
	}
	for _, h := range r.hits {
		if err := out.Hit(h); err != nil {
			return err
		}
	}
	return nil
}

// account reads every claimed file, which holds it against the inventory: the
// tool got exactly the files that still have their digest.
func account(ctx context.Context, in child.Input, out *child.Sink, broken map[string]string) error {
	for p, words := range broken {
		out.Skip(p, checks.SkipUnparsable, words)
	}
	for _, p := range in.Tree.Claimed() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, skipped := broken[p]; skipped {
			continue
		}
		if err := readAll(in.Tree, p); err != nil {
			in.Tree.SkipError(p, err)
		}
	}
	return nil
}

// readAll reads a file of any size: it was the tool that held it in memory.
func readAll(t *child.Tree, p string) error {
	r, err := t.Stream(p)
	if err != nil {
		return err
	}
	defer r.Close() // read only
	_, err = io.Copy(io.Discard, r)
	return err
}
