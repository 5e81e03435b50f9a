package forge

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/forge/forgetest"
)

func TestParseURL(t *testing.T) {
	for in, want := range map[string][2]string{
		"":                                     {"https://api.github.com/", "https://github.com"},
		"https://api.clinic.ghe.com":           {"https://api.clinic.ghe.com/", "https://clinic.ghe.com"},
		"https://github.clinic.example/api/v3": {"https://github.clinic.example/api/v3/", "https://github.clinic.example"},
		"https://api.clinic.example/":          {"https://api.clinic.example/", "https://api.clinic.example"},
		"http://127.0.0.1:8080":                {"http://127.0.0.1:8080/", "http://127.0.0.1:8080"},
	} {
		u, err := ParseURL(in)
		if err != nil || u.String() != want[0] || Web(u).String() != want[1] {
			t.Errorf("%q: %v, %v", in, u, err)
		}
	}
	for _, bad := range []string{"http://github.clinic.example", "ftp://127.0.0.1", "github.com", "https://", "https://user:pass@github.com", "https://github.com/?a=b", "https://github.com/#a", "://"} {
		if u, err := ParseURL(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, u)
		} else if strings.Contains(err.Error(), "pass@") {
			t.Errorf("the password is in %v", err)
		}
	}
}

func TestBadToken(t *testing.T) {
	b := newBench()
	for _, token := range []string{"a\nb", "a b", "é"} {
		_, err := New(Options{Token: token, Now: b.now, Sleep: b.sleep})
		if err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// The token goes to the forge, and nowhere else: not to where a redirect leads.
func TestTokenStaysAtHome(t *testing.T) {
	elsewhere := forgetest.New(t)
	elsewhere.Orgs["acme"] = repos(1)
	s, b := forgetest.New(t), newBench()
	s.Orgs["new"] = []forgetest.Repo{{Name: "portal"}}
	for _, to := range []string{elsewhere.URL + "/orgs/acme/repos", strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/orgs/new/repos"} {
		s.Fault = func(int, *http.Request) *forgetest.Answer {
			a := forgetest.Failure(301, "Moved Permanently")
			a.Body.(map[string]any)["url"] = to
			a.Header = http.Header{"Location": {to}}
			return a
		}
		_, err := b.client(t, s, "secret-token").Repository(t.Context(), "acme/portal")
		if err == nil || !strings.Contains(err.Error(), "another place") {
			t.Errorf("a redirect to %s: %v", to, err)
		}
	}
	if seen := elsewhere.Seen(); len(seen) != 0 {
		t.Errorf("it was asked: %+v", seen)
	}
	s.Seen()
	s.Fault = func(n int, r *http.Request) *forgetest.Answer {
		if n > 1 {
			return nil
		}
		a := forgetest.Failure(301, "Moved Permanently")
		a.Body.(map[string]any)["url"] = s.URL
		a.Header = http.Header{"Location": {s.URL + "/repos/new/portal"}}
		return a
	}
	r, err := b.client(t, s, "secret-token").Repository(t.Context(), "old/portal")
	if err != nil || r.FullName != "new/portal" {
		t.Errorf("renamed: %+v, %v", r, err)
	}
	if seen := s.Seen(); len(seen) != 2 || seen[1].Token != "secret-token" {
		t.Errorf("renamed: %+v", seen)
	}
}

// The part of the chain that a redirect's check stands before.
func TestAuthorizedKnowsItsPlace(t *testing.T) {
	place, _ := ParseURL("https://github.clinic.example/api/v3")
	for url, want := range map[string]string{
		"https://github.clinic.example/x": "Bearer t", "https://GitHub.Clinic.Example/x": "Bearer t",
		"http://github.clinic.example/x": "", "https://github.clinic.example:8443/x": "", "https://clinic.example/x": "",
	} {
		r := httptest.NewRequest(http.MethodGet, url, nil)
		r.Header.Set("Authorization", "Bearer of-somebody-else")
		var got string
		a := &authorized{base: trip(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Authorization")
			return nil, errors.New("enough")
		}), place: place, token: "t"}
		_, _ = a.RoundTrip(r)
		if got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWholeAnswers(t *testing.T) {
	release := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(make([]byte, 2000))
		case "/slow":
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("short"))
		}
	})
	defer close(release)
	w := &whole{base: http.DefaultTransport, most: 1000, limit: 200 * time.Millisecond, slots: make(chan struct{}, 1)}
	for path, want := range map[string]error{"/large": errTooLarge, "/slow": errNoAnswer, "/cut": errBrokenOff, "/": nil} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if _, err := w.RoundTrip(r); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if _, err := w.RoundTrip(r); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A wait for a limit ends with the context.
