//go:build !race

package dast

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// thousand is an application of a thousand operations, declared by a
// specification, with one input each and no flaw.
func thousand() (http.Handler, *atomic.Int64) {
	var n atomic.Int64
	var paths strings.Builder
	for i := range 1000 {
		if i > 0 {
			paths.WriteString(",")
		}
		fmt.Fprintf(&paths, `"/resource%d":{"get":{"parameters":[{"name":"q","in":"query","schema":{"type":"string"},"example":"one"}],"responses":{}}}`, i)
	}
	spec := `{"openapi":"3.0.0","info":{"title":"x","version":"1"},"paths":{` + paths.String() + `}}`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		switch {
		case r.URL.Path == "/openapi.json":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, spec)
		case strings.HasPrefix(r.URL.Path, "/resource"):
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, "<!doctype html><title>resource</title><p>found %s</p>", html.EscapeString(r.FormValue("q")))
		case r.URL.Path == "/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<!doctype html><title>start</title>")
		default:
			http.NotFound(w, r)
		}
	}), &n
}

// The thousand operations are tested to the end within the default budget of
// requests; VITALSIGN_RATE=1 keeps to the default rate, too (ten minutes).
func TestThousandOperations(t *testing.T) {
	if testing.Short() {
		t.Skip("tens of thousands of requests")
	}
	handler, n := thousand()
	s := httptest.NewServer(handler)
	defer s.Close()
	live := checks.DefaultLive()
	live.URL = s.URL
	if os.Getenv("VITALSIGN_RATE") == "" {
		live.PerSecond = 0
	}
	live.Specifications = []checks.Specification{{Kind: "openapi", Path: "/openapi.json"}}
	began := time.Now()
	run, _ := look(t, live, nil)
	took := time.Since(began)
	step := run.Steps[0]
	if step.Status != checks.OK || step.Coverage.Read < 1000 {
		t.Errorf("step %s (%s), %d operations", step.Status, step.Reason, step.Coverage.Read)
	}
	if sent := n.Load(); sent > int64(live.Requests) {
		t.Errorf("%d requests, of %d allowed", sent, live.Requests)
	} else {
		t.Logf("%d operations, %d requests of %d, %s, %.0f a second", step.Coverage.Read, sent, live.Requests, took.Round(time.Millisecond), float64(sent)/took.Seconds())
	}
}
