package dast

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A wildcard lets any site read, where it stands at more than parts of pages.
func TestWildcardOrigin(t *testing.T) {
	for path, want := range map[string]bool{"/": true, "/app.css": false} {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<link rel=stylesheet href="/app.css">`)
		})
		mux.HandleFunc("GET /app.css", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/css")
			fmt.Fprint(w, "p {}")
		})
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				w.Header().Set("Access-Control-Allow-Origin", "*")
				w.Header().Set("Access-Control-Allow-Credentials", "true")
			}
			mux.ServeHTTP(w, r)
		}))
		run, _ := look(t, quick(s.URL), nil)
		s.Close()
		got := found(run)
		if _, ok := got["web-cors-open / "]; ok != want {
			show(t, run)
			t.Errorf("%s: web-cors-open found: %v", path, ok)
		}
		if _, ok := got["web-cors-credentials / "]; ok {
			t.Errorf("%s: no browser sends credentials to a wildcard", path)
		}
	}
}
