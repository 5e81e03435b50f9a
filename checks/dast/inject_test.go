package dast

import (
	"database/sql"
	"encoding/xml"
	"fmt"
	"html"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// flawed is an application in which each flaw has a twin that looks like it and
// is done right. Paths of twins begin with /ok.
type flawed struct {
	db    *sql.DB
	mu    sync.Mutex
	notes []string
	kept  []string
}

func newFlawed(t *testing.T) *flawed {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, s := range []string{
		"CREATE TABLE patients (id INTEGER, name TEXT)", "INSERT INTO patients VALUES (1, 'HTEST Alpha'), (2, 'HTEST Beta'), (3, 'HTEST Gamma')",
	} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	return &flawed{db: db}
}

func (f *flawed) query(w http.ResponseWriter, loud bool, q string, args ...any) {
	rows, err := f.db.Query(q, args...)
	if err != nil {
		if loud {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, "nobody found")
		return
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id int
		var name string
		if rows.Scan(&id, &name) == nil {
			n++
			fmt.Fprintf(w, "patient number %d called %s was found in the register of this clinic\n", id, name)
		}
	}
	if n == 0 {
		fmt.Fprint(w, "nobody found")
	}
}

func (f *flawed) handler() http.Handler {
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html>"+body)
	}
	links := []string{
		"/sql/loud?name=HTEST", "/sql/blind?id=1", "/sql/text?name=HTEST+Alpha", "/cmd?order=1", "/cmd/quiet?order=1", "/tpl?greeting=hello",
		"/file?document=a.txt", "/header?lang=en", "/go?next=/", "/xss/text?q=a", "/xss/attr?q=a", "/xss/script?q=a", "/xss/unquoted?q=a",
		"/ok/sql?name=HTEST", "/ok/sql/id?id=1", "/ok/search?q=a", "/ok/cmd?order=1", "/ok/tpl?greeting=hello", "/ok/file?document=a.txt",
		"/ok/header?lang=en", "/ok/go?next=/", "/ok/xss?q=a", "/ok/json?q=a", "/ok/plain?q=a", "/ok/comment?q=a", "/ok/slow?q=a", "/notes", "/ok/notes",
		"/ok/docs", "/ok/calc?q=1",
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		body := ""
		for _, l := range links {
			body += fmt.Sprintf("<a href=%q>x</a>", l)
		}
		page(w, body+`<form method=post action=/notes><input name=text value=hello></form><form method=post action=/ok/notes><input name=text value=hello></form>`)
	})
	mux.HandleFunc("GET /sql/loud", func(w http.ResponseWriter, r *http.Request) {
		f.query(w, true, "SELECT id, name FROM patients WHERE name LIKE '"+r.FormValue("name")+"%'")
	})
	mux.HandleFunc("GET /sql/blind", func(w http.ResponseWriter, r *http.Request) {
		f.query(w, false, "SELECT id, name FROM patients WHERE id = "+r.FormValue("id"))
	})
	mux.HandleFunc("GET /sql/text", func(w http.ResponseWriter, r *http.Request) {
		f.query(w, false, "SELECT id, name FROM patients WHERE name = '"+r.FormValue("name")+"'")
	})
	mux.HandleFunc("GET /ok/sql", func(w http.ResponseWriter, r *http.Request) {
		f.query(w, true, "SELECT id, name FROM patients WHERE name LIKE ? || '%'", r.FormValue("name"))
	})
	mux.HandleFunc("GET /ok/sql/id", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.FormValue("id"))
		if err != nil {
			http.Error(w, "no number", http.StatusBadRequest)
			return
		}
		f.query(w, true, "SELECT id, name FROM patients WHERE id = ?", id)
	})
	// A search for words: every word of the query is looked for, so that longer
	// queries find more.
	mux.HandleFunc("GET /ok/search", func(w http.ResponseWriter, r *http.Request) {
		for _, word := range strings.FieldsFunc(r.FormValue("q"), func(c rune) bool { return c < '0' || c > 'z' }) {
			fmt.Fprintf(w, "about %s nothing is known in this house\n", html.EscapeString(word))
		}
	})
	mux.HandleFunc("GET /cmd", func(w http.ResponseWriter, r *http.Request) {
		out, _ := exec.CommandContext(r.Context(), "sh", "-c", "echo order "+r.FormValue("order")).Output()
		_, _ = w.Write(out)
	})
	mux.HandleFunc("GET /cmd/quiet", func(w http.ResponseWriter, r *http.Request) {
		_ = exec.CommandContext(r.Context(), "sh", "-c", "true "+r.FormValue("order")).Run()
		fmt.Fprint(w, "done")
	})
	mux.HandleFunc("GET /ok/cmd", func(w http.ResponseWriter, r *http.Request) {
		out, _ := exec.CommandContext(r.Context(), "echo", "order", r.FormValue("order")).Output()
		_, _ = w.Write(out)
	})
	product := regexp.MustCompile(`\$\{(\d+)\*(\d+)\}`)
	mux.HandleFunc("GET /tpl", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, product.ReplaceAllStringFunc(r.FormValue("greeting"), func(s string) string {
			m := product.FindStringSubmatch(s)
			a, _ := strconv.Atoi(m[1])
			b, _ := strconv.Atoi(m[2])
			return strconv.Itoa(a * b)
		}))
	})
	mux.HandleFunc("GET /ok/tpl", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.FormValue("greeting")) })
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		b, err := os.ReadFile("/srv/" + r.FormValue("document"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b)
	})
	mux.HandleFunc("GET /ok/file", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("document") != "a.txt" {
			http.Error(w, "no document "+r.FormValue("document"), http.StatusNotFound)
			return
		}
		fmt.Fprint(w, "a document")
	})
	mux.HandleFunc("GET /header", func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nContent-Language: "+r.FormValue("lang")+"\r\n\r\nok")
	})
	mux.HandleFunc("GET /ok/header", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Language", r.FormValue("lang"))
		fmt.Fprint(w, "ok")
	})
	mux.HandleFunc("GET /go", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.FormValue("next"))
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("GET /ok/go", func(w http.ResponseWriter, r *http.Request) {
		to := r.FormValue("next")
		if u, err := url.Parse(to); err != nil || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, `\`) {
			to = "/"
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	angle := strings.NewReplacer("<", "&lt;", ">", "&gt;")
	mux.HandleFunc("GET /xss/text", func(w http.ResponseWriter, r *http.Request) { page(w, "<p>"+r.FormValue("q")) })
	mux.HandleFunc("GET /xss/attr", func(w http.ResponseWriter, r *http.Request) {
		page(w, `<input value='`+angle.Replace(r.FormValue("q"))+`'>`)
	})
	mux.HandleFunc("GET /xss/unquoted", func(w http.ResponseWriter, r *http.Request) {
		page(w, `<input value=`+angle.Replace(r.FormValue("q"))+`>`)
	})
	mux.HandleFunc("GET /xss/script", func(w http.ResponseWriter, r *http.Request) {
		page(w, `<script>var q = "`+strings.ReplaceAll(r.FormValue("q"), `"`, `\"`)+`"</script>`)
	})
	ok := template.Must(template.New("").Parse(`<p title="{{.}}">{{.}}</p><script>var q = {{.}}</script><!-- {{.}} -->`))
	mux.HandleFunc("GET /ok/xss", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_ = ok.Execute(w, r.FormValue("q"))
	})
	mux.HandleFunc("GET /ok/json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, "{%q: %q}", "q", r.FormValue("q"))
	})
	mux.HandleFunc("GET /ok/plain", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, r.FormValue("q"))
	})
	mux.HandleFunc("GET /ok/comment", func(w http.ResponseWriter, r *http.Request) {
		page(w, "<textarea>"+angle.Replace(r.FormValue("q"))+"</textarea>")
	})
	var turn int
	mux.HandleFunc("GET /ok/slow", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		turn++
		wait := time.Duration(turn%7) * 400 * time.Millisecond
		f.mu.Unlock()
		time.Sleep(wait)
		fmt.Fprint(w, "done")
	})
	// Words about SQL, shells and errors are no error.
	mux.HandleFunc("GET /ok/docs", func(w http.ResponseWriter, _ *http.Request) {
		page(w, "<p>Errors such as: You have an error in your SQL syntax, ORA-00933, root:x:0:0: and others</p>")
	})
	mux.HandleFunc("GET /ok/calc", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("q"))
		fmt.Fprint(w, n*2)
	})
	notes := func(kept *[]string, escape func(string) string) {
		prefix := "/notes"
		if kept == &f.kept {
			prefix = "/ok/notes"
		}
		mux.HandleFunc("POST "+prefix, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			*kept = append(*kept, r.FormValue("text"))
			http.Redirect(w, r, prefix, http.StatusSeeOther)
		})
		mux.HandleFunc("GET "+prefix, func(w http.ResponseWriter, _ *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			body := ""
			for _, n := range (*kept)[max(0, len(*kept)-300):] {
				body += "<li>" + escape(n)
			}
			page(w, body)
		})
	}
	notes(&f.notes, func(s string) string { return s })
	notes(&f.kept, html.EscapeString)
	entity := regexp.MustCompile(`<!ENTITY\s+(\w+)\s+SYSTEM\s+"file://([^"]+)"`)
	mux.HandleFunc("POST /xml", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		text := string(b)
		if m := entity.FindStringSubmatch(text); m != nil {
			content, _ := os.ReadFile(m[2])
			text = strings.ReplaceAll(text, "&"+m[1]+";", string(content))
		}
		fmt.Fprint(w, text)
	})
	mux.HandleFunc("POST /ok/xml", func(w http.ResponseWriter, r *http.Request) {
		var v struct {
			Name string `xml:"name"`
		}
		if err := xml.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&v); err != nil {
			http.Error(w, "not understood", http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, "thank you")
	})
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		const body = `{"post":{"requestBody":{"content":{"application/xml":{"schema":{"type":"object","xml":{"name":"order"},"properties":{"name":{"type":"string"}}}}}},"responses":{}}}`
		fmt.Fprint(w, `{"openapi":"3.0.0","info":{"title":"x","version":"1"},"paths":{"/xml":`+body+`,"/ok/xml":`+body+`}}`)
	})
	return mux
}