func TestWaitIsCancelled(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Fault = func(int, *http.Request) *forgetest.Answer {
		return limited(429, map[string]string{"Retry-After": "60"})
	}
	ctx, cancel := context.WithCancel(t.Context())
	c, err := New(Options{BaseURL: s.URL, Now: b.now, Sleep: func(ctx context.Context, d time.Duration) error { cancel(); return ctx.Err() }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Account(ctx, "acme"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if n := len(s.Seen()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// A certificate that nobody vouches for is not asked about again.
func TestUnknownCertificate(t *testing.T) {
	asked := 0
	h := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer h.Close()
	b := newBench()
	c, err := New(Options{BaseURL: h.URL, Token: "t", Now: b.now, Sleep: b.sleep})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Account(t.Context(), "acme")
	if err == nil || !strings.Contains(err.Error(), "--ca-file") || asked != 0 || len(b.slept) != 0 {
		t.Errorf("%v, asked %d times, slept %v", err, asked, b.slept)
	}
}

// What to set depends on the host.
func TestTokenAdvice(t *testing.T) {
	b := newBench()
	for url, want := range map[string]string{"": "set GH_TOKEN", "https://api.clinic.ghe.com": "set GH_TOKEN", "https://github.clinic.example/api/v3": "set GH_ENTERPRISE_TOKEN"} {
		for _, token := range []string{"", "t"} {
			c, err := New(Options{BaseURL: url, Token: token, Now: b.now, Sleep: b.sleep})
			if err != nil {
				t.Fatal(err)
			}
			err = c.refused("x", &http.Response{StatusCode: 401, Header: http.Header{}}, "Bad credentials")
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "expired") != (token != "") {
				t.Errorf("%q, token %q: %v", url, token, err)
			}
		}
	}
}

// A cache that is damaged costs a request, not an answer.
func TestCacheThatFails(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Orgs["acme"] = repos(2)
	c := b.client(t, s, "t")
	for _, damage := range []func(){
		func() { b.cache.err = errors.New("disk full") },
		func() {
			b.cache.err = nil
			for k := range b.cache.kept {
				b.cache.kept[k] = []byte("{")
			}
		},
	} {
		damage()
		if l, err := c.Account(t.Context(), "acme"); err != nil || len(l.Repositories) != 2 {
			t.Errorf("%d, %v", len(l.Repositories), err)
		}
	}
	if !strings.Contains(strings.Join(b.said, "\n"), "disk full") {
		t.Errorf("nobody was told: %q", b.said)
	}
}

func TestFilter(t *testing.T) {
	plain := Repository{FullName: "Acme/Portal-API", Topics: []string{"phi", "go"}}
	for _, c := range []struct {
		f    Filter
		r    Repository
		want string
	}{
		{Filter{}, plain, ""},
		{Filter{}, Repository{FullName: "a/b", Archived: true}, "archived"},
		{Filter{Archived: true}, Repository{FullName: "a/b", Archived: true}, ""},
		{Filter{}, Repository{FullName: "a/b", Fork: true}, "a fork"},
		{Filter{Forks: true}, Repository{FullName: "a/b", Fork: true}, ""},
		{Filter{Topics: []string{"x", "PHI"}}, plain, ""},
		{Filter{Topics: []string{"x"}}, plain, "none of the topics"},
		{Filter{Match: []string{"portal-*"}}, plain, ""},
		{Filter{Match: []string{"acme/*"}}, plain, ""},
		{Filter{Match: []string{"acme"}}, plain, "not matched"},
		{Filter{Exclude: []string{"*-api"}}, plain, "excluded"},
		{Filter{Match: []string{"*"}, Exclude: []string{"other/*"}}, plain, ""},
	} {
		if got := c.f.Leaves(c.r); got != c.want {
			t.Errorf("%+v, %s: %q, want %q", c.f, c.r.FullName, got, c.want)
		}
	}
	for _, bad := range []string{"[", "", "a[b"} {
		if (Filter{Match: []string{bad}}).Check() == nil || (Filter{Exclude: []string{bad}}).Check() == nil {
			t.Errorf("glob %q is taken", bad)
		}
	}
}
