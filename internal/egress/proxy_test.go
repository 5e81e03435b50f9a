package egress

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// A host of the list is reached by the proxy, and no other is even asked for.
func TestProxy(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the target") }))
	defer target.Close()
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.Host)
		user, password, ok := basic(r)
		if !ok || user != "u" || password != "p" {
			http.Error(w, "who?", http.StatusProxyAuthRequired)
			return
		}
		out, err := net.Dial("tcp", target.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		in, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		_, _ = io.Copy(in, out)
		_ = in.Close()
	}))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("u", "p")
	g := &Gate{Allow: []Host{{"app.example.org", 443}}, Proxy: Through(func(*url.URL) (*url.URL, error) { return u, nil }, nil)}
	c := client(open(t, g))
	resp, err := c.Get("http://app.example.org:443/")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if string(b) != "the target" || err != nil || len(asked) != 1 || asked[0] != "CONNECT app.example.org:443" {
		t.Errorf("%q, %v, asked %v", b, err, asked)
	}
	if _, err := c.Get("http://other.example.org:443/"); !errors.Is(err, ErrRefused) || len(asked) != 1 {
		t.Errorf("%v, asked %v", err, asked)
	}
	u.User = nil
	if _, err := client(open(t, g)).Get("http://app.example.org:443/"); err == nil {
		t.Error("a proxy that refuses was believed")
	}
}

func basic(r *http.Request) (string, string, bool) {
	r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
	return r.BasicAuth()
}
