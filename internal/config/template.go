package config

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
)

// Template writes a vitalsign.yaml that explains itself: every setting with
// its help, what may be written, and its default, as comments. Settings that
// set names are written out instead, and so are its entries of blocks. What only
// others than a repository may say is prose, unless set names it. Prose begins with "## " and settings with
// "# ", so that taking "# " off a line (what editors do) sets it; a file with
// all of them taken off is valid. schemaURL, if not "", is where editors find
// the JSON Schema; that first line has to stay a comment.
func Template(schemaURL string, set Layer) string {
	var b strings.Builder
	if schemaURL != "" {
		// The line that the YAML language server looks for.
		b.WriteString("# yaml-language-server: $schema=" + schemaURL + "\n")
	}
	b.WriteString("## What vitalsign does in this repository. A setting counts when the \"# \" before\n" +
		"## it and before the section it is in is taken off. A flag or an environment\n" +
		"## variable counts more, and this file can only tighten what they say.\n")
	open := ""
	for _, k := range Keys() {
		parts := strings.Split(k.Name, ".")
		section := strings.Join(parts[:len(parts)-1], ".")
		if section == "" || section != open {
			b.WriteString("\n")
		}
		if section != open {
			writeSections(&b, set, parts[:len(parts)-1])
			open = section
		}
		k.writeTemplate(&b, set, len(parts)-1)
	}
	for _, bl := range blocks() {
		bl.writeTemplate(&b, set)
	}
	return b.String()
}

// writeSections writes the headings of a section, each commented out unless
// something in it is set.
func writeSections(b *strings.Builder, set Layer, names []string) {
	for depth, name := range names {
		mark := "# "
		if set.names(strings.Join(names[:depth+1], ".") + ".") {
			mark = ""
		}
		b.WriteString(mark + strings.Repeat("  ", depth) + name + ":\n")
	}
}

// names says whether the layer names a setting that begins with prefix.
func (l Layer) names(prefix string) bool {
	for key := range l.values {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

func (k Key) writeTemplate(b *strings.Builder, set Layer, depth int) {
	indent := strings.Repeat("  ", depth)
	b.WriteString("## " + indent + k.Help + "\n")
	b.WriteString("## " + indent + "Allowed: " + k.Allowed() + ".\n")
	s, ok := set.values[k.Name]
	if k.Outside && !ok {
		// A line of it would make the file one that a repository may not have.
		b.WriteString("## Not in a repository: say it with " + k.voices() + ".\n")
		return
	}
	if how := k.outside(); how != "" {
		b.WriteString("## " + indent + how + "\n")
	}
	mark, v := "# ", k.get(Defaults())
	if ok {
		mark, v = "", s.value
	}
	name := k.Name[strings.LastIndexByte(k.Name, '.')+1:]
	b.WriteString(mark + indent + name + ": " + k.yaml(v) + "\n")
}

// writeTemplate writes a block: what set has of it, else its empty form, which
// says nothing. Its examples are prose, because no repository has them all.
func (b block) writeTemplate(out *strings.Builder, set Layer) {
	leave := " Otherwise: --allow-exec NAME."
	if b.repository {
		leave = ""
	}
	out.WriteString("\n## " + b.help + "\n## " + b.note + leave + " Such as:\n##   " + b.name + ":\n")
	for _, line := range b.example {
		out.WriteString("##     " + line + "\n")
	}
	var lines []string
	for _, full := range names(set.parts) {
		if b.single && full == b.name {
			out.WriteString(b.name + ": " + encode(set.parts[full].tree) + "\n")
			return
		}
		name, ok := strings.CutPrefix(full, b.name+".")
		entry, isRecord := set.parts[full].tree.(map[string]any)
		switch {
		case !ok:
		case b.list && isRecord:
			entry = maps.Clone(entry)
			entry[b.key()] = name
			lines = append(lines, "  - "+encode(entry))
		default:
			lines = append(lines, "  "+plainName(name)+": "+encode(set.parts[full].tree))
		}
	}
	switch {
	case len(lines) > 0:
		out.WriteString(b.name + ":\n" + strings.Join(lines, "\n") + "\n")
	case b.list:
		out.WriteString("# " + b.name + ": []\n")
	default:
		out.WriteString("# " + b.name + ": {}\n")
	}
}

// plainName quotes the names that YAML takes for something else than text.
func plainName(name string) string {
	if name == "true" || name == "false" || name == "null" {
		return strconv.Quote(name)
	}
	return name
}

// outside says how else the setting is given.
func (k Key) outside() string {
	switch {
	case k.Flag != "" && k.Env != "":
		return "Also: --" + k.Flag + ", " + k.Env
	case k.Env != "":
		return "Also: " + k.Env
	}
	return ""
}

// yaml writes a value as YAML: lists in JSON's form, which is YAML's too.
func (k Key) yaml(v value) string {
	if !k.Type.isList() {
		return k.format(v)
	}
	out, err := json.Marshal(append([]string{}, v.list...))
	if err != nil {
		panic(err) // strings always encode
	}
	return string(out)
}
