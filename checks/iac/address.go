package iac

import (
	"crypto/md5"
	"fmt"
	"strconv"
	"strings"

	"github.com/aquasecurity/trivy/pkg/iac/scan"
	"github.com/aquasecurity/trivy/pkg/iac/types"
)

// placer returns what turns a result of a single file into a finding.
func placer(k kind, p string, docs []*node, newlines int) func(scan.Result) finding {
	address := func(scan.Result) string { return "" }
	switch k {
	case kubernetesKind:
		address = func(r scan.Result) string { return kubernetesAddress(docs, r.Range().GetStartLine()) }
	case cloudFormationKind:
		address = func(r scan.Result) string { return logicalID(docs, r) }
	case armKind:
		address = func(r scan.Result) string { return azureAddress(docs, references(r)) }
	case planKind:
		return planPlacer(p, docs, newlines)
	}
	return func(r scan.Result) finding {
		f := found(r)
		f.path, f.start, f.end, f.address = p, r.Range().GetStartLine(), r.Range().GetEndLine(), address(r)
		f.anchor = strings.ToLower(k.plural()) + ":file"
		return f
	}
}

func found(r scan.Result) finding {
	return finding{rule: ruleID(r.Rule().AVDID), message: strings.TrimSuffix(oneLine(r.Description()), ".")}
}

// chain returns a result's metadata from the inside out: attribute, block,
// resource, module.
func chain(r scan.Result) []types.Metadata {
	var out []types.Metadata
	m := r.Metadata()
	for at := &m; at != nil; at = at.Parent() {
		out = append(out, *at)
	}
	return out
}

func references(r scan.Result) []string {
	var out []string
	for _, m := range chain(r) {
		out = append(out, m.Reference())
	}
	return out
}

// terraformAddress is the address of the resource that a result lies in, as
// Terraform writes it (its documentation, "Resource Addressing") but without
// instance keys: module.net.aws_vpc.main.
func terraformAddress(refs []string) string {
	var modules []string
	resource := ""
	for _, ref := range refs {
		ref = withoutKeys(ref)
		if strings.HasPrefix(ref, "module.") {
			modules = append([]string{ref}, modules...)
		} else if len(modules) == 0 && ref != "" {
			resource = ref
		}
	}
	parts, keep := strings.Split(resource, "."), 2
	if parts[0] == "data" {
		keep = 3
	}
	resource = strings.Join(parts[:min(keep, len(parts))], ".")
	if resource != "" {
		modules = append(modules, resource)
	}
	return strings.Join(modules, ".")
}

// withoutKeys drops every [0] and ["name"] of an address.
func withoutKeys(s string) string {
	var out strings.Builder
	inKey, inText := false, false
	for _, r := range s {
		switch {
		case inKey && r == '"':
			inText = !inText
		case inKey && r == ']' && !inText:
			inKey = false
		case inKey:
		case r == '[':
			inKey = true
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// kubernetesAddress names the object around a line, and the container within
// it: Deployment/shop/web/nginx.
func kubernetesAddress(docs []*node, line int) string {
	object, container := "", ""
	for _, d := range docs {
		d.deepest(line, func(n *node) {
			meta := n.child("metadata")
			if n.child("kind") != nil && meta != nil {
				object, container = n.scalar("kind"), ""
				for _, part := range []string{meta.scalar("namespace"), meta.scalar("name"), meta.scalar("generateName")} {
					if part != "" {
						object += "/" + part
					}
				}
			}
			for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
				for _, c := range kids(n.child(list)) {
					if c.line <= line && line <= c.end && c.scalar("name") != "" {
						container = "/" + c.scalar("name")
					}
				}
			}
		})
	}
	return object + container
}

func kids(n *node) []*node {
	if n == nil {
		return nil
	}
	return n.kids
}

// logicalID names a resource of a CloudFormation template. Only the parents of
// a property carry it; a resource itself is known by its lines.
func logicalID(docs []*node, r scan.Result) string {
	line := r.Range().GetStartLine()
	for _, d := range docs {
		resources := d.child("Resources")
		for _, ref := range references(r) {
			if resources.child(ref) != nil {
				return ref
			}
		}
		for _, res := range kids(resources) {
			if res.line <= line && line <= res.end {
				return res.key
			}
		}
	}
	return ""
}

// azureAddress turns trivy's path of a value (resources[0].properties.x) into
// type and name of the innermost resource around it. A name may be an
// expression, which is kept as it is written.
func azureAddress(docs []*node, refs []string) string {
	if len(docs) == 0 || len(refs) == 0 {
		return ""
	}
	var out []string
	at := docs[0]
	for _, step := range strings.Split(refs[0], ".") {
		key, index, isItem := strings.Cut(step, "[")
		at = at.child(key)
		if isItem && at != nil {
			i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if err != nil || i < 0 || i >= len(at.kids) {
				return strings.Join(out, "/")
			}
			at = at.kids[i]
		}
		if at == nil {
			break
		}
		if at.scalar("type") != "" && at.scalar("name") != "" {
			out = append(out, at.scalar("type")+"/"+at.scalar("name"))
		}
	}
	return strings.Join(out, "/")
}

// planPlacer maps trivy's results back to a plan: it writes a plan as
// Terraform text, in which a resource of a module carries the MD5 of the
// module's address in its name.
func planPlacer(p string, docs []*node, newlines int) func(scan.Result) finding {
	type resource struct {
		address string
		line    int
	}
	named := map[string]resource{}
	var walk func(module *node)
	walk = func(module *node) {
		for _, r := range kids(module.child("resources")) {
			address, typ, name := r.scalar("address"), r.scalar("type"), r.scalar("name")
			if strings.HasPrefix(address, "module.") {
				within, _, _ := strings.Cut(address, "."+typ+".")
				name = fmt.Sprintf("%s_%x", name, md5.Sum([]byte(strings.TrimSuffix(within, ".data"))))
			}
			key := typ + "." + name
			if r.scalar("mode") == "data" {
				key = "data." + key
			}
			if _, known := named[key]; !known && r.child("address") != nil {
				named[key] = resource{withoutKeys(address), r.child("address").line}
			}
		}
		for _, m := range kids(module.child("child_modules")) {
			walk(m)
		}
	}
	for _, d := range docs {
		walk(d.child("planned_values").child("root_module"))
	}
	return func(r scan.Result) finding {
		f := found(r)
		written := terraformAddress(references(r))
		res, known := named[written]
		if !known {
			res.address = written
		}
		f.path, f.address, f.anchor = p, res.address, "terraform plans:file"
		if newlines > 1 { // a plan is mostly one line, which shows nothing
			f.start, f.end = res.line, res.line
		}
		return f
	}
}
