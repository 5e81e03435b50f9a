package osvdb

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// osvServer answers for /Go/all.zip and /crates.io/all.zip as a test sets it.
type osvServer struct {
	*httptest.Server
	answer map[string]http.HandlerFunc
	asked  []string
}

func newServer(t *testing.T) *osvServer {
	s := &osvServer{answer: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r.URL.Path+" "+r.Header.Get("If-None-Match"))
		if h := s.answer[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *osvServer) updater() Updater { return Updater{Client: s.Client(), URL: s.URL, Agent: "test"} }

// serve answers with a zip under an ETag, or 304.
func serve(b []byte, etag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(b) // a client that went away is its own business
	}
}

func TestUpdate(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	s.answer["/Go/all.zip"] = serve(zipOf(t, map[string]string{"1.json": record("GO-1", "Go/a")}), `"one"`)
	s.answer["/crates.io/all.zip"] = serve(zipOf(t, map[string]string{"1.json": record("R-1", "crates.io/a")}), `"x"`)
	var last Progress
	u := s.updater()
	u.Progress = func(p Progress) { last = p }
	done, err := u.Update(t.Context(), dir, []string{"Go", "crates.io"}, testNow())
	if err != nil || len(done) != 2 || last.Done == 0 || last.Done != last.Total {
		t.Fatalf("%+v, %v, %+v", done, err, last)
	}
	if e := done[0].Ecosystem; !e.AsOf.Equal(testNow()) || e.AsOfIs != AsOfDownload || e.ETag != `"one"` {
		t.Errorf("%+v", e)
	}
	before, err := Status(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Nothing newer: only the date moves, and the digest of the data stays.
	later := testNow().AddDate(0, 0, 3)
	done, err = u.Update(t.Context(), dir, []string{"Go"}, later)
	if err != nil || !done[0].Unchanged || !done[0].Ecosystem.AsOf.Equal(later) || s.asked[len(s.asked)-1] != `/Go/all.zip "one"` {
		t.Errorf("%+v, %v, %q", done, err, s.asked)
	}
	after, err := Status(dir)
	if err != nil || after.Digest() != before.Digest() {
		t.Errorf("%v: digest %s, was %s", err, after.Digest(), before.Digest())
	}
	// A newer one replaces it.
	s.answer["/Go/all.zip"] = serve(zipOf(t, map[string]string{"1.json": record("GO-2", "Go/a")}), `"two"`)
	if _, err := u.Update(t.Context(), dir, []string{"Go"}, later); err != nil {
		t.Fatal(err)
	}
	if got, err := lookupAll(t, dir, "Go", "a"); err != nil || !slices.Equal(got, []string{"a GO-2"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// A failure keeps what was there, with its date, and is said.
func TestUpdateThatFails(t *testing.T) {
	good := zipOf(t, map[string]string{"1.json": record("GO-1", "Go/a")})
	for name, h := range map[string]http.HandlerFunc{
		"server error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"not a zip":    serve([]byte("<html>Sign in to the hospital's Wi-Fi</html>"), `"w"`),
		"cut":          serve(good[:len(good)-30], `"c"`),
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9999")
			_, _ = w.Write(good)
		},
		"another's":        serve(zipOf(t, map[string]string{"1.json": record("P-1", "PyPI/a")}), `"p"`),
		"malformed record": serve(zipOf(t, map[string]string{"1.json": "{}"}), `"m"`),
		"empty":            serve(zipOf(t, nil), `"e"`),
		"too large":        func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999999") },
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := newServer(t), t.TempDir()
			s.answer["/Go/all.zip"] = serve(good, `"one"`)
			if _, err := s.updater().Update(t.Context(), dir, []string{"Go"}, testNow()); err != nil {
				t.Fatal(err)
			}
			s.answer["/Go/all.zip"] = h
			s.answer["/npm/all.zip"] = serve(zipOf(t, map[string]string{"1.json": record("N-1", "npm/a")}), `"n"`)
			done, err := s.updater().Update(t.Context(), dir, []string{"Go", "npm"}, testNow().AddDate(0, 0, 1))
			if err == nil || !strings.HasPrefix(err.Error(), "Go: ") || done[0].Err == nil || !done[0].Ecosystem.AsOf.Equal(testNow()) || done[1].Err != nil {
				t.Errorf("%+v, %v", done, err)
			}
			if got, err := lookupAll(t, dir, "Go", "a"); err != nil || !slices.Equal(got, []string{"a GO-1"}) {
				t.Errorf("the old data: %q, %v", got, err)
			}
			if got, err := lookupAll(t, dir, "npm", "a"); err != nil || len(got) != 1 {
				t.Errorf("the one after it: %q, %v", got, err)
			}
		})
	}
}

// A 304 is only believed for data that is whole; damaged data is fetched anew.
func TestUpdateMendsDamagedData(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	s.answer["/Go/all.zip"] = serve(zipOf(t, map[string]string{"1.json": record("GO-1", "Go/a")}), `"one"`)
	if _, err := s.updater().Update(t.Context(), dir, []string{"Go"}, testNow()); err != nil {
		t.Fatal(err)
	}
	st, err := Status(dir)
	if err != nil {
		t.Fatal(err)
	}
	damage(t, dir, st.Ecosystems[0].File)
	done, err := s.updater().Update(t.Context(), dir, []string{"Go"}, testNow())
	if err != nil || done[0].Unchanged || Verify(dir, st) != nil {
		t.Errorf("%+v, %v", done, err)
	}
	// A server that says 304 without being asked is not believed either.
	s.answer["/npm/all.zip"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }
	if _, err := s.updater().Update(t.Context(), dir, []string{"npm"}, testNow()); err == nil {
		t.Error("304 for nothing was taken for data")
	}
}

func TestUpdateCancelled(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	s.answer["/Go/all.zip"] = func(http.ResponseWriter, *http.Request) { cancel() }
	if _, err := s.updater().Update(ctx, dir, []string{"Go", "npm"}, testNow()); !errors.Is(err, context.Canceled) || len(s.asked) != 1 {
		t.Errorf("%v, asked %q", err, s.asked)
	}
}
