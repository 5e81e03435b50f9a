package iac

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/vitalsign-dev/vitalsign/checks/checktest"
)

// noSecrets stands for the redactor: nothing in these trees is one.
type noSecrets struct{}

func (noSecrets) Values(context.Context, string, string) []string { return nil }

const (
	volume = "resource \"aws_ebs_volume\" \"v\" {\n  availability_zone = \"a\"\n  encrypted         = false\n  kms_key_id        = \"alias/x\"\n}\n"
	safe   = "resource \"aws_ebs_volume\" \"v\" {\n  availability_zone = \"a\"\n  encrypted         = true\n  kms_key_id        = \"alias/x\"\n}\n"
)

func TestAccept(t *testing.T) {
	checktest.Accept(t, checktest.Suite{
		Check: New(), Redactor: noSecrets{},
		Clean: map[string]string{
			"main.tf": safe, "package.json": `{"kind": "x", "apiVersion": 1}`, "empty.yaml": "", "empty.tf": "",
			"notes.yml": "a: [1, 2]\n", "broken.json": "{", "x.tpl": "{{ .x }}", "v.tfvars": "a = 1\n", "Dockerfile.md": "# How",
		},
		One:     map[string]string{"infra/main.tf": volume, "README.md": "nothing\n"},
		OneRule: "AWS-0026", OnePath: "infra/main.tf",
		Many: map[string]string{"a/main.tf": volume, "b/main.tf": volume, "c/main.tf": volume, "Dockerfile": "FROM alpine\n"},
	})
}

func TestVersionsAreTheModules(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", b, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"github.com/aquasecurity/trivy": "v" + version, "github.com/aquasecurity/trivy-checks": "v" + checksVersion}
	for _, r := range mod.Require {
		if v, ok := want[r.Mod.Path]; ok {
			if v != r.Mod.Version {
				t.Errorf("go.mod has %s %s, the check says %s", r.Mod.Path, r.Mod.Version, v)
			}
			delete(want, r.Mod.Path)
		}
	}
	if len(want) > 0 {
		t.Errorf("not in go.mod: %v", want)
	}
	if strings.HasPrefix(version, "v") {
		t.Error("a version is written without v")
	}
}
