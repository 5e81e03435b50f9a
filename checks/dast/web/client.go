package web

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Why there is no answer.
var (
	// ErrBudget says that the requests allowed have been sent.
	ErrBudget = errors.New("the budget of requests is used up")
	// ErrGone says that the target has stopped answering: nothing more is sent.
	ErrGone = errors.New("the target has stopped answering")
	// ErrUntrusted says that credentials were not sent to a host that did not
	// prove who it is.
	ErrUntrusted = errors.New("credentials are not sent: the certificate of the target is not trusted")
)

// Bounds of one answer.
const (
	maxHeader = 256 << 10
	// maxBody is how much of a body is kept: the script of a large application.
	maxBody = 8 << 20
	// deadAfter is how many requests in a row may go without an answer.
	deadAfter = 12
	// hangAfter is the same for those that hung until their time was over.
	hangAfter = 6
)

// DefaultTimeout bounds one request and its answer.
const DefaultTimeout = 20 * time.Second

// Options are what a Client keeps to.
type Options struct {
	// Dial opens a connection to "HOST:PORT".
	Dial func(ctx context.Context, address string) (net.Conn, error)
	Now  func() time.Time
	// Requests is the budget, PerSecond the rate, Concurrency the bound of
	// requests on their way.
	Requests    int
	PerSecond   float64
	Concurrency int
	Timeout     time.Duration
	// Roots are the authorities of the target's certificate; Local says of a URL
	// that it is of this machine, to which credentials may go without one.
	Roots *x509.CertPool
	Local func(*url.URL) bool
}

// Client sends requests. It is safe for concurrent use.
type Client struct {
	o         Options
	transport *http.Transport
	limit     *rate.Limiter
	slots     chan struct{}
	sent      atomic.Int64
	received  atomic.Int64
	silent    atomic.Int64
	hung      atomic.Int64
	gone      atomic.Bool
	untrusted atomic.Bool

	mu       sync.Mutex
	sessions map[string]*Session
	// renewing is held while an identity is logged in again, quiet while somebody
	// wants to be alone.
	renewing, quiet sync.Mutex
}

// Session is what an identity sends along.
type Session struct {
	// Header is added to each request; Jar holds its cookies, nil for none.
	Header http.Header
	Jar    http.CookieJar
	// Shown are the headers as a replay has them, with variables of the shell
	// where a credential is: `Authorization: Bearer $TOKEN_A`.
	Shown []string
	// Until is when the credentials end, zero when nobody said; from then on
	// Renew brings the session that takes this one's place.
	Until time.Time
	Renew func(ctx context.Context) (*Session, error)
}

// NewClient makes a client.
func NewClient(o Options) *Client {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	c := &Client{o: o, sessions: map[string]*Session{}, slots: make(chan struct{}, max(1, o.Concurrency))}
	every := rate.Inf
	if o.PerSecond > 0 {
		every = rate.Limit(o.PerSecond)
	}
	c.limit = rate.NewLimiter(every, 1)
	c.transport = &http.Transport{
		DialContext:     func(ctx context.Context, _, address string) (net.Conn, error) { return o.Dial(ctx, address) },
		TLSClientConfig: c.tls(), DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost: max(1, o.Concurrency), IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout,
	}
	return c
}

// tls takes any certificate, because the target is what is judged, and
// remembers one that nobody vouches for.
func (c *Client) tls() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS10,
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				c.untrusted.Store(true)
				return nil
			}
			between := x509.NewCertPool()
			for _, cert := range s.PeerCertificates[1:] {
				between.AddCert(cert)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{
				DNSName: s.ServerName, Roots: c.o.Roots, Intermediates: between, CurrentTime: c.o.Now(),
			})
			if err != nil {
				c.untrusted.Store(true)
			}
			return nil
		},
	}
}

// SetSession says what an identity sends along from now on; nil forgets it.
func (c *Client) SetSession(name string, s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[name] = s
}

// Session gives what an identity sends along, nil for nobody.
func (c *Client) Session(name string) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[name]
}

// Sent is how many requests were sent, Left how many the budget still has,
// Received how many bytes of bodies came.
func (c *Client) Sent() int       { return int(c.sent.Load()) }
func (c *Client) Left() int       { return max(0, c.o.Requests-c.Sent()) }
func (c *Client) Received() int64 { return c.received.Load() }

// Gone says that the target has stopped answering.
func (c *Client) Gone() bool { return c.gone.Load() }

// Trusted says that every host which was asked over TLS has proved who it is.
func (c *Client) Trusted() bool { return !c.untrusted.Load() }

// Close lets connections go.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// lost is a session that has ended and could not be renewed. Nothing that is
// asked after it would be asked as who it should be, so the target is gone.
type lost struct{ err error }

func (l lost) Error() string        { return l.err.Error() }
func (l lost) Unwrap() error        { return l.err }
func (l lost) Is(target error) bool { return target == ErrGone }

