package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/hashicorp/yamux"
)

// Client is the inside: it asks a gate.
type Client struct{ s *yamux.Session }

// NewClient speaks over rw, which a Gate serves on its other side.
func NewClient(rw io.ReadWriteCloser) (*Client, error) {
	s, err := yamux.Client(rw, muxConfig())
	if err != nil {
		return nil, err
	}
	return &Client{s}, nil
}

// Dial opens a connection to "HOST:PORT". The error wraps ErrRefused when the
// gate does not allow it.
func (c *Client) Dial(ctx context.Context, address string) (net.Conn, error) {
	conn, _, err := c.ask(ctx, address)
	return conn, err
}

// ask opens a stream, says what it is for and gives the gate's word.
func (c *Client) ask(ctx context.Context, what string) (net.Conn, string, error) {
	stream, err := c.s.Open()
	if err != nil {
		return nil, "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.Close() })
	line, rest, err := c.say(stream, what)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = stream.Close()
		return nil, "", errors.Join(ctx.Err(), err)
	}
	return buffered{stream, rest}, line, nil
}

func (c *Client) say(stream net.Conn, what string) (string, io.Reader, error) {
	if _, err := io.WriteString(stream, what+"\n"); err != nil {
		return "", nil, err
	}
	line, rest, err := readLine(stream)
	switch {
	case err != nil:
		return "", nil, err
	case len(line) > 0 && line[0] == '+':
		return line[1:], rest, nil
	case len(line) > len(refusedMark) && line[:len(refusedMark)] == refusedMark:
		return "", nil, fmt.Errorf("%w%s", ErrRefused, line[len(refusedMark):])
	case len(line) > 0 && line[0] == '-':
		return "", nil, errors.New(line[1:])
	}
	return "", nil, errors.New("the gate said nothing")
}

var refusedMark = "-" + ErrRefused.Error()

// Listen has the gate listen where it may. Only one listener of a client gets
// connections.
func (c *Client) Listen(ctx context.Context) (net.Listener, error) {
	stream, where, err := c.ask(ctx, listen)
	if err != nil {
		return nil, err
	}
	addr, err := net.ResolveTCPAddr("tcp", where)
	if err != nil {
		_ = stream.Close()
		return nil, err
	}
	open, end := context.WithCancel(context.WithoutCancel(ctx))
	return listener{c.s, stream, addr, open, end}, nil
}

type listener struct {
	s    *yamux.Session
	hold net.Conn
	addr net.Addr
	open context.Context
	end  context.CancelFunc
}

// Accept implements net.Listener: after Close it gives net.ErrClosed.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.s.AcceptStreamWithContext(l.open)
	if err != nil {
		return nil, errors.Join(net.ErrClosed, err)
	}
	return c, nil
}

func (l listener) Close() error {
	l.end()
	return l.hold.Close()
}

func (l listener) Addr() net.Addr { return l.addr }

// Close ends all that was opened.
func (c *Client) Close() error { return c.s.Close() }
