package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// pipes gives the two ends of what connects a process with its gate.
type pipes struct {
	io.Reader
	io.WriteCloser
	r io.Closer
}

func (p pipes) Close() error { return errors.Join(p.WriteCloser.Close(), p.r.Close()) }

func open(t *testing.T, g *Gate) *Client {
	t.Helper()
	r1, w1, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- g.Run(ctx, pipes{r1, w2, r1}) }()
	c, err := NewClient(pipes{r2, w1, r2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

func client(c *Client) *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return c.Dial(ctx, address) },
	}}
}

func mustHost(t *testing.T, text string) Host {
	t.Helper()
	h, err := ParseHost(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOnlyTheListIsReached(t *testing.T) {
	var other sync.Map
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { other.Store(r.URL.Path, true) }))
	defer elsewhere.Close()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, elsewhere.URL+"/caught", http.StatusFound)
			return
		}
		fmt.Fprint(w, strings.Repeat("x", 1<<20))
	}))
	defer target.Close()
	g := &Gate{Allow: []Host{mustHost(t, target.Listener.Addr().String())}}
	c := client(open(t, g))
	resp, err := c.Get(target.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil || len(b) != 1<<20 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := c.Get(target.URL + "/away"); !errors.Is(err, ErrRefused) {
		t.Errorf("a redirect led to %v", err)
	}
	for _, url := range []string{elsewhere.URL, "http://169.254.169.254/latest", "http://127.0.0.1:1/", "http://localhost:22/"} {
		if _, err := c.Get(url); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", url, err)
		}
	}
	other.Range(func(k, _ any) bool { t.Errorf("elsewhere was asked for %v", k); return true })
	if g.Reached() == 0 || g.Refused() < 5 {
		t.Errorf("%d reached, %d refused", g.Reached(), g.Refused())
	}
}

// A name is what it was at first, and never this machine or its link.
func TestNamesAreResolvedOnce(t *testing.T) {
	answers := []string{"192.0.2.7", "127.0.0.1"}
	var asked int
	g := &Gate{
		Allow: []Host{{"app.example.org", 80}, {"rebound.example.org", 80}, {"localhost", 80}},
		Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			if name == "localhost" {
				return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
			}
			if name == "rebound.example.org" {
				return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("::")}, nil
			}
			a := answers[min(asked, 1)]
			asked++
			return []netip.Addr{netip.MustParseAddr(a)}, nil
		},
	}
	var mu sync.Mutex
	var went []string
	g.Connect = func(_ context.Context, address string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		went = append(went, address)
		return nil, errors.New("nobody there")
	}
	c := open(t, g)
	for range 3 {
		if _, err := c.Dial(t.Context(), "App.example.org.:80"); err == nil || errors.Is(err, ErrRefused) {
			t.Errorf("%v", err)
		}
	}
	for _, name := range []string{"rebound.example.org:80", "localhost:80"} {
		if _, err := c.Dial(t.Context(), name); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked != 1 || strings.Join(went, " ") != "192.0.2.7:80 192.0.2.7:80 192.0.2.7:80" {
		t.Errorf("asked %d times, went to %v", asked, went)
	}
}

func TestLinesThatAreNoHost(t *testing.T) {
	g := &Gate{Allow: []Host{{"app.example.org", 80}}, Connect: func(context.Context, string) (net.Conn, error) {
		t.Error("connected")
		return nil, errors.New("no")
	}}
	c := open(t, g)
	for _, line := range []string{"", "app.example.org", "app.example.org:0", "app.example.org:99999", "a b:80", "app.example.org:80\r", "[::1", strings.Repeat("a", 300) + ":80", "app.example.org@evil:80", "listen"} {
		if _, err := c.Dial(t.Context(), line); err == nil {
			t.Errorf("%q was dialled", line)
		}
	}
}

func TestBounds(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	g := &Gate{Allow: []Host{mustHost(t, endless.Listener.Addr().String())}, Bytes: 8 << 20, Connections: 3, Open: 2}
	c := open(t, g)
	resp, err := client(c).Get(endless.URL)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil || n > 9<<20 {
		t.Errorf("%d bytes came, %v", n, err)
	}
	_ = resp.Body.Close()
	deadline := time.After(5 * time.Second)
	for g.open.Load() > 0 {
		select {
		case <-deadline:
			t.Fatal("the connection is still open")
		case <-time.After(time.Millisecond):
		}
	}
	address := endless.Listener.Addr().String()
	for range 2 {
		if _, err := c.Dial(t.Context(), address); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Dial(t.Context(), address); err == nil {
		t.Error("a third was open")
	}
}

func TestCallback(t *testing.T) {
	c := open(t, &Gate{Callback: "127.0.0.1:0"})
	l, err := c.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan string, 1)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { called <- r.URL.Path; fmt.Fprint(w, "yes") }), ReadHeaderTimeout: time.Second}
	go s.Serve(l)
	defer s.Close()
	resp, err := http.Get("http://" + l.Addr().String() + "/token")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if got := <-called; got != "/token" || string(b) != "yes" || err != nil {
		t.Errorf("%q, %q, %v", got, b, err)
	}
	if _, err := open(t, &Gate{}).Listen(t.Context()); err == nil {
		t.Error("a gate listens that was given no address")
	}
}

func TestServedHosts(t *testing.T) {
	g := &Gate{Serve: map[string]func(net.Conn){"canary.invalid": func(c net.Conn) {
		defer c.Close()
		buf := make([]byte, 64)
		n, _ := c.Read(buf)
		_, _ = c.Write(append([]byte("echo "), buf[:n]...))
	}}}
	conn, err := open(t, g).Dial(t.Context(), "canary.invalid:80")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if string(b) != "echo hello" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if g.Reached() != 0 {
		t.Error("a canary counts as the target")
	}
}

func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"a:1", "[::1]:80", "127.0.0.1:443", "A.b.:9", "[::ffff:127.0.0.1]:80", "[fe80::1%eth0]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHost(s)
		if err != nil {
			return
		}
		again, err := ParseHost(h.String())
		if err != nil || again != h {
			t.Errorf("%q is %v, and that is %v, %v", s, h, again, err)
		}
	})
}
