package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxFlight is how much of an answer is read: a ServerHello has some hundred
// bytes, a certificate chain some thousand.
const maxFlight = 64 << 10

// maxRecord is the largest record that RFC 5246, section 6.2.3, allows.
const maxRecord = 1<<14 + 2048

// An alert is one that ends the handshake (RFC 8446, section 6).
type alert byte

// The alerts that are an answer: these suites, this version, no.
const (
	handshakeFailure     alert = 40
	illegalParameter     alert = 47
	protocolVersion      alert = 70
	insufficientSecurity alert = 71
)

// internalError says that something went wrong, not what.
const internalError alert = 80

func (a alert) Error() string { return fmt.Sprintf("alert %d", byte(a)) }

func (a alert) refusal() bool {
	return a == handshakeFailure || a == illegalParameter || a == protocolVersion || a == insufficientSecurity
}

// serverHello is what the server chose.
type serverHello struct {
	version     Version
	suite       Suite
	compression byte
	extensions  map[uint16][]byte
}

var (
	errNotTLS  = errors.New("the answer is not TLS")
	errClosed  = errors.New("the connection was closed without an alert")
	errEndless = errors.New("the answer has no end")
)

// readServerHello reads records until the first handshake message is whole.
func readServerHello(r io.Reader) (serverHello, error) {
	r = io.LimitReader(r, maxFlight)
	var flight []byte
	for {
		if n, ok := messageLength(flight); ok {
			if flight[0] != 2 {
				return serverHello{}, errNotTLS
			}
			if n > maxFlight-4 {
				return serverHello{}, errEndless
			}
			if len(flight) >= 4+n {
				return parseServerHello(flight[4 : 4+n])
			}
		}
		kind, data, err := readRecord(r)
		if err != nil {
			return serverHello{}, err
		}
		switch {
		case kind == 22:
			flight = append(flight, data...)
		case kind == 21 && len(data) == 2 && data[0] == 1:
			// A warning, as of a name that is not known: the hello follows.
		case kind == 21 && len(data) == 2:
			return serverHello{}, alert(data[1])
		default:
			return serverHello{}, errNotTLS
		}
	}
}

func messageLength(b []byte) (int, bool) {
	if len(b) < 4 {
		return 0, false
	}
	return int(b[1])<<16 | int(b[2])<<8 | int(b[3]), true
}

func readRecord(r io.Reader) (kind byte, data []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, ended(r, err)
	}
	n := int(binary.BigEndian.Uint16(head[3:]))
	if head[1] != 3 || n > maxRecord {
		return 0, nil, errNotTLS
	}
	data = make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return 0, nil, ended(r, err)
	}
	return head[0], data, nil
}

// ended tells the end of what is read from the end of what was sent.
func ended(r io.Reader, err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if l, ok := r.(*io.LimitedReader); ok && l.N == 0 {
		return errEndless
	}
	return errClosed
}

// parseServerHello reads the body of a ServerHello (RFC 5246, section 7.4.1.3).
// The version is the one of supported_versions where that is there (RFC 8446,
// section 4.2.1). A HelloRetryRequest is one too: it has chosen already.
func parseServerHello(b []byte) (serverHello, error) {
	c := cursor{rest: b}
	h := serverHello{version: Version(c.uint16())}
	c.take(32)
	c.take(int(c.uint8()))
	h.suite = Suite(c.uint16())
	h.compression = c.uint8()
	if !c.failed && len(c.rest) > 0 {
		h.extensions = c.extensions()
	}
	if c.failed || len(c.rest) > 0 {
		return serverHello{}, errNotTLS
	}
	if v, ok := h.extensions[extVersions]; ok {
		if len(v) != 2 {
			return serverHello{}, errNotTLS
		}
		h.version = Version(binary.BigEndian.Uint16(v))
	}
	return h, nil
}

// cursor reads a message from front to back; what is not there fails it.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) take(n int) []byte {
	if c.failed || n > len(c.rest) {
		c.failed = true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) uint8() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) extensions() map[uint16][]byte {
	in := cursor{rest: c.take(int(c.uint16()))}
	all := map[uint16][]byte{}
	for !c.failed && len(in.rest) > 0 {
		id := in.uint16()
		data := in.take(int(in.uint16()))
		if in.failed {
			c.failed = true
			return nil
		}
		all[id] = data
	}
	return all
}