// Each flaw is found at its own route and input, no twin is.
func TestInjection(t *testing.T) {
	f := newFlawed(t)
	s := httptest.NewServer(f.handler())
	defer s.Close()
	live := checks.DefaultLive()
	live.URL, live.PerSecond, live.Active = s.URL, 0, true
	live.Specifications = []checks.Specification{{Kind: "openapi", Path: "/openapi.json"}}
	run, _ := look(t, live, nil)
	if st := run.Steps[0]; st.Status != checks.OK {
		t.Errorf("step %s: %s", st.Status, st.Reason)
	}
	want := []string{
		"web-sql-injection /sql/loud GET query:name", "web-sql-injection /sql/blind GET query:id", "web-sql-injection /sql/text GET query:name",
		"web-command-injection /cmd GET query:order", "web-command-injection /cmd/quiet GET query:order", "web-template-injection /tpl GET query:greeting",
		"web-path-traversal /file GET query:document", "web-header-injection /header GET query:lang", "web-open-redirect /go GET query:next",
		"web-xss-reflected /xss/text GET query:q", "web-xss-reflected /xss/attr GET query:q", "web-xss-reflected /xss/script GET query:q",
		"web-xss-reflected /xss/unquoted GET query:q", "web-xss-stored /notes POST form:text",
		"web-xxe /xml POST xml:name",
	}
	var got []string
	for _, f := range run.Findings {
		if f.Rule.Severity < checks.Medium {
			continue
		}
		k := f.Rule.ID + " " + f.Location.Path + " " + f.Location.Symbol
		got = append(got, k)
		if len(f.Exchanges) < 2 && f.Rule.ID != "web-stack-trace" {
			t.Errorf("%s was seen %d times", k, len(f.Exchanges))
		}
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g string) bool {
			return g == w || strings.HasPrefix(w, "web-xxe") && strings.HasPrefix(g, "web-xxe /xml POST")
		}) {
			t.Errorf("missed: %s", w)
		}
	}
	for _, g := range got {
		if strings.Contains(g, " /ok") || !slices.Contains(want, g) && !strings.HasPrefix(g, "web-xxe /xml POST") {
			t.Errorf("false: %s", g)
		}
	}
}
