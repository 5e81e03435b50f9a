package external

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Bounds of what a report may say of a rule.
const (
	maxID         = 200
	maxTitle      = 200
	maxAdvice     = 600
	maxReference  = 1024
	maxWeaknesses = 20
)

// rule is a rule of the report while its results are read.
type rule struct {
	checks.Rule
	descriptor descriptor
	// secret says that what it flags is a value itself.
	secret bool
	rated  bool
}

// rules collects the rules that have results, in order of their first.
type rules struct {
	tool  checks.Tool
	byID  map[string]*rule
	order []*rule
}

// of gives the rule of a result, and counts the result's severity: the rule is
// as bad as the worst of its results, since a finding carries no other.
func (rs *rules) of(run run, r result) *rule {
	d := find(run, r)
	id := plain(d.ID, maxID)
	if id == "" {
		id = "unnamed"
	}
	x, known := rs.byID[id]
	if !known {
		x = rs.make(id, d, r)
		rs.byID[id] = x
		rs.order = append(rs.order, x)
	}
	if s := severity(d, r); !x.rated || worse(s, x.Severity) {
		x.Severity, x.rated = s, true
	}
	return x
}

// find gives the rule that a result names: by index, by id, by the id without
// its last parts (3.27.5: "CA2101/1" is a kind of "CA2101"); else one that
// holds nothing but the id.
func find(run run, r result) descriptor {
	id, index, in := r.RuleID, r.RuleIndex, &run.Tool.Driver
	if r.Rule != nil {
		if id == "" {
			id = r.Rule.ID
		}
		if index == nil {
			index = r.Rule.Index
		}
		in = run.component(*r.Rule)
	}
	if in != nil && index != nil && *index >= 0 && *index < len(in.Rules) {
		if d := in.Rules[*index]; id == "" || id == d.ID || strings.HasPrefix(id, d.ID+"/") {
			return d
		}
	}
	for name := id; name != ""; name, _ = parent(name) {
		for _, c := range append([]component{run.Tool.Driver}, run.Tool.Extensions...) {
			if i := slices.IndexFunc(c.Rules, func(d descriptor) bool { return d.ID == name }); i >= 0 {
				return c.Rules[i]
			}
		}
	}
	return descriptor{ID: id}
}

func parent(id string) (string, bool) {
	if i := strings.LastIndexByte(id, '/'); i > 0 {
		return id[:i], true
	}
	return "", false
}

// component is the part of the tool that a reference names (3.54).
func (r run) component(ref reference) *component {
	c := ref.Component
	switch {
	case c.Index != nil && *c.Index >= 0 && *c.Index < len(r.Tool.Extensions):
		return &r.Tool.Extensions[*c.Index]
	case c.Index != nil && *c.Index != -1:
		return nil
	case c.GUID == "" && c.Name == "":
		return &r.Tool.Driver
	}
	for i, e := range r.Tool.Extensions {
		if c.GUID != "" && c.GUID == e.GUID || c.GUID == "" && c.Name == e.Name {
			return &r.Tool.Extensions[i]
		}
	}
	return &r.Tool.Driver
}

func (rs *rules) make(id string, d descriptor, r result) *rule {
	tags := slices.Concat(d.Properties.strings("tags"), r.Properties.strings("tags"))
	x := &rule{descriptor: d, secret: rs.tool.Secrets || slices.Contains(tags, "secret")}
	x.Rule = checks.Rule{
		ID: id, Class: checks.ClassOf(rs.tool.Name, id), CWE: weaknesses(d, r, tags),
		Title: first(maxTitle, d.Short.Text, d.Name, d.Full.Text, r.Message.Text, id),
		Advice: first(maxAdvice, d.Help.Text, d.Help.Markdown, d.Full.Text, d.Short.Text,
			fmt.Sprintf("Read what %s says of %s, and correct the flagged code.", rs.tool.Name, id)),
	}
	if x.secret {
		x.Class = checks.ClassCredential
	}
	if rs.tool.Secrets && x.Title == first(maxTitle, r.Message.Text) {
		x.Title = id // the message may hold the value
	}
	if u := d.HelpURI; len(u) <= maxReference && (strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://")) {
		x.References = []string{plain(u, maxReference)}
	}
	return x
}

// first gives the first text that says something, on one line.
func first(most int, texts ...string) string {
	for _, t := range texts {
		if t = plain(t, most); t != "" {
			return t
		}
	}
	return ""
}

// plain makes one valid line of at most so many bytes, without characters that
// cannot be seen.
func plain(s string, most int) string {
	if len(s) > 8*most {
		s = s[:8*most]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// worse compares severities; unrated is judged as high, so it is as bad.
func worse(a, b checks.Severity) bool {
	weight := func(s checks.Severity) int {
		if s == checks.Unrated {
			return 2*int(checks.High) - 1
		}
		return 2 * int(s)
	}
	return weight(a) > weight(b)
}

// severity rates a result: by the CVSS-like number that GitHub made the custom
// (CVSS v3.1, section 5, gives the bands), else by its level (3.27.10), else by
// its rule's. A tool that says none of them leaves it unrated.
func severity(d descriptor, r result) checks.Severity {
	for _, p := range []properties{r.Properties, d.Properties} {
		for _, s := range p.strings("security-severity") {
			if score, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil && score > 0 && score <= 10 {
				return band(score)
			}
		}
	}
	for _, level := range []string{r.Level, d.Default.Level} {
		switch level {
		case "error":
			return checks.High
		case "warning":
			return checks.Medium
		case "note":
			return checks.Low
		case "none":
			return checks.Info
		}
	}
	return checks.Unrated
}

func band(score float64) checks.Severity {
	switch {
	case score >= 9:
		return checks.Critical
	case score >= 7:
		return checks.High
	case score >= 4:
		return checks.Medium
	}
	return checks.Low
}

var weakness = regexp.MustCompile(`(?i)\bcwe[-_: ]{0,2}0*([1-9][0-9]{0,5})\b`)

// weaknesses gives the CWE ids from tags ("external/cwe/cwe-078", "CWE-78: ..."),
// from a property of that name, and from the taxa that rule or result refer to.
func weaknesses(d descriptor, r result, tags []string) []string {
	said := slices.Concat(tags, d.Properties.strings("cwe"), r.Properties.strings("cwe"))
	refs := slices.Clone(r.Taxa)
	for _, rel := range d.Relationships {
		refs = append(refs, rel.Target)
	}
	for _, ref := range refs {
		id := ref.ID
		if strings.EqualFold(ref.Component.Name, "cwe") && !strings.HasPrefix(strings.ToLower(id), "cwe") {
			id = "CWE-" + id
		}
		said = append(said, id)
	}
	var out []string
	for _, s := range said {
		for _, m := range weakness.FindAllStringSubmatch(s, maxWeaknesses) {
			if id := "CWE-" + m[1]; len(out) < maxWeaknesses && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}
