package forge

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// authorized adds the token to what goes to one place, and to nothing else.
type authorized struct {
	base  http.RoundTripper
	place *url.URL
	token string
}

var _ http.RoundTripper = (*authorized)(nil)

func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Del("Authorization")
	if a.token != "" && r.URL.Scheme == a.place.Scheme && strings.EqualFold(r.URL.Host, a.place.Host) {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	return a.base.RoundTrip(r)
}

// whole hands on an answer that is there to its last byte: one that breaks off
// is an error here, where it can still be asked for again.
type whole struct {
	base  http.RoundTripper
	most  int64
	limit time.Duration
	slots chan struct{}
}

var (
	_            http.RoundTripper = (*whole)(nil)
	errTooLarge                    = errors.New("it answered with more than was agreed")
	errNoAnswer                    = errors.New("no whole answer came in time")
	errBrokenOff                   = errors.New("the answer broke off")
)

func (w *whole) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), w.limit, errNoAnswer)
	defer cancel()
	resp, err := w.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, w.reason(r, ctx, err)
	}
	defer resp.Body.Close() // read to its end, or given up
	body, err := io.ReadAll(io.LimitReader(resp.Body, w.most+1))
	switch {
	case err != nil:
		return nil, w.reason(r, ctx, fmt.Errorf("%w: %w", errBrokenOff, err))
	case int64(len(body)) > w.most:
		return nil, errTooLarge
	}
	setBody(resp, body)
	return resp, nil
}

// reason prefers what this side decided over how the connection took it.
func (w *whole) reason(r *http.Request, ctx context.Context, err error) error {
	switch {
	case r.Context().Err() != nil:
		return r.Context().Err()
	case ctx.Err() != nil:
		return fmt.Errorf("%w (limit %s)", context.Cause(ctx), w.limit)
	}
	return err
}

func setBody(resp *http.Response, body []byte) {
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
}

// tries is how often something is asked for that fails for a reason that may
// pass: with a second, two and four between, that is a restart at the other end.
const tries = 4

// retried asks again after a server's own failure or a broken connection. All
// that is asked here is read only, so twice does no harm.
type retried struct {
	base     http.RoundTripper
	sleep    func(context.Context, time.Duration) error
	progress func(string)
}

var _ http.RoundTripper = (*retried)(nil)

func (t *retried) RoundTrip(r *http.Request) (*http.Response, error) {
	pause := time.Second
	for try := 1; ; try++ {
		resp, err := t.base.RoundTrip(r)
		why := passes(r, resp, err)
		if why == "" || try == tries {
			return resp, err
		}
		t.progress(fmt.Sprintf("%s: %s; asking again in %s", r.URL.Host, why, pause))
		if err := t.sleep(r.Context(), pause); err != nil {
			return nil, err
		}
		pause *= 2
	}
}

// passes says in words what may pass by itself, "" for nothing of the kind.
func passes(r *http.Request, resp *http.Response, err error) string {
	var certificate *tls.CertificateVerificationError
	switch {
	case r.Method != http.MethodGet, r.Context().Err() != nil:
		return ""
	case err == nil && resp.StatusCode >= http.StatusInternalServerError:
		return resp.Status
	case err == nil, errors.Is(err, errTooLarge), errors.As(err, &certificate):
		return ""
	}
	return err.Error()
}
