package dast

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

const versionTemplate = `id: clinic-version
info: {name: Version shown, author: us, severity: high, description: The version is shown.}
http:
  - method: GET
    path: ["{{BaseURL}}/version"]
    matchers:
      - {type: word, words: ["clinic 1.0"]}
`

// A template of the target is run; one outside of the subset, and names that no
// file has, leave the step partial.
func TestTemplatesOfTheTarget(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/version" {
			fmt.Fprint(w, "clinic 1.0")
			return
		}
		if r.URL.Path != "/" {
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	for name, c := range map[string]struct {
		doc    string
		status checks.Status
		reason string
		found  bool
	}{
		"good":    {versionTemplate, checks.OK, "", true},
		"refused": {strings.Replace(versionTemplate, "http:", "flow: http(1)\nhttp:", 1), checks.Partial, "flow", false},
		"none":    {"", checks.Partial, "no file is one of the templates", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inv := &inventory.Inventory{}
			if c.doc != "" {
				if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(c.doc), 0o600); err != nil {
					t.Fatal(err)
				}
				sum := sha256.Sum256([]byte(c.doc))
				inv.Files = []inventory.File{{Path: "own.yaml", Size: int64(len(c.doc)), SHA256: hex.EncodeToString(sum[:])}}
			}
			live := quick(s.URL)
			live.Templates = []string{"*.yaml"}
			run, _ := lookIn(t, dir, inv, live, nil)
			step := run.Steps[0]
			if step.Status != c.status || !strings.Contains(step.Reason, c.reason) {
				t.Errorf("step %s (%s)", step.Status, step.Reason)
			}
			f, ok := found(run)["template/clinic-version /version GET"]
			if ok != c.found || ok && (f.Rule.Severity != checks.High || f.Rule.Title != "Version shown" || f.Replay == "") {
				show(t, run)
				t.Errorf("%+v", f)
			}
		})
	}
}
