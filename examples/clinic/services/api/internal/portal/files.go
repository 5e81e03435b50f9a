package portal

import (
	"expvar"
	"io"
	"net/http"
	"strings"
)

// left are files that somebody forgot on the server. Nothing in them is of use.
func left() map[string]string {
	return map[string]string{
		"/.git/HEAD":   "ref: refs/heads/main\n",
		"/.git/config": "[core]\n\trepositoryformatversion = 0\n\tbare = false\n",
		"/.env":        "PORTAL_MODE=demo\nPORTAL_DATABASE=memory\n",
		"/backup.sql":  "-- PostgreSQL database dump\nCREATE TABLE patients (mrn text);\nINSERT INTO patients VALUES ('HTEST-0001');\n",
	}
}

// Routes adds the files, and what operators look at.
func (p Pages) Routes(mux *http.ServeMux) {
	mux.Handle("GET /static/", p.files())
	mux.Handle("GET /assets/", whole(http.FileServerFS(p.Files)))
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		http.ServeFileFS(w, r, p.Files, "openapi.yaml")
	})
	text := func(path, kind, body string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			if _, err := io.WriteString(w, body); err != nil {
				return
			}
		})
	}
	text("/robots.txt", "text/plain; charset=utf-8", "User-agent: *\nDisallow: /static/\nDisallow: /staff/report\n")
	text("/sitemap.xml", "application/xml", `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>/notes</loc></url><url><loc>/hello?name=you</loc></url></urlset>`)
	text("/healthz", "text/plain; charset=utf-8", "well\n")
	if p.Hardened {
		return
	}
	mux.Handle("GET /debug/vars", expvar.Handler())
	for path, body := range left() {
		text(path, "text/plain; charset=utf-8", body)
	}
}

// files serves a directory; its list, and the maps of scripts, unless hardened.
func (p Pages) files() http.Handler {
	server := http.FileServerFS(p.Files)
	if !p.Hardened {
		return server
	}
	return whole(server)
}

// whole serves files, and neither lists nor maps.
func whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") || strings.HasSuffix(r.URL.Path, ".map") {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Around sets the headers of all answers.
func (p Pages) Around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if p.Hardened {
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; object-src 'none'; base-uri 'none'")
			h.Set("X-Frame-Options", "DENY")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-store")
			if r.TLS != nil {
				h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
			}
		} else {
			h.Set("Server", "clinic-portal/1.4.0")
			if origin := r.Header.Get("Origin"); origin != "" {
				h.Set("Access-Control-Allow-Origin", origin)
				h.Set("Access-Control-Allow-Credentials", "true")
			}
		}
		next.ServeHTTP(w, r)
	})
}
