package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// Through gives what Gate.Proxy needs: connections by way of the proxies that
// proxyFor names for a URL (nil for none), with CONNECT (RFC 9110, 9.3.6) for
// whatever port. The proxy resolves names: what a name leads to there is not
// seen here. trust is for proxies over TLS, nil for the system's authorities.
func Through(proxyFor func(*url.URL) (*url.URL, error), trust *tls.Config) func(context.Context, Host) (net.Conn, bool, error) {
	return func(ctx context.Context, h Host) (net.Conn, bool, error) {
		proxy, err := proxyFor(&url.URL{Scheme: "https", Host: h.String()})
		if err != nil {
			return nil, true, fmt.Errorf("the proxy for %s: %w", h, err)
		}
		if proxy == nil {
			return nil, false, nil
		}
		c, err := connectBy(ctx, proxy, h, trust)
		if err != nil {
			return nil, true, fmt.Errorf("the proxy %s: %w", proxy.Host, err)
		}
		return c, true, nil
	}
}

func connectBy(ctx context.Context, proxy *url.URL, h Host, trust *tls.Config) (net.Conn, error) {
	port := proxy.Port()
	if port == "" {
		port = proxy.Scheme
	}
	address := net.JoinHostPort(proxy.Hostname(), port)
	var c net.Conn
	var err error
	switch proxy.Scheme {
	case "http":
		c, err = new(net.Dialer).DialContext(ctx, "tcp", address)
	case "https":
		c, err = (&tls.Dialer{Config: trust}).DialContext(ctx, "tcp", address)
	default:
		return nil, fmt.Errorf("a proxy of the kind %q is not known; http and https are", proxy.Scheme)
	}
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	r, err := ask(c, proxy, h)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return buffered{c, r}, nil
}

// ask has the proxy connect to the host.
func ask(c net.Conn, proxy *url.URL, h Host) (*bufio.Reader, error) {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: h.String()}, Host: h.String(), Header: http.Header{}}
	if proxy.User != nil {
		password, _ := proxy.User.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password)))
	}
	if err := req.Write(c); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(c, 4<<10)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers CONNECT %s with %s", h, resp.Status)
	}
	return r, nil
}
