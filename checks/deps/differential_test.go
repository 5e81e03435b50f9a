package deps

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/enricher/vulnmatch/osvlocal"
	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/inventory"
	"github.com/google/osv-scalibr/plugin/config"

	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
)

// Real lock files: an older web service in Go, and an older Django project.
const (
	realGoMod = `module clinic.example/portal

go 1.20

require (
	github.com/gin-gonic/gin v1.7.0
	github.com/dgrijalva/jwt-go v3.2.0+incompatible
	github.com/gogo/protobuf v1.3.1
	golang.org/x/crypto v0.0.0-20200622213623-75b288015ac9
	golang.org/x/net v0.7.0
	golang.org/x/text v0.3.5
	google.golang.org/grpc v1.50.0
	gopkg.in/yaml.v2 v2.2.1
	github.com/docker/docker v20.10.7+incompatible
	github.com/containerd/containerd v1.5.0
	k8s.io/kubernetes v1.21.0
	github.com/hashicorp/vault v1.9.0
	github.com/opencontainers/runc v1.0.0-rc93
	github.com/prometheus/client_golang v1.11.0
)
`
	realRequirements = `Django==2.2.0
Pillow==8.1.0
requests==2.19.1
urllib3==1.24.1
PyYAML==5.3
jinja2==2.10
cryptography==3.2
numpy==1.16.0
Flask==0.12.2
Werkzeug==0.15.3
lxml==4.6.2
aiohttp==3.7.3
tornado==6.0
tensorflow==2.3.0
`
)

