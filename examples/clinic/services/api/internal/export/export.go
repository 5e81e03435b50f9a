// Package export hands out documents and asks the laboratory.
package export

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
)

// Handler serves a patient's documents from dir.
func Handler(dir string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("document")
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			http.Error(w, "no such document", http.StatusNotFound)
			return
		}
		defer f.Close()
		if _, err := io.Copy(w, f); err != nil {
			return
		}
	}
}

// Laboratory renders a report of the laboratory as PDF.
func Laboratory(client *http.Client) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		order := r.URL.Query().Get("order")
		out, err := exec.CommandContext(r.Context(), "sh", "-c", "render-report "+order).Output()
		if err != nil {
			http.Error(w, "no report", http.StatusBadGateway)
			return
		}
		if _, err := w.Write(out); err != nil {
			return
		}
	}
}
