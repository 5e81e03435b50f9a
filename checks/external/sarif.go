package external

import (
	"bytes"
	"encoding/json"
)

// Bounds of one report. They are far above what a tool writes for the largest
// repositories, and keep the decoded report within a child's memory.
const (
	maxReport  = 64 << 20
	maxRuns    = 100
	maxResults = 200_000
	maxList    = 50_000
)

// The parts of SARIF 2.1.0 (OASIS standard, sections 3.13 and following) that
// say something about a finding. Everything else is not looked at.
type (
	document struct { // read by parser.document
		Version string
		Runs    []run
	}
	run struct { // read by parser.run
		Tool struct {
			Driver     component       `json:"driver"`
			Extensions list[component] `json:"extensions"`
		}
		Invocations list[invocation]
		Bases       map[string]artifact
		Artifacts   list[struct {
			Location artifact `json:"location"`
		}]
		ColumnKind string
		// Results is nil when the tool says that it did not scan (3.14.23).
		Results []result
	}
	component struct {
		Name  string           `json:"name"`
		GUID  string           `json:"guid"`
		Rules list[descriptor] `json:"rules"`
	}
	descriptor struct {
		ID       string          `json:"id"`
		Name     string          `json:"name"`
		Short    text            `json:"shortDescription"`
		Full     text            `json:"fullDescription"`
		Help     text            `json:"help"`
		HelpURI  string          `json:"helpUri"`
		Messages map[string]text `json:"messageStrings"`
		Default  struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
		Relationships list[struct {
			Target reference `json:"target"`
		}] `json:"relationships"`
		Properties properties `json:"properties"`
	}
	text struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown"`
	}
	message struct {
		text
		ID        string       `json:"id"`
		Arguments list[string] `json:"arguments"`
	}
	reference struct {
		ID        string `json:"id"`
		Index     *int   `json:"index"`
		Component struct {
			Name  string `json:"name"`
			Index *int   `json:"index"`
			GUID  string `json:"guid"`
		} `json:"toolComponent"`
	}
	invocation struct {
		Successful    *bool              `json:"executionSuccessful"`
		Execution     list[notification] `json:"toolExecutionNotifications"`
		Configuration list[notification] `json:"toolConfigurationNotifications"`
	}
	notification struct {
		Level      string         `json:"level"`
		Message    message        `json:"message"`
		Descriptor reference      `json:"descriptor"`
		Locations  list[location] `json:"locations"`
	}
	result struct {
		RuleID        string          `json:"ruleId"`
		RuleIndex     *int            `json:"ruleIndex"`
		Rule          *reference      `json:"rule"`
		Kind          string          `json:"kind"`
		Level         string          `json:"level"`
		BaselineState string          `json:"baselineState"`
		Message       message         `json:"message"`
		Locations     list[location]  `json:"locations"`
		Taxa          list[reference] `json:"taxa"`
		Properties    properties      `json:"properties"`
		Flows         list[struct {
			Threads list[struct {
				Steps list[struct {
					Location location `json:"location"`
				}] `json:"locations"`
			}] `json:"threadFlows"`
		}] `json:"codeFlows"`
	}
	location struct {
		Message  text `json:"message"`
		Physical struct {
			Artifact artifact `json:"artifactLocation"`
			Region   region   `json:"region"`
		} `json:"physicalLocation"`
		Logical list[struct {
			Name     string `json:"name"`
			FullName string `json:"fullyQualifiedName"`
		}] `json:"logicalLocations"`
	}
	artifact struct {
		URI   string `json:"uri"`
		Base  string `json:"uriBaseId"`
		Index *int   `json:"index"`
	}
	region struct {
		StartLine   int  `json:"startLine"`
		StartColumn int  `json:"startColumn"`
		EndLine     int  `json:"endLine"`
		EndColumn   int  `json:"endColumn"` // the column after the last
		Snippet     text `json:"snippet"`
	}
)

// properties are the property bags, in which tools put a severity, tags and
// weaknesses; each by its own custom, so that each is read by hand.
type properties map[string]json.RawMessage

// UnmarshalJSON takes a bag that is no object (some tools write null or a list)
// for an empty one.
func (p *properties) UnmarshalJSON(b []byte) error {
	var m map[string]json.RawMessage
	if json.Unmarshal(b, &m) == nil {
		*p = m
	}
	return nil
}

// strings gives a property that is a string, a number or a list of strings.
func (p properties) strings(name string) []string {
	raw := p[name]
	var one string
	var many []string
	var number json.Number
	switch {
	case len(raw) == 0:
	case json.Unmarshal(raw, &one) == nil:
		return []string{one}
	case json.Unmarshal(raw, &many) == nil:
		return many
	case json.Unmarshal(raw, &number) == nil:
		return []string{number.String()}
	}
	return nil
}

// list is a list of at most maxList: a short report can otherwise hold millions
// of empty objects.
type list[T any] []T

// UnmarshalJSON reads the list element by element.
func (l *list[T]) UnmarshalJSON(b []byte) error {
	p := parser{json.NewDecoder(bytes.NewReader(b))}
	return p.array(maxList, func() error {
		var v T
		err := p.d.Decode(&v)
		*l = append(*l, v)
		return err
	})
}
