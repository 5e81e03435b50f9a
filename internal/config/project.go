package config

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Project is a directory of a repository with a gate of its own.
type Project struct {
	// Path is the directory, relative to the repository's root.
	Path string
	// Name is what it is called; Path where nothing is said.
	Name string
	// Owner answers for it; "" where nothing is said.
	Owner string
	// Uses are patterns of further paths whose change touches it, too.
	Uses   []string
	Origin Origin
}

const (
	blockProjects = "projects"
	maxProjects   = 500
	maxOwner      = 200 // characters
	// A project's name is a part of categories and of what people type: it has
	// neither spaces nor anything that only looks like something else.
	projectForm = `^\.?[A-Za-z0-9_][A-Za-z0-9_./@+-]{0,126}$`
	// An empty part of a path, . or ..: then there is another spelling.
	uncleanForm    = `(?:^|/)\.{0,2}(?:/|$)`
	allowedProject = "a name of at most 128 letters, digits and _ . / @ + -, such as api or services/api"
)

var (
	projectRE = regexp.MustCompile(projectForm)
	uncleanRE = regexp.MustCompile(uncleanForm)
)

// projectKeys are the settings that a project may have of its own.
func projectKeys() []Key {
	var keys []Key
	for _, name := range []string{"fail_on", "unrated_as", "skip"} {
		k, _ := KeyNamed(name)
		keys = append(keys, k)
	}
	return keys
}

func projectsBlock() block {
	fields := []field{
		{name: "path", help: "The directory, relative to the repository's root.", shape: projectPathShape(), required: true},
		{name: "name", help: "What it is called (default: the path).", shape: textShape(allowedProject,
			func(text string) string { return unless(projectRE.MatchString(text), allowedProject) }, map[string]any{"pattern": projectForm})},
		{name: "owner", help: "Who answers for it (default: what CODEOWNERS says of the path).", shape: textShape("a name in one line, of at most 200 characters",
			func(text string) string {
				if strings.TrimSpace(text) == "" {
					return "is empty"
				}
				return wrongLine(text, maxOwner)
			}, map[string]any{"pattern": `\S`, "maxLength": maxOwner})},
		{name: "uses", help: "Further paths whose change touches it, too.", shape: patternsShape(false)},
	}
	for _, k := range projectKeys() {
		fields = append(fields, field{name: k.Name, help: k.Help + " In place of the repository's.", shape: keyShape(k)})
	}
	rules := map[string]any{"anyOf": []any{
		map[string]any{"required": []string{"name"}}, map[string]any{"properties": map[string]any{"path": map[string]any{"pattern": projectForm}}},
	}}
	return block{
		name: blockProjects, list: true, id: "path", most: maxProjects, repository: true,
		help:    "Directories of the repository that are scanned and judged one by one, each with an owner and a gate of its own; what is in none of them is one more.",
		note:    "They belong in the file at the repository's root.",
		example: []string{"- {path: services/api, name: api, owner: team-api, uses: [libs/**], fail_on: critical}", "- {path: services/web}"},
		item:    shape{kind: recordShape, whole: wholeProject, rules: rules, fields: fields},
		clash:   clashOfProjects,
	}
}

// projectPathShape is a directory below the root, in its one spelling.
func projectPathShape() shape {
	const allowed = "a directory of the repository such as services/api, relative to its root"
	return textShape(allowed, func(text string) string {
		if !inside(text) || uncleanRE.MatchString(text) {
			return "is not allowed; allowed: " + allowed
		}
		return wrongLine(text, maxPath)
	}, map[string]any{"pattern": insideForm, "not": map[string]any{"pattern": uncleanForm}, "maxLength": maxPath})
}

// keyShape is the shape of a setting that is also said outside of blocks.
func keyShape(k Key) shape {
	if k.Type == TypeSeverity {
		return choiceShape(severityTexts()...)
	}
	s := listShapeOf(textShape(k.Allowed(), func(text string) string { return k.entry(text) }, map[string]any{"pattern": nameForm}), 0, maxNames, k.Allowed())
	s.unordered = true
	return s
}

// wholeProject finds out in time that a path cannot be a name.
func wholeProject(tree map[string]any) string {
	if tree["name"] == nil && !projectRE.MatchString(textOf(tree["path"])) {
		return "its path cannot be its name, so it needs one: " + allowedProject
	}
	return ""
}

