// Package web is how dast speaks HTTP: requests within a budget, answers that
// are bounded in time and size whatever the server does, and what of both may
// be shown.
//
// Nothing here opens a connection: the dialer comes from outside, and only
// that decides which hosts are ever reached.
package web

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"time"
)

// Request is one to be sent. The zero values of Header and Body are none.
type Request struct {
	Method string
	// URL is absolute; it is sent as it is, without normalisation.
	URL    *url.URL
	Header http.Header
	Body   []byte
	// As names the identity whose credentials go along; "" is nobody.
	As string
	// Foreign are values within the request that came from an answer of the
	// target (ids, tokens). They are never shown: a replay has variables there.
	Foreign []string
}

// Response is an answer, read to its end or to a limit.
type Response struct {
	Status int
	Proto  string
	Header http.Header
	// Body is decoded (gzip, deflate) and at most the limit long; Truncated
	// says that there was more.
	Body      []byte
	Truncated bool
	// Elapsed is from the first byte sent to the last one read.
	Elapsed time.Duration
	// TLS is nil over plain HTTP.
	TLS *tls.ConnectionState
}

// Doer sends requests. An error says that there is no answer: the target is
// not there, hung, or broke the protocol. It never follows a redirect.
type Doer interface {
	Do(ctx context.Context, r Request) (Response, error)
}

// An Exchange is a request with its answer.
type Exchange struct {
	Request  Request
	Response Response
	// Note says in a few words why it was sent: "without credentials".
	Note string
}
