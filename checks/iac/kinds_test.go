package iac

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

const (
	pod = `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      containers:
        - name: nginx
          image: nginx
          securityContext:
            privileged: true
`
	podJSON = `{
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {"name": "p"},
	"spec": {"containers": [
		{"name": "c", "image": "x",
		 "securityContext": {"privileged": true}}
	]}
}
`
	stack = `AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Size: {Type: Number}
Resources:
  Disk:
    Type: AWS::EC2::Volume
    Properties:
      Size: !Ref Size
      AvailabilityZone: a
      Encrypted: false
`
	stackJSON = `{
	"Resources": {
		"Disk": {
			"Type": "AWS::EC2::Volume",
			"Properties": {
				"AvailabilityZone": "a",
				"Encrypted": false
			}
		}
	}
}
`
	azure = `{
  // A comment is allowed here.
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {},
  "resources": [
    {
      "type": "Microsoft.Storage/storageAccounts",
      "apiVersion": "2021-04-01",
      "name": "[concat('st', 'ore')]",
      "properties": {
        "supportsHttpsTrafficOnly": false
      }
    }
  ]
}
`
	planned = `{
  "format_version": "1.2",
  "terraform_version": "1.9.0",
  "planned_values": {"root_module": {"child_modules": [{
    "address": "module.disks",
    "resources": [
      {
        "address": "module.disks.aws_ebs_volume.v[0]",
        "mode": "managed", "type": "aws_ebs_volume", "name": "v"
      }
    ]
  }]}},
  "resource_changes": [
    {"address": "module.disks.aws_ebs_volume.v[0]", "change": {"actions": ["create"], "after": {"encrypted": false}}}
  ]
}
`
)

func TestKinds(t *testing.T) {
	for name, c := range map[string]struct{ path, content, want string }{
		"terraform":            {"a/main.tf", volume, "AWS-0026 a/main.tf:3-3 aws_ebs_volume.v"},
		"terraform JSON":       {"main.tf.json", `{"resource": {"aws_ebs_volume": {"v": {` + "\n" + `"encrypted": false}}}}`, "AWS-0026 main.tf.json:2-2 aws_ebs_volume.v"},
		"dockerfile":           {"Dockerfile", "FROM alpine:3\nUSER x\nRUN apk add curl\n", "DS-0025 Dockerfile:3-3 "},
		"dockerfile of a name": {"x/Dockerfile.prod", "FROM alpine\n", "DS-0001 x/Dockerfile.prod:1-1 "},
		"whole dockerfile":     {"containerfile", "FROM alpine:3\n", "DS-0002 containerfile:0-0 "},
		"kubernetes":           {"k/web.yaml", pod, "KSV-0017 k/web.yaml:14-17 Deployment/shop/web/nginx"},
		"kubernetes JSON":      {"pod.json", podJSON, "KSV-0017 pod.json:6-7 Pod/p/c"},
		"cloudformation":       {"stack.yml", stack, "AWS-0026 stack.yml:10-10 Disk"},
		"cloudformation JSON":  {"stack.json", stackJSON, "AWS-0026 stack.json:7-7 Disk"},
		"azure":                {"azure.json", azure, "AZU-0008 azure.json:12-12 Microsoft.Storage/storageAccounts/[concat('st', 'ore')]"},
		"plan":                 {"tfplan.json", planned, "AWS-0026 tfplan.json:8-8 module.disks.aws_ebs_volume.v"},
		"plan on one line":     {"tfplan.json", strings.ReplaceAll(planned, "\n", " "), "AWS-0026 tfplan.json:0-0 module.disks.aws_ebs_volume.v"},
	} {
		t.Run(name, func(t *testing.T) {
			run := scanTree(t, map[string]string{c.path: c.content})
			wantStatus(t, run, checks.OK)
			wantFinding(t, run, c.want)
		})
	}
}

// A comment in the tree silences nothing.
func TestIgnoreCommentsDoNotCount(t *testing.T) {
	for p, content := range map[string]string{
		"main.tf":    "#trivy:ignore:*\n" + strings.Replace(volume, "= false", "= false #tfsec:ignore:*", 1),
		"Dockerfile": "FROM alpine:3\n#trivy:ignore:*\nRUN apk add curl\n",
		"stack.yaml": strings.ReplaceAll(stack, "      Encrypted", "      #trivy:ignore:*\n      Encrypted"),
	} {
		run := scanTree(t, map[string]string{p: content})
		wantStatus(t, run, checks.OK)
		if !slices.ContainsFunc(run.Findings, func(f checks.Finding) bool { return f.Rule.ID == "AWS-0026" || f.Rule.ID == "DS-0025" }) {
			t.Errorf("%s silenced the check: %q", p, lines(run))
		}
	}
}

// Identity is the resource: it survives moves and renamed files, and differs
// between resources.
func TestIdentityIsTheResource(t *testing.T) {
	id := func(p, content string) string {
		for _, f := range scanTree(t, map[string]string{p: content}).Findings {
			if f.Rule.ID == "AWS-0026" {
				return f.Fingerprint
			}
		}
		t.Fatalf("no finding in %s", p)
		return ""
	}
	one := id("main.tf", volume)
	if moved := id("x/y.tf", "# above\n\n"+strings.ReplaceAll(volume, "false", "!true")); moved != one {
		t.Error("the finding changed when the file was moved and its text rewritten")
	}
	if other := id("main.tf", strings.Replace(volume, `"v"`, `"w"`, 1)); other == one {
		t.Error("two resources have one identity")
	}
}

func TestCharts(t *testing.T) {
	run := scanTree(t, map[string]string{
		"charts/web/Chart.yaml": "name: web\nversion: 1.0.0\n", "charts/web/values.yaml": "a: 1\n",
		"charts/web/templates/d.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {{ .x }}\n",
		"broken.yaml":                 "apiVersion: v1\nkind: Pod\nmetadata: {{ .x }\n  a: [\n",
	})
	wantStatus(t, run, checks.OK)
	if u := unread(run, "Helm charts"); u.Count != 1 || u.Command == "" || u.Examples[0] != "charts/web/Chart.yaml" {
		t.Errorf("charts: %+v", u)
	}
	if u := unread(run, "Kubernetes manifests that could not be parsed"); u.Count != 1 || u.Examples[0] != "broken.yaml" {
		t.Errorf("broken manifests: %+v", u)
	}
}

func TestBrokenFilesOfAKnownName(t *testing.T) {
	run := scanTree(t, map[string]string{
		"a/main.tf": volume, "a/broken.tf": "resource \"x\" {\n", "Dockerfile": "NONSENSE here\n",
		"x.tfvars": "a = = 1\n", "unknown.tf": "nonsense \"x\" {}\n", "Dockerfile.tmpl": "{{ if }}\n",
	})
	wantStatus(t, run, checks.Partial)
	wantFinding(t, run, "AWS-0026 a/main.tf:3-3 aws_ebs_volume.v")
	for p, words := range map[string]string{
		"a/broken.tf": "line 1: Unclosed configuration block", "Dockerfile": "unknown instruction",
		"x.tfvars": "line 1: Invalid expression", "unknown.tf": "line 1: Unsupported block type",
	} {
		if s := skipped(run, p); s.Reason != checks.SkipUnparsable || !strings.Contains(s.Detail, words) {
			t.Errorf("%s: %+v", p, s)
		}
	}
	if u := unread(run, "Dockerfiles that could not be parsed"); u.Count != 1 {
		t.Errorf("a template of a Dockerfile: %+v", u)
	}
}