// clashOfProjects says what two projects have in common that they may not.
func clashOfProjects(aPath string, a map[string]any, bPath string, b map[string]any) string {
	switch {
	case overlap(aPath, bPath):
		return "the path " + quote(aPath) + " overlaps " + quote(bPath)
	case cmp.Or(textOf(a["name"]), aPath) == cmp.Or(textOf(b["name"]), bPath):
		return "the name " + quote(cmp.Or(textOf(a["name"]), aPath)) + " is that of " + quote(bPath) + ", too"
	}
	return ""
}

// overlap says that one path is, or lies in, the other.
func overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

func projectOf(at string, p part) Project {
	tree, _ := p.tree.(map[string]any)
	return Project{Path: at, Name: cmp.Or(textOf(tree["name"]), at), Owner: textOf(tree["owner"]), Uses: textsOf(tree["uses"]), Origin: p.origin}
}

// projects gives the entries of the block by path.
func (l Layer) projects() map[string]part {
	out := map[string]part{}
	for full, p := range l.parts {
		if at, ok := strings.CutPrefix(full, blockProjects+"."); ok {
			out[at] = p
		}
	}
	return out
}

// ForProject is the layer as it holds in the project at a path: what the
// project says of its own counts for what the layer says. A path of no project
// gives the layer as it is.
func (l Layer) ForProject(at string) Layer {
	p, ok := l.parts[blockProjects+"."+at]
	if !ok {
		return l
	}
	values := maps.Clone(l.values)
	if values == nil {
		values = map[string]setting{}
	}
	for _, k := range projectKeys() {
		if v, said := p.own(k); said {
			values[k.Name] = setting{v, p.origin}
		}
	}
	return Layer{values, l.parts}
}

// own is what a project says of a key itself.
func (p part) own(k Key) (value, bool) {
	tree, _ := p.tree.(map[string]any)
	raw, said := tree[k.Name]
	if !said {
		return value{}, false
	}
	if k.Type.isList() {
		return value{list: normal(textsOf(raw))}, true
	}
	return k.scalar(textOf(raw))
}

// setOwn writes a value as the parser would have read it.
func setOwn(tree map[string]any, k Key, v value) {
	if !k.Type.isList() {
		tree[k.Name] = k.format(v)
		return
	}
	tree[k.Name] = anys(v.list)
}

func anys(texts []string) []any {
	list := []any{}
	for _, t := range texts {
		list = append(list, t)
	}
	return list
}

