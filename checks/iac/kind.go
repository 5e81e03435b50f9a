package iac

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// kind is a kind of infrastructure as code.
type kind int

const (
	terraformKind kind = iota + 1
	dockerfileKind
	kubernetesKind
	cloudFormationKind
	armKind
	planKind
)

// plural names a kind in a report.
func (k kind) plural() string {
	switch k {
	case dockerfileKind:
		return "Dockerfiles"
	case kubernetesKind:
		return "Kubernetes manifests"
	case cloudFormationKind:
		return "CloudFormation templates"
	case armKind:
		return "Azure Resource Manager templates"
	case planKind:
		return "Terraform plans"
	}
	return "Terraform files"
}

// terraformFile says whether trivy's Terraform parser reads a file of this name.
func terraformFile(p string) bool {
	return slices.ContainsFunc([]string{".tf", ".tf.json", ".tofu", ".tofu.json"}, func(s string) bool { return strings.HasSuffix(p, s) })
}

// dockerfileName says whether a file is a Dockerfile by its name. What comes
// after the dot is mostly a stage or a platform, but dockerfile.go is not.
func dockerfileName(p string) bool {
	base := strings.ToLower(path.Base(p))
	ext := strings.TrimPrefix(path.Ext(base), ".")
	switch {
	case base == "dockerfile", base == "containerfile", ext == "dockerfile":
		return true
	case strings.HasPrefix(base, "dockerfile."), strings.HasPrefix(base, "containerfile"):
		return !otherExtension(ext)
	}
	return false
}

// otherExtension lists what dockerfile.EXT may be besides a Dockerfile: source
// code, documents and data about Dockerfiles (linguist's extensions of those
// languages), and the ignore file that BuildKit looks for beside each one.
func otherExtension(ext string) bool {
	return slices.Contains(strings.Fields(`bat c cc cfg cjs cpp cs css diff dockerignore go golden h hcl hpp html ini java
		js json json5 jsonc kt log lock lua md mjs nanorc patch php pl properties ps1 py rb rs rst scala sh snap sum sql
		svg swift tf tmlanguage tmpreferences toml ts tsx txt vim vue xml yaml yml zip`), ext)
}

// templateExtension: a Dockerfile that a program writes from this one. It is
// tried, since many are Dockerfiles as they stand.
func templateExtension(p string) bool {
	return slices.Contains([]string{".erb", ".gotmpl", ".in", ".j2", ".jinja", ".jinja2", ".mustache", ".template", ".tmpl", ".tpl"}, strings.ToLower(path.Ext(p)))
}

// hints are words whose presence makes a file worth parsing. Looking for them
// is all that happens to most JSON and YAML files.
type hints struct{ apiVersion, kind, aws, resources, deployment, format, planned, changes bool }

func (h *hints) look(b []byte) {
	for word, seen := range map[string]*bool{
		"apiVersion": &h.apiVersion, "kind": &h.kind, "AWS::": &h.aws, "Resources": &h.resources,
		"eploymentTemplate.json": &h.deployment, "format_version": &h.format,
		"planned_values": &h.planned, "resource_changes": &h.changes,
	} {
		*seen = *seen || bytes.Contains(b, []byte(word))
	}
}

// longestHint is how many bytes of one piece must be seen again with the next.
const longestHint = len("eploymentTemplate.json")

// kinds are those that the hints allow.
func (h hints) kinds(p string) []kind {
	var out []kind
	if h.apiVersion && h.kind {
		out = append(out, kubernetesKind)
	}
	if h.aws && h.resources {
		out = append(out, cloudFormationKind)
	}
	if !strings.HasSuffix(strings.ToLower(p), ".json") {
		return out
	}
	if h.deployment {
		out = append(out, armKind)
	}
	if h.format && (h.planned || h.changes) {
		out = append(out, planKind)
	}
	return out
}

// confirm says whether parsed documents are of a kind. The marks are:
//   - Kubernetes: apiVersion, kind and metadata of one document (Kubernetes
//     documentation, "Objects in Kubernetes", required fields);
//   - CloudFormation: a resource whose Type begins with AWS:: (User Guide,
//     "Template sections");
//   - Azure: $schema is one of the deployment templates' (documentation,
//     "Understand the structure and syntax of ARM templates");
//   - plan: format_version and planned_values or resource_changes (Terraform
//     documentation, "JSON Output Format", plan representation).
func (k kind) confirm(docs []*node) bool {
	return slices.ContainsFunc(docs, func(d *node) bool {
		switch k {
		case kubernetesKind:
			return d.child("apiVersion") != nil && d.child("kind") != nil && d.child("metadata") != nil
		case cloudFormationKind:
			r := d.child("Resources")
			return r != nil && slices.ContainsFunc(r.kids, func(r *node) bool { return strings.HasPrefix(r.scalar("Type"), "AWS::") })
		case armKind:
			schema := d.scalar("$schema")
			return strings.Contains(schema, "schema.management.azure.com/schemas/") && strings.Contains(schema, "eploymentTemplate.json")
		case planKind:
			return d.child("format_version") != nil && (d.child("planned_values") != nil || d.child("resource_changes") != nil)
		}
		return false
	})
}

// resembles says whether a file that cannot be parsed was meant to be of a
// kind: its marks stand where they would.
func (k kind) resembles(b []byte) bool {
	var marks []string
	switch k {
	case kubernetesKind:
		marks = []string{`(?m)(^|[{,])\s*"?apiVersion"?\s*:`, `(?m)(^|[{,])\s*"?kind"?\s*:`}
	case cloudFormationKind:
		marks = []string{`(?m)(^|[{,])\s*"?Resources"?\s*:`, `"?Type"?\s*:\s*["']?AWS::`}
	case armKind:
		marks = []string{`"\$schema"\s*:\s*"https?://schema\.management\.azure\.com/`}
	case planKind:
		marks = []string{`"format_version"\s*:`}
	}
	for _, m := range marks {
		if !regexp.MustCompile(m).Match(b) {
			return false
		}
	}
	return len(marks) > 0
}
