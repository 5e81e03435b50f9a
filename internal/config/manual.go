package config

import (
	"sort"
	"strings"
)

// ManualEntry is one thing that may stand in a configuration file, for its manual.
type ManualEntry struct {
	// Name is its dotted place; NAME in it is a word that people choose.
	Name string
	// Help says what it does, Allowed what may be written, "" for a section.
	Help, Allowed string
	// Default, Env and Flag are "" where there is none.
	Default, Env, Flag string
	// Outside says that a repository's file may not say it.
	Outside bool
	Example []string
}

// Manual lists what may stand in a file: the settings in the order of the
// template, then the blocks with their fields.
func Manual() []ManualEntry {
	var all []ManualEntry
	for _, k := range Keys() {
		all = append(all, ManualEntry{Name: k.Name, Help: k.Help, Allowed: k.Allowed(), Default: k.Default, Env: k.Env, Flag: k.Flag, Outside: k.Outside})
	}
	for _, b := range blocks() {
		all = append(all, ManualEntry{Name: b.name, Help: strings.TrimSpace(b.help + " " + b.note), Example: b.example})
		at := b.name + ".NAME"
		switch {
		case b.single:
			at = b.name
		case b.list:
			at = b.name + "[]"
		}
		all = append(all, b.item.entries(at)...)
	}
	return all
}

// entries are the fields of a record, and those of records within it.
func (s shape) entries(at string) (all []ManualEntry) {
	switch s.kind {
	case listShape:
		return s.item.entries(at + "[]")
	case tableShape:
		return s.item.entries(at + ".NAME")
	}
	fields := append([]field{}, s.fields...)
	sort.SliceStable(fields, func(i, j int) bool { return fields[i].required && !fields[j].required })
	for _, f := range fields {
		name := at + "." + f.name
		all = append(all, ManualEntry{Name: name, Help: f.help, Allowed: f.shape.allowed})
		all = append(all, f.shape.entries(name)...)
	}
	return all
}