// MissingProjects says of projects that their path is no directory below root.
// The error is Problems, each with its place.
func (l Layer) MissingProjects(root *os.Root) error {
	var problems Problems
	all := l.projects()
	for _, at := range names(all) {
		if why := notDirectory(root, at); why != "" {
			problems.add(all[at].origin, "%s: %s %s", blockProjects, quote(at), why)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// notDirectory says why a path is no directory of a tree, without following
// links: what lies behind one is another place.
func notDirectory(root *os.Root, at string) string {
	sofar := ""
	for name := range strings.SplitSeq(at, "/") {
		sofar = path.Join(sofar, name)
		info, err := root.Lstat(sofar)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "is not there"
		case err != nil:
			return "cannot be looked at: " + err.Error()
		case !info.IsDir():
			return "is no directory (" + quote(sofar) + " is none)"
		}
	}
	return ""
}

// projectLoosenings lists the projects of base that head takes out, those that
// it adds in the way of one, and the settings with which a project becomes
// looser: than it was, or, where head adds it, than the repository is.
func projectLoosenings(base, head Layer) []Change {
	was, is := base.projects(), head.projects()
	all := maps.Clone(was)
	maps.Copy(all, is)
	var changes []Change
	for _, at := range names(all) {
		full := blockProjects + "." + at
		b, inBase := was[at]
		h, inHead := is[at]
		if !inHead {
			changes = append(changes, Change{Key: full, From: brief(b.tree), To: nobody, Origin: removedFrom(b.origin), Removed: true})
			continue
		}
		if !inBase && inTheWay(was, at) {
			changes = append(changes, Change{Key: full, From: nobody, To: brief(h.tree), Origin: h.origin})
		}
		for _, k := range projectKeys() {
			_, baseSays := b.own(k)
			_, headSays := h.own(k)
			if !baseSays && !headSays {
				continue // the repository's own value is looked at by itself
			}
			before, after := base.ForProject(at).or(k).value, head.ForProject(at).or(k).value
			if rel := k.compare(after, before); rel == looser || rel == apart {
				changes = append(changes, Change{Key: full + "." + k.Name, From: k.format(before), To: k.format(after), Origin: h.origin})
			}
		}
		if used, uses := usesOf(b), usesOf(h); inBase && !within(used, uses) {
			changes = append(changes, Change{Key: full + ".uses", From: brief(anys(used)), To: brief(anys(uses)), Origin: h.origin})
		}
	}
	return changes
}

func usesOf(p part) []string {
	tree, _ := p.tree.(map[string]any)
	return textsOf(tree["uses"])
}

// inTheWay says that a path overlaps one of the projects.
func inTheWay(projects map[string]part, at string) bool {
	return slices.ContainsFunc(names(projects), func(p string) bool { return overlap(p, at) })
}

// tightenProjects gives the projects that count for a change: those of base as
// they are, each with the tighter of both sides' settings and with what either
// side says that it uses; and those that head adds where base has none, no
// looser than the repository is. Of a project that would take another's name
// the path is the name. tight is what counts for the repository.
func tightenProjects(base, head, tight Layer) map[string]part {
	was, is := base.projects(), head.projects()
	out, taken := map[string]part{}, map[string]bool{}
	for at, b := range was {
		tree := cloned(b.tree)
		h, inHead := is[at]
		for _, k := range projectKeys() {
			_, says := b.own(k)
			best := base.ForProject(at).or(k).value
			if inHead {
				best = k.tightest(best, head.ForProject(at).or(k).value)
			}
			if says || k.compare(best, tight.or(k).value) != same {
				setOwn(tree, k, best)
			}
		}
		if uses := normal(slices.Concat(usesOf(b), usesOf(h))); len(uses) > 0 {
			tree["uses"] = anys(uses)
		}
		out[blockProjects+"."+at] = part{tree, b.origin}
		taken[projectOf(at, b).Name] = true
	}
	for _, at := range names(is) {
		h := is[at]
		if _, inBase := was[at]; inBase || inTheWay(was, at) {
			continue
		}
		tree := cloned(h.tree)
		if taken[projectOf(at, h).Name] {
			delete(tree, "name")
		}
		if taken[projectOf(at, part{tree, h.origin}).Name] || wholeProject(withPath(tree, at)) != "" {
			continue // its files are the rest of the repository's
		}
		for _, k := range projectKeys() {
			if v, said := h.own(k); said {
				setOwn(tree, k, k.tightest(tight.or(k).value, v))
			}
		}
		out[blockProjects+"."+at] = part{tree, h.origin}
		taken[projectOf(at, part{tree, h.origin}).Name] = true
	}
	return out
}

func cloned(tree any) map[string]any {
	t, _ := tree.(map[string]any)
	if t = maps.Clone(t); t == nil {
		t = map[string]any{}
	}
	return t
}

func withPath(tree map[string]any, at string) map[string]any {
	tree = cloned(tree)
	tree["path"] = at
	return tree
}

// ProjectOf gives the project that a path is, or lies in; false where it is none
// of a project's.
func (l Layer) ProjectOf(at string) (Project, bool) {
	all := l.projects()
	for dir := at; dir != "." && dir != "/" && dir != ""; dir = path.Dir(dir) {
		if p, ok := all[dir]; ok {
			return projectOf(dir, p), true
		}
	}
	return Project{}, false
}

// Touches says whether a change at a path (a directory where git does not look
// into one) is one of the project, or of what it uses.
func (p Project) Touches(at string) bool {
	at = strings.TrimSuffix(at, "/")
	if overlap(p.Path, at) {
		return true
	}
	return slices.ContainsFunc(p.Uses, func(pattern string) bool {
		pattern = strings.TrimSuffix(pattern, "/")
		return doublestar.MatchUnvalidated(pattern, at) || doublestar.MatchUnvalidated(pattern+"/**", at)
	})
}

// DecidesAll says whether a change at a path may change how all of a repository
// is judged: configuration, what is passed over, waivers, roles and owners.
func DecidesAll(at string) bool {
	return slices.Contains(append(FileNames(), IgnoreFile, AttributesFile, "CODEOWNERS"), path.Base(at)) || at == ".vitalsign" || strings.HasPrefix(at, ".vitalsign/")
}
