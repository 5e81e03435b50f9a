package dast

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// quick are bounds with which a hostile target is done in seconds.
func quick(url string) checks.Live {
	l := checks.DefaultLive()
	l.URL, l.PerSecond, l.RequestMS, l.WallMS = url, 0, 500, 20_000
	return l
}

// What a target may do to whoever looks at it: each is bounded, and what was
// not looked at is named, so that the run cannot pass.
func TestHostileTargets(t *testing.T) {
	var pages, before, changes atomic.Int64
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 64 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	html := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, body)
	}
	links := ""
	for i := range 30 {
		links += fmt.Sprintf(`<a href="/p%c?q=1">x</a>`, 'a'+i%26)
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    checks.Status
		reason  string
	}{
		"hangs": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				html(w, links)
				return
			}
			<-r.Context().Done()
		}, checks.Partial, "stopped answering"},
		"hangs at once": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, checks.Failed, "nothing answers"},
		"streams forever": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 1000)); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, checks.Partial, "operations tested"},
		"ten gigabytes": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Length", fmt.Sprint(10<<30))
			chunk := make([]byte, 1<<20)
			for range 10 << 10 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, checks.Partial, "operations tested"},
		"gzip bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		}, checks.Partial, "operations tested"},
		"redirects in circles": {func(w http.ResponseWriter, r *http.Request) {
			n := 0
			_, _ = fmt.Sscanf(r.URL.Path, "/r%d", &n)
			http.Redirect(w, r, fmt.Sprintf("/r%d", (n+1)%5), http.StatusFound)
		}, checks.OK, ""},
		"a maze": {func(w http.ResponseWriter, r *http.Request) {
			n := pages.Add(1)
			html(w, fmt.Sprintf(`<a href="%s/m%d">deeper</a><a href="/x%d?a%d=1">x</a>`, strings.TrimSuffix(r.URL.EscapedPath(), "/"), n, n, n))
		}, checks.Partial, ""},
		"dies midway": {func(w http.ResponseWriter, r *http.Request) {
			if before.Add(1) > 40 {
				c, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					_ = c.Close()
				}
				return
			}
			html(w, links)
		}, checks.Partial, "stopped answering"},
		"breaks the protocol": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				html(w, links)
				return
			}
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(c, "HTTP/9.9 banana\r\n\x00\xff")
				_ = c.Close()
			}
		}, checks.Partial, "stopped answering"},
		"endless headers": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				html(w, links)
				return
			}
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(c, "X-A: "+strings.Repeat("a", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}, checks.Partial, "stopped answering"},
		"changes its answers": {func(w http.ResponseWriter, r *http.Request) {
			n := changes.Add(1)
			if r.URL.Path == "/" {
				html(w, `<a href="/s?q=1">s</a>`)
				return
			}
			html(w, strings.Repeat(fmt.Sprintf("word%c ", 'a'+n%7), int(n%50)+1))
		}, checks.OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(c.handler)
			defer s.CloseClientConnections()
			defer func() { go s.Close() }()
			live := quick(s.URL)
			switch name {
			case "a maze":
				live.Requests = 1500
			case "ten gigabytes", "gzip bomb", "streams forever":
				live.Requests = 20 // each answer is read to the limit
			}
			run, _ := look(t, live, nil)
			step := run.Steps[0]
			if step.Status != c.want || !strings.Contains(step.Reason, c.reason) {
				t.Errorf("step is %s (%s), want %s with %q", step.Status, step.Reason, c.want, c.reason)
			}
			for _, f := range run.Findings {
				if f.Rule.Severity >= checks.Medium {
					t.Errorf("found %s at %s %s: %s", f.Rule.ID, f.Location.Path, f.Location.Symbol, f.Evidence.Message)
				}
			}
		})
	}
}

// Nobody is there.
func TestNotUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	run, _ := look(t, quick(url), nil)
	if s := run.Steps[0]; s.Status != checks.Failed || !strings.Contains(s.Reason, "nothing answers at "+url) {
		t.Errorf("%s (%s)", s.Status, s.Reason)
	}
}

// A target cannot lead the scanner to a host that is not on the list: by a
// redirect, a link, a form, a sitemap, a script, a map of sources, or a server
// that a specification names.
func TestNobodyElseIsAsked(t *testing.T) {
	var asked atomic.Pointer[string]
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		where := r.URL.String()
		asked.Store(&where)
	}))
	defer other.Close()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Link", "<"+other.URL+"/header>; rel=next")
			fmt.Fprintf(w, `<base href="%s/base/"><a href="%s/link">x</a><a href="//%s/slashes">x</a><a href="relative">x</a><form action="%s/form"><input name=a></form>
<script src="%s/script.js"></script><script>fetch("%s/fetch")</script><meta http-equiv="refresh" content="0;url=%s/meta"><a href="%s/app.js">x</a><a href="%s/go">x</a>`,
				other.URL, other.URL, strings.TrimPrefix(other.URL, "http://"), other.URL, other.URL, other.URL, other.URL, s.URL, s.URL)
		case "/robots.txt":
			fmt.Fprintf(w, "Sitemap: %s/sitemap.xml\nDisallow: //%s/robots\n", other.URL, strings.TrimPrefix(other.URL, "http://"))
		case "/sitemap.xml":
			w.Header().Set("Content-Type", "application/xml")
			fmt.Fprintf(w, "<urlset><url><loc>%s/mapped</loc></url></urlset>", other.URL)
		case "/app.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprintf(w, "fetch('%s/js')\n//# sourceMappingURL=%s/app.js.map", other.URL, other.URL)
		case "/openapi.json":
			fmt.Fprintf(w, `{"openapi":"3.0.0","info":{"title":"x","version":"1"},"servers":[{"url":"%s"}],"paths":{"/declared":{"get":{"responses":{}}}}}`, other.URL)
		default:
			http.Redirect(w, r, other.URL+"/redirect", http.StatusFound)
		}
	}))
	defer s.Close()
	live := quick(s.URL)
	live.Active = true
	live.Specifications = []checks.Specification{{Kind: "openapi", Path: "/openapi.json"}}
	run, _ := look(t, live, nil)
	if where := asked.Load(); where != nil {
		t.Errorf("another host was asked for %s", *where)
	}
	if run.Steps[0].Coverage.Read < 2 {
		show(t, run)
		t.Error("the target itself was hardly looked at")
	}
}

// What the application fetches for us is fetched by the application: the
// address that it is given is ours, and its answer leads nowhere.
func TestServerSideRequestForgery(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<a href="/preview?url=http://127.0.0.1/x">preview</a><a href="/kept?url=x">kept</a>`)
	})
	mux.HandleFunc("GET /preview", func(w http.ResponseWriter, r *http.Request) {
		resp, err := http.Get(r.FormValue("url"))
		if err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		_ = resp.Body.Close()
		fmt.Fprint(w, "fetched")
	})
	mux.HandleFunc("GET /kept", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "kept") })
	s := httptest.NewServer(mux)
	defer s.Close()
	live := quick(s.URL)
	live.Callback, live.RequestMS = "127.0.0.1:0", 5000
	run, _ := look(t, live, nil)
	got := found(run)
	if _, ok := got["web-ssrf /preview GET query:url"]; !ok {
		show(t, run)
		t.Error("not found")
	}
	for k := range got {
		if strings.HasPrefix(k, "web-ssrf /kept") {
			t.Error("found where nothing is fetched")
		}
	}
}
