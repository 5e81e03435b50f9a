package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/misspell"
)

// Kind says who speaks. A later kind weighs more.
type Kind int

// The kinds in growing weight. The zero value is nobody's word.
const (
	Default Kind = iota
	User
	Repository
	Environment
	Flag
)

func (k Kind) String() string {
	names := [...]string{"default", "user", "repository", "environment", "flag"}
	if k < 0 || int(k) >= len(names) {
		return names[Default]
	}
	return names[k]
}

// Origin is where a value was said. Name is a file's path for people, an
// environment variable, or a flag with its dashes; Line and Column count from
// 1 (columns in characters), 0 where there are none.
type Origin struct {
	Kind         Kind
	Name         string
	Line, Column int
}

// String is the place for people: "vitalsign.yaml:3", "VITALSIGN_FAIL_ON",
// "--fail-on", or "default".
func (o Origin) String() string {
	switch {
	case o.Kind == Default:
		return o.Kind.String()
	case o.Line > 0:
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	}
	return o.Name
}

// Layer is what one source says: some of the settings, each with its origin.
// The zero Layer says nothing. A Layer is never changed once it is made.
type Layer struct {
	values map[string]setting
	// parts holds the entries of blocks by full name ("external.semgrep").
	parts map[string]part
}

type setting struct {
	value  value
	origin Origin
}

// Lookup gives the text and the origin of what the layer says for a key or an
// entry of a block ("external.semgrep"), the latter in short.
func (l Layer) Lookup(key string) (text string, origin Origin, ok bool) {
	if p, ok := l.parts[key]; ok {
		return brief(p.tree), p.origin, true
	}
	s, ok := l.values[key]
	if !ok {
		return "", Origin{}, false
	}
	k, _ := KeyNamed(key)
	return k.format(s.value), s.origin, true
}

// Empty says that the layer says nothing.
func (l Layer) Empty() bool { return len(l.values) == 0 && len(l.parts) == 0 }

// Merge makes one layer of several; of those that name a key, or an entry of a
// block, the first counts. It is for files of one kind, nearest first.
func Merge(layers ...Layer) Layer {
	values, parts := map[string]setting{}, map[string]part{}
	for _, l := range layers {
		for key, s := range l.values {
			if _, taken := values[key]; !taken {
				values[key] = s
			}
		}
		for name, p := range l.parts {
			if _, taken := parts[name]; !taken {
				parts[name] = p
			}
		}
	}
	return Layer{values, parts}
}

// FromEnviron reads the environment variables of Keys. An empty variable is
// one that is not set. Wrong values are Problems; the layer is then empty.
func FromEnviron(getenv func(string) string) (Layer, error) {
	values := map[string]setting{}
	var problems Problems
	for _, k := range Keys() {
		if k.Env == "" {
			continue
		}
		text := getenv(k.Env)
		if text == "" {
			continue
		}
		if k.Type == TypeSwitch {
			// What other tools take for a switch in the environment.
			text = cmp.Or(map[string]string{"1": "true", "0": "false"}[text], text)
		}
		k.fromText(text, Origin{Kind: Environment, Name: k.Env}, values, &problems)
	}
	return layerOr(Layer{values: values}, problems)
}

// FromFlags reads the flags that were given: dotted key to text, a list
// joined by commas. Wrong values, and keys that no flag sets, are Problems;
// the layer is then empty.
func FromFlags(given map[string]string) (Layer, error) {
	values := map[string]setting{}
	var problems Problems
	for _, k := range Keys() {
		if text, ok := given[k.Name]; ok && k.Flag != "" {
			k.fromText(text, Origin{Kind: Flag, Name: "--" + k.Flag}, values, &problems)
		}
	}
	for name := range given {
		if k, _ := KeyNamed(name); k.Flag == "" {
			problems.add(Origin{Kind: Flag}, "no flag sets %s", quote(name))
		}
	}
	return layerOr(Layer{values: values}, problems)
}

// fromText reads a value that is no YAML: any case for words, lists by comma.
func (k Key) fromText(text string, o Origin, values map[string]setting, problems *Problems) {
	if k.Type.isList() {
		list := splitList(text)
		for _, e := range list {
			if wrong := k.entry(e); wrong != "" {
				problems.add(o, "%s %s", quote(e), wrong)
				return
			}
		}
		if len(list) > k.maxEntries() {
			problems.add(o, "%d entries; allowed: %s", len(list), k.Allowed())
			return
		}
		values[k.Name] = setting{value{list: list}, o}
		return
	}
	v, ok := k.scalar(strings.TrimSpace(text))
	if !ok && k.Type != TypeSize && k.Type != TypeCount && k.Type != TypeEngine && k.Type != TypePlace {
		v, ok = k.scalar(strings.ToLower(strings.TrimSpace(text)))
	}
	if !ok {
		problems.add(o, "%s is not allowed; allowed: %s%s", quote(text), k.Allowed(), misspell.Hint(text, k.Words()))
		return
	}
	values[k.Name] = setting{v, o}
}

// splitList splits at commas and leaves out what is empty or said twice.
func splitList(text string) []string {
	var list []string
	for _, e := range strings.Split(text, ",") {
		if e = strings.TrimSpace(e); e != "" {
			list = append(list, e)
		}
	}
	return normal(list)
}

// normal sorts a list and drops repetitions: the order means nothing.
func normal(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func layerOr(l Layer, problems Problems) (Layer, error) {
	if len(problems) > 0 {
		return Layer{}, problems
	}
	return l, nil
}
