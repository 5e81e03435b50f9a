// Package loopback holds that bytes leave this machine only under TLS: plain
// http is for servers on the machine itself. (go-containerregistry also tries
// plain http on addresses of private networks, RFC 1918: there a password
// would be readable for everybody on the wire.)
package loopback

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Host says whether a host, with a port or without, is this machine: an
// address of 127.0.0.0/8, ::1, or the name localhost (RFC 6761 section 6.3).
func Host(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Transport sends requests through base, http.DefaultTransport when it is nil.
// It refuses plain http to another machine, also where a redirect or a token
// service leads there, and fails an answer that goes on after most bytes.
func Transport(base http.RoundTripper, most int64) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{base, most}
}

type transport struct {
	base http.RoundTripper
	most int64
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !Host(r.URL.Host) {
		if r.Body != nil {
			_ = r.Body.Close() // RoundTrip owns it, and nothing was sent
		}
		return nil, fmt.Errorf("plain %s to %s is refused: it is not this machine", r.URL.Scheme, r.URL.Host)
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &body{resp.Body, t.most, r.URL.Host}
	return resp, nil
}

// body is an answer that may not be endless.
type body struct {
	io.ReadCloser
	left int64
	host string
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		_ = b.Close() // not every reader closes what failed, and the server would go on
		return 0, fmt.Errorf("%s answered with more than was agreed", b.host)
	}
	return n, err
}
