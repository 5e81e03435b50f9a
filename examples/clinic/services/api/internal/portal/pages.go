// Package portal is what people see of the portal.
package portal

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"html"
	"io/fs"
	"net/http"

	"golang.org/x/text/language"

	"clinic.example/portal/api/internal/auth"
)

// Pages answers with pages.
type Pages struct {
	DB       *sql.DB
	Files    fs.FS
	People   *auth.People
	Hardened bool
}

// page is what stands around every body.
const page = "<!doctype html><html lang=en><head><title>Patient portal</title></head><body>%s</body></html>\n"

func isPage(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html; charset=utf-8") }

// begin gives a browser the session that it will be logged in with.
func (p Pages) begin(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie(auth.Cookie); err != nil && !p.Hardened {
		http.SetCookie(w, &http.Cookie{Name: auth.Cookie, Value: rand.Text(), Path: "/"})
	}
}

// Index leads to everything else, in the language that the browser asks for.
func (p Pages) Index(w http.ResponseWriter, r *http.Request) {
	welcome := "Welcome"
	if tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")); err == nil && len(tags) > 0 && tags[0] == language.German {
		welcome = "Willkommen"
	}
	p.begin(w, r)
	isPage(w)
	fmt.Fprintf(w, page, "<h1>"+welcome+`</h1><ul>
<li><a href="/patients?name=Test">patients</a> <a href="/patients/search2?name=Test">again</a>
<li><a href="/appointments?day=2026-03-02">appointments</a> <a href="/appointments2?day=2026-03-02">again</a>
<li><a href="/export?document=letter.txt">a letter</a> <a href="/leaflets?document=leaflet.txt">a leaflet</a>
<li><a href="/lab?order=1001">laboratory</a> <a href="/lab2?order=1001">again</a>
<li><a href="/preview?url=https://news.clinic.example/">news</a> <a href="/preview2?url=https://news.clinic.example/">again</a>
<li><a href="/hello?name=you">hello</a> <a href="/hello-safe?name=you">again</a> <a href="/field?value=you">field</a> <a href="/field-safe?value=you">again</a>
<li><a href="/greet?who=you">greeting</a> <a href="/greet-safe?who=you">again</a> <a href="/echo?text=you">echo</a>
<li><a href="/notes">notes</a> <a href="/remarks">remarks</a>
<li><a href="/go?to=/hello">go</a> <a href="/go2?to=/hello">again</a> <a href="/language?lang=en">language</a> <a href="/language2?lang=en">again</a>
<li><a href="/letter?greeting=Dear+patient">letter</a> <a href="/letter2?greeting=Dear+patient">again</a>
<li><a href="/visits/1">visit</a> <a href="/visits2/1">again</a> <a href="/login">log in</a>
<li><a href="/documents/1">your document</a> <a href="/documents2/1">again</a> <a href="/profile">profile</a> <a href="/profile2">again</a>
<li><a href="/fhir/metadata">FHIR</a> <a href="/logout">log out</a>
</ul><script src="/static/js/app.js"></script><script src="/assets/app.js"></script>`)
}

// Hello greets by name: in text.
func (p Pages) Hello(w http.ResponseWriter, r *http.Request) {
	isPage(w)
	fmt.Fprintf(w, page, "<p>Hello "+r.FormValue("name")+"!</p>")
}

// Field fills a form: in an attribute, with brackets escaped and quotes not.
func (p Pages) Field(w http.ResponseWriter, r *http.Request) {
	isPage(w)
	fmt.Fprintf(w, page, `<input name=value value="`+brackets.Replace(r.FormValue("value"))+`">`)
}

// Greet greets in a script, where a browser reads no escapes of HTML.
func (p Pages) Greet(w http.ResponseWriter, r *http.Request) {
	isPage(w)
	fmt.Fprintf(w, page, `<p id=who></p><script>document.getElementById("who").textContent = "`+r.FormValue("who")+`";</script>`)
}

// Notes shows what people noted, as they wrote it.
func (p Pages) Notes(w http.ResponseWriter, r *http.Request) {
	p.list(w, r, "note", func(s string) string { return s })
}

// NotesSafe and RemarksSafe show the same escaped.
func (p Pages) NotesSafe(w http.ResponseWriter, r *http.Request) {
	p.list(w, r, "note", html.EscapeString)
}

// RemarksSafe lists remarks.
func (p Pages) RemarksSafe(w http.ResponseWriter, r *http.Request) {
	p.list(w, r, "remark", html.EscapeString)
}

func (p Pages) list(w http.ResponseWriter, r *http.Request, kind string, write func(string) string) {
	rows, err := p.DB.QueryContext(r.Context(), "SELECT body FROM notes WHERE kind = ? ORDER BY id DESC LIMIT 500", kind)
	if err != nil {
		http.Error(w, "no notes", http.StatusInternalServerError)
		return
	}
	defer rows.Close()
	body := ""
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			http.Error(w, "no notes", http.StatusInternalServerError)
			return
		}
		body += "<li>" + write(text) + "</li>\n"
	}
	isPage(w)
	fmt.Fprintf(w, page, "<ul>"+body+`</ul><form method=post action="/`+kind+`s"><input name=text value="ready"><button>add</button></form>`)
}

// AddNote and AddRemark keep a line.
func (p Pages) AddNote(w http.ResponseWriter, r *http.Request) { p.add(w, r, "note") }

// AddRemark keeps a remark.
func (p Pages) AddRemark(w http.ResponseWriter, r *http.Request) { p.add(w, r, "remark") }

func (p Pages) add(w http.ResponseWriter, r *http.Request, kind string) {
	if _, err := p.DB.ExecContext(r.Context(), "INSERT INTO notes (kind, body) VALUES (?, ?)", kind, r.FormValue("text")); err != nil {
		http.Error(w, "not kept", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/"+kind+"s", http.StatusSeeOther)
}

// LoginPage has the forms of both logins.
func (p Pages) LoginPage(w http.ResponseWriter, r *http.Request) {
	p.begin(w, r)
	form := func(to string) string {
		return `<form method=post action="` + to + `"><input name=username><input name=password type=password><button>log in</button></form>`
	}
	isPage(w)
	fmt.Fprintf(w, page, form("/login")+form("/login2"))
}
