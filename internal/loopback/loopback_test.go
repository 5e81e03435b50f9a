package loopback

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:5000": true, "127.0.0.1": true, "127.3.2.1:80": true, "::1": true, "[::1]": true, "[::1]:5000": true,
		"": false, "10.0.0.1:5000": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "0.0.0.0": false, "example.com": false,
	} {
		if Host(host) != want {
			t.Errorf("Host(%q) is %v", host, !want)
		}
	}
}

func TestTransport(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://registry.example/", http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 100)) // the reader may have gone
	}))
	defer s.Close()
	get := func(most int64, url string) (string, error) {
		resp, err := (&http.Client{Transport: Transport(nil, most)}).Get(url)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close() // read only
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	if b, err := get(100, s.URL); err != nil || len(b) != 100 {
		t.Errorf("an answer within bounds: %d bytes, %v", len(b), err)
	}
	if _, err := get(99, s.URL); err == nil || !strings.Contains(err.Error(), "more than was agreed") {
		t.Errorf("an answer that is too long: %v", err)
	}
	for _, url := range []string{"http://10.0.0.1/", s.URL + "/away"} {
		if _, err := get(100, url); err == nil || !strings.Contains(err.Error(), "is refused") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
