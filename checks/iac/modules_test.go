package iac

import (
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func TestLocalModule(t *testing.T) {
	run := scanTree(t, map[string]string{
		"live/main.tf":        "module \"disks\" {\n  source   = \"../modules/disk\"\n  for_each = toset([\"a\", \"b.c\"])\n  secret   = false\n}\n",
		"modules/disk/v.tf":   "variable \"secret\" {}\nresource \"aws_ebs_volume\" \"v\" {\n  count     = 2\n  encrypted = var.secret\n}\n",
		"modules/disk/out.tf": "output \"x\" { value = 1 }\n",
	})
	wantStatus(t, run, checks.OK)
	wantFinding(t, run, "AWS-0026 modules/disk/v.tf:4-4 module.disks.aws_ebs_volume.v")
	seen := map[string]bool{}
	for _, l := range lines(run) {
		if seen[l] {
			t.Errorf("%s is said twice", l)
		}
		seen[l] = true
	}
}

func TestModulesThatAreNotThere(t *testing.T) {
	run := scanTree(t, map[string]string{
		"main.tf":   volume + "module \"vpc\" {\n  source  = \"terraform-aws-modules/vpc/aws\"\n  version = \"5.0\"\n}\nmodule \"up\" {\n  source = \"../outside\"\n}\n",
		"b/main.tf": "module \"private\" {\n  source = \"git::https://me:password@example.org/x.git\"\n}\n",
	})
	wantStatus(t, run, checks.OK)
	wantFinding(t, run, "AWS-0026 main.tf:3-3 aws_ebs_volume.v")
	u := unread(run, "Terraform modules not on disk")
	if u.Count != 2 || u.Command != "terraform init" || len(u.Examples) != 2 || u.Examples[1] != `main.tf:6 module "vpc"` {
		t.Errorf("remote modules: %+v", u)
	}
	if strings.Contains(strings.Join(u.Examples, " "), "password") {
		t.Error("the address of a module is repeated")
	}
	if u := unread(run, "local Terraform modules that are not in the target"); u.Count != 1 {
		t.Errorf("local modules: %+v", u)
	}
}

// Modules that terraform init put beside the configuration are followed, and
// are no roots.
func TestInstalledModule(t *testing.T) {
	run := scanTree(t, map[string]string{
		"main.tf":                         "module \"disk\" {\n  source = \"example/disk/aws\"\n}\n",
		".terraform/modules/modules.json": `{"Modules":[{"Key":"","Source":"","Dir":"."},{"Key":"disk","Source":"registry.terraform.io/example/disk/aws","Version":"1.0.0","Dir":".terraform/modules/disk"}]}`,
		".terraform/modules/disk/main.tf": volume,
	})
	wantStatus(t, run, checks.OK)
	wantFinding(t, run, "AWS-0026 .terraform/modules/disk/main.tf:3-3 module.disk.aws_ebs_volume.v")
	if len(run.Steps[0].Coverage.Unread) > 0 {
		t.Errorf("unread: %+v", run.Steps[0].Coverage.Unread)
	}
}

// A module that no evaluation reaches is judged all the same.
func TestModuleThatIsNeverLoaded(t *testing.T) {
	for name, how := range map[string]string{
		"count of none":    "count = 0",
		"unknown for_each": "for_each = data.x.y.z",
	} {
		t.Run(name, func(t *testing.T) {
			run := scanTree(t, map[string]string{
				"main.tf":   "module \"m\" {\n  source = \"./m\"\n  " + how + "\n}\n",
				"m/main.tf": volume,
			})
			wantStatus(t, run, checks.OK)
			wantFinding(t, run, "AWS-0026 m/main.tf:3-3 aws_ebs_volume.v")
		})
	}
}

func TestModulesInACircle(t *testing.T) {
	run := scanTree(t, map[string]string{
		"main.tf":      volume + "module \"a\" {\n  source = \"./a\"\n}\n",
		"a/main.tf":    "module \"b\" {\n  source = \"../b\"\n}\n",
		"b/main.tf":    "module \"a\" {\n  source = \"../a\"\n}\n",
		"self/main.tf": "module \"me\" {\n  source = \"./.\"\n}\n",
	})
	wantStatus(t, run, checks.Partial)
	wantFinding(t, run, "AWS-0026 main.tf:3-3 aws_ebs_volume.v")
	for _, p := range []string{"a/main.tf", "b/main.tf", "self/main.tf"} {
		if s := skipped(run, p); !strings.Contains(s.Detail, "circle") {
			t.Errorf("%s: %+v", p, s)
		}
	}
}

func TestTerraformAddress(t *testing.T) {
	for want, refs := range map[string][]string{
		"aws_s3_bucket.b":                    {"aws_s3_bucket.b"},
		"module.one.module.two.aws_vpc.main": {"ingress.cidr", "ingress", `aws_vpc.main[0]`, `module.two["x.]y"]`, "module.one"},
		"data.aws_iam_policy_document.d":     {"data.aws_iam_policy_document.d.statement"},
		"module.m":                           {"module.m[1]"},
		"":                                   {""},
	} {
		if got := terraformAddress(refs); got != want {
			t.Errorf("%q is %q, want %q", refs, got, want)
		}
	}
}
