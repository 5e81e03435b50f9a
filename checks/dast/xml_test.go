package dast

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// A parser that resolves external entities is one finding, however many values
// the body has.
func TestExternalEntitiesOnce(t *testing.T) {
	system := regexp.MustCompile(`SYSTEM "file://([^"]+)"`)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"openapi": "3.0.0", "info": {"title": "x", "version": "1"}, "paths": {"/import": {"post": {"responses": {}, "requestBody": {"content": {"application/xml": {
			"schema": {"type": "object", "xml": {"name": "patient"}, "properties": {"mrn": {"type": "string"}, "name": {"type": "string"}}}}}}}}}}`)
	})
	mux.HandleFunc("POST /import", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		m := system.FindSubmatch(b)
		if err != nil || m == nil {
			return
		}
		if file, err := os.ReadFile(string(m[1])); err == nil {
			_, _ = w.Write(file)
		}
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	live := quick(s.URL)
	live.Active, live.Specifications = true, []checks.Specification{{Kind: "openapi", Path: "/openapi.yaml"}}
	run, _ := look(t, live, nil)
	var got []string
	for k := range found(run) {
		if strings.HasPrefix(k, "web-xxe") {
			got = append(got, k)
		}
	}
	if len(got) != 1 || got[0] != "web-xxe /import POST body" {
		show(t, run)
		t.Errorf("found %v", got)
	}
}
