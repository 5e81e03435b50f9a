package iac

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	trivychecks "github.com/aquasecurity/trivy-checks"
	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// catalogue is what is known of trivy's checks without compiling them.
type catalogue struct {
	rules  []checks.Rule
	digest string // SHA-256, hex, of every check and library
	// files holds the same rules by the file of the check.
	files map[string]checks.Rule
}

// readCatalogueOnce returns a function that reads the catalogue when it is
// first called. Every child describes every check, so this must be quick: the
// texts are taken from the comment at the head of each file, which is YAML
// (Open Policy Agent documentation, "Policy Annotations").
func readCatalogueOnce() func() (catalogue, error) {
	return sync.OnceValues(func() (catalogue, error) {
		h := sha256.New()
		fmt.Fprintf(h, "trivy %s\ntrivy-checks %s\n", version, checksVersion)
		c := catalogue{files: map[string]checks.Rule{}}
		err := eachModule(trivychecks.EmbeddedPolicyFileSystem, func(p string, b []byte) error {
			fmt.Fprintf(h, "%s %d\n%s", p, len(b), b)
			r, ok, err := ruleOf(b)
			if err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
			if ok {
				c.rules, c.files[p] = append(c.rules, r), r
			}
			return nil
		})
		if err != nil {
			return c, err
		}
		err = eachModule(trivychecks.EmbeddedLibraryFileSystem, func(p string, b []byte) error {
			fmt.Fprintf(h, "%s %d\n%s", p, len(b), b)
			return nil
		})
		slices.SortFunc(c.rules, func(a, b checks.Rule) int { return strings.Compare(a.ID, b.ID) })
		c.digest = hex.EncodeToString(h.Sum(nil))
		return c, err
	})
}

// eachModule calls f for each Rego file that trivy loads, in order of path.
func eachModule(fsys fs.FS, f func(p string, b []byte) error) error {
	return fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) != ".rego" || strings.HasSuffix(p, "_test.rego") {
			return err
		}
		b, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		return f(p, b)
	})
}

// header is the annotation at the head of a check: the fields that trivy reads
// (its documentation, "Custom checks", "Metadata").
type header struct {
	Title   string
	Text    string      `yaml:"description"`
	Related []yaml.Node `yaml:"related_resources"`
	Custom  struct {
		AVDID      string `yaml:"avd_id"`
		Severity   string
		Advice     string `yaml:"recommended_action"`
		Advices    string `yaml:"recommended_actions"`
		Deprecated bool
		Library    bool
		Frameworks map[string]yaml.Node
	}
}

// defaultFramework is the one that trivy runs when none is asked for. A check
// that names other frameworks only is not run.
const defaultFramework = "default"

// ruleOf reads the rule of a check, and says whether it is one that runs.
func ruleOf(module []byte) (checks.Rule, bool, error) {
	var h header
	if err := yaml.Unmarshal(annotation(module), &h); err != nil {
		return checks.Rule{}, false, err
	}
	_, runs := h.Custom.Frameworks[defaultFramework]
	if len(h.Custom.Frameworks) > 0 && !runs || h.Custom.Deprecated || h.Custom.Library || h.Custom.AVDID == "" {
		return checks.Rule{}, false, nil
	}
	id := ruleID(h.Custom.AVDID)
	advice := h.Custom.Advice
	if advice == "" {
		advice = h.Custom.Advices
	}
	if advice == "" {
		advice = h.Text
	}
	return checks.Rule{
		ID: id, Title: oneLine(h.Title), Severity: severity(h.Custom.Severity), Advice: oneLine(advice),
		References: links(h), Class: checks.ClassOf("trivy", id),
	}, true, nil
}

// annotation returns the YAML of the comment block that METADATA opens.
func annotation(module []byte) []byte {
	_, rest, ok := bytes.Cut(module, []byte("# METADATA\n"))
	if !ok {
		return nil
	}
	var out []byte
	for line := range bytes.Lines(rest) {
		text, ok := bytes.CutPrefix(line, []byte("#"))
		if !ok {
			break
		}
		out = append(out, bytes.TrimPrefix(text, []byte(" "))...)
	}
	return out
}

// ruleID is trivy's id as later versions write it: AWS-0088 for AVD-AWS-0088.
func ruleID(avd string) string { return strings.TrimPrefix(avd, "AVD-") }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func severity(s string) checks.Severity {
	v, err := checks.ParseSeverity(s)
	if err != nil {
		return checks.Unrated // UNKNOWN
	}
	return v
}

// maxReferences is how many links a rule keeps besides its own page.
const maxReferences = 3

// links are the rule's page in Aqua's database, whose address holds the
// old id, and the links of its author.
func links(h header) []string {
	refs := []string{"https://avd.aquasec.com/misconfig/" + strings.ToLower(h.Custom.AVDID)}
	for _, n := range h.Related {
		ref := n.Value
		var link struct{ Ref string }
		if n.Kind == yaml.MappingNode && n.Decode(&link) == nil {
			ref = link.Ref
		}
		if strings.HasPrefix(ref, "https://") && len(refs) <= maxReferences && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}
