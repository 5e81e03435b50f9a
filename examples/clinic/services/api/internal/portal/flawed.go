package portal

import (
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"

	"clinic.example/portal/api/internal/auth"
)

// Go leads wherever it is told.
func (p Pages) Go(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, r.FormValue("to"), http.StatusFound)
}

// Language writes its answer itself, line breaks and all.
func (p Pages) Language(w http.ResponseWriter, r *http.Request) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	const body = "The language is set.\n"
	_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Content-Type-Options: nosniff\r\nContent-Language: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", r.FormValue("lang"), len(body), body)
}

var product = regexp.MustCompile(`\$\{(\d{1,6})\*(\d{1,6})\}`)

// Letter reads expressions in what was sent as if the clinic had written them.
func (p Pages) Letter(w http.ResponseWriter, r *http.Request) {
	greeting := product.ReplaceAllStringFunc(r.FormValue("greeting"), func(s string) string {
		m := product.FindStringSubmatch(s)
		a, errA := strconv.Atoi(m[1])
		b, errB := strconv.Atoi(m[2])
		if errA != nil || errB != nil {
			return s
		}
		return strconv.Itoa(a * b)
	})
	answer(w, map[string]string{"letter": greeting + ", your appointment is at nine."})
}

// Visit shows where it broke.
func (p Pages) Visit(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.Error(w, fmt.Sprintf("%v\n%s", err, debug.Stack()), http.StatusInternalServerError)
		return
	}
	answer(w, map[string]any{"visit": n, "with": "Dr. Sample"})
}

// Profile says all there is of somebody, and lets caches keep it.
func (p Pages) Profile(w http.ResponseWriter, r *http.Request) {
	who := auth.Who(r)
	answer(w, map[string]any{"name": who.Name, "phone": who.Phone, "mrn": who.MRN, "password_hash": auth.Fingerprint(who.Password), "ssn": "000-00-0000"})
}

// Document is for whoever is logged in.
func (p Pages) Document(w http.ResponseWriter, r *http.Request) {
	p.document(w, r, "SELECT title, body FROM documents WHERE id = ?", r.PathValue("id"))
}
