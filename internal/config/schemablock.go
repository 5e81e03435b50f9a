package config

// schema is the schema of a block; one whose lines are all comments is null.
// That names in a list are unique is not in it.
func (b block) schema() map[string]any {
	s := map[string]any{"description": b.help + " " + b.note}
	if b.single {
		for word, v := range b.item.schema() {
			s[word] = v
		}
		s["type"] = []string{"object", "null"}
		return s
	}
	if b.list {
		s["type"], s["items"], s["maxItems"] = []string{"array", "null"}, b.item.schema(), b.bound()
		return s
	}
	s["type"], s["additionalProperties"], s["maxProperties"] = []string{"object", "null"}, b.item.schema(), maxParts
	s["propertyNames"] = map[string]any{"pattern": nameForm}
	return s
}

func (s shape) schema() map[string]any {
	out := map[string]any{}
	switch s.kind {
	case recordShape:
		return s.recordSchema()
	case listShape:
		out["type"], out["items"], out["maxItems"] = "array", s.item.schema(), s.most
		if s.least > 0 {
			out["minItems"] = s.least
		}
		if s.unordered {
			out["uniqueItems"] = true
		}
	case tableShape:
		out["type"], out["additionalProperties"], out["maxProperties"] = "object", s.item.schema(), s.most
		out["propertyNames"] = map[string]any{"pattern": s.keys.String()}
	case atomShape:
		for word, v := range s.form {
			out[word] = v
		}
	}
	return out
}

func (s shape) recordSchema() map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range s.fields {
		p := f.shape.schema()
		p["description"] = f.help
		if f.shape.allowed != "" {
			p["description"] = f.help + " Allowed: " + f.shape.allowed + "."
		}
		properties[f.name] = p
		if f.required {
			required = append(required, f.name)
		}
	}
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if s.bare {
		out["type"] = []string{"object", "null"}
	}
	if len(required) > 0 {
		out["required"] = required
	}
	for word, v := range s.rules {
		out[word] = v
	}
	return out
}
