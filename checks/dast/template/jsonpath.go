package template

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// jsonPath is the part of jq's language (https://jqlang.org/manual/#basic-filters)
// that only descends: .name, ."name", ["name"], [0], [] and .[].
type jsonPath []step

// step goes to a member, to an element, or to all of either.
type step struct {
	name  string
	index int
	kind  byte // 'n', 'i' or '*'
}

var errJSONPath = errors.New("a JSON path that does more than to descend")

func parseJSONPath(s string) (jsonPath, error) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, ".") || len(s) > maxPattern {
		return nil, errJSONPath
	}
	if s == "." {
		return nil, nil
	}
	var path jsonPath
	for s != "" {
		st, rest, err := parseStep(s)
		if err != nil {
			return nil, err
		}
		path = append(path, st)
		s = rest
	}
	return path, nil
}

func parseStep(s string) (step, string, error) {
	s, dotted := strings.CutPrefix(s, ".")
	switch {
	case strings.HasPrefix(s, "["):
		inner, rest, ok := strings.Cut(s[1:], "]")
		if !ok {
			return step{}, "", errJSONPath
		}
		st, err := bracket(strings.TrimSpace(inner))
		return st, rest, err
	case !dotted:
		return step{}, "", errJSONPath
	case strings.HasPrefix(s, `"`):
		name, rest, ok := strings.Cut(s[1:], `"`)
		if !ok || strings.Contains(name, `\`) {
			return step{}, "", errJSONPath
		}
		return step{kind: 'n', name: name}, rest, nil
	}
	n := 0
	for n < len(s) && (letter(s[n]) || n > 0 && s[n] >= '0' && s[n] <= '9') {
		n++
	}
	if n == 0 {
		return step{}, "", errJSONPath
	}
	return step{kind: 'n', name: s[:n]}, s[n:], nil
}

func bracket(inner string) (step, error) {
	if inner == "" {
		return step{kind: '*'}, nil
	}
	if i, err := strconv.Atoi(inner); err == nil && i >= 0 {
		return step{kind: 'i', index: i}, nil
	}
	if len(inner) >= 2 && inner[0] == '"' && inner[len(inner)-1] == '"' && !strings.ContainsAny(inner[1:len(inner)-1], `"\`) {
		return step{kind: 'n', name: inner[1 : len(inner)-1]}, nil
	}
	return step{}, errJSONPath
}

// lookupJSON gives the values at some paths: texts as they are, the rest as
// JSON. What is no JSON has none.
func lookupJSON(doc string, paths []jsonPath) []string {
	d := json.NewDecoder(strings.NewReader(doc))
	d.UseNumber()
	var root any
	if d.Decode(&root) != nil {
		return nil
	}
	var out []string
	for _, p := range paths {
		for _, v := range p.descend(root) {
			if s, ok := v.(string); ok {
				out = append(out, s)
			} else if b, err := json.Marshal(v); err == nil && v != nil {
				out = append(out, string(b))
			}
		}
	}
	return out
}

func (p jsonPath) descend(root any) []any {
	at := []any{root}
	for _, s := range p {
		var next []any
		for _, v := range at {
			next = append(next, s.from(v)...)
			if len(next) > maxValues {
				next = next[:maxValues]
				break
			}
		}
		at = next
	}
	return at
}

func (s step) from(v any) []any {
	switch x := v.(type) {
	case map[string]any:
		if s.kind == '*' {
			var all []any
			for _, k := range slices.Sorted(maps.Keys(x)) {
				all = append(all, x[k])
			}
			return all
		}
		if child, ok := x[s.name]; ok && s.kind == 'n' {
			return []any{child}
		}
	case []any:
		if s.kind == '*' {
			return x
		}
		if s.kind == 'i' && s.index < len(x) {
			return x[s.index : s.index+1]
		}
	}
	return nil
}
