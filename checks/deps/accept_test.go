package deps

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/checktest"
	"github.com/vitalsign-dev/vitalsign/checks/secrets"
	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
)

// testData imports the project's own small set of advisories.
func testData(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	if _, err := osvdb.Import(t.Context(), dir, "../../internal/osvdb/testdata/osv", now, time.Time{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func newCheck(t testing.TB) *Check {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	goMod    = "module clinic.example/app\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/acme/hl7 v1.2.0\n\tgithub.com/acme/safe v1.0.0\n)\n"
	cleanMod = "module clinic.example/clean\n\ngo 1.26.0\n\nrequire github.com/acme/hl7 v1.3.1\n"
	npmLock  = `{
  "name": "portal", "version": "1.0.0", "lockfileVersion": 3,
  "packages": {
    "": {"name": "portal", "version": "1.0.0", "dependencies": {"left-chart": "^1.0.0"}},
    "node_modules/left-chart": {
      "version": "1.0.2",
      "resolved": "https://packages.example/left-chart-1.0.2.tgz"
    },
    "node_modules/evil-chart": {
      "version": "0.0.1", "dev": true
    }
  }
}
`
)

func TestAccept(t *testing.T) {
	redactor, err := secrets.New()
	if err != nil {
		t.Fatal(err)
	}
	checktest.Accept(t, checktest.Suite{
		Check: newCheck(t), Redactor: redactor, Data: map[string]string{needOSV: testData(t)},
		Clean: map[string]string{
			"go.mod": cleanMod, "sub/yarn.lock": "# yarn lockfile v1\n", "requirements.txt": "patient-forms==2.0.0\n",
			"node_modules/x/package.json": `{"name": "x", "version": "1.0.0"}`, "node_modules/x/yarn.lock": "# yarn lockfile v1\n",
		},
		One:     map[string]string{"api/go.mod": goMod},
		OneRule: "CVE-2026-1111", OnePath: "api/go.mod",
		Many: map[string]string{"go.mod": goMod, "web/package-lock.json": npmLock, "py/requirements.txt": "Patient.Forms==1.0\n"},
	})
}

func TestVersionIsTheModules(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "github.com/google/osv-scalibr").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != "v"+version {
		t.Errorf("go.mod has osv-scalibr %s, the check says %s", got, version)
	}
}

// realData is a folder in the layout of osv.dev's exports, or the test is skipped.
func realData(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("VITALSIGN_OSV_DATA")
	if dir == "" {
		t.Skip("VITALSIGN_OSV_DATA does not name a folder of osv.dev exports")
	}
	return dir
}
