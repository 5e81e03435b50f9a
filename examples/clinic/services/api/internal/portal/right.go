package portal

import (
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"clinic.example/portal/api/internal/auth"
)

var brackets = strings.NewReplacer("<", "&lt;", ">", "&gt;")

var (
	helloPage = template.Must(template.New("").Parse(`<!doctype html><html lang=en><title>Hello</title><p>Hello {{.}}!</p></html>`))
	fieldPage = template.Must(template.New("").Parse(`<!doctype html><html lang=en><title>Field</title><input name=value value="{{.}}"></html>`))
	greetPage = template.Must(template.New("").Parse(`<!doctype html><html lang=en><title>Greeting</title><p id=who></p><script>document.getElementById("who").textContent = {{.}};</script></html>`))
)

func execute(w http.ResponseWriter, t *template.Template, value string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := t.Execute(w, value); err != nil {
		return
	}
}

// HelloSafe, FieldSafe and GreetSafe write with a template that knows where it is.
func (p Pages) HelloSafe(w http.ResponseWriter, r *http.Request) {
	execute(w, helloPage, r.FormValue("name"))
}

// FieldSafe fills a form.
func (p Pages) FieldSafe(w http.ResponseWriter, r *http.Request) {
	execute(w, fieldPage, r.FormValue("value"))
}

// GreetSafe greets in a script.
func (p Pages) GreetSafe(w http.ResponseWriter, r *http.Request) {
	execute(w, greetPage, r.FormValue("who"))
}

// Echo sends back what it got, as no page.
func (p Pages) Echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]string{"text": r.FormValue("text")}); err != nil {
		return
	}
}

// Go2 leads to paths of the portal only.
func (p Pages) Go2(w http.ResponseWriter, r *http.Request) {
	to, err := url.Parse(r.FormValue("to"))
	if err != nil || to.Scheme != "" || to.Host != "" || to.Opaque != "" || !strings.HasPrefix(to.Path, "/") || strings.HasPrefix(to.Path, "//") || strings.Contains(to.Path, `\`) {
		to = &url.URL{Path: "/"}
	}
	w.Header().Set("Location", to.EscapedPath())
	w.WriteHeader(http.StatusFound)
}

// Language2 sets a header as a library does, which lets no line break through.
func (p Pages) Language2(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Language", r.FormValue("lang"))
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := w.Write([]byte("The language is set.\n")); err != nil {
		return
	}
}

// Letter2 writes what was sent as it is.
func (p Pages) Letter2(w http.ResponseWriter, r *http.Request) {
	answer(w, map[string]string{"letter": r.FormValue("greeting") + ", your appointment is at nine."})
}

// Visit2 says no more than that there is none.
func (p Pages) Visit2(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.Error(w, "no such visit", http.StatusNotFound)
		return
	}
	answer(w, map[string]any{"visit": n, "with": "Dr. Sample"})
}

// Profile2 says of somebody what the page shows.
func (p Pages) Profile2(w http.ResponseWriter, r *http.Request) {
	who := auth.Who(r)
	w.Header().Set("Cache-Control", "no-store")
	answer(w, map[string]any{"name": who.Name, "phone": who.Phone})
}

// Document2 is for its owner.
func (p Pages) Document2(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	p.document(w, r, "SELECT title, body FROM documents WHERE id = ? AND owner = ?", r.PathValue("id"), auth.Who(r).Name)
}

func (p Pages) document(w http.ResponseWriter, r *http.Request, query string, args ...any) {
	var title, body string
	if err := p.DB.QueryRowContext(r.Context(), query, args...).Scan(&title, &body); err != nil {
		http.Error(w, "no such document", http.StatusNotFound)
		return
	}
	answer(w, map[string]any{"title": title, "body": body})
}

// Report is for programs of the staff, which have a token.
func (p Pages) Report(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	answer(w, map[string]any{"patients": 4})
}

func answer(w http.ResponseWriter, doc any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(doc); err != nil {
		return
	}
}
