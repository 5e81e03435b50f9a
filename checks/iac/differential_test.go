package iac

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aquasecurity/trivy/pkg/iac/rego"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/terraform"

	trivychecks "github.com/aquasecurity/trivy-checks"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/checktest"
)

func fixtures() map[string]string {
	return map[string]string{
		"live/main.tf":         volume + "module \"disks\" {\n  source = \"../modules/disk\"\n  count  = 2\n  secret = false\n}\n",
		"live/more.tf.json":    `{"resource": {"aws_s3_bucket": {"b": {"bucket": "x"}}}}`,
		"modules/disk/main.tf": "variable \"secret\" {}\nresource \"aws_ebs_volume\" \"d\" {\n  encrypted = var.secret\n}\n",
		"alone/main.tf":        "resource \"aws_security_group\" \"g\" {\n  ingress {\n    cidr_blocks = [\"0.0.0.0/0\"]\n    from_port = 22\n    to_port = 22\n    protocol = \"tcp\"\n  }\n}\n",
		"Dockerfile":           "FROM alpine\nRUN apk add curl\nADD a b\n",
		"web.yaml":             pod, "pod.json": podJSON, "stack.yaml": stack, "stack.json": stackJSON, "azure.json": azure,
	}
}

// The same results as trivy's own scanners over the plain directory, with all
// the options that its command has by default.
func TestSameResultsAsTrivy(t *testing.T) {
	root := checktest.WriteTree(t, fixtures())
	run := scanDir(t, root, checks.DefaultLimits())
	wantStatus(t, run, checks.OK)
	var got []string
	for _, f := range run.Findings {
		got = append(got, fmt.Sprintf("%s %s:%d-%d", f.Rule.ID, f.Location.Path, f.Location.StartLine, f.Location.EndLine))
	}
	slices.Sort(got)
	want := trivyResults(t, root)
	got, want = slices.Compact(got), slices.Compact(want)
	if len(want) < 40 {
		t.Fatalf("trivy says only %d things", len(want))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("we say %d things and trivy %d\n%s\n\n%s", len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func trivyResults(t *testing.T, root string) []string {
	t.Helper()
	e, err := newEngine()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	add := func(s fsScanner, fsys fs.FS, dir string) {
		all, err := s.ScanFS(t.Context(), fsys, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all.GetFailed() {
			out = append(out, fmt.Sprintf("%s %s:%d-%d", ruleID(r.Rule().AVDID), r.Range().GetLocalFilename(), r.Range().GetStartLine(), r.Range().GetEndLine()))
		}
	}
	add(terraform.New(append(offline(), rego.WithRegoScanner(e.rego), terraform.ScannerWithAllDirectories(true))...), os.DirFS(root), ".")
	for p, k := range map[string]kind{
		"Dockerfile": dockerfileKind, "web.yaml": kubernetesKind, "pod.json": kubernetesKind,
		"stack.yaml": cloudFormationKind, "stack.json": cloudFormationKind, "azure.json": armKind,
	} {
		add(e.scanner(k), os.DirFS(root), p)
	}
	slices.Sort(out)
	return out
}

func TestTwoRunsAreEqual(t *testing.T) {
	root := checktest.WriteTree(t, fixtures())
	one, two := scanDir(t, root, checks.DefaultLimits()), scanDir(t, root, checks.DefaultLimits())
	if len(one.Findings) == 0 || !reflect.DeepEqual(one.Findings, two.Findings) {
		t.Error("two runs of one tree differ")
	}
	if !reflect.DeepEqual(one.Steps[0].Coverage, two.Steps[0].Coverage) {
		t.Error("the coverage of two runs of one tree differs")
	}
}

// The rules read from the heads of the files are those that trivy reads, all
// that it runs and no other.
func TestRulesAreTrivys(t *testing.T) {
	known, err := readCatalogueOnce()()
	if err != nil {
		t.Fatal(err)
	}
	all, err := rego.LoadPoliciesFromDirs(trivychecks.EmbeddedPolicyFileSystem, ".")
	if err != nil {
		t.Fatal(err)
	}
	keep := []rego.RegoModuleFilter{rego.FrameworksFilter(nil), rego.IncludeDeprecatedFilter(false), rego.TrivyVersionFilter(version)}
	n := 0
	for p, m := range all {
		meta, err := rego.MetadataFromAnnotations(m)
		if err != nil {
			t.Fatal(err)
		}
		runs := !slices.ContainsFunc(keep, func(f rego.RegoModuleFilter) bool { return !f(m, meta) })
		r, has := known.files[p]
		if runs != has {
			t.Errorf("%s: trivy runs it: %v, we know it: %v", path.Base(p), runs, has)
		}
		if !has {
			continue
		}
		n++
		if r.ID != ruleID(meta.AVDID) || r.Title != oneLine(meta.Title) || r.Severity != severity(meta.Severity) {
			t.Errorf("%s: %+v is not %s %q %s", p, r, meta.AVDID, meta.Title, meta.Severity)
		}
		if meta.RecommendedActions != "" && r.Advice != oneLine(meta.RecommendedActions) {
			t.Errorf("%s: advice %q is not %q", p, r.Advice, meta.RecommendedActions)
		}
	}
	if n < 400 || n != len(known.rules) {
		t.Errorf("%d rules, of %d that we know", n, len(known.rules))
	}
}
