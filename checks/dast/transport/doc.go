// Package transport finds out what a TLS endpoint accepts, and judges it.
//
// It speaks the handshake's first flight itself (RFC 5246, section 7.4.1; RFC
// 8446, section 4.1; RFC 6101 for SSL 3.0): no library that is safe to use
// still offers SSL 3.0, export, NULL or anonymous suites, and a server can only
// be asked about what is offered to it. No such handshake is ever completed.
// The certificates come from a handshake of crypto/tls, which verifies nothing;
// verification is [Judge]'s.
//
// Nothing here opens a connection but through the [Dialer] that is handed in.
package transport

import (
	"context"
	"net"
	"time"
)

// Dialer opens a connection to the endpoint; it decides which one that is.
type Dialer func(ctx context.Context) (net.Conn, error)

// Version is a protocol version as it is on the wire (RFC 8446, section 4.2.1).
type Version uint16

// The versions that are asked for.
const (
	SSL30 Version = 0x0300
	TLS10 Version = 0x0301
	TLS11 Version = 0x0302
	TLS12 Version = 0x0303
	TLS13 Version = 0x0304
)

// String gives the version's usual name, or "" of an unknown one.
func (v Version) String() string {
	switch v {
	case SSL30:
		return "SSL 3.0"
	case TLS10:
		return "TLS 1.0"
	case TLS11:
		return "TLS 1.1"
	case TLS12:
		return "TLS 1.2"
	case TLS13:
		return "TLS 1.3"
	default:
		return ""
	}
}

// Answer is what is known of a question. The zero value is Unknown, which is
// never to be read as No.
type Answer int

// The answers.
const (
	Unknown Answer = iota
	No
	Yes
)

// String gives yes, no or unknown.
func (a Answer) String() string { return [...]string{"unknown", "no", "yes"}[a] }

// Support is what is known of one version.
type Support struct {
	Version  Version
	Accepted Answer
	// Reason says why Accepted is not Yes.
	Reason string
	// Suites are the accepted ones in the order in which the server chose them.
	Suites []Suite
	// Complete says that the server refused all the others.
	Complete bool
	// ServerOrder says that the server's preference decides, not the client's;
	// Unknown with fewer than two suites.
	ServerOrder Answer
	// Compression says that the server chose DEFLATE (RFC 3749) over none.
	Compression Answer
	// Renegotiation says that the server indicates secure renegotiation (RFC
	// 5746, section 3.6), MasterSecret that it binds the master secret to the
	// session (RFC 7627). Both are always Unknown for TLS 1.3, which has neither.
	Renegotiation, MasterSecret Answer
}

// Offer is what an endpoint accepts.
type Offer struct {
	// Versions has one entry for each version, newest first.
	Versions []Support
	// Chain holds the certificates in DER as the server sent them, its own first.
	Chain [][]byte
	// Complete says that every question was answered. An offer that is not
	// complete proves what was found, and nothing about the rest.
	Complete bool
	// Reasons says why it is not complete, one sentence each.
	Reasons []string
	// Handshakes counts the connections that were opened.
	Handshakes int
	// ServerName is the name that was asked for (RFC 6066, section 3).
	ServerName string
}

// Options bound a probe. Zero values are the defaults.
type Options struct {
	// Handshakes is the largest number of connections, 120 by default.
	Handshakes int
	// Timeout is for one handshake, 10 seconds by default.
	Timeout time.Duration
}

func (o Options) handshakes() int {
	if o.Handshakes <= 0 {
		return 120
	}
	return o.Handshakes
}

func (o Options) timeout() time.Duration {
	if o.Timeout <= 0 {
		return 10 * time.Second
	}
	return o.Timeout
}
