package external

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/checks"
)

//go:embed presets/*.yaml
var files embed.FS

// preset is a declaration as its file has it. The names are those of
// checks.Tool.
type preset struct {
	Title        string            `yaml:"title"`
	Command      string            `yaml:"command"`
	Args         []string          `yaml:"args"`
	Stdout       bool              `yaml:"stdout"`
	VersionArgs  []string          `yaml:"version_args"`
	Timeout      int64             `yaml:"timeout"` // seconds
	Network      bool              `yaml:"network"`
	FindingsExit []int             `yaml:"findings_exit"`
	Claims       []string          `yaml:"claims"`
	Languages    []string          `yaml:"languages"`
	Env          map[string]string `yaml:"env"`
	Files        map[string]string `yaml:"files"`
	Withhold     []string          `yaml:"withhold"`
	Secrets      bool              `yaml:"secrets"`
	Place        string            `yaml:"place"`
	Install      string            `yaml:"install"`
	Canary       struct {
		Files []struct {
			Path  string   `yaml:"path"`
			Parts []string `yaml:"parts"`
		} `yaml:"files"`
		Hits []struct {
			Path string `yaml:"path"`
			Rule string `yaml:"rule"`
		} `yaml:"hits"`
	} `yaml:"canary"`
}

// Presets are the tools that are known by name, in order of name. They are
// part of the program, and a test reads every one.
func Presets() []checks.Tool {
	tools, err := presets(files)
	if err != nil {
		panic(err) // built in
	}
	return tools
}

func presets(from fs.FS) ([]checks.Tool, error) {
	names, err := fs.Glob(from, "presets/*.yaml")
	if err != nil {
		return nil, err
	}
	var out []checks.Tool
	for _, name := range names { // sorted by Glob
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		t, err := decode(strings.TrimSuffix(strings.TrimPrefix(name, "presets/"), ".yaml"), b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// decode reads one declaration. A key that is not known is an error.
func decode(name string, b []byte) (checks.Tool, error) {
	var p preset
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil {
		return checks.Tool{}, err
	}
	t := checks.Tool{
		Name: name, Title: p.Title, Command: p.Command, Args: p.Args, Stdout: p.Stdout, VersionArgs: p.VersionArgs,
		TimeoutMS: p.Timeout * 1000, Network: p.Network, FindingsExit: p.FindingsExit, Languages: p.Languages,
		Env: p.Env, Files: p.Files, Withhold: p.Withhold, Secrets: p.Secrets, Place: p.Place, Install: p.Install,
	}
	for _, pattern := range p.Claims {
		t.Claims = append(t.Claims, checks.Claim{Pattern: pattern})
	}
	for _, f := range p.Canary.Files {
		t.Canary.Files = append(t.Canary.Files, checks.CanaryFile{Path: f.Path, Parts: f.Parts})
	}
	for _, h := range p.Canary.Hits {
		t.Canary.Hits = append(t.Canary.Hits, checks.CanaryHit{Path: h.Path, Rule: h.Rule})
	}
	return t, Validate(t)
}

// Validate says what is wrong with a declaration, from wherever it comes.
func Validate(t checks.Tool) error {
	if t.Name == "" || t.Command == "" || len(t.Claims) == 0 {
		return fmt.Errorf("tool %q: name, command and claims are needed", t.Name)
	}
	patterns := slices.Clone(t.Claims)
	for _, w := range t.Withhold {
		patterns = append(patterns, checks.Claim{Pattern: w})
	}
	if _, err := checks.NewClaimSet(patterns); err != nil {
		return fmt.Errorf("tool %s: %w", t.Name, err)
	}
	for name := range t.Files {
		if !fs.ValidPath(name) || strings.Contains(name, "/") || name == "." {
			return fmt.Errorf("tool %s: %q among its files is not a base name", t.Name, name)
		}
	}
	for _, f := range t.Canary.Files {
		if !fs.ValidPath(f.Path) {
			return fmt.Errorf("tool %s: %q is no path of a canary", t.Name, f.Path)
		}
	}
	text := strings.Join(t.Args, " ") + strings.Join(slices.Collect(maps.Values(t.Env)), " ")
	if !t.Stdout && len(t.Files) == 0 && !strings.Contains(text, "{report}") {
		return fmt.Errorf("tool %s: it is told nowhere to write {report}, and not to be read from standard output", t.Name)
	}
	if _, ok := t.Env[checks.IdentityKeyEnv]; ok {
		return fmt.Errorf("tool %s: %s is not for tools", t.Name, checks.IdentityKeyEnv)
	}
	return nil
}
