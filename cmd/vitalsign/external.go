package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
)

// described are all checks of a target: those of vitalsign-check, then its
// external tools by name.
func (s *scanner) described(o opened) []checks.Description {
	if o.tree.Target.Kind == kindURL {
		return liveChecks(s.tool.Checks)
	}
	all := slices.Clone(s.tool.Checks)
	for _, name := range slices.Sorted(maps.Keys(o.tools)) {
		all = append(all, o.tools[name].Describe())
	}
	return all
}

// externalTools makes the tools that a target's configuration names. What
// needs leave and has none is wrong usage: left out in silence it would pass
// for having been asked.
func (s *scanner) externalTools(o opened) (map[string]*checks.Tool, error) {
	for _, r := range o.settings.Refused() {
		if r.Block != "artifacts" { // those are for vitalsign build
			return nil, usageError("%s", r)
		}
	}
	tools := map[string]*checks.Tool{}
	for _, e := range o.settings.External {
		if slices.ContainsFunc(s.tool.Checks, func(d checks.Description) bool { return d.Name == e.Name }) {
			return nil, usageError("%s: external.%s: there is a check of that name", e.Origin, e.Name)
		}
		t, err := s.externalTool(o, e)
		if err != nil {
			return nil, err
		}
		tools[e.Name] = &t
	}
	return tools, nil
}

// externalTool lays what a configuration says over the preset.
func (s *scanner) externalTool(o opened, e config.External) (checks.Tool, error) {
	t := checks.Tool{Command: e.Command}
	if e.Preset != "" {
		i := slices.IndexFunc(s.tool.Presets, func(p checks.Tool) bool { return p.Name == e.Preset })
		if i < 0 {
			var known []string
			for _, p := range s.tool.Presets {
				known = append(known, p.Name)
			}
			return t, usageError("%s: external.%s: there is no preset %q%s; the presets are %s", e.Origin, e.Name, e.Preset, misspell.Hint(e.Preset, known), strings.Join(known, ", "))
		}
		t = s.tool.Presets[i]
		t.Image = o.settings.Images[e.Preset]
	}
	t.Name = e.Name
	if image := o.settings.Images[e.Name]; image != "" {
		t.Image = image
	}
	overlay(&t, e)
	t.Image = imageAt(o.tree.Root, t.Image)
	return t, nil
}

func overlay(t *checks.Tool, e config.External) {
	if e.Command != "" {
		t.Command = e.Command
	}
	if e.Image != "" {
		t.Image = e.Image
	}
	if e.Args != nil {
		t.Args = e.Args
	}
	if e.Stdout != nil {
		t.Stdout = *e.Stdout
	}
	if e.Timeout > 0 {
		t.TimeoutMS = e.Timeout.Milliseconds()
	}
	if e.Network != nil {
		t.Network = *e.Network
	}
	if e.FindingsExit != nil {
		t.FindingsExit = e.FindingsExit
	}
	if e.Env != nil {
		t.Env = e.Env
	}
	if e.Files != nil {
		t.Claims = nil
		for _, f := range e.Files {
			t.Claims = append(t.Claims, checks.Claim{Pattern: f})
		}
	}
}

// imageAt makes the path of a tarball or root filesystem absolute; a relative
// one lies in the repository.
func imageAt(root, image string) string {
	if p, ok := checks.ImagePlace(image); ok && !filepath.IsAbs(p) {
		return strings.TrimSuffix(image, p) + filepath.Join(root, p)
	}
	return image
}
