package iac

import "github.com/vitalsign-dev/vitalsign/checks"

// canary holds one mistake of each kind, small enough to be judged for every
// target. They are lines that nobody would deploy.
func canary() checks.Canary {
	file := func(p string, lines ...string) checks.CanaryFile {
		f := checks.CanaryFile{Path: p}
		for _, l := range lines {
			f.Parts = append(f.Parts, l, "\n")
		}
		return f
	}
	return checks.Canary{
		Files: []checks.CanaryFile{
			file("terraform/main.tf", `resource "aws_ebs_volume" "v" {`, `  availability_zone = "a"`, `  encrypted         = false`, `}`),
			file("image/Dockerfile", `FROM scratch`, `MAINTAINER nobody`),
			file("manifest.yaml", `apiVersion: v1`, `kind: Pod`, `metadata: {name: p}`,
				`spec: {containers: [{name: c, securityContext: {privileged: true}}]}`),
			file("stack.yaml", `Resources:`, `  V:`, `    Type: AWS::EC2::Volume`, `    Properties: {AvailabilityZone: a, Encrypted: false}`),
			file("azure.json", `{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",`,
				`"parameters": {}, "resources": [{"type": "Microsoft.Storage/storageAccounts", "name": "s",`,
				`"properties": {"supportsHttpsTrafficOnly": false}}]}`),
			file("plan.json", `{"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {"root_module": {"resources":`,
				`[{"address": "aws_ebs_volume.v", "mode": "managed", "type": "aws_ebs_volume", "name": "v"}]}}, "resource_changes":`,
				`[{"address": "aws_ebs_volume.v", "change": {"actions": ["create"], "after": {"encrypted": false}}}]}`),
		},
		Hits: []checks.CanaryHit{
			{Path: "terraform/main.tf", Rule: "AWS-0026"},
			{Path: "image/Dockerfile", Rule: "DS-0022"},
			{Path: "manifest.yaml", Rule: "KSV-0017"},
			{Path: "stack.yaml", Rule: "AWS-0026"},
			{Path: "azure.json", Rule: "AZU-0008"},
			{Path: "plan.json", Rule: "AWS-0026"},
		},
	}
}
