package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func newClient(t *testing.T, change func(*Options)) *Client {
	t.Helper()
	var d net.Dialer
	o := Options{
		Dial: func(ctx context.Context, a string) (net.Conn, error) { return d.DialContext(ctx, "tcp", a) },
		Now:  time.Now, Requests: 1000, Concurrency: 4, Timeout: 5 * time.Second, Local: func(*url.URL) bool { return true },
	}
	if change != nil {
		change(&o)
	}
	c := NewClient(o)
	t.Cleanup(c.Close)
	return c
}

func get(t *testing.T, address string) Request {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return Request{Method: http.MethodGet, URL: u}
}

// What a shell makes of a replay is the request, with variables where nobody
// may see a value.
func TestCurlInAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	c := newClient(t, nil)
	c.SetSession("nurse", &Session{Header: http.Header{"Authorization": {"Bearer s3cret-token"}}, Shown: []string{"Authorization: Bearer $TOKEN_NURSE"}})
	r := get(t, "http://127.0.0.1:1/patients/4711-mrn?q=%27%22%24%28id%29%60id%60%5C&x=1")
	r.Method, r.As, r.Foreign = http.MethodPost, "nurse", []string{"4711-mrn"}
	r.Header = http.Header{"X-Odd": {"a \"quoted\" $HOME `id` \\ value"}}
	r.Body = []byte("line one\nline two: ' \" $HOME `id` \\ \x01 end")
	command := c.Curl(r)
	if strings.Contains(command, "s3cret") || strings.Contains(command, "4711-mrn") {
		t.Fatalf("a value shows: %s", command)
	}
	script := "curl() { for a in \"$@\"; do printf '%s\\0' \"$a\"; done; }\nTOKEN_NURSE=mine\nVALUE_1=42\n" + command
	out, err := exec.Command(sh, "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	want := []string{"-sS", "-i", "--path-as-is", "-X", "POST", "-H", "X-Odd: a \"quoted\" $HOME `id` \\ value", "-H", "Authorization: Bearer mine",
		"--data-binary", string(r.Body), "http://127.0.0.1:1/patients/42?q=%27%22%24%28id%29%60id%60%5C&x=1"}
	if strings.Join(got, "\x00") != strings.Join(want, "\x00") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// An exchange shows neither credentials, nor cookies, nor what was answered.
func TestShow(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "cookie-value", HttpOnly: true})
		w.Header().Set("X-Patient", "Alpha HTEST")
		w.Header().Set("Server", "clinic/1")
		_, _ = w.Write([]byte("diagnosis of Alpha HTEST"))
	}))
	defer s.Close()
	c := newClient(t, nil)
	c.SetSession("nurse", &Session{Header: http.Header{"Authorization": {"Bearer s3cret-token"}}, Shown: []string{"Authorization: Bearer $TOKEN_NURSE"}})
	r := get(t, s.URL+"/patients/4711-mrn")
	r.As, r.Foreign = "nurse", []string{"4711-mrn"}
	resp, err := c.Do(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	e := c.Show(Exchange{Request: r, Response: resp, Note: "as usual"})
	all := e.Request + e.Response
	for _, never := range []string{"s3cret", "4711", "cookie-value", "HTEST", "diagnosis"} {
		if strings.Contains(all, never) {
			t.Errorf("%q shows in\n%s", never, all)
		}
	}
	for _, there := range []string{"$TOKEN_NURSE", "$VALUE_1", "sid=[redacted]", "HttpOnly", "200 OK", "X-Patient", "24 bytes"} {
		if !strings.Contains(all, there) {
			t.Errorf("%q is not in\n%s", there, all)
		}
	}
}

func TestBudgetAndConcurrency(t *testing.T) {
	var now, most, n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n.Add(1)
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(2 * time.Millisecond)
		now.Add(-1)
	}))
	defer s.Close()
	c := newClient(t, func(o *Options) { o.Requests, o.Concurrency = 50, 3 })
	var over atomic.Int64
	var wg sync.WaitGroup
	for range 80 {
		wg.Go(func() {
			if _, err := c.Do(t.Context(), get(t, s.URL)); errors.Is(err, ErrBudget) {
				over.Add(1)
			}
		})
	}
	wg.Wait()
	if n.Load() != 50 || over.Load() != 30 || most.Load() > 3 || c.Left() != 0 {
		t.Errorf("%d sent, %d refused, %d at once", n.Load(), over.Load(), most.Load())
	}
}

// While somebody is alone, nobody else sends.
func TestAlone(t *testing.T) {
	var alone, disturbed atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if alone.Load() && r.URL.Path != "/alone" {
			disturbed.Store(true)
		}
	}))
	defer s.Close()
	c := newClient(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, _ = c.Do(ctx, get(t, s.URL+"/other"))
			}
		})
	}
	for range 20 {
		err := c.Alone(t.Context(), func(ctx context.Context) error {
			alone.Store(true)
			defer alone.Store(false)
			for range 3 {
				if _, err := c.Do(ctx, get(t, s.URL+"/alone")); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && c.Left() > 0 {
			t.Fatal(err)
		}
	}
	cancel()
	wg.Wait()
	if disturbed.Load() {
		t.Error("somebody else sent")
	}
}

// Credentials go over plain HTTP to this machine only.
func TestCredentialsStayHere(t *testing.T) {
	var got atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			got.Add(1)
		}
	}))
	defer s.Close()
	c := newClient(t, func(o *Options) { o.Local = func(u *url.URL) bool { return u.Path == "/here" } })
	c.SetSession("nurse", &Session{Header: http.Header{"Authorization": {"Bearer x"}}})
	for path, want := range map[string]error{"/here": nil, "/elsewhere": ErrUntrusted} {
		r := get(t, s.URL+path)
		r.As = "nurse"
		if _, err := c.Do(t.Context(), r); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got.Load() != 1 {
		t.Errorf("credentials came %d times", got.Load())
	}
}
