package export

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Fill makes the directory of documents.
func Fill() (string, error) {
	dir, err := os.MkdirTemp("", "clinic-")
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{
		"letter.txt": "Dear HTEST-0001, your appointment is at nine. Call 555-0100 if it is not.\n", "leaflet.txt": "Wash your hands.\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// Handler2 serves documents from dir and from nowhere else.
func Handler2(dir string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			http.Error(w, "no documents", http.StatusInternalServerError)
			return
		}
		defer root.Close()
		f, err := root.Open(r.URL.Query().Get("document"))
		if err != nil {
			http.Error(w, "no such document", http.StatusNotFound)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if _, err := io.Copy(w, f); err != nil {
			return
		}
	}
}

// Laboratory2 starts a program, too: without a shell, and with the order as
// its input.
func Laboratory2(w http.ResponseWriter, r *http.Request) {
	cmd := exec.CommandContext(r.Context(), "cat")
	cmd.Stdin = strings.NewReader(r.URL.Query().Get("order"))
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	cmd.Stdout = w
	if err := cmd.Run(); err != nil {
		return
	}
}

// Preview2 knows one place to look at, and asks nobody who is named to it.
func Preview2(w http.ResponseWriter, r *http.Request) {
	u, err := url.Parse(r.URL.Query().Get("url"))
	if err != nil || u.Scheme != "https" || u.Host != "news.clinic.example" {
		http.Error(w, "not one of our pages", http.StatusBadRequest)
		return
	}
	if _, err := io.WriteString(w, "News of the clinic\n"); err != nil {
		return
	}
}

// Import2 takes a patient with a parser that knows no entities but its own.
func Import2(w http.ResponseWriter, r *http.Request) {
	var p patient
	if err := xml.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&p); err != nil {
		http.Error(w, "not a patient", http.StatusBadRequest)
		return
	}
	answer(w, p)
}
