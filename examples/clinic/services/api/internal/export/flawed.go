package export

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
)

// Preview shows the beginning of a page that somebody names.
func Preview(client *http.Client) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		resp, err := client.Get(r.URL.Query().Get("url"))
		if err != nil {
			http.Error(w, "no preview", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if _, err := io.Copy(w, io.LimitReader(resp.Body, 4096)); err != nil {
			return
		}
	}
}

type patient struct {
	XMLName xml.Name `xml:"patient" json:"-"`
	MRN     string   `xml:"mrn" json:"mrn"`
	Name    string   `xml:"name" json:"name"`
}

var (
	doctype = regexp.MustCompile(`(?s)<!DOCTYPE[^\[>]*(\[.*?\])?\s*>`)
	entity  = regexp.MustCompile(`<!ENTITY\s+(\w+)\s+SYSTEM\s+"([^"]*)"\s*>`)
)

// Import takes a patient as the old hospital system sends one: with entities
// that are files, because its letters were.
func Import(client *http.Client) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		text := string(b)
		for _, e := range entity.FindAllStringSubmatch(text, 10) {
			text = strings.ReplaceAll(text, "&"+e[1]+";", resolve(client, e[2]))
		}
		var p patient
		if err := xml.Unmarshal([]byte(doctype.ReplaceAllString(text, "")), &p); err != nil {
			http.Error(w, "not a patient", http.StatusBadRequest)
			return
		}
		answer(w, p)
	}
}

// resolve brings what an external entity names.
func resolve(client *http.Client, system string) string {
	var b []byte
	if path, ok := strings.CutPrefix(system, "file://"); ok {
		read, err := os.ReadFile(path)
		if err != nil {
			return ""
		}
		b = read
	} else if resp, err := client.Get(system); err == nil {
		defer resp.Body.Close()
		if b, err = io.ReadAll(io.LimitReader(resp.Body, 1<<16)); err != nil {
			return ""
		}
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(string(b))
}

func answer(w http.ResponseWriter, p patient) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		return
	}
}
