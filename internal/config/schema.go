package config

import (
	"encoding/json"
	"strings"
)

// SchemaID names the format of vitalsign.yaml; the schema is published under it.
const SchemaID = "https://github.com/vitalsign-dev/vitalsign/schema/config/v1"

// Schema is the JSON Schema (draft 2020-12) of vitalsign.yaml, for editors. It
// is made from Keys and the blocks, for the user's file and for a repository's,
// which may not say all of it. It says all that Parse asks of single values
// except that a pattern is well formed, that its braces are few, that text
// prints, that projects do not overlap, and that a duration's parts sum up to no more than 9999d.
func Schema() []byte {
	root := object("Settings of vitalsign for a repository or a user.")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaID
	root["title"] = "vitalsign.yaml"
	for _, k := range Keys() {
		at := root
		parts := strings.Split(k.Name, ".")
		for _, name := range parts[:len(parts)-1] {
			at = below(at, name)
		}
		at["properties"].(map[string]any)[parts[len(parts)-1]] = k.schema()
	}
	for _, b := range blocks() {
		root["properties"].(map[string]any)[b.name] = b.schema()
	}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps, strings and numbers always encode
	}
	return append(out, '\n')
}

// object is a section; one whose lines are all comments is null.
func object(description string) map[string]any {
	o := map[string]any{"type": []string{"object", "null"}, "additionalProperties": false, "properties": map[string]any{}}
	if description != "" {
		o["description"] = description
	}
	return o
}

// below gives the section of that name, made if it is not there.
func below(section map[string]any, name string) map[string]any {
	properties := section["properties"].(map[string]any)
	o, ok := properties[name].(map[string]any)
	if !ok {
		o = object("")
		properties[name] = o
	}
	return o
}

// schema is the schema of one value.
func (k Key) schema() map[string]any {
	s := k.form()
	s["description"] = k.Help + " Allowed: " + k.Allowed() + "."
	if k.Outside {
		s["description"] = k.Help + " Allowed: " + k.Allowed() + ". Not in a repository's file."
	}
	v := k.get(Defaults())
	switch {
	case k.Type.isList():
		s["default"] = append([]string{}, v.list...)
	case k.Type == TypeSwitch:
		s["default"] = v.n != 0
	case k.Type == TypeCount:
		s["default"] = v.n
	default:
		s["default"] = k.format(v)
	}
	return s
}

// form says what may be written.
func (k Key) form() map[string]any {
	switch k.Type {
	case TypeSeverity:
		return map[string]any{"enum": severityTexts()}
	case TypeSandbox:
		return map[string]any{"enum": []string{sandboxRequired, sandboxBestEffort}}
	case TypeEngine:
		return map[string]any{"type": "string", "pattern": engineForm, "maxLength": maxEngine}
	case TypePlace:
		return map[string]any{"type": "string", "minLength": 1, "maxLength": maxPlace, "pattern": `^[^\x00-\x1f\x7f-\x9f]*$`} // no control characters
	case TypeSwitch:
		return map[string]any{"type": "boolean"}
	case TypeCount:
		return map[string]any{"type": "integer", "minimum": k.min, "maximum": k.max}
	case TypeAge:
		return map[string]any{"anyOf": []any{map[string]any{"const": ageOff}, notZero(durationForm)}}
	case TypeDuration:
		return notZero(durationForm)
	case TypeSize:
		return notZero(sizeForm)
	case TypeNames:
		return listOf(k, map[string]any{"type": "string", "pattern": nameForm})
	}
	return listOf(k, map[string]any{"type": "string", "pattern": `^[^/]`, "not": map[string]any{"pattern": dotForm}, "maxLength": maxPattern})
}

func notZero(form string) map[string]any {
	return map[string]any{"type": "string", "pattern": form, "not": map[string]any{"pattern": zeroForm}}
}

func listOf(k Key, items map[string]any) map[string]any {
	return map[string]any{"type": "array", "items": items, "maxItems": k.maxEntries(), "uniqueItems": true}
}