func TestRealLockFilesMatchAsScalibrDoes(t *testing.T) {
	data := realData(t)
	dir := t.TempDir()
	if _, err := osvdb.Import(t.Context(), dir, data, time.Now(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"go.mod": realGoMod, "requirements.txt": realRequirements} {
		r := reading{check: newCheck(t), tree: newTree(t, map[string]string{name: content}), notes: newNotes()}
		var pkgs []*extractor.Package
		for _, e := range r.readers(name) {
			pkgs = append(pkgs, extract(t, r, e.Name(), name)...)
		}
		compare(t, data, dir, pkgs, 20)
	}
}

// Every package of the data, at the versions that its advisories name: the
// edges of every range.
func TestEdgesOfRealDataMatchAsScalibrDoes(t *testing.T) {
	data := realData(t)
	dir := t.TempDir()
	if _, err := osvdb.Import(t.Context(), dir, data, time.Now(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	for eco, kind := range map[string]string{"Go": "golang", "PyPI": "pypi"} {
		var pkgs []*extractor.Package
		for _, key := range edges(t, filepath.Join(data, eco, "all.zip"), 150) {
			pkgs = append(pkgs, &extractor.Package{Name: key.name, Version: key.version, PURLType: kind, Location: extractor.LocationFromPath("x")})
		}
		compare(t, data, dir, pkgs, 300)
	}
}

type nameVersion struct{ name, version string }

// edges takes every stride-th record of an export.
func edges(t *testing.T, export string, records int) []nameVersion {
	t.Helper()
	z, err := zip.OpenReader(export)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	set := map[nameVersion]bool{}
	for i, f := range z.File {
		if i%max(1, len(z.File)/records) != 0 {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := osvdb.ParseRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		for key, a := range rec.Packages {
			for _, part := range a.Affected {
				for _, rg := range part.Ranges {
					for _, e := range rg.Events {
						set[nameVersion{key.Name, strings.Replace(e.Version(), "0", "0.0.1", boolToInt(e.Version() == "0"))}] = true
					}
				}
				for _, v := range part.Versions[:min(3, len(part.Versions))] {
					set[nameVersion{key.Name, v}] = true
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b nameVersion) int {
		return strings.Compare(a.name+" "+a.version, b.name+" "+b.version)
	})
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compare holds the (package, advisory) pairs of both against each other.
func compare(t *testing.T, data, dir string, pkgs []*extractor.Package, least int) {
	t.Helper()
	theirs := scalibrPairs(t, data, pkgs)
	ours := ourPairs(t, dir, pkgs)
	if len(theirs) < least {
		t.Fatalf("scalibr finds %d pairs in %d packages only: this compares nothing", len(theirs), len(pkgs))
	}
	for _, p := range sortedKeys(theirs) {
		if !ours[p] {
			t.Errorf("only scalibr has %s", p)
		}
	}
	for _, p := range sortedKeys(ours) {
		if !theirs[p] && !knownDifference(p) {
			t.Errorf("only we have %s", p)
		}
	}
	t.Logf("%d packages, %d pairs of theirs, %d of ours", len(pkgs), len(theirs), len(ours))
}

// knownDifference: scalibr lower-cases the namespace of a Go module's package
// URL and then does not recognise the module's own name in it, so that modules
// with a capital letter never match.
func knownDifference(pair string) bool {
	name, _, _ := strings.Cut(pair, "@")
	return strings.Contains(name, "/") && name != strings.ToLower(name)
}

func ourPairs(t *testing.T, dir string, pkgs []*extractor.Package) map[string]bool {
	t.Helper()
	r := reading{check: newCheck(t), tree: newTree(t, map[string]string{"x": ""}), notes: newNotes()}
	byEco := map[string][]dependency{}
	for _, p := range pkgs {
		if d, ok := r.dependency("test", "x", p); ok {
			byEco[d.ecosystem] = append(byEco[d.ecosystem], d)
		}
	}
	reader, err := osvdb.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := newMatcher(r.notes)
	for eco, found := range byEco {
		if err := m.ecosystem(t.Context(), reader, eco, found); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]bool{}
	for _, h := range m.hits {
		out[fmt.Sprintf("%s@%s %s", h.name, h.written, h.id)] = true
	}
	return out
}

// withoutCommits copies an export without its GIT ranges. By the schema they say
// nothing about versions; scalibr's local matching stops at the first one, so
// that it misses the ECOSYSTEM range behind it.
func withoutCommits(t *testing.T, src, dst string) {
	t.Helper()
	z, err := zip.OpenReader(src)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var rec map[string]any
		if err := json.NewDecoder(r).Decode(&rec); err != nil {
			t.Fatal(err)
		}
		for _, a := range rec["affected"].([]any) {
			part := a.(map[string]any)
			ranges, _ := part["ranges"].([]any)
			part["ranges"] = slices.DeleteFunc(ranges, func(r any) bool { return r.(map[string]any)["type"] == "GIT" })
		}
		b, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(b)
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range sortedKeys(files) {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dst, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func scalibrPairs(t *testing.T, data string, pkgs []*extractor.Package) map[string]bool {
	t.Helper()
	local := t.TempDir()
	for _, eco := range []string{"Go", "PyPI"} {
		dst := filepath.Join(local, "osv-scalibr", eco, "all.zip")
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			t.Fatal(err)
		}
		withoutCommits(t, filepath.Join(data, eco, "all.zip"), dst)
	}
	cfg := config.DefaultPluginConfig()
	cfg.ProtoConfig = &cpb.PluginConfig{PluginSpecific: []*cpb.PluginSpecificConfig{{
		Config: &cpb.PluginSpecificConfig_Osvlocal{Osvlocal: &cpb.OSVLocalConfig{LocalPath: local, Download: false}},
	}}}
	e, err := osvlocal.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	inv := &inventory.Inventory{Packages: pkgs}
	if err := e.Enrich(context.Background(), nil, inv); err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, v := range inv.PackageVulns {
		out[fmt.Sprintf("%s@%s %s", v.Package.Name, v.Package.Version, v.Vulnerability.GetId())] = true
	}
	return out
}

// What the reader says of a cut lock file is what it says of the whole one.
func TestPiecesSayTheSame(t *testing.T) {
	for reader, content := range map[string]string{"javascript/packagelockjson": bigNPM(3000), "php/composerlock": bigComposer(900)} {
		name := map[string]string{"javascript/packagelockjson": "package-lock.json", "php/composerlock": "composer.lock"}[reader]
		r := reading{check: newCheck(t), tree: newTree(t, map[string]string{name: content}), notes: newNotes()}
		if parts, cut := pieces(reader, []byte(content)); !cut || len(parts) < 3 {
			t.Fatalf("%s: %d pieces", name, len(parts))
		}
		if err := r.file(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		whole := &reading{check: r.check, tree: r.tree, notes: newNotes()}
		for _, p := range extract(t, *whole, reader, name) {
			if d, ok := whole.dependency(reader, name, p); ok {
				d.line = 0
				whole.found = append(whole.found, d)
			}
		}
		said := func(found []dependency) []string {
			var out []string
			for _, d := range found {
				out = append(out, fmt.Sprintf("%+v", d))
			}
			sort.Strings(out)
			return slices.Compact(out)
		}
		if got, want := said(r.found), said(whole.found); !slices.Equal(got, want) || len(got) < 800 {
			t.Errorf("%s: %d in pieces, %d whole", name, len(got), len(want))
		}
	}
	for _, bad := range []string{"{", `{"packages":[]}`, `{"packages":null,"dependencies":7}`, "[]"} {
		if parts, cut := pieces("javascript/packagelockjson", []byte(bad+strings.Repeat(" ", wholeSize))); cut || len(parts) != 1 {
			t.Errorf("%s was cut", bad)
		}
	}
}

func bigNPM(n int) string {
	var b strings.Builder
	b.WriteString(`{"name":"x","lockfileVersion":3,"packages":{"":{"name":"x","version":"1.0.0"}`)
	for i := range n {
		fmt.Fprintf(&b, ",\n\"node_modules/p-%d\":{\"version\":\"1.0.%d\",\"resolved\":\"https://packages.example/p-%d.tgz\",\"dev\":%v}", i, i, i, i%3 == 0)
	}
	return b.String() + "}}"
}

func bigComposer(n int) string {
	list := func(kind string) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"name":"acme/%s-%d","version":"v1.%d.0","dist":{"type":"zip","url":"https://packages.example/%d","reference":"0123456789012345678901234567890123456789"}}`, kind, i, i, i))
		}
		return "[" + strings.Join(all, ",\n") + "]"
	}
	return `{"packages":` + list("main") + `,"packages-dev":` + list("dev") + `}`
}
