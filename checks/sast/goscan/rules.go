package goscan

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/issue"
	"github.com/securego/gosec/v2/rules"
)

// Rule is one of gosec's rules.
type Rule struct {
	ID       string // "G401"
	Title    string
	Severity string // that of most of its issues: HIGH, MEDIUM or LOW
	CWE      string // "327", or empty
	CWEName  string
	Help     string // what is wrong and what to do instead
}

// Rules lists every rule that can fire, sorted by ID.
func Rules() []Rule {
	config := gosec.NewConfig()
	texts := ruleTexts()
	var list []Rule
	for id, def := range rules.Generate(false).Rules {
		r := newRule(id, def.Description, texts[id])
		built, _ := def.Create(id, config)
		if meta, ok := metaData(built); ok && r.Severity == "" {
			r.Severity = meta.Severity.String()
		}
		list = append(list, r)
	}
	for id, def := range analyzers.Generate(false).Analyzers {
		list = append(list, newRule(id, def.Description, texts[id]))
	}
	slices.SortFunc(list, func(a, b Rule) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func newRule(id, title string, text ruleText) Rule {
	r := Rule{ID: id, Title: title, Severity: text.severity, Help: text.help}
	r.CWE, r.CWEName = weakness(id)
	return r
}

// weakness returns the rule's CWE number and name. gosec assigns a number to
// three rules that its own list of weaknesses lacks, and then says nothing.
// Names are from https://cwe.mitre.org/data/.
func weakness(id string) (number, name string) {
	switch id {
	case "G116":
		return "838", "Inappropriate Encoding for Output Context"
	case "G121":
		return "346", "Origin Validation Error"
	case "G710":
		return "601", "URL Redirection to Untrusted Site ('Open Redirect')"
	}
	if w := issue.GetCweByRule(id); w != nil {
		return w.ID, w.Name
	}
	return "", ""
}

// metaData returns what a rule on syntax says of itself: each embeds it,
// directly or not, and gosec's Rule interface does not show it.
func metaData(r gosec.Rule) (issue.MetaData, bool) {
	v := reflect.Indirect(reflect.ValueOf(r))
	if v.Kind() != reflect.Struct {
		return issue.MetaData{}, false
	}
	f := v.FieldByName("MetaData")
	if !f.IsValid() || !f.CanInterface() {
		return issue.MetaData{}, false
	}
	meta, ok := f.Interface().(issue.MetaData)
	return meta, ok
}