// renew logs an identity in again whose session is at its end.
func (c *Client) renew(ctx context.Context, name string) error {
	due := func(s *Session) bool {
		return s != nil && s.Renew != nil && !s.Until.IsZero() && !c.o.Now().Before(s.Until)
	}
	if !due(c.Session(name)) {
		return nil
	}
	c.renewing.Lock()
	defer c.renewing.Unlock()
	s := c.Session(name)
	if !due(s) {
		return nil // somebody else did it meanwhile
	}
	fresh, err := s.Renew(ctx)
	if err != nil {
		return lost{err}
	}
	c.SetSession(name, fresh)
	return nil
}

// Do implements Doer.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	if err := c.renew(ctx, r.As); err != nil {
		return Response{}, err
	}
	give, err := c.turn(ctx)
	if err != nil {
		return Response{}, err
	}
	defer give()
	within, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	began := c.o.Now()
	resp, err := c.roundTrip(within, r)
	resp.Elapsed = c.o.Now().Sub(began)
	if ctx.Err() != nil {
		return resp, ctx.Err()
	}
	c.note(err, within.Err() != nil)
	return resp, err
}

type aloneKey struct{}

// Alone runs do when no other request is on its way, and lets none begin until it
// has ended: what takes longer then is longer for its own sake. Requests within
// take the context that do is given.
func (c *Client) Alone(ctx context.Context, do func(ctx context.Context) error) error {
	c.quiet.Lock()
	defer c.quiet.Unlock()
	for range cap(c.slots) {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return do(context.WithValue(ctx, aloneKey{}, true))
}

// take waits for a slot, and gives what gives it back.
func (c *Client) take(ctx context.Context) (func(), error) {
	if ctx.Value(aloneKey{}) != nil {
		return func() {}, nil
	}
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// turn waits for a slot and the rate, and takes a request from the budget.
func (c *Client) turn(ctx context.Context) (give func(), err error) {
	if c.gone.Load() {
		return nil, ErrGone
	}
	if give, err = c.take(ctx); err != nil {
		return nil, err
	}
	if err := c.limit.Wait(ctx); err != nil {
		give()
		return nil, errors.Join(ctx.Err(), err)
	}
	if n := c.sent.Add(1); c.o.Requests > 0 && n > int64(c.o.Requests) {
		c.sent.Add(-1)
		give()
		return nil, ErrBudget
	}
	return give, nil
}

// note counts requests without an answer, until the target counts as gone. A
// refusal of the credentials or of the gate is not its silence.
func (c *Client) note(err error, hung bool) {
	if err == nil || errors.Is(err, ErrUntrusted) {
		c.silent.Store(0)
		c.hung.Store(0)
		return
	}
	if hung && c.hung.Add(1) >= hangAfter || c.silent.Add(1) >= deadAfter {
		c.gone.Store(true)
	}
}

func (c *Client) roundTrip(ctx context.Context, r Request) (Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), bytes.NewReader(r.Body))
	if err != nil {
		return Response{}, err
	}
	req.URL = r.URL
	for name, values := range r.Header {
		req.Header[name] = append([]string(nil), values...)
	}
	if h := r.Header.Get("Host"); h != "" {
		req.Host = h
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "vitalsign-dast")
	}
	s := c.Session(r.As)
	if r.As != "" && s == nil {
		return Response{}, fmt.Errorf("nobody is logged in as %s", r.As)
	}
	if err := c.let(req, s); err != nil {
		return Response{}, err
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return Response{}, err
	}
	defer resp.Body.Close()
	if s != nil && s.Jar != nil {
		s.Jar.SetCookies(r.URL, resp.Cookies())
	}
	out := Response{Status: resp.StatusCode, Proto: resp.Proto, Header: resp.Header, TLS: resp.TLS}
	out.Body, out.Truncated, err = c.body(resp)
	return out, err
}

// let adds the session to a request, to a host that has proved who it is.
func (c *Client) let(req *http.Request, s *Session) error {
	if s == nil {
		return nil
	}
	if (c.o.Local == nil || !c.o.Local(req.URL)) && (req.URL.Scheme != "https" || c.untrusted.Load()) {
		return ErrUntrusted
	}
	for name, values := range s.Header {
		req.Header[name] = values
	}
	if s.Jar != nil {
		for _, k := range s.Jar.Cookies(req.URL) {
			req.AddCookie(k)
		}
	}
	return nil
}

// body reads to the end or the limit, decoded. A stream that ends in the
// middle is what there is of it; one that is not what it says is an error only
// where nothing could be read.
func (c *Client) body(resp *http.Response) ([]byte, bool, error) {
	var from io.Reader = io.LimitReader(resp.Body, maxBody+1)
	switch strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))) {
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, false, fmt.Errorf("the answer says gzip and is not: %w", err)
		}
		from = z
	case "deflate":
		from = flate.NewReader(from)
	}
	b, err := io.ReadAll(io.LimitReader(from, maxBody+1))
	c.received.Add(int64(len(b)))
	if len(b) > maxBody {
		return b[:maxBody], true, nil
	}
	if err != nil && len(b) > 0 {
		return b, true, nil
	}
	return b, false, err
}
