package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// decideParts gives the entries of blocks that hold. What somebody says
// outright holds over a repository's entry of the same name, for good: the
// repository is never asked to complete it.
func decideParts(layers []Layer) (map[string]part, []Notice) {
	held, repo := map[string]part{}, map[string]part{}
	for _, l := range layers {
		for name, p := range l.parts {
			into := held
			if p.origin.Kind == Repository {
				into = repo
			}
			if now, taken := into[name]; !taken || p.origin.Kind > now.origin.Kind {
				into[name] = p
			}
		}
	}
	var notices []Notice
	for _, name := range names(repo) {
		if said, outright := held[name]; !outright {
			held[name] = repo[name]
		} else if encode(said.tree) != encode(repo[name].tree) {
			notices = append(notices, Notice{Loosening: true, Ignored: repo[name].entryOf(name), Kept: said.entryOf(name)})
		}
	}
	return held, notices
}

func (p part) entryOf(name string) Entry { return Entry{name, brief(p.tree), p.origin} }

// isPart says that a key is the full name of an entry of a block.
func isPart(key string) bool {
	return slices.ContainsFunc(blocks(), func(b block) bool { return b.single && key == b.name || strings.HasPrefix(key, b.name+".") })
}

// bounded holds a repository's timeout of a tool down to the limit that every
// check has: a repository names a tool, it does not book the machine.
func (p part) bounded(name string, limit Entry, most time.Duration) (part, *Notice) {
	tree, ok := p.tree.(map[string]any)
	if !ok || p.origin.Kind != Repository || !strings.HasPrefix(name, blockExternal+".") {
		return p, nil
	}
	v, said := parseDuration(textOf(tree["timeout"]))
	if !said || v.n <= int64(most) {
		return p, nil
	}
	ignored := Entry{name + ".timeout", textOf(tree["timeout"]), p.origin}
	tree = maps.Clone(tree)
	tree["timeout"] = limit.Value
	return part{tree, p.origin}, &Notice{Loosening: true, Ignored: ignored, Kept: limit}
}

// setParts puts the entries that hold into the settings, whose limits are set
// by then, and tells of them.
func (s *Settings) setParts(layers []Layer, r *Resolution) {
	parts, notices := decideParts(layers)
	r.Notices = append(r.Notices, notices...)
	most := time.Duration(s.Limits.WallMS) * time.Millisecond
	limit := Entry{"limits.check_timeout", formatDuration(most), r.Origin("limits.check_timeout")}
	for _, full := range names(parts) {
		p, notice := parts[full].bounded(full, limit, most)
		if notice != nil {
			r.Notices = append(r.Notices, *notice)
		}
		r.Entries = append(r.Entries, p.entryOf(full))
		switch head, name, _ := strings.Cut(full, "."); head {
		case blockProjects:
			s.Projects = append(s.Projects, projectOf(name, p))
		case blockExternal:
			s.External = append(s.External, externalOf(name, p))
		case blockArtifacts:
			s.Artifacts = append(s.Artifacts, artifactOf(name, p))
		case blockDast:
			s.Dast = dastOf(p)
		case blockImages:
			if s.Images == nil {
				s.Images, s.ImageOrigins = map[string]string{}, map[string]Origin{}
			}
			s.Images[name], s.ImageOrigins[name] = textOf(p.tree), p.origin
		}
	}
}

// presetOnly says that an entry only names a preset, which any repository may.
func (p part) presetOnly(full string) bool {
	name, ok := strings.CutPrefix(full, blockExternal+".")
	return ok && externalOf(name, p).needs() == ""
}

// nobody is what a Change shows for an entry that is not there.
const nobody = "nothing"

// partLoosenings lists the entries of blocks that head changes, takes out, or
// adds where an addition is more than a preset, sorted by name.
func partLoosenings(base, head Layer) []Change {
	all := map[string]part{}
	maps.Copy(all, base.parts)
	maps.Copy(all, head.parts)
	changes := projectLoosenings(base, head)
	for _, name := range names(all) {
		if strings.HasPrefix(name, blockProjects+".") {
			continue
		}
		b, inBase := base.parts[name]
		h, inHead := head.parts[name]
		switch {
		case inBase && inHead && encode(b.tree) == encode(h.tree), !inBase && h.presetOnly(name):
		case !inBase:
			changes = append(changes, Change{Key: name, From: nobody, To: brief(h.tree), Origin: h.origin})
		case !inHead:
			changes = append(changes, Change{Key: name, From: brief(b.tree), To: nobody, Origin: removedFrom(b.origin), Removed: true})
		default:
			changes = append(changes, Change{Key: name, From: brief(b.tree), To: brief(h.tree) + others(b.tree, h.tree), Origin: h.origin})
		}
	}
	return changes
}

// others names the fields that differ, whose values may not be for showing.
func others(a, b any) string {
	was, _ := a.(map[string]any)
	is, ok := b.(map[string]any)
	if !ok {
		return ""
	}
	all := map[string]any{}
	maps.Copy(all, was)
	maps.Copy(all, is)
	differ := slices.DeleteFunc(names(all), func(f string) bool { return encode(was[f]) == encode(is[f]) })
	return " (another " + strings.Join(differ, ", ") + ")"
}

// tightenParts is base's entries with the presets that head adds (one more
// check is tighter), and the projects that count; tight is what counts for the
// repository.
func tightenParts(base, head, tight Layer) map[string]part {
	parts := map[string]part{}
	maps.Copy(parts, base.parts)
	maps.Copy(parts, tightenProjects(base, head, tight))
	for name, p := range head.parts {
		if _, inBase := base.parts[name]; !inBase && p.presetOnly(name) {
			parts[name] = p
		}
	}
	return parts
}

func compareEntries(a, b Entry) int { return cmp.Compare(a.Key, b.Key) }
